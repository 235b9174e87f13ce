// The scene of demo and bench: chain, wallet manager, two relays, and two devices that have enrolled.
import { Failure } from "./processes.mjs";
import { roadOf, roadSentence } from "./roads.mjs";

export const CALLER = { id: "phone-1", side: "a", road: "sponsored" };
export const CALLEE = { id: "door-7", side: "b", road: "funded" };

export async function bringUp(s) {
  await s.stage("chain", "starting the chain", () => s.chain.start(), () =>
    "a chain with 1 s blocks and three RPC endpoints, of which two must agree");
  await s.stage("wm_init", "deploying the contract", () => s.platform.initWm(), () =>
    `wm-server init: contract ${s.chain.contract} deployed, configuration and provisioning bundle written`);
  await s.stage("wm_start", "starting the wallet manager", () => s.platform.startWm(), () => "the wallet manager is ready");
  await s.stage("relays", "starting the relays", async () => {
    for (const n of [1, 2]) s.platform.startRelay(await s.platform.prepareRelay(n));
    await s.platform.waitApproved(2);
  }, () => "two relays registered themselves, were tested by the wallet manager and approved on chain");
}

export async function enrol(s) {
  const { platform } = s;
  const caller = platform.device(CALLER.side, CALLER.id);
  const callee = platform.device(CALLEE.side, CALLEE.id);
  const tokens = new Map([[callee, await platform.issueToken(CALLEE.id)], [caller, await platform.issueToken(CALLER.id)]]);
  const roads = [];
  for (const [device, { road }] of [[callee, CALLEE], [caller, CALLER]]) {
    const taken = await s.stage(`up_${device.side}`, `bringing ${device.identity} up`, async () =>
      roadOf(s, device, await device.up(tokens.get(device), "--road", road)), (r) => roadSentence(device, r));
    const { state } = await s.chain.device(device.identity);
    if (state !== "approved") throw new Failure(`the contract says ${device.identity} is ${state}`);
    roads.unshift(taken);
  }
  await s.stage("listen", "listening", () => callee.listen(), () => `${callee.identity} listens`);
  return { caller, callee, roads };
}

// Every part of ours ends when it is asked to, with exit code 0.
export async function stop(s, { callee }) {
  const parts = [callee.listener, ...s.platform.relays.map((r) => r.program), s.platform.wm];
  await s.stage("stop", "stopping the parts", async () => {
    for (const part of parts) {
      const code = await part.end();
      if (code !== 0) throw new Failure(`${part.name} ended with ${code} when it was asked to end`, part.log);
    }
  }, () => "device, relays and wallet manager ended when asked to");
}
