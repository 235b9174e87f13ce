// Passes over every transport between client and relay: UDP, TCP, TLS, DTLS; and RFC 6062, RFC 8016 with them.
// needs: turnserver turnutils_uclient turnutils_peer wm-server wm-admin
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { address } from "../../testbed/network.mjs";
import { credential, makePass, readKey, x25519Public } from "../../testbed/pass.mjs";
import { test } from "../claims.mjs";
import { startPeer } from "../peer.mjs";

const PEER_PORT = 3480;
const MESSAGES = 30, CLIENTS = 2;
const HOUR = 3600;

// A relay that is approved, and started again with a certificate, TLS, DTLS, TCP relaying and mobility.
async function bringUp(stage) {
  const { chain, platform } = stage;
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  const relay = await platform.prepareRelay(1);
  platform.startRelay(relay);
  await platform.waitApproved(1);
  await relay.program.end();
  const [key, cert] = ["key", "crt"].map((end) => path.join(relay.dir, `server.${end}`));
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=relay"];
  execFileSync("openssl", [...made, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const conf = fs.readFileSync(relay.conf, "utf8").replace(/^no-d?tls\n/gm, "").replace(/^no-tcp-relay\n/m, "");
  fs.writeFileSync(relay.conf, `${conf}cert=${cert}\npkey=${key}\nmobility\ncipher-list=ALL:@SECLEVEL=0\n`);
  platform.relays.length = 0;
  platform.startRelay(relay);
  await relay.program.waitText(/IO method \(admin thread\)/, "listening");
  return relay;
}

function login(stage, relay, life_s) {
  const signer = readKey(path.join(stage.platform.wmDir, "wm-pass.key"));
  const relayPublic = x25519Public(readKey(path.join(relay.dir, "relay.key")));
  const expires_s = Math.floor(Date.now() / 1000) + life_s;
  return credential(makePass({ deployment: stage.chain.deployment(), signer, expires_s }), relayPublic);
}

let runs = 0;
async function uclient(stage, { username, password }, options) {
  const load = ["-n", String(MESSAGES), "-m", String(CLIENTS), "-z", "10", "-l", "200"];
  const program = await stage.programs.run(
    `uclient-${++runs}`,
    [stage.platform.program("turnutils_uclient"), "-u", username, "-w", password, ...load, ...options, address.relay1],
    { netns: stage.network.netns("wm"), codes: [0, 1, 255, "signal SIGKILL"] },
  );
  const [, sent, received] = program.text().match(/start_mclient: tot_send_msgs=(\d+), tot_recv_msgs=(\d+)\n/) ?? [0, 0, 0];
  return { code: program.code, sent: Number(sent), received: Number(received), text: program.text().slice(-400) };
}

test(async (stage, claims) => {
  const relay = await bringUp(stage);
  const peer = await startPeer(stage, "chain", address.chain, PEER_PORT);
  const key = path.join(relay.dir, "server.key");
  const toPeer = ["-e", address.chain, "-r", String(PEER_PORT), "-X", "-g"];
  const tls = ["-S", "-k", key];
  const ways = [
    ["UDP", toPeer], ["TCP", ["-t", ...toPeer]], ["TLS", ["-t", ...tls, ...toPeer]], ["DTLS", [...tls, ...toPeer]],
    ["TCP, to TCP peers (RFC 6062)", ["-T", "-y", "-g"]], ["TLS, to TCP peers (RFC 6062)", ["-T", ...tls, "-y", "-g"]],
    ["UDP, the client moving (RFC 8016)", ["-M", ...toPeer]],
  ];
  const pass = login(stage, relay, HOUR);
  await Promise.all(ways.map(async ([what, options]) => {
    let got = await uclient(stage, pass, options);
    for (let i = 0; i < 2 && got.code !== 0; i++) got = await uclient(stage, pass, options); // it sometimes gets in its own way
    // of a TLS record it reads but the first message, and on a busy machine several share one
    const enough = options.includes("-S") && options.includes("-t") ? 1 : got.sent * 0.95;
    console.log(`    ${what}: ${got.sent} sent, ${got.received} received`);
    claims.that(`a pass over ${what}`, got.code === 0 && got.sent >= MESSAGES * CLIENTS && got.received >= enough, got);
  }));
  const old = login(stage, relay, -10);
  await Promise.all(ways.slice(0, 4).map(async ([what, options]) => {
    const got = await uclient(stage, old, options);
    claims.that(`an expired pass over ${what} relays nothing`, got.code !== 0 && got.sent === 0, got);
  }));
  await peer.end();
});
