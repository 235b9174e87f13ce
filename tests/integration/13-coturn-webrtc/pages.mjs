// What runs inside the two pages of a WebRTC call. Each function is sent to its page as text, so it uses
// nothing of this file.

// Makes the page's peer connection, and gathers its candidates; answers the description to be sent.
export async function describe({ iceServers, remote }) {
  const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  globalThis.call = { pc, refused: [] };
  pc.onicecandidateerror = (event) => call.refused.push(event.errorCode);
  call.opened = new Promise((resolve, reject) => {
    const take = (channel) => {
      call.channel = channel;
      channel.binaryType = "arraybuffer";
      channel.onopen = () => resolve();
    };
    if (remote) pc.ondatachannel = ({ channel }) => take(channel);
    else take(pc.createDataChannel("bulk"));
    pc.onconnectionstatechange = () => pc.connectionState === "failed" && reject(new Error("the connection failed"));
  });
  call.opened.catch(() => {}); // asked for later
  const gathered = new Promise((resolve) => (pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && resolve()));
  if (remote) await pc.setRemoteDescription(remote);
  await pc.setLocalDescription();
  await gathered;
  const { type, sdp } = pc.localDescription;
  return { description: { type, sdp }, candidates: sdp.match(/^a=candidate:.*$/gm) ?? [], refused: call.refused };
}

export async function accept(remote) {
  await call.pc.setRemoteDescription(remote);
}

// Until the channel is open; answers the pair of candidates in use.
export async function opened() {
  await call.opened;
  const stats = new Map();
  for (const row of (await call.pc.getStats()).values()) stats.set(row.id, row);
  const transport = [...stats.values()].find((row) => row.type === "transport");
  const pair = stats.get(transport.selectedCandidatePairId);
  const show = ({ candidateType, address, relayProtocol }) => ({ candidateType, address, relayProtocol });
  return { local: show(stats.get(pair.localCandidateId)), remote: show(stats.get(pair.remoteCandidateId)) };
}

// Both ends draw the same bytes from one seed (xorshift32): what arrives is compared byte by byte.
export async function send({ bytes, seed }) {
  const { channel } = call;
  channel.bufferedAmountLowThreshold = 256 * 1024;
  let x = seed;
  for (let sent = 0; sent < bytes; ) {
    const part = new Uint32Array(Math.min(16384, bytes - sent) / 4);
    for (let i = 0; i < part.length; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      part[i] = x;
    }
    channel.send(part);
    sent += part.byteLength;
    if (channel.bufferedAmount > 1024 * 1024) await new Promise((resolve) => (channel.onbufferedamountlow = resolve));
  }
}

export function expect({ bytes, seed }) {
  call.received = new Promise((resolve) => {
    const seen = { bytes: 0, wrong: 0 };
    let x = seed;
    const began = performance.now();
    call.channel.onmessage = ({ data }) => {
      for (const word of new Uint32Array(data)) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        if (word !== x >>> 0) seen.wrong++;
      }
      seen.bytes += data.byteLength;
      if (seen.bytes >= bytes) resolve({ ...seen, ms: Math.round(performance.now() - began) });
    };
  });
}

export async function received() {
  return call.received;
}

export function hangUp() {
  call.pc.close();
}
