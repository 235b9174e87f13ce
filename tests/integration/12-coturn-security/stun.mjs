// A STUN and TURN client that can say wrong things: over UDP or TCP, IPv4 or IPv6, with any attribute anywhere.
import crypto from "node:crypto";
import dgram from "node:dgram";
import net from "node:net";

export const MAGIC = 0x2112a442;
export const METHOD = { binding: 1, allocate: 3, refresh: 4, permission: 8, channel: 9, connect: 10 };
const A = {
  username: 0x06, integrity: 0x08, error: 0x09, channel: 0x0c, lifetime: 0x0d, peer: 0x12, realm: 0x14, nonce: 0x15,
  relayed: 0x16, family: 0x17, evenPort: 0x18, transport: 0x19, token: 0x1b, ticket: 0x8030,
};
const TRIES = 8, WAIT_MS = 1000;

export function attribute(type, value) {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value);
  const out = Buffer.alloc(4 + bytes.length + ((4 - (bytes.length % 4)) % 4));
  out.writeUInt16BE(type, 0);
  out.writeUInt16BE(bytes.length, 2);
  bytes.copy(out, 4);
  return out;
}

export function header(method, length, tid = crypto.randomBytes(12)) {
  const out = Buffer.alloc(20);
  out.writeUInt16BE((method & 0xf) | ((method & 0x70) << 1), 0);
  out.writeUInt16BE(length, 2);
  out.writeUInt32BE(MAGIC, 4);
  tid.copy(out, 8);
  return out;
}

// An IP address as bytes; an IPv4 tail in IPv6 is understood.
export function ipBytes(text) {
  if (net.isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  const tail = text.match(/^(.*:)(\d+\.\d+\.\d+\.\d+)$/);
  const plain = tail ? tail[1] + ipBytes(tail[2]).toString("hex").replace(/(....)(....)/, "$1:$2") : text;
  const [left, right] = plain.split("::").map((side) => side.split(":").filter(Boolean));
  const words = right ? [...left, ...Array(8 - left.length - right.length).fill("0"), ...right] : left;
  return Buffer.from(words.map((word) => word.padStart(4, "0")).join(""), "hex");
}

// The value of an XOR-..-ADDRESS in a message with this transaction id.
function xorAddress(ip, port, tid) {
  const bytes = ipBytes(ip);
  const mask = Buffer.concat([Buffer.from("2112a442", "hex"), tid]);
  const out = Buffer.alloc(4 + bytes.length);
  out[1] = bytes.length === 4 ? 1 : 2;
  out.writeUInt16BE(port ^ (MAGIC >>> 16), 2);
  bytes.forEach((byte, i) => (out[4 + i] = byte ^ mask[i]));
  return out;
}

// Makers of attributes; those that depend on the transaction id are functions of it.
export const attr = {
  peer: (ip, port = 9) => (tid) => attribute(A.peer, xorAddress(ip, port, tid)),
  channel: (number) => attribute(A.channel, Buffer.from([number >> 8, number & 255, 0, 0])),
  transport: (protocol = 17) => attribute(A.transport, Buffer.from([protocol, 0, 0, 0])),
  family: (version) => attribute(A.family, Buffer.from([version === 6 ? 2 : 1, 0, 0, 0])),
  evenPort: (reserve) => attribute(A.evenPort, Buffer.from([reserve ? 0x80 : 0])),
  ticket: (bytes = "") => attribute(A.ticket, bytes),
  lifetime(seconds) {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(seconds);
    return attribute(A.lifetime, value);
  },
};

export const longTermKey = ({ username, password }, realm) =>
  crypto.createHash("md5").update(`${username}:${realm}:${password}`).digest();

export function parse(bytes) {
  const found = new Map();
  for (let at = 20; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    if (!found.has(bytes.readUInt16BE(at))) found.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  const error = found.get(A.error);
  return {
    code: error ? error[2] * 100 + error[3] : 0,
    realm: found.get(A.realm), nonce: found.get(A.nonce), ticket: found.get(A.ticket),
    lifetime_s: found.get(A.lifetime)?.readUInt32BE(0),
    relayedPort: found.has(A.relayed) ? found.get(A.relayed).readUInt16BE(2) ^ (MAGIC >>> 16) : undefined,
    bytes: bytes.length,
  };
}

export class Client {
  // login: {username, password}; from: the address to bind to
  constructor(host, port, { tcp = false, login, from } = {}) {
    Object.assign(this, { host, port, tcp, login, from, waiting: new Map(), ended: false });
  }

  async open() {
    if (this.tcp) {
      this.socket = net.connect({ host: this.host, port: this.port, localAddress: this.from });
      await new Promise((resolve, reject) => this.socket.once("connect", resolve).once("error", reject));
      let rest = Buffer.alloc(0);
      this.socket.on("data", (part) => {
        for (rest = Buffer.concat([rest, part]); rest.length >= 20 && rest.length >= 20 + rest.readUInt16BE(2); ) {
          this.take(rest.subarray(0, 20 + rest.readUInt16BE(2)));
          rest = rest.subarray(20 + rest.readUInt16BE(2));
        }
      });
      this.socket.on("close", () => (this.ended = true));
    } else {
      this.socket = dgram.createSocket(net.isIPv6(this.host) ? "udp6" : "udp4");
      await new Promise((resolve) => this.socket.bind(0, this.from, resolve));
      this.socket.on("message", (bytes) => this.take(bytes));
    }
    this.socket.on("error", () => (this.ended = true));
    return this;
  }

  take(bytes) {
    this.waiting.get(bytes.toString("hex", 8, 20))?.(parse(bytes));
  }

  write(bytes) {
    if (this.tcp) this.socket.write(bytes);
    else this.socket.send(bytes, this.port, this.host);
  }

  // The answer to a message; code -1 is silence.
  async exchange(bytes, tries = this.tcp ? 1 : TRIES, wait_ms = this.tcp ? WAIT_MS * TRIES : WAIT_MS) {
    const id = bytes.toString("hex", 8, 20);
    try {
      for (let i = 0; i < tries; i++) {
        const answer = await new Promise((resolve) => {
          const timer = setTimeout(() => resolve(null), wait_ms);
          this.waiting.set(id, (got) => {
            clearTimeout(timer);
            resolve(got);
          });
          this.write(bytes);
        });
        if (answer) return answer;
      }
    } finally {
      this.waiting.delete(id);
    }
    return { code: -1 };
  }

  // A message with the attributes; `after` follow MESSAGE-INTEGRITY; without a key there is none.
  message(method, attributes = [], { after = [], login = this.login, key = this.key } = {}) {
    const tid = crypto.randomBytes(12);
    const made = (list) => Buffer.concat(list.map((one) => (typeof one === "function" ? one(tid) : one)));
    let body = made(attributes);
    if (!key) return Buffer.concat([header(method, body.length, tid), body]);
    const who = [attribute(A.username, login.username), attribute(A.realm, this.realm), attribute(A.nonce, this.nonce)];
    body = Buffer.concat([body, ...who]);
    const covered = Buffer.concat([header(method, body.length + 24, tid), body]);
    const mac = attribute(A.integrity, crypto.createHmac("sha1", key).update(covered).digest());
    const rest = made(after);
    return Buffer.concat([header(method, body.length + 24 + rest.length, tid), body, mac, rest]);
  }

  // Asks with the login, following what the server says of realm and nonce.
  async ask(method, attributes = [], options = {}) {
    let answer = { code: 401 };
    for (let i = 0; i < 4; i++) {
      answer = await this.exchange(this.message(method, attributes, options));
      const anew = (answer.code === 401 && !this.key) || answer.code === 438;
      if (!anew || !this.login || !answer.nonce) return answer;
      this.realm = answer.realm;
      this.nonce = answer.nonce;
      this.key = longTermKey(this.login, this.realm);
    }
    return answer;
  }

  close() {
    if (this.tcp) this.socket.destroy();
    else this.socket.close();
  }
}
