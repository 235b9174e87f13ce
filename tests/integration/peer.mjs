// coturn's peer that sends back what comes, on a machine of the test network; there before anything is sent to it.
import { eventually, Failure } from "../testbed/processes.mjs";

export async function startPeer({ programs, platform, network }, host, ip, port) {
  const netns = network.netns(host);
  const peer = programs.start("peer", [platform.program("turnutils_peer"), "-L", ip, "-p", String(port)], { netns });
  const place = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} `);
  let looks = 0;
  const isThere = async () => place.test((await programs.run(`sockets-${++looks}`, ["cat", "/proc/net/udp"], { netns })).text());
  if (!(await eventually(isThere))) throw new Failure("the peer does not listen", peer.log);
  return peer;
}
