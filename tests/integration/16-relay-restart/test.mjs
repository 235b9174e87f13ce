// A relay that crashes and comes back: its devices keep their ports, so the chain need not change.
// needs: turnserver wm-server wm-admin chainturn
import fs from "node:fs";
import path from "node:path";
import { eventually } from "../../testbed/processes.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const HASH = 32;
const HEAD = 8 + 32 + 4 + HASH; // of STATE/ports (docs/protocol.md 9)
const PORT = 42;
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  for (const n of [1, 2]) platform.startRelay(await platform.prepareRelay(n));
  await platform.waitApproved(2);
  const callee = platform.device("b", "door-7");
  const caller = platform.device("a", "phone-1");
  await callee.up(await platform.issueToken(callee.identity));
  await caller.up(await platform.issueToken(caller.identity));
  await callee.listen("--refresh", "2");
  return { callee, caller };
}

const portsFile = (relay) => path.join(relay.dir, "state", "ports");
const remembered = (relay) => (fs.existsSync(portsFile(relay)) ? (fs.statSync(portsFile(relay)).size - HEAD) / PORT : 0);

// Whether the file has an allocation that stands at this port; it is written a moment after the allocation is made.
function stands(relay, port) {
  if (!fs.existsSync(portsFile(relay))) return false;
  const bytes = fs.readFileSync(portsFile(relay));
  const starts = Array.from({ length: remembered(relay) }, (_, i) => HEAD - HASH + i * PORT);
  return starts.some((at) => bytes.readUInt16BE(at + 32) === port && bytes.readBigUInt64BE(at + 34) === 0n);
}

// The relay of the listener ends by this signal and starts again; until the listener is back.
async function restart(platform, callee, signal, between = () => {}) {
  const before = last(callee.listener, "listening").relayed;
  const relay = platform.relays.find((r) => before.startsWith(`${r.ip}:`));
  const from = callee.listener.lines.length;
  await eventually(() => stands(relay, Number(before.split(":")[1])));
  relay.program.child.kill(signal);
  await relay.program.ended;
  between(relay);
  platform.relays.splice(platform.relays.indexOf(relay), 1);
  platform.startRelay(relay);
  const back = await callee.listener.waitEvent("listening", { from });
  return { before, after: back.relayed, relay, wrote: callee.listener.events(from).some((e) => e.event === "registered") };
}

async function reaches(claims, claim, { callee, caller }) {
  const call = await caller.run(["dial", callee.identity, "--datagrams", "20"], { codes: CODES });
  claims.that(claim, last(call, "datagrams")?.intact === 20, call.text());
  return call;
}

async function crashes(claims, { chain, platform }, { callee, caller }) {
  await reaches(claims, "a call before the crash", { callee, caller });
  const record = () => chain.snapshot([callee.identity, caller.identity]);
  const before = await record();
  for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL"]) {
    const end = await restart(platform, callee, signal);
    claims.that(`${signal}: the device has its port again`, end.after === end.before, end);
    claims.that(`${signal}: it wrote no transaction`, !end.wrote);
    claims.that(`${signal}: its record on the chain is as it was`, (await record()) === before);
    const call = await reaches(claims, `${signal}: a call by name reaches it`, { callee, caller });
    claims.that(`${signal}: by the record that the caller had in its cache`, last(call, "dial_start")?.cached === true, call.text());
  }
}

async function forgets(claims, { chain, platform }, { callee, caller }) {
  const before = await chain.snapshot([callee.identity]);
  const end = await restart(platform, callee, "SIGKILL", (relay) => {
    claims.that("the file has the ports of the devices", remembered(relay) >= 1, remembered(relay));
    fs.truncateSync(portsFile(relay), HEAD);
  });
  claims.that("a relay whose memory is damaged says so", /ports_forgotten reason="[^"]*is damaged/.test(end.relay.program.text()), end.relay.program.text().slice(-800));
  claims.that("and serves all the same: the device has another port", end.after !== end.before, end);
  claims.that("which it writes to the chain", (await chain.snapshot([callee.identity])) !== before);
  await reaches(claims, "and a call by name reaches it there", { callee, caller });
}

test(async (stage, claims) => {
  const devices = await bringUp(stage);
  await crashes(claims, stage, devices);
  await forgets(claims, stage, devices);
});
