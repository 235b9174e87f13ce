// The chain of a run: anvil with 1 s blocks, the two proxies, and our own look at the contract.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as ethers from "ethers";
import { Failure, eventually } from "./processes.mjs";
import { address } from "./network.mjs";

// The tests' own eyes on the chain, independent of our C code.
export { ethers };
const { Wallet, id, keccak256, toBeHex, toQuantity, zeroPadValue } = ethers;

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ANVIL = path.join(HERE, "../../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
const PORT = 8545;
export const CHAIN_ID = 31337;
export const STATES = ["none", "pending", "approved", "revoked", "withdrawn"];

function post(socketPath, url, body) {
  return new Promise((resolve, reject) => {
    const req = http.request({ socketPath, path: url, method: "POST" }, (res) => {
      let text = "";
      res.on("data", (part) => (text += part));
      res.on("end", () => (res.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text))));
    });
    req.on("error", reject);
    req.end(JSON.stringify(body));
  });
}

const word = (n) => zeroPadValue(toBeHex(BigInt(n)), 32);
const mapSlot = (key, slot) => BigInt(keccak256(key + word(slot).slice(2)));

// Fields of a word from its highest bit, by their widths; the names are docs/protocol.md's.
function fields(value, widths) {
  let at = 256n;
  return Object.fromEntries(
    Object.entries(widths).map(([name, bits]) => {
      at -= BigInt(bits);
      return [name, (value >> at) & ((1n << BigInt(bits)) - 1n)];
    }),
  );
}

export class Chain {
  constructor(network, programs, { blockTime = 1 } = {}) {
    this.network = network;
    this.programs = programs;
    this.blockTime = blockTime;
    this.urls = address.rpc.map((ip) => `http://${ip}:${PORT}`);
    this.controls = [1, 2].map((i) => path.join(network.work, `rpc${i + 1}.sock`));
  }

  async start() {
    if (!fs.existsSync(ANVIL)) throw new Failure("anvil is missing; run './run setup'");
    const netns = this.network.netns("chain");
    const argv = [ANVIL, "--host", address.rpc[0], "--port", String(PORT), "--chain-id", String(CHAIN_ID)];
    this.anvil = this.programs.start("anvil", [...argv, "--block-time", String(this.blockTime)], { netns });
    await this.anvil.waitText(/Listening on/, "listening");
    const proxies = this.controls.map((control, i) =>
      this.programs.start(
        `rpc${i + 2}`,
        [process.execPath, path.join(HERE, "rpcproxy.mjs"), "--listen", `${address.rpc[i + 1]}:${PORT}`,
          "--upstream", this.urls[0], "--control", control],
        { netns },
      ),
    );
    await Promise.all(proxies.map((p) => p.waitText(/^ready$/m, "being ready")));
    this.funder = (await this.rpc("eth_accounts"))[0];
  }

  // The truth, from anvil, whatever the proxies are told to say.
  async rpc(method, params = []) {
    return this.ask(0, "/truth", method, params);
  }

  // What an endpoint says, true or not.
  askEndpoint(which, method, params = []) {
    return this.ask(which, "/rpc", method, params);
  }

  async ask(which, url, method, params) {
    const answer = await post(this.controls[which], url, { jsonrpc: "2.0", id: 1, method, params });
    if (answer.error) throw new Failure(`${method}: ${answer.error.message}`, this.anvil.log);
    return answer.result;
  }

  // which: 0 for the endpoint .31, 1 for .32
  lie(which, how) {
    return post(this.controls[which], "/lie", how);
  }

  // {mode, requests: {method: count}} of an endpoint
  status(which) {
    return post(this.controls[which], "/status", {});
  }

  async fund(to, ether) {
    const value = toQuantity(BigInt(Math.round(ether * 1000)) * 10n ** 15n);
    const hash = await this.rpc("eth_sendTransaction", [{ from: this.funder, to, value }]);
    await this.mined(hash);
  }

  // The receipt, once the transaction is in a block.
  async mined(hash) {
    let receipt;
    const isMined = async () => (receipt = await this.rpc("eth_getTransactionReceipt", [hash])) !== null;
    if (!(await eventually(isMined))) throw new Failure(`the transaction ${hash} was not mined`, this.anvil.log);
    return receipt;
  }

  // No block from here on but those of step(): what is sent waits, however slow this machine is.
  still() {
    return this.rpc("evm_setIntervalMining", [0]);
  }

  // One block, as soon as there is a transaction for it.
  async step() {
    const waits = async () => Number((await this.rpc("txpool_status")).pending) > 0;
    if (!(await eventually(waits))) throw new Failure("nobody sent a transaction", this.anvil.log);
    await this.rpc("evm_mine");
  }

  flow() {
    return this.rpc("evm_setIntervalMining", [this.blockTime]);
  }

  // Makes a key file (0600, hex) whose wallet holds some ether.
  async fundedKey(file, ether) {
    const wallet = Wallet.createRandom();
    fs.writeFileSync(file, wallet.privateKey.slice(2) + "\n", { mode: 0o600 });
    await this.fund(wallet.address, ether);
    return wallet.address;
  }

  // D of docs/protocol.md
  deployment() {
    const text = ethers.hexlify(ethers.toUtf8Bytes("chainturn/1"));
    const packed = ethers.concat([text, word(CHAIN_ID), this.contract]);
    return Buffer.from(keccak256(packed).slice(2), "hex");
  }

  async storage(slot) {
    return BigInt(await this.rpc("eth_getStorageAt", [this.contract, word(slot), "latest"]));
  }

  async relay(index) {
    const value = await this.storage(mapSlot(word(index), 1));
    const f = fields(value, { owner: 160, state: 8, listenPort: 16, portMin: 16, portMax: 16, expiryDay: 16 });
    return { ...f, state: STATES[Number(f.state)] };
  }

  // The relay digest of docs/protocol.md 2, with index and key zero: what a relay's statement names.
  async relayDigest(index) {
    const at = mapSlot(word(index), 1);
    const low = (1n << 96n) - 1n, ports = ((1n << 48n) - 1n) << 40n; // of word 0: the owner, and three ports
    const [first, second, third] = await Promise.all([0n, 1n, 2n].map((i) => this.storage(at + i)));
    return keccak256(ethers.concat([word((first & ~low) | (first & ports)), word(second), word(third), word(0)]));
  }

  deviceSlot(identity) {
    return mapSlot(id(identity), 0);
  }

  async device(identity) {
    const slot = this.deviceSlot(identity);
    const widths = { wallet: 160, state: 4, expiryDay: 16, sequence: 16, relay: 14, port: 16, backupRelay: 14, backupPort: 16 };
    const f = fields(await this.storage(slot), widths);
    return { ...f, state: STATES[Number(f.state)], key: word(await this.storage(slot + 1n)) };
  }

  // What a test compares to show that nothing changed: the log, the relays, the named devices.
  async snapshot(identities = []) {
    const slots = [9n, 10n, ...identities.flatMap((n) => [this.deviceSlot(n), this.deviceSlot(n) + 1n])];
    return (await Promise.all(slots.map((s) => this.storage(s)))).join(" ");
  }
}
