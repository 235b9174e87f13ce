// Debian's headless Chromium, driven over the DevTools protocol through a pipe: no port, no packages.
//
//   const browser = await Browser.start({ dir: "/tmp/x", netns: "ct-1-dev-a" });
//   const page = await browser.page();             // about:blank, or an address
//   await page.evaluate(async (a, b) => a + b, 1, 2);   // a promise is awaited; the answer is JSON
//   await browser.close();
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const START_MS = 60000;
const CALL_MS = 60000;
const END_MS = 10000;

export function findChromium() {
  const found = PLACES.find((file) => fs.existsSync(file));
  if (!found) throw new Error("there is no Chromium on this machine: install Debian's package chromium");
  return found;
}

// Messages of the protocol are JSON texts that end with a zero byte.
class Pipe {
  constructor(child) {
    Object.assign(this, { child, next: 1, waiting: new Map(), listeners: new Set() });
    let rest = Buffer.alloc(0);
    child.stdio[4].on("data", (part) => {
      rest = Buffer.concat([rest, part]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        const message = JSON.parse(rest.subarray(0, end).toString());
        rest = rest.subarray(end + 1);
        this.take(message);
      }
    });
    for (const end of [3, 4]) child.stdio[end].on("error", () => {}); // told by the end of the process
  }

  take(message) {
    const call = this.waiting.get(message.id);
    if (!call) return this.listeners.forEach((listener) => listener(message));
    this.waiting.delete(message.id);
    clearTimeout(call.timer);
    if (message.error) call.reject(new Error(`${call.method}: ${message.error.message}`));
    else call.resolve(message.result);
  }

  call(method, params = {}, sessionId = undefined, timeout_ms = CALL_MS) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const late = () => this.waiting.delete(id) && reject(new Error(`${method} was not answered in ${timeout_ms / 1000} s`));
      this.waiting.set(id, { method, resolve, reject, timer: setTimeout(late, timeout_ms) });
      this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  failAll(reason) {
    for (const call of this.waiting.values()) {
      clearTimeout(call.timer);
      call.reject(new Error(reason));
    }
    this.waiting.clear();
  }
}

export class Page {
  constructor(pipe, sessionId) {
    Object.assign(this, { pipe, sessionId, console: [], errors: [] });
    pipe.listeners.add(({ sessionId: from, method, params }) => {
      if (from !== sessionId) return;
      if (method === "Runtime.consoleAPICalled") this.console.push(params.args.map((a) => a.value ?? a.description).join(" "));
      if (method === "Runtime.exceptionThrown") this.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    });
  }

  // Any other call of the protocol.
  call(method, params, timeout_ms) {
    return this.pipe.call(method, params, this.sessionId, timeout_ms);
  }

  // Until the page's load event, or timeout_ms.
  async goto(address, timeout_ms = CALL_MS) {
    let listener;
    const loaded = new Promise((resolve) => {
      listener = (m) => m.sessionId === this.sessionId && m.method === "Page.loadEventFired" && resolve();
      this.pipe.listeners.add(listener);
    });
    const { errorText } = await this.call("Page.navigate", { url: address });
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${address} did not load`)), timeout_ms)));
    try {
      if (errorText) throw new Error(`${address}: ${errorText}`);
      await Promise.race([loaded, late]);
    } finally {
      clearTimeout(timer);
      this.pipe.listeners.delete(listener);
    }
  }

  // Runs a function of the page, or an expression, and answers its value.
  async evaluate(work, ...args) {
    const expression = typeof work === "function" ? `(${work})(...${JSON.stringify(args)})` : work;
    const answer = await this.call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    const thrown = answer.exceptionDetails;
    if (thrown) throw new Error(`in the page: ${thrown.exception?.description ?? thrown.text}`);
    return answer.result.value;
  }
}

export class Browser {
  // dir: a folder of its own for profile and log. netns: the network namespace it lives in.
  static async start({ dir, netns, args = [] }) {
    const browser = new Browser();
    fs.mkdirSync(dir, { recursive: true });
    const log = fs.openSync(path.join(dir, "chromium.log"), "a");
    const argv = [
      findChromium(), "--headless=new", "--remote-debugging-pipe", `--user-data-dir=${path.join(dir, "profile")}`,
      "--no-sandbox", // its own one cannot be had as root, and a namespace is root's to enter
      "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--mute-audio",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
      "--disable-features=Translate,MediaRouter,OptimizationHints", ...args, "about:blank",
    ];
    const command = netns ? ["ip", "netns", "exec", netns, ...argv] : argv;
    browser.child = spawn(command[0], command.slice(1), {
      stdio: ["ignore", log, log, "pipe", "pipe"],
      detached: true, // a group of its own, so that its children end with it
      env: { ...process.env, HOME: dir, XDG_CONFIG_HOME: dir, XDG_CACHE_HOME: dir, DBUS_SESSION_BUS_ADDRESS: "disabled:" },
    });
    fs.closeSync(log);
    browser.pipe = new Pipe(browser.child);
    browser.ended = new Promise((resolve) => {
      browser.child.on("error", (error) => resolve(error.message));
      browser.child.on("exit", (code, signal) => resolve(`${code ?? signal}`));
    });
    browser.ended.then((how) => browser.pipe.failAll(`Chromium ended (${how}); its log: ${path.join(dir, "chromium.log")}`));
    try {
      browser.version = (await browser.pipe.call("Browser.getVersion", {}, undefined, START_MS)).product;
    } catch (error) {
      await browser.close();
      throw error;
    }
    return browser;
  }

  async page(address = "about:blank") {
    const { targetId } = await this.pipe.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.pipe.call("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this.pipe, sessionId);
    await page.call("Runtime.enable");
    await page.call("Page.enable");
    if (address !== "about:blank") await page.goto(address);
    return page;
  }

  async close() {
    const late = setTimeout(() => this.kill(), END_MS);
    await this.pipe.call("Browser.close").catch(() => {});
    const how = await this.ended;
    clearTimeout(late);
    this.kill(); // what of its children is left
    return how;
  }

  kill() {
    try {
      process.kill(-this.child.pid, "SIGKILL");
    } catch {
      // the group is gone
    }
  }
}
