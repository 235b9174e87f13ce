// Streams between two devices of the test network: files that go through a call.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

let made = 0;

const sha256 = (file) => crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex");

export function randomFile(device, bytes) {
  const file = path.join(device.platform.network.work, `stream-${++made}.in`);
  fs.writeFileSync(file, crypto.randomBytes(bytes));
  return file;
}

// A command of a device with a file as standard input and another as standard output.
export function onFiles(device, command, input) {
  const output = `${input}.${device.side}.out`;
  const redirect = 'in=$1 out=$2; shift 2; exec "$@" <"$in" >"$out"';
  return { output, argv: ["sh", "-c", redirect, "sh", input, output, ...device.argv(command, { json: false })] };
}

export async function runOnFiles(device, command, input, options = {}) {
  const { argv, output } = onFiles(device, command, input);
  const began = performance.now();
  const program = await device.platform.programs.run(device.name(command), argv, { netns: device.netns, ...options });
  return { program, output, ms: performance.now() - began };
}

// A file of random bytes there and back, through a listener that echoes: what arrived there, by its
// own count, and whether what came back is the same. The time is that of the command, call included.
export async function streamThere(caller, callee, bytes) {
  const input = randomFile(caller, bytes);
  const from = callee.listener.lines.length;
  const { output, ms } = await runOnFiles(caller, ["dial", callee.identity, "--stream"], input);
  const there = await callee.listener.waitEvent("stream", { from });
  return {
    bytes: there.received,
    intact: there.received === bytes && sha256(input) === sha256(output),
    mark: fs.readFileSync(input).subarray(0, 32), // what must be seen nowhere else
    mbit_s: (bytes * 8) / 1000 / ms,
    ms,
  };
}

// From the caller's dial_start to the first byte of a stream at the callee's application, as dialOnce().
export async function streamFirstByte(caller, callee) {
  const from = callee.listener.lines.length;
  const program = await caller.run(["dial", callee.identity, "--stream"], { input: "x" });
  const start = program.events().find((e) => e.event === "dial_start");
  const first = await callee.listener.waitEvent("first_byte", { from });
  return Number(BigInt(Math.round(first.mono_ns)) - BigInt(Math.round(start.mono_ns))) / 1e6;
}

export { sha256 };
