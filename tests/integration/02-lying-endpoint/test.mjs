// The endpoint that lies does so well: its forgeries agree with themselves, only the key is wrong.
import { ethers } from "../../testbed/chain.mjs";
import { copyState, headerHash, proofAnswer } from "../../testbed/forge.mjs";
import { test } from "../claims.mjs";

const { id, keccak256 } = ethers;

// A contract that stores 40 words and returns no code of use.
function storing(words) {
  const push32 = (hex) => `7f${hex.slice(2)}`;
  return `0x${words.map(([slot, value]) => `${push32(value)}${push32(slot)}55`).join("")}60016000f3`;
}

test(async (stage, claims) => {
  const { chain } = stage;
  await chain.start();
  const words = Array.from({ length: 40 }, (_, i) => [id(`slot ${i}`), id(`value ${i}`)]);
  const hash = await chain.rpc("eth_sendTransaction", [{ from: chain.funder, data: storing(words), gas: "0x1000000" }]);
  await chain.rpc("anvil_mine", ["0x3"]);
  const { contractAddress: contract } = await chain.rpc("eth_getTransactionReceipt", [hash]);
  const [slot, real] = words[3];
  const false_ = id("false");

  const call = (method, params) => chain.rpc(method, params);
  await chain.rpc("anvil_setIntervalMining", [0]); // a still chain to compare with
  const head = await chain.rpc("eth_getBlockByNumber", ["latest", false]);
  const copy = await copyState(call);
  claims.that("header hash is anvil's", headerHash(head) === head.hash);
  claims.that("state root is anvil's", copy.state.root === head.stateRoot);
  const asked = [slot, id("no such slot")];
  const theirs = await chain.rpc("eth_getProof", [contract, asked, "latest"]);
  const ours = proofAnswer(copy, contract, asked);
  const nodes = (p) => JSON.stringify([p.accountProof, p.storageProof.map((s) => s.proof)]);
  claims.that("proofs of presence and absence are anvil's", nodes(ours) === nodes(theirs));

  const ask = (method, params) => chain.askEndpoint(0, method, params);
  const value = async () => (await ask("eth_getProof", [contract, [slot], "latest"])).storageProof[0].value;
  await chain.lie(0, { mode: "key", contract, slot, value: false_ });
  claims.that("key: the proof's answer is false", (await value()) === false_);
  claims.that("key: eth_getStorageAt too", (await ask("eth_getStorageAt", [contract, slot, "latest"])) === false_);
  const nodesOfKey = (await ask("eth_getProof", [contract, [slot], "latest"])).storageProof[0].proof;
  const leaf = keccak256(nodesOfKey.at(-1)).slice(2);
  claims.that("key: no node above names the changed leaf", !nodesOfKey.at(-2).includes(leaf));

  await chain.lie(0, { mode: "forged", contract, slot, value: false_ });
  const forged = await ask("eth_getBlockByNumber", ["latest", false]);
  const parent = await ask("eth_getBlockByHash", [forged.parentHash, false]);
  const proof = await ask("eth_getProof", [contract, [slot], { blockHash: forged.hash }]);
  claims.that("forged: another head", forged.number === head.number && forged.hash !== head.hash);
  claims.that("forged: its hash is that of its fields", headerHash(forged) === forged.hash);
  claims.that("forged: its parent is forged likewise", headerHash(parent) === forged.parentHash);
  claims.that("forged: the account proof starts at its state root", keccak256(proof.accountProof[0]) === forged.stateRoot);
  claims.that("forged: the storage proof starts at its storage root", keccak256(proof.storageProof[0].proof[0]) === proof.storageHash);
  claims.that("forged: the value is false", proof.storageProof[0].value === false_);

  await chain.lie(0, { mode: "stale", behind: 2 });
  claims.that("stale: an old head", Number(await ask("eth_blockNumber", [])) === Number(head.number) - 2);
  await chain.lie(0, { mode: "wrong-chain", chainId: 5 });
  claims.that("wrong-chain: another id", (await ask("eth_chainId", [])) === "0x5");
  await chain.lie(0, { mode: "none" });
  claims.that("none: the truth again", BigInt(await value()) === BigInt(real));
});
