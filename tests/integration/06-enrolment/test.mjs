// Tokens that are expired, forged, used or another's; a wallet manager that is down or misconfigured.
// needs: turnserver wm-server wm-admin chainturn-cli
import fs from "node:fs";
import path from "node:path";
import { Device } from "../../testbed/platform.mjs";
import { DEAF, folderState, NOWHERE } from "../inputs.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  platform.startRelay(await platform.prepareRelay(1));
  await platform.waitApproved(1);
}

// A device that has not enrolled; its identity must not appear on chain.
let homes = 0;
async function refused(stage, claims, claim, { identity = "door-7", token, bundle, code, sentence }) {
  const { chain, platform } = stage;
  const device = new Device(platform, "b", identity, `home-${++homes}`);
  const before = await chain.snapshot([identity]);
  const command = ["up", "--bundle", bundle ?? platform.bundleFile, "--id", identity];
  const program = await device.run([...command, ...(token ? ["--token-file", token] : [])], { codes: CODES, json: false });
  claims.refuses(claim, program, code, sentence);
  claims.that(`${claim}: nothing changes on chain`, (await chain.snapshot([identity])) === before);
}

function tokenFile(stage, name, text) {
  const file = path.join(stage.network.work, name);
  fs.writeFileSync(file, text + "\n", { mode: 0o600 });
  return file;
}

async function tokens(stage, claims) {
  const { platform } = stage;
  const bad = (...rest) => refused(stage, claims, ...rest);
  const good = await platform.issueToken("door-7");
  const text = fs.readFileSync(good, "utf8").trim();
  const [head, body, signature] = text.split(".");
  const payload = JSON.parse(Buffer.from(body, "base64url"));
  const renamed = Buffer.from(JSON.stringify({ ...payload, id: "door-8" })).toString("base64url");

  await bad("no token", { code: 2, sentence: /token/i });
  await bad("a token with a changed name", {
    identity: "door-8", token: tokenFile(stage, "t1", `${head}.${renamed}.${signature}`), code: 6, sentence: /token/i });
  await bad("a token with a cut signature", {
    token: tokenFile(stage, "t2", `${head}.${body}.${signature.slice(0, -4)}AAAA`), code: 6, sentence: /token/i });
  await bad("a token for another name", { identity: "door-9", token: good, code: 6, sentence: /token|name|identity/i });
  const soon = await platform.issueToken("door-7", { expires: "1s" });
  await new Promise((resolve) => setTimeout(resolve, 2100)); // its second has to pass
  await bad("an expired token", { token: soon, code: 6, sentence: /expired/i });

  const device = platform.device("b", "door-7");
  await device.up(good);
  claims.that("the token as it was issued is taken", (await stage.chain.device("door-7")).state === "approved");
  const keys = folderState(device.home, /(?<!\.key)$/);
  const again = await device.run(["up", "--bundle", platform.bundleFile, "--id", "door-7"], { codes: CODES });
  claims.that("up a second time does nothing new", again.code === 0, again.text());
  claims.that("and keeps the keys", keys !== "" && folderState(device.home, /(?<!\.key)$/) === keys, keys);
  await bad("a used token, by another wallet", { token: good, code: 6, sentence: /used/i });
}

async function wmDown(stage, claims) {
  const token = await stage.platform.issueToken("door-10");
  await stage.platform.wm.end();
  await refused(stage, claims, "the wallet manager is down", {
    identity: "door-10", token, code: 5, sentence: /wallet manager|WM/i });
  await stage.platform.startWm();
  const device = new Device(stage.platform, "b", "door-10", "home-10");
  const up = await device.run(["up", "--bundle", stage.platform.bundleFile, "--id", "door-10", "--token-file", token], { codes: CODES });
  claims.that("the same token serves once it is back", up.code === 0, up.text());
}

// Killed between accepting a registration and seeing it in a block.
async function wmKilled(stage, claims) {
  const { platform } = stage;
  const token = await platform.issueToken("door-11");
  const device = new Device(platform, "b", "door-11", "home-11");
  const up = device.start(["up", "--bundle", platform.bundleFile, "--id", "door-11", "--token-file", token]);
  await platform.wm.waitText(/id=door-11 method=POST path=\/v1\/devices status=202/, "accepting");
  platform.wm.child.kill("SIGKILL");
  await platform.wm.ended;
  await platform.startWm();
  claims.that("a device that waits outlives the wallet manager's crash", (await up.ended) === 0, up.text());
  const { state, sequence } = await stage.chain.device("door-11");
  claims.that("and is registered once", state === "approved" && sequence === 1n, [state, String(sequence)]);
}

async function secondWm(stage, claims) {
  const { platform } = stage;
  const file = path.join(platform.wmDir, "second.conf");
  fs.writeFileSync(file, fs.readFileSync(platform.config, "utf8").replace(":8080", ":8081").replace(":8443", ":8444"), { mode: 0o600 });
  const program = await platform.wmRun("wm-second", [platform.program("wm-server"), "run", "--config", file], { codes: CODES });
  claims.refuses("a second wm-server with the same account", program, 2, /another wm-server/);
  const many = await platform.wmRun("many-tokens", [platform.program("wm-admin"), "token", "issue", "--config", platform.config, "--batch", "b",
    "--count", "3", "--expires", "1d", "--id", "door-12", "--out", path.join(platform.wmDir, "many")], { codes: CODES });
  claims.refuses("three tokens for one name", many, 2, /one name takes one token/);
  claims.that("of which none is written", !fs.existsSync(path.join(platform.wmDir, "many")));
}

async function configuration(stage, claims) {
  const { platform, chain, network } = stage;
  const conf = fs.readFileSync(platform.config, "utf8");
  const run = async (claim, verb, text, code, sentence) => {
    const file = path.join(platform.wmDir, "bad.conf");
    fs.writeFileSync(file, text, { mode: 0o600 });
    const before = folderState(platform.wmDir, /bad\.conf/);
    const program = await platform.wmRun(`wm-${verb}`, [platform.program("wm-server"), verb, "--config", file], { codes: CODES });
    claims.refuses(claim, program, code, sentence);
    claims.that(`${claim}: nothing changes`, folderState(platform.wmDir, /bad\.conf/) === before);
  };
  await platform.wm.end();
  const key = conf.match(/^\s*(contract)\s*=/m)?.[1] ?? "contract";
  await run("wm-server: a misspelt key", "check", conf.replace(new RegExp(`^(\\s*)${key}`, "m"), "$1contrakt"), 2, /contrakt.*contract/s);
  await run("wm-server: no contract there", "check", conf.replaceAll(chain.contract, NOWHERE), 7, /contract/i);
  await run("wm-server: no endpoint answers", "check", conf.replaceAll(":8545", ":9"), 7, /endpoint|rpc/i);

  const init = async (claim, rpc, more, code, sentence) => {
    const dir = path.join(network.work, `init-${++homes}`);
    const owner = path.join(network.work, "owner.key");
    const argv = [platform.program("wm-server"), "init", ...rpc.flatMap((u) => ["--rpc", u]), "--dir", dir, "--address", "198.51.100.20"];
    const before = await chain.snapshot();
    const program = await platform.wmRun("init", [...argv, "--owner-key", owner, ...more], { codes: CODES });
    claims.refuses(claim, program, code, sentence);
    claims.that(`${claim}: nothing is written`, !fs.existsSync(path.join(dir, "bundle.json")) && (await chain.snapshot()) === before);
  };
  await init("init on another chain", chain.urls, ["--expect-chain-id", "1"], 7, /chain/i);
  await init("init with no endpoint", DEAF, [], 7, /endpoint|rpc|reach/i);
  const again = await platform.wmRun("init-again", [platform.program("wm-server"), "init", ...chain.urls.flatMap((u) => ["--rpc", u]),
    "--dir", platform.wmDir, "--address", "198.51.100.20", "--owner-key", path.join(network.work, "owner.key")], { codes: CODES });
  claims.refuses("init where there is a configuration", again, 2, /exist|already/i);
}

test(async (stage, claims) => {
  await bringUp(stage);
  await tokens(stage, claims);
  await wmDown(stage, claims);
  await wmKilled(stage, claims);
  await secondWm(stage, claims);
  await configuration(stage, claims);
});
