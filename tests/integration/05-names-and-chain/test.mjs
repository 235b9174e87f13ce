// Names that are not there, chains that are not the right one, and endpoints that lie.
// needs: turnserver wm-server wm-admin chainturn-cli
import { ethers } from "../../testbed/chain.mjs";
import { bundleWith, DEAF, folderState, NOWHERE } from "../inputs.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];

async function bringUp(stage) {
  const { chain, platform } = stage;
  await chain.start();
  await platform.initWm();
  await platform.startWm();
  platform.startRelay(await platform.prepareRelay(1));
  await platform.waitApproved(1);
  const devices = [platform.device("b", "door-7"), platform.device("a", "phone-1")];
  for (const device of devices) await device.up(await platform.issueToken(device.identity));
  await devices[0].listen();
  return { callee: devices[0], caller: devices[1] };
}

test(async (stage, claims) => {
  const { callee, caller } = await bringUp(stage);
  const { chain, platform } = stage;
  const real = await chain.device(callee.identity);

  // Every refusal leaves the chain and the device's own files as they were.
  async function refused(claim, command, code, sentence) {
    const chainBefore = await chain.snapshot([caller.identity, callee.identity]);
    const homeBefore = folderState(caller.home, /cache/);
    const program = await caller.run(command, { codes: CODES, json: false });
    claims.refuses(claim, program, code, sentence);
    const same = (await chain.snapshot([caller.identity, callee.identity])) === chainBefore;
    claims.that(`${claim}: nothing changes`, same && folderState(caller.home, /cache/) === homeBefore);
  }

  // The record with its real key, whoever lies meanwhile.
  async function resolves(claim, extra = [], enough = () => true) {
    let program;
    for (let i = 0; i < 30; i++) {
      program = await caller.run([...extra, "resolve", callee.identity], { codes: CODES });
      const right = program.code === 0 && program.text().toLowerCase().includes(real.key.slice(2));
      if (!right || (await enough())) return claims.that(claim, right, program.text().slice(-600));
    }
    claims.that(claim, false, "the endpoint was not asked in 30 runs");
  }

  await resolves("a name resolves");
  await refused("an unknown name", ["resolve", "nobody"], 3, /nobody/);
  await refused("a call to an unknown name", ["dial", "nobody"], 3, /nobody/);
  await refused("a name that can be none", ["resolve", "no body!"], 2, /name|identity/i);

  const withBundle = (change) => ["--bundle", bundleWith(platform, change), "resolve", callee.identity];
  await refused("another chain id", withBundle({ chain_id: "1" }), 7, /chain/i);
  await refused("no endpoint reachable", withBundle({ rpc: DEAF }), 7, /endpoint|reach|rpc/i);
  await refused("no contract at the address", withBundle({ contract: NOWHERE }), 7, /contract/i);
  await refused("another chain's checkpoint", withBundle({ checkpoint: { number: "0x1", hash: ethers.id("other") } }), 7, /checkpoint/i);
  await refused("a misspelt member of the bundle", withBundle({ quorom: 2 }), 2, /quorom/);
  await refused("one endpoint alone, not asked for", withBundle({ rpc: [chain.urls[0]], quorum: 1 }), 2, /insecure-single-rpc|quorum/i);

  const slot = ethers.toBeHex(chain.deviceSlot(callee.identity) + 1n, 32);
  const lie = (mode, more = {}) => ({ mode, contract: chain.contract, slot, value: ethers.id(`false ${more.n ?? 0}`), ...more });
  const one = bundleWith(platform, { rpc: [chain.urls[1], chain.urls[0], chain.urls[2]] });
  const fresh = ["--bundle", one]; // the liar is asked first
  for (const how of [lie("key"), lie("forged"), lie("wrong-chain"), lie("stale", { behind: 10 })]) {
    const asked = how.mode === "key" ? "eth_getProof" : how.mode === "wrong-chain" ? "eth_chainId" : "eth_getBlockByNumber";
    const before = (await chain.lie(0, how)).requests[asked] ?? 0;
    // a proof is asked of one endpoint, now this one, now that
    const heard = async () => ((await chain.status(0)).requests[asked] ?? 0) > before;
    await resolves(`one endpoint of three lies (${how.mode}) and is asked: the real key is found`, fresh, heard);
  }
  await chain.lie(0, lie("down"));
  await resolves("one endpoint of three is down: the real key is found", fresh);
  // two different lies against one truth: no two agree
  for (const mode of ["forged", "down"]) {
    await chain.lie(0, lie("forged", { n: 1 }));
    await chain.lie(1, lie(mode, { n: 2 }));
    await refused(`a forging endpoint and one that is ${mode}`, [...fresh, "resolve", callee.identity], 7, /agree|endpoint/i);
  }
  await chain.lie(0, lie("none"));
  await chain.lie(1, lie("none"));
  const alone = bundleWith(platform, { rpc: [chain.urls[1]], quorum: 1, insecure_single_rpc: true });
  await chain.lie(0, lie("key"));
  await refused("a false key from the only endpoint", ["--bundle", alone, "resolve", callee.identity], 7, /proof/i);
  await chain.lie(0, lie("stale", { behind: 20 }));
  const strict = bundleWith(platform, { rpc: [chain.urls[1]], quorum: 1, insecure_single_rpc: true, max_head_age_s: 10 });
  await refused("an old head from the only endpoint", ["--bundle", strict, "resolve", callee.identity], 7, /old|stale|behind/i);
  await chain.lie(0, lie("none"));

  await callee.listener.end();
  await refused("a call to who does not listen", ["dial", callee.identity], 5, /door-7/);
  await platform.relays[0].program.end();
  const began = performance.now();
  await refused("a call when the relay is down", ["dial", callee.identity], 5, /relay/i);
  claims.that("which is known within 30 s", performance.now() - began < 30000, performance.now() - began);
  platform.startRelay(platform.relays.pop());

  await platform.wmRun("revoke", [platform.program("wm-admin"), "device", "revoke", "--config", platform.config, callee.identity]);
  claims.that("a device is revoked", (await chain.device(callee.identity)).state === "revoked");
  await refused("a revoked name", ["resolve", callee.identity], 4, /revoked/i);
  await refused("a call to a revoked name", ["dial", callee.identity], 4, /revoked/i);
});
