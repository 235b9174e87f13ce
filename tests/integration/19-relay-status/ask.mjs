// Asks a relay where it tells how it is doing, from inside its namespace.
//
// node ask.mjs cli PORT PASSWORD COMMAND..      the server's command line; prints all that it says
// node ask.mjs web PORT USER PASSWORD PATH..    its web page, logged in unless USER is ""; one connection, as it wants it
// node ask.mjs http ADDRESS PORT METHOD PATH HOST   prints status and body as JSON
import http from "node:http";
import https from "node:https";
import net from "node:net";

const [kind, ...rest] = process.argv.slice(2);
const WAIT_MS = 60000;
setTimeout(() => {
  console.error("no answer");
  process.exit(3);
}, WAIT_MS).unref();

// One line is answered before the next is sent: each answer ends with a prompt.
function cli([port, password, ...commands]) {
  const socket = net.connect(Number(port), "127.0.0.1");
  const lines = [password, ...commands, "quit"];
  let text = "", unread = "";
  socket.on("data", (data) => {
    text += data.toString("latin1");
    unread += data.toString("latin1");
    if (/(Enter password: |> )\s*$/.test(unread) && lines.length > 0) {
      unread = "";
      socket.write(`${lines.shift()}\r\n`);
    }
  });
  socket.on("close", () => process.stdout.write(text));
  socket.on("error", (error) => process.stdout.write(`${text}\n${error.message}`));
}

function request(module, options, body) {
  return new Promise((resolve, reject) => {
    const req = module.request(options, (res) => {
      let text = "";
      res.setEncoding("latin1");
      res.on("data", (data) => (text += data));
      res.on("end", () => resolve({ status: res.statusCode, type: res.headers["content-type"], text }));
    });
    req.on("error", reject);
    req.end(body);
  });
}

async function web([port, user, password, ...paths]) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  const at = { host: "127.0.0.1", port: Number(port), agent };
  await request(https, { ...at, path: "/" }); // the first one is answered with the login, whatever it asks
  if (user) {
    const body = new URLSearchParams({ uname: user, pwd: password }).toString();
    await request(https, { ...at, method: "POST", path: "/logon", headers: { "Content-Length": body.length } }, body);
  }
  for (const path of paths) process.stdout.write((await request(https, { ...at, path })).text);
  agent.destroy();
}

async function plain([host, port, method, path, name]) {
  try {
    const answer = await request(http, { host, port: Number(port), method, path, headers: { Host: name } });
    process.stdout.write(JSON.stringify(answer));
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: error.code }));
  }
}

await { cli, web, http: plain }[kind](rest);
