// Calls between two devices of the test network: how long until the first byte, what arrived.
import { Failure } from "./processes.mjs";

// One call. The clock is CLOCK_MONOTONIC, one for all namespaces of a host: from the caller's
// dial_start to the first byte at the callee's application.
export async function dialOnce(caller, callee, extra = []) {
  const from = callee.listener.lines.length;
  const program = await caller.run(["dial", callee.identity, "--datagrams", "1", "--size", "64", ...extra]);
  const start = program.events().find((e) => e.event === "dial_start");
  if (!start) throw new Failure("dial did not say when it started", program.log);
  const first = await callee.listener.waitEvent("first_byte", { from, timeout_ms: 5000 });
  if (first.peer !== caller.identity) throw new Failure(`the call came from ${first.peer}`, callee.listener.log);
  const stages = program.events().filter((e) => e.event === "stage");
  return {
    ms: Number(BigInt(Math.round(first.mono_ns)) - BigInt(Math.round(start.mono_ns))) / 1e6,
    cached: start.cached === true,
    proof: program.events().find((e) => e.event === "proof"),
    stages: Object.fromEntries(stages.map((s) => [s.name, s.ms])),
  };
}

// The quickest of each kind of call, one of each in turn until enough(..) of them, or `most` times.
export async function quickest(kinds, enough, most = 8) {
  const best = kinds.map(() => Infinity);
  for (let i = 0; i < most && !enough(...best); i++) {
    for (const [k, call] of kinds.entries()) best[k] = Math.min(best[k], await call());
  }
  return best;
}

export async function dialMany(caller, callee, count) {
  const calls = [];
  for (let i = 0; i < count; i++) calls.push(await dialOnce(caller, callee));
  return calls;
}

// Numbered lines, no two alike, each starting with `mark`.
export function numberedLines(mark, count) {
  const filler = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(5);
  return Array.from({ length: count }, (_, i) => `${mark} ${String(i).padStart(5, "0")} ${filler.slice(i % 36)}`);
}

const TOGETHER = 50; // lines on their way at one time: no queue on the way is that short

// Sends each line as a datagram, the next ones when these are back, and compares the echoes with what was sent.
export async function sendLines(caller, callee, lines) {
  const program = caller.start(["dial", callee.identity, "--line"], { json: false });
  await program.waitText(/^connected to/m, "the call");
  const back = () => program.lines.filter((line) => line !== "");
  for (let sent = 0; sent < lines.length; ) {
    program.child.stdin.write(lines.slice(sent, sent + TOGETHER).join("\n") + "\n");
    sent = Math.min(sent + TOGETHER, lines.length);
    const all = await program.wait(() => (back().length >= sent ? true : undefined), "the last echo", 30000).catch(() => false);
    if (!all) break;
  }
  await program.end();
  const sent = new Map(lines.map((line) => [line, 0]));
  for (const line of back()) if (sent.has(line)) sent.set(line, sent.get(line) + 1);
  const once = [...sent.values()].filter((n) => n === 1).length;
  return { sent: lines.length, received: back().length, intact: once, log: program.log };
}
