// The programs that a run starts: each in its namespace with a log of its own, and ended by pid.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

// What a stage of a run fails with: one sentence, and whose log says more.
export class Failure extends Error {
  constructor(sentence, log) {
    super(sentence);
    this.log = log;
  }
}

// Deadlines tell a hang from work on a slow machine; they cost nothing when the event comes.
export const PATIENCE_MS = 60000;
const END_MS = 30000;

// Asks again until check() answers true; false when it never did.
export async function eventually(check, timeout_ms = PATIENCE_MS) {
  const until = performance.now() + timeout_ms;
  while (!(await check())) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}

export class Program {
  constructor(name, argv, { netns, dir, env, cwd, input } = {}) {
    this.name = name;
    this.log = path.join(dir, `${name}.log`);
    this.lines = []; // of standard output
    this.waiting = new Set();
    const fd = fs.openSync(this.log, "a");
    this.logFrom = fs.fstatSync(fd).size; // a program of this name may have run before
    const command = netns ? ["ip", "netns", "exec", netns, ...argv] : argv;
    // A session of its own: Ctrl-C reaches only the driver, which then ends everything in order.
    this.child = spawn(command[0], command.slice(1), {
      stdio: ["pipe", "pipe", fd],
      detached: true,
      cwd,
      env: { ...process.env, ...env },
    });
    this.ended = new Promise((resolve) => {
      this.child.on("error", (error) => {
        this.code = 127;
        fs.appendFileSync(this.log, `${error.message}\n`);
        resolve(127);
      });
      this.child.on("close", (code, signal) => {
        this.code = code ?? `signal ${signal}`;
        fs.closeSync(fd);
        this.flush();
        resolve(this.code);
      });
    });
    let rest = "";
    this.child.stdout.on("data", (part) => {
      fs.appendFileSync(this.log, part);
      const lines = (rest + part).split("\n");
      rest = lines.pop();
      this.lines.push(...lines);
      this.flush();
    });
    this.child.stdin.on("error", () => {}); // it may end before it has read all
    if (input !== undefined) this.child.stdin.end(input);
  }

  flush() {
    for (const wake of this.waiting) wake();
  }

  // Everything it has said so far, on both outputs.
  text() {
    return fs.readFileSync(this.log).subarray(this.logFrom).toString();
  }

  // Waits for find() to answer something other than undefined; asked anew at each line of output.
  async wait(find, what, timeout_ms = PATIENCE_MS) {
    const until = performance.now() + timeout_ms;
    for (;;) {
      const found = find(this);
      if (found !== undefined) return found;
      if (this.code !== undefined) throw new Failure(`${this.name} ended (${this.code}) before ${what}`, this.log);
      const left = until - performance.now();
      if (left <= 0) throw new Failure(`${this.name}: ${what} did not happen in ${timeout_ms / 1000} s`, this.log);
      await new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.waiting.delete(wake);
          resolve();
        };
        // standard error goes to the log alone, so it is looked at now and then
        const timer = setTimeout(wake, Math.min(left, 50));
        this.waiting.add(wake);
      });
    }
  }

  waitText(pattern, what, timeout_ms) {
    return this.wait((p) => p.text().match(pattern) ?? undefined, what, timeout_ms);
  }

  // The JSON objects among the lines of standard output, from line `from` on.
  events(from = 0) {
    return this.lines.slice(from).flatMap((line) => {
      try {
        return line.startsWith("{") ? [JSON.parse(line)] : [];
      } catch {
        return [];
      }
    });
  }

  waitEvent(name, { from = 0, timeout_ms } = {}) {
    return this.wait((p) => p.events(from).find((e) => e.event === name), `the event ${name}`, timeout_ms);
  }

  async end() {
    if (this.code !== undefined) return this.code;
    this.child.kill("SIGTERM");
    const late = setTimeout(() => this.child.kill("SIGKILL"), END_MS);
    const code = await this.ended;
    clearTimeout(late);
    return code;
  }
}

// All programs of one run.
export class Programs {
  constructor(dir) {
    this.dir = dir;
    this.all = [];
    fs.mkdirSync(dir, { recursive: true });
  }

  start(name, argv, options = {}) {
    const program = new Program(name, argv, { dir: this.dir, ...options });
    this.all.push(program);
    return program;
  }

  // Runs to the end; fails unless it exits with one of `codes`.
  async run(name, argv, { timeout_ms = 2 * PATIENCE_MS, codes = [0], input = "", ...options } = {}) {
    const program = this.start(name, argv, { input, ...options });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      program.child.kill("SIGKILL");
    }, timeout_ms);
    await program.ended;
    clearTimeout(timer);
    this.all.splice(this.all.indexOf(program), 1);
    if (late) throw new Failure(`${name} did not end within ${timeout_ms / 1000} s`, program.log);
    if (!codes.includes(program.code)) throw new Failure(`${name} failed (exit code ${program.code})`, program.log);
    return program;
  }

  async endAll() {
    for (const program of this.all.splice(0).reverse()) await program.end();
  }
}

export function lastLines(file, count) {
  try {
    return fs.readFileSync(file, "utf8").trimEnd().split("\n").slice(-count);
  } catch {
    return [];
  }
}
