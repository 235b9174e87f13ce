// A forwarding JSON-RPC endpoint of the test network, which can be told to lie.
//
// node rpcproxy.mjs --listen IP:PORT --upstream URL --control SOCKET
//   Prints "ready". SOCKET is a Unix socket, so that it is reached from any network namespace.
//   POST /lie {"mode": ..}:  none | key | forged | stale | wrong-chain | down | slow
//     key, forged  contract, slot, value  the storage word that is answered falsely; with key only
//                                         the answer is changed, with forged a whole chain agrees
//     stale        behind: blocks         wrong-chain  chainId       slow  ms
//   POST /truth {..} is forwarded as it is, for the one who drives the test; POST /rpc {..} is
//   answered as on the open port, lies and all.
//   GET /status answers {"mode", "requests": {method: count}}.
import http from "node:http";
import { stripZerosLeft, toBeHex, toQuantity } from "ethers";
import { copyState, makeForgery } from "./forge.mjs";

const MAX_BODY = 8 << 20;

function options(argv) {
  const given = {};
  for (let i = 0; i < argv.length; i += 2) given[argv[i].replace(/^--/, "")] = argv[i + 1];
  for (const name of ["listen", "upstream", "control"]) {
    if (!given[name]) {
      console.error("usage: rpcproxy.mjs --listen IP:PORT --upstream URL --control SOCKET");
      process.exit(2);
    }
  }
  return given;
}

const opt = options(process.argv.slice(2));
const agent = new http.Agent({ keepAlive: true });
const requests = {};
let lie = { mode: "none" };

function readAll(stream) {
  return new Promise((resolve, reject) => {
    const parts = [];
    let size = 0;
    stream.on("data", (part) => {
      size += part.length;
      if (size > MAX_BODY) stream.destroy(new Error("too long"));
      parts.push(part);
    });
    stream.on("end", () => resolve(Buffer.concat(parts).toString()));
    stream.on("error", reject);
  });
}

function forward(body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const req = http.request(opt.upstream, { method: "POST", agent, headers }, (res) =>
      readAll(res).then(resolve, reject),
    );
    req.on("error", reject);
    req.end(body);
  });
}

async function ask(request) {
  return JSON.parse(await forward(JSON.stringify(request)));
}

async function call(method, params) {
  const answer = await ask({ jsonrpc: "2.0", id: 1, method, params });
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}

// Replaces a storage word wherever its digits stand: in values, in call results, in proof nodes.
async function changeKey(answer) {
  const real = BigInt(await call("eth_getStorageAt", [lie.contract, lie.slot, "latest"]));
  if (real === 0n) return answer;
  const digits = (n) => stripZerosLeft(toBeHex(n, 32)).slice(2);
  const text = JSON.stringify(answer);
  return JSON.parse(text.replaceAll(digits(real), digits(BigInt(lie.value)).padStart(digits(real).length, "0")));
}

const isTag = (b) => ["latest", "pending", "safe", "finalized"].includes(b);

async function staleRequest(request) {
  const head = Number(await call("eth_blockNumber", []));
  const old = toQuantity(Math.max(0, head - (lie.behind ?? 100)));
  if (request.method === "eth_blockNumber") return { jsonrpc: "2.0", id: request.id, result: old };
  const params = (request.params ?? []).map((p) => (isTag(p) ? old : p));
  return ask({ ...request, params });
}

async function forgedNumber(block) {
  if (block && typeof block === "object") block = block.blockNumber ?? block.blockHash;
  if (isTag(block)) return Number(await call("eth_blockNumber", []));
  if (typeof block === "string" && block.length === 66) return lie.forgery.numberOfHash(block);
  return Number(block);
}

async function forgedAnswer(request) {
  const { method, params = [] } = request;
  const done = (result) => ({ jsonrpc: "2.0", id: request.id, result });
  if (method === "eth_getBlockByNumber" || method === "eth_getBlockByHash") {
    const number = await forgedNumber(params[0]);
    if (number !== undefined) return done(await lie.forgery.block(number));
  }
  if (method === "eth_getProof") {
    const number = await forgedNumber(params[2] ?? "latest");
    if (number !== undefined && number >= lie.forgery.base) return done(lie.forgery.proof(params[0], params[1]));
  }
  const answer = await ask(request);
  return method === "eth_call" || method === "eth_getStorageAt" ? changeKey(answer) : answer;
}

const answers = {
  none: ask,
  key: async (request) => changeKey(await ask(request)),
  forged: forgedAnswer,
  stale: staleRequest,
  "wrong-chain": async (request) => {
    const result = { eth_chainId: toQuantity(lie.chainId ?? 1), net_version: String(lie.chainId ?? 1) }[request.method];
    return result ? { jsonrpc: "2.0", id: request.id, result } : ask(request);
  },
  slow: async (request) => {
    await new Promise((resolve) => setTimeout(resolve, lie.ms ?? 5000));
    return ask(request);
  },
};

async function answerOne(request) {
  requests[request.method] = (requests[request.method] ?? 0) + 1;
  try {
    return await answers[lie.mode](request);
  } catch (error) {
    return { jsonrpc: "2.0", id: request.id ?? null, error: { code: -32603, message: String(error.message) } };
  }
}

async function serveRpc(req, res) {
  if (lie.mode === "down") return req.socket.destroy();
  const body = JSON.parse(await readAll(req));
  const answer = Array.isArray(body) ? await Promise.all(body.map(answerOne)) : await answerOne(body);
  if (lie.mode === "down") return req.socket.destroy();
  const text = JSON.stringify(answer);
  res.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  res.end(text);
}

async function startLie(wanted) {
  if (wanted.mode !== "down" && !Object.hasOwn(answers, wanted.mode)) throw new Error("no such mode");
  const next = { ...wanted };
  if (next.mode === "forged") {
    const head = Number(await call("eth_blockNumber", []));
    const base = Math.max(1, head - (next.back ?? 4));
    next.forgery = makeForgery(call, await copyState(call, next), base);
  }
  lie = next;
}

async function serveControl(req, res) {
  if (req.method === "POST" && req.url === "/truth") return res.end(await forward(await readAll(req)));
  if (req.method === "POST" && req.url === "/rpc") return res.end(JSON.stringify(await answerOne(JSON.parse(await readAll(req)))));
  if (req.method === "POST" && req.url === "/lie") await startLie(JSON.parse(await readAll(req)));
  res.writeHead(200, { "content-type": "application/json" });
  res.end(JSON.stringify({ mode: lie.mode, requests }));
}

function serve(handler) {
  return http.createServer((req, res) => {
    handler(req, res).catch((error) => {
      if (!res.headersSent) res.writeHead(400, { "content-type": "text/plain" });
      res.end(String(error.message));
    });
  });
}

const [host, port] = opt.listen.split(":");
const control = serve(serveControl);
const rpc = serve(serveRpc);
process.on("SIGTERM", () => process.exit(0));
control.listen(opt.control, () => rpc.listen(Number(port), host, () => console.log("ready")));
