// Bytes to a listener as they are, and what it makes of them.
import net from "node:net";
import tls from "node:tls";
import { pskOptions } from "../../api/client.mjs";

const PORTS = { plain: 8080, tls: 8443 };

export function connect({ psk, port = psk ? PORTS.tls : PORTS.plain, from = "127.0.0.1", ...more } = {}) {
  const to = { host: "127.0.0.1", port, localAddress: from };
  const socket = psk ? tls.connect({ ...to, ...pskOptions(psk), ...more }) : net.connect(to);
  socket.on("error", () => {}); // to be refused is what they are here for
  return socket;
}

// Sends the parts, reads to the end of the first answer or of the connection: { status, type, word, body } or { closed: true }.
export function talk(parts, where = {}, timeout_ms = 60000) {
  return new Promise((resolve, reject) => {
    const socket = connect(where);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer and no end within ${timeout_ms} ms`));
    }, timeout_ms);
    let got = Buffer.alloc(0);
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(parse(got.toString("latin1")));
    };
    socket.on("data", (part) => {
      got = Buffer.concat([got, part]);
      const text = got.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      const length = head < 0 ? undefined : text.slice(0, head).match(/^content-length: *(\d+)/im)?.[1];
      if (length !== undefined && got.length >= head + 4 + Number(length)) end();
    });
    socket.on("close", end);
    socket.on(where.psk ? "secureConnect" : "connect", async () => {
      for (const part of [parts].flat()) {
        if (socket.destroyed) break;
        if (typeof part === "number") await new Promise((r) => setTimeout(r, part));
        else if (part === null) socket.end();
        else socket.write(part);
      }
    });
  });
}

function parse(text) {
  const head = text.match(/^HTTP\/1\.[01] (\d{3})[^\r\n]*\r\n([\s\S]*?)\r\n\r\n([\s\S]*)$/);
  if (!head) return { closed: true, text };
  const type = head[2].match(/^content-type: *([^;\r\n]*)/im)?.[1] ?? "";
  let word;
  try {
    word = JSON.parse(head[3]).type?.replace("urn:chainturn:error:", "");
  } catch {
    word = undefined; // the HTTP library's own page
  }
  return { status: Number(head[1]), type, word, body: head[3] };
}

export const postBytes = (path, body) =>
  Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\nHost: wm\r\nContent-Length: ${body.length}\r\n\r\n`), body]);
export const post = (path, body, more = "") =>
  `POST ${path} HTTP/1.1\r\nHost: wm\r\nContent-Type: application/json\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
export const get = (path, more = "") => `GET ${path} HTTP/1.1\r\nHost: wm\r\n${more}\r\n`;
