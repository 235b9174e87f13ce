// The test network (net.sh) as an object: up, the namespaces' names, measurements, down.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "./processes.mjs";

const NET_SH = path.join(path.dirname(fileURLToPath(import.meta.url)), "net.sh");

function net(...args) {
  try {
    return execFileSync(NET_SH, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  } catch (error) {
    throw new Failure(`the test network: ${String(error.stderr ?? error.message).trim()}`);
  }
}

export const address = {
  relay1: "198.51.100.11",
  relay2: "198.51.100.12",
  wm: "198.51.100.20",
  chain: "198.51.100.30",
  rpc: ["198.51.100.30", "198.51.100.31", "198.51.100.32"],
};

export class Network {
  static reap() {
    net("reap");
  }

  constructor(build) {
    this.tools = path.resolve(build, "tests/testbed");
    this.prefix = net("up", String(process.pid), this.tools);
    this.work = net("work", this.prefix);
  }

  netns(host) {
    return `${this.prefix}-${host}`;
  }

  tool(name) {
    return path.join(this.tools, `ct-${name}`);
  }

  // Puts a host behind a NAT that maps its public address 1:1 to this private one.
  behindNat(host) {
    net("behind", this.prefix, host);
    return "10.73.0.2";
  }

  // Ten times as far from here on: a round trip more tells, whatever else the machine does.
  farther() {
    net("farther", this.prefix);
  }

  down() {
    if (this.prefix) net("down", this.prefix);
    this.prefix = null;
  }

  probe(host, ...args) {
    const argv = ["netns", "exec", this.netns(host), this.tool("netprobe"), ...args];
    try {
      return JSON.parse(execFileSync("ip", argv, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }));
    } catch (error) {
      throw new Failure(`measuring from ${host}: ${String(error.stderr ?? error.message).trim()}`);
    }
  }
}

// What kind of NATs these are and how far things are, by echo, with nothing else running.
export async function measure(network, programs) {
  const where = { relay1: `${address.relay1}:7001`, relay2: `${address.relay2}:7002`, wm: `${address.wm}:7003` };
  const ready = (p) => p.waitText(/^ready$/m, "being ready");
  const servers = Object.entries(where).map(([host, at]) =>
    programs.start(`probe-${host}`, [network.tool("netprobe"), "serve", at], { netns: network.netns(host) }),
  );
  await Promise.all(servers.map(ready));
  const answer = programs.start("probe-dev-b", [network.tool("netprobe"), "answer", where.relay1], {
    netns: network.netns("dev-b"),
  });
  await ready(answer);
  const nat = (host) => network.probe(host, "nat", where.relay1, where.relay2, where.wm);
  const result = {
    nat_a: nat("dev-a"),
    nat_b: nat("dev-b"),
    relay: network.probe("dev-a", "rtt", where.relay1, "20"),
    peer: network.probe("dev-a", "peer-rtt", where.relay1, "20"),
  };
  for (const p of [answer, ...servers]) await p.end();
  return result;
}
