// Calls through relays that ask for less than a permission: without an allocation, and between devices only.
// needs: turnserver wm-server wm-admin chainturn
import fs from "node:fs";
import { dialOnce, quickest } from "../../testbed/calls.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const DATAGRAMS = 200;
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  for (const n of [1, 2]) platform.startRelay(await platform.prepareRelay(n, ["chainturn-mode=open"]));
  await platform.waitApproved(2);
  const callee = platform.device("b", "door-7");
  const caller = platform.device("a", "phone-1");
  await callee.up(await platform.issueToken(callee.identity));
  await caller.up(await platform.issueToken(caller.identity));
  await callee.listen("--refresh", "2");
  return { callee, caller };
}

// How many allocations the relays have made so far.
const allocations = (platform) =>
  platform.relays.reduce((sum, relay) => sum + relay.program.lines.filter((line) => /: new, realm=/.test(line)).length, 0);

const dial = (caller, callee, ...more) =>
  caller.run(["dial", callee.identity, "--datagrams", String(DATAGRAMS), ...more], { codes: CODES });

// The callee's account of the call that ended last.
async function account(callee, from) {
  return callee.listener.waitEvent("closed", { from });
}

async function withoutAllocation(claims, platform, { callee, caller }) {
  await dialOnce(caller, callee);
  const before = allocations(platform);
  const from = callee.listener.lines.length;
  const call = await dial(caller, callee, "--no-allocation");
  const mine = last(call, "closed");
  claims.that("a call without an allocation brings every datagram back, from behind a symmetric NAT", last(call, "datagrams")?.intact === DATAGRAMS, call.text());
  claims.that("the caller sent and got plain UDP only", mine?.plain_out > DATAGRAMS && mine.plain_in > DATAGRAMS && mine.send_indications + mine.data_indications + mine.channel_data === 0, mine);
  const theirs = await account(callee, from);
  claims.that("the callee answered it through its own allocation", theirs.data_indications > 0 && theirs.send_indications > 0 && theirs.channel_data > DATAGRAMS && theirs.plain_in === 0, theirs);
  claims.that("no relay made an allocation for it", allocations(platform) === before, [before, allocations(platform)]);
}

// Two round trips to the relay are 400 ms on the wide network: less is the machine's affair.
async function earlier(claims, network, { callee, caller }) {
  network.farther();
  const kinds = [[], ["--no-allocation"]].map((option) => async () => (await dialOnce(caller, callee, option)).ms);
  const isEarlier = (ordinary, direct) => direct < ordinary - 300;
  const best = await quickest(kinds, isEarlier);
  claims.that("its first byte is there two round trips to the relay earlier", isEarlier(...best), best);
}

async function counted(claims, { callee, caller }) {
  const from = callee.listener.lines.length;
  const call = await dial(caller, callee);
  const mine = last(call, "closed");
  const theirs = await account(callee, from);
  claims.that("an ordinary call begins with Send and Data indications", mine?.send_indications >= 2 && mine.data_indications >= 2, mine);
  claims.that("and goes on in channels, both ways", mine.channel_data_out > 0 && mine.channel_data_in > 0, mine);
  claims.that("at its other end, too", theirs.channel_data_out > 0 && theirs.channel_data_in > 0 && theirs.send_indications > 0, theirs);
  const all = mine.send_indications + mine.channel_data_out;
  // the handshake's are counted, too, some of them twice where the machine is slow
  claims.that("every datagram of the call is counted once", all > DATAGRAMS && all < 2 * DATAGRAMS, mine);
}

// The same relays again, in another mode: the callee takes its allocation up again.
async function restart(platform, mode, callee) {
  const relays = platform.relays.splice(0);
  const from = callee.listener.lines.length;
  for (const relay of relays) await relay.program.end();
  for (const relay of relays) {
    fs.appendFileSync(relay.conf, `chainturn-mode=${mode}\n`);
    platform.startRelay(relay);
  }
  for (const relay of platform.relays) await relay.program.waitText(/relay_approved index=/, "knowing itself approved");
  await callee.listener.waitEvent("listening", { from });
}

async function onlyDevices(claims, platform, { callee, caller }) {
  await restart(platform, "devices", callee);
  const call = await dial(caller, callee);
  claims.that("in mode devices a guest allocation is let through", last(call, "datagrams")?.intact === DATAGRAMS, call.text());
  const refused = await caller.run(["dial", callee.identity, "--no-allocation"], { codes: CODES, json: false });
  claims.refuses("a caller without an allocation", refused, 5, /does not answer .*mode open/);
  const relay = platform.relays.find((r) => last(callee.listener, "listening").relayed.startsWith(`${r.ip}:`));
  claims.that("its relay ends when asked to", (await relay.program.end()) === 0, relay.program.code);
  claims.that("and tells what it refused", /peers verdict=unknown by=data packets=[1-9]/.test(relay.program.text()), relay.program.text().slice(-800));
}

test(async (stage, claims) => {
  const { network, platform } = stage;
  const devices = await bringUp(stage);
  await counted(claims, devices);
  await withoutAllocation(claims, platform, devices);
  await earlier(claims, network, devices);
  await onlyDevices(claims, platform, devices);
});
