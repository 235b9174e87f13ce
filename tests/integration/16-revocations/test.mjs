// Tokens, batches, identities and relays that are revoked: the contract says so, and relays act on it.
// needs: turnserver wm-server wm-admin chainturn-cli
import fs from "node:fs";
import path from "node:path";
import { Device } from "../../testbed/platform.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  for (const n of [1, 2]) platform.startRelay(await platform.prepareRelay(n));
  await platform.waitApproved(2);
}

const admin = (platform, name, ...words) => platform.wmRun(name, [platform.program("wm-admin"), ...words.slice(0, 2), "--config", platform.config, ...words.slice(2)], { codes: CODES });
const dials = async (phone, name, json = true) => phone.run(["dial", name, "--datagrams", "1"], { codes: CODES, json });
const got = (call) => call.code === 0 && last(call, "datagrams")?.intact === 1;

// A listener whose record and passes are revoked loses its allocation, too.
async function revoked({ chain, platform }, claims, what, identity, batch, words) {
  const device = new Device(platform, "b", identity, identity);
  const token = await platform.issueToken(identity, { batch });
  await device.up(token);
  await device.listen("--refresh", "2");
  const said = await admin(platform, `revoke-${identity}`, ...words(token));
  claims.that(`${what}: wm-admin has it done`, said.code === 0 && said.text().includes(`revoked ${identity}`), said.text());
  claims.that(`${what}: the contract says so`, (await chain.device(identity)).state === "revoked");
  const down = await device.listener.wait((p) => p.events().find((e) => e.event === "down" || e.event === "error"), "losing its relay").catch(() => undefined);
  claims.that(`${what}: the relay ends what its pass made`, down !== undefined, device.listener.text().slice(-400));
  await device.listener.end();
  const again = await device.run(device.upCommand(token), { codes: CODES, json: false });
  claims.that(`${what}: its token admits nobody`, again.code !== 0, again.text());
}

test(async (stage, claims) => {
  const { chain, platform } = stage;
  await bringUp(stage);
  const phone = platform.device("a", "phone-1");
  await phone.up(await platform.issueToken("phone-1"));
  await Promise.all([
    revoked(stage, claims, "a token revoked", "one-1", "T1", (token) => ["token", "revoke", "--with-devices", token]),
    revoked(stage, claims, "a batch revoked", "two-1", "T2", () => ["token", "revoke", "--with-devices", "--batch", "T2"]),
    revoked(stage, claims, "an identity revoked", "three-1", "T3", () => ["device", "revoke", "three-1"]),
  ]);

  const device = new Device(platform, "b", "four-1", "four-1");
  await device.up(await platform.issueToken("four-1"));
  await device.listen();
  const { relay } = last(device.listener, "listening");
  claims.that("before its relay is revoked a device is called", got(await dials(phone, "four-1")));
  const said = await admin(platform, "revoke-relay", "relay", "revoke", String(relay));
  claims.that("a relay revoked: the contract says so", said.code === 0 && (await chain.relay(relay)).state === "revoked", said.text());
  const relays = await phone.run(["relays"]);
  claims.that("a relay revoked: devices see it", relays.events().some((e) => e.event === "relay" && e.index === relay && e.state === "revoked"), relays.text());
  fs.rmSync(path.join(phone.home, "cache"), { recursive: true });
  fs.mkdirSync(path.join(phone.home, "cache"), { mode: 0o700 });
  claims.refuses("a relay revoked: nobody is called through it", await dials(phone, "four-1", false), 5, /its relay is not approved/);
  const other = (await platform.relayAt(3 - relay)).program;
  const knows = await other.waitText(/relays=1\b/, "the other relay to know it").then(() => true, () => false);
  claims.that("a relay revoked: the other relay lets nobody of it in", knows, other.text().split("\n").slice(-5).join("\n"));
  await device.listener.end();
});
