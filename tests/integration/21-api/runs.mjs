// A server that is told to read its configuration again, and one that is told to end while it is asked.
import fs from "node:fs";
import path from "node:path";

const json = JSON.stringify;

async function reload(scene, from, to, word) {
  const text = fs.readFileSync(scene.config, "utf8");
  const seen = scene.wm.text().length;
  fs.writeFileSync(scene.config, text.replace(from, to), { mode: 0o600 });
  scene.wm.child.kill("SIGHUP");
  await scene.wm.wait((p) => p.text().slice(seen).match(word) ?? undefined, `the line ${word}`, 5000);
  return { line: scene.wm.text().slice(seen).match(word)[0], undo: text };
}

export async function reloads(scene, claims) {
  const party = await scene.party("device", "reload-1");
  const ask = async () => (await party.client.issuePass(null, { pass_key: "A".repeat(42) + "E" })).status;
  claims.that("before the reload nobody is limited", (await ask()) === 403 && (await ask()) === 403 && (await ask()) === 403);
  const good = await reload(scene, /party-per-minute = \d+/, "party-per-minute = 2", /reloaded taken=.*/);
  claims.that("SIGHUP takes a limit, and says so", good.line === "reloaded taken=limits.party-per-minute waiting_for_restart=none", good.line);
  const seen = [await ask(), await ask(), await ask()];
  claims.that("and the limit holds from then on", seen.includes(429), seen);
  const bad = await reload(scene, /party-per-minute = 2/, "party-per-minut = 100000", /reload_refused .*/);
  claims.that("a bad file is refused with its reason", /keeps=all/.test(bad.line) && /did you mean limits.party-per-minute/.test(bad.line), bad.line);
  claims.that("and changes nothing", (await ask()) === 429);
  fs.writeFileSync(scene.config, good.undo, { mode: 0o600 });
  const later = await reload(scene, /timeout-s = 10/, "timeout-s = 9", /reloaded taken=.*/);
  claims.that("what waits for a restart is named",
    later.line === "reloaded taken=limits.party-per-minute waiting_for_restart=limits.timeout-s", later.line);
  claims.that("the limit is gone again", (await ask()) === 403);
  fs.writeFileSync(scene.config, good.undo, { mode: 0o600 });
  party.close();
}

// SIGTERM in the midst of registrations: who was told 202 is on the chain in the end, and nobody was left without an answer.
export async function drains(scene, claims) {
  const devices = [];
  for (let i = 0; i < 6; i++) {
    const name = `drain-${i}`;
    const token = await scene.token("--id", name);
    const party = await scene.party("device", name);
    const signed = await scene.registration(party, { port: 51010 + i });
    await party.client.getMe(); // the connection stands
    devices.push({ party, body: { token, ...signed } });
  }
  const asked = devices.map(({ party, body }) => party.client.registerDevice(null, body, { headers: { "Idempotency-Key": "drain" } })
    .catch((error) => ({ status: 0, data: error.code })));
  await new Promise((resolve) => setTimeout(resolve, 15)); // some are being worked on, some are not there yet
  scene.wm.child.kill("SIGTERM");
  const answers = await Promise.all(asked);
  const code = await scene.wm.ended;
  claims.that("SIGTERM ends it with code 0", code === 0, code);
  const states = answers.map((a) => a.status);
  claims.that("each request under way is answered: done, or not begun",
    answers.every((a) => a.status === 202 || (a.status === 503 && a.data.type?.endsWith(":stopping")) ||
      ["ECONNREFUSED", "ECONNRESET"].includes(a.data)), json(answers.map((a) => [a.status, a.data])));
  claims.that("some were accepted", states.includes(202), json(states));
  await scene.startWm();
  let lost = 0;
  for (let i = 0; i < devices.length; i++) {
    const { party, body } = devices[i];
    const back = await scene.party("device", party.identity, { wallet: { wallet: party.wallet, file: party.walletFile }, keyFile: party.keyFile });
    let id = answers[i].data?.operation;
    if (!id) { // the same key: whatever had come of it, it is one registration
      const again = await back.client.registerDevice(null, body, { headers: { "Idempotency-Key": "drain" } });
      id = again.data.operation;
    }
    const done = await scene.operation(back, id);
    const record = await back.client.getDevice();
    lost += !(done.state === "done" && record.data.sequence === 1 && record.data.live);
    back.close();
    party.close();
  }
  claims.that("what was accepted is on the chain after the restart, each once", lost === 0, `${lost} are not`);
}

// wm-server check: each thing one line, each line with what to do.
export async function checks(scene, claims) {
  const check = async (change = (text) => text, codes = [0]) => {
    const file = path.join(scene.dir, "checked.conf");
    fs.writeFileSync(file, change(fs.readFileSync(scene.config, "utf8")), { mode: 0o600 });
    const program = await scene.run("wm-check", ["wm-server", "check", "--config", file], { codes });
    return program.text().split("\n").filter((line) => /^(ok|warn|FAIL) /.test(line));
  };
  const has = (lines, pattern) => lines.some((line) => pattern.test(line));
  const good = await check();
  for (const pattern of [/^ok +configuration/, /^ok +keys .*approver 0x/, /^ok +endpoint .*127\.0\.0\.1.*block \d+/, /^ok +endpoint .*127\.0\.0\.3/,
    /^ok +chain .*31337: \d of 3 endpoints agree/, /^ok +platform keys .*until \d{4}-/, /^ok +owner .*as it should be/,
    /^ok +approver .*ether: about \d+ registrations/, /^ok +store .*SQLite, schema \d/, /^warn +listen TLS .*a wm-server runs here/]) {
    claims.that(`check has a line ${pattern.source}`, has(good, pattern), good);
  }
  claims.that("and no failure", !has(good, /^FAIL/), good);
  const lost = await check((text) => text.replace("rpc = http://127.0.0.2:8545", "rpc = http://127.0.0.2:9"));
  claims.that("one endpoint that is away is a warning", has(lost, /^warn +endpoint .*127\.0\.0\.2:9/) && has(lost, /^ok +chain .*2 of 3/), lost);
  const many = await check((text) => text.replaceAll(":8545", ":9").replace("pass = wm-pass.key", "pass = nowhere.key")
    .replace("path = wm.sqlite", "path = /nowhere/wm.sqlite"), [2]);
  claims.that("check goes on behind a failure", has(many, /^FAIL +keys .*nowhere\.key/) && has(many, /^FAIL +store .*cannot be written/) &&
    has(many, /^FAIL +chain/), many);
}
