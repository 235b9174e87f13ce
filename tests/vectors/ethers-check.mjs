// ethers.js reads what our C code signed and encoded: node ethers-check.mjs PROGRAM ABI.json
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { ethers } from "ethers";

const [program, abiFile] = process.argv.slice(2);
const abi = new ethers.Interface(JSON.parse(readFileSync(abiFile, "utf8")));
const lines = execFileSync(program, { encoding: "utf8" }).trim().split("\n").map((l) => JSON.parse(l));
const relays = "uint16 relay,uint16 port,uint16 backupRelay,uint16 backupPort";
const members = {
  Registration: `bytes32 identity,bytes32 key,${relays},uint16 expiryDay,uint16 sequence,uint64 deadline`,
  Voucher: "bytes32 identity,bytes32 tokenHash,address wallet,uint64 deadline",
  Update: `bytes32 identity,${relays},uint16 sequence,uint64 deadline`,
  KeyRotation: "bytes32 identity,bytes32 key,uint16 sequence,uint64 deadline",
  SelfRevocation: "bytes32 identity,uint16 sequence,uint64 deadline",
};

let failed = 0;
let passed = 0;
const problems = [];

function same(what, got, want) {
  if (String(got).toLowerCase() !== String(want).toLowerCase()) problems.push(`${what} is ${got}, not ${want}`);
}

// The digest and the signature that a line carries, against ethers' reading of the type.
function typed(name, line, signer) {
  const domain = { name: "chainturn", version: "1", chainId: line.chainId, verifyingContract: line.contract };
  const fields = members[name].split(",").map((m) => ({ type: m.split(" ")[0], name: m.split(" ")[1] }));
  const value = Object.fromEntries(fields.map((f) => [f.name, line[f.name]]));
  same("digest", ethers.TypedDataEncoder.hash(domain, { [name]: fields }, value), line.digest);
  same("signer", ethers.verifyTypedData(domain, { [name]: fields }, value, line.signature), signer);
}

// What the contract is handed of it: the signature's short form, and the small fields in one word.
function carried(entry, line) {
  const compact = ethers.Signature.from(line.signature);
  same("r", entry.r, compact.r);
  same("vs", entry.vs, compact.yParityAndS);
  const fields = [[64, line.deadline], [16, line.expiryDay], [16, line.sequence], [16, line.relay],
    [16, line.port], [16, line.backupRelay], [16, line.backupPort], [96, 0]];
  if (entry.terms === undefined) return;
  same("terms", entry.terms, fields.reduce((t, [bits, v]) => (t << BigInt(bits)) | BigInt(v ?? 0), 0n));
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
    typed("Registration", line, line.wallet);
    const [[entry]] = abi.decodeFunctionData("registerClients", line.call);
    same("identity", entry.identityHash, line.identity);
    same("key", entry.key, line.key);
    carried(entry, line);
  },
  voucher(line) {
    typed("Voucher", line, line.signer);
    const call = abi.decodeFunctionData("addClient", line.call);
    same("identity", call.identityHash, line.identity);
    same("token hash", call.tokenHash, line.tokenHash);
    same("key", call.key, line.key);
    carried(call, line);
  },
  update(line) {
    typed("Update", line, line.signer);
    const [[entry]] = abi.decodeFunctionData("updateAllocations", line.call);
    same("identity", entry.identityHash, line.identity);
    carried(entry, line);
    const own = abi.decodeFunctionData("updateAllocation", line.own);
    same("own identity", own.identityHash, line.identity);
    for (const name of ["relay", "port", "backupRelay", "backupPort", "sequence"]) same(name, own[name], line[name]);
  },
  rotation(line) {
    typed("KeyRotation", line, line.signer);
    const [[entry]] = abi.decodeFunctionData("rotateKeys", line.call);
    same("identity", entry.identityHash, line.identity);
    same("key", entry.key, line.key);
    carried(entry, line);
  },
  revocation(line) {
    typed("SelfRevocation", line, line.signer);
    const call = abi.decodeFunctionData("revokeSelf", line.call);
    for (const name of ["sequence", "deadline"]) same(name, call[name], line[name]);
    same("identity", call.identityHash, line.identity);
    carried(call, line);
    const [[approval]] = abi.decodeFunctionData("approveClients", line.approve);
    same("approved name", approval.identityHash, line.identity);
    same("approved record", approval.digest, line.recordDigest);
  },
  keystore(line) {
    const wallet = ethers.Wallet.fromEncryptedJsonSync(JSON.stringify(line.json), line.passphrase);
    same("address", wallet.address, line.address);
    same("secret", wallet.privateKey, line.secret);
    same("version", line.json.version, 3);
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
process.exit(failed === 0 && passed === 143 ? 0 : 1);
