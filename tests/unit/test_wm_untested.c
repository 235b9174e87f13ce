/* Addresses that the wallet manager's host has no way to: nothing is approved for what could not be
 * tested. Without a relay, and with addresses that no host has a way to. */
/* links: ct_wmserver ct_kex ct_turn ct_chain ct_base */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "ct_test.h"
#include "wm-server/src/relays/probe.h"
#include "wm-server/src/relays/reprobe.h"
#include "wm-server/src/relays/udp.h"
#include "wm-server/src/relays/vet.h"
#include "wm-server/src/tx/ops.h"

enum {
    TIMEOUT_MS = 200, /* of tests that nobody answers */
    GIVE_UP_S = 900   /* then what this host cannot test is refused */
};

static const uint8_t loopback4[4] = {127, 0, 0, 1};
static const uint8_t nowhere4[4] = {255, 255, 255, 255};    /* a broadcast: refused */
static const uint8_t nowhere6[16] = {0xfe, 0x80, [15] = 1}; /* link-local without a link */

static struct {
    struct ct_relay relay;
    uint64_t now_s;
    bool approves; /* what the test was for */
    unsigned more; /* other relays like it, 0 or 1 */
    unsigned probes;
} world;

static ct_err pending(void *arg, const uint8_t pending32[32], struct ct_relay *out,
                      uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)pending32;
    (void)time_s;
    (void)why;
    *out = world.relay;
    return CT_OK;
}

static ct_err relays(void *arg, struct ct_relay *out, size_t cap, size_t *count, uint64_t *time_s,
                     struct ct_why *why)
{
    (void)arg;
    (void)time_s;
    (void)why;
    (void)cap;
    out[0] = world.relay;
    out[1] = world.relay;
    out[1].index++;
    *count = world.relay.state == CT_RECORD_PENDING ? 0 : 1 + world.more;
    return CT_OK;
}

static ct_err noting_probe(const struct ct_probe *probe, uint32_t *rtt_us, struct ct_why *why)
{
    (void)why;
    world.approves = probe->approves;
    world.probes++;
    *rtt_us = 777;
    return CT_OK;
}

static ct_err unable_probe(const struct ct_probe *probe, uint32_t *rtt_us, struct ct_why *why)
{
    (void)noting_probe(probe, rtt_us, why);
    return ct_why(why, CT_ERR_SYSTEM, "no way");
}

static uint64_t clock_s(void)
{
    return world.now_s;
}

static const struct ct_ledger_ops ledger = {.pending = pending, .relays = relays};
static struct ct_store *store;
static char path[64];

static void begin(enum ct_record_state state)
{
    struct ct_why why = {{0}};
    memset(&world, 0, sizeof world);
    world.now_s = ct_wall_s();
    world.relay = (struct ct_relay){.owner20 = {1},
                                    .state = state,
                                    .index = state == CT_RECORD_PENDING ? 0 : 3,
                                    .listen_port = 9,
                                    .port_min = 50000,
                                    .port_max = 50999,
                                    .expiry_day = UINT16_MAX};
    (void)snprintf(path, sizeof path, "/tmp/ct-untested-%d", (int)getpid());
    CHECK_EQ(ct_store_sqlite(&store, path, &why), CT_OK);
}

static void set4(const uint8_t ip4[4])
{
    memcpy(world.relay.listen_ip4, ip4, 4);
    memcpy(world.relay.relay_ip4, ip4, 4);
}

static void set6(const uint8_t ip6[16])
{
    memcpy(world.relay.listen_ip6, ip6, 16);
    memcpy(world.relay.relay_ip6, ip6, 16);
}

static void end(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    ct_store_free(store);
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
        (void)unlink(name);
    }
}

static struct ct_op asked(void)
{
    struct ct_op_approval approval = {.pending32 = {9}};
    struct ct_op op = {
        .kind = CT_OP_APPROVE_RELAY, .state = CT_OP_CHECKING, .subject = "0x09", .wallet20 = {1}};
    CHECK_EQ(ct_op_put_approval(&op, &approval), CT_OK);
    CHECK_EQ(store->ops->op_add(store, &op), CT_OK);
    CHECK_EQ(store->ops->op_find(store, op.id, &op), CT_OK);
    world.now_s = op.created_s;
    return op;
}

/* The operation after a look at it, wait_s after the one before. */
static struct ct_op look(const struct ct_op *op, uint64_t wait_s,
                         ct_err (*probe)(const struct ct_probe *, uint32_t *, struct ct_why *))
{
    struct ct_op got = {0};
    struct ct_vet vet = {.ledger = {.ops = &ledger},
                         .store = store,
                         .probe = probe,
                         .probe_timeout_ms = TIMEOUT_MS,
                         .allow_private = true,
                         .wall_s = clock_s};
    world.now_s += wait_s;
    ct_vet_one(&vet, op);
    CHECK_EQ(store->ops->op_find(store, op->id, &got), CT_OK);
    return got;
}

static void relay_whose_ipv6_cannot_be_tested_is_refused_after_a_while_and_told_what_to_do(void)
{
    begin(CT_RECORD_PENDING);
    set4(loopback4);
    set6(nowhere6);
    struct ct_op op = asked();
    CHECK_EQ(look(&op, 0, ct_probe_relay).state, CT_OP_CHECKING);
    CHECK_EQ(look(&op, GIVE_UP_S - 1, ct_probe_relay).state, CT_OP_CHECKING);
    struct ct_op got = look(&op, 1, ct_probe_relay);
    CHECK_EQ(got.state, CT_OP_FAILED);
    CHECK(strstr(got.reason, "IPv6 cannot be tested") != NULL);
    CHECK(strstr(got.reason, "[fe80::1]:9") != NULL);
    CHECK(strstr(got.reason, "register IPv4 alone") != NULL);
    CHECK(strstr(got.reason, "give its wallet manager IPv6") != NULL);
    end();
}

static void relay_whose_ipv4_cannot_be_tested_is_refused_likewise(void)
{
    static const uint8_t loopback6[16] = {[15] = 1};
    const struct ct_addr six = ct_addr_ip6(loopback6, 9);
    begin(CT_RECORD_PENDING);
    set4(nowhere4);
    set6(loopback6);
    struct ct_op op = asked();
    CHECK_EQ(look(&op, 0, ct_probe_relay).state, CT_OP_CHECKING);
    struct ct_op got = look(&op, GIVE_UP_S, ct_probe_relay);
    CHECK_EQ(got.state, CT_OP_FAILED);
    CHECK(strstr(got.reason, ct_udp_has_way(&six) ? "register IPv6 alone" : "no way to") != NULL);
    end();
}

/* It may be that the host's network is not up yet: it is tried for a while. */
static void relay_that_this_host_cannot_reach_at_all_waits(void)
{
    begin(CT_RECORD_PENDING);
    set6(nowhere6);
    struct ct_op op = asked();
    CHECK_EQ(look(&op, 0, ct_probe_relay).state, CT_OP_CHECKING);
    end();
}

static void relay_is_approved_when_the_missing_family_comes_up(void)
{
    begin(CT_RECORD_PENDING);
    set4(loopback4);
    set6(nowhere6);
    struct ct_op op = asked();
    CHECK_EQ(look(&op, 0, ct_probe_relay).state, CT_OP_CHECKING);
    CHECK_EQ(look(&op, 60, noting_probe).state, CT_OP_QUEUED);
    end();
}

/* Nothing answers there, but it is IPv4 that is asked: the other family is no reason to fail it. */
static void repeated_test_asks_what_can_be_asked(void)
{
    uint32_t rtt_us = 0;
    struct ct_why why = {{0}};
    static const uint8_t contract20[20] = {7};
    struct ct_secret32 secret;
    struct ct_ed25519 key;
    REQUIRE(ct_random(&secret, sizeof secret) == CT_OK &&
            ct_ed25519_from_seed(&key, &secret) == CT_OK);
    const struct ct_pass_issuer issuer = {.life_s = 60, .key_id = 1, .key = &key};
    struct ct_probe probe = {.issuer = &issuer,
                             .contract20 = contract20,
                             .relay = &world.relay,
                             .timeout_ms = TIMEOUT_MS,
                             .allow_private = true,
                             .now_s = ct_wall_s()};
    begin(CT_RECORD_APPROVED);
    set4(loopback4);
    set6(nowhere6);
    world.relay.key32[0] = 9; /* a point like any other */
    CHECK(ct_probe_relay(&probe, &rtt_us, &why) != CT_OK);
    CHECK(strstr(why.text, "at 127.0.0.1:9") != NULL);
    probe.approves = true;
    CHECK_EQ(ct_probe_relay(&probe, &rtt_us, &why), CT_ERR_SYSTEM);
    CHECK(strstr(why.text, "IPv6 cannot be tested") != NULL);
    end();
}

static void no_round(void *arg, struct ct_loop *loop)
{
    (void)arg;
    (void)loop;
}

/* One round of repeated tests, of relays that are due; act says who revoked them. */
static void look_again(enum ct_relay_act act,
                       ct_err (*probe)(const struct ct_probe *, uint32_t *, struct ct_why *))
{
    struct ct_loop *loop = NULL;
    struct ct_reprobe reprobe = {.ledger = {.ops = &ledger},
                                 .store = store,
                                 .probe = probe,
                                 .bounds = {.every_s = 60, .strikes = 3},
                                 .wall_s = clock_s};
    for (unsigned i = 0; i <= world.more; i++) {
        struct ct_relay relay = world.relay;
        relay.index = (uint16_t)(relay.index + i);
        struct ct_relay_watch watch = {.index = relay.index, .act = act, .acted_s = 1};
        ct_relay_digest(watch.digest32, &relay);
        CHECK_EQ(store->ops->relay_watch_put(store, &watch), CT_OK);
    }
    REQUIRE(ct_loop_start(&loop, 60000, no_round, NULL) == CT_OK);
    ct_reprobe_round(&reprobe, loop);
    ct_loop_stop(loop);
}

static void revoked_relay_comes_back_only_when_all_of_it_is_tested(void)
{
    begin(CT_RECORD_REVOKED);
    set4(loopback4);
    look_again(CT_RELAY_REVOKED, noting_probe);
    CHECK_EQ(world.probes, 1);
    CHECK(world.approves);
    end();
    begin(CT_RECORD_APPROVED);
    set4(loopback4);
    look_again(CT_RELAY_LEFT, noting_probe);
    CHECK_EQ(world.probes, 1);
    CHECK(!world.approves);
    end();
}

static void revoked_relay_that_cannot_be_tested_here_keeps_no_other_from_its_test(void)
{
    struct ct_relay_watch watch;
    begin(CT_RECORD_REVOKED);
    set4(loopback4);
    world.more = 1;
    look_again(CT_RELAY_REVOKED, unable_probe);
    CHECK_EQ(world.probes, 2);
    CHECK_EQ(store->ops->relay_watch_find(store, world.relay.index, &watch), CT_OK);
    CHECK_EQ(watch.strikes, 0);
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(relay_whose_ipv6_cannot_be_tested_is_refused_after_a_while_and_told_what_to_do),
    CT_TEST(relay_whose_ipv4_cannot_be_tested_is_refused_likewise),
    CT_TEST(relay_that_this_host_cannot_reach_at_all_waits),
    CT_TEST(relay_is_approved_when_the_missing_family_comes_up),
    CT_TEST(repeated_test_asks_what_can_be_asked),
    CT_TEST(revoked_relay_comes_back_only_when_all_of_it_is_tested),
    CT_TEST(revoked_relay_that_cannot_be_tested_here_keeps_no_other_from_its_test),
};

int main(void)
{
    return ct_test_main(tests, sizeof tests / sizeof tests[0]);
}
