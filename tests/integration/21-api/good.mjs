// A good client in a process of its own: asks for /v1/me at a steady pace and says how long the answers took.
//   node good.mjs COUNT PACE_MS, with {"sid", "psk"} on standard input; one JSON object on standard output
import https from "node:https";
import fs from "node:fs";
import { pskOptions } from "../../api/client.mjs";

const [count, pace] = process.argv.slice(2).map(Number);
const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ...pskOptions(JSON.parse(fs.readFileSync(0, "utf8"))) });

const ask = () => new Promise((resolve) => {
  const began = performance.now();
  const request = https.get({ host: "127.0.0.1", port: 8443, path: "/v1/me", agent }, (answer) => {
    answer.resume();
    answer.on("end", () => resolve({ ms: performance.now() - began, good: answer.statusCode === 200 }));
  });
  request.on("error", () => resolve({ ms: performance.now() - began, good: false }));
});

for (let i = 0; i < 20; i++) await ask(); // warm
const took = [];
let failed = 0;
for (let i = 0; i < count; i++) {
  const { ms, good } = await ask();
  took.push(ms);
  failed += !good;
  if (ms < pace) await new Promise((resolve) => setTimeout(resolve, pace - ms));
}
took.sort((a, b) => a - b);
const at = (q) => Math.round(took[Math.min(took.length - 1, Math.floor(took.length * q))] * 100) / 100;
console.log(JSON.stringify({ count, failed, p50_ms: at(0.5), p99_ms: at(0.99), most_ms: at(1) }));
agent.destroy();
