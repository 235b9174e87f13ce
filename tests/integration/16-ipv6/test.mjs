// Relays with IPv6: registered, tested over it, and used by devices; one with IPv6 alone, one with both families.
// needs: turnserver wm-server wm-admin chainturn
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "../claims.mjs";

const IPV6 = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../testbed/ipv6.sh");
const DATAGRAMS = 50;
const last = (program, name) => program.events().filter((e) => e.event === name).at(-1);
const six = (n) => `2001:db8:1::${n}`;

// The relay's configuration with other addresses to listen on and to relay from.
function listenOn(relay, addresses) {
  const kept = fs.readFileSync(relay.conf, "utf8").split("\n").filter((line) => !/^(listening|relay)-ip=/.test(line));
  fs.writeFileSync(relay.conf, [...addresses.flatMap((a) => [`listening-ip=${a}`, `relay-ip=${a}`]), ...kept].join("\n"));
}

async function onlyIpv6(claims, { platform }) {
  const relay = await platform.prepareRelay(1);
  listenOn(relay, [six(11)]);
  platform.startRelay(relay);
  await platform.waitApproved(1);
  claims.that("a relay with IPv6 alone is tested over it and approved", /relay_passed/.test(platform.wm.text()), platform.wm.text().slice(-600));
}

async function call(claims, { platform }, devices) {
  const [caller, callee] = devices;
  for (const device of devices) await device.up(await platform.issueToken(device.identity));
  await callee.listen();
  const listening = last(callee.listener, "listening");
  claims.that("a device gets an IPv6 relayed address there", listening.relayed.startsWith(`[${six(11)}]:`), listening);
  const dialled = await caller.run(["dial", callee.identity, "--datagrams", String(DATAGRAMS)]);
  claims.that("a call through it brings every datagram back", last(dialled, "datagrams")?.intact === DATAGRAMS, dialled.text());
}

const block = (network, ...rule) =>
  execFileSync("ip", ["netns", "exec", network.netns("relay2"), "nft", ...rule], { stdio: ["ignore", "pipe", "pipe"] });

// What is registered of IPv6 must work, too, also where IPv4 does.
async function bothFamilies(claims, { platform, network, chain }) {
  const relay = await platform.prepareRelay(2);
  listenOn(relay, ["198.51.100.12", six(12)]);
  block(network, "add table ip6 gap");
  block(network, "add chain ip6 gap in { type filter hook input priority 0; }");
  block(network, "add rule ip6 gap in meta l4proto udp drop");
  const refusals = () => platform.wm.text().match(/relay_refused .*over IPv4 it passed, over IPv6 not: .*/g) ?? [];
  platform.startRelay(relay);
  await platform.wm.wait(() => (refusals().length > 0 ? true : undefined), "refusing a relay whose IPv6 is silent");
  claims.that("a relay of both families whose IPv6 is silent is refused, and told so", /does not answer at \[2001:db8:1::12\]:3478/.test(refusals()[0]), refusals()[0]);
  block(network, "delete table ip6 gap");
  await platform.waitApproved(2);
  claims.that("it is approved when both answer", (await chain.relay(2)).state === "approved");
  const list = await platform.wmRun("relay-list", [platform.program("wm-admin"), "relay", "list", "--config", platform.config]);
  claims.that("relay list tells the addresses of both families, and no others", /^1 +approved +\[2001:db8:1::11\]:3478 relays \[2001:db8:1::11\] ports/m.test(list.text()) && /^2 +approved +198\.51\.100\.12:3478 +relays 198\.51\.100\.12 \[2001:db8:1::12\]:3478 relays \[2001:db8:1::12\] ports/m.test(list.text()), list.text());
}

const relays = async (device) => (await device.run(["relays"])).events().filter((e) => e.event === "relay");

// IPv4 first; IPv6 where there is no way to the relay by IPv4.
async function wayByIpv6(claims, { network }, caller) {
  const before = (await relays(caller)).find((r) => r.index === 2);
  claims.that("a relay of both families is reached by IPv4", before.address === "198.51.100.12:3478" && before.rtt_ms > 0, before);
  execFileSync("ip", ["-n", network.netns("dev-a"), "route", "add", "unreachable", "198.51.100.12/32"]);
  const after = (await relays(caller)).find((r) => r.index === 2);
  claims.that("and by IPv6 from where IPv4 does not lead to it", after.address === `[${six(12)}]:3478` && after.rtt_ms > 0, after);
}

// A device without a way by IPv4: it lives on the relay of both families, and is reached there by its IPv4 address.
async function liveThere(claims, { platform }) {
  await platform.relays[0].program.end();
  const guest = platform.device("a", "phone-2");
  guest.home += "-2";
  await guest.up(await platform.issueToken(guest.identity));
  await guest.listen();
  const listening = last(guest.listener, "listening");
  claims.that("its relayed address is the one that the others look for", listening.relayed.startsWith("198.51.100.12:"), listening);
  const other = platform.device("b", "door-8");
  other.home += "-2";
  await other.up(await platform.issueToken(other.identity));
  const dialled = await other.run(["dial", guest.identity, "--datagrams", String(DATAGRAMS)]);
  claims.that("one end over IPv4 and one over IPv6 talk to each other", last(dialled, "datagrams")?.intact === DATAGRAMS, dialled.text());
}

test(async (stage, claims) => {
  const { chain, platform, network } = stage;
  execFileSync(IPV6, [network.prefix]);
  await chain.start();
  await platform.initWm();
  const conf = fs.readFileSync(platform.config, "utf8");
  fs.writeFileSync(platform.config, conf.replace("probe-timeout-s = 15", "probe-timeout-s = 5"));
  await platform.startWm();
  const devices = [platform.device("a", "phone-1"), platform.device("b", "door-7")];
  await onlyIpv6(claims, stage);
  await call(claims, stage, devices);
  await bothFamilies(claims, stage);
  await wayByIpv6(claims, stage, devices[0]);
  await liveThere(claims, stage);
});
