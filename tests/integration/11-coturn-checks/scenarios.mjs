// What coturn's own example scripts run, as data: servers with their options, and clients with theirs.
//
// `-n` and `-m` of the scripts are made smaller, and the messages closer together; all else is as there. With the
// module on a peer stands on an address that is not the server's own, where only relayed ports may be reached. Left out:
// secure_sctp_client, which needs SCTP of the kernel, and the databases that the relay is not built with.
const REALM = "north.gov";
const ADDRESSES = ["-L", "127.0.0.1", "-L", "::1", "-E", "127.0.0.1", "-E", "::1", "--allow-loopback-peers"];
const LONG_TERM = ["-a", "-r", REALM, "--user=ninefingers:youhavetoberealistic", "--user=gorst:hero"];
const NINE = ["-u", "ninefingers", "-w", "youhavetoberealistic"];
const GORST = ["-u", "gorst", "-w", "hero"];

// what: as the script is called. to: the server's address. peer: its address, or none for client to client.
const client = (what, to, options) => ({ what, to, options });
const streams = (options) => options.includes("-T"); // to the peer, too

const secure = (more, { peer, peer6 }) => [
  client("secure_udp_client", "::1", ["-e", peer, "-X", "-g", ...NINE, ...more]),
  client("secure_udp_c2c", "::1", ["-s", "-g", ...NINE, "-y", ...more]),
  client("secure_tcp_client", "::1", ["-t", "-e", peer, "-X", "-g", ...GORST, ...more]),
  client("secure_tcp_client_c2c_tcp_relay", "127.0.0.1", ["-T", "-y", "-g", ...GORST, ...more]),
  client("secure_tls_client", "::1", ["-t", "-S", "-k", "@client.key", "-e", peer, "-X", "-g", ...GORST, ...more]),
  client("secure_tls_client_c2c_tcp_relay", "::1", ["-T", "-S", "-k", "@client.key", "-y", "-g", ...GORST, ...more]),
  client("secure_dtls_client", "127.0.0.1", ["-S", "-k", "@client.key", ...peer6, "-x", "-g", ...NINE, "-s", ...more]),
];

const basic = (credentials, { peer }) => [
  client("udp_client", "127.0.0.1", ["-D", "-e", peer, "-g", "-X", ...credentials]),
  client("udp_c2c_client", "127.0.0.1", ["-y", ...credentials]),
  client("tcp_client", "::1", ["-t", "-l", "3037", "-e", peer, "-g", "-X", ...credentials]),
  client("tcp_client_c2c_tcp_relay", "::1", ["-T", "-y", "-g", ...credentials]),
];

const CERTIFICATES = ["--cert=@server.crt", "--pkey=@server.key", "--cipher-list=ALL:@SECLEVEL=0"];

// What the Redis scenarios find there: coturn's own key of gorst, and a secret.
export const REDIS_ROWS = [`set turn/realm/${REALM}/user/gorst/key 7da2270ccfa49786e0115366d3a3d14d`, `sadd turn/realm/${REALM}/secret logen`];
const IN_REDIS = ["--redis-userdb=ip=127.0.0.1 dbname=2 connect_timeout=30", "--redis-statsdb=ip=127.0.0.1 dbname=3 connect_timeout=30"];

// As the dos_attack scripts: clients that begin (-O), send to what they never asked for (-G), disconnect at random (-R)
// and load the server (-B); they are ended before they are done.
export const attacks = ({ peer, peer6 }) => [["-O"], ["-B", "-N", "-R"]].flatMap((how) => [
  client("-y", "::1", [...how, "-G", "-g", ...NINE, "-y"]),
  client("-e", "::1", [...how, "-G", "-e", peer, "-X", "-g", ...NINE]),
  client("-t", "::1", [...how, "-G", "-t", "-e", peer, "-X", "-g", ...GORST]),
  client("-T", "::1", [...how, "-G", "-T", "-y", "-g", ...GORST]),
  client("-S", "127.0.0.1", [...how, "-G", "-S", "-k", "@client.key", ...peer6, "-x", "-g", ...NINE, "-s"]),
  client("-t -S", "::1", [...how, "-G", "-t", "-S", "-k", "@client.key", "-e", peer, "-X", "-g", ...GORST]),
]);

export const peersOf = (module) => (module ? { peer: "127.0.0.9", peer6: ["-y"] } : { peer: "127.0.0.1", peer6: ["-e", "::1"] });

// The servers of one run; each has a port of its own, and what runs against it.
export function servers(module) {
  const where = peersOf(module);
  const all = [
    { name: "basic", options: module ? [...LONG_TERM, "-f"] : ["--no-auth", "-f", "--max-bps=3000000"],
      clients: basic(module ? GORST : [], where) },
    { name: "longtermsecure", options: [...LONG_TERM, ...CERTIFICATES, "-f", "--max-bps=3000000"], tls: true, clients: secure([], where) },
    { name: "longtermsecure, certificates", options: ["-a", "-r", "bolt.co", "--user=bolt:kwyjibo", ...CERTIFICATES, "--CA-file=@ca.crt"], tls: true,
      clients: ["-t", ""].map((kind) => client(kind ? "secure_tls_client_cert" : "secure_dtls_client_cert", "127.0.0.1",
        [...(kind ? [kind] : []), "-S", "-i", "@server.crt", "-k", "@server.key", "-E", "@ca.crt", "-e", where.peer, "-X", "-g", "-u", "bolt", "-w", "kwyjibo", "-s"])) },
    { name: "mobile", options: [...LONG_TERM, ...CERTIFICATES, "-f", "--mobility"], tls: true,
      // moving a TLS or DTLS connection to another thread ends it in this version, as upstream ships it
      clients: secure(["-M"], where).filter((one) => /^secure_(udp|tcp)/.test(one.what)) },
    { name: "restapi", options: ["-a", "-r", REALM, "--use-auth-secret", "--static-auth-secret=logen", "-q", "100", "-Q", "300", "-f"],
      clients: [client("secure_udp_client_with_secret", "::1", ["-s", "-e", where.peer, "-X", "-g", "-u", "ninefingers", "-W", "logen"]),
        client("run_tests, TCP", "127.0.0.1", ["-t", "-e", where.peer, "-X", "-g", "-u", "user", "-W", "logen"])] },
    { name: "selfloadbalance", options: [...LONG_TERM, "-f", "--udp-self-balance", "--aux-server=127.0.0.1:+2", "--aux-server=[::1]:+2"],
      clients: [client("through the balancer", "::1", ["-e", where.peer, "-X", "-g", ...NINE]),
        { ...client("at the auxiliary port", "::1", ["-g", ...NINE, "-y"]), plus: 2 }] },
    { name: "loadbalance", options: [...LONG_TERM, "-f", "--alternate-server=127.0.0.1:+4", "--alternate-server=127.0.0.1:+6"], ipv4: true, slaves: [4, 6],
      clients: [client("udp_c2c", "127.0.0.1", ["-g", ...NINE, "-y"]), client("tcp_c2c_tcp_relay", "127.0.0.1", ["-T", "-g", ...GORST, "-y"])] },
    { name: "longtermsecuredb, SQLite", options: ["-a", "-r", REALM, "-f"], admin: ["-a", "-u", "gorst", "-p", "hero"],
      clients: [client("secure_udp_client", "::1", ["-e", where.peer, "-X", "-g", ...GORST])] },
    { name: "longtermsecuredb, Redis", options: ["-a", "-r", REALM, "-f", ...IN_REDIS], onRedis: true,
      clients: [client("secure_udp_client", "::1", ["-e", where.peer, "-X", "-g", ...GORST])] },
    { name: "restapi, SQLite", options: ["-a", "-r", REALM, "-f", "--use-auth-secret"], admin: ["-s", "logen"],
      clients: [client("secure_udp_client_with_secret", "::1", ["-s", "-e", where.peer, "-X", "-g", "-u", "ninefingers", "-W", "logen"])] },
    { name: "restapi, Redis", options: ["-a", "-r", REALM, "-f", "--use-auth-secret", ...IN_REDIS], onRedis: true,
      clients: [client("secure_udp_client_with_secret", "::1", ["-s", "-e", where.peer, "-X", "-g", "-u", "ninefingers", "-W", "logen"])] },
  ];
  all.forEach((server, i) => Object.assign(server, { port: 3478 + i * 10 + (module ? 500 : 0), realm: REALM }));
  for (const { clients } of all) for (const one of clients) one.stream = streams(one.options);
  return all;
}

export const serverAddresses = (ipv4) => (ipv4 ? ["-L", "127.0.0.1", "-E", "127.0.0.1", "--allow-loopback-peers"] : ADDRESSES);
