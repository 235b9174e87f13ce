// An operator's view of a running wallet manager: page, events, metrics, readiness and audit log, in headless Chromium.
//
//   node operator.mjs --showcase PROGRAM --server PROGRAM --admin PROGRAM --artefacts FOLDER
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { Browser } from "../../support/chromium.mjs";
import { Claims } from "../claims.mjs";
import { certificates } from "./certificates.mjs";
import { focused, lowContrast, overflow, structureFaults } from "./inspect.mjs";

const options = {};
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].slice(2)] = process.argv[i + 1];
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "chainturn-operator-"));
const claims = new Claims();
const DEADLINE_MS = 500000;

/* ---- programs ---- */

// Until look() gives something true; it is asked again after each wait.
async function until(what, look, ms = 60000) {
  const end = Date.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`not seen in ${ms / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function firstLine(child, accept) {
  return new Promise((resolve, reject) => {
    const lines = readline.createInterface({ input: child });
    lines.on("line", (line) => accept(line) && resolve(line));
    lines.on("close", () => reject(new Error("it ended before it was ready")));
  });
}

async function startShowcase() {
  const child = spawn(options.showcase, [dir], { stdio: ["pipe", "pipe", "inherit"] });
  const scene = JSON.parse(await firstLine(child.stdout, (line) => line.startsWith("{")));
  return { child, ...scene };
}

class Server {
  static async start(conf) {
    const server = new Server();
    server.log = [];
    server.child = spawn(options.server, ["run", "--config", conf], { stdio: ["ignore", "ignore", "pipe"] });
    server.ended = new Promise((resolve) => server.child.on("exit", (code) => resolve(code)));
    readline.createInterface({ input: server.child.stderr }).on("line", (line) => server.log.push(line));
    const ready = await until("ready", () => server.log.find((line) => line.includes('"event":"ready"')));
    server.url = JSON.parse(ready).operator;
    return server;
  }

  end() {
    this.child.kill("SIGTERM");
    return this.ended;
  }
}

function run(program, ...args) {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 120000 }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, text: stdout + stderr }));
  });
}

async function rpc(scene, method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return (await (await fetch(scene.rpc, { method: "POST", headers: { "content-type": "application/json" }, body })).json()).result;
}

async function metrics(server) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const samples = {};
  for (const line of text.split("\n").filter((l) => l && !l.startsWith("#"))) {
    const at = line.lastIndexOf(" ");
    samples[line.slice(0, at).replace("chainturn_wm_", "")] = Number(line.slice(at + 1).replace("+Inf", "Infinity"));
  }
  return samples;
}

/* ---- the page ---- */

async function shot(page, name) {
  const { cssContentSize: size } = await page.call("Page.getLayoutMetrics");
  const clip = { x: 0, y: 0, width: size.width, height: Math.min(size.height, 4000), scale: 1 };
  const { data } = await page.call("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
  fs.mkdirSync(options.artefacts, { recursive: true });
  const file = path.join(options.artefacts, `status-${name}.png`);
  fs.writeFileSync(file, Buffer.from(data, "base64"));
  claims.that(`a picture of the page is kept: ${path.basename(file)}`, fs.statSync(file).size > 20000);
}

function look(page, width, scheme) {
  return Promise.all([
    page.call("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 }),
    page.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] }),
  ]);
}

const rows = (page, id) => page.evaluate((id) => [...document.getElementById(id).rows].map((row) => [...row.cells].map((c) => c.innerText.trim())), id);

// Everything that a page asks for, and what its policy refuses.
async function watchPage(browser) {
  const page = await browser.page();
  page.requests = [];
  page.refused = [];
  page.pipe.listeners.add(({ sessionId, method, params }) => {
    if (sessionId !== page.sessionId) return;
    if (method === "Network.requestWillBeSent") page.requests.push(params.request.url);
    if (method === "Log.entryAdded" && params.entry.level === "error") page.refused.push(`${params.entry.text} ${params.entry.url ?? ""}`);
  });
  await page.call("Network.enable");
  await page.call("Log.enable");
  return page;
}

async function withoutScripts(browser, server) {
  const page = await watchPage(browser);
  await page.call("Emulation.setScriptExecutionDisabled", { value: true });
  await look(page, 1280, "light");
  await until("the relays are read", async () => {
    await page.goto(`${server.url}/`);
    return (await rows(page, "relay-rows")).length === 7;
  });
  const relays = await rows(page, "relay-rows");
  claims.that("without scripts: relays approved, revoked and refused", relays.map((r) => r[1]).join() === "approved,approved,approved,revoked,approved,refused,refused", relays);
  claims.that("addresses of both families", relays[1][2].includes("198.51.100.12:3478") && relays[1][2].includes("[2001:db8::2]:3478"), relays[1]);
  claims.that("a last test with its round trip", /min ago/.test(relays[0][5]) && /^\d+\.\d ms$/.test(relays[0][6]), relays[0]);
  claims.that("a refusal with its reason", relays[5][5].includes("is the relay up, and its port open?"), relays[5]);
  claims.that("an approval that ends soon is marked", relays[2][7].includes("soon"), relays[2]);
  const sparks = await page.evaluate(() => [...document.querySelectorAll(".spark")].map((s) => s.getAttribute("aria-label")));
  claims.that("round trips as a line with a name", sparks.length === 6 && sparks.some((s) => /last 24 tests, slowest \d+\.\d ms, 3 failed/.test(s)), sparks);
  const devices = await rows(page, "device-rows");
  claims.that("fifty devices to a page", devices.length === 50 && devices[1][0] === "camera-002@plant:2", devices[1]);
  const next = await page.evaluate(() => document.querySelector("#device-pages a").href);
  await page.goto(next);
  const more = await rows(page, "device-rows");
  claims.that("the next page goes on after the last name", more.length === 50 && more[0][0] > devices[49][0], [devices[49][0], more[0][0]]);
  await page.goto(`${server.url}/?find=meter-003@plant:3`);
  claims.that("a device is found by its name", (await rows(page, "device-rows"))[0][0] === "meter-003@plant:3");
  claims.that("and the field keeps it", (await page.evaluate(() => document.getElementById("find").value)) === "meter-003@plant:3");
  await page.goto(`${server.url}/`);
  claims.that("events as rows", (await page.evaluate(() => document.getElementById("event-list").innerText)).includes("ready"));
  await shot(page, "without-scripts");
  return page;
}

async function hostileNames(page, server) {
  const names = await page.evaluate(() => document.body.innerText);
  claims.that("a hostile name shows as the text it is", names.includes("<img src=x onerror='window.hacked=1'>"));
  const made = await page.evaluate(() => [document.querySelectorAll("img").length, document.querySelectorAll("script").length, typeof window.hacked]);
  claims.that("and makes no element and runs nothing", made.join() === "0,1,undefined", made);
  const away = page.requests.filter((url) => !url.startsWith(server.url));
  claims.that("nothing is asked of another host", page.requests.length > 3 && away.length === 0, away);
  claims.that("the policy refused nothing, and nothing failed", page.refused.length + page.errors.length === 0, [...page.refused, ...page.errors]);
  await page.goto(`${server.url}/?find=${encodeURIComponent('"><script>window.hacked=1</script>')}`);
  const found = await page.evaluate(() => [document.getElementById("find").value, document.querySelectorAll("script").length, typeof window.hacked]);
  claims.that("nor does a hostile question", found[0].startsWith('"><script>') && found[1] === 1 && found[2] === "undefined", found);
  for (const query of ["relays=x", "relays=-1", "relays=99999999999", `devices=${"a".repeat(64)}`, `find=${"a".repeat(300)}`]) {
    const answer = await fetch(`${server.url}/?${query}`);
    claims.that(`a cursor that is none is refused: ${query.slice(0, 20)}`, answer.status === 400 && answer.headers.get("content-type") === "application/problem+json");
  }
}

async function canBeRead(page, server) {
  await page.goto(`${server.url}/`);
  const faults = await page.evaluate(structureFaults);
  claims.that("a screen reader finds its way: landmarks, captions, names, levels", faults.length === 0, faults);
  for (const [width, scheme, name] of [[1280, "light", "light"], [1280, "dark", "dark"], [390, "light", "phone-light"], [390, "dark", "phone-dark"]]) {
    await look(page, width, scheme);
    await page.goto(`${server.url}/`);
    await until("the events", () => page.evaluate(() => document.querySelector("#event-list b") !== null));
    const { seen, low } = await page.evaluate(lowContrast);
    claims.that(`${name}: every text stands out (${seen} of them)`, seen > 300 && low.length === 0, low.slice(0, 5));
    claims.that(`${name}: the page does not scroll sideways`, (await page.evaluate(overflow)) <= 0);
    await shot(page, name);
  }
  await look(page, 1280, "light");
  const { nodes } = await page.call("Accessibility.getFullAXTree");
  const roles = new Map(nodes.filter((n) => !n.ignored).map((n) => [`${n.role?.value}:${n.name?.value ?? ""}`, n]));
  const wanted = ["banner:", "main:", "contentinfo:", "navigation:Sections", "log:Live events", "region:Relays", "table:Devices by name, with relay and registration", "button:Pause"];
  const missing = wanted.filter((w) => ![...roles.keys()].some((r) => r.startsWith(w)));
  claims.that("Chromium's own accessibility tree has them", missing.length === 0, missing);
}

async function byKeys(page, server) {
  await page.goto(`${server.url}/`);
  const press = async (key, code, vk) => {
    for (const type of ["rawKeyDown", "keyUp"]) await page.call("Input.dispatchKeyEvent", { type, key, code, windowsVirtualKeyCode: vk });
  };
  await press("Tab", "Tab", 9);
  const first = await page.evaluate(focused);
  claims.that("the first key leads to the way past the head", first.words === "Skip to content" && first.shows && first.inside, first);
  await page.call("Input.dispatchKeyEvent", { type: "keyDown", key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: "\r" });
  await page.call("Input.dispatchKeyEvent", { type: "keyUp", key: "Enter", code: "Enter", windowsVirtualKeyCode: 13 });
  claims.that("which is taken", (await page.evaluate(focused)).id === "main");
  const seen = [];
  for (let i = 0; i < 40; i++) {
    await press("Tab", "Tab", 9);
    const at = await page.evaluate(focused);
    if (at.tag === "BODY" || (seen.length > 1 && at.words === "Skip to content")) break;
    seen.push(at);
  }
  claims.that("each stop of the focus shows", seen.length >= 8 && seen.every((s) => s.shows), seen.filter((s) => !s.shows));
  for (const id of ["find", "pause", "event-list"]) claims.that(`keys reach ${id}`, seen.some((s) => s.id === id));
}

/* ---- what happens ---- */

async function livesOn(page, server, scene) {
  await page.goto(`${server.url}/`);
  await until("the stream", () => page.evaluate(() => document.getElementById("stream").innerText === "Live"));
  const before = await metrics(server);
  const reloads = page.requests.length;
  await rpc(scene, "evm_setAutomine", false);
  const revoked = run(options.admin, "relay", "revoke", "--config", scene.conf, "5");
  const pending = await until("a pending transaction on the page", async () => {
    const [row] = await rows(page, "tx-rows");
    return row && row.length === 9 && row;
  });
  claims.that("a pending transaction: account, nonce, kind", pending[0] === "approver" && /^\d+$/.test(pending[1]) && pending[2] === "revoke_relay", pending);
  claims.that("its state, attempt, fee, tip and age", /^(signed|sent)$/.test(pending[3]) && pending[4] === "1" && /^[\d.]+ gwei$/.test(pending[5]) && /^[\d.e-]+ gwei$/.test(pending[6]) && /^\d+ s$/.test(pending[7]), pending);
  claims.that("its whole hash, though cut to the eye", /^0x[0-9a-f]{64}$/.test(await page.evaluate(() => document.querySelector("#tx-rows .cut").textContent)));
  const during = await metrics(server);
  claims.that("metrics: it is on its way", during['transactions{state="signed"}'] + during['transactions{state="sent"}'] === 1 && during['operations{state="sent"}'] === 1, during['transactions{state="sent"}']);
  await shot(page, "pending");
  await rpc(scene, "evm_setAutomine", true);
  await rpc(scene, "evm_mine");
  const outcome = await revoked;
  claims.that("wm-admin says that it is done", outcome.code === 0 && outcome.text.includes("revoked 5"), outcome.text);
  await until("no pending transaction", async () => (await rows(page, "tx-rows"))[0].length === 1);
  await until("its new state", async () => (await rows(page, "relay-rows"))[4][1] === "revoked");
  claims.that("the relay's state changed on the page", true);
  const events = await page.evaluate(() => [...document.querySelectorAll("#event-list li")].map((l) => l.innerText));
  claims.that("events came as they happened, without a reload", events.some((e) => /revoke_relay/.test(e)) && events.some((e) => /\nsent\n/.test(e)) && page.requests.length > reloads, events);
  const after = await until("another second", async () => { // ages are whole ones
    const now = await metrics(server);
    return now.queue_age_seconds > during.queue_age_seconds && now;
  });
  claims.that("metrics: sent and settled are counted", after['transactions_total{event="sent"}'] === (before['transactions_total{event="sent"}'] ?? 0) + 1 && after['transactions{state="sent"}'] === 0);
  claims.that("metrics: gas and ether were spent", after.gas_used_total > before.gas_used_total && after.gas_spent_ether_total > before.gas_spent_ether_total, [before.gas_used_total, after.gas_used_total]);
  const wanted = ["queue_age_seconds", "chain_head_lag_seconds", 'runway_days{account="approver"}', 'probes_total{result="refused"}', 'transactions{state="mined"}',
    'http_requests_total{route="/metrics",status="200"}', 'http_request_duration_seconds_bucket{route="/metrics",le="0.1"}', "gas_spent_ether_total",
    'alert{account="approver",kind="balance_high"}', "leader", "ready"];
  const missing = wanted.filter((name) => after[name] === undefined);
  claims.that("metrics: each thing that a dashboard wants is there", missing.length === 0, missing);
  claims.that("metrics: the age of the oldest that waits", during.queue_age_seconds > 0 && after.queue_age_seconds > during.queue_age_seconds, [during.queue_age_seconds, after.queue_age_seconds]);
  claims.that("metrics: balance, head, devices, audit", after['balance_ether{account="approver"}'] > 1 && after.chain_head_block > 10 && after.devices === 138 && after.audit_lines_total >= 3, after.devices);
}

async function paused(page, server, scene) {
  await page.evaluate(() => document.getElementById("pause").click());
  const count = () => page.evaluate(() => document.getElementById("event-list").children.length);
  claims.that("pause is told", (await page.evaluate(() => document.getElementById("pause").getAttribute("aria-pressed"))) === "true");
  const held = await count();
  await run(options.admin, "relay", "revoke", "--config", scene.conf, "2");
  await until("the event in the log", () => server.log.some((l) => l.includes('"subject":"2"') && l.includes("done")));
  claims.that("nothing moves while it is paused", (await count()) === held);
  await page.evaluate(() => document.getElementById("pause").click());
  claims.that("and then it is there", await until("the event", async () => (await count()) > held));
}

async function comesBack(page, server, scene) {
  const old = new URL(server.url);
  const code = await server.end();
  claims.that("the server ends with open streams", code === 0, code);
  await until("the page sees it", () => page.evaluate(() => /Connecting|Not reachable/.test(document.getElementById("stream").innerText)));
  const conf = fs.readFileSync(scene.conf, "utf8").replace(/^operator = .*$/m, `operator = ${old.host}`);
  fs.writeFileSync(scene.conf, conf);
  const again = await Server.start(scene.conf);
  await until("live again", () => page.evaluate(() => document.getElementById("stream").innerText === "Live"));
  claims.that("the page is live again after a restart", again.url === server.url);
  const sparks = () => page.evaluate(() => document.querySelectorAll(".spark").length);
  claims.that("tests of relays outlived it", await until("the relays' tests", async () => (await sparks()) === 6));
  return again;
}

async function readiness(page, server, scene) {
  const text = await until("ready", async () => {
    const ready = await fetch(`${server.url}/readyz`);
    return ready.status === 200 && ready.text();
  });
  claims.that("ready: a line for each part", /^ok {3}store .*\nok {3}rpc .*\nok {3}balance .*\nok {3}leader .*\n$/.test(text), text);
  process.kill(scene.anvil, "SIGSTOP");
  try {
    const late = await until("not ready", async () => {
      const answer = await fetch(`${server.url}/readyz`);
      return answer.status === 503 && answer.text();
    });
    claims.that("a chain that does not answer is said, with what to do", /^FAIL rpc +\S.*$/m.test(late) && /^ok {3}store/m.test(late), late);
    await until("the page says so", () => page.evaluate(() => document.querySelector("#state .pill").innerText === "Not ready"));
    claims.that("the page and its title say so", (await page.evaluate(() => document.title)).startsWith("Not ready"));
    await shot(page, "not-ready");
    claims.that("alive all the same", (await fetch(`${server.url}/healthz`)).status === 200);
    const lag = (await metrics(server)).chain_head_lag_seconds;
    await until("metrics: the chain's head falls behind", async () => (await metrics(server)).chain_head_lag_seconds > lag);
    claims.that("metrics: the lag of a chain that stands still grows", true);
  } finally {
    process.kill(scene.anvil, "SIGCONT");
  }
}

async function statusAsJson(server) {
  const status = await (await fetch(`${server.url}/v1/status`)).json();
  claims.that("status as JSON has what the page has", status.relays.items.length === 7 && status.devices.items.length === 50 && status.ready === true && status.totals.devices === 138);
  let names = [];
  for (let cursor = ""; cursor !== null; ) {
    const page = await (await fetch(`${server.url}/v1/status?devices=${encodeURIComponent(cursor)}`)).json();
    names = names.concat(page.devices.items.map((d) => d.identity));
    cursor = page.devices.next;
  }
  const sent = [];
  for (let cursor = null; cursor !== undefined; ) {
    const page = await (await fetch(`${server.url}/v1/transactions?limit=2${cursor ? `&cursor=${cursor}` : ""}`)).json();
    sent.push(...page.transactions);
    cursor = page.next;
  }
  const once = new Set(sent.map((t) => `${t.account} ${t.nonce}`));
  claims.that("all transactions are listed, each nonce once, the newest first", sent.length >= 2 && once.size === sent.length && sent[0].nonce === sent.at(-1).nonce + sent.length - 1, sent);
  claims.that("with what became of them", sent.every((t) => t.state === "confirmed" && t.block > 0 && t.max_fee_gwei > 0), sent);
  claims.that("its cursor leads through all devices, each once", names.length === 138 && new Set(names).size === 138, names.length);
}

async function audited(server, scene) {
  const file = path.join(dir, "audit.log");
  const tokens = path.join(dir, "tokens");
  const issue = await run(options.admin, "token", "issue", "--config", scene.conf, "--batch", "B7", "--count", "3", "--expires", "9d", "--id-prefix", "acme-", "--out", tokens);
  claims.that("wm-admin issues tokens beside the running server", issue.code === 0, issue.text);
  const listed = (await (await fetch(`${server.url}/v1/tokens?batch=B7`)).json()).tokens;
  claims.that("which the operators' list has", listed.length === 3 && listed.every((t) => t.state === "issued" && t.expires > Date.now() / 1000 + 8 * 86400), listed);
  server.child.kill("SIGHUP");
  await until("the reload", () => server.log.some((line) => line.includes('"event":"reloaded"')));
  const what = fs.readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line).what);
  const count = (name) => what.filter((w) => w === name).length;
  claims.that("both wrote one audit log", count("configuration_loaded") === 3 && count("token_issued") === 3 && count("key_used") >= 1 && count("operation_asked") >= 2, what);
  const good = await run(options.admin, "audit", "verify", file);
  const head = good.text.match(/the last is (\d+:[0-9a-f]{64})/)?.[1];
  claims.that("wm-admin audit verify follows its chain", good.code === 0 && good.text.startsWith(`${what.length} lines hold, 1 to ${what.length};`) && head, good.text);
  const bytes = fs.readFileSync(file);
  const changed = path.join(dir, "changed.log");
  const at = bytes.indexOf("token_issued") + 3;
  fs.writeFileSync(changed, Buffer.concat([bytes.subarray(0, at), Buffer.from([bytes[at] ^ 1]), bytes.subarray(at + 1)]));
  const bad = await run(options.admin, "audit", "verify", changed);
  claims.that("and names the line that was changed", bad.code === 6 && bad.text.includes(`line ${what.indexOf("token_issued") + 1}: was changed`), bad);
  const cut = path.join(dir, "cut.log");
  fs.writeFileSync(cut, bytes.subarray(0, bytes.lastIndexOf(10, bytes.length - 2) + 1));
  claims.that("lines cut from the end show against a noted head", (await run(options.admin, "audit", "verify", "--head", head, cut)).code === 6 && (await run(options.admin, "audit", "verify", cut)).code === 0);
}

async function tooMuch(page, server, scene) {
  fs.writeFileSync(scene.conf, fs.readFileSync(scene.conf, "utf8").replace(/^balance-max-gwei = .*$/m, "balance-max-gwei = 1500000000"));
  server.child.kill("SIGHUP");
  const line = JSON.parse(await until("the warning", () => server.log.find((l) => l.includes('"event":"balance_high"'))));
  claims.that("an account above its cap: how much is to go, and where to", line.account === "approver" && line.most === "1.5" && /^0x[0-9a-fA-F]{40}$/.test(line.cold) && line.cold !== line.address && /^send 0\.4\d* ether of it/.test(line.remedy), line);
  await until("the page says so", () => page.evaluate(() => document.getElementById("cards").innerText.includes("more than it should hold")));
  const { accounts, ready } = await (await fetch(`${server.url}/v1/status`)).json();
  claims.that("so do page, status and metrics, and it is no failure", accounts.map((a) => a.balance_high).join() === "true,false" && ready && (await metrics(server))['alert{account="approver",kind="balance_high"}'] === 1, accounts);
  await shot(page, "too-much");
}

async function main() {
  const scene = await startShowcase();
  fs.writeFileSync(scene.conf, fs.readFileSync(scene.conf, "utf8").replace(/^format = text$/m, "format = json"));
  let server = await Server.start(scene.conf);
  let browser;
  try {
    const began = Date.now();
    browser = await Browser.start({ dir: path.join(dir, "chromium") });
    console.log(`# ${browser.version}, started in ${Date.now() - began} ms`);
    const plain = await withoutScripts(browser, server);
    claims.that("no script was fetched for it", !plain.requests.some((url) => url.includes("/v1/")), plain.requests);
    const page = await watchPage(browser);
    await page.goto(`${server.url}/`);
    await until("the stream", () => page.evaluate(() => document.getElementById("stream").innerText === "Live"));
    await hostileNames(page, server);
    await canBeRead(page, server);
    await byKeys(page, server);
    await livesOn(page, server, scene);
    await paused(page, server, scene);
    server = await comesBack(page, server, scene);
    await statusAsJson(server);
    await audited(server, scene);
    await tooMuch(page, server, scene);
    await readiness(page, server, scene);
    claims.that("each line of the log is a JSON object", server.log.length > 0 && server.log.every((line) => typeof JSON.parse(line).event === "string"));
    await server.end();
    await certificates({ claims, dir, conf: scene.conf, server: options.server, start: Server.start });
  } finally {
    await browser?.close();
    await server.end();
    scene.child.stdin.end();
  }
}

const timer = setTimeout(() => {
  console.log(`FAIL it takes longer than ${DEADLINE_MS / 1000} s`);
  process.exit(1);
}, DEADLINE_MS);
main()
  .catch((error) => claims.that(`no step fails: ${error.stack}`, false))
  .finally(() => {
    clearTimeout(timer);
    fs.rmSync(dir, { recursive: true, force: true });
    console.log(`${claims.passed} passed, ${claims.failed} failed`);
    process.exitCode = claims.failed ? 1 : 0;
  });
