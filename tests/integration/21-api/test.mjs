// A client made from openapi.json registers a relay and a device; hostile requests are refused and hold up nobody.
// needs: turnserver wm-server wm-admin ct-enrol
import { spawnSync } from "node:child_process";
import { Claims } from "../claims.mjs";
import { options } from "../../testbed/stage.mjs";
import { hostileRequests, refuseAll } from "./hostile.mjs";
import { operates, registers, repeats } from "./registers.mjs";
import { siege } from "./siege.mjs";
import { adopts, checks, drains, reloads } from "./runs.mjs";
import { Scene } from "./scene.mjs";

// On a loopback of its own, so that fixed ports of two runs never meet.
if (process.env.CT_ALONE !== "1") {
  const run = spawnSync("unshare", ["--net", "--", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', process.execPath, ...process.argv.slice(1)],
    { stdio: "inherit", env: { ...process.env, CT_ALONE: "1" } });
  process.exit(run.status ?? 1);
}

const onRedis = process.argv.includes("--redis");
const { build = "build/dev" } = options(process.argv.slice(2).filter((word) => word !== "--redis"), ["build"]);
const scene = new Scene(build, onRedis);
const claims = new Claims();
let code = 1;
// also what nobody waits for ends the test, and with it what it has started
for (const what of ["uncaughtException", "SIGINT", "SIGTERM"]) {
  process.on(what, async (error) => {
    console.error(error.stack ?? error);
    await scene.close();
    process.exit(1);
  });
}
try {
  await scene.start();
  await registers(scene, claims);
  await operates(scene, claims);
  await repeats(scene, claims);
  await checks(scene, claims);
  if (!onRedis) await reloads(scene, claims); // no store has a part in it, nor in adopts() below
  await drains(scene, claims);
  const list = await hostileRequests(scene);
  claims.that("the list has at least 40 hostile requests", list.length >= 40, list.length);
  await refuseAll(scene, claims, list);
  await siege(scene, claims, list);
  if (!onRedis) await adopts(scene, claims);
  code = claims.failed ? 1 : 0;
} catch (error) {
  claims.failed++;
  console.error(error.stack);
  console.error(scene.wm?.text().split("\n").slice(-15).join("\n"));
} finally {
  await scene.close();
  console.log(`${claims.passed} passed, ${claims.failed} failed`);
}
process.exit(code);
