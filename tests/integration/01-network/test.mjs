// The test network is what the other tests take it for.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { address, measure } from "../../testbed/network.mjs";
import { findSecrets } from "../../testbed/plaintext.mjs";
import { eventually } from "../../testbed/processes.mjs";
import { test } from "../claims.mjs";

const NET_SH = fileURLToPath(new URL("../../testbed/net.sh", import.meta.url));
const namespaces = () => execFileSync("ip", ["netns"], { encoding: "utf8" });

async function distances(stage, claims) {
  let m;
  const isQuick = async () => {
    m = await measure(stage.network, stage.programs);
    return m.relay.min_ms < 25 && m.peer.min_ms < 48;
  };
  await eventually(isQuick);
  for (const side of ["a", "b"]) {
    const nat = m[`nat_${side}`];
    claims.that(`NAT ${side} maps each destination to a port of its own`, nat.mapped[0] !== nat.mapped[1], nat);
    claims.that(`NAT ${side} drops what it did not ask for`, nat.unsolicited === "dropped" && nat.control === "delivered", nat);
  }
  // the lower bound is the delay line's promise; only the quickest answer, when the machine has time for it, tells the distance
  claims.that("a device is 20 ms from the relay", m.relay.min_ms >= 20 && m.relay.min_ms < 25, m.relay);
  claims.that("a device is 40 ms from the other one", m.peer.min_ms >= 40 && m.peer.min_ms < 48, m.peer);
  stage.network.farther();
  const far = await measure(stage.network, stage.programs);
  claims.that("a network can be made ten times as wide", far.relay.min_ms >= 200 && far.peer.min_ms >= 400, far);
}

async function recording(stage, claims) {
  const file = path.join(stage.network.work, "one.pcap");
  const netns = stage.network.netns("relay1");
  const recorder = stage.programs.start("capture", [stage.network.tool("capture"), "eth0", file], { netns });
  await recorder.waitText(/^ready$/m, "being ready");
  const secret = Buffer.from("a secret of some 30 characters");
  const code = `const s=require("dgram").createSocket("udp4");s.send(Buffer.from(process.argv[1],"hex"),9,"${address.relay1}",()=>s.close())`;
  const say = (text) =>
    stage.programs.run("say", [process.execPath, "-e", code, Buffer.from(text).toString("hex")], { netns: stage.network.netns("wm") });
  await say(`x${secret.toString("base64").slice(1)}`);
  await say(`..${secret.toString("hex")}..`);
  await say(Buffer.concat([Buffer.from("?"), secret]).toString("base64url"));
  await recorder.end();
  const said = recorder.events()[0];
  claims.that("the recorder misses nothing", said.dropped === 0 && said.frames >= 3, said);
  claims.that("a secret in hex is found", findSecrets([file], [{ name: "s", bytes: secret }]).length === 1);
  const other = Buffer.from("a secret that nobody ever sent");
  claims.that("what was not sent is not found", findSecrets([file], [{ name: "o", bytes: other }]).length === 0);
  for (const [what, text] of [["bytes", secret], ["base64, off by one", Buffer.concat([Buffer.from("?"), secret]).toString("base64")]]) {
    const only = path.join(stage.network.work, "only");
    fs.writeFileSync(only, text);
    claims.that(`a secret in ${what} is found`, findSecrets([only], [{ name: "s", bytes: secret }]).length === 1);
  }
}

// Its owner is killed with no chance to clear up; the guard does it.
async function abandoned(stage, claims) {
  const owner = spawn("sleep", ["600"]);
  const env = { ...process.env, CT_TESTBED_STATE: path.join(stage.network.work, "state") };
  const prefix = execFileSync(NET_SH, ["up", String(owner.pid), stage.network.tools], { encoding: "utf8", env }).trim();
  claims.that("a second network stands beside the first", namespaces().includes(`${prefix}-wm`));
  owner.kill("SIGKILL");
  const isGone = await eventually(() => !namespaces().includes(`${prefix}-`));
  claims.that("a network whose owner was killed goes by itself", isGone, namespaces());
}

test(async (stage, claims) => {
  await distances(stage, claims);
  await recording(stage, claims);
  await abandoned(stage, claims);
});
