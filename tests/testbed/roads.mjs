// What a device's record cost and took, by its road: as its command told it, held against the chain.
import { Failure } from "./processes.mjs";

const number = (n) => n.toLocaleString("en-US");

async function receiptOf(s, step, device) {
  const receipt = await s.chain.rpc("eth_getTransactionReceipt", [step.transaction]);
  if (!receipt || receipt.status !== "0x1") throw new Failure(`${device.identity}: ${step.name} is in no block, or failed there`);
  const told = { block: step.block, gas: step.gas };
  const is = { block: Number(receipt.blockNumber), gas: Number(receipt.gasUsed) }; // alone in its batch here
  if (told.block !== is.block || told.gas !== is.gas) {
    throw new Failure(`${device.identity} told ${JSON.stringify(told)} of ${step.name}, and the chain says ${JSON.stringify(is)}`);
  }
  return receipt;
}

// up: the ended command. Answers {road, device, gas, blocks} and the parts of the gas.
export async function roadOf(s, device, up) {
  const steps = Object.fromEntries(up.events().filter((e) => e.event === "step").map((e) => [e.name, e]));
  const { road } = up.events().find((e) => e.event === "up");
  const facts = { road, device: device.identity };
  const wallet = device.wallet().toLowerCase();
  if (road === "sponsored") {
    const receipt = await receiptOf(s, steps.register, device);
    if (receipt.from.toLowerCase() === wallet) throw new Failure(`${device.identity} paid for a sponsored record`);
    return { ...facts, gas: steps.register.gas, blocks: [steps.register.block] };
  }
  const [add, approve] = [steps.add_client, steps.approve];
  const receipt = await receiptOf(s, add, device);
  if (receipt.from.toLowerCase() !== wallet) throw new Failure(`${device.identity} did not send addClient itself`);
  await receiptOf(s, approve, device);
  return {
    ...facts,
    gas: add.gas + approve.gas,
    add_client_gas: add.gas,
    approval_gas: approve.gas,
    blocks: [steps.funded.block, add.block, approve.block],
  };
}

export function roadSentence(device, r) {
  const who = `${device.identity}, behind NAT ${device.side}, enrolled with its token`;
  if (r.road === "sponsored") {
    return `${who} on the sponsored road: it signed, the wallet manager wrote its record in block ${r.blocks[0]} (${number(r.gas)} gas)`;
  }
  const [paid, added, approved] = r.blocks;
  return (
    `${who} on the funded road: given ether in block ${paid}, wrote its record by its own wallet in ` +
    `block ${added} (${number(r.add_client_gas)} gas), approved in block ${approved} (${number(r.approval_gas)})`
  );
}
