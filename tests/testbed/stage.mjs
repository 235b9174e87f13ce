// One run with stages: tells what happens and how long it took, and ends everything it started.
import fs from "node:fs";
import path from "node:path";
import { Chain } from "./chain.mjs";
import { Network } from "./network.mjs";
import { Platform } from "./platform.mjs";
import { Programs, Failure, lastLines } from "./processes.mjs";

const LOG_LINES = 15;

export class Stage {
  constructor({ build, quiet = false }) {
    this.build = build;
    this.quiet = quiet;
    this.stages_ms = {};
    this.began = performance.now();
  }

  say(text) {
    if (!this.quiet) console.log(text);
  }

  // Runs one stage. tell(result) makes the sentence that is printed after it.
  async stage(name, what, work, tell = () => what) {
    this.current = what;
    const start = performance.now();
    const result = await work();
    const ms = performance.now() - start;
    this.stages_ms[name] = Math.round(ms);
    this.say(`${(ms / 1000).toFixed(2).padStart(7)} s  ${tell(result)}`);
    return result;
  }

  open() {
    Network.reap();
    this.network = new Network(this.build);
    this.programs = new Programs(path.join(this.network.work, "log"));
    this.chain = new Chain(this.network, this.programs);
    this.platform = new Platform(this.build, this.network, this.programs, this.chain);
  }

  // Logs hold no secret; they outlive the run only when it failed.
  keepLogs() {
    if (!this.network) return null;
    const to = path.resolve(this.build, "testbed-logs");
    fs.rmSync(to, { recursive: true, force: true });
    fs.cpSync(path.join(this.network.work, "log"), to, { recursive: true });
    return to;
  }

  async close() {
    if (this.closing) return this.closing;
    this.closing = (async () => {
      await this.programs?.endAll();
      this.network?.down();
    })();
    return this.closing;
  }

  explain(error) {
    console.error(`\nfailed while: ${this.current ?? "starting"}`);
    console.error(`  ${error instanceof Failure ? error.message : error.stack}`);
    if (error.log) {
      console.error(`  the last lines of ${path.basename(error.log)}:`);
      for (const line of lastLines(error.log, LOG_LINES)) console.error(`    ${line}`);
    }
    const kept = this.keepLogs();
    if (kept) console.error(`  all logs: ${kept}`);
  }
}

// Runs work(stage) and leaves with its verdict; nothing that was started outlives it.
export async function runStages(options, work) {
  const stage = new Stage(options);
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) {
    process.on(signal, async () => {
      console.error(`\n${signal}: ending what was started`);
      await stage.close();
      process.exit(code);
    });
  }
  let code = 0;
  try {
    stage.open();
    code = (await work(stage)) ?? 0;
  } catch (error) {
    if (stage.closing) return; // a signal ended it
    stage.explain(error);
    code = 1;
  }
  await stage.close();
  process.exit(code);
}

// --name value pairs of a command line; fails on others.
export function options(argv, known) {
  const given = {};
  for (let i = 0; i < argv.length; i += 2) {
    const name = argv[i].replace(/^--/, "");
    if (!argv[i].startsWith("--") || !known.includes(name) || argv[i + 1] === undefined) {
      console.error(`usage: ${known.map((k) => `[--${k} VALUE]`).join(" ")}`);
      process.exit(2);
    }
    given[name] = argv[i + 1];
  }
  return given;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}
