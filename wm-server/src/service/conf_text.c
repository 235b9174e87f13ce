/* A commented wm-server.conf. */
#include "service/conf_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain/key.h"

static const char format[] =
    "# wm-server: see wm-server.conf(5). Paths are relative to this file's folder.\n"
    "\n"
    "[chain]\n"
    "# The bundle that relays and devices are given: chain, checkpoint, code.\n"
    "bundle = bundle.json\n"
    "# This server's own view of it: the contract, and the endpoints it asks (one a line), of\n"
    "# which quorum must agree. Without them it uses the bundle's.\n"
    "contract = %s\n"
    "%s"
    "quorum = %u\n"
    "# Blocks until a transaction counts as done, its own included.\n"
    "confirmations = 1\n"
    "# Registrations are gathered this long (ms), and so many go into one transaction (1 to 64).\n"
    "window-ms = 250\n"
    "batch = 64\n"
    "# A transaction that is in no block is offered again and, later, for an eighth more a unit "
    "of\n"
    "# gas, up to the highest fee.\n"
    "repeat-s = 10\n"
    "bump-s = 30\n"
    "fee-max-gwei = 500\n"
    "\n"
    "[keys]\n"
    "# The hot account that approves; it needs a little ether. A raw key or a keystore in a file,\n"
    "# or pkcs11:.. for one in a token; with approver-passphrase, where its passphrase or PIN is.\n"
    "approver = %s\n"
    "# The hot account that pays for the gas of devices on the funded road. Without it no device\n"
    "# is paid for; the sponsored road needs none.\n"
    "funder = %s\n"
    "# Signs passes and tokens; pass-id is its number in the contract.\n"
    "pass = wm-pass.key\n"
    "pass-id = %u\n"
    "# Opens enrolment handshakes.\n"
    "handshake = wm-handshake.key\n"
    "\n"
    "[listen]\n"
    "# Plain HTTP for the enrolment handshake (it protects itself), and TLS-PSK for the rest.\n"
    "handshake = %s:%u\n"
    "tls = %s:%u\n"
    "# For operators: page, metrics, readiness, events. Only this host reaches it; none: no such "
    "listener.\n"
    "operator = %s\n"
    "# On another address, operators show certificates that these authorities signed (PEM files).\n"
    "#operator-certificate = operator.pem\n"
    "#operator-key = operator.key\n"
    "#operator-clients = operators-ca.pem\n"
    "\n"
    "[store]\n"
    "# SQLite: tokens used, passes, operations, transactions. wm-admin store backup copies it.\n"
    "path = wm.sqlite\n"
    "# Or a Redis of its own instead, one that syncs each write (appendfsync always).\n"
    "#redis = unix:/run/redis/redis.sock\n"
    "#redis-password-file = redis.password\n"
    "\n"
    "[relays]\n"
    "# Days until an approval ends (1 to 1096), seconds for the test of one relay.\n"
    "approval-days = 90\n"
    "probe-timeout-s = 15\n"
    "# Seconds between two tests of an approved relay (0: none), failed ones in a row that revoke "
    "it\n"
    "# (0: none do), and the seconds that these must span at least. It is reinstated when it "
    "answers.\n"
    "reprobe-s = 600\n"
    "strikes = 3\n"
    "grace-s = 3600\n"
    "# yes: relays on private and loopback addresses. Only for tests on one host.\n"
    "allow-private = %s\n"
    "# Own IPv4 address that the test's data comes from; for a host with several.\n"
    "#probe-address = 198.51.100.20\n"
    "\n"
    "[devices]\n"
    "# Longest registration, in days.\n"
    "max-days = 366\n"
    "\n"
    "[funding]\n"
    "# Bounds of what is paid for one device: gas, and gwei for each unit of it.\n"
    "gas-max = 150000\n"
    "fee-max-gwei = 200\n"
    "# And for all devices together (1,000,000,000 gwei are one ether).\n"
    "per-hour-gwei = 250000000\n"
    "per-day-gwei = 2000000000\n"
    "\n"
    "[passes]\n"
    "# Seconds that a pass lives (300 to 86400).\n"
    "lifetime-s = 86400\n"
    "\n"
    "[audit]\n"
    "# What was done with keys, tokens and money, each line chained to the one before it: keep "
    "it.\n"
    "path = audit.log\n"
    "rotate-mb = 64\n"
    "\n"
    "[alerts]\n"
    "# Days that the hot accounts' ether lasts at least, or the log says so (0: never).\n"
    "runway-days = 7\n"
    "# The most gwei that each of them should hold, for a thief of its key to find (0: any); what "
    "is\n"
    "# above belongs to a cold account.\n"
    "balance-max-gwei = 10000000000\n"
    "\n"
    "[limits]\n"
    "# Connections of one listener and of one client address; seconds until an idle one is "
    "closed.\n"
    "connections = 256\n"
    "connections-per-address = 64\n"
    "timeout-s = 10\n"
    "# Requests a minute, and as many at once, of one party (name and wallet), one token, and one\n"
    "# address prefix (/24 or /48); 0 is no limit.\n"
    "party-per-minute = 120\n"
    "token-per-minute = 60\n"
    "prefix-per-minute = 6000\n"
    "\n"
    "[log]\n"
    "# error, warn, info or debug.\n"
    "level = info\n"
    "# text, or json: one object a line.\n"
    "format = text\n";

static void endpoint_lines(char *out, size_t cap, const struct ct_bundle *b)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < b->rpc_count && at < cap; i++) {
        int n = snprintf(out + at, cap - at, "rpc = %s\n", b->rpc[i]);
        at += n > 0 ? (size_t)n : 0;
    }
}

ct_err ct_conf_text(char **out, const struct ct_conf_text *c)
{
    char contract[CT_ADDR_TEXT_LEN];
    char endpoints[CT_BUNDLE_RPC_MAX * (CT_BUNDLE_URL_MAX + 8)];
    ct_addr_text(contract, c->bundle->contract20);
    endpoint_lines(endpoints, sizeof endpoints, c->bundle);
    unsigned char ip[16];
    char bracketed[64];
    const char *host = "0.0.0.0";
    if (inet_pton(AF_INET, c->address, ip) == 1) {
        host = c->address;
    } else if (inet_pton(AF_INET6, c->address, ip) == 1) {
        (void)snprintf(bracketed, sizeof bracketed, "[%.45s]", c->address);
        host = bracketed;
    }
    char *text = NULL;
    size_t room = sizeof format;
    for (int pass = 0; pass < 2; pass++) {
        int n = snprintf(text, text == NULL ? 0 : room, format, contract, endpoints,
                         c->bundle->quorum, c->approver, c->funder, c->pass_key_id, host, c->port,
                         host, c->tls_port, c->operator_at, c->allow_private ? "yes" : "no");
        if (n < 0) {
            free(text);
            return CT_ERR_SYSTEM;
        }
        if (text == NULL) {
            room = (size_t)n + 1;
            text = malloc(room);
            if (text == NULL) {
                return CT_ERR_NOMEM;
            }
        }
    }
    *out = text;
    return CT_OK;
}
