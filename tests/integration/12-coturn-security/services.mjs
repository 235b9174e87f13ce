// Triggers at what stands beside relaying: Redis, SQL, CLI, web admin, OAuth, stored passwords.
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { Program } from "../../testbed/processes.mjs";
import { alive, folder, HOST4, login, PORT, run, TIED } from "./servers.mjs";
import { attr, attribute, Client, METHOD } from "./stun.mjs";

const REDIS_PORT = 6399, ADMIN_PORT = 8080, CLI_PORT = 5766;
const ADMIN = { name: "root", password: "admin words" };
const REALM = "test.example";
const ACCESS_TOKEN = 0x1b;
const PATIENCE_MS = 20000;

// Says text to a TCP or TLS port and collects what comes back until `until` is in it, or the end, or PATIENCE_MS.
function talk(socket) {
  let heard = "";
  let wake = () => {};
  let ended = false;
  socket.on("data", (part) => ((heard += part.toString("latin1")), wake()));
  socket.on("close", () => ((ended = true), wake()));
  socket.on("error", () => {});
  return async (text, until) => {
    heard = "";
    socket.write(text);
    const limit = Date.now() + PATIENCE_MS;
    while (!until.test(heard) && !ended && Date.now() < limit) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, limit - Date.now());
        wake = () => (clearTimeout(timer), resolve());
      });
    }
    return heard;
  };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

// The socket that make() opens; for PATIENCE_MS also one that is not listened for yet.
async function connected(make, event = "connect") {
  for (const limit = Date.now() + PATIENCE_MS; ; await pause()) {
    try {
      return await new Promise((resolve, reject) => {
        const socket = make();
        socket.once(event, () => resolve(socket)).once("error", reject);
      });
    } catch (error) {
      if (error.code !== "ECONNREFUSED" || Date.now() > limit) throw error;
    }
  }
}

// Redis: Debian's redis-tools has the program, which goes by the name it is called by.
let redis;
async function withRedis(lines) {
  const program = fs.existsSync("/usr/bin/redis-server") ? "/usr/bin/redis-server" : "/usr/bin/redis-check-rdb";
  const options = `--bind ${HOST4} --port ${REDIS_PORT} --save "" --appendonly no`;
  redis = new Program(`redis-${Date.now()}`, [...TIED, "bash", "-c", `exec -a redis-server ${program} ${options}`], { dir: folder });
  await redis.waitText(/Ready to accept connections/, "accepting connections");
  return lines;
}
async function endRedis() {
  await redis.end();
}
async function askRedis(command) {
  const socket = await connected(() => net.connect(REDIS_PORT, HOST4));
  const heard = await talk(socket)(`${command}\r\nPING\r\n`, /\+PONG/);
  socket.destroy();
  return heard;
}
const REDIS = `"ip=${HOST4} dbname=0 port=${REDIS_PORT} connect_timeout=3"`;

async function allocate(login) {
  const client = await new Client(HOST4, PORT, { login }).open();
  const answer = await client.ask(METHOD.allocate, [attr.transport()]);
  client.close();
  return answer.code;
}

// A certificate for the server, as its options.
async function withCertificate(dir) {
  const key = path.join(dir, "key"), cert = path.join(dir, "cert");
  const made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await run("openssl", [...made, "-subj", "/CN=test", "-keyout", key, "-out", cert]);
  return [`cert=${cert}`, `pkey=${key}`];
}

// A database with an administrator and two users, and a certificate for the administrator's pages.
let database;
async function withAdmin(program, lines = []) {
  const dir = fs.mkdtempSync(path.join(folder, "admin-"));
  database = path.join(dir, "db");
  const turnadmin = (...argv) => run("turnadmin", ["bash", "-c", 'exec -a turnadmin "$0" "$@"', program, ...argv, "-b", database]);
  await turnadmin("-A", "-u", ADMIN.name, "-p", ADMIN.password);
  for (const name of ["bob", "carol"]) await turnadmin("-a", "-u", name, "-r", REALM, "-p", "secret");
  const certificate = await withCertificate(dir);
  return [`userdb=${database}`, "web-admin", `web-admin-ip=${HOST4}`, `web-admin-port=${ADMIN_PORT}`, ...certificate, ...lines];
}

// One connection to the administrator's pages, logged on.
async function adminPages() {
  const options = { host: HOST4, port: ADMIN_PORT, rejectUnauthorized: false };
  const say = talk(await connected(() => tls.connect(options), "secureConnect"));
  const get = (where) => say(`GET ${where} HTTP/1.1\r\nHost: x\r\n\r\n`, /<\/html>/i);
  await get("/"); // the first request of a connection only opens it
  await get(`/logon?uname=${ADMIN.name}&pwd=${encodeURIComponent(ADMIN.password)}`);
  return get;
}

async function cli(password) {
  const say = talk(await connected(() => net.connect(CLI_PORT, HOST4)));
  await say("", /password/i);
  await say(`${password}\r\n`, /> /);
  return say;
}

// A ClientHello of which this is the first piece of 650,000 bytes.
function helloPiece() {
  const out = Buffer.alloc(35);
  out.write("16feff0000", 0, "hex"); // handshake, DTLS 1.0, epoch 0
  out.writeUInt16BE(22, 11);
  out[13] = 1;
  out.writeUIntBE(650000, 14, 3);
  out.writeUIntBE(10, 22, 3);
  return out;
}

// What the server's data grow by when so many addresses send a piece of a ClientHello each: KB.
async function memoryOfPieces(server, count) {
  const data_kb = () => Number(fs.readFileSync(`/proc/${server.child.pid}/status`, "utf8").match(/VmData:\s+(\d+)/)[1]);
  const before = data_kb();
  for (let i = 0; i < count; i += 50) {
    const sockets = await Promise.all(Array.from({ length: 50 }, async () => {
      const client = await new Client(HOST4, PORT).open();
      client.write(helloPiece());
      return client;
    }));
    // an answer to each of these means that the pieces before it were read
    const asked = await new Client(HOST4, PORT).open();
    await asked.exchange(asked.message(METHOD.binding, []));
    for (const client of [asked, ...sockets]) client.close();
  }
  return data_kb() - before;
}

// Whether a DTLS handshake with the server ends well.
async function shakesHands() {
  const done = await run("s_client", ["openssl", "s_client", "-dtls1_2", "-connect", `${HOST4}:${PORT}`], { input: "Q\n" });
  return /Protocol\s+: DTLSv1.2/.test(done.text()) && /Cipher is [A-Z]/.test(done.text());
}

export const cases = [
  {
    what: "a user's name as a format for Redis, in reports (CVE-2026-68553)",
    lines: () => withRedis([`redis-statsdb=${REDIS}`, "user=a%s%s%s%s%s%s:words"]),
    after: endRedis,
    async holds(server) {
      const code = await allocate({ username: "a%s%s%s%s%s%s", password: "words" });
      let keys = "";
      for (const limit = Date.now() + PATIENCE_MS; Date.now() < limit && alive(server) && !/user/.test(keys); await pause())
        keys = await askRedis("KEYS *");
      return { held: code === 0 && keys.includes(`turn/realm/${REALM}/user/a%s%s%s%s%s%s/allocation/`), seen: { code, keys } };
    },
  },
  {
    what: "a user's name as a format for Redis, before the password is checked (CVE-2026-68553)",
    lines: () => withRedis([`redis-userdb=${REDIS}`]),
    after: endRedis,
    async holds(server) {
      const code = await allocate({ username: "%s%s%s%s%s%s%n%n", password: "words" });
      const key = crypto.createHash("md5").update(`bob:${REALM}:secret`).digest("hex");
      await askRedis(`SET turn/realm/${REALM}/user/bob/key ${key}`);
      const bob = alive(server) ? await allocate({ username: "bob", password: "secret" }) : -1;
      return { held: code === 401 && bob === 0, seen: { code, bob } };
    },
  },
  {
    what: "the CLI's dump over a file that is there (CVE-2026-53449)",
    lines: [`cli-ip=${HOST4}`, `cli-port=${CLI_PORT}`, "cli-password=cli-words"],
    async holds() {
      const [there, link, fresh] = ["there", "link", "fresh"].map((name) => path.join(folder, name));
      for (const file of [there, link, fresh]) fs.rmSync(file, { force: true });
      fs.writeFileSync(there, "precious");
      fs.symlinkSync(there, link);
      const say = await cli("cli-words");
      for (const file of [there, link, fresh]) await say(`psd ${file}\r\n`, /> /);
      return { held: fs.readFileSync(there, "utf8") === "precious" && fs.existsSync(fresh), seen: fs.readFileSync(there, "utf8").slice(0, 40) };
    },
  },
  {
    what: "SQL in what an administrator deletes (CVE-2026-53448)",
    lines: (program) => withAdmin(program),
    async holds() {
      const get = await adminPages();
      const before = await get("/us");
      await get(`/us?du=${encodeURIComponent("x' or '1'='1")}&dr=${REALM}`);
      const after = await get("/us");
      await get(`/us?du=carol&dr=${REALM}`);
      const last = await get("/us");
      const names = (page) => ["bob", "carol"].filter((name) => page.includes(`<td>${name}</td>`));
      const held = names(before).length === 2 && names(after).length === 2 && names(last).join() === "bob";
      return { held, seen: [names(before), names(after), names(last)] };
    },
  },
  {
    what: "an OAuth token with a nonce longer than its place (CVE-2026-43994)",
    lines: (program) => withAdmin(program, ["oauth"]),
    async holds(server) {
      const get = await adminPages();
      const ikm = encodeURIComponent(crypto.randomBytes(32).toString("base64"));
      await get(`/oauth?oauth_kid=key1&oauth_ikm=${ikm}&oauth_tea=A256GCM&oauth_ts=&oauth_lt=&oauth_realm=${REALM}`);
      const client = await new Client(HOST4, PORT, { login: { username: "key1", password: "x" } }).open();
      const token = Buffer.alloc(1024, 0x41);
      token.writeUInt16BE(1024 - 33, 0);
      const answer = await client.ask(METHOD.allocate, [attr.transport(), attribute(ACCESS_TOKEN, token)]);
      client.close();
      const told = server.text().match(/nonce too long|token integrity|Cannot [^\n]*nonce|stack smashing/g);
      const bob = alive(server) ? await allocate({ username: "bob", password: "secret" }) : -1;
      return { held: answer.code === 401 && bob === 0 && /nonce too long/.test(told), seen: { answer, told, bob } };
    },
  },
  {
    what: "a hashed password is made and taken",
    lines: async (program) => {
      const hashed = await run("turnadmin", ["bash", "-c", 'exec -a turnadmin "$0" "$@"', program, "-P", "-p", "cli-words"]);
      return [`cli-ip=${HOST4}`, `cli-port=${CLI_PORT}`, `cli-password=${hashed.text().match(/\$5\$[0-9a-f]+\$[0-9a-f]+/)[0]}`];
    },
    both: true,
    async holds() {
      const say = await cli("cli-words");
      const heard = await say("pc\r\n", /cli-max-output-sessions/);
      return { held: /cli-max-output-sessions/.test(heard), seen: heard.slice(0, 200) };
    },
  },
  {
    what: "memory for pieces of a DTLS handshake from addresses that did not answer (CVE-2026-73214)",
    lines: () => withCertificate(fs.mkdtempSync(path.join(folder, "dtls-"))),
    async holds(server) {
      const grown_kb = await memoryOfPieces(server, 500);
      const hands = await shakesHands();
      return { held: grown_kb < 5000 && hands, seen: { grown_kb, hands } };
    },
  },
];
