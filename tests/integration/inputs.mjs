// Bad inputs made from good ones, and what must not change when they are refused.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

let made = 0;

// A provisioning bundle with some members changed; answers the file.
export function bundleWith(platform, change) {
  const file = path.join(platform.network.work, `bundle-${++made}.json`);
  fs.writeFileSync(file, JSON.stringify({ ...platform.bundle, ...change }, null, 2));
  return file;
}

export const NOWHERE = "0x00000000000000000000000000000000000c0de0";
// Nothing listens there: refused at once.
export const DEAF = ["http://198.51.100.30:9", "http://198.51.100.31:9", "http://198.51.100.32:9"];

// Names and contents of all files below a folder (none when it is not there); `but` is left out.
export function folderState(folder, but = /^$/) {
  if (!fs.existsSync(folder)) return "nothing";
  const names = fs.readdirSync(folder, { recursive: true }).map(String).sort();
  const files = names.filter((name) => !but.test(name) && fs.statSync(path.join(folder, name)).isFile());
  const hash = (name) => crypto.createHash("sha256").update(fs.readFileSync(path.join(folder, name))).digest("hex");
  return files.map((name) => `${name} ${hash(name)}`).join("\n");
}
