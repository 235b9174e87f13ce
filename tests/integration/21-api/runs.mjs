// A server that is told to read its configuration again, and one that is told to end while it is asked.
import fs from "node:fs";
import path from "node:path";

const json = JSON.stringify;

async function reload(scene, from, to, word) {
  const text = fs.readFileSync(scene.config, "utf8");
  const seen = scene.wm.text().length;
  fs.writeFileSync(scene.config, text.replace(from, to), { mode: 0o600 });
  scene.wm.child.kill("SIGHUP");
  await scene.wm.wait((p) => p.text().slice(seen).match(word) ?? undefined, `the line ${word}`, 60000);
  return { line: scene.wm.text().slice(seen).match(word)[0], undo: text };
}

export async function reloads(scene, claims) {
  const party = await scene.party("device", "reload-1");
  const ask = async () => (await party.client.issuePass(null, { pass_key: "A".repeat(42) + "E" })).status;
  claims.that("before the reload nobody is limited", (await ask()) === 403 && (await ask()) === 403 && (await ask()) === 403);
  const good = await reload(scene, /party-per-minute = \d+/, "party-per-minute = 2", /reloaded taken=.*/);
  claims.that("SIGHUP takes a limit, and says so", good.line === "reloaded taken=limits.party-per-minute waiting_for_restart=none", good.line);
  const thrice = async () => [await ask(), await ask(), await ask()]; // one more than a minute has
  const seen = await thrice();
  claims.that("and the limit holds from then on", seen.includes(429), seen);
  const bad = await reload(scene, /party-per-minute = 2/, "party-per-minut = 100000", /reload_refused .*/);
  claims.that("a bad file is refused with its reason", /keeps=all/.test(bad.line) && /did you mean limits.party-per-minute/.test(bad.line), bad.line);
  claims.that("and changes nothing", (await thrice()).includes(429));
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
  await Promise.race(asked); // the others are being worked on, or not there yet
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
    /^ok +approver .*ether: about \d+ registrations/, scene.onRedis ? /^ok +store .*Redis/ : /^ok +store .*SQLite, schema \d/, /^warn +listen TLS .*a wm-server runs here/]) {
    claims.that(`check has a line ${pattern.source}`, has(good, pattern), good);
  }
  claims.that("and no failure", !has(good, /^FAIL/), good);
  const ownerKey = path.join(scene.dir, "owner.key"); // where a plain init leaves it
  fs.writeFileSync(ownerKey, "", { mode: 0o600 });
  const onHost = await check();
  fs.rmSync(ownerKey);
  claims.that("an owner's key on this host is warned of", has(onHost, /^warn +owner .*owner\.key is on this host: move/), onHost);
  const lost = await check((text) => text.replace("rpc = http://127.0.0.2:8545", "rpc = http://127.0.0.2:9"));
  claims.that("one endpoint that is away is a warning", has(lost, /^warn +endpoint .*127\.0\.0\.2:9/) && has(lost, /^ok +chain .*2 of 3/), lost);
  const many = await check((text) => text.replaceAll(":8545", ":9").replace("pass = wm-pass.key", "pass = nowhere.key")
    .replace("path = wm.sqlite", "path = /nowhere/wm.sqlite").replace(/^redis = .*$/m, "redis = unix:/nowhere/redis.sock"), [2]);
  claims.that("check goes on behind a failure", has(many, /^FAIL +keys .*nowhere\.key/) && has(many, /^FAIL +store .*nowhere/) &&
    has(many, /^FAIL +chain/), many);
}

// init --adopt: a second folder for a contract that is there, with the keys of the first, with an owner who signs elsewhere, or here.
export async function adopts(scene, claims) {
  let folders = 0;
  const adopt = async (contract, { copy = [], more = [], codes = [0] } = {}) => {
    const dir = path.join(scene.work, `adopted-${++folders}`);
    fs.mkdirSync(dir, { mode: 0o700 });
    for (const name of copy) fs.copyFileSync(path.join(scene.dir, name), path.join(dir, name));
    const program = await scene.run("wm-adopt", ["wm-server", "init", ...scene.urls.flatMap((url) => ["--rpc", url]), "--dir", dir,
      "--address", "127.0.0.1", "--port", "8090", "--tls-port", "8453", "--allow-private", "--adopt", contract, ...more], { codes });
    return { dir, text: program.text(), code: program.code, config: path.join(dir, "wm-server.conf") };
  };
  const check = (config, codes) => scene.run("wm-check", ["wm-server", "check", "--config", config], { codes });
  const contract = scene.bundle.contract;

  const nowhere = await adopt("0x00000000000000000000000000000000000c0de0", { codes: [7] });
  claims.that("an address without a contract is not adopted", /there is no contract at/.test(nowhere.text) && !fs.existsSync(nowhere.config), nowhere.text);
  const stranger = await new scene.ethers.ContractFactory([], "0x6001600c60003960016000f300", scene.owner.wallet).deploy(); // one byte: STOP
  await stranger.waitForDeployment();
  const other = await stranger.getAddress();
  const foreign = await adopt(other, { codes: [7] });
  claims.that("nor another contract", /no chainturn registry/.test(foreign.text) && !fs.existsSync(foreign.config), foreign.text);

  const same = await adopt(contract, { copy: ["wm-pass.key", "wm-handshake.key", "approver.key", "funder.key"] });
  claims.that("with the platform's keys nothing is left to do", !/has to send/.test(same.text) && (await check(same.config, [0])).code === 0, same.text);
  claims.that("the owner's key is not made", !fs.existsSync(path.join(same.dir, "owner.key")));

  const [, funder] = (await check(same.config, [0])).text().match(/^ok +funder +(0x\w+)/m);
  const roles = new scene.ethers.Contract(contract, ["function setApprover(address,bool)"], scene.owner.wallet);
  await (await roles.setApprover(funder, true)).wait();
  await scene.provider.send("evm_mine", []);
  const both = (await check(same.config, [0])).text();
  await (await roles.setApprover(funder, false)).wait();
  await scene.provider.send("evm_mine", []);
  claims.that("check warns of a funder that may approve", /^warn +funder .*is an approver of the contract, too: .*setApprover/m.test(both), both);
  const told = await adopt(contract);
  const calls = [...told.text.matchAll(/^ {2}(setApprover|setWMKey) (0x[0-9a-f]+)$/gm)].map(([, name, data]) => ({ name, data }));
  claims.that("an owner elsewhere is told what to send", calls.map((c) => c.name).join() === "setApprover,setWMKey", told.text);
  const before = await check(told.config, [2]);
  claims.that("until then check refuses", /FAIL +platform keys/.test(before.text()) && /FAIL +approver .*setApprover/.test(before.text()), before.text());
  const wrong = await adopt(contract, { more: ["--owner-key", scene.relayParty.walletFile], codes: [2] });
  claims.that("another's key is not the owner's", /but the contract's owner is/.test(wrong.text), wrong.text);
  for (const { data } of calls) await (await scene.owner.wallet.sendTransaction({ to: contract, data })).wait();
  await scene.provider.send("evm_mine", []);
  const after = await check(told.config, [0]);
  claims.that("after it check is content, but for the ether", /ok +platform keys +number 2/.test(after.text()) && /warn +approver .*send it some/.test(after.text()), after.text());
  const old = await adopt(contract, { copy: ["wm-pass.key", "wm-handshake.key"], codes: [2] });
  claims.that("keys that were replaced are named", /previous keys/.test(old.text), old.text);
  const here = await adopt(contract, { more: ["--owner-key", scene.owner.file] });
  claims.that("an owner who signs here is not told to", !/has to send/.test(here.text) && /number 3/.test((await check(here.config, [0])).text()), here.text);
}
