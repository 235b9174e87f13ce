// How long a call takes: dial to first byte, many times, on the demo's network. ./run bench dial
//
// node dial.mjs --build DIR [--out FILE] [--calls N]
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { dialMany, dialOnce } from "../testbed/calls.mjs";
import { measure } from "../testbed/network.mjs";
import { bringUp, enrol } from "../testbed/scene.mjs";
import { median, options, runStages } from "../testbed/stage.mjs";

const round = (n) => Math.round(n * 100) / 100;

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

function goal(name, value, op, limit) {
  const met = op === "<=" ? value <= limit : value >= limit;
  return { name, value: round(value), limit: round(limit), op, met };
}

function machine() {
  const cpus = os.cpus();
  return { cpu: cpus[0]?.model ?? "unknown", cpus: cpus.length, memory_bytes: os.totalmem(), kernel: os.release(), node: process.version };
}

const opt = options(process.argv.slice(2), ["build", "out", "calls"]);
runStages({ build: opt.build ?? "build/dev" }, async (s) => {
  const echo = await s.stage("measure", "measuring the network", () => measure(s.network, s.programs));
  await bringUp(s);
  const { caller, callee } = await enrol(s);
  const cold = await s.stage("cold", "the first call", () => dialOnce(caller, callee));
  const calls = await s.stage("calls", "calls", () => dialMany(caller, callee, Number(opt.calls ?? 50)));

  const relay = echo.relay.median_ms;
  const peer = echo.peer.median_ms;
  const warm = calls.map((c) => c.ms);
  const first = median(warm);
  const goals = [
    goal("first_byte_ms", first, "<=", 2 * relay + 4.5 * peer + 20),
    goal("rpc_k", cold.proof?.verified ? cold.proof.k : 0, ">=", 2),
  ];
  const figures = {
    relay_rtt_ms: round(relay),
    peer_rtt_ms: round(peer),
    first_byte_ms: round(first),
    first_byte_p95_ms: round(quantile(warm, 0.95)),
    first_byte_min_ms: round(Math.min(...warm)),
    first_byte_max_ms: round(Math.max(...warm)),
    first_byte_cold_ms: round(cold.ms),
    first_byte_round_trips: round((first - 2 * relay) / peer),
    first_byte_all_ms: warm.map(round),
    stages_ms: calls.at(-1).stages,
  };
  for (const g of goals) s.say(`goal ${g.name}: ${g.value} ${g.op} ${g.limit}: ${g.met ? "met" : "MISSED"}`);
  if (opt.out) {
    fs.mkdirSync(path.dirname(path.resolve(opt.out)), { recursive: true });
    fs.writeFileSync(opt.out, JSON.stringify({ name: "dial", goals, figures, machine: machine() }, null, 2) + "\n");
  }
  return goals.every((g) => g.met) ? 0 : 1;
});
