// How a relay is doing, as its operator sees it: coturn's command line and web page, and metrics; and what wrong options say.
// needs: turnserver turnutils_uclient turnutils_peer wm-server wm-admin
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { address } from "../../testbed/network.mjs";
import { credential, makePass, readKey, x25519Public } from "../../testbed/pass.mjs";
import { test } from "../claims.mjs";
import { startPeer } from "../peer.mjs";

const CLI_PORT = 5766, WEB_PORT = 8080, METRICS_PORT = 9642, PEER_PORT = 3480;
const SECRET = "operator's word";
const ask = fileURLToPath(new URL("ask.mjs", import.meta.url));

let asked = 0;
async function look(stage, ...argv) {
  const netns = stage.network.netns("relay1");
  const program = await stage.programs.run(`ask-${++asked}`, [process.execPath, ask, ...argv.map(String)], { netns, codes: [0, 3] });
  return program.text();
}
const cli = (stage, ...commands) => look(stage, "cli", CLI_PORT, SECRET, ...commands);
const metric = (text, name) => Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ").at(-1));
const scrape = async (stage, { host = "127.0.0.1", method = "GET", path: target = "/metrics", name = "localhost" } = {}) =>
  JSON.parse(await look(stage, "http", host, METRICS_PORT, method, target, name));

// A relay with all that shows how it is doing; an admin user in its database.
async function bringUp(stage) {
  const { chain, platform } = stage;
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  const relay = await platform.prepareRelay(1);
  const [key, cert] = ["key", "crt"].map((end) => path.join(relay.dir, `server.${end}`));
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=relay"];
  execFileSync("openssl", [...made, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const admin = ["-A", "-u", "root", "-p", "hidden", "-b", path.join(relay.dir, "userdb")];
  execFileSync("bash", ["-c", 'exec -a turnadmin "$0" "$@"', platform.program("turnserver"), ...admin], { stdio: "ignore" });
  const conf = fs.readFileSync(relay.conf, "utf8").replace(/^no-(d?tls|cli)\n/gm, "");
  fs.writeFileSync(relay.conf, `${conf}cert=${cert}\npkey=${key}\ncli-password=${SECRET}\nweb-admin\nchainturn-metrics=${METRICS_PORT}\n`);
  platform.startRelay(relay);
  await platform.waitApproved(1);
  await relay.program.waitText(/relay_approved index=/, "knowing itself approved");
  return relay;
}

// Some datagrams through an allocation made with a pass.
async function relaySome(stage, relay) {
  const { platform, chain, programs, network } = stage;
  const peer = await startPeer(stage, "chain", address.chain, PEER_PORT);
  const signer = readKey(path.join(platform.wmDir, "wm-pass.key"));
  const expires_s = Math.floor(Date.now() / 1000) + 3600;
  const { username, password } = credential(makePass({ deployment: chain.deployment(), signer, expires_s }), x25519Public(readKey(path.join(relay.dir, "relay.key"))));
  const to = ["-e", address.chain, "-r", String(PEER_PORT), "-X", "-g"];
  await programs.run("uclient", [platform.program("turnutils_uclient"), "-u", username, "-w", password, "-n", "20", "-m", "2", "-z", "10", ...to, address.relay1],
    { netns: network.netns("wm"), codes: [0, 1, 255] });
  await peer.end();
}

async function commandLine(stage, claims) {
  const text = await cli(stage, "help", "chain", "chains");
  claims.that("the command line's help names the command", /^ {2}chain - print how the relay stands/m.test(text), text);
  claims.that("it tells the mode and the contract", / {2}mode: relays\r?$/m.test(text) && new RegExp(`contract: ${stage.platform.bundle.contract} on chain 31337`, "i").test(text), text);
  claims.that("that the relay is approved, and its number", /this relay: approved/.test(text) && /relay number: 1\b/.test(text), text);
  claims.that("the chain's head, and who vouches for it", /chain head: block \d+, \d+ s old, [23] of 3 endpoints agree/.test(text), text);
  claims.that("how many relays there are, and since when that is known", /relays: 1, confirmed \d+ s ago\r?$/m.test(text), text);
  claims.that("what the registrar does", /registrar: \w/.test(text), text);
  claims.that("what was relayed", /relayed by=channel_out: [1-9]\d*/.test(text) && /relayed by=channel_in: [1-9]\d*/.test(text), text);
  claims.that("other commands are unknown as before", /Unknown command/.test(text), text);
}

async function webPage(stage, claims) {
  const text = await look(stage, "web", WEB_PORT, "root", "hidden", "/pc");
  claims.that("the web page tells the same", /<td>chainturn: this relay<\/td><td>approved<\/td>/.test(text) && /<td>chainturn: relay number<\/td><td>1<\/td>/.test(text), text.slice(-3000));
  claims.that("and its table is whole", /chainturn: allocations.*<\/table>\s*<\/body>\s*<\/html>\s*$/s.test(text), text.slice(-600));
  const stranger = await look(stage, "web", WEB_PORT, "", "", "/pc");
  claims.that("without a login it tells nothing", /password/.test(stranger) && !/chainturn:/.test(stranger), stranger.slice(0, 400));
}

async function metrics(stage, claims) {
  const got = await scrape(stage);
  const of = (name) => metric(got.text ?? "", `chainturn_relay_${name}`);
  claims.that("metrics are answered on loopback", got.status === 200 && /version=0\.0\.4/.test(got.type), got);
  claims.that("with the relay's standing", of('standing{standing="approved"}') === 1 && of("number") === 1 && of("relays") === 1, got.text);
  claims.that("and the packets that were relayed", of('relayed_total{by="channel_out"}') > 0 && of('sign_ons_total{tried="yes"}') > 0, got.text);
  claims.that("and nobody's allocation any more", of("allocations") === of("allocations_passes"), got.text);
  const text = await cli(stage, "chain");
  claims.that("the command line counts the same", new RegExp(`relayed by=channel_out: ${of('relayed_total{by="channel_out"}')}\\b`).test(text), text);
  claims.that("a page elsewhere cannot read them through a browser here", (await scrape(stage, { name: "evil.example" })).status === 421);
  claims.that("nothing else is there", (await scrape(stage, { path: "/" })).status === 404 && (await scrape(stage, { method: "POST" })).status === 405);
  claims.that("and nothing at the relay's own address", (await scrape(stage, { host: address.relay1 })).error === "ECONNREFUSED");
}

async function refusals(stage, claims, relay) {
  const turnserver = stage.platform.program("turnserver");
  const good = fs.readFileSync(relay.conf, "utf8");
  const file = path.join(relay.dir, "wrong.conf");
  let runs = 0;
  const check = async (more, argv = []) => {
    fs.writeFileSync(file, good + more);
    return stage.programs.run(`check-${++runs}`, [turnserver, "--check-config", "-c", file, ...argv],
      { netns: stage.network.netns("relay1"), cwd: relay.dir, codes: [0, 78, 255] });
  };
  claims.that("a good configuration is called valid", (await check("")).code === 0);
  const wrong = [
    ["chainturn-mode=all\n", /chainturn-mode=all is not a mode; use off, relays, devices or open/],
    ["chainturn-metrics=localhost\n", /chainturn-metrics=localhost: a port of 127\.0\.0\.1 is needed/],
    ["chainturn-max-age=1d\n", /chainturn-max-age=1d: a whole number from 1 to 2592000 is needed/],
    ["chainturn-max-age=9\nchainturn-poll-ms=5000\n", /chainturn-max-age=9 is less than two times chainturn-poll-ms=5000.*to 10 or more/],
    ["chainturn-allow-private=perhaps\n", /chainturn-allow-private=perhaps: yes or no is needed/],
    ["chainturn-modus=off\n", /chainturn-modus is not an option; did you mean chainturn-mode\?/],
    ["chainturn-bundle=/nowhere/bundle.json\n", /there is no file \/nowhere\/bundle\.json; 'wm-server init' writes it/],
    ["server-relay\n", /server-relay .*remove server-relay/],
    ["cli-port=50010\nmin-port=50000\nmax-port=50100\n", /cli-port: port 50010 lies among the relayed ones.*choose another/],
    ["listening-ip=127.0.0.1\n", /several IPv4 addresses to listen on.*set listening-ip/],
  ];
  for (const [more, sentence] of wrong) claims.refuses(`--check-config with ${more.trim().split("\n").at(0)}`, await check(more), 78, sentence);
  const flags = [
    ["--chainturn-modus=off", /chainturn-modus is not an option; did you mean chainturn-mode\?/],
    ["--chainturn-mode", /chainturn-mode needs a value/],
    ["--chainturn-poll-ms=0", /chainturn-poll-ms=0: a whole number from 100 to 600000 is needed/],
  ];
  for (const [flag, sentence] of flags) claims.refuses(`on the command line, ${flag}`, await check("", [flag]), 78, sentence);
}

// The same server with the module off: nothing of it shows.
async function moduleOff(stage, claims, relay) {
  const conf = fs.readFileSync(relay.conf, "utf8").replace(/^chainturn-.*\n/gm, "");
  fs.writeFileSync(relay.conf, conf);
  stage.platform.relays.length = 0;
  stage.platform.startRelay(relay);
  await relay.program.waitText(/IO method \(admin thread\)/, "listening");
  const text = await cli(stage, "help", "chain", "pc");
  claims.that("module off: the command is unknown, and the help has none", /Unknown command/.test(text) && !/chain - print/.test(text), text);
  const page = await look(stage, "web", WEB_PORT, "root", "hidden", "/pc");
  claims.that("module off: the web page has none of it", /total-current-allocs/.test(page) && !/chainturn:/.test(page), page.slice(-600));
  claims.that("module off: no metrics", (await scrape(stage)).error === "ECONNREFUSED");
}

test(async (stage, claims) => {
  const relay = await bringUp(stage);
  await relaySome(stage, relay);
  await commandLine(stage, claims);
  await webPage(stage, claims);
  await metrics(stage, claims);
  const taken = path.join(relay.dir, "taken.conf");
  fs.writeFileSync(taken, fs.readFileSync(relay.conf, "utf8").replace(/^(pidfile)=.*/m, `$1=${relay.dir}/pid2`));
  const second = await stage.programs.run("second", [stage.platform.program("turnserver"), "-c", taken],
    { netns: stage.network.netns("relay1"), cwd: relay.dir, codes: [1, 78, 255] });
  claims.that("a port of metrics that is taken ends the start with a sentence", second.code === 1 && /chainturn-metrics: 127\.0\.0\.1:9642 cannot be listened on \(Address already in use\); choose another port/.test(second.text()), second.text().slice(-600));
  await relay.program.end();
  await refusals(stage, claims, relay);
  await moduleOff(stage, claims, relay);
});
