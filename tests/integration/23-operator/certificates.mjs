// The operators' listener where others come: nobody without a certificate of the operators' own authority.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import https from "node:https";
import net from "node:net";
import path from "node:path";

const ADDRESS = "198.51.100.7"; // on loopback's interface, and yet not loopback

// Authority, server and clients, and those who are none: files NAME.pem and NAME.key.
function makeCertificates(dir) {
  const at = (name) => path.join(dir, name);
  const openssl = (...args) => execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  const key = (name) => openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at(`${name}.key`));
  const authority = (name) => {
    key(name);
    openssl("req", "-x509", "-new", "-key", at(`${name}.key`), "-subj", `/CN=${name}`, "-days", "2", "-out", at(`${name}.pem`));
  };
  const signed = (name, by, extensions, days = "2") => {
    key(name);
    openssl("req", "-new", "-key", at(`${name}.key`), "-subj", `/CN=${name}`, "-out", at(`${name}.csr`));
    fs.writeFileSync(at(`${name}.ext`), `basicConstraints=CA:FALSE\n${extensions}\n`);
    openssl("x509", "-req", "-in", at(`${name}.csr`), "-CA", at(`${by}.pem`), "-CAkey", at(`${by}.key`), "-CAcreateserial", "-days", days, "-extfile", at(`${name}.ext`), "-out", at(`${name}.pem`));
  };
  authority("ours");
  authority("theirs");
  signed("server", "ours", `subjectAltName=IP:${ADDRESS}\nextendedKeyUsage=serverAuth`);
  signed("anna", "ours", "extendedKeyUsage=clientAuth");
  signed("stranger", "theirs", "extendedKeyUsage=clientAuth");
  signed("late", "ours", "extendedKeyUsage=clientAuth", "-1");
  for (const name of ["server", "ours"]) fs.chmodSync(at(`${name}.key`), 0o600);
  return at;
}

function ask(url, at, who, where = "/metrics") {
  return new Promise((resolve) => {
    const own = who ? { cert: fs.readFileSync(at(`${who}.pem`)), key: fs.readFileSync(at(`${who}.key`)) } : {};
    const request = https.get(new URL(where, url), { ca: fs.readFileSync(at("ours.pem")), agent: false, timeout: 60000, ...own }, (answer) => {
      let text = "";
      answer.on("data", (bytes) => {
        text += bytes;
        if (where === "/v1/events" && text.includes("ready")) answer.destroy(); // it has no end
      });
      answer.on("close", () => resolve({ status: answer.statusCode, text }));
    });
    request.on("error", (error) => resolve({ status: 0, text: error.message }));
    request.on("timeout", () => request.destroy(new Error("no answer")));
  });
}

function inPlain(url) {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect(Number(url.port), url.hostname, () => socket.write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    socket.setTimeout(60000, () => socket.destroy());
    socket.on("data", (bytes) => (text += bytes.toString("latin1")));
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}

export async function certificates({ claims, dir, conf, server, start }) {
  const at = makeCertificates(dir);
  const before = fs.readFileSync(conf, "utf8");
  const write = (...lines) => fs.writeFileSync(conf, before.replace(/^operator = .*$/m, [`operator = ${ADDRESS}:0`, ...lines].join("\n")));
  const refusal = (...args) => {
    const { status, stderr, stdout } = spawnSync(server, [...args, "--config", conf], { encoding: "utf8", timeout: 120000 });
    return { status, text: stderr + stdout };
  };
  const whole = [`operator-certificate = ${at("server.pem")}`, `operator-key = ${at("server.key")}`, `operator-clients = ${at("ours.pem")}`];
  execFileSync("ip", ["address", "add", `${ADDRESS}/32`, "dev", "lo"]);

  write();
  const open = refusal("run");
  claims.that("outside loopback and without a certificate no server starts", open.status === 2 && open.text.includes("there is no certificate: set listen.operator-certificate"), open);
  const checked = refusal("check");
  claims.that("and wm-server check says so", checked.status !== 0 && /^FAIL +operator .*there is no certificate/m.test(checked.text), checked);
  write(...whole.slice(0, 2));
  claims.that("two of the three are not enough", refusal("run").text.includes("set all three, or none"));
  write(whole[0], `operator-key = ${at("ours.key")}`, whole[2]);
  const other = refusal("run");
  claims.that("another one's key is noticed", other.status === 2 && other.text.includes("the key is the certificate's?"), other);
  claims.that("and by the check", /^FAIL +operator /m.test(refusal("check").text));

  write(...whole);
  claims.that("with all three the check is good", /^ok +operator .*signed by those of /m.test(refusal("check").text));
  const running = await start(conf);
  try {
    const url = new URL(running.url);
    claims.that("it serves https there", url.protocol === "https:" && url.hostname === ADDRESS, running.url);
    for (const who of [null, "stranger", "late", "server"]) {
      const name = { null: "without a certificate", stranger: "with one of another authority", late: "with one that is over", server: "with one that is for servers" }[who];
      for (const where of ["/metrics", "/", "/v1/events"]) {
        const answer = await ask(url, at, who, where);
        claims.that(`${name}: ${where} is refused, and says why`, answer.status === 403 && JSON.parse(answer.text).type === "urn:chainturn:error:certificate", answer);
      }
    }
    claims.that("in plain there is nothing", !(await inPlain(url)).includes("chainturn_wm_"));
    const metrics = await ask(url, at, "anna");
    claims.that("an operator with a certificate gets the metrics", metrics.status === 200 && metrics.text.includes("chainturn_wm_ready"), metrics);
    claims.that("the page", (await ask(url, at, "anna", "/")).text.includes("<h1>Wallet manager</h1>"));
    const events = await ask(url, at, "anna", "/v1/events");
    claims.that("and the events", events.status === 200 && events.text.includes('"event":"ready"'), events);
  } finally {
    claims.that("it ends when asked to", (await running.end()) === 0);
  }
}
