// coturn's own checks on the server as we build it, with the module off and on.
//
//   node checks.mjs BIN_FOLDER PATCHES_FOLDER      in a network namespace of its own
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { eventually, Program } from "../../testbed/processes.mjs";
import { Claims } from "../claims.mjs";
import { attacks, peersOf, REDIS_ROWS, serverAddresses, servers } from "./scenarios.mjs";

const [bin, patches] = process.argv.slice(2);
const MESSAGES = 40, CLIENTS = 6; // of each scenario; the client makes it more where they go in pairs
const PEERS = ["127.0.0.1", "127.0.0.9", "::1"];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ct-checks-"));
const claims = new Claims();
let programs = [];
let starts = 0;

const tool = (name) => path.join(bin, name);
const file = (name) => path.join(folder, name);

function start(name, argv, options = {}) {
  // tied to the test, however that ends
  const tied = ["setpriv", "--pdeathsig", "KILL", ...argv];
  const program = new Program(`${++starts}-${name.replace(/\W+/g, "-")}`, tied, { dir: folder, ...options });
  programs.push(program);
  return program;
}

async function run(name, argv, timeout_ms = 120000) {
  const program = start(name, argv, { input: "" });
  const timer = setTimeout(() => program.child.kill("SIGKILL"), timeout_ms);
  await program.ended;
  clearTimeout(timer);
  return program;
}

async function endAll() {
  for (const program of programs.splice(0).reverse()) await program.end();
}

// A certification authority, and a certificate by it for the server; the client's key alone.
async function certificates() {
  const openssl = async (...argv) => {
    const done = await run("openssl", ["openssl", ...argv]);
    if (done.code !== 0) throw new Error(done.text());
  };
  const key = (name) => ["-newkey", "rsa:2048", "-nodes", "-keyout", file(name)];
  await openssl("req", "-x509", ...key("ca.key"), "-days", "2", "-subj", "/CN=test CA", "-out", file("ca.crt"));
  await openssl("req", ...key("server.key"), "-subj", "/CN=localhost", "-out", file("server.csr"));
  await openssl("x509", "-req", "-in", file("server.csr"), "-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2", "-out", file("server.crt"));
  await openssl("genrsa", "-out", file("client.key"), "2048");
}

// A bundle whose chain nobody answers for: what is checked here needs none.
function bundle() {
  const text = {
    chainturn: 1, chain_id: "31337", contract: `0x${"c0".repeat(20)}`, code_hash: `0x${"01".repeat(32)}`,
    rpc: ["http://127.0.0.1:1", "http://127.0.0.1:2"], quorum: 2, max_head_age_s: 120,
    checkpoint: { number: "0x0", hash: `0x${"00".repeat(32)}` },
  };
  fs.writeFileSync(file("bundle.json"), JSON.stringify(text));
}

function moduleOptions(dir) {
  fs.mkdirSync(path.join(dir, "state"), { mode: 0o700 });
  return [`--chainturn-bundle=${file("bundle.json")}`, `--chainturn-state=${dir}/state`, "--chainturn-poll-ms=600000",
    "--chainturn-allow-private"];
}

// "@name" is a file of ours, ":+n" a port n above the server's.
const filled = (options, port) => options.map((one) =>
  one.replace(/@([a-z]+\.(?:key|crt))/, (_, name) => file(name)).replace(/:\+(\d)$/, (_, n) => `:${port + Number(n)}`));

async function startServer(server, module, { plus = 0, options = server.options } = {}) {
  const port = server.port + plus;
  const dir = file(`server-${port}`);
  fs.mkdirSync(dir);
  const database = path.join(dir, "db");
  if (server.admin) {
    const words = [...server.admin, "-r", server.realm, "-b", database];
    await run("turnadmin", ["bash", "-c", 'exec -a turnadmin "$0" "$@"', tool("turnserver"), ...words]);
  }
  const argv = [tool("turnserver"), "-n", ...serverAddresses(server.ipv4), "-p", String(port), ...filled(options, port), "-m", "2",
    "--no-cli", "--log-file=stdout", "--simple-log", ...(server.onRedis ? [] : ["-b", database]), `--pidfile=${dir}/pid`, "--min-port=32355", "--max-port=65535"];
  argv.push(...(server.tls ? [`--tls-listening-port=${port + 1}`] : ["--no-tls", "--no-dtls"]));
  if (module) argv.push(...moduleOptions(dir));
  const program = start(`turnserver-${server.name}`, argv, { cwd: dir });
  await program.waitText(/IO method \(admin thread\)/, "listening");
  return program;
}

// The test client sometimes gets in its own way (a port of its own taken), so each scenario has three tries; all its
// messages must be sent, and but for lost datagrams come back. Of a TLS record it reads but the first message, and on a
// busy machine several share one.
async function scenario(server, one, mode) {
  const port = server.port + (one.plus ?? 0) + (one.options.includes("-S") ? 1 : 0);
  const load = ["-n", String(MESSAGES), "-m", String(CLIENTS), "-z", "10", ...(one.options.includes("-l") ? [] : ["-l", "170"])];
  const isTls = one.options.includes("-S") && one.options.includes("-t");
  const enough = (sent) => (one.stream ? sent : isTls ? 1 : sent * 0.95);
  let program, done;
  for (let tries = 1; tries <= 3 && !done; tries++) {
    program = await run(one.what, [tool("turnutils_uclient"), ...load, "-p", String(port), ...filled(one.options, port), one.to]);
    const [, sent, received] = program.text().match(/start_mclient: tot_send_msgs=(\d+), tot_recv_msgs=(\d+)\n/) ?? [0, 0, 0];
    done = program.code === 0 && Number(sent) >= MESSAGES * CLIENTS && Number(received) >= enough(Number(sent));
    console.log(`    ${mode}, ${server.name}: ${one.what}: ${sent} sent, ${received} received${tries > 1 ? `, at try ${tries}` : ""}`);
  }
  claims.that(`${mode}, ${server.name}: ${one.what}`, done, program.text().slice(-700));
}

// turnutils_peer says nothing: the kernel is asked who listens at its port.
function peersAreThere() {
  const sockets = ["udp", "udp6"].map((name) => fs.readFileSync(`/proc/net/${name}`, "utf8")).join("");
  return sockets.match(/: [0-9A-F]+:0D98 /g)?.length >= PEERS.length;
}

// redis-tools has the server under its checker's name.
async function startRedis() {
  const own = ["/usr/bin/redis-server", "/usr/bin/redis-check-rdb"].find((name) => fs.existsSync(name));
  const options = ["--port", "6379", "--bind", "127.0.0.1", "--save", "", "--dir", folder];
  await start("redis", ["bash", "-c", 'exec -a redis-server "$0" "$@"', own, ...options]).waitText(/eady to accept connections/, "ready");
  for (const row of REDIS_ROWS) {
    const done = await run("redis-cli", ["redis-cli", "-n", "2", ...row.split(" ")]);
    if (done.code !== 0) throw new Error(done.text());
  }
}

// What a server under attack has to do is to be there for the next honest client.
async function attacked(server, program, module, mode) {
  const clients = attacks(peersOf(module)).map((one) => {
    const port = server.port + (one.options.includes("-S") ? 1 : 0);
    return start("attack", [tool("turnutils_uclient"), "-n", "1000", "-m", "10", "-l", "170", "-p", String(port), ...filled(one.options, port), one.to], { input: "" });
  });
  await scenario(server, { ...server.clients[0], what: "secure_udp_client, during the attack" }, mode);
  for (const client of clients) client.child.kill("SIGKILL");
  await Promise.all(clients.map((client) => client.ended));
  await scenario(server, { ...server.clients[2], what: "secure_tcp_client, after the attack" }, mode);
  claims.that(`${mode}, ${server.name}: the server has survived ${clients.length} attacks`, program.child.exitCode === null && program.child.signalCode === null,
    program.text().slice(-700));
}

async function examples(module) {
  const mode = module ? "module on" : "module off";
  await startRedis();
  for (const address of PEERS) start(`peer-${address}`, [tool("turnutils_peer"), "-L", address]);
  if (!(await eventually(peersAreThere))) throw new Error("the peers do not listen");
  const list = servers(module);
  let secure;
  for (const server of list) {
    const program = await startServer(server, module);
    if (server.name === "longtermsecure") secure = { server, program };
    for (const plus of server.slaves ?? []) await startServer(server, module, { plus, options: server.options.filter((one) => !one.startsWith("--alternate")) });
  }
  await Promise.all(list.flatMap((server) => server.clients.map((one) => scenario(server, one, mode))));
  await attacked(secure.server, secure.program, module, mode);
  await endAll();
}

// STUN's own: reflexive addresses, and RFC 5780, for which a server has two addresses; a registered relay has one.
async function discovery(module) {
  const mode = module ? "module on" : "module off";
  const dir = file(`server-stun-${mode.slice(7)}`);
  fs.mkdirSync(dir);
  const addresses = ["-L", "127.0.0.1", ...(module ? [] : ["-L", "127.0.0.2"]), "-E", "127.0.0.1", "--allow-loopback-peers"];
  const argv = [tool("turnserver"), "-n", "-a", "-r", "north.gov", ...addresses, "-m", "2", "--no-cli", "--no-tls", "--no-dtls",
    "--log-file=stdout", "-b", path.join(dir, "db"), `--pidfile=${dir}/pid`, ...(module ? moduleOptions(dir) : [])];
  await start("turnserver-stun", argv, { cwd: dir }).waitText(/IO method \(admin thread\)/, "listening");
  const stun = await run("stunclient", [tool("turnutils_stunclient"), "-L", "127.0.0.3", "127.0.0.1"]);
  const answers = stun.text().match(/UDP reflexive addr: 127\.0\.0\.3:\d+/g) ?? [];
  console.log(`    ${mode}: turnutils_stunclient: ${answers.length} answers`);
  claims.that(`${mode}: turnutils_stunclient sees its address`, stun.code === 0 && answers.length >= (module ? 1 : 3), stun.text());
  if (!module) {
    const nat = await run("natdiscovery", [tool("turnutils_natdiscovery"), "-m", "-f", "-L", "127.0.0.3", "127.0.0.1"]);
    const independent = /Endpoint Independent Mapping/.test(nat.text()) && /Endpoint Independent Filtering/.test(nat.text());
    claims.that(`${mode}: turnutils_natdiscovery finds no NAT, by answers from both addresses`, nat.code === 0 && independent &&
      /Response origin: : 127\.0\.0\.2:3479/.test(nat.text()), nat.text());
  }
  await endAll();
}

async function vectors() {
  const rfc5769 = await run("rfc5769check", [tool("turnutils_rfc5769check")]);
  const results = rfc5769.text().match(/result: .*/g) ?? [];
  const good = results.filter((line) => /success/.test(line)).length;
  console.log(`    turnutils_rfc5769check: ${good} of ${results.length} vectors`);
  claims.that("turnutils_rfc5769check: every vector", rfc5769.code === 0 && good >= 14 && good === results.length, rfc5769.text());
  const key = ["--server-name", "example.com", "--auth-key-id", "1234", "--auth-key", "SEdrajMyS0pHaXV5MDk4c2RmYXFiTmpPaWF6NzE5MjM=",
    "--auth-key-timestamp", "249213600", "--auth-key-lifetime", "21600"];
  const token = ["--token-mac-key", "WmtzanB3ZW9peFhtdm42NzUzNG0=", "--token-timestamp", "16333642137600", "--token-lifetime=3600"];
  const oauth = await run("oauth", [tool("turnutils_oauth"), "-v", "-d", "-e", ...key, ...token]);
  claims.that("turnutils_oauth: a token is made and validated", oauth.code === 0 && /valid/i.test(oauth.text()), oauth.text().slice(-500));
}

// The hooks stay a small thing to carry to another version.
function hooks() {
  let lines = 0;
  for (const name of fs.readFileSync(path.join(patches, "series"), "utf8").trim().split("\n"))
    lines += fs.readFileSync(path.join(patches, name), "utf8").split("\n").filter((line) => /^[-+](?![-+]{2} )/.test(line)).length;
  console.log(`    the hook series changes ${lines} lines of coturn`);
  claims.that("the hook series changes fewer than 150 lines of coturn", lines > 0 && lines < 150, lines);
}

try {
  execFileSync("ip", ["link", "set", "lo", "up"]);
  hooks();
  await certificates();
  bundle();
  await vectors();
  for (const module of [false, true]) {
    await examples(module);
    await discovery(module);
  }
} catch (error) {
  claims.failed++;
  console.log(error.stack);
  if (error.log) console.log(fs.readFileSync(error.log, "utf8").slice(-1500));
} finally {
  await endAll();
  fs.rmSync(folder, { recursive: true, force: true });
}
console.log(`${claims.passed} passed, ${claims.failed} failed`);
process.exit(claims.failed ? 1 : 0);
