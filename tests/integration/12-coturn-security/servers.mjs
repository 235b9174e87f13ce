// The server as we build it and the one without the security series, each configured for one case at a time.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Program } from "../../testbed/processes.mjs";

export const USERS = { alice: "wonderland", mallory: "other words" };
export const login = (username) => ({ username, password: USERS[username] });
export const HOST4 = "127.0.0.1", HOST6 = "2001:db8::1", PORT = 3478;

// What begins with this ends with the test, however that ends.
export const TIED = ["setpriv", "--pdeathsig", "KILL"];

export const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ct-security-"));
let runs = 0;

export async function run(name, argv, options = {}) {
  const program = new Program(`${name}-${++runs}`, argv, { dir: folder, ...options });
  await program.ended;
  return program;
}

// A server with these lines in its configuration; `names` are the paths of the programs by what they are called.
export async function startServer(program, lines = []) {
  const dir = path.join(folder, `server-${++runs}`);
  fs.mkdirSync(dir);
  const users = Object.entries(USERS).map(([name, password]) => `user=${name}:${password}`);
  const conf = [
    `listening-ip=${HOST4}`, `listening-ip=${HOST6}`, `relay-ip=${HOST4}`, `relay-ip=${HOST6}`, `listening-port=${PORT}`,
    "min-port=50000", "max-port=50999", "lt-cred-mech", "realm=test.example", "log-file=stdout", "simple-log",
    "relay-threads=1", `userdb=${dir}/userdb`, `pidfile=${dir}/pid`,
  ];
  const has = (key) => lines.some((line) => line.split("=")[0] === key);
  const rest = [...conf.filter((line) => !has(line.split("=")[0])), ...(has("user") ? [] : users), ...lines];
  if (!has("cli-password")) rest.push("no-cli");
  if (!has("cert")) rest.push("no-tls", "no-dtls");
  fs.writeFileSync(path.join(dir, "turnserver.conf"), rest.join("\n") + "\n");
  const server = new Program(`turnserver-${runs}`, [...TIED, program, "-c", path.join(dir, "turnserver.conf")], { dir: folder, cwd: dir });
  server.dir = dir;
  await server.waitText(/IO method \(admin thread\)[^]*SQLite DB connection success|IO method \(admin thread\)/, "listening");
  return server;
}

export const alive = (server) => server.code === undefined;

export function removeFolder() {
  fs.rmSync(folder, { recursive: true, force: true });
}

