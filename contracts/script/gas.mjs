// What the contract costs, beside the paper's figures: node script/gas.mjs [--out FILE]
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { Interface, Signature, Wallet, concat, id, keccak256, toBeHex, zeroPadValue } from "ethers";
import { startAnvil } from "./anvil.mjs";

const { compileRegistry } = createRequire(import.meta.url)("../tools/compile.js");

// Gas of the paper's contract, ported to the same compiler and optimiser without other changes.
const PAPER = {
    deploy: 1_055_443,
    registerServer: 47_320,
    approveServerLater: 51_904,
    onboarding: 600_229, // funding, addClient and approveClient: three transactions
    addClient: 500_097,
    approveClient: 79_929, // 329,685 with a signed token
    updateAllocation: 31_444,
    lookup: 58_317_068, // the oldest of 5,000 clients
};
const DAY = 86_400;
const RELAYS = "uint16 relay,uint16 port,uint16 backupRelay,uint16 backupPort";
const TYPES = {
    Registration: `bytes32 identity,bytes32 key,${RELAYS},uint16 expiryDay,uint16 sequence,uint64 deadline`,
    Voucher: "bytes32 identity,bytes32 tokenHash,address wallet,uint64 deadline",
    Update: `bytes32 identity,${RELAYS},uint16 sequence,uint64 deadline`,
    KeyRotation: "bytes32 identity,bytes32 key,uint16 sequence,uint64 deadline",
    SelfRevocation: "bytes32 identity,uint16 sequence,uint64 deadline",
};
for (const name of Object.keys(TYPES)) {
    const member = (text) => ({ type: text.split(" ")[0], name: text.split(" ")[1] });
    TYPES[name] = { [name]: TYPES[name].split(",").map(member) };
}

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
    device(n) {
        return {
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
    }

    wallet(n) {
        return new Wallet(zeroPadValue(toBeHex(n), 32));
    }

    terms(t) {
        const widths = [t.deadline, t.expiryDay, t.sequence, t.relay, t.port, t.backupRelay, t.backupPort];
        return widths.reduce((sum, v) => (sum << 16n) | BigInt(v ?? 0), 0n) << 96n;
    }

    // What an approver names: both words of the record, the four bits of the state zeroed.
    async digest(identity) {
        const base = BigInt(keccak256(concat([identity, toBeHex(0, 32)])));
        const at = (slot) => this.rpc("eth_getStorageAt", [this.address, toBeHex(slot, 32), "latest"]);
        const word0 = BigInt(await at(base)) & ~(15n << 92n);
        return keccak256(concat([toBeHex(word0, 32), await at(base + 1n)]));
    }

    // r and vs of EIP-2098
    async sign(wallet, type, value) {
        const { r, yParityAndS } = Signature.from(
            await wallet.signTypedData(this.domain, TYPES[type], value)
        );
        return [r, yParityAndS];
    }

    async registration() {
        const n = ++this.devices;
        const t = this.device(n);
        const signature = await this.sign(this.wallet(n), "Registration", t);
        return [t.identity, t.key, this.terms(t), ...signature];
    }

    async batch(size) {
        const entries = [];
        for (let i = 0; i < size; i++) entries.push(await this.registration());
        const { gas, logs } = await this.call(this.approver, "registerClients", [entries]);
        const written = logs.filter((l) => this.iface.parseLog(l).name === "ClientRegistered");
        if (written.length !== size) throw new Error(`${written.length} of ${size} registered`);
        return gas / size;
    }

    // The funded road: devices add themselves, one approval call for all. Gas of the dearest addClient.
    async funded(size) {
        let added = 0;
        const approvals = [];
        for (let i = 0; i < size; i++) {
            const t = this.device(++this.devices);
            const wallet = this.wallet(this.devices);
            await this.rpc("anvil_setBalance", [wallet.address, "0xde0b6b3a7640000"]);
            await this.rpc("anvil_impersonateAccount", [wallet.address]);
            const voucher = {
                identity: t.identity,
                tokenHash: id(`token ${this.devices}`),
                wallet: wallet.address,
                deadline: t.deadline,
            };
            const signature = await this.sign(this.voucherKey, "Voucher", voucher);
            const args = [t.identity, voucher.tokenHash, t.key, this.terms(t), ...signature];
            const { gas } = await this.call(wallet.address, "addClient", args);
            approvals.push([t.identity, await this.digest(t.identity)]);
            added = Math.max(added, gas);
        }
        const { gas, logs } = await this.call(this.approver, "approveClients", [approvals]);
        const approved = logs.filter((l) => this.iface.parseLog(l).name === "ClientApproved");
        if (approved.length !== size) throw new Error(`${approved.length} of ${size} approved`);
        return { added, approved: gas / size };
    }

    // The n-th device, live under that sequence number, renews its own record.
    async renewal(n, sequence) {
        const t = { ...this.device(n), sequence, expiryDay: this.today + 400 };
        const day = zeroPadValue(toBeHex(t.expiryDay), 32);
        const wallet = this.wallet(n).address;
        const voucher = { identity: t.identity, tokenHash: day, wallet, deadline: t.deadline };
        const signature = await this.sign(this.voucherKey, "Voucher", voucher);
        const args = [t.identity, day, t.key, this.terms(t), ...signature];
        return (await this.call(wallet, "addClient", args)).gas;
    }

    // What the devices first .. last, registered and unchanged so far, change by signatures.
    async signedChanges(first, last) {
        const updates = [];
        const rotations = [];
        for (let n = first; n <= last; n++) {
            const t = { ...this.device(n), sequence: 1, expiryDay: 0 };
            const update = await this.sign(this.wallet(n), "Update", t);
            updates.push([t.identity, this.terms(t), ...update]);
            const rotation = { identity: t.identity, key: id("new"), sequence: 2, deadline: t.deadline };
            const signature = await this.sign(this.wallet(n), "KeyRotation", rotation);
            rotations.push([t.identity, rotation.key, this.terms(rotation), ...signature]);
        }
        const size = last - first + 1;
        const updated = await this.call(this.relayOwner, "updateAllocations", [updates]);
        const rotated = await this.call(this.relayOwner, "rotateKeys", [rotations]);
        if (updated.logs.length !== size || rotated.logs.length !== size) {
            throw new Error("a signed change was skipped");
        }
        return { updated: updated.gas / size, rotated: rotated.gas / size };
    }

    async revokeSelf(n, sequence) {
        const t = { identity: id(`device-${n}`), sequence, deadline: this.now + DAY };
        const signature = await this.sign(this.wallet(n), "SelfRevocation", t);
        const args = [t.identity, t.sequence, t.deadline, ...signature];
        return (await this.call(this.relayOwner, "revokeSelf", args)).gas;
    }
}

async function measureFundedRoad(bench) {
    bench.voucherKey = Wallet.createRandom();
    await bench.call(bench.owner, "setApprover", [bench.voucherKey.address, true]);
    const one = await bench.funded(1);
    const alone = bench.devices;
    const many = await bench.funded(100);
    figure("addClient", Math.max(one.added, many.added), PAPER.addClient);
    figure("approveClients, a batch of 1", one.approved, PAPER.approveClient);
    figure("approveClients, per device in a batch of 100", many.approved, PAPER.approveClient);
    figure("addClient, a renewal", await bench.renewal(alone, 1), PAPER.addClient);
    const t = bench.device(alone);
    const ports = [t.relay, 60_000, t.backupRelay, 60_001];
    const update = (args) => bench.call(bench.wallet(alone).address, "updateAllocation", args);
    const moved = await update([t.identity, ...ports, 2]);
    figure("updateAllocation, with both relays", moved.gas, PAPER.updateAllocation);
    const home = await update([t.identity, t.relay, 60_002, 0, 0, 3]);
    figure("updateAllocation, without a backup", home.gas, PAPER.updateAllocation);
    const changes = await bench.signedChanges(alone + 1, alone + 100);
    figure("updateAllocations, per device in a batch of 100", changes.updated, PAPER.updateAllocation);
    figure("rotateKeys, per device in a batch of 100", changes.rotated);
    figure("revokeSelf", await bench.revokeSelf(alone, 4));
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
    await measureFundedRoad(bench);
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
        goal("add_client_gas", "addClient", 82_000),
        goal("approval_gas_per_device", "approveClients, per device in a batch of 100", 10_500),
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
        console.log(`${a.padEnd(48)}${b.padStart(12)}${c.padStart(14)}${d.padStart(10)}`);
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
