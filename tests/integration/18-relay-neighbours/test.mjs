// Two relays on one address, with listening ports and port ranges of their own: each other's peers.
// needs: turnserver wm-server wm-admin chainturn
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { address } from "../../testbed/network.mjs";
import { credential, makePass, readKey, x25519Public } from "../../testbed/pass.mjs";
import { test } from "../claims.mjs";

const TURN_MJS = fileURLToPath(new URL("../../testbed/turn.mjs", import.meta.url));
const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const PLACES = [
  { listening: 3478, min: 50000, max: 50499 },
  { listening: 3488, min: 50500, max: 50999 },
];
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);
const isOf = (place, relayed) => Number(relayed.split(":")[1]) >= place.min && Number(relayed.split(":")[1]) <= place.max;

async function prepare(platform, place, folder) {
  const relay = await platform.prepareRelay(1, [], folder);
  const conf = fs.readFileSync(relay.conf, "utf8");
  const ports = { "listening-port": place.listening, "min-port": place.min, "max-port": place.max };
  fs.writeFileSync(relay.conf, conf.replace(/^(listening-port|min-port|max-port)=.*$/gm, (line, key) => `${key}=${ports[key]}`));
  return relay;
}

// A device that is on this relay because the other one is away while it chooses.
async function deviceOn(platform, side, identity, awayRelay) {
  if (awayRelay?.program) await awayRelay.program.end();
  const device = platform.device(side, identity);
  const up = await device.up(await platform.issueToken(identity));
  return { device, relayed: last(up, "up").relayed };
}

async function comesBack(platform, relay) {
  platform.relays.splice(platform.relays.indexOf(relay), 1);
  platform.startRelay(relay);
  await relay.program.waitText(/relay_approved index=/, "knowing itself approved");
}

async function call(claims, claim, caller, callee) {
  const dial = await caller.run(["dial", callee.identity, "--datagrams", "20"], { codes: CODES });
  claims.that(claim, last(dial, "datagrams")?.intact === 20, dial.text());
}

// Channels from the first relay to what is on the same address: relayed ports of both, and nothing else.
async function ownAddress({ chain, platform, network, programs }, claims, relay) {
  const signer = readKey(path.join(platform.wmDir, "wm-pass.key"));
  const pass = makePass({ deployment: chain.deployment(), signer, expires_s: Math.floor(Date.now() / 1000) + 3600 });
  const login = credential(pass, x25519Public(readKey(path.join(relay.dir, "relay.key"))));
  const open = PLACES.flatMap((place) => [place.min, place.max]);
  const shut = [...PLACES.map((place) => place.listening), 22, PLACES[0].min - 1, PLACES[1].max + 1];
  const peers = (ports) => ports.map((port) => `${address.relay1}:${port}`);
  const program = await programs.run("turn", [process.execPath, TURN_MJS, address.relay1, String(PLACES[0].listening)], {
    netns: network.netns("dev-a"),
    input: JSON.stringify({ ...login, channels: peers([...open, ...shut]) }),
  });
  const got = JSON.parse(program.lines.at(-1));
  for (const peer of peers(open)) claims.that(`${peer}, a relayed port, may be a peer`, got.channels?.[peer] === 0, got);
  for (const peer of peers(shut)) claims.that(`${peer} may not`, got.channels?.[peer] === 403, got);
}

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  const relays = [];
  for (const [i, place] of PLACES.entries()) {
    relays.push(await prepare(platform, place, `relay1-${i + 1}`));
    platform.startRelay(relays[i]);
  }
  await platform.waitApproved(2);
  return relays;
}

test(async (stage, claims) => {
  const { platform, chain } = stage;
  const [first, second] = await bringUp(stage);
  const listed = [await chain.relay(1), await chain.relay(2)];
  const ports = listed.map((r) => Number(r.listenPort)).sort();
  claims.that("both are registered and approved, at one address", ports.join() === PLACES.map((p) => p.listening).join(), ports);
  const one = await deviceOn(platform, "a", "phone-1", second);
  claims.that("a device is on the first", isOf(PLACES[0], one.relayed), one.relayed);
  await comesBack(platform, second);
  const two = await deviceOn(platform, "b", "door-7", first);
  claims.that("another one is on the second", isOf(PLACES[1], two.relayed), two.relayed);
  await comesBack(platform, first);
  for (const { device, relayed } of [one, two]) {
    await device.listen();
    const at = last(device.listener, "listening").relayed;
    claims.that(`${device.identity} listens where it was when its relay was there before`, at === relayed, [at, relayed]);
  }
  await call(claims, "a call from the first relay's device to the second's", one.device, two.device);
  await call(claims, "and the other way", two.device, one.device);
  await ownAddress(stage, claims, first);
});
