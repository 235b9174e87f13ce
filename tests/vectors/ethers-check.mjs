// ethers.js reads what our C code signed and encoded: node ethers-check.mjs PROGRAM ABI.json
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { ethers } from "ethers";

const [program, abiFile] = process.argv.slice(2);
const abi = new ethers.Interface(JSON.parse(readFileSync(abiFile, "utf8")));
const lines = execFileSync(program, { encoding: "utf8" }).trim().split("\n").map((l) => JSON.parse(l));
const types = {
  Registration: [
    ["bytes32", "identity"], ["bytes32", "key"], ["uint16", "relay"], ["uint16", "port"],
    ["uint16", "backupRelay"], ["uint16", "backupPort"], ["uint16", "expiryDay"],
    ["uint16", "sequence"], ["uint64", "deadline"],
  ].map(([type, name]) => ({ type, name })),
};

let failed = 0;
let passed = 0;
const problems = [];

function same(what, got, want) {
  if (String(got).toLowerCase() !== String(want).toLowerCase()) problems.push(`${what} is ${got}, not ${want}`);
}

const checks = {
  tx(line) {
    const tx = ethers.Transaction.from(line.raw);
    same("type", tx.type, 2);
    same("from", tx.from, line.from);
    same("hash", tx.hash, line.hash);
    same("to", tx.to ?? "0x", line.to);
    same("chain id", tx.chainId, line.chainId);
    same("nonce", tx.nonce, line.nonce);
    same("gas limit", tx.gasLimit, line.gasLimit);
    same("max fee", tx.maxFeePerGas, line.maxFee);
    same("tip", tx.maxPriorityFeePerGas, line.tip);
    same("value", tx.value, BigInt(line.value));
    same("data", tx.data, line.data);
    same("bytes again", tx.serialized, line.raw);
  },
  registration(line) {
    const domain = { name: "chainturn", version: "1", chainId: line.chainId, verifyingContract: line.contract };
    const value = Object.fromEntries(types.Registration.map(({ name }) => [name, line[name]]));
    same("digest", ethers.TypedDataEncoder.hash(domain, types, value), line.digest);
    same("signer", ethers.verifyTypedData(domain, types, value, line.signature), line.wallet);
    const [[entry]] = abi.decodeFunctionData("registerClients", line.call);
    const compact = ethers.Signature.from(line.signature);
    same("identity", entry.identityHash, line.identity);
    same("key", entry.key, line.key);
    same("r", entry.r, compact.r);
    same("vs", entry.vs, compact.yParityAndS);
    const fields = [[64, line.deadline], [16, line.expiryDay], [16, line.sequence], [16, line.relay],
      [16, line.port], [16, line.backupRelay], [16, line.backupPort], [96, 0]];
    same("terms", entry.terms, fields.reduce((t, [bits, v]) => (t << BigInt(bits)) | BigInt(v), 0n));
  },
  server(line) {
    const [salt, p] = abi.decodeFunctionData("registerServer", line.call);
    same("salt", salt, line.salt);
    for (const name of ["listenIPv4", "listenIPv6", "relayIPv4", "relayIPv6"]) same(name, p[name], BigInt(line[name]));
    for (const name of ["listenPort", "portMin", "portMax", "index", "key"]) same(name, p[name], line[name]);
  },
};

for (const line of lines) {
  problems.length = 0;
  try {
    checks[line.kind](line);
  } catch (error) {
    problems.push(String(error));
  }
  problems.forEach((p) => console.log(`    ${line.kind}: ${p}`));
  if (problems.length > 0) failed++;
  else passed++;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed === 60 ? 0 : 1);
