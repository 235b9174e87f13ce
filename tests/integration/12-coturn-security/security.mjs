// Each weakness of coturn that the security series mends, tried on the server as built and on one without the series.
//
//   node security.mjs TURNSERVER TURNSERVER_UNMENDED      in a network namespace of its own
import { execFileSync } from "node:child_process";
import { Claims } from "../claims.mjs";
import { cases as network } from "./network.mjs";
import { cases as services } from "./services.mjs";
import { alive, HOST6, removeFolder, startServer } from "./servers.mjs";

const [mended, unmended, only] = process.argv.slice(2);
const claims = new Claims();

async function attempt(one, program) {
  const server = await startServer(program, typeof one.lines === "function" ? await one.lines(program) : one.lines);
  try {
    const result = await one.holds(server);
    return { ...result, alive: alive(server), text: server.text() };
  } finally {
    await server.end();
    await one.after?.();
  }
}

const short = (seen) => (typeof seen === "string" ? seen : JSON.stringify(seen) ?? "").replace(/\s+/g, " ").slice(0, 300);

try {
  execFileSync("ip", ["address", "add", `${HOST6}/64`, "dev", "lo", "nodad"]);
  for (const one of [...network, ...services]) {
    if (only && !one.what.includes(only)) continue;
    const now = await attempt(one, mended);
    claims.that(`${one.what}: ${one.both ? "works" : "refused"}`, now.held && now.alive, now.alive ? now.seen : now.text.slice(-600));
    if (one.both) continue;
    console.log(`    with the series: ${short(now.seen)}`);
    const before = await attempt(one, unmended);
    claims.that(`${one.what}: the trigger works where it is not mended`, !before.held || !before.alive, before.seen);
    console.log(`    without the series: ${before.alive ? short(before.seen) : "the server died"}`);
  }
} catch (error) {
  claims.failed++;
  console.log(error.stack);
} finally {
  removeFolder();
}
console.log(`${claims.passed} passed, ${claims.failed} failed`);
process.exit(claims.failed ? 1 : 0);
