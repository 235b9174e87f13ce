/*
 * A platform to look at: a chain with relays in every state, and a store with devices, tests,
 * operations and a few names that no contract would take. Prints its places as JSON and keeps the
 * chain until standard input ends.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "anvil.h"
#include "base/clock.h"
#include "chain/registry_client.h"
#include "chain/send.h"
#include "service/init.h"
#include "store/store.h"

#define HOSTILE "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>\"&"

enum { DEVICES = 137, RELAYS = 5, DAY_S = 86400 };

static struct ct_anvil anvil;
static struct ct_bundle bundle;
static struct ct_chain *chain;
static struct ct_store *store;
static const char *dir;

static void must(bool good, const char *what, const struct ct_why *why)
{
    if (!good) {
        (void)fprintf(stderr, "showcase: %s: %s\n", what, why == NULL ? "" : why->text);
        ct_anvil_stop(&anvil);
        exit(1);
    }
}

static const char *in_dir(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static unsigned free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 &&
                getsockname(fd, (struct sockaddr *)&at, &len) == 0;
    (void)close(fd);
    return good ? ntohs(at.sin_port) : 0;
}

static void make_platform(void)
{
    struct ct_wallet owner;
    struct ct_why why = {{0}};
    char port[8], tls_port[8], key[256];
    ct_anvil_bundle(&bundle, &anvil);
    (void)snprintf(port, sizeof port, "%u", free_port());
    (void)snprintf(tls_port, sizeof tls_port, "%u", free_port());
    (void)snprintf(key, sizeof key, "%s", in_dir("owner.key"));
    must(ct_wallet_load_or_create(&owner, NULL, key, &why) == CT_OK &&
             ct_anvil_fund(&anvil, owner.addr20),
         "owner", &why);
    const char *const words[] = {"init",        "--rpc",          bundle.rpc[0], "--rpc",
                                 bundle.rpc[1], "--rpc",          bundle.rpc[2], "--dir",
                                 dir,           "--address",      "127.0.0.1",   "--port",
                                 port,          "--tls-port",     tls_port,      "--owner-key",
                                 key,           "--operator",     "127.0.0.1:0", "--approver-ether",
                                 "2",           "--allow-private"};
    enum { COUNT = sizeof words / sizeof words[0] };
    char *args[COUNT + 1] = {NULL};
    for (size_t i = 0; i < COUNT; i++) {
        args[i] = strdup(words[i]);
    }
    must(ct_init_main(COUNT, args) == 0, "init", NULL);
    for (size_t i = 0; i < COUNT; i++) {
        free(args[i]);
    }
    must(ct_bundle_read(&bundle, in_dir("bundle.json"), &why) == CT_OK &&
             ct_chain_open(&chain, &bundle, NULL, &why) == CT_OK,
         "bundle", &why);
}

static void send_as(const struct ct_wallet *wallet, const struct ct_wr *w)
{
    struct ct_why why = {{0}};
    struct ct_receipt receipt = {0};
    const struct ct_send tx = {.to20 = bundle.contract20, .data = w->buf, .data_len = w->len};
    must(ct_wr_end(w) == CT_OK &&
             ct_send_and_wait(chain, wallet, &tx, 1, 60000, &receipt, &why) == CT_OK,
         "transaction", &why);
    ct_receipt_free(&receipt);
}

static void note_tests(const uint8_t pending32[32], unsigned number, const char *verdict)
{
    const uint64_t now_s = ct_wall_s();
    bool passed = strcmp(verdict, "passed") == 0;
    struct ct_relay_row row = {.index = passed ? (uint16_t)number : 0,
                               .checked_s = now_s - 90ull * number,
                               .rtt_us = passed ? 18000 + 700 * number : 0};
    for (unsigned i = 0; i < 24; i++) {
        struct ct_relay_test t = {.at_s = now_s - (24ull - i) * 1800,
                                  .rtt_us = 15000 + (i * 7919 * number) % 9000};
        t.rtt_us = number == 3 && i % 7 == 6 ? 0 : t.rtt_us;
        t.rtt_us = number == 2 && i > 18 ? t.rtt_us * 3 : t.rtt_us;
        t.rtt_us = passed ? t.rtt_us : 0;
        must(store->ops->test_add(store, pending32, &t) == CT_OK, "test", NULL);
    }
    memcpy(row.pending32, pending32, 32);
    memset(row.owner20, (int)number, 20);
    (void)snprintf(row.verdict, sizeof row.verdict, "%s", verdict);
    must(store->ops->relay_put(store, &row) == CT_OK, "relay", NULL);
}

/* Registered by an operator of its own, approved until that day. */
static void make_relay(const struct ct_wallet *approver, uint8_t number, uint64_t days)
{
    struct ct_wallet owner;
    struct ct_relay relay = {.listen_port = 3478,
                             .port_min = 49152,
                             .port_max = 65535,
                             .listen_ip4 = {198, 51, 100, (uint8_t)(10 + number)},
                             .relay_ip4 = {198, 51, 100, (uint8_t)(10 + number)}};
    const uint8_t salt[32] = {number};
    uint8_t buf[512], pending32[32], digest32[32];
    memset(relay.key32, number, 32);
    if (number == 2) {
        const uint8_t ip6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};
        memcpy(relay.listen_ip6, ip6, 16);
        memcpy(relay.relay_ip6, ip6, 16);
    }
    must(ct_wallet_new(&owner) == CT_OK && ct_anvil_fund(&anvil, owner.addr20), "relay's owner",
         NULL);
    struct ct_wr w = ct_wr_init(buf, sizeof buf);
    ct_call_register_server(&w, salt, &relay);
    send_as(&owner, &w);
    memcpy(relay.owner20, owner.addr20, 20);
    ct_relay_digest(digest32, &relay);
    ct_registry_pending_id(pending32, owner.addr20, salt);
    w = ct_wr_init(buf, sizeof buf);
    ct_call_approve_server(&w, pending32, digest32, (uint16_t)(ct_wall_s() / DAY_S + days));
    send_as(approver, &w);
    if (number == 4) {
        w = ct_wr_init(buf, sizeof buf);
        ct_call_revoke_server(&w, number);
        send_as(approver, &w);
    }
    if (number != 5) { /* one is not tested by this platform */
        note_tests(pending32, number, "passed");
    }
}

static void make_relays(void)
{
    struct ct_wallet approver;
    struct ct_why why = {{0}};
    must(ct_wallet_load(&approver, in_dir("approver.key"), &why) == CT_OK, "approver", &why);
    for (unsigned number = 1; number <= RELAYS; number++) {
        make_relay(&approver, (uint8_t)number, number == 3 ? 3 : 60);
    }
    ct_wallet_wipe(&approver);
    note_tests((const uint8_t[32]){0xee}, 8,
               "no answer to the test allocation from 203.0.113.9:3478; "
               "is the relay up, and its port open?");
    note_tests((const uint8_t[32]){0xef}, 9, HOSTILE);
}

static void make_devices(void)
{
    static const char *const places[] = {"door", "sensor", "camera", "meter", "gate"};
    for (unsigned i = 0; i < DEVICES; i++) {
        struct ct_device_row d = {.relay = (uint16_t)(i % 11 == 7 ? 0 : 1 + i % 3),
                                  .port = (uint16_t)(49152 + i * 13),
                                  .sequence = (uint16_t)(1 + i % 4),
                                  .expiry_day = (uint16_t)(ct_wall_s() / DAY_S + 5 + i * 3ull),
                                  .block = 20 + i};
        memset(d.wallet20, (int)(i + 1), 20);
        (void)snprintf(d.identity, sizeof d.identity, "%s-%03u@plant:%u", places[i % 5], i, i % 4);
        must(store->ops->device_put(store, &d) == CT_OK, "device", NULL);
    }
    struct ct_device_row bad = {.relay = 1, .expiry_day = 1};
    (void)snprintf(bad.identity, sizeof bad.identity, "%.63s", HOSTILE);
    must(store->ops->device_put(store, &bad) == CT_OK, "device", NULL);
}

static void fill_store(void)
{
    struct ct_why why = {{0}};
    struct ct_op op = {.kind = CT_OP_REVOKE_PASS, .state = CT_OP_CHECKING};
    must(ct_store_sqlite(&store, in_dir("wm.sqlite"), &why) == CT_OK, "store", &why);
    make_relays();
    make_devices();
    (void)snprintf(op.subject, sizeof op.subject, "%.79s", HOSTILE);
    must(store->ops->op_add(store, &op) == CT_OK, "operation", NULL);
    ct_store_free(store);
}

int main(int argc, char **argv)
{
    char c;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    dir = argv[1];
    must(ct_anvil_start(&anvil), "anvil", NULL);
    make_platform();
    fill_store();
    ct_chain_free(chain);
    printf("{\"conf\":\"%s\",\"rpc\":\"http://127.0.0.1:%u\",\"anvil\":%d}\n",
           in_dir("wm-server.conf"), anvil.port, (int)anvil.pid);
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &c, 1) > 0) {
    }
    ct_anvil_stop(&anvil);
    return 0;
}
