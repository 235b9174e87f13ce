// What a good client notices of 400 stalled TLS clients, dripped bodies and the hostile list at once.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { connect, talk } from "./raw.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const [COUNT, PACE_MS] = [200, 6];
const ROUNDS = 10; // whoever is held up by a stalled one is so in each of them; whoever shares this machine is not
// What none is held up for whom the machine's other work delays: the server's limit for slow peers is 10 s.
const FLOOR_MS = 60;

async function good(scene, name) {
  const party = await scene.party("device", name);
  party.close();
  const program = await scene.programs.run(name, [process.execPath, path.join(HERE, "good.mjs"), String(COUNT), String(PACE_MS)],
    { input: JSON.stringify({ sid: party.psk.sid, psk: party.psk.psk }) });
  return JSON.parse(program.lines.at(-1));
}

// Dials again whenever it is sent away, until the end.
class Stalled {
  constructor(dial) {
    this.dial = dial;
    this.away = 0;
    this.go();
  }

  go() {
    this.socket = this.dial();
    this.socket.on("close", () => {
      this.away++;
      if (!this.ended) this.timer = setTimeout(() => this.go(), 100);
    });
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket.destroy();
  }
}

function stall(from) {
  const socket = connect({ port: 8443, from });
  socket.on("connect", () => socket.write("\x16")); // the first byte of a TLS record, and then nothing
  return socket;
}

function drip(from) {
  const socket = connect({ from });
  let timer;
  socket.on("connect", () => {
    socket.write("POST /v1/handshake HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n");
    timer = setInterval(() => socket.writable && socket.write("x"), 200);
  });
  socket.on("close", () => clearInterval(timer));
  return socket;
}

// All of it from here on; stand() when it is under way, end() when nobody is left.
class Siege {
  constructor(list) {
    this.asked = 0;
    this.stalled = [];
    for (let i = 0; i < 200; i++) {
      this.stalled.push(new Stalled(() => stall(`127.0.1.${1 + (i % 20)}`))); // twenty addresses
      this.stalled.push(new Stalled(() => stall("127.0.2.1"))); // one address
    }
    for (let i = 0; i < 40; i++) this.stalled.push(new Stalled(() => drip(`127.0.3.${1 + (i % 4)}`)));
    const one = async () => {
      for (let i = this.asked; !this.ended; i++) {
        const [, parts, , { end, ...where } = {}] = list[i % list.length];
        await talk(end ? [parts, null].flat() : parts, where, 500).catch(() => {}); // some wait for the time limit
        this.asked++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    this.requests = Promise.all([one(), one(), one()]);
  }

  get sentAway() {
    return this.stalled.filter((s) => s.away > 0).length;
  }

  async stand() {
    for (const until = performance.now() + 60000; performance.now() < until; await new Promise((resolve) => setTimeout(resolve, 20))) {
      if (this.asked >= 50 && this.sentAway > 20) return true;
    }
    return false;
  }

  async end() {
    this.ended = true;
    await this.requests;
    for (const s of this.stalled) s.end();
  }
}

// One measurement: the same client before and during the siege, and a newcomer.
async function measure(scene, list, round) {
  const quiet = await good(scene, `good-${round}-1`);
  const siege = new Siege(list);
  const stands = await siege.stand();
  const began = performance.now();
  const newcomer = await scene.party("device", `newcomer-${round}`);
  const me = await newcomer.client.getMe();
  const enrolled_ms = Math.round(performance.now() - began);
  newcomer.close();
  const besieged = await good(scene, `good-${round}-2`);
  await siege.end();
  const { asked, sentAway, stalled } = siege;
  console.log(`quiet ${JSON.stringify(quiet)}\nbesieged ${JSON.stringify(besieged)}, newcomer ${enrolled_ms} ms; ` +
    `${stalled.length} stalled, ${sentAway} sent away, ${asked} hostile requests`);
  return { quiet, besieged, stands, enrolled: me.status === 200, enrolled_ms };
}

export async function siege(scene, claims, list) {
  const rounds = [];
  const bound = (m) => Math.max(2 * m.quiet.p99_ms, FLOOR_MS);
  const isCalm = (m) => m.besieged.p99_ms <= bound(m);
  const isQuick = (m) => m.enrolled_ms < 3000;
  while (rounds.length < ROUNDS && !(rounds.some(isCalm) && rounds.some(isQuick))) {
    rounds.push(await measure(scene, list, rounds.length + 1));
  }
  claims.that("a good client is answered each time", rounds.every((m) => m.quiet.failed === 0 && m.besieged.failed === 0), rounds);
  claims.that("its p99 stays within twice the quiet one", rounds.some(isCalm), rounds.map((m) => `${m.besieged.p99_ms} ms, bound ${bound(m)} ms`));
  claims.that("a new device enrols under siege", rounds.every((m) => m.enrolled) && rounds.some(isQuick), rounds);
  claims.that("the siege was one", rounds.every((m) => m.stands), rounds);
}
