// A false chain that is consistent in itself: from the real state, with one storage word changed, it
// makes state, headers and proofs whose hashes all agree. Only other endpoints can give it away.
import { gunzipSync } from "node:zlib";
import { encodeRlp, keccak256, stripZerosLeft, toBeHex, toQuantity, zeroPadValue } from "ethers";
import { makeTrie } from "./trie.mjs";

const HEADER_FIELDS = [
  "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom",
  "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
  "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot",
  "requestsHash",
];
const QUANTITIES = new Set([
  "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed",
  "excessBlobGas",
]);

const scalar = (quantity) => (BigInt(quantity) === 0n ? "0x" : toBeHex(BigInt(quantity)));
const word = (hex) => zeroPadValue(toBeHex(BigInt(hex)), 32);

// The hash of a block as JSON-RPC shows it; fields that its fork does not have are left out.
export function headerHash(block) {
  const present = HEADER_FIELDS.filter((f) => block[f] !== undefined && block[f] !== null);
  return keccak256(encodeRlp(present.map((f) => (QUANTITIES.has(f) ? scalar(block[f]) : block[f]))));
}

function storageTrie(storage) {
  const set = Object.entries(storage).filter(([, value]) => BigInt(value) !== 0n);
  return makeTrie(set.map(([slot, value]) => [word(slot), encodeRlp(stripZerosLeft(word(value)))]));
}

// The state of the upstream node, as tries; change: {contract, slot, value} or nothing.
export async function copyState(call, change) {
  const dump = await call("anvil_dumpState", []);
  const { accounts } = JSON.parse(gunzipSync(Buffer.from(dump.slice(2), "hex")).toString());
  const known = {};
  for (const [address, a] of Object.entries(accounts)) {
    const storage = { ...a.storage };
    if (change && address.toLowerCase() === change.contract.toLowerCase()) {
      for (const slot of Object.keys(storage)) {
        if (word(slot) === word(change.slot)) delete storage[slot];
      }
      storage[change.slot] = change.value;
    }
    const byWord = Object.fromEntries(Object.entries(storage).map(([s, v]) => [word(s), v]));
    known[address.toLowerCase()] = {
      nonce: toQuantity(a.nonce),
      balance: toQuantity(a.balance),
      codeHash: keccak256(a.code && a.code !== "0x" ? a.code : "0x"),
      storage: byWord,
      trie: storageTrie(storage),
    };
  }
  const state = makeTrie(
    Object.entries(known).map(([address, a]) => [
      address,
      encodeRlp([scalar(a.nonce), scalar(a.balance), a.trie.root, a.codeHash]),
    ]),
  );
  return { known, state };
}

export function proofAnswer({ known, state }, address, slots) {
  const a = known[address.toLowerCase()];
  return {
    address,
    accountProof: state.proof(address.toLowerCase()),
    balance: a?.balance ?? "0x0",
    codeHash: a?.codeHash ?? keccak256("0x"),
    nonce: a?.nonce ?? "0x0",
    storageHash: a?.trie.root ?? makeTrie([]).root,
    storageProof: slots.map((slot) => ({
      key: slot,
      value: toQuantity(a?.storage[word(slot)] ?? "0x0"),
      proof: a ? a.trie.proof(word(slot)) : [],
    })),
  };
}

// Headers from block `base` on, each naming the forged one before it as its parent.
export function makeForgery(call, copy, base) {
  const byNumber = new Map();
  const byHash = new Map();

  async function block(number) {
    if (byNumber.has(number)) return byNumber.get(number);
    const real = await call("eth_getBlockByNumber", [toQuantity(number), false]);
    if (!real || number < base) return real;
    const forged = { ...real, stateRoot: copy.state.root };
    if (number > base) forged.parentHash = (await block(number - 1)).hash;
    forged.hash = headerHash(forged);
    byNumber.set(number, forged);
    byHash.set(forged.hash, number);
    return forged;
  }
  return {
    base,
    block,
    numberOfHash: (hash) => byHash.get(hash.toLowerCase()),
    proof: (address, slots) => proofAnswer(copy, address, slots),
  };
}
