// What the module adds to the processor time of a relayed packet, way by way, against the same server with the module off; for
// ways without a permission against server-relay, which asks nobody anything. ./run bench relay-policy
//
// node relay_policy.mjs --build DIR [--out FILE] [--rounds N] [--packets N]
import { execFileSync } from "node:child_process";
import path from "node:path";
import { options } from "../testbed/stage.mjs";
import { goal, report } from "./report.mjs";

const LIMIT_PERCENT = 3;
const opt = options(process.argv.slice(2), ["build", "out", "rounds", "packets"]);
const build = path.resolve(opt.build ?? "build/dev");
const tool = (name) => path.join(build, "coturn/bin", name);
const measured = execFileSync(
  "unshare",
  ["--net", "--", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', path.join(build, "coturn-module/relay_policy"),
    tool("turnserver"), tool("turnutils_uclient"), tool("turnutils_peer"), opt.rounds ?? "600", opt.packets ?? "320"],
  { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
);

const figures = {};
for (const line of measured.trim().split("\n")) {
  const [way, ...numbers] = line.split(" ");
  const [off, on, caps, added, addedByCaps] = numbers.map(Number);
  figures[way] = { off_ns: off, on_ns: on, with_caps_ns: caps, added_percent: added, with_caps_added_percent: addedByCaps };
}
console.log("ns of processor a packet      off      on  with caps    added");
for (const [way, f] of Object.entries(figures)) {
  const cells = [f.off_ns, f.on_ns, f.with_caps_ns].map((n) => String(n).padStart(8));
  console.log(`${way.padEnd(25)} ${cells.join("")} ${f.added_percent.toFixed(2).padStart(11)} %`);
}
const goals = Object.entries(figures).map(([way, f]) => goal(`${way}_added_percent`, f.added_percent, "<=", LIMIT_PERCENT));
process.exitCode = report("relay-policy", goals, figures, opt.out, console.log);
