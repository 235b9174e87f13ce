// Runs the unit tests of the API, which write down each exchange, and holds every one against openapi.json.
//   node check-answers.mjs OPENAPI TEST..
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Description } from "./answers.mjs";

const [file, ...programs] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ct-answers-"));
const log = path.join(folder, "answers");
let passed = 0;
let failed = 0;

function claim(text, holds, seen = "") {
  holds ? passed++ : failed++;
  console.log(`${holds ? "ok  " : "FAIL"} ${text}${holds ? "" : `: ${seen}`}`);
}

for (const program of programs) {
  const run = spawnSync(program, { env: { ...process.env, CT_API_ANSWERS: log }, encoding: "utf8" });
  claim(`${path.basename(program)} passes`, run.status === 0, (run.stdout ?? "").slice(-500));
}

const description = Description.read(file);
const lines = fs.readFileSync(log, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
let unfit = 0;
for (const line of lines) {
  const faults = description.faults(line);
  if (faults.length && unfit++ < 10) console.log(`    ${line.method} ${line.path} ${line.status}: ${faults.join("; ")}\n    ${JSON.stringify(line.body)}`);
}
claim(`each of ${lines.length} answers fits the file`, lines.length > 50 && unfit === 0, `${unfit} do not`);

// A request that was granted is one that the file allows.
let refused = 0;
for (const line of lines.filter((l) => l.method === "POST" && l.status < 300)) {
  const faults = description.requestFaults({ ...line, body: JSON.parse(line.request) });
  if (faults.length && refused++ < 10) console.log(`    ${line.path} ${line.request}: ${faults.join("; ")}`);
}
claim("each request that was granted fits the file", refused === 0, `${refused} do not`);

// Every operation of the TLS listener was seen to succeed and to fail.
for (const [name, item] of Object.entries(description.doc.paths)) {
  for (const [method, operation] of Object.entries(item)) {
    if (!operation.responses || operation.tags.includes("plain")) continue;
    for (const key of Object.keys(operation.responses).filter((k) => k !== "5XX")) {
      const exchange = `${method.toUpperCase()} ${name} ${key}`;
      if (method === "get" && key === "4XX" && name.endsWith("/me")) continue; // nothing to refuse but the session
      claim(`seen: ${exchange}`, description.seen.has(exchange), "no test has it");
    }
  }
}

// The validator must see what it is there for.
const planted = { method: "GET", path: "/v1/me", status: 200, type: "application/json" };
claim("control: a missing member is noticed", description.faults({ ...planted, body: { identity: "a", purpose: "enrol device" } }).length > 0);
claim("control: an unknown member is noticed",
  description.faults({ ...planted, body: { identity: "a", purpose: "enrol device", wallet: `0x${"0".repeat(40)}`, more: 1 } }).length > 0);
claim("control: an unknown status is noticed", description.faults({ ...planted, status: 204, body: {} }).length > 0);
claim("control: an unknown problem is noticed", description.faults({ ...planted, status: 403, type: "application/problem+json",
  body: { type: "urn:chainturn:error:whatever", title: "x", status: 403, detail: "x" } }).length > 0);

fs.rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
