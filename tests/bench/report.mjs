// What a measurement says at its end: goals met or missed, and a file of figures with the machine they are of.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

export const round = (n) => Math.round(n * 100) / 100;

export function goal(name, value, op, limit) {
  const met = op === "<=" ? value <= limit : value >= limit;
  return { name, value: round(value), limit: round(limit), op, met };
}

function machine() {
  const cpus = os.cpus();
  return { cpu: cpus[0]?.model ?? "unknown", cpus: cpus.length, memory_bytes: os.totalmem(), kernel: os.release(), node: process.version };
}

/** Says each goal by say(line), writes out if given; 0 when all goals are met, else 1. */
export function report(name, goals, figures, out, say) {
  for (const g of goals) say(`goal ${g.name}: ${g.value} ${g.op} ${g.limit}: ${g.met ? "met" : "MISSED"}`);
  if (out) {
    fs.mkdirSync(path.dirname(path.resolve(out)), { recursive: true });
    fs.writeFileSync(out, JSON.stringify({ name, goals, figures, machine: machine() }, null, 2) + "\n");
  }
  return goals.every((g) => g.met) ? 0 : 1;
}
