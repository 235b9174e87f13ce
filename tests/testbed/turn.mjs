// A TURN client of a few requests (RFC 8656 over UDP), to see what a relay answers to whom.
//
// node turn.mjs SERVER_IP PORT: reads {username, password, peers: ["ip:port"..], channels: ["ip:port"..]}
// from standard input, allocates, asks a permission for each peer and a channel to each of channels, and
// prints {code, relayed, owner, unproved, permissions: {peer: code}, channels: {peer: code}}; owner is the
// relay's statement in hex, and unproved what was said of it before the credentials were shown.
import crypto from "node:crypto";
import dgram from "node:dgram";
import { pathToFileURL } from "node:url";

const MAGIC = 0x2112a442;
const ALLOCATE = 0x003, REFRESH = 0x004, PERMISSION = 0x008, CHANNEL_BIND = 0x009;
const USERNAME = 0x06, INTEGRITY = 0x08, ERROR = 0x09, PEER = 0x12, REALM = 0x14, NONCE = 0x15;
const RELAYED = 0x16, TRANSPORT = 0x19, LIFETIME = 0x0d, CHANNEL = 0x0c;
const OWNER = 0xc743; // docs/protocol.md 5
const TRIES = 60, WAIT_MS = 500; // half a minute

function attribute(type, value) {
  const out = Buffer.alloc(4 + value.length + ((4 - (value.length % 4)) % 4));
  out.writeUInt16BE(type, 0);
  out.writeUInt16BE(value.length, 2);
  value.copy(out, 4);
  return out;
}

function message(method, attributes, key) {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(method, 0);
  head.writeUInt16BE(body.length + (key ? 24 : 0), 2);
  head.writeUInt32BE(MAGIC, 4);
  crypto.randomBytes(12).copy(head, 8);
  const whole = Buffer.concat([head, body]);
  if (!key) return whole;
  const mac = crypto.createHmac("sha1", key).update(whole).digest();
  return Buffer.concat([whole, attribute(INTEGRITY, mac)]);
}

function parse(bytes) {
  const found = new Map();
  for (let at = 20; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    found.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  const error = found.get(ERROR);
  return { found, code: error ? error[2] * 100 + error[3] : 0 };
}

function xorAddress(text) {
  const [ip, port] = text.split(":");
  const out = Buffer.alloc(8);
  out[1] = 1;
  out.writeUInt16BE(Number(port) ^ (MAGIC >>> 16), 2);
  ip.split(".").forEach((part, i) => (out[4 + i] = Number(part) ^ ((MAGIC >>> (24 - 8 * i)) & 255)));
  return out;
}

function addressText(value) {
  const ip = [0, 1, 2, 3].map((i) => value[4 + i] ^ ((MAGIC >>> (24 - 8 * i)) & 255)).join(".");
  return `${ip}:${value.readUInt16BE(2) ^ (MAGIC >>> 16)}`;
}

export class TurnClient {
  constructor(ip, port) {
    Object.assign(this, { ip, port });
    this.socket = dgram.createSocket("udp4");
  }

  async exchange(bytes) {
    for (let i = 0; i < TRIES; i++) {
      const answer = await new Promise((resolve) => {
        const timer = setTimeout(() => done(null), WAIT_MS);
        const listen = (got) => bytes.compare(got, 8, 20, 8, 20) === 0 && done(got);
        const done = (got) => {
          clearTimeout(timer);
          this.socket.off("message", listen);
          resolve(got);
        };
        this.socket.on("message", listen);
        this.socket.send(bytes, this.port, this.ip);
      });
      if (answer) return parse(answer);
    }
    return { found: new Map(), code: -1 }; // silence
  }

  async ask(method, attributes) {
    const { username, realm, nonce, key } = this;
    return this.exchange(message(method, [...attributes, attribute(USERNAME, Buffer.from(username)),
      attribute(REALM, realm), attribute(NONCE, nonce)], key));
  }

  async allocate({ username, password }) {
    const wishes = [attribute(TRANSPORT, Buffer.from([17, 0, 0, 0])), attribute(OWNER, Buffer.alloc(0))];
    const first = await this.exchange(message(ALLOCATE, wishes));
    if (first.code !== 401) return { code: first.code };
    Object.assign(this, { username, realm: first.found.get(REALM), nonce: first.found.get(NONCE) });
    this.key = crypto.createHash("md5").update(`${username}:${this.realm}:${password}`).digest();
    const second = await this.ask(ALLOCATE, wishes);
    const relayed = second.found.get(RELAYED);
    const [owner, unproved] = [second, first].map((answer) => answer.found.get(OWNER)?.toString("hex"));
    return { code: second.code, relayed: relayed && addressText(relayed), owner, unproved, lifetime_s: second.found.get(LIFETIME)?.readUInt32BE(0) };
  }

  async permit(peer) {
    return (await this.ask(PERMISSION, [attribute(PEER, xorAddress(peer))])).code;
  }

  async bind(peer, channel) {
    const number = Buffer.from([channel >> 8, channel & 255, 0, 0]);
    return (await this.ask(CHANNEL_BIND, [attribute(CHANNEL, number), attribute(PEER, xorAddress(peer))])).code;
  }

  async release() {
    await this.ask(REFRESH, [attribute(LIFETIME, Buffer.alloc(4))]);
    this.socket.close();
  }
}

async function main() {
  let input = "";
  for await (const part of process.stdin) input += part;
  const { username, password, peers = [], channels = [] } = JSON.parse(input);
  const client = new TurnClient(process.argv[2], Number(process.argv[3]));
  const result = { ...(await client.allocate({ username, password })), permissions: {}, channels: {} };
  if (result.code === 0) for (const peer of peers) result.permissions[peer] = await client.permit(peer);
  if (result.code === 0) for (const [i, peer] of channels.entries()) result.channels[peer] = await client.bind(peer, 0x4000 + i);
  if (result.code === 0) await client.release();
  else client.socket.close();
  console.log(JSON.stringify(result));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
