// A device over time: coming up, listening, moving, being killed; and the ways to use a call.
// needs: turnserver wm-server wm-admin chainturn
import fs from "node:fs";
import path from "node:path";
import { Device } from "../../testbed/platform.mjs";
import { eventually } from "../../testbed/processes.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  for (const n of [1, 2]) platform.startRelay(await platform.prepareRelay(n));
  await platform.waitApproved(2);
}

// What is said to a second process that would work for a home.
const heldBy = (program) => new RegExp(`another chainturn, process ${program.child.pid}, works for the device .*end it first`);

// Two at once would make two wallets for one name: the second is refused, and the first comes up.
async function upTwice(claims, { chain, platform }, device) {
  const command = device.upCommand(await platform.issueToken(device.identity));
  await chain.still(); // so that the first one is not over before the second begins
  const first = device.start(command);
  await platform.wm.waitText(new RegExp(`id=${device.identity} method=POST path=/v1/devices status=202`), "accepting");
  claims.refuses("up beside up", await device.run(command, { codes: CODES, json: false }), 2, heldBy(first));
  claims.refuses("listen beside up", await device.run(["listen"], { codes: CODES, json: false }), 2, heldBy(first));
  await chain.flow();
  claims.that("the first one comes up all the same", (await first.ended) === 0, first.text());
  return first;
}

// What only looks or calls needs no home for itself.
async function beside(claims, callee, caller) {
  for (const command of [["resolve", caller.identity], ["relays"], ["pin", caller.identity]]) {
    const program = await callee.run(command, { codes: CODES });
    claims.that(`${command[0]} works beside a listener`, program.code === 0, program.text());
  }
}

async function comingUp(claims, stage) {
  const { platform } = stage;
  const callee = platform.device("b", "door-7");
  const caller = platform.device("a", "phone-1");
  const up = await upTwice(claims, stage, callee);
  await caller.up(await platform.issueToken(caller.identity));
  for (const name of ["wallet.key", "device.key", "pass.json"]) {
    const mode = fs.statSync(path.join(callee.home, name)).mode & 0o777;
    claims.that(`${name} can be read by its owner only`, mode === 0o600, mode.toString(8));
  }
  const other = await callee.run(["up", "--id", "door-8"], { codes: CODES, json: false });
  claims.refuses("another name for the same home", other, 2, /belongs to the device door-7/);
  await callee.listen("--refresh", "2");
  const heard = last(callee.listener, "listening");
  claims.that("a listener takes over the allocation that up left", heard.relayed === last(up, "up").relayed, [heard, last(up, "up")]);
  claims.that("so nothing is written to the chain", !last(callee.listener, "registered"));

  const second = await callee.run(["listen"], { codes: CODES, json: false });
  claims.refuses("a second listener for the same device", second, 2, heldBy(callee.listener));
  claims.refuses("up beside a listener", await callee.run(["up"], { codes: CODES, json: false }), 2, heldBy(callee.listener));
  await beside(claims, callee, caller);
  return { callee, caller };
}

async function usage(claims, caller) {
  const wrong = async (claim, command, sentence) =>
    claims.refuses(claim, await caller.run(command, { codes: CODES, json: false }), 2, sentence);
  await wrong("a command that is none", ["dail", "door-7"], /no command dail/);
  await wrong("an option that is none", ["dial", "door-7", "--lime"], /no option --lime/);
  await wrong("a number that is none", ["dial", "door-7", "--datagrams", "many"], /number/);
  await wrong("a call without a name", ["dial"], /one name/);
  await wrong("a call to oneself", ["dial", "phone-1"], /itself/);
  await wrong("two ways to use a call", ["dial", "door-7", "--line", "--datagrams", "3"], /exclude/);
  await wrong("an option without a command", ["--lime"], /no option --lime/);
  await wrong("no command", [], /no command/);

  const shell = async (claim, line, code, sentence) => {
    const argv = ["sh", "-c", line, "sh", ...caller.argv([], { json: false })];
    const program = await caller.platform.programs.run(claim.replaceAll(" ", "-"), argv, { netns: caller.netns, codes: CODES });
    if (sentence) claims.refuses(claim, program, code, sentence);
    else claims.that(claim, program.code === code, program.text());
  };
  await shell("an output that cannot be written", 'exec "$@" resolve door-7 >/dev/full', 1, /could be written/);
  await shell("a call without a standard input", 'exec "$@" dial door-7 <&-', 0);
  const spoilt = `${caller.home}-spoilt`;
  fs.cpSync(caller.home, spoilt, { recursive: true });
  fs.truncateSync(path.join(spoilt, "wallet.key"));
  const other = new Device(caller.platform, caller.side, caller.identity, path.basename(spoilt));
  const program = await other.run(["dial", "door-7"], { codes: CODES, json: false });
  claims.refuses("a call with a spoilt key", program, 2, /wallet\.key/);
}

// Says something and hears the answer, which has all the time it needs: the input ends after it.
async function converse(claims, claim, caller, command, words, answer) {
  const call = caller.start(command, { json: false });
  call.child.stdin.write(words);
  const heard = await call.waitText(answer, "the answer").then(() => true, () => false);
  call.child.stdin.end();
  claims.that(claim, heard && (await call.ended) === 0, call.text());
}

async function using(claims, { callee, caller }) {
  const ping = await caller.run(["ping", callee.identity, "--count", "2"], { json: false });
  claims.that("ping tells the time of each stage, twice", ping.text().match(/answered in [\d.]+ ms \(resolve/g)?.length === 2, ping.text());
  let relays;
  const measured = async () => {
    relays = await caller.run(["relays"]);
    return relays.events().filter((e) => e.event === "relay" && e.approved && e.rtt_ms >= 20 && e.rtt_ms < 60).length === 2;
  };
  claims.that("two approved relays, 20 ms away", await eventually(measured), relays.text());
  const flood = await caller.run(["dial", callee.identity, "--datagrams", "300", "--size", "1152"]);
  const sums = last(flood, "datagrams");
  claims.that("the largest datagrams come back intact", sums?.intact === 300 && sums.sent === 300, sums);
  await converse(claims, "standard input and output are datagrams", caller, ["dial", callee.identity], "raw bytes, as they are", /raw bytes, as they are/);
}

// Ends a listener as a service manager does.
async function terminate(listener, signal) {
  listener.child.kill(signal);
  return listener.ended;
}

async function moving(claims, { callee, caller }) {
  const before = last(callee.listener, "listening").relayed;
  claims.that("SIGTERM ends a listener with 0", (await terminate(callee.listener, "SIGTERM")) === 0, callee.listener.code);
  const gone = await caller.run(["dial", callee.identity, "--line"], { codes: CODES, json: false });
  claims.refuses("a call to nobody", gone, 5, /door-7 does not answer/);

  await callee.listen("--refresh", "2");
  const moved = last(callee.listener, "listening").relayed;
  claims.that("an address given back is another one next time", moved !== before, [before, moved]);
  claims.that("and the record follows", last(callee.listener, "registered")?.relayed === moved);
  const call = await caller.run(["dial", callee.identity, "--datagrams", "1"]);
  claims.that("a caller with the old record in its cache finds the new place", last(call, "datagrams")?.intact === 1, call.text());
  claims.that("it did have the old one", last(call, "dial_start").cached === true);

  await terminate(callee.listener, "SIGKILL");
  await callee.listen("--refresh", "2");
  claims.that("a killed listener comes back to its address", last(callee.listener, "listening").relayed === moved);
  claims.that("without a transaction", !last(callee.listener, "registered"));
}

async function restartedRelay(claims, platform, { callee, caller }) {
  const index = last(callee.listener, "listening").relay;
  const before = last(callee.listener, "listening").relayed;
  const relay = platform.relays.find((r) => r.program && before.startsWith(`${r.ip}:`));
  claims.that("the listener's relay is known", relay !== undefined, { index, before });
  await relay.program.end();
  const from = callee.listener.lines.length;
  platform.startRelay(relay);
  await callee.listener.waitEvent("listening", { from });
  const call = await caller.run(["dial", callee.identity, "--datagrams", "3"], { codes: CODES });
  claims.that("calls arrive again after the relay's restart", last(call, "datagrams")?.intact === 3, call.text());
}

async function commands(claims, { callee, caller }) {
  await terminate(callee.listener, "SIGTERM");
  const listener = callee.start(["listen", "--once", "--exec", "sed -u 's/^/you said: /'"]);
  await listener.waitEvent("listening");
  await converse(claims, "a call can have a command at its end", caller, ["dial", callee.identity], "one line\n", /you said: one line/);
  claims.that("listen --once ends after it, with 0", (await listener.ended) === 0, listener.code);

  const stubborn = callee.start(["listen", "--exec", "trap '' TERM; while read x; do echo you said $x; done; exec sleep 600"]);
  await stubborn.waitEvent("listening");
  const dials = [1, 2, 3].map(() => caller.start(["dial", callee.identity], { json: false }));
  for (const [i, dial] of dials.entries()) {
    await dial.waitText(/connected/, "the call");
    dial.child.stdin.write(`line ${i}\n`);
  }
  const heard = dials.map((dial, i) => dial.waitText(new RegExp(`you said line ${i}`), "the answer").then(() => true, () => false));
  claims.that("each of three calls has its own command", (await Promise.all(heard)).every(Boolean), dials.map((d) => d.text()));
  for (const dial of dials) await dial.end();
  const next = await caller.run(["ping", callee.identity, "--count", "1"], { codes: CODES });
  const handshake = next.events().find((e) => e.event === "stage" && e.name === "handshake");
  claims.that("a command that does not end holds up no other call", next.code === 0 && handshake !== undefined && stubborn.code === undefined, next.text());
  claims.that("and is ended with the listener", (await stubborn.end()) === 0, stubborn.code);
}

test(async (stage, claims) => {
  const { platform } = stage;
  await bringUp(stage);
  const devices = await comingUp(claims, stage);
  await usage(claims, devices.caller);
  await using(claims, devices);
  await moving(claims, devices);
  await restartedRelay(claims, platform, devices);
  await commands(claims, devices);
});
