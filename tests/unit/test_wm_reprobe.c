/* Repeated tests of relays, with a chain, a clock and a network of our own: who is revoked, who
 * comes back, and who is left alone. */
/* links: ct_wmserver ct_testredis ct_kex ct_turn ct_chain ct_base */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "ct_test.h"
#include "redis_server.h"
#include "temp_dir.h"
#include "wm-server/src/tx/ops.h"
#include "wm-server/src/relays/probe.h"
#include "wm-server/src/relays/reprobe.h"

enum { RELAYS = 3, STRIKES = 3 };

#define EVERY_S UINT64_C(600)
#define GRACE_S UINT64_C(3600)
#define DAY_S UINT64_C(86400)

static struct {
    uint64_t now_s;
    struct ct_relay relays[RELAYS];
    size_t count;
    bool silent[RELAYS];
    unsigned probes[RELAYS];
    unsigned queued;
} world;

static struct ct_redis_server redis;
static bool is_on_redis;
static struct ct_reprobe reprobe;
static struct ct_loop *loop;
static char path[64];

static ct_err relays(void *arg, struct ct_relay *out, size_t cap, size_t *count, uint64_t *time_s,
                     struct ct_why *why)
{
    (void)arg;
    (void)cap;
    (void)time_s;
    (void)why;
    memcpy(out, world.relays, sizeof world.relays);
    *count = world.count;
    return CT_OK;
}

static ct_err fake_probe(const struct ct_probe *probe, uint32_t *rtt_us, struct ct_why *why)
{
    size_t i = probe->relay->index - 1u;
    world.probes[i]++;
    *rtt_us = world.silent[i] ? 0 : 777;
    return world.silent[i] ? ct_why(why, CT_ERR_TIMEOUT, "the relay does not answer") : CT_OK;
}

static uint64_t wall_s(void)
{
    return world.now_s;
}

static void on_queued(void *arg)
{
    (void)arg;
    world.queued++;
}

static void no_round(void *arg, struct ct_loop *l)
{
    (void)arg;
    (void)l;
}

static ct_err open_store(struct ct_why *why)
{
    if (!is_on_redis) {
        return ct_store_sqlite(&reprobe.store, path, why);
    }
    return ct_redis_server_say(&redis, "+OK", "FLUSHALL")
               ? ct_store_redis(&reprobe.store, redis.address, NULL, why)
               : CT_ERR_IO;
}

static void begin(size_t count)
{
    static const struct ct_ledger_ops ops = {.relays = relays};
    struct ct_why why = {{0}};
    memset(&world, 0, sizeof world);
    world.now_s = 1800000000;
    world.count = count;
    for (unsigned i = 0; i < RELAYS; i++) {
        world.relays[i] = (struct ct_relay){.owner20 = {(uint8_t)(i + 1)},
                                            .index = (uint16_t)(i + 1),
                                            .state = CT_RECORD_APPROVED,
                                            .expiry_day = UINT16_MAX,
                                            .listen_port = 3478,
                                            .listen_ip4 = {198, 51, 100, (uint8_t)i}};
    }
    (void)snprintf(path, sizeof path, "%s/ct-reprobe-%d", temp_dir_base(), (int)getpid());
    reprobe = (struct ct_reprobe){
        .ledger = {.ops = &ops},
        .probe = fake_probe,
        .approver20 = {0xaa},
        .bounds = {.every_s = EVERY_S, .strikes = STRIKES, .grace_s = GRACE_S, .timeout_ms = 100},
        .wall_s = wall_s,
        .queued = on_queued};
    CHECK_EQ(open_store(&why), CT_OK);
    CHECK_EQ(ct_loop_start(&loop, 60000, no_round, NULL), CT_OK);
}

static void end(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    ct_loop_stop(loop);
    ct_store_free(reprobe.store);
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
        (void)unlink(name);
    }
}

/* What the transaction manager does, at once and well. */
static void settle(enum ct_op_kind kind, enum ct_op_state to)
{
    struct ct_op op;
    size_t count = 0;
    struct ct_store *s = reprobe.store;
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, kind, &op, 1, &count), CT_OK);
    if (count == 1) {
        size_t i = (size_t)atoi(op.subject) - 1;
        CHECK_EQ(s->ops->op_move(s, op.id, CT_OP_QUEUED, to, NULL, 0, ""), CT_OK);
        if (to == CT_OP_DONE) {
            world.relays[i].state =
                kind == CT_OP_REVOKE_RELAY ? CT_RECORD_REVOKED : CT_RECORD_APPROVED;
        }
    }
}

static size_t waiting(enum ct_op_kind kind, struct ct_op *op)
{
    size_t count = 0;
    CHECK_EQ(reprobe.store->ops->op_list(reprobe.store, CT_OP_QUEUED, kind, op, 1, &count), CT_OK);
    return count;
}

/* Rounds for so long, or until an operation of that kind waits (0: do not look): each 30 s, and
 * each 5 minutes of days.
 */
static bool pass(uint64_t seconds, unsigned kind)
{
    struct ct_op op;
    uint64_t until = world.now_s + seconds;
    unsigned looked = UINT_MAX; /* when so many had been queued: a day has many rounds */
    const uint64_t step_s = seconds < DAY_S ? 30 : 300;
    while (world.now_s < until) {
        world.now_s += step_s;
        ct_reprobe_round(&reprobe, loop);
        if (kind != 0 && world.queued != looked && waiting((enum ct_op_kind)kind, &op) == 1) {
            return true;
        }
        looked = world.queued;
    }
    return kind != 0 && waiting((enum ct_op_kind)kind, &op) == 1;
}

static void one_that_falls_silent_is_revoked_after_strikes_and_grace(void)
{
    struct ct_op op;
    struct ct_relay_watch w;
    begin(2);
    CHECK(!pass(7200, CT_OP_REVOKE_RELAY));
    CHECK(world.probes[0] >= 9 && world.probes[0] <= 15);
    world.silent[0] = true;
    uint64_t began_s = world.now_s;
    REQUIRE(pass(3 * GRACE_S, CT_OP_REVOKE_RELAY));
    CHECK(world.now_s >= began_s + GRACE_S);
    CHECK(world.now_s <= began_s + GRACE_S + 3 * EVERY_S);
    CHECK_EQ(waiting(CT_OP_REVOKE_RELAY, &op), 1);
    CHECK_STR(op.subject, "1");
    CHECK_EQ(op.wallet20[0], 0xaa);
    CHECK_EQ(world.queued, 1);
    CHECK_EQ(reprobe.store->ops->relay_watch_find(reprobe.store, 1, &w), CT_OK);
    CHECK_EQ(w.act, CT_RELAY_REVOKED);
    CHECK_EQ(reprobe.store->ops->relay_watch_find(reprobe.store, 2, &w), CT_OK);
    CHECK(w.act == CT_RELAY_LEFT && w.strikes == 0);
    end();
}

static void one_answer_takes_the_strikes_away(void)
{
    struct ct_relay_watch w;
    begin(2);
    reprobe.bounds.strikes = 10;
    reprobe.bounds.grace_s = 0;
    world.silent[0] = true;
    CHECK(!pass(5 * EVERY_S, CT_OP_REVOKE_RELAY));
    CHECK_EQ(reprobe.store->ops->relay_watch_find(reprobe.store, 1, &w), CT_OK);
    CHECK(w.strikes >= 3 && w.strikes <= 6);
    world.silent[0] = false;
    CHECK(!pass(2 * EVERY_S, CT_OP_REVOKE_RELAY));
    CHECK_EQ(reprobe.store->ops->relay_watch_find(reprobe.store, 1, &w), CT_OK);
    CHECK_EQ(w.strikes, 0);
    world.silent[0] = true;
    CHECK(!pass(7 * EVERY_S, CT_OP_REVOKE_RELAY));
    end();
}

static void outage_of_the_own_network_revokes_nobody(void)
{
    struct ct_relay_watch w;
    begin(3);
    world.silent[0] = world.silent[1] = world.silent[2] = true;
    CHECK(!pass(10 * GRACE_S, CT_OP_REVOKE_RELAY));
    for (uint16_t i = 1; i <= 3; i++) {
        CHECK_EQ(reprobe.store->ops->relay_watch_find(reprobe.store, i, &w), CT_OK);
        CHECK_EQ(w.strikes, 0);
        CHECK(world.probes[i - 1] > 0);
    }
    world.silent[0] = world.silent[1] = false; /* it is back; the third is not */
    CHECK(pass(3 * GRACE_S, CT_OP_REVOKE_RELAY));
    end();
}

static void only_relay_is_never_revoked(void)
{
    begin(1);
    world.silent[0] = true;
    CHECK(!pass(10 * GRACE_S, CT_OP_REVOKE_RELAY));
    CHECK(world.probes[0] > 10);
    end();
}

static bool revoke_first(void)
{
    world.silent[0] = true;
    bool is_revoked = pass(3 * GRACE_S, CT_OP_REVOKE_RELAY);
    settle(CT_OP_REVOKE_RELAY, CT_OP_DONE);
    return is_revoked;
}

static void revoked_one_comes_back_when_it_answers_again(void)
{
    struct ct_relay_watch w;
    begin(2);
    REQUIRE(revoke_first());
    CHECK(!pass(GRACE_S, CT_OP_REINSTATE_RELAY));
    world.silent[0] = false;
    unsigned before = world.probes[0];
    REQUIRE(pass(DAY_S, CT_OP_REINSTATE_RELAY));
    CHECK_EQ(world.probes[0] - before, STRIKES); /* one answer is not enough */
    settle(CT_OP_REINSTATE_RELAY, CT_OP_DONE);
    CHECK(!pass(2 * GRACE_S, CT_OP_REVOKE_RELAY));
    CHECK_EQ(reprobe.store->ops->relay_watch_find(reprobe.store, 1, &w), CT_OK);
    CHECK_EQ(w.act, CT_RELAY_LEFT);
    CHECK(revoke_first()); /* and goes again */
    end();
}

static void silent_revoked_one_is_asked_less_and_less(void)
{
    begin(2);
    REQUIRE(revoke_first());
    CHECK(!pass(DAY_S, CT_OP_REINSTATE_RELAY)); /* settles into the longest wait */
    unsigned before = world.probes[0];
    CHECK(!pass(2 * DAY_S, CT_OP_REINSTATE_RELAY));
    CHECK(world.probes[0] - before >= 7 && world.probes[0] - before <= 11);
    end();
}

static void persons_revocation_is_never_undone(void)
{
    begin(2);
    world.relays[0].state = CT_RECORD_REVOKED; /* by a person */
    CHECK(!pass(DAY_S, CT_OP_REINSTATE_RELAY));
    CHECK_EQ(world.probes[0], 0);
    end();
    begin(2); /* a person says it after the tests did */
    REQUIRE(revoke_first());
    CHECK_EQ(reprobe.store->ops->relay_watch_hold(reprobe.store, 1, world.now_s), CT_OK);
    world.silent[0] = false;
    CHECK(!pass(3 * DAY_S, CT_OP_REINSTATE_RELAY));
    end();
    begin(2); /* the tests' revocation failed, since a person's was first */
    world.silent[0] = true;
    REQUIRE(pass(3 * GRACE_S, CT_OP_REVOKE_RELAY));
    settle(CT_OP_REVOKE_RELAY, CT_OP_FAILED);
    world.relays[0].state = CT_RECORD_REVOKED;
    world.silent[0] = false;
    CHECK(!pass(3 * DAY_S, CT_OP_REINSTATE_RELAY));
    end();
}

static void persons_word_during_reinstatement_counts(void)
{
    struct ct_op op;
    begin(2);
    REQUIRE(revoke_first());
    world.silent[0] = false;
    REQUIRE(pass(DAY_S, CT_OP_REINSTATE_RELAY));
    CHECK_EQ(reprobe.store->ops->relay_watch_hold(reprobe.store, 1, world.now_s), CT_OK);
    settle(CT_OP_REINSTATE_RELAY, CT_OP_DONE);
    REQUIRE(pass(3600, CT_OP_REVOKE_RELAY));
    CHECK_EQ(waiting(CT_OP_REVOKE_RELAY, &op), 1);
    CHECK_EQ(op.wallet20[0], 0);
    settle(CT_OP_REVOKE_RELAY, CT_OP_DONE);
    CHECK(!pass(3 * DAY_S, CT_OP_REINSTATE_RELAY));
    end();
}

static void zero_is_off(void)
{
    begin(2);
    world.silent[0] = true;
    reprobe.bounds.strikes = 0;
    CHECK(!pass(DAY_S, CT_OP_REVOKE_RELAY));
    CHECK(world.probes[0] > 100);
    unsigned before = world.probes[0];
    reprobe.bounds.every_s = 0;
    CHECK(!pass(DAY_S, CT_OP_REVOKE_RELAY));
    CHECK_EQ(world.probes[0], before);
    end();
}

static void row_tells_the_newest_test(void)
{
    struct ct_relay_row old = {.pending32 = {1}, .index = 1, .checked_s = 5, .verdict = "passed"};
    struct ct_relay_row row = {.pending32 = {2}, .index = 1, .checked_s = 9, .verdict = "passed"};
    begin(2);
    CHECK_EQ(reprobe.store->ops->relay_put(reprobe.store, &old), CT_OK);
    CHECK_EQ(reprobe.store->ops->relay_put(reprobe.store, &row), CT_OK);
    CHECK(!pass(2 * EVERY_S, 0));
    CHECK_EQ(reprobe.store->ops->relay_find(reprobe.store, row.pending32, &row), CT_OK);
    CHECK(row.checked_s > world.now_s - 2 * EVERY_S && row.rtt_us == 777);
    world.silent[0] = true;
    CHECK(!pass(2 * EVERY_S, 0));
    CHECK_EQ(reprobe.store->ops->relay_find(reprobe.store, row.pending32, &row), CT_OK);
    CHECK_STR(row.verdict, "the relay does not answer");
    struct ct_relay_test list[CT_RELAY_TESTS];
    size_t count = 0;
    CHECK_EQ(reprobe.store->ops->test_list(reprobe.store, row.pending32, list, &count), CT_OK);
    REQUIRE(count >= 3);
    CHECK(list[0].rtt_us == 777 && list[count - 1].rtt_us == 0);
    CHECK_EQ(reprobe.store->ops->relay_find(reprobe.store, old.pending32, &old), CT_OK);
    CHECK_EQ(old.checked_s, 5);
    end();
}

static void expired_and_changed_records_begin_anew(void)
{
    struct ct_relay_watch w;
    begin(2);
    world.relays[0].expiry_day = 1;
    CHECK(!pass(DAY_S, 0));
    CHECK_EQ(world.probes[0], 0);
    world.relays[0].expiry_day = UINT16_MAX;
    world.silent[0] = true;
    CHECK(!pass(3 * EVERY_S, 0));
    CHECK_EQ(reprobe.store->ops->relay_watch_find(reprobe.store, 1, &w), CT_OK);
    CHECK(w.strikes > 0);
    world.relays[0].listen_port = 3479; /* approved anew, elsewhere */
    world.silent[0] = false;
    CHECK(!pass(60, 0));
    CHECK_EQ(reprobe.store->ops->relay_watch_find(reprobe.store, 1, &w), CT_OK);
    CHECK_EQ(w.strikes, 0);
    end();
}

/* Whether this host has IPv6 only relays can tell that have it. */
static void relays_with_ipv4_alone_are_no_witnesses_of_ipv6(void)
{
    static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    begin(3);
    memcpy(world.relays[0].listen_ip6, six, sizeof six);
    world.silent[0] = true;
    CHECK(!pass(3 * GRACE_S, CT_OP_REVOKE_RELAY));
    memcpy(world.relays[1].listen_ip6, six, sizeof six);
    CHECK(pass(3 * GRACE_S, CT_OP_REVOKE_RELAY));
    end();
}

/* From here on the same claims again. */
static void redis_is_the_store_from_here_on(void)
{
    is_on_redis = true;
    CHECK(redis.pid > 0);
}

#define CLAIMS                                                                                   \
    CT_TEST(one_that_falls_silent_is_revoked_after_strikes_and_grace),                           \
        CT_TEST(one_answer_takes_the_strikes_away),                                              \
        CT_TEST(outage_of_the_own_network_revokes_nobody), CT_TEST(only_relay_is_never_revoked), \
        CT_TEST(revoked_one_comes_back_when_it_answers_again),                                   \
        CT_TEST(silent_revoked_one_is_asked_less_and_less),                                      \
        CT_TEST(persons_revocation_is_never_undone),                                             \
        CT_TEST(persons_word_during_reinstatement_counts), CT_TEST(zero_is_off),                 \
        CT_TEST(row_tells_the_newest_test), CT_TEST(expired_and_changed_records_begin_anew),     \
        CT_TEST(relays_with_ipv4_alone_are_no_witnesses_of_ipv6)

static const struct ct_test tests[] = {CLAIMS, CT_TEST(redis_is_the_store_from_here_on), CLAIMS};

int main(void)
{
    if (!ct_redis_server_start(&redis)) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    ct_redis_server_stop(&redis);
    return code;
}
