// The servers of a run: wallet manager and relays on the test network, and devices that use them.
import fs from "node:fs";
import path from "node:path";
import { ethers } from "./chain.mjs";
import { address } from "./network.mjs";
import { Failure, PATIENCE_MS } from "./processes.mjs";

const PLACES = ["bin", "client", "client/cli", "wm-server", "wm-server/admin", "coturn-module", "coturn/bin"];
const RELAY_PORTS = { listening: 3478, min: 50000, max: 50999 };

export function findProgram(build, name) {
  for (const place of PLACES) {
    const file = path.resolve(build, place, name);
    if (fs.existsSync(file) && fs.statSync(file).isFile()) return file;
  }
  throw new Failure(`${name} is not in ${build}; run './run setup'`);
}

export class Platform {
  constructor(build, network, programs, chain) {
    Object.assign(this, { build, network, programs, chain });
    this.relays = [];
    this.wmDir = path.join(network.work, "wm");
    this.config = path.join(this.wmDir, "wm-server.conf");
    this.bundleFile = path.join(this.wmDir, "bundle.json");
  }

  program(name) {
    return findProgram(this.build, name);
  }

  wmRun(name, argv, options = {}) {
    return this.programs.run(name, argv, { netns: this.network.netns("wm"), ...options });
  }

  // Deploys the contract, writes the configuration and the bundle.
  async initWm() {
    const ownerKey = path.join(this.network.work, "owner.key");
    await this.chain.fundedKey(ownerKey, 100);
    const rpc = this.chain.urls.flatMap((url) => ["--rpc", url]);
    await this.wmRun("wm-init", [
      this.program("wm-server"), "init", ...rpc, "--quorum", "2", "--dir", this.wmDir,
      "--address", address.wm, "--owner-key", ownerKey,
    ]);
    this.bundle = JSON.parse(fs.readFileSync(this.bundleFile, "utf8"));
    this.chain.contract = this.bundle.contract;
  }

  async startWm() {
    const argv = [this.program("wm-server"), "run", "--config", this.config];
    this.wm = this.programs.start("wm-server", argv, { netns: this.network.netns("wm") });
    await this.wm.waitText(/\bready\b.*contract=0x/, "being ready");
  }

  // A token file for one name.
  async issueToken(identity, { expires = "1d", batch = "demo" } = {}) {
    const file = path.join(this.network.work, `token-${identity}-${Date.now()}`);
    const argv = [this.program("wm-admin"), "token", "issue", "--config", this.config, "--batch", batch];
    const rest = ["--count", "1", "--expires", expires, "--id", identity, "--out", file];
    await this.wmRun(`token-${identity}`, [...argv, ...rest]);
    return file;
  }

  // Folder, wallet with a little ether for the registration, and configuration of a relay.
  async prepareRelay(number, extra = [], folder = `relay${number}`) {
    const dir = path.join(this.network.work, folder);
    fs.mkdirSync(path.join(dir, "state"), { recursive: true, mode: 0o700 });
    const ip = address[`relay${number}`];
    const wallet = await this.chain.fundedKey(path.join(dir, "wallet.key"), 1);
    const lines = [
      `listening-ip=${ip}`, `relay-ip=${ip}`, `listening-port=${RELAY_PORTS.listening}`,
      `min-port=${RELAY_PORTS.min}`, `max-port=${RELAY_PORTS.max}`, "realm=chainturn", "lt-cred-mech",
      "fingerprint", "no-tls", "no-dtls", "no-cli", "log-file=stdout", "simple-log", "no-multicast-peers",
      `pidfile=${dir}/pid`, `userdb=${dir}/userdb`,
      "chainturn-mode=relays", `chainturn-bundle=${this.bundleFile}`, `chainturn-wallet=${dir}/wallet.key`,
      `chainturn-key=${dir}/relay.key`, `chainturn-state=${dir}/state`, "chainturn-poll-ms=500", ...extra,
    ];
    fs.writeFileSync(path.join(dir, "turnserver.conf"), lines.join("\n") + "\n");
    return { number, dir, ip, wallet, conf: path.join(dir, "turnserver.conf") };
  }

  startRelay(relay) {
    const argv = [this.program("turnserver"), "-c", relay.conf];
    relay.program = this.programs.start(`relay${relay.number}`, argv, {
      netns: this.network.netns(`relay${relay.number}`),
      cwd: relay.dir,
    });
    this.relays.push(relay);
  }

  // Until the contract itself says that this many relays are approved.
  async waitApproved(count, timeout_ms = 2 * PATIENCE_MS) {
    const until = performance.now() + timeout_ms;
    for (;;) {
      const seen = [];
      for (let i = 1; i <= count; i++) seen.push((await this.chain.relay(i)).state);
      if (seen.every((s) => s === "approved")) return;
      const dead = this.relays.find((r) => r.program.code !== undefined);
      if (dead) throw new Failure(`relay ${dead.number} ended (${dead.program.code})`, dead.program.log);
      if (performance.now() > until) {
        const log = this.relays[seen.findIndex((s) => s !== "approved")]?.program.log;
        throw new Failure(`not all relays were approved in ${timeout_ms / 1000} s: ${seen.join(", ")}`, log);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  // The relay that the contract has under this index: those that start together are approved in any order.
  async relayAt(index) {
    const { owner } = await this.chain.relay(index);
    return this.relays.find((relay) => BigInt(relay.wallet) === owner);
  }

  device(side, identity) {
    return new Device(this, side, identity);
  }
}

// One device: the chainturn command with a home of its own, behind the NAT of its side.
export class Device {
  constructor(platform, side, identity, home = `device-${side}`) {
    Object.assign(this, { platform, side, identity });
    this.home = path.join(platform.network.work, home);
    this.netns = platform.network.netns(`dev-${side}`);
    this.runs = 0;
  }

  argv(command, { json = true } = {}) {
    const options = json ? ["--json"] : [];
    return [this.platform.program("chainturn"), "--home", this.home, ...options, ...command];
  }

  name(command) {
    return `${path.basename(this.home)}-${command[0]}-${++this.runs}`;
  }

  start(command, { json, ...options } = {}) {
    return this.platform.programs.start(this.name(command), this.argv(command, { json }), {
      netns: this.netns,
      ...options,
    });
  }

  run(command, { json, ...options } = {}) {
    return this.platform.programs.run(this.name(command), this.argv(command, { json }), {
      netns: this.netns,
      ...options,
    });
  }

  upCommand(tokenFile, ...options) {
    const token = tokenFile ? ["--token-file", tokenFile] : [];
    return ["up", "--bundle", this.platform.bundleFile, "--id", this.identity, ...token, ...options];
  }

  up(tokenFile, ...options) {
    return this.run(this.upCommand(tokenFile, ...options));
  }

  // Its wallet's address, from the key file.
  wallet() {
    const key = fs.readFileSync(path.join(this.home, "wallet.key"), "utf8").trim();
    return new ethers.Wallet(`0x${key.replace(/^0x/, "")}`).address;
  }

  async listen(...options) {
    this.listener = this.start(["listen", "--echo", ...options]);
    await this.listener.waitEvent("listening");
    return this.listener;
  }
}
