// What an honest party does, by a client that nobody wrote by hand.
import crypto from "node:crypto";
import { once } from "node:events";
import { fetchDescription, makeClient } from "../../api/client.mjs";
import { ethers } from "../../testbed/chain.mjs";

const passKey = () => crypto.randomBytes(32).toString("base64url");

async function relay(scene, claims) {
  const proposal = await scene.startRelay();
  const party = await scene.party("relay", proposal.pendingId, { wallet: proposal.wallet, keyFile: proposal.keyFile });
  const me = await party.client.getMe();
  claims.that("a relay enrols through the generated client", me.status === 200 && me.data.purpose === "enrol relay", me.data);
  const before = await party.client.getRelay(proposal.pendingId);
  claims.that("its proposal is pending", before.data.state === "pending", before.data);
  const body = { pending_id: proposal.pendingId, owner: proposal.owner, salt: proposal.salt };
  const asked = await party.client.registerRelay(null, body, { headers: { "Idempotency-Key": "relay-1" } });
  claims.that("its registration is accepted", asked.status === 202, asked.data);
  const done = await scene.operation(party, asked.data.operation);
  claims.that("it is tested and approved", done.state === "done", done);
  const now = await party.client.getRelay("1");
  claims.that("the chain lists it", now.data.state === "approved" && now.data.live === true && now.data.index === 1, now.data);
  claims.that("each answer to the relay fits the file", party.faults.length === 0, party.faults);
  return party;
}

async function device(scene, claims) {
  const token = await scene.token("--id", "sensor-1");
  const party = await scene.party("device", "sensor-1");
  const none = await party.client.getDevice();
  claims.that("a device that enrolled has no record yet", none.data.state === "none", none.data);
  const pass = await party.client.issuePass(null, { pass_key: passKey(), token });
  claims.that("it gets a pass", pass.status === 201 && pass.data.pass.length === 234, pass.data);
  const body = { token, ...(await scene.registration(party)) };
  const asked = await party.client.registerDevice(null, body, { headers: { "Idempotency-Key": "device-1" } });
  claims.that("its registration is accepted", asked.status === 202, asked.data);
  const done = await scene.operation(party, asked.data.operation);
  claims.that("it is put on the chain", done.state === "done" && done.block > 0, done);
  const record = await party.client.getDevice();
  claims.that("its record is live", record.data.live === true && record.data.relay === 1 && record.data.sequence === 1, record.data);
  const onChain = await scene.contract.getClient(ethers.id("sensor-1")).catch(() => undefined);
  claims.that("the contract itself says so", JSON.stringify(onChain, (_, v) => (typeof v === "bigint" ? String(v) : v)).toLowerCase()
    .includes(party.wallet.address.toLowerCase()), onChain);
  const renewal = await party.client.issuePass(null, { pass_key: passKey() });
  claims.that("a registered device needs no token for a pass", renewal.status === 201, renewal.data);
  claims.that("each answer to the device fits the file", party.faults.length === 0, party.faults);
  return { party, body, operation: asked.data.operation, token };
}

export async function registers(scene, claims) {
  scene.relayParty = await relay(scene, claims);
  scene.device = await device(scene, claims);
}

// What was granted once is granted again, and not done again, also by another server process.
export async function repeats(scene, claims) {
  const { party, body, operation } = scene.device;
  const key = { headers: { "Idempotency-Key": "device-1" } };
  const again = await party.client.registerDevice(null, body, key);
  claims.that("a repeated request gets the first answer",
    again.status === 202 && again.data.operation === operation && again.headers["idempotency-replayed"] === "true", again.data);
  const other = await party.client.registerDevice(null, { ...body, signature: `0x${"11".repeat(65)}` }, key);
  claims.that("with another body it is a conflict", other.status === 409 && other.data.type.endsWith(":idempotency-conflict"), other.data);
  const anew = await party.client.registerDevice(null, body);
  claims.that("without its key it would be another request", anew.status === 409 && anew.data.type.endsWith(":identity"), anew.data);
  scene.wm.child.kill("SIGKILL");
  await scene.wm.ended;
  await scene.startWm();
  const back = await scene.party("device", "sensor-1", { wallet: { wallet: party.wallet, file: party.walletFile }, keyFile: party.keyFile });
  const kept = await back.client.registerDevice(null, body, key);
  claims.that("the answer outlives a killed server", kept.status === 202 && kept.data.operation === operation, kept.data);
  claims.that("each answer fits the file", back.faults.length === 0, back.faults);
  scene.device.party = back;
}

// What an operator's client, made from the other file, finds on the listener that only reads.
export async function operates(scene, claims) {
  const url = "http://127.0.0.1:9180";
  const { doc } = await fetchDescription(url);
  const { client, description, faults, close } = await makeClient(doc, url);
  claims.that("an operator sees the device", (await client.listDevices()).data.devices.some((d) => d.identity === "sensor-1" && d.sequence === 1));
  const relays = (await client.listRelays({ limit: 1 })).data;
  claims.that("and the relay with what its test found", relays.relays[0]?.verdict === "passed" && relays.relays[0].index === 1, relays);
  const beyond = (await client.listRelays({ limit: 1, cursor: relays.next })).data;
  claims.that("behind the last row is an end", beyond.relays.length === 0 && beyond.next === undefined, beyond);
  let ready = await client.getReadiness();
  for (const until = performance.now() + 60000; ready.status !== 200 && performance.now() < until;) { // until it has looked at the chain
    await new Promise((resolve) => setTimeout(resolve, 200));
    ready = await client.getReadiness();
  }
  claims.that("the server is ready", ready.status === 200 && /^ok +rpc/m.test(ready.data), [ready.status, ready.data]);
  const metrics = (await client.getMetrics()).data;
  claims.that("its metrics have the relay's test", /^chainturn_wm_probes_total\{result="passed"\} [1-9]/m.test(metrics), metrics);
  await client.getHealth();
  const { tokens } = (await client.listTokens({ limit: 10 })).data;
  claims.that("its lists have the token that was used", tokens.some((t) => t.identity === "sensor-1"), tokens);
  const { transactions } = (await client.listTransactions({ limit: 10 })).data;
  claims.that("and the transactions", transactions.length >= 2 && transactions.every((t) => t.state === "confirmed"), transactions);
  const { status, data } = await client.getStatus();
  claims.that("its status is what the page shows", status === 200 && data.devices.items.some((d) => d.identity === "sensor-1"), data);
  claims.that("and the page is there", /<table/.test((await client.getPage()).data));
  const events = await client.followEvents(null, null, { responseType: "stream" });
  const [first] = await once(events.data, "data");
  claims.that("its events come as they happen", /^(retry|id|event|data|:)/.test(String(first)), String(first));
  events.data.destroy();
  const wrong = await client.listDevices({ limit: 1, cursor: "***" });
  claims.that("a cursor of one's own is refused", wrong.status === 400, wrong.data);
  claims.that("each answer to the operator fits the file", faults.length === 0, faults);
  for (const [name, { get }] of Object.entries(description.doc.paths)) {
    if (name === "/openapi.json") continue; // fetched before there was a client
    claims.that(`GET ${name} was seen to succeed`, get && description.seen.has(`get ${name} 200`), [...description.seen]);
  }
  close();
}
