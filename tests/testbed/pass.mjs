// Passes and TURN passwords made here from docs/protocol.md alone, to hold against the C code.
import crypto from "node:crypto";
import fs from "node:fs";

const X25519_PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_SPKI = Buffer.from("302a300506032b656e032100", "hex");
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

const privateKey = (prefix, raw) =>
  crypto.createPrivateKey({ key: Buffer.concat([prefix, raw]), format: "der", type: "pkcs8" });
const rawPublic = (key) => crypto.createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);

// A key file holds 64 hexadecimal digits.
export function readKey(file) {
  return Buffer.from(fs.readFileSync(file, "latin1").trim().replace(/^0x/, ""), "hex");
}

export function x25519Public(raw) {
  return rawPublic(privateKey(X25519_PKCS8, raw));
}

// signer: 32 bytes of the WM's Ed25519 key. Answers {bytes, passKey}.
export function makePass({ deployment, keyId = 1, signer, expires_s, renews, scope = 1 }) {
  const passKey = crypto.randomBytes(32);
  const head = Buffer.alloc(111);
  head[0] = 1;
  deployment.copy(head, 1);
  head.writeUInt32BE(keyId, 33);
  crypto.randomBytes(16).copy(head, 37);
  if (renews) renews.copy(head, 53);
  x25519Public(passKey).copy(head, 69);
  head.writeBigUInt64BE(BigInt(expires_s), 101);
  head.writeUInt16BE(scope, 109);
  const signed = Buffer.concat([Buffer.from("chainturn/1 pass"), head]);
  const signature = crypto.sign(null, signed, privateKey(ED25519_PKCS8, signer));
  return { bytes: Buffer.concat([head, signature]), passKey };
}

// The long-term credential that a pass stands for at the relay with this public key.
export function credential({ bytes, passKey }, relayPublic) {
  const publicKey = crypto.createPublicKey({ key: Buffer.concat([X25519_SPKI, relayPublic]), format: "der", type: "spki" });
  const shared = crypto.diffieHellman({ privateKey: privateKey(X25519_PKCS8, passKey), publicKey });
  const info = Buffer.concat([Buffer.from("chainturn/1 turn"), bytes.subarray(1, 33), relayPublic, bytes.subarray(37, 53)]);
  const password = Buffer.from(crypto.hkdfSync("sha256", shared, Buffer.alloc(0), info, 32));
  return { username: bytes.toString("base64url"), password: password.toString("base64url") };
}
