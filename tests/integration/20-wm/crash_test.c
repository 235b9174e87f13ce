/*
 * The wallet manager killed between any two steps of a transaction's life, at each of them once and
 * up to four times: afterwards every payment, registration, change and approval that was asked for
 * happened once.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/rpc.h"
#include "chain/tx.h"
#include "crash_requests.h"
#include "ct_test.h"
#include "scene.h"
#include "wm-server/src/tx/crash.h"

/* A kill may fall on each kind of request; some points are those of one kind. */
enum { KILLS_MANY = 4, KILLS_FEW = 2, STEP_MS = 60, DRIVE_MS = 60000, AGAIN_MS = 6000 };

/* What brings the program to a point. */
enum road { PLAIN, STUCK, REORG, STOLEN, GAP };

static const struct {
    const char *name;
    enum road road;
} points[CT_CRASH_COUNT] = {
#define POINT(name_) [CT_CRASH_##name_] = {.name = #name_, .road = PLAIN},
    CT_CRASH_LIST(POINT)
#undef POINT
};

static enum road road_to(enum ct_crash point)
{
    switch (point) {
    case CT_CRASH_bump_signed:
    case CT_CRASH_bump_stored:
    case CT_CRASH_bump_offered:
        return STUCK;
    case CT_CRASH_reorg_seen:
    case CT_CRASH_put_back:
        return REORG;
    case CT_CRASH_loss_seen:
    case CT_CRASH_lost:
        return STOLEN;
    case CT_CRASH_gap_stored:
        return GAP;
    default:
        return PLAIN;
    }
}

/* One point's requests, by the account that sends for them: all of them where the chain is not
 * spoilt; where it is, those of one account, in one transaction. */
struct run {
    const struct ct_wallet *account;
    const char *role; /* its name in the log */
    enum ct_crash point;
    enum road road;
    struct request requests[REQUEST_KINDS];
    size_t count;
    uint64_t nonce; /* the account's next, at first */
    uint8_t stranger32[32];
    unsigned kills;
    bool is_spoilt; /* what the road does to the chain is done */
};

enum { RUNS_MAX = 2 * CT_CRASH_COUNT, REQUESTS_MAX = RUNS_MAX * REQUEST_KINDS };

static const char *server;
static bool on_redis;
static struct run runs[RUNS_MAX];
static size_t run_count;
static unsigned kills, kills_of[REQUEST_KINDS]; /* while such a one was under way */
static unsigned kills_of_batches;

/* ---- the chain ---- */

static bool set_base_fee(const char *wei)
{
    char params[40];
    (void)snprintf(params, sizeof params, "[\"%s\"]", wei);
    return platform_call("anvil_setNextBlockBaseFeePerGas", params);
}

static bool with_hash(const char *method, const uint8_t hash32[32])
{
    char params[80];
    char hash[67];
    ct_hex0x(hash, hash32, 32);
    (void)snprintf(params, sizeof params, "[\"%s\"]", hash);
    return platform_call(method, params);
}

/* A transaction of the account's key that the server knows nothing of. */
static bool stranger(struct run *p, uint64_t fee_gwei)
{
    struct ct_why why = {{0}};
    uint8_t raw[256];
    size_t len = 0;
    struct ct_tx tx = {.chain_id = platform.bundle.chain_id,
                       .nonce = p->nonce,
                       .gas_limit = 21000,
                       .max_fee_wei = ct_u256_from_u64(fee_gwei * 1000000000),
                       .max_priority_fee_wei = ct_u256_from_u64(fee_gwei * 1000000000)};
    tx.to20[19] = 0x99;
    return ct_tx_sign(raw, sizeof raw, &len, p->stranger32, &tx, p->account) == CT_OK &&
           ct_rpc_send_raw(platform.chain, raw, len, &why) == CT_OK;
}

/* ---- the server ---- */

/* Did it die within that time? Its status is taken then. */
static bool died(unsigned wait_ms)
{
    sigset_t child;
    int status = 0;
    const struct timespec t = {.tv_sec = wait_ms / 1000,
                               .tv_nsec = (long)(wait_ms % 1000) * 1000000};
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigtimedwait(&child, NULL, &t);
    if (platform.pid <= 0 || waitpid(platform.pid, &status, WNOHANG) != platform.pid) {
        return false;
    }
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    platform.pid = 0;
    return true;
}

static bool run_until_ready(const char *crash_at)
{
    const char *const argv[] = {platform.server, "run", "--config", platform.conf, NULL};
    if (crash_at != NULL) {
        (void)setenv("CT_CRASH_AT", crash_at, 1);
    }
    platform.pid = scene_spawn(platform.log, argv);
    (void)unsetenv("CT_CRASH_AT");
    /* it may die before it is ready: what was under way is taken up at once */
    for (int i = 0; platform.pid > 0 && i < 600; i++) {
        if (scene_says(platform.log, " ready handshake=", 100)) {
            return true;
        }
        if (died(0)) {
            return false;
        }
    }
    return false;
}

/* ---- a point ---- */

/* The payment first: what it needs is the least. */
static void ask(struct run *p)
{
    for (size_t i = 0; i < p->count && (i == 0 || p->requests[0].is_known); i++) {
        request_ask(&p->requests[i]);
    }
}

static bool all_done(struct run *p)
{
    bool done = true;
    for (size_t i = 0; i < p->count; i++) {
        done = request_is_done(&p->requests[i]) && done;
    }
    return done;
}

static bool scene_has(const struct run *p, const char *before, const char *after)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%saccount=%s%s", before, p->role, after);
    return scene_says(platform.log, text, 1);
}

/* One step of the road: blocks, and what spoils them. */
static void spoil_or_mine(struct run *p)
{
    bool is_sent = scene_has(p, "", " nonce=");
    switch (p->road) {
    case STUCK:
        if (!p->is_spoilt && is_sent) {
            p->is_spoilt = set_base_fee("0x174876e800"); /* 100 gwei */
            platform_mine();
        } else if (p->is_spoilt && scene_has(p, "replaced ", "")) {
            platform_mine();
        }
        return;
    case REORG:
        if (!p->is_spoilt && scene_has(p, "mined ", "")) {
            p->is_spoilt = platform_call("anvil_rollback", "[1]");
            return;
        }
        if (p->is_spoilt || platform_sent_by(p->account) == p->nonce) {
            platform_mine();
        }
        return;
    case STOLEN:
        if (!p->is_spoilt && is_sent) {
            p->is_spoilt = stranger(p, 50);
        }
        if (p->is_spoilt) {
            platform_mine();
        }
        return;
    case GAP:
        if (!p->is_spoilt && is_sent) {
            p->is_spoilt = with_hash("anvil_dropTransaction", p->stranger32);
        }
        if (p->is_spoilt && (p->kills > 0 || scene_has(p, "nonce_filled ", ""))) {
            platform_mine();
        }
        return;
    case PLAIN:
        platform_mine();
        return;
    }
}

/* Until all is done or the server dies, or has no step left to die at. */
static bool drive(struct run *p, uint32_t wait_ms)
{
    uint64_t until = ct_mono_ms() + wait_ms;
    while (ct_mono_ms() < until && platform.pid > 0) {
        ask(p);
        if (died(STEP_MS)) {
            return false;
        }
        if (all_done(p)) {
            return true;
        }
        spoil_or_mine(p);
    }
    return false;
}

/* After the last kill nothing may stand in the way of the end. */
static bool finish(struct run *p)
{
    uint64_t until = ct_mono_ms() + DRIVE_MS;
    while (ct_mono_ms() < until) {
        ask(p);
        if (all_done(p)) {
            return true;
        }
        if (p->is_spoilt || p->road == PLAIN) {
            platform_mine();
        } else {
            spoil_or_mine(p);
        }
        (void)died(STEP_MS);
    }
    return false;
}

/* What was acknowledged, or asked for, and is not in the chain when the server dies. */
static void count_kill(struct run *p)
{
    size_t open = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct request *r = &p->requests[i];
        bool is_open = r->is_known && !request_has_effect(r);
        r->kills += is_open;
        kills_of[r->kind] += is_open;
        open += is_open;
    }
    p->kills++;
    kills_of_batches += p->road != PLAIN && open > 1;
}

static bool begin(struct run *p, const char *crash_at)
{
    for (size_t i = 0; i < p->count; i++) {
        CHECK(request_begin(&p->requests[i]));
    }
    return run_until_ready(crash_at);
}

/* What is asked for is gathered: all of it becomes one transaction when the server runs again. */
static bool gather(struct run *p)
{
    uint64_t until = ct_mono_ms() + DRIVE_MS;
    bool all = false;
    if (!platform_set("window-ms = 50\n", "window-ms = 60000\n") || !begin(p, NULL)) {
        return false;
    }
    while (!all && ct_mono_ms() < until) {
        ask(p);
        all = true;
        for (size_t i = 0; i < p->count; i++) {
            all = all && p->requests[i].is_known;
        }
    }
    return all && platform_end(SIGKILL) == 1000 + SIGKILL &&
           platform_set("window-ms = 60000\n", "window-ms = 50\n");
}

/* Before anything is sent. */
static bool set_road(struct run *p)
{
    p->nonce = platform_sent_by(p->account);
    if (p->road == GAP && !stranger(p, 50)) { /* waits in the pool: the others come behind it */
        return false;
    }
    return p->count == 1 || p->road == PLAIN || gather(p);
}

static void kill_often(struct run *p)
{
    bool is_of_one = p->road != PLAIN || p->point == CT_CRASH_relay_noted;
    int most = is_of_one ? KILLS_FEW : KILLS_MANY;
    for (int i = 0; i < most; i++) {
        /* once is what counts, and further times where there are any */
        uint32_t wait_ms = i == 0 ? DRIVE_MS : AGAIN_MS;
        if ((begin(p, points[p->point].name) && drive(p, wait_ms)) || platform.pid > 0) {
            return; /* no more of its steps are to be done */
        }
        count_kill(p);
    }
}

static void kill_at(struct run *p)
{
    REQUIRE(set_road(p));
    kill_often(p);
    (void)platform_end(SIGKILL);
    REQUIRE(begin(p, NULL));
    bool tested = false;
    bool done = finish(p);
    CHECK(done);
    if (!done) {
        static char log[65536];
        (void)scene_read(log, sizeof log, platform.log);
        printf("    not done behind %s:\n%s\n", points[p->point].name, log);
    }
    CHECK(p->kills > 0);
    if (p->road != PLAIN && p->count > 1) { /* they went together */
        CHECK_MEM(p->requests[0].op.transaction32, p->requests[1].op.transaction32, 32);
    }
    CHECK_EQ(platform_end(SIGTERM), 0);
    (void)set_base_fee("0x3b9aca00");
    platform_mine();
    for (size_t i = 0; i < p->count; i++) {
        request_close(&p->requests[i]);
        tested = tested || request_was_tested(&p->requests[i]);
    }
    CHECK(tested || p->point != CT_CRASH_relay_noted);   /* what was found is found anew.. */
    CHECK(!tested || p->point != CT_CRASH_relay_queued); /* ..but not what is decided */
    printf("    %s (%s): %u kills\n", points[p->point].name, p->road == PLAIN ? "all" : p->role,
           p->kills);
    kills += p->kills;
}

static void platform_is_ready(void)
{
    REQUIRE(platform_start(server, on_redis));
    REQUIRE(platform_set("window-ms = 250\n", "window-ms = 50\n"));
    REQUIRE(platform_set("confirmations = 1", "confirmations = 2"));
    REQUIRE(platform_set("batch = 64", "batch = 64\nlost-s = 1"));
    REQUIRE(platform_set("repeat-s = 10", "repeat-s = 1"));
    REQUIRE(platform_set("bump-s = 30", "bump-s = 2"));
    REQUIRE(platform_set("allow-private = no", "allow-private = yes"));
    REQUIRE(platform_set("#probe-address = 198.51.100.20", "probe-address = 127.0.0.9"));
    REQUIRE(platform_set("reprobe-s = 600", "reprobe-s = 0"));
}

static bool add(struct run *p, enum request_kind kind)
{
    static unsigned number;
    return request_prepare(&p->requests[p->count++], kind, number++);
}

static bool prepare(enum ct_crash point, enum road road, const struct ct_wallet *account)
{
    struct run *p = &runs[run_count++];
    bool pays = account == &platform.funder;
    *p = (struct run){
        .point = point, .road = road, .account = account, .role = pays ? "funder" : "approver"};
    if (road != PLAIN) {
        bool added = add(p, pays ? PAYMENT : REGISTRATION);
        return added && (pays || add(p, REGISTRATION)); /* a payment is a transaction by itself */
    }
    return add(p, PAYMENT) && add(p, REGISTRATION) && add(p, CHANGE) && add(p, APPROVAL) &&
           add(p, RELAY);
}

static bool all_prepared(void)
{
    bool all = true;
    for (size_t i = 0; i < run_count; i++) {
        for (size_t k = 0; k < runs[i].count; k++) {
            all = request_is_prepared(&runs[i].requests[k]) && all;
        }
    }
    return all;
}

static void devices_have_what_their_requests_need(void)
{
    uint64_t until = ct_mono_ms() + DRIVE_MS;
    bool ready = false;
    REQUIRE(platform.chain != NULL && run_until_ready(NULL));
    for (unsigned i = 0; i < CT_CRASH_COUNT; i++) {
        enum road road = road_to((enum ct_crash)i);
        REQUIRE(prepare((enum ct_crash)i, road, &platform.funder));
        REQUIRE(road == PLAIN || prepare((enum ct_crash)i, road, &platform.approver));
    }
    while (!ready && ct_mono_ms() < until) {
        platform_mine();
        (void)died(STEP_MS);
        ready = all_prepared();
    }
    CHECK(ready);
    CHECK_EQ(platform_end(SIGTERM), 0);
    REQUIRE(platform_automine(false));
}

static void killed_at_each_point_it_ends_what_was_asked_for(void)
{
    REQUIRE(platform.chain != NULL && run_count > 0);
    for (size_t i = 0; i < run_count; i++) {
        kill_at(&runs[i]);
    }
    printf("    %u points, %zu runs, %u kills\n", (unsigned)CT_CRASH_COUNT, run_count, kills);
    for (unsigned k = 0; k < REQUEST_KINDS; k++) {
        printf("    %u kills with an acknowledged %s not in the chain\n", kills_of[k],
               request_kind_names[k]);
        CHECK(kills_of[k] > 0);
    }
    printf("    %u of them with more than one in a spoilt transaction\n", kills_of_batches);
    CHECK(kills_of_batches > 0);
    CHECK(kills >= run_count);
}

static void each_request_is_in_the_chain_once(void)
{
    static const struct request *all[REQUESTS_MAX];
    static unsigned counts[REQUESTS_MAX];
    unsigned doubled = 0, missing = 0;
    size_t count = 0;
    REQUIRE(platform.chain != NULL && run_count > 0);
    for (size_t i = 0; i < run_count; i++) {
        for (size_t k = 0; k < runs[i].count; k++) {
            all[count++] = &runs[i].requests[k];
        }
    }
    REQUIRE(request_counts(all, counts, count));
    for (size_t i = 0; i < count; i++) {
        doubled += counts[i] > 1;
        missing += counts[i] == 0;
        if (counts[i] != 1) {
            printf("    %s: %u times\n", all[i]->device.identity, counts[i]);
        }
    }
    printf("    %zu requests: %u double, %u lost\n", count, doubled, missing);
    CHECK_EQ(doubled, 0);
    CHECK_EQ(missing, 0);
}

static const struct ct_test tests[] = {
    CT_TEST(platform_is_ready),
    CT_TEST(devices_have_what_their_requests_need),
    CT_TEST(killed_at_each_point_it_ends_what_was_asked_for),
    CT_TEST(each_request_is_in_the_chain_once),
};

int main(int argc, char **argv)
{
    sigset_t child;
    on_redis = argc == 3 && strcmp(argv[2], "--redis") == 0;
    if (argc != 2 && !on_redis) {
        (void)fprintf(stderr, "usage: crash_test WM-SERVER-CRASH [--redis]\n");
        return 2;
    }
    server = argv[1];
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL); /* died() waits for it */
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    platform_stop();
    return code;
}
