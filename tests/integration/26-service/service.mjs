// The wallet manager's unit, as it is installed, under a real systemd: who it runs as, what it may, reload, crash, stop.
//
//   node service.mjs --build FOLDER     as root, on a loopback of its own
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { options } from "../../testbed/stage.mjs";
import { findProgram } from "../../testbed/platform.mjs";
import { Scene } from "../21-api/scene.mjs";
import { Claims } from "../claims.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const UNIT = path.join(HERE, "../../../wm-server/systemd/wm-server.service");
const KEYS = ["approver.key", "funder.key", "wm-pass.key", "wm-handshake.key"];
const OPERATOR = "http://127.0.0.1:9180";

const { build = "build/dev" } = options(process.argv.slice(2), ["build"]);
const claims = new Claims();

async function until(what, look, ms = 100000) {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const seen = await look();
    if (seen) return seen;
  }
  throw new Error(`not seen in ${ms / 1000} s: ${what}`);
}

const answers = (where) => fetch(`${OPERATOR}${where}`).then(async (a) => ({ status: a.status, text: await a.text() }), () => undefined);

// The scene of the API's test with systemd in the place of whoever starts the server by hand.
class ServiceScene extends Scene {
  log() {
    return fs.existsSync(this.logFile) ? fs.readFileSync(this.logFile, "utf8") : "";
  }

  // What lies over the host's files: program, unit, configuration and keys, where the unit's own words have them.
  writeTree() {
    const put = (name, bytes, mode) => {
      const file = path.join(this.work, "tree", name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, bytes, { mode });
      fs.chmodSync(file, mode);
    };
    let conf = fs.readFileSync(this.config, "utf8").replace("path = wm.sqlite", "path = /var/lib/chainturn/wm.sqlite")
      .replace("path = audit.log", "path = /var/lib/chainturn/audit.log");
    for (const key of KEYS) {
      conf = conf.replace(` = ${key}`, ` = credential:${key}`);
      put(`etc/chainturn/keys/${key}`, fs.readFileSync(path.join(this.dir, key)), 0o600);
    }
    put("etc/chainturn/wm-server.conf", conf, 0o644);
    put("etc/chainturn/bundle.json", fs.readFileSync(this.bundleFile), 0o644);
    put("usr/bin/wm-server", fs.readFileSync(findProgram(this.build, "wm-server")), 0o755);
    put("etc/systemd/system/wm-server.service", fs.readFileSync(UNIT), 0o644);
    // there is no journal to read: the only line of the unit that is another one here
    put("etc/systemd/system/wm-server.service.d/test.conf", "[Service]\nStandardError=append:/run/test/wm-server.log\n", 0o644);
    put("etc/systemd/system/test.target", "[Unit]\nDescription=test\n", 0o644);
  }

  async startWm() {
    const logs = path.join(this.work, "logs");
    this.logFile = path.join(logs, "wm-server.log");
    fs.mkdirSync(logs, { recursive: true });
    this.writeTree();
    this.systemd = this.programs.start("systemd", ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--cgroup",
      path.join(HERE, "stage.sh"), this.work]);
    await until("systemd, or why not", () => this.systemd.code !== undefined || this.ctl("is-active", "test.target").text === "active");
    if (this.systemd.code !== undefined) return;
    this.started = this.ctl("start", "wm-server.service");
    if (this.started.code !== 0) return;
    await until("an answer of its own", () => answers("/healthz"));
  }

  // systemctl, within.
  ctl(...words) {
    const { pid } = this.systemd.child;
    const inner = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    const { status, stdout, stderr } = spawnSync("nsenter", ["-t", inner, "-m", "-p", "-C", "-r", "-w", "systemctl", ...words], { encoding: "utf8", timeout: 100000 });
    return { code: status, text: `${stdout}${stderr}`.trim(), inner };
  }

  show(property) {
    return this.ctl("show", "--value", "-p", property, "wm-server.service").text;
  }

  // Of the service's process, by systemd's namespace of processes.
  process(file) {
    return fs.readFileSync(`/proc/${this.ctl("is-active", "test.target").inner}/root/proc/${this.show("MainPID")}/${file}`, "utf8");
  }

  async close() {
    if (this.systemd) process.kill(this.systemd.child.pid, "SIGKILL"); // and with it all of its namespace
    await super.close();
  }
}

async function runsAsNobody(scene) {
  claims.that("systemd starts the unit, and is told that it is ready", scene.started.code === 0 && scene.show("ActiveState") === "active" && scene.show("SubState") === "running", scene.started.text + scene.log());
  const status = Object.fromEntries(scene.process("status").split("\n").map((line) => line.split(/:\s*/, 2)));
  const uid = Number(status.Uid.split(/\s+/)[0]);
  claims.that("as a user that is there only for it", uid >= 61184 && uid <= 65519, status.Uid);
  claims.that("which may nothing and will never", /^0+$/.test(status.CapEff) && /^0+$/.test(status.CapBnd) && status.NoNewPrivs === "1" && status.Seccomp === "2", status);
  const inner = `/proc/${scene.ctl("is-active", "test.target").inner}/root`;
  const key = fs.statSync(`${inner}/etc/chainturn/keys/approver.key`);
  claims.that("its keys come as credentials: the files are root's alone", key.uid === 0 && (key.mode & 0o777) === 0o600, [key.uid, key.mode]);
  const ready = await until("ready", async () => {
    const answer = await answers("/readyz");
    return answer?.status === 200 && answer;
  });
  claims.that("it reaches store and chain through all of that", /^ok {3}store .*\nok {3}rpc /m.test(ready.text), ready.text);
  const own = fs.statSync(`${inner}/var/lib/private/chainturn`);
  const files = fs.readdirSync(`${inner}/var/lib/private/chainturn`);
  claims.that("store and audit log are its own", own.uid === uid && (own.mode & 0o777) === 0o700 && ["wm.sqlite", "audit.log"].every((name) => files.includes(name)), [own.uid, own.mode, files]);
}

async function reloadsAndStops(scene) {
  const party = await scene.party("device", "service-1");
  const token = await scene.token("--id", "service-1");
  const asked = await party.client.registerDevice(null, { token, ...(await scene.registration(party, { relay: 0, port: 0 })) });
  claims.that("a device is registered through it", asked.status === 202 && (await scene.operation(party, asked.data.operation)).state === "done", asked.data);
  claims.that("systemctl reload reads the configuration again", scene.ctl("reload", "wm-server.service").code === 0 && await until("reloaded", () => scene.log().includes(" reloaded taken=")));
  const stopped = scene.ctl("stop", "wm-server.service");
  claims.that("systemctl stop ends it well", stopped.code === 0 && scene.show("Result") === "success" && scene.show("ExecMainStatus") === "0", stopped);
  claims.that("and nothing answers", (await answers("/healthz")) === undefined);
  scene.ctl("start", "wm-server.service");
  const again = await scene.party("device", "service-1", { wallet: { wallet: party.wallet, file: party.walletFile }, keyFile: party.keyFile });
  const operation = await again.client.getOperation(asked.data.operation);
  claims.that("started again it still knows what it did", operation.status === 200 && operation.data.state === "done", operation.data);
  party.close();
  again.close();
}

async function crashes(scene) {
  const before = scene.show("MainPID");
  scene.ctl("kill", "-s", "KILL", "wm-server.service");
  await until("another process", () => scene.show("ActiveState") === "active" && !["0", before].includes(scene.show("MainPID")));
  claims.that("killed, it is started again", scene.show("NRestarts") === "1" && (await until("an answer", () => answers("/healthz"))).status === 200);
  const inner = scene.ctl("is-active", "test.target").inner;
  fs.writeFileSync(`/proc/${inner}/root/etc/chainturn/wm-server.conf`, "[chain]\nbundel = x\n");
  scene.ctl("restart", "wm-server.service");
  await until("its end", () => scene.show("ActiveState") === "failed");
  claims.that("what a restart cannot mend is not tried again", scene.show("ExecMainStatus") === "2" && scene.show("NRestarts") === "0", scene.show("ExecMainStatus"));
  claims.that("and the log says what is wrong", /did you mean chain\.bundle/.test(scene.log()), scene.log().slice(-300));
}

const scene = new ServiceScene(build);
let code = 1;
for (const what of ["uncaughtException", "SIGINT", "SIGTERM"]) {
  process.on(what, async (error) => {
    console.error(error.stack ?? error);
    await scene.close();
    process.exit(1);
  });
}
try {
  await scene.start();
  if (scene.systemd.code !== undefined) throw new Error("no systemd runs in namespaces of this host");
  await runsAsNobody(scene);
  await reloadsAndStops(scene);
  await crashes(scene);
  code = claims.failed ? 1 : 0;
} catch (error) {
  claims.failed++;
  console.error(error.stack);
  console.error(scene.log().split("\n").slice(-15).join("\n"));
  console.error(scene.systemd?.text());
} finally {
  await scene.close();
  console.log(`${claims.passed} passed, ${claims.failed} failed`);
}
process.exit(code);
