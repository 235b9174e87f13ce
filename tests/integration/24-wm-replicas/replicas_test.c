/*
 * Two wallet managers on one Redis: the leader is killed at each point of a transaction's life and
 * at any time, and stopped there for longer than its lease and woken: every payment and every
 * registration that was asked for, at either server, happens once.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/json.h"
#include "chain/rpc.h"
#include "ct_test.h"
#include "pair.h"
#include "platform.h"
#include "scene.h"
#include "wm-server/src/tx/crash.h"

enum {
    PAID = 2, /* devices of one episode, of each kind */
    LISTED = 3,
    PARTIES = PAID + LISTED,
    EPISODES_MAX = 200,
    RANDOM_KILLS = 8,
    RANDOM_STOPS = 4,
    STEP_MS = 60,
    DRIVE_MS = 60000,
    LEASE_WAIT_MS = 60000,
    TRIES = 6,
};

/* Points that every transaction comes to; the others want a chain that is spoilt: crash_test.c. */
static const struct {
    const char *name;
    bool in_request; /* its client would wait for a server that is stopped */
} points[] = {
    {"op_stored", true}, {"payment_stored", true}, {"batch_taken", false}, {"signed", false},
    {"stored", false},   {"offered", false},       {"noted", false},       {"receipt_seen", false},
    {"judged", false},   {"closed", false},        {"mined_noted", false},
};
enum { POINTS = sizeof points / sizeof points[0] };

/* A device with an account at each server. */
struct party {
    struct device at[2];
    bool pays;
    bool is_known, is_done;
    struct ct_wm_operation op;
};

static const char *server;
static struct party parties[PARTIES];
static uint8_t paid20[EPISODES_MAX * PAID][20];
static unsigned episodes, paid, listed, kills, stops, takeovers, killed_points, stopped_points;
static const struct server *spared; /* is not asked: it may stop at any moment */
static unsigned fenced, strangers;  /* steps refused; transactions in blocks, not in the store */
static unsigned crossed; /* operations asked for at one server and seen done at the other */

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* ---- devices ---- */

static bool party_new(struct party *p, bool pays, unsigned number)
{
    char name[40];
    memset(p, 0, sizeof *p);
    p->pays = pays;
    (void)snprintf(name, sizeof name, "%s-%u-%u", pays ? "paid" : "listed", episodes, number);
    platform.bundle = servers[0].bundle;
    if (!device_new(&p->at[0], name)) {
        return false;
    }
    p->at[1] = p->at[0];
    p->at[1].wm = NULL;
    platform.bundle = servers[1].bundle;
    return device_open(&p->at[1]);
}

static void party_close(struct party *p)
{
    device_close(&p->at[0]);
    device_close(&p->at[1]);
}

static bool may_ask(size_t i)
{
    return servers[i].pid > 0 && !servers[i].is_stopped && &servers[i] != spared;
}

static bool is_listed(const struct party *p)
{
    struct ct_device record;
    return device_record(&p->at[0], &record) == CT_OK && record.state == CT_RECORD_APPROVED &&
           memcmp(record.wallet20, p->at[0].wallet.addr20, 20) == 0;
}

/* Once, at that server; answered before or not. */
static void ask(struct party *p, size_t at)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    const struct ct_wm_terms terms = device_terms();
    if (!p->pays) {
        p->is_known = device_try_registration(&p->at[at], &p->op) == CT_OK || is_listed(p);
    } else if (ct_wm_voucher(p->at[at].wm, &v, p->at[at].token, &terms, &why) == CT_OK) {
        if (p->is_known && strcmp(p->op.id, v.payment.id) != 0 && v.payment.id[0] != '\0') {
            CHECK_STR(v.payment.id, p->op.id); /* the same one, whoever is asked */
        }
        p->op = v.payment;
        p->is_known = true;
    }
}

/* Asked at one server, looked at on the other where that can be. */
static void advance(struct party *p, size_t number)
{
    struct ct_why why = {{0}};
    size_t first = number % 2, second = 1 - first;
    size_t at = may_ask(first) ? first : second;
    if (!may_ask(at)) {
        return;
    }
    if (!p->is_known) {
        ask(p, at);
        return;
    }
    size_t look = may_ask(second) ? second : first;
    if (p->op.id[0] == '\0') {
        p->is_done = true;
    } else if (ct_wm_operation_get(p->at[look].wm, &p->op, p->op.id, &why) == CT_OK &&
               p->op.state == CT_WM_DONE) {
        p->is_done = true;
        crossed += look == second;
    }
}

static bool all_done(void)
{
    for (size_t i = 0; i < PARTIES; i++) {
        if (!parties[i].is_done) {
            return false;
        }
    }
    return true;
}

static void step(void)
{
    for (size_t i = 0; i < PARTIES; i++) {
        if (!parties[i].is_done) {
            advance(&parties[i], i);
        }
    }
    pause_ms(STEP_MS);
    platform_mine();
}

static bool finish(void)
{
    uint64_t until_ms = ct_mono_ms() + DRIVE_MS;
    while (!all_done() && ct_mono_ms() < until_ms) {
        step();
    }
    return all_done();
}

/* ---- episodes ---- */

static bool begin(void)
{
    episodes++;
    for (unsigned i = 0; i < PARTIES; i++) {
        if (!party_new(&parties[i], i < PAID, i)) {
            return false;
        }
        if (i < PAID) {
            memcpy(paid20[paid++], parties[i].at[0].wallet.addr20, 20);
        } else {
            listed++;
        }
    }
    return true;
}

static void show_logs(const char *what)
{
    static char log[1 << 16];
    for (size_t i = 0; i < 2; i++) {
        size_t len = scene_read(log, sizeof log, servers[i].log) ? strlen(log) : 0;
        printf("    %s: not done; server %zu (pid %ld) said:\n%s\n", what, i, (long)servers[i].pid,
               log + (len > 6000 ? len - 6000 : 0));
    }
}

static void end(const char *what)
{
    bool done = finish();
    CHECK(done);
    if (!done) {
        show_logs(what);
    }
    for (size_t i = PAID; i < PARTIES; i++) {
        struct ct_device record;
        CHECK(device_record(&parties[i].at[0], &record) == CT_OK && record.sequence == 1 &&
              record.state == CT_RECORD_APPROVED);
    }
    for (size_t i = 0; i < PARTIES; i++) {
        party_close(&parties[i]);
    }
}

/* Both run; what does not is started without a point. */
static bool both_run(void)
{
    bool good = true;
    for (size_t i = 0; i < 2; i++) {
        if (servers[i].pid <= 0) {
            good = server_run(&servers[i], NULL, NULL) && good;
        }
    }
    return good;
}

/* Ends up with a victim that leads and has a point, and another server that waits. */
static struct server *place_victim(const char *variable, const char *point)
{
    struct server *leader = pair_leader("funder");
    struct server *victim = leader == NULL ? &servers[1] : pair_other(leader);
    struct server *other = pair_other(victim);
    uint64_t number = pair_number();
    if (victim->pid > 0) {
        CHECK_EQ(server_end(victim), 0);
    }
    if (!server_run(victim, variable, point)) {
        return NULL;
    }
    if (other->pid > 0) {
        CHECK_EQ(server_end(other), 0); /* it gives its leases back */
    }
    bool leads = server_leads_above(victim, number, LEASE_WAIT_MS);
    takeovers += leads;
    return leads && server_run(other, NULL, NULL) ? victim : NULL;
}

/* Goes on asking until it died or stopped. */
static bool falls(struct server *victim, bool stops_there)
{
    uint64_t until_ms = ct_mono_ms() + DRIVE_MS;
    while (ct_mono_ms() < until_ms) {
        step();
        if (stops_there ? server_stopped(victim) : server_died(victim)) {
            return true;
        }
    }
    return false;
}

/*
 * A leader that fell at the point, with its episode's devices asked for; NULL: it did not. A busy
 * host may let a lease run out, and the work goes elsewhere: then it is tried again.
 */
static struct server *fell_at(const char *variable, const char *point, bool stops_there,
                              uint64_t *number)
{
    for (int tries = 0; tries < TRIES; tries++) {
        struct server *victim = place_victim(variable, point);
        if (victim == NULL || !begin()) {
            return NULL;
        }
        *number = pair_number();
        spared = stops_there ? victim : NULL; /* what the other accepts is its work all the same */
        bool fell = falls(victim, stops_there);
        spared = NULL;
        if (fell) {
            return victim;
        }
        end(point);
    }
    return NULL;
}

static void kill_at(const char *point)
{
    uint64_t number = 0;
    struct server *victim = fell_at("CT_CRASH_AT", point, false, &number);
    REQUIRE(victim != NULL);
    kills++;
    killed_points++;
    takeovers += server_leads_above(pair_other(victim), number, LEASE_WAIT_MS);
    end(point);
}

/* How many changes the store refused it. */
static unsigned refused_steps(const struct server *s)
{
    static char metrics[1 << 17];
    static const char name[] = "\nchainturn_wm_fenced_steps_total ";
    const char *at =
        server_get(s, "/metrics", metrics, sizeof metrics) ? strstr(metrics, name) : NULL;
    return at == NULL ? 0 : (unsigned)strtoul(at + sizeof name - 1, NULL, 10);
}

/* The other one has done everything by the time it wakes in the middle of its step. */
static void stop_at(const char *point)
{
    uint64_t number = 0;
    struct server *victim = fell_at("CT_STOP_AT", point, true, &number);
    REQUIRE(victim != NULL);
    stops++;
    stopped_points++;
    bool led = server_leads_above(pair_other(victim), number, LEASE_WAIT_MS);
    CHECK(led);
    takeovers += led;
    end(point);
    server_wake(victim);
    CHECK(scene_says(victim->log, "lease_lost account=funder", LEASE_WAIT_MS));
    CHECK(scene_says(victim->log, "lease_lost account=approver", LEASE_WAIT_MS));
    fenced += refused_steps(victim);
    platform_mine();
}

/* At any time; a leader of one account is enough. */
static void disturb(bool stop)
{
    REQUIRE(both_run() && begin());
    struct server *victim = pair_leader(episodes % 2 == 0 ? "funder" : "approver");
    uint64_t began_ms = ct_mono_ms();
    long delay_ms = random() % 500;
    while (ct_mono_ms() < began_ms + (uint64_t)delay_ms) {
        step();
    }
    victim = victim == NULL ? &servers[0] : victim;
    uint64_t funder = server_number(victim, "funder"), approver = server_number(victim, "approver");
    funder = pair_leader("funder") == victim ? funder : 0;
    approver = pair_leader("approver") == victim ? approver : 0;
    if (stop) {
        server_stop(victim);
        stops++;
    } else {
        server_kill(victim);
        kills++;
    }
    bool follows = false;
    for (uint64_t until_ms = ct_mono_ms() + LEASE_WAIT_MS; ct_mono_ms() < until_ms && !follows;) {
        step();
        follows = server_number(pair_other(victim), "funder") > funder &&
                  server_number(pair_other(victim), "approver") > approver;
    }
    CHECK(follows);
    takeovers += follows;
    end(stop ? "a stop" : "a kill");
    if (stop) {
        server_wake(victim);
        CHECK(scene_says(victim->log, "lease_lost account=", LEASE_WAIT_MS));
    }
}

/* ---- claims ---- */

static void two_servers_run_and_one_leads(void)
{
    static char ready[2][4096], metrics[2][1 << 16];
    REQUIRE(platform_start(server, true));
    REQUIRE(platform_set("window-ms = 250", "window-ms = 30"));
    REQUIRE(platform_set("confirmations = 1", "confirmations = 2"));
    REQUIRE(platform_set("batch = 64", "batch = 64\nlost-s = 1"));
    REQUIRE(platform_set("repeat-s = 10", "repeat-s = 1"));
    REQUIRE(platform_set("bump-s = 30", "bump-s = 5"));
    REQUIRE(platform_set("lease-ms = 500", "lease-ms = 60000"));
    REQUIRE(platform_automine(false));
    REQUIRE(pair_configure());
    REQUIRE(both_run());
    CHECK_EQ(server_number(&servers[0], "approver"), 1);
    CHECK_EQ(server_number(&servers[1], "approver"), 0);
    for (size_t i = 0; i < 2; i++) {
        /* once it has looked at the chain */
        for (int tries = 0; tries < 600; tries++) {
            REQUIRE(server_get(&servers[i], "/readyz", ready[i], sizeof ready[i]));
            if (strstr(ready[i], "200 OK") != NULL) {
                break;
            }
            pause_ms(100);
        }
        CHECK(strstr(ready[i], "200 OK") != NULL);
        REQUIRE(server_get(&servers[i], "/metrics", metrics[i], sizeof metrics[i]));
    }
    CHECK(strstr(ready[0], "approver: this server, fencing number 1") != NULL);
    CHECK(strstr(ready[1], "ok   leader   approver: ") != NULL);
    CHECK(strstr(ready[1], "this server") == NULL && strstr(ready[1], "number 1") != NULL);
    CHECK(strstr(metrics[0], "lease_held{account=\"approver\"} 1") != NULL);
    CHECK(strstr(metrics[1], "lease_held{account=\"approver\"} 0") != NULL);
    CHECK(strstr(metrics[1], "lease_number{account=\"funder\"} 1") != NULL);
    for (size_t i = 0; i < 2; i++) { /* from here on one that is silent is followed soon */
        REQUIRE(server_end(&servers[1 - i]) == 0);
        REQUIRE(
            scene_change(servers[i].conf, servers[i].conf, "lease-ms = 60000", "lease-ms = 800"));
    }
    REQUIRE(both_run());
}

static void leader_killed_at_each_point_is_followed(void)
{
    REQUIRE(servers[0].pid > 0);
    for (size_t i = 0; i < POINTS; i++) {
        kill_at(points[i].name);
    }
    CHECK_EQ(killed_points, POINTS);
}

static void leader_stopped_at_each_point_changes_nothing_when_it_wakes(void)
{
    unsigned wanted = 0;
    REQUIRE(servers[0].conf[0] != '\0');
    for (size_t i = 0; i < POINTS; i++) {
        if (!points[i].in_request) {
            wanted++;
            stop_at(points[i].name);
        }
    }
    CHECK_EQ(stopped_points, wanted);
    /* what it was about to change; one that sees first that its lease is over tries nothing */
    CHECK(fenced > 0);
}

static void leader_killed_or_stopped_at_any_time_is_followed(void)
{
    REQUIRE(servers[0].conf[0] != '\0');
    for (unsigned i = 0; i < RANDOM_KILLS; i++) {
        disturb(false);
    }
    for (unsigned i = 0; i < RANDOM_STOPS; i++) {
        disturb(true);
    }
    CHECK(crossed > 0); /* asked for at one, seen done at the other */
}

static void store_killed_under_way_loses_nothing(void)
{
    REQUIRE(both_run() && begin());
    step();
    step();
    ct_redis_server_kill(&platform.redis);
    step();
    REQUIRE(ct_redis_server_restart(&platform.redis));
    end("a kill of the store");
}

static void store_of_another_deployment_is_refused(void)
{
    char conf[160], log[160], contract[80];
    (void)snprintf(conf, sizeof conf, "%s/wm/third.conf", platform.folder);
    (void)snprintf(log, sizeof log, "%s/third.log", platform.folder);
    REQUIRE(servers[0].conf[0] != '\0');
    (void)server_end(&servers[0]);
    (void)server_end(&servers[1]);
    /* as a store of elsewhere: its place is another contract's */
    (void)snprintf(contract, sizeof contract, "HSET chainturn:wm:place contract %040d", 7);
    CHECK(ct_redis_server_say(&platform.redis, ":0", "%s", contract));
    const char *const argv[] = {platform.server, "run", "--config", servers[0].conf, NULL};
    static char said[8192];
    CHECK_EQ(scene_run(said, sizeof said, argv), 2); /* a configuration that cannot be used */
    CHECK(strstr(said, "the store belongs to contract 0x") != NULL);
    CHECK(strstr(said, "give each deployment a store of its own") != NULL);
}

/* ---- the chain's own account of it ---- */

static bool is_stored(const struct ct_json *tx)
{
    uint8_t hash32[32];
    char hex[65];
    if (ct_json_fixed(hash32, 32, ct_json_get(tx, "hash")) != CT_OK) {
        return false;
    }
    ct_hex(hex, hash32, 32);
    return ct_redis_server_say(&platform.redis, ":1", "EXISTS chainturn:wm:tx:%s", hex);
}

static void count_block(const struct ct_json *block, unsigned *counts)
{
    const struct ct_json *txs = ct_json_get(block, "transactions");
    for (size_t i = 0; i < ct_json_count(txs); i++) {
        const struct ct_json *tx = ct_json_at(txs, i);
        uint8_t from20[20], to20[20];
        struct ct_u256 value;
        if (ct_json_fixed(from20, 20, ct_json_get(tx, "from")) == CT_OK &&
            (memcmp(from20, platform.funder.addr20, 20) == 0 ||
             memcmp(from20, platform.approver.addr20, 20) == 0)) {
            strangers += !is_stored(tx);
        }
        if (ct_json_fixed(from20, 20, ct_json_get(tx, "from")) != CT_OK ||
            ct_json_fixed(to20, 20, ct_json_get(tx, "to")) != CT_OK ||
            ct_json_u256(&value, ct_json_get(tx, "value")) != CT_OK ||
            memcmp(from20, platform.funder.addr20, 20) != 0 || ct_u256_is_zero(&value)) {
            continue;
        }
        for (unsigned p = 0; p < paid; p++) {
            counts[p] += memcmp(to20, paid20[p], 20) == 0;
        }
    }
}

static void each_payment_is_in_the_chain_once(void)
{
    static unsigned counts[EPISODES_MAX * PAID];
    unsigned doubled = 0, missing = 0;
    uint64_t height = 0;
    struct ct_why why = {{0}};
    REQUIRE(platform.chain != NULL && paid > 0);
    REQUIRE(ct_rpc_block_number(platform.chain, &height, &why) == CT_OK);
    for (uint64_t n = 0; n <= height; n++) {
        char params[40];
        struct ct_json *doc = NULL;
        (void)snprintf(params, sizeof params, "[\"0x%llx\",true]", (unsigned long long)n);
        char *block = ct_anvil_call(&platform.anvil, "eth_getBlockByNumber", params);
        REQUIRE(block != NULL && ct_json_parse(&doc, block, strlen(block)) == CT_OK);
        count_block(ct_json_get(doc, "result"), counts);
        ct_json_free(doc);
        free(block);
    }
    for (unsigned p = 0; p < paid; p++) {
        doubled += counts[p] > 1;
        missing += counts[p] == 0;
    }
    printf("    %u points killed at, %u stopped at; %u kills, %u stops, %u takeovers, %u steps "
           "refused; %u payments and %u registrations in %llu blocks: %u double, %u lost\n",
           killed_points, stopped_points, kills, stops, takeovers, fenced, paid, listed,
           (unsigned long long)height, doubled, missing);
    CHECK_EQ(strangers, 0); /* nothing was broadcast that is not stored */
    CHECK_EQ(doubled, 0);
    CHECK_EQ(missing, 0);
}

static const struct ct_test tests[] = {
    CT_TEST(two_servers_run_and_one_leads),
    CT_TEST(leader_killed_at_each_point_is_followed),
    CT_TEST(leader_stopped_at_each_point_changes_nothing_when_it_wakes),
    CT_TEST(leader_killed_or_stopped_at_any_time_is_followed),
    CT_TEST(store_killed_under_way_loses_nothing),
    CT_TEST(each_payment_is_in_the_chain_once),
    CT_TEST(store_of_another_deployment_is_refused),
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: replicas_test WM-SERVER-CRASH\n");
        return 2;
    }
    server = argv[1];
    unsigned seed = (unsigned)ct_wall_s();
    printf("seed %u\n", seed);
    srandom(seed);
    (void)signal(SIGPIPE, SIG_IGN);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    server_kill(&servers[0]);
    server_kill(&servers[1]);
    platform_stop();
    return code;
}
