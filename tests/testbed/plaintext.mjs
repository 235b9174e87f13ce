// Searches a capture for secrets: their bytes, and what they look like in hex and in base64.
import fs from "node:fs";

// The characters of base64 that depend on the needle alone, for each of its three alignments.
function base64Forms(bytes) {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64").replace(/=+$/, "");
    const first = Math.ceil((shift * 8) / 6);
    const last = Math.floor(((shift + bytes.length) * 8) / 6);
    return text.slice(first, last);
  });
}

function forms(bytes) {
  const base64 = base64Forms(bytes);
  const hex = bytes.toString("hex");
  const texts = [hex, hex.toUpperCase(), ...base64, ...base64.map((t) => t.replaceAll("+", "-").replaceAll("/", "_"))];
  return [bytes, ...texts.map((t) => Buffer.from(t))];
}

// secrets: [{name, bytes}]; answers the names of those that occur in any of the files.
export function findSecrets(files, secrets) {
  const captures = files.map((f) => fs.readFileSync(f));
  return secrets
    .filter(({ bytes }) => {
      if (bytes.length < 12) throw new Error("a secret this short is found by chance");
      return forms(bytes).some((form) => captures.some((capture) => capture.includes(form)));
    })
    .map(({ name }) => name);
}
