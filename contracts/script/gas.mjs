// What the contract costs, beside the paper's figures: node script/gas.mjs [--out FILE]
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { Interface, Wallet, id, toBeHex, zeroPadValue } from "ethers";
import { startAnvil } from "./anvil.mjs";

const { compileRegistry } = createRequire(import.meta.url)("../tools/compile.js");

// Gas of the paper's contract, ported to the same compiler and optimiser without other changes.
const PAPER = {
    deploy: 1_055_443,
    registerServer: 47_320,
    approveServerLater: 51_904,
    onboarding: 600_229, // funding, addClient and approveClient: three transactions
    lookup: 58_317_068, // the oldest of 5,000 clients
};
const DAY = 86_400;
const TYPES = {
    Registration: [
        ["identity", "bytes32"],
        ["key", "bytes32"],
        ["relay", "uint16"],
        ["port", "uint16"],
        ["backupRelay", "uint16"],
        ["backupPort", "uint16"],
        ["expiryDay", "uint16"],
        ["sequence", "uint16"],
        ["deadline", "uint64"],
    ].map(([name, type]) => ({ name, type })),
};

const figures = [];
const figure = (name, gas, paper = null) => figures.push({ name, gas: Math.round(gas), paper });

class Bench {
    constructor(rpc, contract) {
        this.rpc = rpc;
        this.iface = new Interface(contract.abi);
        this.code = `0x${contract.evm.bytecode.object}`;
        this.devices = 0;
    }

    async begin() {
        [this.owner, this.approver, this.relayOwner] = await this.rpc("eth_accounts");
        this.chainId = Number(await this.rpc("eth_chainId"));
        this.now = Number((await this.rpc("eth_getBlockByNumber", ["latest", false])).timestamp);
        this.today = Math.floor(this.now / DAY);
    }

    // The gas of one transaction as its receipt has it: 21,000 and calldata included.
    async send(from, to, data) {
        const hash = await this.rpc("eth_sendTransaction", [{ from, to, data, gas: "0xf42400" }]);
        const receipt = await this.receipt(hash);
        if (receipt.status !== "0x1") throw new Error(`transaction ${hash} was reverted`);
        return receipt;
    }

    // A block is mined at once, but it is not readable at once.
    async receipt(hash) {
        for (let attempt = 0; attempt < 500; attempt++) {
            const receipt = await this.rpc("eth_getTransactionReceipt", [hash]);
            if (receipt) return receipt;
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        throw new Error(`transaction ${hash} was not mined within 5 s`);
    }

    async call(from, name, args) {
        const receipt = await this.send(from, this.address, this.iface.encodeFunctionData(name, args));
        return { gas: Number(receipt.gasUsed), logs: receipt.logs };
    }

    // What a look-up executes, storage cold, without the 21,000 and calldata that eth_call never pays.
    async lookup(name, args) {
        const data = this.iface.encodeFunctionData(name, args);
        const trace = await this.rpc("debug_traceCall", [
            { from: this.owner, to: this.address, data },
            "latest",
            { disableStorage: true, disableMemory: true, disableStack: true },
        ]);
        const bytes = data.slice(2).match(/../g);
        const paid = bytes.reduce((sum, b) => sum + (b === "00" ? 4 : 16), 21_000);
        return Number(trace.gas) - paid;
    }

    async deploy() {
        const notAfter = this.now + 365 * DAY;
        const args = [this.owner, this.approver, id("ed25519"), id("x25519"), notAfter];
        const data = this.code + this.iface.encodeDeploy(args).slice(2);
        const receipt = await this.send(this.owner, undefined, data);
        this.address = receipt.contractAddress;
        this.domain = {
            name: "chainturn",
            version: "1",
            chainId: this.chainId,
            verifyingContract: this.address,
        };
        return Number(receipt.gasUsed);
    }

    async relay(n) {
        const ipv4 = 0xc6336400 + n; // 198.51.100.n
        const params = [ipv4, 0, 3478, ipv4, 0, 49152, 65535, id(`relay ${n}`), 0];
        const registered = await this.call(this.relayOwner, "registerServer", [id(`${n}`), params]);
        const { pendingId, digest } = this.iface.parseLog(registered.logs[0]).args;
        const args = [pendingId, digest, this.today + 365];
        const approved = await this.call(this.approver, "approveServer", args);
        return { registered: registered.gas, approved: approved.gas };
    }

    // A device with a primary and a backup relay, its wallet made from its number.
    async registration() {
        const n = ++this.devices;
        const t = {
            identity: id(`device-${n}`),
            key: id(`key ${n}`),
            relay: 1,
            port: 50_000 + n,
            backupRelay: 2,
            backupPort: 51_000 + n,
            expiryDay: this.today + 365,
            sequence: 0,
            deadline: this.now + DAY,
        };
        const wallet = new Wallet(zeroPadValue(toBeHex(n), 32));
        const signature = await wallet.signTypedData(this.domain, TYPES, t);
        const r = signature.slice(0, 66);
        const parity = BigInt(`0x${signature.slice(130)}`) - 27n;
        const vs = toBeHex((parity << 255n) | BigInt(`0x${signature.slice(66, 130)}`), 32);
        const widths = [t.deadline, t.expiryDay, t.sequence, t.relay, t.port, t.backupRelay, t.backupPort];
        const terms = widths.reduce((sum, v) => (sum << 16n) | BigInt(v), 0n) << 96n;
        return [t.identity, t.key, terms, r, vs];
    }

    async batch(size) {
        const entries = [];
        for (let i = 0; i < size; i++) entries.push(await this.registration());
        const { gas, logs } = await this.call(this.approver, "registerClients", [entries]);
        const written = logs.filter((l) => this.iface.parseLog(l).name === "ClientRegistered");
        if (written.length !== size) throw new Error(`${written.length} of ${size} registered`);
        return gas / size;
    }
}

async function measure(rpc) {
    const bench = new Bench(rpc, compileRegistry());
    await bench.begin();
    figure("deploy", await bench.deploy(), PAPER.deploy);
    const first = await bench.relay(11);
    const later = await bench.relay(12);
    figure("registerServer", later.registered, PAPER.registerServer);
    figure("approveServer, first", first.approved);
    figure("approveServer, later", later.approved, PAPER.approveServerLater);
    for (const size of [1, 10, 50, 100]) {
        const name = `registerClients, per device in a batch of ${size}`;
        figure(name, await bench.batch(size), PAPER.onboarding);
    }
    const name = [id("device-1")];
    figure("getClient", await bench.lookup("getClient", name), PAPER.lookup);
    figure("getClientPuk", await bench.lookup("getClientPuk", name), PAPER.lookup);
    const relayed = await bench.lookup("getClientRelayedAddress", name);
    figure("getClientRelayedAddress, with both relays", relayed, PAPER.lookup);
    figure("getServer", await bench.lookup("getServer", [1]));
    figure("getClient, missing name", await bench.lookup("getClient", [id("nobody")]));
    figure("revokeClient", (await bench.call(bench.approver, "revokeClient", name)).gas);
    const pass = "0x000102030405060708090a0b0c0d0e0f";
    figure("revokePass", (await bench.call(bench.approver, "revokePass", [pass])).gas);
}

function goals() {
    const goal = (name, row, limit) => {
        const value = figures.find((f) => f.name === row).gas;
        return { name, value, limit, op: "<=", met: value <= limit };
    };
    const batch = "registerClients, per device in a batch of 100";
    return [
        goal("sponsored_registration_gas_per_device", batch, 57_000),
        goal("lookup_gas", "getClient", 8_000),
        goal("missing_lookup_gas", "getClient, missing name", 8_000),
    ];
}

function machine(client) {
    const cpus = os.cpus();
    return {
        cpu: cpus[0] ? cpus[0].model : "unknown",
        cpus: cpus.length,
        memory_bytes: os.totalmem(),
        kernel: os.release(),
        node: process.version,
        chain: client,
    };
}

function print(list) {
    const n = (v) => (v === null ? "-" : v.toLocaleString("en-US"));
    const line = (a, b, c, d) =>
        console.log(`${a.padEnd(46)}${b.padStart(12)}${c.padStart(14)}${d.padStart(10)}`);
    line("gas", "chainturn", "the paper", "ratio");
    for (const f of figures) {
        line(f.name, n(f.gas), n(f.paper), f.paper ? (f.paper / f.gas).toFixed(1) : "-");
    }
    console.log("(paper: registration = all three transactions; look-up = the oldest of 5,000)");
    for (const g of list) {
        console.log(`goal ${g.name}: ${n(g.value)} ${g.op} ${n(g.limit)}: ${g.met ? "met" : "MISSED"}`);
    }
}

async function main() {
    const args = process.argv.slice(2);
    if (args.length !== 0 && !(args.length === 2 && args[0] === "--out")) {
        console.error("usage: gas.mjs [--out FILE]");
        return 2;
    }
    const anvil = await startAnvil();
    let client;
    try {
        client = await anvil.rpc("web3_clientVersion");
        await measure(anvil.rpc);
    } finally {
        await anvil.stop();
    }
    const list = goals();
    print(list);
    if (args.length === 2) {
        const report = { name: "gas", goals: list, figures, machine: machine(client) };
        mkdirSync(path.dirname(path.resolve(args[1])), { recursive: true });
        writeFileSync(args[1], JSON.stringify(report, null, 2) + "\n");
    }
    return list.every((g) => g.met) ? 0 : 1;
}

main().then(
    (code) => process.exit(code),
    (error) => {
        console.error(`gas: ${error.message}`);
        process.exit(1);
    }
);
