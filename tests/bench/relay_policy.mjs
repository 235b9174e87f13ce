// What the module adds to the processor time of a relayed packet, way by way, against the same server with the module off; for
// ways without a permission against server-relay, which asks nobody anything. ./run bench relay-policy
//
// Then the sets of a large platform: their memory, and the time of a look-up.
//
// node relay_policy.mjs --build DIR [--out FILE] [--rounds N] [--packets N]
import { execFileSync } from "node:child_process";
import path from "node:path";
import { options } from "../testbed/stage.mjs";
import { goal, report } from "./report.mjs";

const LIMIT_PERCENT = 3, LIMIT_LOOKUP_NS = 100, LIMIT_SETS_BYTES = 64 * 1024 * 1024;
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
console.log("ns of processor a packet      off      on  with caps    added  with caps");
for (const [way, f] of Object.entries(figures)) {
  const cells = [f.off_ns, f.on_ns, f.with_caps_ns].map((n) => String(n).padStart(8));
  const added = [f.added_percent, f.with_caps_added_percent].map((n) => `${n.toFixed(2).padStart(9)} %`);
  console.log(`${way.padEnd(25)} ${cells.join("")}  ${added.join("")}`);
}
const goals = Object.entries(figures).flatMap(([way, f]) => [
  goal(`${way}_added_percent`, f.added_percent, "<=", LIMIT_PERCENT),
  goal(`${way}_with_caps_added_percent`, f.with_caps_added_percent, "<=", LIMIT_PERCENT),
]);

// 10,000 relays and a million devices: what they take, and what it takes to find one.
const sets = { memory: {}, lookup: {} };
for (const line of execFileSync(path.join(build, "coturn-module/peer_sets"), { encoding: "utf8" }).trim().split("\n")) {
  const [kind, name, value] = line.split(" ");
  sets[kind][name] = Number(value);
}
const megabytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MB`;
const { memory } = sets;
for (const [layout, what] of [["close", "among 200 ports of a relay"], ["spread", "among all ports of a relay"]]) {
  console.log(`10,000 relays and 1,000,000 devices ${what}: ${megabytes(memory[`${layout}_all`])} with the book, ` +
    `${megabytes(memory[`${layout}_while_swapped`])} while sets are swapped`);
  goals.push(goal(`${layout}_sets_bytes_while_swapped`, memory[`${layout}_while_swapped`], "<=", LIMIT_SETS_BYTES));
}
console.log(`look-up by the gate, ns of processor (a random read of 8 MB takes ${sets.lookup.one_read} ns here): ` +
  Object.entries(sets.lookup).filter(([name]) => name !== "one_read").map(([name, ns]) => `${name} ${ns}`).join(", "));
for (const [name, ns] of Object.entries(sets.lookup)) if (name !== "one_read") goals.push(goal(`lookup_${name}_ns`, ns, "<=", LIMIT_LOOKUP_NS));
figures.sets = sets;
process.exitCode = report("relay-policy", goals, figures, opt.out, console.log);
