// A relay behind a NAT that maps its public address 1:1 (external-ip), and two devices that both are on it.
// needs: turnserver wm-server wm-admin chainturn
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { address } from "../../testbed/network.mjs";
import { credential, makePass, readKey, x25519Public } from "../../testbed/pass.mjs";
import { test } from "../claims.mjs";

const TURN_MJS = fileURLToPath(new URL("../../testbed/turn.mjs", import.meta.url));
const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);

async function bringUp({ chain, platform, network }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  const inside = network.behindNat("relay2");
  const relay = await platform.prepareRelay(2, [`external-ip=${address.relay2}/${inside}`]);
  const conf = fs.readFileSync(relay.conf, "utf8").replace(/^(listening-ip|relay-ip)=.*$/gm, `$1=${inside}`);
  fs.writeFileSync(relay.conf, conf);
  platform.startRelay(relay);
  await platform.waitApproved(1);
  return { relay, inside };
}

async function restart(platform, relay, mode, callee, signal) {
  const from = callee.listener.lines.length;
  const before = last(callee.listener, "listening").relayed;
  relay.program.child.kill(signal);
  await relay.program.ended;
  fs.appendFileSync(relay.conf, `chainturn-mode=${mode}\n`);
  platform.relays.length = 0;
  platform.startRelay(relay);
  await relay.program.waitText(/relay_approved index=/, "knowing itself approved");
  const back = await callee.listener.waitEvent("listening", { from });
  return { before, after: back.relayed };
}

async function calls(claims, mode, { callee, caller }) {
  const call = await caller.run(["dial", callee.identity, "--datagrams", "20"], { codes: CODES });
  claims.that(`mode ${mode}: both ends on that relay, every datagram comes back`, last(call, "datagrams")?.intact === 20, call.text());
}

// What a client with a pass may reach of the relay's own host, by either of its addresses.
async function ownAddresses({ chain, platform, network, programs }, claims, { relay, inside }) {
  const signer = readKey(path.join(platform.wmDir, "wm-pass.key"));
  const pass = makePass({ deployment: chain.deployment(), signer, expires_s: Math.floor(Date.now() / 1000) + 3600 });
  const login = credential(pass, x25519Public(readKey(path.join(relay.dir, "relay.key"))));
  const open = [`${address.relay2}:50000`, `${address.relay2}:50999`];
  const shut = [`${address.relay2}:3478`, `${address.relay2}:22`, `${inside}:3478`, `${inside}:22`, `${inside}:49999`, "10.73.0.1:53"];
  const program = await programs.run("turn", [process.execPath, TURN_MJS, address.relay2, "3478"], {
    netns: network.netns("dev-a"),
    input: JSON.stringify({ ...login, channels: [...open, ...shut] }),
  });
  const got = JSON.parse(program.lines.at(-1));
  claims.that("the relayed address in an answer is the public one", got.code === 0 && got.relayed?.startsWith(`${address.relay2}:`), got);
  for (const peer of open) claims.that(`${peer}, a relayed port, may be a peer`, got.channels[peer] === 0, got);
  for (const peer of shut) claims.that(`${peer} may not`, got.channels[peer] === 403, got);
}

test(async (stage, claims) => {
  const { platform } = stage;
  const { relay, inside } = await bringUp(stage);
  const callee = platform.device("b", "door-7");
  const caller = platform.device("a", "phone-1");
  const up = await callee.up(await platform.issueToken(callee.identity));
  claims.that("the relay is listed, and found, by its public address", last(up, "up")?.relayed.startsWith(`${address.relay2}:`), up.text());
  await caller.up(await platform.issueToken(caller.identity));
  await callee.listen("--refresh", "2");
  const before = last(callee.listener, "listening").relayed;
  claims.that("a device's record has the public address's port", Number((await stage.chain.device(callee.identity)).port) === Number(before.split(":")[1]), before);
  await calls(claims, "relays", { callee, caller });
  await ownAddresses(stage, claims, { relay, inside });
  for (const [mode, signal] of [["devices", "SIGKILL"], ["open", "SIGTERM"]]) {
    const end = await restart(platform, relay, mode, callee, signal);
    claims.that(`after ${signal} the device has its port again`, end.after === end.before, end);
    await calls(claims, mode, { callee, caller });
  }
  const direct = await caller.run(["dial", callee.identity, "--no-allocation", "--datagrams", "20"], { codes: CODES });
  claims.that("mode open: a caller without an allocation reaches it through the NAT", last(direct, "datagrams")?.intact === 20, direct.text());
});
