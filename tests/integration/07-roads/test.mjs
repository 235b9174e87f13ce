// Both roads of a record: written by the wallet manager or by the device's own wallet, killed in the middle, changed, ended.
// needs: turnserver wm-server wm-admin chainturn-cli ct-keeper
import fs from "node:fs";
import path from "node:path";
import { Device } from "../../testbed/platform.mjs";
import { eventually } from "../../testbed/processes.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];
const GAS_ADD_MAX = 82000;
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);
const steps = (program) => program.events().filter((e) => e.event === "step");
const stepOf = (program, name) => steps(program).find((e) => e.name === name);
const names = (program) => steps(program).map((e) => e.name).join(" ");

async function bringUp({ chain, platform }) {
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  for (const n of [1, 2]) platform.startRelay(await platform.prepareRelay(n, ["verbose"])); // tells of allocations
  await platform.waitApproved(2);
}

const sentBy = async (chain, device) => Number(await chain.rpc("eth_getTransactionCount", [device.wallet(), "latest"]));
const balanceOf = async (chain, device) => BigInt(await chain.rpc("eth_getBalance", [device.wallet(), "latest"]));
const receiptOf = (chain, hash) => chain.rpc("eth_getTransactionReceipt", [hash]);

// How often ether was sent to this address by plain transfers.
async function paymentsTo(chain, address) {
  const head = Number(await chain.rpc("eth_blockNumber"));
  let count = 0;
  for (let n = 1; n <= head; n++) {
    const block = await chain.rpc("eth_getBlockByNumber", [`0x${n.toString(16)}`, true]);
    count += block.transactions.filter((t) => t.to?.toLowerCase() === address.toLowerCase() && BigInt(t.value) > 0n).length;
  }
  return count;
}

async function funded({ chain, platform }, claims) {
  const device = platform.device("b", "door-7");
  const up = await device.up(await platform.issueToken("door-7"), "--road", "funded");
  const [payment, add, approve] = ["funded", "add_client", "approve"].map((n) => stepOf(up, n));
  claims.that("the funded road: ether, addClient, its block, the approval", names(up) === "funded sent add_client approve", names(up));
  claims.that("in three blocks, one after the other", payment.block < add.block && add.block < approve.block, [payment, add, approve]);
  claims.that("every step tells its road", steps(up).every((e) => e.road === "funded"), steps(up));
  claims.that("the record is approved", (await chain.device("door-7")).state === "approved");
  const receipt = await receiptOf(chain, add.transaction);
  claims.that("addClient was sent by the device's own wallet", receipt.from.toLowerCase() === device.wallet().toLowerCase(), receipt.from);
  claims.that("the gas told is the receipt's", Number(receipt.gasUsed) === add.gas && Number((await receiptOf(chain, approve.transaction)).gasUsed) === approve.gas);
  claims.that(`addClient takes at most ${GAS_ADD_MAX} gas`, add.gas <= GAS_ADD_MAX, add.gas);
  claims.that("up sums them up", last(up, "up").gas === add.gas + approve.gas && last(up, "up").road === "funded", last(up, "up"));
  claims.that("the wallet has sent one transaction and was paid once", (await sentBy(chain, device)) === 1 && (await paymentsTo(chain, device.wallet())) === 1);
  claims.that("nothing is left to be sent", !fs.existsSync(path.join(device.home, "sent.json")));

  const again = await device.up();
  claims.that("up a second time writes nothing", steps(again).length === 0 && (await sentBy(chain, device)) === 1, again.text());
  claims.that("and knows its road", last(again, "up").road === "funded", again.text());
  return device;
}

async function sponsored({ chain, platform }, claims) {
  const device = platform.device("a", "phone-1");
  const up = await device.up(await platform.issueToken("phone-1"));
  const step = stepOf(up, "register");
  claims.that("the sponsored road: one step", names(up) === "register" && step.road === "sponsored", steps(up));
  const receipt = await receiptOf(chain, step.transaction);
  claims.that("of one block, with the gas of its receipt", Number(receipt.gasUsed) === step.gas && Number(receipt.blockNumber) === step.block, step);
  claims.that("the wallet has neither sent anything nor been paid", (await sentBy(chain, device)) === 0 && (await balanceOf(chain, device)) === 0n);
  const wrong = await device.run(["up", "--road", "toll"], { codes: CODES, json: false });
  claims.refuses("a road that is none", wrong, 2, /sponsored or funded/);
  return device;
}

// Comes up, is killed as soon as `when` resolves, and comes up again: the rest of the way, nothing twice.
async function killedAt({ chain, platform }, claims, point, when, { before = async () => {}, after = async () => {} } = {}) {
  const identity = `killed-${point.replaceAll(" ", "-")}`;
  const device = new Device(platform, "b", identity, identity);
  const token = await platform.issueToken(identity);
  await before();
  const first = device.start(device.upCommand(token, "--road", "funded"));
  await when(first, identity);
  first.child.kill("SIGKILL");
  await first.ended;
  await after(first);
  const second = await device.run(device.upCommand(token), { codes: CODES });
  claims.that(`killed ${point}, up goes on`, second.code === 0, second.text());
  const { state } = await chain.device(identity);
  const sent = await sentBy(chain, device);
  claims.that(`killed ${point}: approved, by one transaction`, state === "approved" && sent === 1, { state, sent, steps: [names(first), names(second)] });
  claims.that(`killed ${point}: paid once`, (await paymentsTo(chain, device.wallet())) === 1);
  return { first, second };
}

async function killed(stage, claims) {
  const { chain, platform } = stage;
  const step = (name) => (program) => program.wait((p) => stepOf(p, name), `the step ${name}`);
  await killedAt(stage, claims, "before its ether came", (_, id) =>
    platform.wm.waitText(new RegExp(`id=${id} method=POST path=/v1/vouchers status=201`), "the voucher"));
  await killedAt(stage, claims, "with ether", step("funded"));
  await killedAt(stage, claims, "after addClient", step("add_client"));

  // No block is made after that of the ether, so what was sent can be taken away as if it never had been.
  let dropped, was;
  const { first, second } = await killedAt(stage, claims, "before it was sent", async (program) => {
    await chain.step();
    await step("sent")(program);
  }, {
    before: () => chain.still(),
    after: async (program) => {
      was = await chain.rpc("eth_getTransactionByHash", [stepOf(program, "sent").transaction]);
      dropped = await chain.rpc("anvil_dropTransaction", [stepOf(program, "sent").transaction]);
      await chain.flow();
    },
  });
  claims.that("what was taken away was on its way", dropped === stepOf(first, "sent").transaction, dropped);
  const is = await chain.rpc("eth_getTransactionByHash", [stepOf(second, "add_client")?.transaction]);
  const same = ["from", "nonce", "to", "input"].every((field) => is?.[field] === was?.[field]); // its fee may be higher by now
  claims.that("it is the same call under the same nonce that was sent again", same && was.input.length > 2, { was, is });
}

// A listener that ends gives its address back, so the next one has another.
async function moved(device) {
  await device.listener?.end();
  await device.listen("--refresh", "2");
  return { step: stepOf(device.listener, "update"), place: last(device.listener, "listening") };
}

async function updates({ chain }, claims, door, phone) {
  const named = async (device) => Number((await chain.device(device.identity)).port);
  const port = (place) => Number(place.relayed.split(":").at(-1));
  await moved(door);
  await moved(phone);

  await chain.fund(door.wallet(), 1);
  const before = await sentBy(chain, door);
  const own = await moved(door);
  claims.that("a funded device with ether updates its record itself", own.step?.by_wallet === true && own.step.road === "funded", own.step);
  claims.that("by one transaction of its own", (await sentBy(chain, door)) === before + 1);
  claims.that("and the record names the new place", (await named(door)) === port(own.place));

  await chain.rpc("anvil_setBalance", [door.wallet(), "0x0"]);
  await chain.rpc("evm_mine"); // proofs hold for what is in a block
  const poor = await moved(door);
  claims.that("without ether it signs, and the wallet manager sends", poor.step?.by_wallet === false && (await sentBy(chain, door)) === before + 1, poor.step);
  claims.that("and the record follows", (await named(door)) === port(poor.place));

  const given = await moved(phone);
  claims.that("a sponsored device signs its update", given.step?.by_wallet === false && (await sentBy(chain, phone)) === 0, given.step);
  claims.that("whose record follows, too", (await named(phone)) === port(given.place));
  claims.that("an update costs less than a record", own.step.gas < 60000 && given.step.gas < 60000, [own.step.gas, given.step.gas]);
}

const keyFile = (device) => fs.readFileSync(path.join(device.home, "device.key"), "utf8");
const keyOf = async (chain, device) => (await chain.device(device.identity)).key;

async function rotations({ chain, platform }, claims, door, phone) {
  const refused = await door.run(["rotate"], { codes: CODES, json: false });
  claims.refuses("rotate beside a listener", refused, 2, /another chainturn, process \d+, works/);
  await phone.listener.end();
  await phone.run(["dial", door.identity, "--datagrams", "1"]);
  await door.listener.end();

  const [file, key] = [keyFile(door), await keyOf(chain, door)];
  const rotated = last(await door.run(["rotate"]), "rotated");
  claims.that("rotate: the chain names another key", (await keyOf(chain, door)) !== key && (await keyOf(chain, door)) === rotated.key, rotated);
  claims.that("which is the one on disk", keyFile(door) !== file && !fs.existsSync(path.join(door.home, "device.key.next")));
  await door.listen();
  const call = await phone.run(["dial", door.identity, "--datagrams", "1"]);
  claims.that("a caller with the old key in its cache gets through", last(call, "datagrams")?.intact === 1, call.text());

  await chain.fund(door.wallet(), 1);
  await door.listener.end();
  const own = last(await door.run(["rotate"]), "rotated");
  claims.that("a funded device with ether pays for its rotation", own.by_wallet === true && (await keyOf(chain, door)) === own.key, own);

  const before = await keyOf(chain, phone);
  const accepted = () => platform.wm.text().match(/id=phone-1 method=POST path=\/v1\/changes status=202/g)?.length ?? 0;
  const count = accepted();
  await chain.still(); // so that it cannot be over when it is killed
  const first = phone.start(["rotate"]);
  await platform.wm.wait(() => (accepted() > count ? true : undefined), "the change");
  first.child.kill("SIGKILL");
  await first.ended;
  claims.that("a killed rotation has its new key on disk", fs.existsSync(path.join(phone.home, "device.key.next")));
  await chain.flow();
  await door.listen();
  await phone.listen();
  claims.that("the chain took it all the same", await eventually(async () => (await keyOf(chain, phone)) !== before));
  const back = await door.run(["dial", phone.identity, "--datagrams", "1"], { codes: CODES });
  claims.that("and the listener answers with it", last(back, "datagrams")?.intact === 1, back.text());
}

// The device's home at the other relay than that one, left there by up.
async function placeElsewhere(device, than) {
  const file = path.join(device.home, "device.json");
  const kept = JSON.parse(fs.readFileSync(file, "utf8"));
  fs.writeFileSync(file, JSON.stringify({ ...kept, relay: than === 1 ? 2 : 1 }));
  return last(await device.up(), "up");
}

async function moves({ chain, platform }, claims, door, phone) {
  const held = await phone.run(["dial", door.identity, "--move"], { codes: CODES, json: false });
  claims.refuses("dial --move beside a listener", held, 2, /another chainturn, process \d+, works .* --move/);
  await phone.listener.end();
  const to = last(door.listener, "listening").relay;
  const from = await placeElsewhere(phone, to);
  claims.that("caller and callee live at two relays", from.relay !== to, [from, to]);
  const old = (await platform.relayAt(from.relay)).program;
  const ended = () => old.text().match(/refreshed, .*lifetime=0$/gm)?.length ?? 0;
  const before = ended();

  const call = await phone.run(["dial", door.identity, "--move", "--datagrams", "5"]);
  const home = last(call, "listening");
  claims.that("dial --move: the home is at the callee's relay", home?.relay === to, call.text());
  const isBack = await old.wait(() => (ended() > before ? true : undefined), "the end of an allocation").catch(() => false);
  claims.that("the old allocation was given back", isBack, old.text().split("\n").filter((l) => /session/.test(l)).slice(-6).join("\n"));
  claims.that("the record was updated, then the call was made", names(call) === "update" &&
    call.lines.findIndex((l) => /"event":"registered"/.test(l)) < call.lines.findIndex((l) => /"event":"connected"/.test(l)), call.text());
  claims.that("through the home itself", last(call, "datagrams")?.intact === 5 && call.events().some((e) => e.event === "stage" && e.name === "move"), call.text());
  const record = await chain.device(phone.identity);
  claims.that("the chain names the new place", Number(record.relay) === to && home.relayed.endsWith(`:${record.port}`), [String(record.relay), home]);

  await phone.listen();
  claims.that("afterwards the home is there", last(phone.listener, "listening").relayed === home.relayed && steps(phone.listener).length === 0);
  const back = await door.run(["dial", phone.identity, "--datagrams", "1"]);
  claims.that("and is called there", last(back, "datagrams")?.intact === 1, back.text());
}

// A program that listens does both itself, while it can be called.
async function keeps({ chain, network, platform }, claims, door, phone) {
  await phone.listener.end();
  const to = last(door.listener, "listening").relay;
  const from = await placeElsewhere(phone, to);
  const key = await keyOf(chain, phone);
  const keeper = platform.programs.start("keeper", [network.tool("keeper"), phone.home, door.identity], { netns: phone.netns });
  await keeper.waitEvent("rotated");
  const places = keeper.events().filter((e) => e.event === "listening");
  claims.that("a listener moves its own home", places.length === 2 && places[0].relay === from.relay && places[1].relay === to, keeper.text());
  const { relay, port } = await chain.device(phone.identity);
  claims.that("and its record", Number(relay) === to && places[1].relayed.endsWith(`:${port}`), [String(relay), places]);
  claims.that("and calls from there", last(keeper, "answered")?.bytes === 5);
  claims.that("it rotates its key while it listens", (await keyOf(chain, phone)) === last(keeper, "rotated").key && last(keeper, "rotated").key !== key);
  const call = await door.run(["dial", phone.identity, "--datagrams", "1"]);
  claims.that("and is called by who had the old record", last(call, "datagrams")?.intact === 1 && last(call, "dial_start").cached, call.text());
  claims.that("and ends well", (await keeper.end()) === 0, keeper.text());
  await phone.listen();
}

// The ether that it was given is gone: it says so, and the other road is open.
async function spent({ chain, platform }, claims) {
  const device = new Device(platform, "b", "spent-1", "spent-1");
  const token = await platform.issueToken("spent-1");
  await chain.still(); // after the block of its ether there is none
  const first = device.start(device.upCommand(token, "--road", "funded"));
  await chain.step();
  await first.wait((p) => stepOf(p, "funded"), "the step funded");
  first.child.kill("SIGKILL"); // what it may have sent since is taken away
  await first.ended;
  await chain.rpc("anvil_dropAllTransactions");
  await chain.rpc("anvil_setBalance", [device.wallet(), "0x0"]);
  await chain.flow();
  await chain.rpc("evm_mine");
  fs.rmSync(path.join(device.home, "sent.json"), { force: true });
  const poor = await device.run(device.upCommand(token), { codes: CODES, json: false });
  claims.refuses("a wallet whose ether is gone", poor, 5, /send it ether, or come up with --road sponsored/);
  const up = await device.up(token, "--road", "sponsored");
  claims.that("which then comes up on the other road", names(up) === "register" && (await chain.device("spent-1")).state === "approved", up.text());
}

async function ends({ chain, platform }, claims, door, phone) {
  await door.listener.end();
  await phone.listener.end();
  const unsure = await door.run(["revoke"], { codes: CODES, json: false });
  claims.refuses("revoke without --yes", unsure, 2, /--yes/);
  claims.that("which changes nothing", (await chain.device("door-7")).state === "approved");
  const revoked = await door.run(["revoke", "--yes"]);
  claims.that("revoke --yes: the record is revoked", (await chain.device("door-7")).state === "revoked" && last(revoked, "revoked")?.block > 0, revoked.text());
  const again = await door.run(["revoke", "--yes"], { codes: CODES });
  claims.that("a second time is no error", again.code === 0, again.text());
  claims.refuses("a revoked device calls nobody", await door.run(["dial", phone.identity], { codes: CODES, json: false }), 2, /token/);
  fs.rmSync(path.join(phone.home, "cache"), { recursive: true });
  fs.mkdirSync(path.join(phone.home, "cache"), { mode: 0o700 });
  claims.refuses("and is called by nobody", await phone.run(["dial", door.identity], { codes: CODES, json: false }), 4, /revoked/);
  const back = await door.up(await platform.issueToken("door-7"));
  claims.that("with a new token it comes back, on its road", (await chain.device("door-7")).state === "approved" && last(back, "up").road === "funded", back.text());
}

test(async (stage, claims) => {
  await bringUp(stage);
  const door = await funded(stage, claims);
  const phone = await sponsored(stage, claims);
  await killed(stage, claims);
  await updates(stage, claims, door, phone);
  await rotations(stage, claims, door, phone);
  await moves(stage, claims, door, phone);
  await keeps(stage, claims, door, phone);
  await spent(stage, claims);
  await ends(stage, claims, door, phone);
});
