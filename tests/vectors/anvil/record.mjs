// Records proofs.json from anvil 1.7.1: node record.mjs. Two chains that differ in one stored word:
// b is what an endpoint would show that forges a whole chain whose hashes all agree.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { ethers } = createRequire(new URL("../", import.meta.url))("ethers");
const anvil = new URL(
  "../../../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", import.meta.url).pathname;
const word = (n) => "0x" + BigInt(n).toString(16).padStart(64, "0");

// Creation code: each [slot, value] stored, then one byte of run-time code (STOP) returned.
const stores = (pairs) =>
  pairs.map(([slot, value]) => "7f" + word(value).slice(2) + "60" + slot.toString(16).padStart(2, "0") + "55").join("");
const creation = (pairs) => "0x" + stores(pairs) + "60016000f3";

async function record(key) {
  const child = spawn(anvil, ["--port", "0", "--accounts", "3", "--timestamp", "1800000000"]);
  const port = await new Promise((resolve) => child.stdout.on("data", (d) => {
    const m = /Listening on 127\.0\.0\.1:(\d+)/.exec(d.toString());
    if (m) resolve(m[1]);
  }));
  const provider = new ethers.JsonRpcProvider(`http://127.0.0.1:${port}`, undefined, { cacheTimeout: -1 });
  try {
    const signer = await provider.getSigner(0);
    const pairs = [[0, key], [1, 5], [2, 0x80], [3, 1n << 255n], [4, 0], [5, 0xffffffffn]];
    const deployed = await (await signer.sendTransaction({ data: creation(pairs) })).wait();
    for (let i = 0; i < 2; i++) {
      await (await signer.sendTransaction({ to: ethers.toBeHex(0xc0ffee + i, 20), value: 1 })).wait();
    }
    const slots = [0, 1, 2, 3, 4, 5, 77].map(word); // 4 holds an explicit zero, 77 nothing
    const blocks = [];
    const proofs = [];
    for (let n = 0; n <= 3; n++) {
      blocks.push(JSON.stringify(await provider.send("eth_getBlockByNumber", [ethers.toQuantity(n), false])));
      proofs.push(n === 0 ? "" : JSON.stringify(
        await provider.send("eth_getProof", [deployed.contractAddress, slots, ethers.toQuantity(n)])));
    }
    const absent = JSON.stringify(
      await provider.send("eth_getProof", [ethers.toBeHex(0xdead, 20), [], "0x3"]));
    return { contract: deployed.contractAddress, slots, blocks, proofs, absent };
  } finally {
    provider.destroy();
    child.kill();
  }
}

const a = await record((0x11n << 248n) + 7n);
const b = await record((0x66n << 248n) + 6n);
writeFileSync(new URL("proofs.json", import.meta.url), JSON.stringify({
  source: "anvil 1.7.1, by record.mjs; blocks and proofs are JSON texts as it answered them",
  chain_id: "0x7a69", code_hash: ethers.keccak256("0x00"), a, b,
}, null, 1) + "\n");
