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

const cell = (name, width, digits = 0) => (figures[name] === undefined ? "" : figures[name].toFixed(digits)).padStart(width);
const heads = {
  requests: "requests, handshakes               a second  p50 us  p99 us  server's us   others had",
  devices: "devices onboarded                  a second  p50 ms  p99 ms  ms of processor each: server, chain, load, store, all   others had",
};
let headed;
const head = (kind) => {
  if (headed !== kind) console.log(heads[kind] ?? "");
  headed = kind;
};

// What others had comes last of each row's figures.
function show(name) {
  const row = name.replace(/_others_percent$/, "");
  if (row === name) {
    if (/^(idle|restart|many_(devices|ready|rest|loaded)|openssl)_?/.test(name)) {
      head("single");
      console.log(`${name.padEnd(40)} ${figures[name]}`);
    }
  } else if (row.startsWith("onboard_")) {
    head("devices");
    console.log(`${row.padEnd(32)} ${cell(`${row}_per_s`, 10, 1)} ${cell(`${row}_p50_ms`, 7)} ${cell(`${row}_p99_ms`, 7)} ` +
      `${["server", "chain", "load", "store", "all"].map((part) => cell(`${row}_${part}_cpu_ms_each`, 10, 2)).join(" ")} ${cell(name, 11)} %`);
  } else {
    head("requests");
    console.log(`${row.padEnd(32)} ${cell(`${row}_per_s`, 10)} ${cell(`${row}_p50_us`, 7)} ${cell(`${row}_p99_us`, 7)} ` +
      `${cell(`${row}_server_cpu_us`, 12, 1)} ${cell(name, 10)} %`);
  }
}

const child = spawn(path.join(build, "tests/bench/wm_bench"),
  [path.join(build, "wm-server/wm-server"), opt.quick ? "quick" : "whole", opt.stage ?? "all"],
  { stdio: ["ignore", "pipe", "inherit"] });
for await (const line of readline.createInterface({ input: child.stdout })) {
  const [word, name, value] = line.split(" ");
  if (word === "figure") {
    figures[name] = Number(value);
    show(name);
  } else console.log(line);
}
const code = await new Promise((resolve) => (child.exitCode === null ? child.on("close", resolve) : resolve(child.exitCode)));
figures.load_average_at_end = Number(fs.readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
figures.seconds = Math.round((Date.now() - began) / 1000);

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
