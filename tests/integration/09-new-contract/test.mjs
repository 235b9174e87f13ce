// A platform moves to a new contract: relays and devices are taken over, once each, and are called there by their names.
// needs: turnserver wm-server wm-admin chainturn-cli
import fs from "node:fs";
import path from "node:path";
import { ethers } from "../../testbed/chain.mjs";
import { Device, Platform } from "../../testbed/platform.mjs";
import { PATIENCE_MS } from "../../testbed/processes.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);

// A relay beside the first one, on other ports.
async function thirdRelay(platform) {
  const relay = await platform.prepareRelay(1, [], "relay3");
  const text = fs.readFileSync(relay.conf, "utf8");
  fs.writeFileSync(relay.conf, text.replace("=3478", "=3479").replace("=50000", "=51000").replace("=50999", "=51999"));
  return relay;
}

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  for (const relay of [await platform.prepareRelay(1), await platform.prepareRelay(2)]) platform.startRelay(relay);
  await platform.waitApproved(2);
  platform.startRelay(await thirdRelay(platform));
  await platform.waitApproved(3);
}

// Devices of both roads, and two that have no record to be moved.
async function enrol(stage) {
  const { platform } = stage;
  const [door, phone] = [platform.device("b", "door-7"), platform.device("a", "phone-1")];
  await door.up(await platform.issueToken("door-7"), "--road", "funded");
  await phone.up(await platform.issueToken("phone-1"));
  const others = ["lamp-1", "lamp-2", "gone-1"].map((id) => new Device(platform, "b", id, id));
  for (const d of others) await d.up(await platform.issueToken(d.identity));
  await others[2].run(["revoke", "--yes"]);
  await door.listen("--refresh", "2");
  return { door, phone };
}

// What the owner is told to send, sent by its wallet, which is elsewhere.
async function ownerSends({ chain, network }, words, name) {
  const call = words.match(new RegExp(`send to (0x[0-9a-fA-F]{40}):\\s+${name} (0x[0-9a-f]+)`));
  if (!call) throw new Error(`no ${name} in: ${words}`);
  const key = fs.readFileSync(path.join(network.work, "owner.key"), "utf8").trim();
  const wallet = new ethers.Wallet(`0x${key}`);
  const nonce = Number(await chain.rpc("eth_getTransactionCount", [wallet.address, "latest"]));
  const tx = { to: call[1], data: call[2], nonce, gasLimit: 200000, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n, chainId: 31337, type: 2 };
  const hash = await chain.rpc("eth_sendRawTransaction", [await wallet.signTransaction(tx)]);
  return (await chain.mined(hash)).status === "0x1";
}

// The second deployment: a folder, store and keys of its own, on the same addresses.
async function newContract(stage) {
  const { chain, network, platform, programs } = stage;
  const next = new Platform(stage.build, network, programs, chain);
  next.wmDir = path.join(network.work, "wm-2");
  next.config = path.join(next.wmDir, "wm-server.conf");
  next.bundleFile = path.join(next.wmDir, "bundle.json");
  const rpc = chain.urls.flatMap((url) => ["--rpc", url]);
  await platform.wmRun("wm-init-2", [platform.program("wm-server"), "init", ...rpc, "--quorum", "2", "--dir", next.wmDir,
    "--address", "198.51.100.20", "--owner-key", path.join(network.work, "owner.key")]);
  next.relays = platform.relays;
  next.contract = JSON.parse(fs.readFileSync(next.bundleFile, "utf8")).contract;
  await platform.wm.end();
  await next.startWm();
  return next;
}

const migrateArgv = (platform, next, ...more) => [platform.program("wm-admin"), "contract", "migrate", "--config", next.config, "--from", platform.config, ...more];

async function eventsOf(chain, contract, signature) {
  const logs = await chain.rpc("eth_getLogs", [{ address: contract, fromBlock: "0x1", toBlock: "latest", topics: [ethers.id(signature)] }]);
  return logs.map((log) => log.topics[1]);
}

async function migrate(stage, claims, next) {
  const { chain, platform, programs, network } = stage;
  const run = (name, ...more) => platform.wmRun(name, migrateArgv(platform, next, ...more), { codes: CODES });
  const early = await run("migrate-early");
  claims.refuses("without a predecessor nothing is moved", early, 2, /predecessor/);
  claims.that("the owner of the new contract names the old one", await ownerSends(stage, early.text(), "setPredecessor"));

  const plan = await run("migrate-plan", "--dry-run");
  claims.that("--dry-run prints the plan", plan.code === 0 && /relays: 3 to move, 0 there, 0 stay; devices: 4 to move, 0 there, 1 stay/.test(plan.text()), plan.text());
  claims.that("and why something stays", /device gone-1 stays: it is revoked/.test(plan.text()), plan.text());
  // Another host's wm-admin, whose store has never heard of a device: the contract's events are enough.
  const stranger = path.join(platform.wmDir, "stranger.conf");
  fs.writeFileSync(stranger, fs.readFileSync(platform.config, "utf8").replace(/^path = .*$/m, "path = stranger.sqlite"), { mode: 0o600 });
  const told = await platform.wmRun("migrate-stranger", migrateArgv({ program: (p) => platform.program(p), config: stranger }, next, "--dry-run"), { codes: CODES });
  claims.that("devices are found by the contract's events alone", /devices: 4 to move, 0 there, 1 stay/.test(told.text()) && /device 0x[0-9a-f]{64} stays: it is revoked/.test(told.text()), told.text());
  claims.that("and moves nothing", (await eventsOf(chain, next.contract, "ServerApproved(uint16,address,bytes32,uint16)")).length === 0);

  // No block comes, so what was asked for is under way when both are killed.
  await chain.still();
  const killed = programs.start("migrate-killed", migrateArgv(platform, next), { netns: network.netns("wm") });
  await next.wm.waitText(/signed account=approver .*kind=adopt_relay/, "the move of relays");
  killed.child.kill("SIGKILL");
  next.wm.child.kill("SIGKILL");
  await Promise.all([killed.ended, next.wm.ended]);
  await chain.flow();
  await next.startWm();
  const again = await run("migrate-again");
  claims.that("killed half-way and begun again, it comes to its end", again.code === 0 && /^4 devices moved$/m.test(again.text()), again.text());
  const relays = await eventsOf(chain, next.contract, "ServerApproved(uint16,address,bytes32,uint16)");
  const devices = await eventsOf(chain, next.contract, "ClientRegistered(bytes32,address,uint256)");
  claims.that("each relay was taken over once, in its place", relays.map(Number).sort().join() === "1,2,3", relays);
  claims.that("and each device once", devices.length === 4 && new Set(devices).size === 4, devices);
  const third = await run("migrate-third");
  claims.that("a third time there is nothing to move", /relays: 0 to move, 3 there, 0 stay; devices: 0 to move, 4 there, 1 stay/.test(third.text()), third.text());
  const named = [...third.text().matchAll(/^ {2}relay (\d+) at (198\.51\.100\.\d+:\d+), owner 0x[0-9a-fA-F]{40}$/gm)].map((m) => `${m[1]} ${m[2]}`);
  claims.that("each relay's operator is named to be told", named.map((one) => one[0]).join() === "1,2,3" &&
    named.map((one) => one.slice(2)).sort().join() === "198.51.100.11:3478,198.51.100.11:3479,198.51.100.12:3478", third.text());
  claims.that("and what to do: which file goes where, and a restart", third.text().includes(`give ${next.bundleFile}, and have them`) && /chainturn-bundle in turnserver\.conf/.test(third.text()) && /3\. restart turnserver/.test(third.text()), third.text());
  return third.text();
}

async function sameRecords({ chain }, claims, from, to) {
  for (const identity of ["door-7", "phone-1", "lamp-1", "lamp-2"]) {
    chain.contract = from;
    const before = JSON.stringify(await chain.device(identity), (_, v) => (typeof v === "bigint" ? String(v) : v));
    chain.contract = to;
    const after = JSON.stringify(await chain.device(identity), (_, v) => (typeof v === "bigint" ? String(v) : v));
    claims.that(`${identity} has the record that it had`, before === after, [before, after]);
  }
  claims.that("what was revoked is not there", (await chain.device("gone-1")).state === "none");
}

async function relaysFollow(stage, next) {
  for (const relay of stage.platform.relays) {
    await relay.program.end();
    fs.writeFileSync(relay.conf, fs.readFileSync(relay.conf, "utf8").replace(stage.platform.bundleFile, next.bundleFile));
  }
  const relays = stage.platform.relays.splice(0);
  for (const relay of relays) next.startRelay(relay);
  await next.waitApproved(3);
}

test(async (stage, claims) => {
  const { chain, platform } = stage;
  await bringUp(stage);
  const { door, phone } = await enrol(stage);
  const before = await phone.run(["dial", "door-7", "--datagrams", "1"]);
  claims.that("on the old contract a device is called by its name", last(before, "datagrams")?.intact === 1, before.text());
  const old = chain.contract;
  const next = await newContract(stage);
  const words = await migrate(stage, claims, next);
  await sameRecords(stage, claims, old, next.contract);
  await relaysFollow(stage, next);
  claims.that("the owner of the old contract names the new one", await ownerSends(stage, words, "setSuccessor"));

  await door.listener.wait((p) => (/going there/.test(p.text()) && p.events().filter((e) => e.event === "listening").length > 1 ? true : undefined), "following", 2 * PATIENCE_MS);
  claims.that("a listener follows by itself", true);
  const call = await phone.run(["dial", "door-7", "--datagrams", "1"], { codes: CODES });
  claims.that("and is called by its name on the new contract", call.code === 0 && last(call, "datagrams")?.intact === 1, call.text());
  const found = await phone.run(["resolve", "door-7"]);
  claims.that("by a caller that knows the new one from the old one's owner", found.code === 0, found.text());
  claims.that("its bundle names the old one still", !fs.readFileSync(platform.bundleFile, "utf8").toLowerCase().includes(next.contract.toLowerCase().slice(2)));
  claims.that("its wallet signs for the new one", (await chain.device("door-7")).state === "approved");
  const fresh = new Device(next, "a", "fresh-1", "fresh-1");
  const up = await fresh.run(["up", "--bundle", platform.bundleFile, "--id", "fresh-1", "--token-file", await next.issueToken("fresh-1")], { codes: CODES });
  claims.that("a device with the old bundle enrols in the new contract", up.code === 0 && (await chain.device("fresh-1")).state === "approved", up.text());
});
