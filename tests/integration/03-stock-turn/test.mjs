// Our TURN client and stock coturn: ordinary credentials, the module compiled in but off.
// needs: turnserver ct-turnclient
import fs from "node:fs";
import path from "node:path";
import { address } from "../../testbed/network.mjs";
import { findProgram } from "../../testbed/platform.mjs";
import { test } from "../claims.mjs";

const USER = "ordinary";
const PASSWORD = "words of an operator";

async function startStock(stage) {
  const dir = path.join(stage.network.work, "stock");
  fs.mkdirSync(dir);
  const ip = address.relay1;
  const lines = [
    `listening-ip=${ip}`, `relay-ip=${ip}`, "listening-port=3478", "min-port=50000", "max-port=50099", "realm=stock",
    "lt-cred-mech", `user=${USER}:${PASSWORD}`, "no-tls", "no-dtls", "no-cli", "log-file=stdout", "simple-log",
    `pidfile=${dir}/pid`, `userdb=${dir}/userdb`,
  ];
  fs.writeFileSync(path.join(dir, "turnserver.conf"), lines.join("\n") + "\n");
  const argv = [findProgram(stage.build, "turnserver"), "-c", path.join(dir, "turnserver.conf")];
  const server = stage.programs.start("stock", argv, { netns: stage.network.netns("relay1"), cwd: dir });
  await server.waitText(/UDP listener opened on|Relay address to use/i, "listening");
  return server;
}

test(async (stage, claims) => {
  const { network, programs } = stage;
  const echo = programs.start("echo", [network.tool("netprobe"), "serve", `${address.wm}:7003`], { netns: network.netns("wm") });
  await echo.waitText(/^ready$/m, "being ready");
  await startStock(stage);
  const client = (name, password) =>
    programs.run(name, [network.tool("turnclient"), `${address.relay1}:3478`, `${address.wm}:7003`], {
      netns: network.netns("dev-a"),
      input: `${USER}\n${password}\n`,
      codes: [0, 1],
    });

  const good = await client("good", PASSWORD);
  claims.that("stock coturn relays for our client", good.events()[0]?.echo === true, good.text());
  claims.that("the relayed address is the server's", good.events()[0]?.relayed.startsWith(`${address.relay1}:500`), good.text());
  const bad = await client("bad", "not these words");
  claims.that("a wrong password is refused", bad.code === 1, bad.code);
  claims.that("and said in one sentence", /^ct-turnclient: .*(password|credential|401)/im.test(bad.text()), bad.text());
});
