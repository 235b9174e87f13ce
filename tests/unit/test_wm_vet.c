/* Vetting of relays with a chain and a test of our own: what passes, fails, and waits. */
/* links: ct_wmserver ct_kex ct_turn ct_chain ct_base */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "ct_test.h"
#include "wm-server/src/tx/ops.h"
#include "wm-server/src/relays/probe.h"
#include "wm-server/src/relays/reach.h"
#include "wm-server/src/relays/vet.h"

static struct {
    ct_err down;
    struct ct_relay pending;
    struct ct_relay known[2];
    size_t known_count;
    ct_err probe;
    unsigned probes, passed;
} world;

static ct_err pending(void *arg, const uint8_t pending32[32], struct ct_relay *out,
                      uint64_t *time_s, struct ct_why *why)
{
    (void)arg;
    (void)pending32;
    (void)time_s;
    *out = world.pending;
    return world.down == CT_OK ? CT_OK : ct_why(why, world.down, "the endpoints are down");
}

static ct_err relays(void *arg, struct ct_relay *out, size_t cap, size_t *count, uint64_t *time_s,
                     struct ct_why *why)
{
    (void)arg;
    (void)time_s;
    (void)why;
    (void)cap;
    memcpy(out, world.known, sizeof world.known);
    *count = world.known_count;
    return CT_OK;
}

static ct_err fake_probe(const struct ct_probe *probe, uint32_t *rtt_us, struct ct_why *why)
{
    (void)probe;
    *rtt_us = 777;
    world.probes++;
    return world.probe == CT_OK ? CT_OK : ct_why(why, world.probe, "the relay does not answer");
}

static void on_passed(void *arg)
{
    (void)arg;
    world.passed++;
}

static const struct ct_ledger_ops ops = {.pending = pending, .relays = relays};
static struct ct_vet vet;
static struct ct_op op;
static char path[64];

static void begin(void)
{
    struct ct_why why = {{0}};
    struct ct_op_approval approval = {.pending32 = {9}};
    memset(&world, 0, sizeof world);
    (void)snprintf(path, sizeof path, "/tmp/ct-vet-%d", (int)getpid());
    vet = (struct ct_vet){.ledger = {.ops = &ops},
                          .probe = fake_probe,
                          .approval_days = 90,
                          .wall_s = ct_wall_s,
                          .passed = on_passed};
    CHECK_EQ(ct_store_sqlite(&vet.store, path, &why), CT_OK);
    world.pending = (struct ct_relay){.owner20 = {1},
                                      .state = CT_RECORD_PENDING,
                                      .listen_port = 3478,
                                      .port_min = 50000,
                                      .port_max = 50999,
                                      .listen_ip4 = {198, 51, 100, 11},
                                      .relay_ip4 = {198, 51, 100, 11}};
    op = (struct ct_op){
        .kind = CT_OP_APPROVE_RELAY, .state = CT_OP_CHECKING, .subject = "0x09", .wallet20 = {1}};
    CHECK_EQ(ct_op_put_approval(&op, &approval), CT_OK);
    CHECK_EQ(vet.store->ops->op_add(vet.store, &op), CT_OK);
}

static struct ct_op after(void)
{
    struct ct_op got = {0};
    ct_vet_one(&vet, &op);
    CHECK_EQ(vet.store->ops->op_find(vet.store, op.id, &got), CT_OK);
    return got;
}

static void end(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    ct_store_free(vet.store);
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
        (void)unlink(name);
    }
}

static void what_passed_is_queued_with_its_digest(void)
{
    struct ct_op_approval approval;
    uint8_t digest[32];
    begin();
    struct ct_op got = after();
    CHECK_EQ(got.state, CT_OP_QUEUED);
    CHECK_EQ(world.passed, 1);
    CHECK_EQ(ct_op_get_approval(&approval, &got), CT_OK);
    ct_relay_digest(digest, &world.pending);
    CHECK_MEM(approval.digest32, digest, 32);
    CHECK_EQ(approval.pending32[0], 9);
    CHECK_EQ(approval.expiry_day, ct_wall_s() / 86400 + 90);
    end();
}

static void failed_test_ends_with_its_reason(void)
{
    begin();
    world.probe = CT_ERR_TIMEOUT;
    struct ct_op got = after();
    CHECK_EQ(got.state, CT_OP_FAILED);
    CHECK_STR(got.reason, "probe-failed: the relay does not answer");
    CHECK_EQ(world.passed, 0);
    end();
}

static void ports_of_another_are_refused_without_a_test(void)
{
    begin();
    world.known[0] = world.pending;
    world.known[0].index = 1;
    world.known[0].state = CT_RECORD_APPROVED;
    world.known[0].port_min = world.known[0].port_max = 50999;
    world.known_count = 1;
    struct ct_op got = after();
    CHECK_EQ(got.state, CT_OP_FAILED);
    CHECK(strstr(got.reason, "relay 1") != NULL);
    CHECK_EQ(world.probes, 0);
    end();
}

static void revoked_relays_ports_are_free(void)
{
    begin();
    world.known[0] = world.pending;
    world.known[0].index = 1;
    world.known[0].state = CT_RECORD_REVOKED;
    world.known_count = 1;
    CHECK_EQ(after().state, CT_OP_QUEUED);
    end();
}

static void relay_may_replace_itself_but_nobody_else(void)
{
    begin();
    world.known[0] = world.pending;
    world.known[0].index = 1;
    world.known[0].state = CT_RECORD_APPROVED;
    world.known_count = 1;
    world.pending.index = 1;
    CHECK_EQ(after().state, CT_OP_QUEUED);
    end();
    begin();
    world.known[0] = world.pending;
    world.known[0].index = 1;
    world.known[0].owner20[0] = 2;
    world.known_count = 1;
    world.pending.index = 1;
    CHECK_EQ(after().state, CT_OP_FAILED);
    end();
}

static void proposal_that_changed_hands_is_refused(void)
{
    begin();
    world.pending.owner20[0] = 2;
    CHECK_EQ(after().state, CT_OP_FAILED);
    CHECK_EQ(world.probes, 0);
    end();
}

/* Half of a family would be listed and never tested: somebody else's address, perhaps. */
static void relayed_address_without_one_to_listen_on_is_refused(void)
{
    begin();
    world.pending.relay_ip6[0] = 0x20;
    world.pending.relay_ip6[1] = 0x01;
    struct ct_op got = after();
    CHECK_EQ(got.state, CT_OP_FAILED);
    CHECK(strstr(got.reason, "both a listening and a relayed address") != NULL);
    CHECK_EQ(world.probes, 0);
    end();
}

/* The API saw another one: the record may be replaced until it is approved. */
static void proposal_that_became_private_is_not_tested(void)
{
    begin();
    world.pending.relay_ip4[0] = 10;
    CHECK_EQ(after().state, CT_OP_FAILED);
    CHECK_EQ(world.probes, 0);
    end();
    begin();
    vet.allow_private = true;
    world.pending.relay_ip4[0] = 10;
    CHECK_EQ(after().state, CT_OP_QUEUED);
    end();
}

static void fault_of_this_host_leaves_it_waiting(void)
{
    begin();
    world.probe = CT_ERR_SYSTEM;
    CHECK_EQ(after().state, CT_OP_CHECKING);
    end();
}

static void chain_that_is_down_leaves_it_waiting(void)
{
    begin();
    world.down = CT_ERR_QUORUM;
    CHECK_EQ(after().state, CT_OP_CHECKING);
    world.down = CT_OK;
    CHECK_EQ(after().state, CT_OP_QUEUED);
    end();
}

static void test_traffic_goes_to_the_internet_only(void)
{
    static const uint8_t good4[][4] = {{198, 51, 100, 11}, {8, 8, 8, 8}, {172, 32, 0, 1}};
    static const uint8_t bad4[][4] = {{127, 0, 0, 1},      {10, 1, 2, 3},    {172, 16, 0, 1},
                                      {172, 31, 255, 255}, {192, 168, 1, 1}, {169, 254, 169, 254},
                                      {100, 64, 0, 1},     {0, 0, 0, 0},     {224, 0, 0, 1},
                                      {255, 255, 255, 255}};
    static const uint8_t good6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    static const uint8_t bad6[][16] = {{[15] = 1},
                                       {0xfe, 0x80, [15] = 1},
                                       {0xfd, 0, [15] = 1},
                                       {0xff, 0x02, [15] = 1},
                                       {[10] = 0xff, 0xff, 127, 0, 0, 1},
                                       {0x20, 0x02, 127, 0, 0, 1}};
    for (size_t i = 0; i < sizeof good4 / sizeof good4[0]; i++) {
        CHECK(ct_reach_ip4(good4[i]));
    }
    for (size_t i = 0; i < sizeof bad4 / sizeof bad4[0]; i++) {
        CHECK(!ct_reach_ip4(bad4[i]));
    }
    CHECK(ct_reach_ip6(good6));
    for (size_t i = 0; i < sizeof bad6 / sizeof bad6[0]; i++) {
        CHECK(!ct_reach_ip6(bad6[i]));
    }
}

static void silent_address_fails_the_test_in_time(void)
{
    struct ct_ed25519 key;
    struct ct_secret32 seed = {{1}};
    struct ct_why why = {{0}};
    uint32_t rtt_us = 0;
    struct ct_x25519 relay_key;
    REQUIRE(ct_ed25519_from_seed(&key, &seed) == CT_OK);
    REQUIRE(ct_x25519_from_secret(&relay_key, &seed) == CT_OK);
    struct ct_pass_issuer issuer = {.key_id = 1, .key = &key, .life_s = 300};
    struct ct_relay relay = {.listen_port = 1, .port_min = 2000, .port_max = 3000};
    const uint8_t here[4] = {127, 0, 0, 1};
    memcpy(relay.listen_ip4, here, 4);
    memcpy(relay.relay_ip4, here, 4);
    memcpy(relay.key32, relay_key.public32, 32);
    const struct ct_probe probe = {
        .issuer = &issuer, .relay = &relay, .timeout_ms = 400, .now_s = ct_wall_s()};
    uint64_t began = ct_mono_ms();
    CHECK_EQ(ct_probe_relay(&probe, &rtt_us, &why), CT_ERR_TIMEOUT);
    CHECK(ct_mono_ms() - began < 30000);
    CHECK(strstr(why.text, "127.0.0.1:1") != NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(what_passed_is_queued_with_its_digest),
    CT_TEST(failed_test_ends_with_its_reason),
    CT_TEST(ports_of_another_are_refused_without_a_test),
    CT_TEST(revoked_relays_ports_are_free),
    CT_TEST(relay_may_replace_itself_but_nobody_else),
    CT_TEST(proposal_that_changed_hands_is_refused),
    CT_TEST(relayed_address_without_one_to_listen_on_is_refused),
    CT_TEST(proposal_that_became_private_is_not_tested),
    CT_TEST(fault_of_this_host_leaves_it_waiting),
    CT_TEST(chain_that_is_down_leaves_it_waiting),
    CT_TEST(test_traffic_goes_to_the_internet_only),
    CT_TEST(silent_address_fails_the_test_in_time),
};
CT_TEST_MAIN(tests)
