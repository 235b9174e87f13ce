// WebRTC between two browsers that may use relays alone: a pass as credential, and ordinary ones with the module off.
// needs: turnserver wm-server wm-admin
import fs from "node:fs";
import path from "node:path";
import { Browser } from "../../support/chromium.mjs";
import { address } from "../../testbed/network.mjs";
import { credential, makePass, readKey, x25519Public } from "../../testbed/pass.mjs";
import { test } from "../claims.mjs";
import { accept, describe, expect, hangUp, opened, received, send } from "./pages.mjs";

const BYTES = 10 * 1024 * 1024;
const SEED = 0x1234567;
const HOUR = 3600;
const now_s = () => Math.floor(Date.now() / 1000);
const ORDINARY = { username: "ordinary", password: "words of an operator" };

async function bringUpRelays(stage) {
  await stage.chain.start();
  await stage.platform.initWm();
  await stage.platform.startWm();
  for (const n of [1, 2]) stage.platform.startRelay(await stage.platform.prepareRelay(n));
  await stage.platform.waitApproved(2);
}

// A credential of this pass at relay number 1 or 2.
function login(stage, number, life_s = HOUR) {
  const { chain, platform } = stage;
  const signer = readKey(path.join(platform.wmDir, "wm-pass.key"));
  const relay = x25519Public(readKey(path.join(platform.relays[number - 1].dir, "relay.key")));
  return credential(makePass({ deployment: chain.deployment(), signer, expires_s: now_s() + life_s }), relay);
}

const iceServers = (number, { username, password }, transport) => [
  { urls: `turn:${address[`relay${number}`]}:3478?transport=${transport}`, username, credential: password },
];

// One call: page a through relay 1, page b through relay 2.
async function call(claims, pages, what, logins, transport = "udp") {
  const [a, b] = pages;
  const offer = await a.evaluate(describe, { iceServers: iceServers(1, logins[0], transport) });
  const answer = await b.evaluate(describe, { iceServers: iceServers(2, logins[1], transport), remote: offer.description });
  await a.evaluate(accept, answer.description);
  const pairs = await Promise.all(pages.map((page) => page.evaluate(opened)));
  const relayed = pairs.every(({ local, remote }, i) =>
    local.candidateType === "relay" && remote.candidateType === "relay" && local.relayProtocol === transport &&
    local.address === address[`relay${i + 1}`] && remote.address === address[`relay${2 - i}`]);
  claims.that(`${what}: the data channel opens, and both its ends are relayed`, relayed, pairs);
  await b.evaluate(expect, { bytes: BYTES, seed: SEED });
  const [, got] = await Promise.all([a.evaluate(send, { bytes: BYTES, seed: SEED }), b.evaluate(received)]);
  claims.that(`${what}: 10 MB arrive as they were sent`, got.bytes === BYTES && got.wrong === 0, got);
  console.log(`${what}: 10 MB in ${got.ms} ms, ${((BYTES * 8) / 1000 / got.ms).toFixed(1)} Mbit/s`);
  for (const page of pages) await page.evaluate(hangUp);
}

async function refusal(claims, page, what, credentials) {
  const got = await page.evaluate(describe, { iceServers: iceServers(1, credentials, "udp") });
  claims.that(`${what} gets no relayed address`, got.candidates.length === 0 && got.refused.includes(401), got);
  await page.evaluate(hangUp);
}

// Two servers without one option of the module.
async function startOrdinary(stage) {
  for (const n of [1, 2]) {
    const ip = address[`relay${n}`];
    const dir = path.join(stage.network.work, `ordinary${n}`);
    fs.mkdirSync(dir);
    const lines = [
      `listening-ip=${ip}`, `relay-ip=${ip}`, "listening-port=3478", "min-port=50000", "max-port=50999", "realm=ordinary",
      "lt-cred-mech", `user=${ORDINARY.username}:${ORDINARY.password}`, "fingerprint", "no-tls", "no-dtls", "no-cli",
      "log-file=stdout", "simple-log", `pidfile=${dir}/pid`, `userdb=${dir}/userdb`,
    ];
    fs.writeFileSync(path.join(dir, "turnserver.conf"), lines.join("\n") + "\n");
    const argv = [stage.platform.program("turnserver"), "-c", path.join(dir, "turnserver.conf")];
    const server = stage.programs.start(`ordinary${n}`, argv, { netns: stage.network.netns(`relay${n}`), cwd: dir });
    await server.waitText(/IO method \(admin thread\)/, "listening"); // its start comes after the listeners
  }
}

test(async (stage, claims) => {
  const browsers = [];
  try {
    await bringUpRelays(stage);
    for (const side of ["a", "b"]) {
      const dir = path.join(stage.network.work, `browser-${side}`);
      browsers.push(await Browser.start({ dir, netns: stage.network.netns(`dev-${side}`) }));
    }
    console.log(browsers[0].version);
    const pages = await Promise.all(browsers.map((browser) => browser.page()));
    const passes = () => [login(stage, 1), login(stage, 2)];
    await call(claims, pages, "passes over UDP", passes());
    await call(claims, pages, "passes over TCP", passes(), "tcp");
    await refusal(claims, pages[0], "a page with an expired pass", login(stage, 1, -10));
    await refusal(claims, pages[0], "a page with another relay's password", { ...login(stage, 1), password: login(stage, 2).password });
    for (const relay of stage.platform.relays) await relay.program.end();

    await startOrdinary(stage);
    await call(claims, pages, "module off", [ORDINARY, ORDINARY]);
    await refusal(claims, pages[0], "module off: a wrong password", { ...ORDINARY, password: "other words" });
  } finally {
    for (const browser of browsers) await browser.close();
  }
});
