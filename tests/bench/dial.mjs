// How long a call takes to its first byte, in the demo's network: node dial.mjs --build DIR --out FILE [--calls N]
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { options } from "../testbed/stage.mjs";

const opt = options(process.argv.slice(2), ["build", "out", "calls"]);
const demo = fileURLToPath(new URL("../testbed/demo.mjs", import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ct-bench-"));
const file = path.join(folder, "demo.json");

try {
  const args = [demo, "--build", opt.build ?? "build/dev", "--json", file, "--calls", String(opt.calls ?? 30), "--datagrams", "100"];
  const run = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (!fs.existsSync(file)) throw new Error(`the demo ended with ${run.status ?? run.signal} and left no figures`);
  const figures = JSON.parse(fs.readFileSync(file, "utf8"));
  const sorted = [...figures.first_byte_all_ms].sort((a, b) => a - b);
  figures.first_byte_p90_ms = sorted[Math.floor(0.9 * (sorted.length - 1))];

  const goal = (name, value, op, limit) => ({ name, value, limit, op, met: op === "<=" ? value <= limit : value >= limit });
  const goals = [
    goal("first_byte_ms, median", figures.first_byte_ms, "<=", figures.first_byte_limit_ms),
    goal("first_byte_round_trips to the peer, beyond 2 to the relay", figures.first_byte_round_trips, "<=", 4.5),
    goal("rpc_k, endpoints that agreed", figures.rpc_k, ">=", 2),
  ];
  const machine = { cpu: os.cpus()[0]?.model ?? "unknown", cpus: os.cpus().length, memory_bytes: os.totalmem(), kernel: os.release(), node: process.version };
  fs.mkdirSync(path.dirname(path.resolve(opt.out)), { recursive: true });
  fs.writeFileSync(opt.out, JSON.stringify({ name: "dial", goals, figures, machine }, null, 2) + "\n");

  console.log(`\n${sorted.length} calls: first byte after ${sorted[0]} to ${sorted.at(-1)} ms, median ${figures.first_byte_ms}, 90th percentile ${figures.first_byte_p90_ms}`);
  console.log("notes of others on this topology: WebRTC data channel over TURN 402 to 513 ms (median 486), libp2p circuit relay about 380 ms");
  for (const g of goals) console.log(`${g.met ? "met " : "MISSED"}  ${g.name}: ${g.value} ${g.op} ${g.limit}`);
  process.exitCode = goals.every((g) => g.met) ? 0 : 1;
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
