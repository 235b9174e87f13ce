// A fleet with one credential; records that are renewed; a device that lost its wallet, and those who pinned it.
// needs: turnserver wm-server wm-admin chainturn-cli
import fs from "node:fs";
import path from "node:path";
import { ethers } from "../../testbed/chain.mjs";
import { Device } from "../../testbed/platform.mjs";
import { eventually } from "../../testbed/processes.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);
const steps = (program) => program.events().filter((e) => e.event === "step").map((e) => e.name).join(" ");

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  for (const n of [1, 2]) platform.startRelay(await platform.prepareRelay(n));
  await platform.waitApproved(2);
}

const admin = (platform, name, ...words) => platform.wmRun(name, [platform.program("wm-admin"), ...words.slice(0, 2), "--config", platform.config, ...words.slice(2)], { codes: CODES });

async function factory({ chain, network, platform }, claims) {
  const file = path.join(network.work, "fleet.token");
  await admin(platform, "factory", "token", "issue", "--factory", "--count", "2", "--id-prefix", "acme-", "--batch", "F1", "--expires", "1d", "--out", file);
  const door = platform.device("b", "acme-door");
  const up = await door.up(file, "--road", "funded");
  claims.that("up with a factory credential enrols, on the funded road", steps(up) === "funded sent add_client approve" && (await chain.device("acme-door")).state === "approved", up.text());
  const phone = new Device(platform, "a", "", "phone");
  const named = await phone.run(["up", "--bundle", platform.bundleFile, "--token-file", file]);
  phone.identity = last(named, "up").peer;
  claims.that("without --id the name begins with the fleet's prefix", /^acme-[0-9a-f-]{36}$/.test(phone.identity), phone.identity);
  claims.that("and it is on the chain", (await chain.device(phone.identity)).state === "approved");
  const again = await door.up(file);
  claims.that("up once more with it does nothing new", again.code === 0 && steps(again) === "", again.text());
  const third = new Device(platform, "b", "acme-3", "acme-3");
  claims.refuses("a third name for a credential for two", await third.run(third.upCommand(file), { codes: CODES, json: false }), 5, /used up.*2 names/);
  const other = new Device(platform, "b", "door-3", "door-3");
  claims.refuses("a name of another prefix", await other.run(other.upCommand(file), { codes: CODES, json: false }), 6, /begin with acme-/);
  return { door, phone };
}

const DAY = 86400000;
const LAST = Math.floor(Date.now() / DAY) + 3;
const key = (file) => new ethers.Wallet(`0x${fs.readFileSync(file, "utf8").trim().replace(/^0x/, "")}`);

// The record as its wallet would have signed it for three days only, sent by the approver. Answers with its block.
async function shorten({ chain, platform }, device) {
  const [wallet, approver] = [key(path.join(device.home, "wallet.key")), key(path.join(platform.wmDir, "approver.key"))];
  const record = await chain.device(device.identity);
  const v = { identity: ethers.id(device.identity), key: record.key, relay: record.relay, port: record.port, backupRelay: 0, backupPort: 0,
    expiryDay: LAST, sequence: record.sequence, deadline: Math.floor(Date.now() / 1000) + 600 };
  const types = { Registration: [["bytes32", "identity"], ["bytes32", "key"], ["uint16", "relay"], ["uint16", "port"], ["uint16", "backupRelay"],
    ["uint16", "backupPort"], ["uint16", "expiryDay"], ["uint16", "sequence"], ["uint64", "deadline"]].map(([type, name]) => ({ type, name })) };
  const domain = { name: "chainturn", version: "1", chainId: 31337, verifyingContract: chain.contract };
  const signature = ethers.Signature.from(await wallet.signTypedData(domain, types, v));
  const at = (n, shift) => BigInt(n) << BigInt(shift);
  const terms = at(v.deadline, 192) | at(v.expiryDay, 176) | at(v.sequence, 160) | at(v.relay, 144) | at(v.port, 128);
  const call = new ethers.Interface(["function registerClients((bytes32,bytes32,uint256,bytes32,bytes32)[])"]);
  const data = call.encodeFunctionData("registerClients", [[[v.identity, v.key, terms, signature.r, signature.yParityAndS]]]);
  const nonce = Number(await chain.rpc("eth_getTransactionCount", [approver.address, "latest"]));
  const tx = { to: chain.contract, data, nonce, gasLimit: 300000, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n, chainId: 31337, type: 2 };
  const hash = await chain.rpc("eth_sendRawTransaction", [await approver.signTransaction(tx)]);
  return Number((await chain.mined(hash)).blockNumber);
}

// Who wrote what of the device's record since that block.
async function written(chain, device, since) {
  const wanted = { address: chain.contract, fromBlock: ethers.toQuantity(since + 1), toBlock: "latest", topics: [null, ethers.id(device.identity)] };
  const logs = await chain.rpc("eth_getLogs", [wanted]);
  const names = new Map(["ClientRegistered(bytes32,address,uint256)", "ClientUpdated(bytes32,uint256)"].map((n) => [ethers.id(n), n.split("(")[0]]));
  return Promise.all(logs.map(async (l) => `${names.get(l.topics[0]) ?? l.topics[0]} by ${(await chain.mined(l.transactionHash)).from.toLowerCase()}`));
}

// Without a token, and in the place of the record that ends: it never is without one. by: whose account sends what
// writes it. listen: how the device comes to listen.
async function renewed({ chain, platform }, claims, device, other, { road, by, how, wanted, before = async () => {}, listen = () => device.listen("--refresh", "2") }) {
  const since = await shorten({ chain, platform }, device);
  const old = await chain.device(device.identity);
  claims.that(`${how}: the record is near its end`, Number(old.expiryDay) === LAST);
  await before();
  await listen();
  const record = await chain.device(device.identity);
  const days = Number(record.expiryDay) - Math.floor(Date.now() / DAY);
  claims.that(`${how}: its listener renews it by itself`, days > 80 && record.sequence === old.sequence + 1n, { days, sequence: String(record.sequence) });
  claims.that(`${how}: the same wallet and key, approved`, record.wallet === old.wallet && record.key === old.key && record.state === "approved");
  const writes = await written(chain, device, since);
  claims.that(`${how}: sent by ${by[0]}, and it was live all the time`, writes.length === 1 && writes[0] === `ClientRegistered by ${by[1].toLowerCase()}`, { writes, by });
  claims.that(`${how}: the steps are told`, wanted.test(steps(device.listener)), steps(device.listener));
  claims.that(`${how}: the road stays the device's`, last(device.listener, "registered").road === road, device.listener.text());
  const call = await dials(other, device.identity);
  claims.that(`${how}: it is called`, got(call), call.text());
  await device.listener.end();
}

const step = (program, name) => program.events().find((e) => e.event === "step" && e.name === name);

// No block is made but that of its ether, so what it sends can be taken away when it is killed: the next one sends it again.
async function killedAndBack({ chain }, claims, device) {
  await chain.still();
  const first = device.start(["listen", "--echo", "--refresh", "2"]);
  await chain.step();
  await first.wait((p) => step(p, "sent"), "the step sent");
  claims.that("the funded road: its gas was paid for", step(first, "funded").block > 0, first.text());
  first.child.kill("SIGKILL");
  await first.ended;
  const hash = step(first, "sent").transaction;
  claims.that("killed while it renews: its transaction is taken away", (await chain.rpc("anvil_dropTransaction", [hash])) === hash);
  await chain.flow();
  await device.listen("--refresh", "2");
  claims.that("and the same one is sent again", step(device.listener, "renew")?.transaction === hash, device.listener.text());
}

async function renewals(stage, claims, door, phone) {
  const { chain, platform } = stage;
  const own = ["its own wallet", door.wallet()], approver = ["the platform", key(path.join(platform.wmDir, "approver.key")).address];
  const purse = async (wei) => {
    await chain.rpc("anvil_setBalance", [door.wallet(), ethers.toQuantity(wei)]);
    await chain.rpc("evm_mine"); // the last block is of another state now
  };
  await renewed(stage, claims, door, phone, { how: "the funded road", road: "funded", by: own, wanted: /^renew$/,
    before: () => purse(0n), listen: () => killedAndBack(stage, claims, door) });
  await renewed(stage, claims, door, phone, { how: "paid for once, and that is spent", road: "funded", by: approver, wanted: /^funded register$/, before: () => purse(0n) });
  await renewed(stage, claims, phone, door, { how: "the sponsored road", road: "sponsored", by: approver, wanted: /^register$/ });
}

const dials = async (phone, name, json = true) => phone.run(["dial", name, "--datagrams", "1"], { codes: CODES, json });
const got = (call) => call.code === 0 && last(call, "datagrams")?.intact === 1;

async function pinned({ platform }, claims, door, phone) {
  await door.listen("--refresh", "2");
  const pin = await phone.run(["pin", "acme-door"], { codes: CODES });
  claims.that("pin: the wallet of now", pin.code === 0 && last(pin, "pinned").wallet === door.wallet(), pin.text());
  claims.that("a pinned device is called", got(await dials(phone, "acme-door")));
  await door.listener.end();
  await door.run(["rotate"]);
  await door.listen("--refresh", "2");
  const call = await dials(phone, "acme-door");
  claims.that("also with another key of the same wallet", got(call), call.text());
  await door.listener.end();
}

// Killed while it looks up, it has accepted nothing and forgotten nothing.
async function interrupted(chain, claims, phone, why) {
  const asked = async () => Object.values((await chain.status(0)).requests).reduce((sum, n) => sum + n, 0);
  const before = await asked();
  for (const which of [0, 1]) await chain.lie(which, { mode: "slow", ms: 600000 });
  const pin = phone.start(["pin", "acme-door", "--accept"]);
  claims.that("pin --accept asks the chain first", await eventually(async () => (await asked()) > before), pin.text());
  pin.child.kill("SIGKILL");
  await pin.ended;
  for (const which of [0, 1]) await chain.lie(which, { mode: "none" });
  claims.refuses("after an interrupted pin --accept the old pin", await dials(phone, "acme-door", false), 6, why);
}

// The home is gone, and with it the wallet; a new token for the very name brings the device back.
async function lost({ chain, platform }, claims, door, phone) {
  const wallet = door.wallet();
  fs.rmSync(door.home, { recursive: true });
  const up = await door.up(await platform.issueToken("acme-door"));
  const record = await chain.device("acme-door");
  claims.that("with a new token the name is another wallet's", record.state === "approved" && door.wallet() !== wallet, up.text());
  await door.listen("--refresh", "2");
  const why = new RegExp(`acme-door's key changed: its pinned record was of wallet ${wallet}, which was revoked at block \\d+ by the platform; the one of now is of wallet ${door.wallet()}, written at block \\d+;.*chainturn pin acme-door --accept`);
  claims.refuses("who pinned the old one is told why", await dials(phone, "acme-door", false), 6, why);
  claims.refuses("by resolve, too", await phone.run(["resolve", "acme-door"], { codes: CODES, json: false }), 6, why);
  claims.refuses("and pins nothing else by accident", await phone.run(["pin", "acme-door"], { codes: CODES, json: false }), 6, why);
  await interrupted(chain, claims, phone, why);
  await phone.listen("--refresh", "2");
  const called = await dials(door, phone.identity);
  claims.that("nor is it called by the new one", called.code !== 0 && called.events().every((e) => e.event !== "connected"), called.text());
  const accepted = await phone.run(["pin", "acme-door", "--accept"], { codes: CODES });
  claims.that("pin --accept takes the new one", accepted.code === 0 && last(accepted, "pinned").wallet === door.wallet(), accepted.text());
  const call = await dials(phone, "acme-door");
  claims.that("which is called then", got(call), call.text());
  const back = await dials(door, phone.identity);
  claims.that("and calls", got(back), back.text());
  await phone.run(["pin", "acme-door", "--remove"]);
  claims.refuses("a pin is removed once", await phone.run(["pin", "acme-door", "--remove"], { codes: CODES, json: false }), 3, /not pinned/);
  await phone.listener.end();
  await door.listener.end();
}

test(async (stage, claims) => {
  await bringUp(stage);
  const { door, phone } = await factory(stage, claims);
  await renewals(stage, claims, door, phone);
  await pinned(stage, claims, door, phone);
  await lost(stage, claims, door, phone);
});
