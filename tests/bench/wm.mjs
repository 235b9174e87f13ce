// The wallet manager under load, beside its HTTP library alone: a table, the goals, and a file of figures. ./run bench wm
//
// node wm.mjs --build DIR [--out FILE] [--quick 1] [--stage reads|memory|many|restart|onboard]
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { options } from "../testbed/stage.mjs";
import { goal, report } from "./report.mjs";

const opt = options(process.argv.slice(2), ["build", "out", "quick", "stage"]);
const build = path.resolve(opt.build ?? "build/dev");
const began = Date.now();
const figures = {};

const child = spawn(path.join(build, "tests/bench/wm_bench"),
  [path.join(build, "wm-server/wm-server"), opt.quick ? "quick" : "whole", opt.stage ?? "all"],
  { stdio: ["ignore", "pipe", "inherit"] });
for await (const line of readline.createInterface({ input: child.stdout })) {
  const [word, name, value] = line.split(" ");
  if (word === "figure") figures[name] = Number(value);
  else console.log(line);
}
const code = await new Promise((resolve) => (child.exitCode === null ? child.on("close", resolve) : resolve(child.exitCode)));
figures.load_average_at_end = Number(fs.readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
figures.seconds = Math.round((Date.now() - began) / 1000);

const cell = (name, width, digits = 0) => (figures[name] === undefined ? "" : figures[name].toFixed(digits)).padStart(width);
console.log("requests, handshakes               a second  p50 us  p99 us  server's us   others had");
for (const name of ["plain_healthz", "bare_plain", "tls_operation", "bare_tls", "tls_me", "handshake_tls13", "bare_handshake_tls13",
  "handshake_tls12", "bare_handshake_tls12", "few", "many"]) {
  if (figures[`${name}_per_s`] === undefined) continue;
  console.log(`${name.padEnd(32)} ${cell(`${name}_per_s`, 10)} ${cell(`${name}_p50_us`, 7)} ${cell(`${name}_p99_us`, 7)} ` +
    `${cell(`${name}_server_cpu_us`, 12, 1)} ${cell(`${name}_others_percent`, 10)} %`);
}
const scenes = Object.keys(figures).filter((name) => /^onboard_.*_per_s$/.test(name)).map((name) => name.slice(0, -6));
if (scenes.length > 0) console.log("devices onboarded                  a second  p50 ms  p99 ms  ms of server, chain, load, store   others had");
for (const name of scenes) {
  console.log(`${name.padEnd(32)} ${cell(`${name}_per_s`, 10, 1)} ${cell(`${name}_p50_ms`, 7)} ${cell(`${name}_p99_ms`, 7)} ` +
    `${["server", "chain", "load", "store"].map((part) => cell(`${name}_${part}_cpu_ms_each`, 7, 2)).join(" ")} ${cell(`${name}_others_percent`, 12)} %`);
}
for (const [name, value] of Object.entries(figures)) {
  if (/^(idle|restart|many_(devices|ready|rest|loaded)|openssl|load)_?/.test(name)) console.log(`${name.padEnd(40)} ${value}`);
}

const goals = [];
const add = (name, value, op, limit) => value !== undefined && goals.push(goal(name, value, op, limit));
const ratio = (a, b) => (figures[a] === undefined || figures[b] === undefined ? undefined : figures[a] / figures[b]);
add("plain_status_reads_per_s", figures.plain_healthz_per_s, ">=", 50000);
add("tls_status_reads_per_s", figures.tls_operation_per_s, ">=", 50000);
add("tls13_psk_handshakes_per_s", figures.handshake_tls13_per_s, ">=", 3000);
add("tls12_psk_handshakes_per_s", figures.handshake_tls12_per_s, ">=", 3000);
// with SQLite, the default: a Redis on the same two cores is one more process that shares them
add("sponsored_devices_per_s_1s_blocks", figures.onboard_sponsored_1s_sqlite_per_s, ">=", 250);
add("resident_mb_at_rest_with_many_devices", figures.many_rest_rss_mb, "<=", 64);
add("cost_of_a_read_with_many_over_few_devices", ratio("many_server_cpu_us", "few_server_cpu_us"), "<=", 1.5);
const met = report("wm", goals, figures, opt.out, console.log);
if (goals.some((g) => !g.met)) console.log("others_percent is the share of the machine that other processes had meanwhile: compare with the bare library's line");
process.exitCode = code === 0 ? met : 1;
