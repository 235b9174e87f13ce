// The list of hostile requests: who sends what, and what must come of it.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { ethers } from "../../testbed/chain.mjs";
import { get, post, postBytes, talk } from "./raw.mjs";

const x = (n, c = "x") => c.repeat(n);
const passKey = crypto.randomBytes(32).toString("base64url");
const json = JSON.stringify;

// An answer of the HTTP library itself, or the end of the connection: what does not parse has no route.
const refused = (seen) => seen.closed === true || (seen.status >= 400 && seen.status < 500) || seen.status === 505 || seen.status === 501;
const problem = (status, word) => (seen) => seen.status === status && seen.word === word && seen.type === "application/problem+json";

// Below HTTP's surface, on the plain listener.
function framing() {
  return [
    ["no HTTP at all", "\x00\x01\x02\x03\r\n\r\n", refused],
    ["a TLS hello to the plain listener", Buffer.from("16030100050100000100", "hex"), refused, { end: true }],
    ["a request line of 20 KiB", `GET /${x(20480)} HTTP/1.1\r\nHost: a\r\n\r\n`, refused],
    ["a header field of 20 KiB", get("/healthz", `X: ${x(20480)}\r\n`), refused],
    ["a thousand header fields", get("/healthz", x(1000, "X-A: aaaaaaaaaaaaaaa\r\n")), refused],
    ["no Host", "GET /healthz HTTP/1.1\r\n\r\n", refused],
    ["an unknown version", "GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n", refused],
    ["blanks in the request line", "GET /healthz /healthz HTTP/1.1\r\nHost: a\r\n\r\n", refused],
    ["a NUL in the request line", "GET /health\0z HTTP/1.1\r\nHost: a\r\n\r\n", refused],
    ["a header field without a colon", get("/v1/me", "nonsense\r\n"), refused],
    ["a negative length", "POST /v1/handshake HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", refused],
    ["a length that is none", "POST /v1/handshake HTTP/1.1\r\nHost: a\r\nContent-Length: ten\r\n\r\n", refused],
    ["a length beyond 64 bits", `POST /v1/handshake HTTP/1.1\r\nHost: a\r\nContent-Length: ${x(30, "9")}\r\n\r\n`, refused],
    ["a body of 17 KB", post("/v1/handshake", x(17000)), problem(413, "too-large")],
    ["chunks of 17 KB", `POST /v1/handshake HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4268\r\n${x(17000)}\r\n0\r\n\r\n`, problem(413, "too-large")],
    ["a chunk's length that is none", "POST /v1/handshake HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", refused],
    ["a body cut short", ["POST /v1/handshake HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"m1\":", null], refused],
    ["another method", "DELETE /v1/handshake HTTP/1.1\r\nHost: a\r\n\r\n", problem(405, "method")],
    ["CONNECT", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", refused],
    ["another's resource", "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", refused],
    ["a path with ..", get("/../../etc/passwd"), problem(404, "not-found")],
    ["a path of percent signs", get("/%2e%2e/%00/%zz"), refused],
    ["the API over the plain listener", post("/v1/passes", json({ pass_key: passKey })), problem(404, "not-found")],
  ];
}

// Handshakes that are none, or another's.
function handshakes(scene) {
  const { first, second } = scene.hostile.psk; // of a moment ago: a sid is remembered for 10 s
  const bytes = Buffer.from(first.m1, "base64url");
  const flipped = Buffer.from(bytes);
  flipped[200] ^= 1;
  const other = Buffer.from(bytes);
  crypto.randomFillSync(other, 4, 16);
  return [
    ["a handshake that is no JSON", post("/v1/handshake", "m1=x"), problem(400, "format")],
    ["m1 cut short", post("/v1/handshake", json({ m1: first.m1.slice(0, -8) })), problem(400, "format")],
    ["m1 with a bit turned over", post("/v1/handshake", json({ m1: flipped.toString("base64url") })), refused],
    ["m1 of another under a new sid", post("/v1/handshake", json({ m1: other.toString("base64url") })), refused],
    ["m1 repeated from another address", post("/v1/handshake", json(first)), refused, { from: "127.0.0.77" }],
    ["m3 and m4 repeated from another address", post("/v1/handshake", json(second)), refused, { from: "127.0.0.77" }],
    ["m1 with a member that there is not", post("/v1/handshake", json({ ...first, admin: true })), problem(400, "format")],
    ["an m4 that is m3's", post("/v1/handshake", json({ m3: second.m3, m4: second.m3 })), problem(400, "format")],
  ];
}

// TLS that proves nothing.
function tls(scene) {
  const { sid, psk } = scene.device.party.psk;
  return [
    ["HTTP to the TLS listener", get("/v1/me"), refused, { port: 8443 }],
    ["a sid that nobody has", get("/v1/me"), refused, { psk: { sid: x(32, "0"), psk } }],
    ["a sid of 120 characters", get("/v1/me"), refused, { psk: { sid: x(120, "a"), psk } }],
    ["another's sid with a key of one's own", get("/v1/me"), refused, { psk: { sid, psk: x(64, "1") } }],
    ["TLS 1.1", get("/v1/me"), refused, { psk: { sid, psk }, minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }],
    ["plain PSK without a fresh key", get("/v1/me"), refused, { psk: { sid, psk }, ciphers: "PSK-AES128-GCM-SHA256" }],
  ];
}

// Bodies, of a party that has enrolled.
function bodies(scene) {
  const where = { psk: scene.hostile.psk };
  const pass = (body, word = "format", status = 400, more = "") => [post("/v1/passes", body, more), problem(status, word), where];
  return [
    ["an empty body", ...pass("")],
    ["a list", ...pass("[]")],
    ["a number", ...pass("1e999")],
    ["brackets 10,000 deep", ...pass(x(8000, "[") + x(8000, "]"))],
    ["a member twice", ...pass(`{"pass_key":"${passKey}","pass_key":"${passKey}"}`)],
    ["a member that there is not", ...pass(json({ pass_key: passKey, is_admin: true }))],
    ["a number for a text", ...pass(json({ pass_key: 7 }))],
    ["null for a text", ...pass(json({ pass_key: null }))],
    ["a key cut short", ...pass(json({ pass_key: passKey.slice(0, -4) }))],
    ["a key with padding", ...pass(json({ pass_key: `${passKey}=` }))],
    ["a key of zeros", ...pass(json({ pass_key: x(43, "A"), token: scene.hostile.token }))],
    ["a NUL in a token", ...pass(`{"pass_key":"${passKey}","token":"a\\u0000b"}`)],
    ["UTF-8 that is none", postBytes("/v1/passes", Buffer.from(`{"pass_key":"${passKey}","token":"\xff\xfe"}`, "latin1")), problem(400, "format"), where],
    ["text behind the document", ...pass(`${json({ pass_key: passKey })}{}`)],
    ["two Idempotency-Keys", ...pass(json({ pass_key: passKey }), "format", 400, "Idempotency-Key: a\r\nIdempotency-Key: b\r\n")],
    ["an Idempotency-Key of 129 characters", ...pass(json({ pass_key: passKey }), "format", 400, `Idempotency-Key: ${x(129)}\r\n`)],
    ["a relay's request in a device's enrolment", post("/v1/relays", json({ pending_id: x(64, "1"), owner: x(40, "1"), salt: x(64, "1") })), problem(403, "identity"), where],
    ["another's operation", get(`/v1/operations/${scene.device.operation}`), problem(404, "not-found"), where],
    ["an operation's id of 5,000 characters", get(`/v1/operations/${x(5000, "a")}`), problem(404, "not-found"), where],
    ["an operation's id with SQL", get("/v1/operations/'%20OR%201=1--"), problem(404, "not-found"), where],
  ];
}

// Tokens and signatures that are another's, old, or cut.
async function forgeries(scene) {
  const { hostile } = scene;
  const where = { psk: hostile.psk };
  const pass = (token, status, word) => [post("/v1/passes", json({ pass_key: passKey, token })), problem(status, word), where];
  const device = async (status, word, change, domain, signer, token = hostile.token) =>
    [post("/v1/devices", json({ token, ...(await scene.registration(hostile, change, domain, signer)) })), problem(status, word), where];
  const [head, body, signature] = hostile.token.split(".");
  const payload = JSON.parse(Buffer.from(body, "base64url"));
  const renamed = Buffer.from(json({ ...payload, id: "hostile-2" })).toString("base64url");
  const { privateKey } = crypto.generateKeyPairSync("ed25519");
  const own = crypto.sign(null, Buffer.concat([Buffer.from("chainturn/1 token"), Buffer.from(body, "base64url")]), privateKey).toString("base64url");
  const stranger = ethers.Wallet.createRandom();
  const good = await scene.registration(hostile);
  const { r, s, v } = ethers.Signature.from(good.signature);
  const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const high = ethers.concat([r, ethers.toBeHex(N - BigInt(s), 32), v === 27 ? "0x1c" : "0x1b"]);
  const soon = await scene.token("--id", "hostile-1", "--expires", "1s");
  await new Promise((resolve) => setTimeout(resolve, 2100)); // its second has to pass
  return [
    ["no token", post("/v1/passes", json({ pass_key: passKey })), problem(403, "not-registered"), where],
    ["another's token, that was used", ...pass(scene.device.token, 403, "identity")],
    ["a token for another name", ...pass(await scene.token("--id", "sensor-9"), 403, "identity")],
    ["a token of a key of one's own", ...pass(`${head}.${body}.${own}`, 403, "token-invalid")],
    ["a token with a changed name", ...pass(`${head}.${renamed}.${signature}`, 403, "token-invalid")],
    ["a token cut short", ...pass(hostile.token.slice(0, -5), 403, "token-invalid")],
    ["a token of 8,000 characters", ...pass(`ctk1.${x(8000, "A")}.A`, 403, "token-invalid")],
    ["an expired token", ...pass(soon, 403, "token-expired")],
    ["a registration signed by a stranger", ...(await device(403, "signature", {}, {}, stranger))],
    ["a registration for another contract", ...(await device(403, "signature", {}, { verifyingContract: stranger.address }))],
    ["a registration for another chain", ...(await device(403, "signature", {}, { chainId: 1 }))],
    ["a registration of another's name", ...(await device(403, "identity", { identity: "sensor-1" }))],
    ["a signature with a high s", post("/v1/devices", json({ token: hostile.token, ...good, signature: high })), problem(403, "signature"), where],
    ["a deadline that is past", ...(await device(422, "format", { deadline: 1 }))],
    ["a record for a hundred years", ...(await device(422, "format", { expiry_day: 60000 }))],
    ["a sequence of the future", ...(await device(409, "identity", { sequence: 7 }))],
    ["a relay that is none", ...(await device(422, "relay-mismatch", { relay: 99 }))],
    ["a port beyond the relay's", ...(await device(422, "relay-mismatch", { port: 9 }))],
    ["a port beyond all ports", post("/v1/devices", json({ token: hostile.token, ...good, registration: { ...good.registration, port: 65536 } })), problem(400, "format"), where],
    ["a negative port", post("/v1/devices", json({ token: hostile.token, ...good, registration: { ...good.registration, port: -1 } })), problem(400, "format"), where],
    ["half a port", post("/v1/devices", json({ token: hostile.token, ...good, registration: { ...good.registration, port: 0.5 } })), problem(400, "format"), where],
  ];
}

// [name, parts, verdict, where]
export async function hostileRequests(scene) {
  const token = await scene.token("--id", "hostile-1");
  scene.hostile = { ...(await scene.party("device", "hostile-1")), token };
  const forged = await forgeries(scene);
  scene.hostile = { ...(await scene.party("device", "hostile-1", { wallet: { wallet: scene.hostile.wallet, file: scene.hostile.walletFile },
    keyFile: scene.hostile.keyFile })), token };
  return [...handshakes(scene), ...framing(), ...tls(scene), ...bodies(scene), ...forged];
}

export async function refuseAll(scene, claims, list) {
  for (const [name, parts, verdict, { end, ...where } = {}] of list) {
    let seen;
    try {
      seen = await talk(end ? [parts, null].flat() : parts, where);
    } catch (error) {
      seen = { error: error.message };
    }
    claims.that(`refused: ${name}`, verdict(seen), json(seen).slice(0, 300));
  }
  const health = await talk(get("/healthz"));
  claims.that("the server is as it was", health.status === 200 && scene.wm.code === undefined, json(health));
  const log = fs.readFileSync(path.join(scene.programs.dir, "wm-server.log"), "utf8");
  claims.that("its log has no failure of its own", !/ (error|warn) .*(internal|store_failed)/.test(log));
}
