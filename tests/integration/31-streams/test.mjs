// Calls of streams by the command: files, commands at either end, and the ways in which a call ends.
// needs: turnserver wm-server wm-admin chainturn
import fs from "node:fs";
import { bringUp, CALLEE, CALLER } from "../../testbed/scene.mjs";
import { PATIENCE_MS } from "../../testbed/processes.mjs";
import { dialOnce, quickest } from "../../testbed/calls.mjs";
import { onFiles, randomFile, runOnFiles, sha256, streamFirstByte, streamThere } from "../../testbed/stream.mjs";
import { test } from "../claims.mjs";

const CODES = [0, 1, 2, 3, 4, 5, 6, 7];

async function enrol({ platform }) {
  const devices = [CALLER, CALLEE].map(({ id, side }) => platform.device(side, id));
  for (const device of devices) await device.up(await platform.issueToken(device.identity));
  return { caller: devices[0], callee: devices[1] };
}

// A listener of its own for what follows; ended by the next one, or by the test.
async function listen(callee, ...options) {
  await callee.listener?.end();
  callee.listener = callee.start(["listen", ...options]);
  await callee.listener.waitEvent("listening");
  return callee.listener;
}

async function files(claims, { caller, callee }) {
  await listen(callee, "--echo");
  const there = await streamThere(caller, callee, 1000000);
  claims.that("a file of a megabyte comes back intact", there.intact, there);
  const datagram = await caller.run(["dial", callee.identity, "--datagrams", "3"], { codes: CODES });
  claims.that("the same listener answers a call of datagrams", datagram.code === 0, datagram.text());
  const empty = await streamThere(caller, callee, 0).catch((e) => e);
  claims.that("so does an empty one", empty.intact === true, empty);

  await listen(callee, "--exec", "sha256sum");
  const input = randomFile(caller, 300000);
  const summed = await runOnFiles(caller, ["dial", callee.identity, "--stream"], input);
  claims.that("a command reads to the end of the input, and answers then", fs.readFileSync(summed.output, "utf8").startsWith(sha256(input)), summed.program.text());
}

// The association is set up within DTLS: the first byte of a stream is no later than a datagram.
// On the wide network a round trip is 400 ms: half of one is far more than the machine takes.
async function firstByte(claims, network, { caller, callee }) {
  network.farther();
  await listen(callee, "--echo");
  const kinds = [() => streamFirstByte(caller, callee), async () => (await dialOnce(caller, callee)).ms];
  const isNoLater = (stream, datagram) => stream - datagram < 200;
  const best = await quickest(kinds, isNoLater);
  claims.that("the first byte of a stream costs no round trip more", isNoLater(...best), best);
}

async function once(claims, { caller, callee }) {
  await callee.listener.end();
  const input = randomFile(caller, 200000);
  const { argv, output } = onFiles(callee, ["listen", "--stream", "--once"], randomFile(callee, 0));
  const program = callee.platform.programs.start("listen-once", argv, { netns: callee.netns });
  await program.waitText(/listens at/, "listening");
  const sent = await runOnFiles(caller, ["dial", callee.identity, "--stream"], input, { codes: CODES });
  await program.ended;
  claims.that("listen --stream --once is the other end of dial --stream", sha256(output) === sha256(input), sent.program.text());
  claims.that("both end with 0", program.code === 0 && sent.program.code === 0, [program.code, sent.program.code]);
}

// What a caller is told of a call that did not come to its end.
async function cut(claims, { caller, callee }) {
  await listen(callee, "--exec", "head -c 10");
  const early = await runOnFiles(caller, ["dial", callee.identity, "--stream"], randomFile(caller, 3000000), { codes: CODES });
  claims.that("what a command said before it ended early arrives", fs.statSync(early.output).size === 10, early.program.text());
  claims.refuses("a command that ends before it has read all", early.program, 5, /door-7 hung up before/);

  callee.listener.child.kill("SIGKILL");
  await callee.listener.ended;
  callee.listener = undefined;
  await listen(callee, "--stream");
  const dial = caller.start(["dial", callee.identity, "--stream"], { json: false });
  await dial.waitText(/connected to/, "the call");
  await callee.listener.end();
  claims.that("a listener that ends in the middle", (await dial.ended) === 5, dial.text());
  claims.refuses("and the caller", dial, 5, /door-7 hung up before its stream had ended/);

  await listen(callee, "--stream");
  const datagrams = await caller.run(["dial", callee.identity, "--line"], { codes: CODES, json: false, input: "x\n" });
  claims.that("listen --stream takes no datagrams", /only streams are taken/.test(callee.listener.text()), datagrams.text());
  await callee.listener.end();
  callee.listener = callee.start(["listen"]);
  await callee.listener.waitEvent("listening");
  const streams = await caller.run(["dial", callee.identity, "--stream"], { codes: CODES, json: false });
  claims.refuses("a plain listen takes no streams", streams, 5, /door-7 takes no calls of streams/);
}

async function lines(claims, { caller, callee }) {
  await listen(callee, "--line", "--exec", "while read x; do echo you said $x; done");
  const dial = caller.start(["dial", callee.identity, "--line"], { json: false });
  await dial.waitText(/connected to/, "the call");
  dial.child.stdin.write("one\ntwo\n");
  const answers = () => dial.lines.filter((line) => line.startsWith("you said"));
  await dial.wait(() => (answers().length >= 2 ? true : undefined), "both answers").catch(() => {});
  dial.child.stdin.end();
  await dial.ended;
  const said = answers();
  claims.that("lines of datagrams are lines for a command, both ways", said.join() === "you said one,you said two", dial.text());
}

// A callee that vanishes says no goodbye, and its relay keeps its address: only silence tells.
async function silence(claims, { caller, callee }) {
  await listen(callee, "--echo");
  const dials = [["--stream"], ["--line"]].map((option) => caller.start(["dial", callee.identity, ...option], { json: false }));
  for (const dial of dials) await dial.waitText(/connected to/, "the call");
  callee.listener.child.kill("SIGKILL");
  await callee.listener.ended;
  callee.listener = undefined;
  const began = performance.now();
  for (const [i, dial] of dials.entries()) {
    const late = setTimeout(() => dial.child.kill("SIGKILL"), 2 * PATIENCE_MS);
    await dial.ended;
    clearTimeout(late);
    const s = (performance.now() - began) / 1000;
    const kind = i === 0 ? "streams" : "datagrams";
    claims.refuses(`a killed callee is noticed in a call of ${kind}`, dial, 5, /not been heard for 30 seconds/);
    claims.that("and not much later than that", s < 50, s);
  }
}

test(async (stage, claims) => {
  await bringUp(stage);
  const devices = await enrol(stage);
  await files(claims, devices);
  await once(claims, devices);
  await cut(claims, devices);
  await lines(claims, devices);
  await silence(claims, devices);
  await firstByte(claims, stage.network, devices);
});
