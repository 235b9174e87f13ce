// Triggers that a client of the server can pull: addresses, attributes, streams, ports, mobility.
import fs from "node:fs";
import { alive, HOST4, HOST6, login, PORT } from "./servers.mjs";
import { attr, Client, header, longTermKey, METHOD } from "./stun.mjs";

const DENIED = ["denied-peer-ip=10.8.0.0-10.8.255.255", "denied-peer-ip=fd00::1:80-fd00::2:10"];
const soon = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function allocated(host, options = {}, attributes = [attr.transport()]) {
  const client = await new Client(host, PORT, { login: login("alice"), ...options }).open();
  const answer = await client.ask(METHOD.allocate, attributes);
  if (answer.code !== 0) throw new Error(`no allocation: ${answer.code}`);
  return client;
}

// Which of these peers the server would relay to, by each of the requests that name one.
async function reached(peers) {
  const client = await allocated(HOST6, {}, [attr.transport(), attr.family(6)]);
  const stream = await allocated(HOST6, { tcp: true }, [attr.transport(6), attr.family(6)]);
  const open = [];
  let channel = 0x4000;
  for (const peer of peers) {
    if ((await client.ask(METHOD.permission, [attr.peer(peer)])).code !== 403) open.push(`permission ${peer}`);
    if ((await client.ask(METHOD.channel, [attr.channel(channel++), attr.peer(peer)])).code !== 403) open.push(`channel ${peer}`);
    if ((await stream.ask(METHOD.connect, [attr.peer(peer)])).code !== 403) open.push(`connect ${peer}`);
  }
  client.close();
  stream.close();
  return open;
}

const BAD_PEERS = [
  "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::127.0.0.1",
  "2002:7f00:1::1", "2001:0:102:304::80ff:fffe", "::ffff:10.8.0.9", "64:ff9b::10.8.0.9", "2002:a08:9::1", "fd00::1:ff",
];
const GOOD_PEERS = ["2001:db8::2", "64:ff9b::198.51.100.1", "2002:c633:6401::1", "fd00::1:7f", "fd00::2:11"];

// TCP: a header that announces 65532 more bytes, with a request of its own in what belongs to it.
async function hiddenRequest() {
  const client = await new Client(HOST4, PORT, { tcp: true }).open();
  const hidden = header(METHOD.binding, 0);
  let seen = null;
  client.waiting.set(hidden.toString("hex", 8, 20), (answer) => (seen = answer));
  client.write(Buffer.concat([header(METHOD.binding, 65532).subarray(0, 16), hidden]));
  const other = await new Client(HOST4, PORT, { tcp: true }).open();
  const known = await other.exchange(header(METHOD.binding, 0));
  await soon(300);
  client.close();
  other.close();
  return { ordinary: known.code, hidden: seen };
}

// Takes ports until there are none, gives them back, and again; how many there were each time.
async function evenPorts(reserve, rounds, all) {
  const given = [];
  for (let round = 0; round < rounds; round++) {
    const clients = [];
    // the server keeps a port for one more second after it was given back, or longer on a busy machine
    for (const until = Date.now() + 30000; clients.length <= 2 * all && Date.now() < until; ) {
      const client = await new Client(HOST4, PORT, { login: login("alice") }).open();
      const { code } = await client.ask(METHOD.allocate, [attr.transport(), attr.evenPort(reserve)]);
      if (code === 0) clients.push(client);
      else client.close();
      if (code !== 0 && clients.length >= all) break;
      if (code !== 0) await soon(300);
    }
    given.push(clients.length);
    for (const client of clients) {
      await client.ask(METHOD.refresh, [attr.lifetime(0)]);
      client.close();
    }
  }
  return given;
}

// Leaves a mobile allocation behind on a closed connection; the answer to it.
async function abandoned() {
  const client = await new Client(HOST4, PORT, { tcp: true, login: login("alice") }).open();
  const answer = await client.ask(METHOD.allocate, [attr.transport(), attr.ticket()]);
  client.close();
  return answer;
}

async function stolenTicket(thief) {
  const owner = await new Client(HOST4, PORT, { login: login("alice") }).open();
  const { ticket } = await owner.ask(METHOD.allocate, [attr.transport(), attr.ticket()]);
  const other = await new Client(HOST4, PORT, { login: login(thief) }).open();
  await other.ask(METHOD.permission, [attr.peer("198.51.100.1")]); // its own password is known now
  const answer = await other.ask(METHOD.refresh, [attr.ticket(ticket), attr.lifetime(600)]);
  const mine = await owner.ask(METHOD.permission, [attr.peer("198.51.100.1")]);
  owner.close();
  other.close();
  return { answer: answer.code, owner: mine.code };
}

// Refreshes with made-up tickets of the other relay thread, unauthenticated: sockets that they cost the server.
async function forgedTickets(server, count) {
  const sockets = () => fs.readdirSync(`/proc/${server.child.pid}/fd`).length;
  const before = sockets();
  for (let i = 0; i < count; i++) {
    const client = await new Client(HOST4, PORT).open();
    for (const thread of [0, 1]) {
      const ticket = Buffer.from([1 + i, 2, 3, 4, 5, 6, 7, thread]).toString("base64");
      await client.exchange(client.message(METHOD.refresh, [attr.ticket(ticket)]), 1, 100);
    }
    client.close();
  }
  return sockets() - before;
}

// What the server's memory grows by when so many addresses send one request each: KB.
async function memoryOfStrangers(server, count) {
  const resident_kb = () => Number(fs.readFileSync(`/proc/${server.child.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]);
  const one = async () => {
    const client = await new Client(HOST4, PORT).open();
    const answer = await client.exchange(client.message(METHOD.allocate, [attr.transport()]));
    client.close();
    return answer.code === 401;
  };
  const many = async (n) => {
    let answered = 0;
    for (let i = 0; i < n; i += 100) answered += (await Promise.all(Array.from({ length: 100 }, one))).filter(Boolean).length;
    return answered;
  };
  await many(200); // what it allocates once
  const before = resident_kb();
  const answered = await many(count);
  return { answered, grown_kb: resident_kb() - before };
}

// The nonce of one address is nothing worth at another.
async function strangersNonce() {
  const one = await new Client(HOST4, PORT).open();
  const { realm, nonce } = await one.exchange(one.message(METHOD.allocate, [attr.transport()]));
  const other = await new Client(HOST4, PORT, { login: login("alice") }).open();
  await other.exchange(other.message(METHOD.allocate, [attr.transport()]));
  Object.assign(other, { realm, nonce, key: longTermKey(login("alice"), realm) });
  const refused = await other.exchange(other.message(METHOD.allocate, [attr.transport()]));
  const own = await other.ask(METHOD.allocate, [attr.transport()]);
  one.close();
  other.close();
  return { refused: refused.code, own: own.code };
}

export const cases = [
  {
    what: "peers that are loopback or denied in another form (CVE-2026-27624, -53450, -73212, -73213)",
    lines: DENIED,
    async holds() {
      const open = await reached(BAD_PEERS);
      return { held: open.length === 0, seen: open };
    },
  },
  {
    what: "peers that are neither in any form are relayed to",
    lines: [...DENIED, "no-tcp-relay"],
    both: true,
    async holds() {
      const client = await allocated(HOST6, {}, [attr.transport(), attr.family(6)]);
      const codes = [];
      for (const peer of GOOD_PEERS) codes.push((await client.ask(METHOD.permission, [attr.peer(peer)])).code);
      client.close();
      return { held: codes.every((code) => code === 0), seen: codes };
    },
  },
  {
    what: "attributes after MESSAGE-INTEGRITY",
    lines: DENIED,
    async holds() {
      const client = await allocated(HOST4);
      const permission = await client.ask(METHOD.permission, [attr.peer("198.51.100.1")], { after: [attr.peer("10.8.0.9")] });
      const refresh = await client.ask(METHOD.refresh, [], { after: [attr.lifetime(0)] });
      client.close();
      return { held: permission.code === 0 && refresh.lifetime_s > 0, seen: { permission, refresh } };
    },
  },
  {
    what: "a length on a stream that wraps round (CVE-2026-68552)",
    lines: [],
    async holds() {
      const seen = await hiddenRequest();
      return { held: seen.ordinary === 0 && seen.hidden === null, seen };
    },
  },
  {
    what: "EVEN-PORT without a reservation eats no ports (CVE-2026-73215)",
    lines: ["min-port=50000", "max-port=50019"],
    both: true,
    async holds() {
      const given = await evenPorts(false, 3, 10);
      return { held: given.every((count) => count === 10), seen: given };
    },
  },
  {
    what: "a mobile client that is gone still counts in its quota (CVE-2026-73216)",
    lines: ["mobility", "user-quota=1"],
    async holds() {
      const answers = [await abandoned(), await abandoned(), await abandoned()].map((answer) => answer.code);
      return { held: answers[0] === 0 && answers[1] === 486 && answers[2] === 486, seen: answers };
    },
  },
  {
    what: "another user's mobility ticket (CVE-2026-65981)",
    lines: ["mobility"],
    async holds() {
      const seen = await stolenTicket("mallory");
      return { held: seen.answer === 441 && seen.owner === 0, seen };
    },
  },
  {
    what: "a mobile client takes its own allocation along",
    lines: ["mobility"],
    both: true,
    async holds() {
      const seen = await stolenTicket("alice");
      return { held: seen.answer === 0, seen };
    },
  },
  {
    what: "a mobile client takes its allocation along over TCP, to whichever thread",
    lines: ["mobility", "relay-threads=2"],
    both: true,
    async holds() {
      const codes = [];
      for (let i = 0; i < 6; i++) {
        const { ticket } = await abandoned();
        const client = await new Client(HOST4, PORT, { tcp: true, login: login("alice") }).open();
        codes.push((await client.ask(METHOD.refresh, [attr.ticket(ticket), attr.lifetime(600)])).code);
        client.close();
      }
      return { held: codes.every((code) => code === 0), seen: codes };
    },
  },
  {
    what: "forged tickets cost no sockets",
    lines: ["mobility", "relay-threads=2"],
    async holds(server) {
      const cost = await forgedTickets(server, 40);
      return { held: cost < 10 && alive(server), seen: `${cost} sockets` };
    },
  },
  {
    what: "a session for each address that a datagram names",
    lines: [],
    async holds(server) {
      const seen = await memoryOfStrangers(server, 2000);
      return { held: seen.answered === 2000 && seen.grown_kb < 2000, seen };
    },
  },
  {
    what: "a nonce is good for the address it was given to",
    lines: ["stale-nonce=600"],
    both: true,
    async holds() {
      const seen = await strangersNonce();
      return { held: seen.refused === 438 && seen.own === 0, seen };
    },
  },
];
