// A relay against passes, strangers and its own bad configuration.
// needs: turnserver turnutils_uclient wm-server wm-admin ct-forgedrelay
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CHAIN_ID, ethers } from "../../testbed/chain.mjs";
import { address } from "../../testbed/network.mjs";
import { credential, makePass, readKey, x25519Public } from "../../testbed/pass.mjs";
import { bundleWith, DEAF, NOWHERE } from "../inputs.mjs";
import { test } from "../claims.mjs";

const TURN_MJS = fileURLToPath(new URL("../../testbed/turn.mjs", import.meta.url));
const HOUR = 3600;
const now_s = () => Math.floor(Date.now() / 1000);

async function bringUp(stage) {
  await stage.chain.start();
  await stage.platform.initWm();
  await stage.platform.startWm();
  for (const n of [1, 2]) stage.platform.startRelay(await stage.platform.prepareRelay(n));
  await stage.platform.waitApproved(2);
}

// What the relay answers to this credential: 0 or a STUN error code.
async function allocate(stage, login, peers = []) {
  const program = await stage.programs.run("turn", [process.execPath, TURN_MJS, address.relay1, "3478"], {
    netns: stage.network.netns("dev-a"),
    input: JSON.stringify({ ...login, peers }),
  });
  return JSON.parse(program.lines.at(-1));
}

// The relay's statement, read by docs/protocol.md alone and verified by ethers.
async function whoseItIs(claims, { chain, platform }, answer) {
  claims.that("whose relay it is is told to who shows a pass, and to nobody else", answer.owner?.length === 2 * 159 && answer.unproved === undefined, answer);
  const bytes = Buffer.from(answer.owner ?? "", "hex");
  const hex = (from, to) => ethers.hexlify(bytes.subarray(from, to));
  const said = { relay: hex(22, 54), nonce: hex(54, 86), mode: bytes[1], until: bytes.readBigUInt64BE(86) };
  const domain = { name: "chainturn", version: "1", chainId: CHAIN_ID, verifyingContract: chain.contract };
  const types = { RelayOwner: [["bytes32", "relay"], ["bytes32", "nonce"], ["uint8", "mode"], ["uint64", "until"]].map(([type, name]) => ({ type, name })) };
  const signer = ethers.verifyTypedData(domain, types, said, hex(94, 159));
  const owner = platform.relays[0].wallet;
  claims.that("its owner's wallet signed that, as ethers reads it", signer === owner && ethers.getAddress(hex(2, 22)) === owner, [signer, owner]);
  const index = (await chain.relay(1)).owner === BigInt(owner) ? 1 : 2;
  claims.that("it is of the record that the contract has", said.relay === (await chain.relayDigest(index)), said.relay);
  const left_s = Number(said.until) - now_s();
  claims.that("it says mode relays, for six hours at most", bytes[0] === 1 && said.mode === 1 && left_s > 4 * HOUR && left_s <= 6 * HOUR, { left_s, mode: said.mode });
}

async function passes(stage, claims) {
  const { chain, platform } = stage;
  const relayPublic = x25519Public(readKey(path.join(platform.relays[0].dir, "relay.key")));
  const signer = readKey(path.join(platform.wmDir, "wm-pass.key"));
  const deployment = chain.deployment();
  const good = { deployment, signer, expires_s: now_s() + HOUR };
  const login = (how, at = relayPublic) => credential(makePass({ ...good, ...how }), at);

  const peers = [`${address.relay2}:50000`, "127.0.0.1:7", "10.71.0.2:7", "169.254.1.1:7", "224.0.0.1:7"];
  const fine = await allocate(stage, login({}), peers);
  claims.that("a pass made from the protocol's text alone is taken", fine.code === 0, fine);
  claims.that("the lifetime does not exceed the pass", fine.lifetime_s <= HOUR, fine);
  claims.that("a permission for a public peer is given", fine.permissions?.[peers[0]] === 0, fine);
  for (const peer of peers.slice(1)) claims.that(`a permission for ${peer} is refused`, fine.permissions?.[peer] === 403, fine);

  await whoseItIs(claims, stage, fine);

  const refused = async (claim, how) => {
    const got = await allocate(stage, how);
    claims.that(`${claim} is refused`, got.code === 401, got);
  };
  await refused("an expired pass", login({ expires_s: now_s() - 10 }));
  await refused("a pass valid for more than a day", login({ expires_s: now_s() + 25 * HOUR }));
  await refused("a pass signed by another", login({ signer: crypto.randomBytes(32) }));
  await refused("a pass of another deployment", login({ deployment: crypto.randomBytes(32) }));
  await refused("a pass of an unknown key id", login({ keyId: 7 }));
  await refused("a pass without the scope to allocate", login({ scope: 0 }));
  await refused("a pass with the password for another relay", login({}, x25519Public(crypto.randomBytes(32))));
  await refused("a user name that is no pass", { username: "ordinary", password: "words" });
  return login({});
}

async function stockClient(stage, claims, login) {
  const echo = stage.programs.start("peer", [stage.platform.program("turnutils_peer"), "-L", address.wm, "-p", "3480"], {
    netns: stage.network.netns("wm"),
  });
  const uclient = [stage.platform.program("turnutils_uclient"), "-u", login.username, "-w", login.password];
  const program = await stage.programs.run(
    "uclient",
    [...uclient, "-e", address.wm, "-r", "3480", "-n", "50", "-m", "2", "-l", "200", "-c", "-X", "-g", address.relay1],
    { netns: stage.network.netns("dev-a"), codes: [0, 255, 1] },
  );
  await echo.end();
  const text = program.text();
  // it sends on a clock, whether or not the ends keep up: how many of its 100 come back is the machine's affair
  const received = Number(text.match(/tot_recv_msgs=(\d+)(?![\s\S]*tot_recv_msgs=)/)?.[1] ?? 0);
  claims.that("a stock TURN client relays with a pass as its user name", program.code === 0 && received >= 1, text.slice(-500));
}

async function forgers(stage, claims) {
  const { chain, platform } = stage;
  const owner = new ethers.Wallet(ethers.hexlify(crypto.randomBytes(32))).address;
  const salt = ethers.id("forger");
  const before = await chain.snapshot();
  for (const how of ["signature", "proposal"]) {
    const argv = [stage.network.tool("forgedrelay"), how, platform.bundleFile, owner, salt];
    const program = await stage.programs.run(`forged-${how}`, argv, { netns: stage.network.netns("dev-a"), codes: [0, 1, 6] });
    claims.that(`a relay with a forged ${how} is refused`, program.code === 6, program.text());
    claims.that(`a forged ${how} is refused in a sentence`, /^ct-forgedrelay: .{20,}/m.test(program.text()), program.text());
  }
  const wallet = path.join(stage.network.work, "forger.key");
  await chain.fundedKey(wallet, 1);
  for (const [how, why] of [["server", /does not hold the registered key/], ["key", /is not the one of the handshake/]]) {
    const argv = [stage.network.tool("forgedrelay"), how, platform.bundleFile, wallet, "1"];
    const program = await stage.programs.run(`forged-${how}`, argv, { netns: stage.network.netns("dev-a"), codes: [0, 1, 6] });
    claims.that(`another's server, with ${how === "key" ? "that relay's" : "the forger's"} key in the record, is refused`, program.code === 6, program.text());
    claims.that(`and the sentence says why (${how})`, why.test(program.text()), program.text());
  }
  claims.that("forgers change nothing on chain but their own proposals", (await chain.snapshot()) === before);
}

// A relay at relay2's host with something wrong in its configuration.
async function prepareBad(stage, change) {
  const relay = await stage.platform.prepareRelay(2, [], `bad-relay-${++bads}`);
  fs.writeFileSync(relay.conf, change(fs.readFileSync(relay.conf, "utf8")));
  const argv = [stage.platform.program("turnserver"), "-c", relay.conf];
  return { argv, netns: stage.network.netns("relay2"), cwd: relay.dir };
}
let bads = 0;

async function refusesToStart(stage, claims, claim, sentence, change) {
  const before = await stage.chain.snapshot();
  const { argv, ...where } = await prepareBad(stage, change);
  const program = await stage.programs.run(`bad-relay-${bads}`, argv, { ...where, codes: [0, 1, 78, 255] });
  claims.refuses(claim, program, 78, sentence);
  claims.that(`${claim}: nothing changes on chain`, (await stage.chain.snapshot()) === before);
}

// A relay outlives an outage of its chain, so it goes on trying; but it says why, and registers nothing.
async function waits(stage, claims, claim, sentence, change) {
  const before = await stage.chain.snapshot();
  const { argv, ...where } = await prepareBad(stage, change);
  const program = stage.programs.start(`bad-relay-${bads}`, argv, where);
  const said = await program.waitText(sentence, "a sentence that says so").catch(() => null);
  claims.that(`${claim}: one clear sentence`, said !== null, program.text().slice(-600));
  claims.that(`${claim}: ends when asked to`, (await program.end()) === 0, program.code);
  claims.that(`${claim}: nothing changes on chain`, (await stage.chain.snapshot()) === before);
}

test(async (stage, claims) => {
  await bringUp(stage);
  const { platform } = stage;
  const login = await passes(stage, claims);
  await stockClient(stage, claims, login);
  await forgers(stage, claims);

  await platform.relays[1].program.end();
  const bundle = (change) => (text) => text.replace(/chainturn-bundle=.*/, `chainturn-bundle=${bundleWith(platform, change)}`);
  const misspelt = (text) => text.replace("chainturn-mode", "chainturn-moode");
  await refusesToStart(stage, claims, "relay: a misspelt key", /chainturn-moode.*chainturn-mode/, misspelt);
  const unknown = (text) => text.replace("mode=relays", "mode=everyone");
  await refusesToStart(stage, claims, "relay: a mode that is none", /mode.*(off|relays)/, unknown);
  await refusesToStart(stage, claims, "relay: another chain", /bundle.*does not fit the chain/, bundle({ chain_id: "1" }));
  await refusesToStart(stage, claims, "relay: no contract there", /bundle.*does not fit the chain/, bundle({ contract: NOWHERE }));
  await waits(stage, claims, "relay: no RPC endpoint answers", /reason=.*(endpoint|reach)/, bundle({ rpc: DEAF }));
});
