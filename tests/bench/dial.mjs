// How long a call takes: dial to first byte, many times, on the demo's network. ./run bench dial
//
// node dial.mjs --build DIR [--out FILE] [--calls N]
import { dialMany, dialOnce } from "../testbed/calls.mjs";
import { measure } from "../testbed/network.mjs";
import { bringUp, enrol } from "../testbed/scene.mjs";
import { median, options, runStages } from "../testbed/stage.mjs";
import { goal, report, round } from "./report.mjs";

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
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
  return report("dial", goals, figures, opt.out, (line) => s.say(line));
});
