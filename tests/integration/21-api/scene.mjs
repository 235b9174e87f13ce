// The wallet manager with a chain and a relay on a loopback of the test's own, and parties that enrol with it.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";
import { fetchDescription, makeClient } from "../../api/client.mjs";
import { ethers } from "../../testbed/chain.mjs";
import { findProgram } from "../../testbed/platform.mjs";
import { Programs } from "../../testbed/processes.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ANVIL = path.join(HERE, "../../../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
export const CHAIN_ID = 31337;
export const PLAIN = "http://127.0.0.1:8080";
export const TLS = "https://127.0.0.1:8443";
const RELAY = "127.0.0.2";

export class Scene {
  constructor(build, onRedis = false) {
    this.build = build;
    this.onRedis = onRedis;
    this.work = fs.mkdtempSync(path.join(os.tmpdir(), "chainturn-test-"));
    this.programs = new Programs(path.join(this.work, "log"));
    this.dir = path.join(this.work, "wm");
    this.config = path.join(this.dir, "wm-server.conf");
    this.bundleFile = path.join(this.dir, "bundle.json");
    this.urls = [1, 2, 3].map((i) => `http://127.0.0.${i}:8545`);
    this.made = 0;
    this.ethers = ethers;
  }

  async start() {
    this.anvil = this.programs.start("anvil", [ANVIL, "--host", "0.0.0.0", "--port", "8545", "--chain-id", String(CHAIN_ID), "--block-time", "1"]);
    await this.anvil.waitText(/Listening on/, "listening", 60000);
    this.provider = new ethers.JsonRpcProvider(this.urls[0], CHAIN_ID, { staticNetwork: true, pollingInterval: 200, cacheTimeout: -1 });
    this.owner = await this.fundedKey("owner");
    await this.run("wm-init", ["wm-server", "init", ...this.urls.flatMap((url) => ["--rpc", url]), "--dir", this.dir,
      "--address", "127.0.0.1", "--owner-key", this.owner.file, "--allow-private"]);
    this.setConfig(/^#probe-address = .*$/m, "probe-address = 127.0.0.9"); // the relay refuses peers at its own address
    if (this.onRedis) this.setConfig(/^path = wm\.sqlite$/m, `redis = ${await this.startRedis()}`);
    this.bundle = JSON.parse(fs.readFileSync(this.bundleFile, "utf8"));
    this.abi = new ethers.Interface(fs.readFileSync(path.join(this.build, "generated/Registry.abi.json"), "utf8"));
    this.contract = new ethers.Contract(this.bundle.contract, this.abi, this.provider);
    await this.startWm();
    const { doc } = await fetchDescription(PLAIN);
    this.doc = doc;
    this.plain = await makeClient(doc, PLAIN);
  }

  // A Redis of the test's own. Debian's redis-tools has the server under another name, and it goes by its name.
  async startRedis() {
    const program = ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/usr/bin/redis-check-rdb"].find((p) => fs.existsSync(p));
    if (!program) throw new Error("there is no redis-server; install Debian's redis-tools");
    const dir = path.join(this.work, "redis");
    fs.mkdirSync(dir, { mode: 0o700 });
    const words = ["--bind", "127.0.0.1", "--port", "0", "--unixsocket", `${dir}/redis.sock`, "--dir", dir, "--appendonly", "yes",
      "--appendfsync", "always", "--save", "", "--daemonize", "no"];
    const redis = this.programs.start("redis", ["bash", "-c", 'exec -a redis-server "$@"', "bash", program, ...words]);
    await redis.waitText(/eady to accept connections at/, "being ready", 60000);
    return `unix:${dir}/redis.sock`;
  }

  setConfig(from, to) {
    const text = fs.readFileSync(this.config, "utf8");
    if (!from.test(text)) throw new Error(`the configuration has no ${from}`);
    fs.writeFileSync(this.config, text.replace(from, to), { mode: 0o600 });
  }

  run(name, [program, ...rest], options) {
    return this.programs.run(name, [findProgram(this.build, program), ...rest], options);
  }

  async startWm() {
    this.wm = this.programs.start("wm-server", [findProgram(this.build, "wm-server"), "run", "--config", this.config]);
    await this.wm.waitText(/\bready\b.*contract=0x/, "being ready", 60000);
  }

  // A wallet with ether, its key in a file.
  async fundedKey(name, ether = 100n) {
    const key = this.key(name);
    await this.provider.send("anvil_setBalance", [key.wallet.address, ethers.toQuantity(ether * 10n ** 18n)]);
    await this.provider.send("evm_mine", []);
    return { ...key, wallet: key.wallet.connect(this.provider) };
  }

  key(name) {
    const wallet = ethers.Wallet.createRandom();
    const file = path.join(this.work, `${name}.key`);
    fs.writeFileSync(file, wallet.privateKey.slice(2) + "\n", { mode: 0o600 });
    return { wallet, file };
  }

  async token(...which) {
    const out = path.join(this.work, `token-${++this.made}`);
    await this.run(`token-${this.made}`, ["wm-admin", "token", "issue", "--config", this.config, "--batch", "B1", "--count", "1",
      ...(which.includes("--expires") ? [] : ["--expires", "1d"]), ...which, "--out", out]);
    return fs.readFileSync(out, "utf8").trim();
  }

  // The handshake, by the client that was made from openapi.json; answers the PSK and the messages.
  async handshake(purpose, identity, walletFile, keyFile) {
    const child = spawn(path.join(this.build, "tests/testbed/ct-enrol"), [purpose, this.bundleFile, identity, walletFile, keyFile],
      { stdio: ["pipe", "pipe", "inherit"] });
    const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const line = async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error("ct-enrol ended");
      return value;
    };
    const first = JSON.parse(await line());
    const m2 = await this.plain.client.handshake(null, first);
    if (m2.status !== 200) throw new Error(`m1: ${m2.status} ${JSON.stringify(m2.data)}`);
    child.stdin.end(`${m2.data.m2}\n`);
    const second = JSON.parse(await line());
    const [sid, psk] = (await line()).split(" ");
    const done = await this.plain.client.handshake(null, second);
    if (done.status !== 200 || done.data.done !== true) throw new Error(`m3, m4: ${done.status} ${JSON.stringify(done.data)}`);
    return { sid, psk, first, second };
  }

  // A party with a client of its own.
  async party(purpose, identity, keys = {}) {
    const name = `party-${++this.made}`;
    const wallet = keys.wallet ?? this.key(name);
    const keyFile = keys.keyFile ?? path.join(this.work, `${name}.x25519`);
    const psk = await this.handshake(purpose, identity, wallet.file, keyFile);
    const { client, faults, close } = await makeClient(this.doc, TLS, psk);
    return { identity, wallet: wallet.wallet, walletFile: wallet.file, keyFile, psk, client, faults, close };
  }

  // A relay that registers itself, but whose bundle has the wallet manager where nobody listens: somebody else has to ask for it.
  async startRelay() {
    const dir = path.join(this.work, "relay");
    fs.mkdirSync(path.join(dir, "state"), { recursive: true, mode: 0o700 });
    const { file, wallet } = await this.fundedKey("relay-wallet");
    const nowhere = { handshake: "http://127.0.0.1:9", tls: "https://127.0.0.1:9" };
    fs.writeFileSync(path.join(dir, "bundle.json"), JSON.stringify({ ...this.bundle, wm: nowhere }));
    fs.writeFileSync(path.join(dir, "turnserver.conf"), [
      `listening-ip=${RELAY}`, `relay-ip=${RELAY}`, "listening-port=3478", "min-port=51000", "max-port=51100", "realm=chainturn",
      "lt-cred-mech", "fingerprint", "no-tls", "no-dtls", "no-cli", "log-file=stdout", "simple-log", "allow-loopback-peers",
      `pidfile=${dir}/pid`, `userdb=${dir}/userdb`, "chainturn-mode=relays", `chainturn-bundle=${dir}/bundle.json`,
      `chainturn-wallet=${file}`, `chainturn-key=${dir}/relay.key`, `chainturn-state=${dir}/state`, "chainturn-poll-ms=500",
      "chainturn-allow-private", "",
    ].join("\n"));
    this.relay = this.programs.start("turnserver", [findProgram(this.build, "turnserver"), "-c", path.join(dir, "turnserver.conf")], { cwd: dir });
    const proposal = await this.proposalOf(wallet.address);
    return { ...proposal, owner: wallet.address, wallet: { file, wallet }, keyFile: path.join(dir, "relay.key") };
  }

  // Pending id and salt of the owner's registerServer, from the chain.
  async proposalOf(owner) {
    for (const until = performance.now() + 60000; performance.now() < until; await new Promise((r) => setTimeout(r, 200))) {
      const logs = await this.contract.queryFilter(this.contract.filters.ServerPending(null, owner));
      if (logs.length) {
        const tx = await this.provider.getTransaction(logs[0].transactionHash);
        return { pendingId: logs[0].args.pendingId, salt: this.abi.parseTransaction(tx).args.salt };
      }
    }
    throw new Error(`the relay did not register; ${this.relay.text().slice(-500)}`);
  }

  // What the device signs of the sponsored road, for this chain and contract unless told otherwise.
  async registration(party, change = {}, domain = {}, signer = party.wallet) {
    const r = { identity: party.identity, key: await this.publicKey(party), relay: 1, port: 51001, backup_relay: 0, backup_port: 0,
      expiry_day: Math.floor(Date.now() / 86400000) + 30, sequence: 0, deadline: Math.floor(Date.now() / 1000) + 600, ...change };
    const types = { Registration: [["identity", "bytes32"], ["key", "bytes32"], ["relay", "uint16"], ["port", "uint16"], ["backupRelay", "uint16"],
      ["backupPort", "uint16"], ["expiryDay", "uint16"], ["sequence", "uint16"], ["deadline", "uint64"]].map(([name, type]) => ({ name, type })) };
    const message = { identity: ethers.id(r.identity), key: r.key, relay: r.relay, port: r.port, backupRelay: r.backup_relay,
      backupPort: r.backup_port, expiryDay: r.expiry_day, sequence: r.sequence, deadline: r.deadline };
    const signature = await signer.signTypedData({ name: "chainturn", version: "1", chainId: CHAIN_ID,
      verifyingContract: this.bundle.contract, ...domain }, types, message);
    return { registration: r, signature };
  }

  // The X25519 public key of a party's key file.
  async publicKey(party) {
    const { createPrivateKey, createPublicKey } = await import("node:crypto");
    const raw = Buffer.from(fs.readFileSync(party.keyFile, "utf8").trim(), "hex");
    const der = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), raw]);
    const spki = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" })).export({ format: "der", type: "spki" });
    return ethers.hexlify(spki.subarray(-32));
  }

  async operation(party, id, timeout_ms = 120000) {
    for (const until = performance.now() + timeout_ms; performance.now() < until; await new Promise((r) => setTimeout(r, 200))) {
      const { status, data } = await party.client.getOperation(id);
      if (status !== 200 || data.state === "done" || data.state === "failed") return { status, ...data };
    }
    throw new Error(`operation ${id} does not end`);
  }

  async close() {
    this.provider?.destroy();
    await this.programs.endAll();
    fs.rmSync(this.work, { recursive: true, force: true });
  }
}
