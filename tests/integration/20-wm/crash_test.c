/*
 * The wallet manager killed between any two steps of a transaction's life, at each of them once and
 * up to three times: afterwards every payment, registration and change that was asked for happened
 * once.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/json.h"
#include "chain/registry_client.h"
#include "chain/rpc.h"
#include "chain/tx.h"
#include "ct_test.h"
#include "platform.h"
#include "scene.h"
#include "wm-server/src/tx/crash.h"

enum { KILLS_EACH = 3, STEP_MS = 60, DRIVE_MS = 60000, AGAIN_MS = 8000 };

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

/* Devices of one point: one that is paid for, one that is registered, one that changes its record.
 */
struct pair {
    struct device paid, listed, *changed;
    struct ct_wm_operation payment, registration;
    bool payment_known, registration_known, change_known; /* acknowledged */
    enum road road;
    uint64_t nonce; /* the funder's next, at first */
    bool is_spoilt; /* what the road does to the chain is done */
    bool is_set;    /* what it needs before is done */
    uint8_t stranger32[32];
};

static const char *server;
static bool on_redis;
static unsigned kills, pairs;
static unsigned kills_paying, kills_listing, kills_changing; /* while such a one was under way */
static struct device changed[CT_CRASH_COUNT];                /* registered before all that */
static uint8_t paid20[CT_CRASH_COUNT][20];                   /* the wallets that were to be paid */

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

/* A transaction of the funder's key that the server knows nothing of. */
static bool stranger(struct pair *p, uint64_t fee_gwei)
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
    return ct_tx_sign(raw, sizeof raw, &len, p->stranger32, &tx, &platform.funder) == CT_OK &&
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

/* ---- what devices do: ask until they are answered ---- */

static bool is_listed(const struct pair *p)
{
    struct ct_device record;
    return device_record(&p->listed, &record) == CT_OK && record.state == CT_RECORD_APPROVED &&
           memcmp(record.wallet20, p->listed.wallet.addr20, 20) == 0;
}

static bool is_changed(const struct pair *p)
{
    struct ct_device record;
    return device_record(p->changed, &record) == CT_OK && record.sequence == 2;
}

static ct_err ask_change(const struct pair *p)
{
    struct ct_why why = {{0}};
    struct ct_wm_operation op;
    struct ct_wm_change change = {.kind = CT_WM_UPDATE};
    struct ct_client_update *u = &change.of.update.update;
    uint8_t digest[32];
    *u = (struct ct_client_update){.sequence = 1, .deadline_s = ct_wall_s() + 600};
    ct_err err = ct_identity_hash(u->id_hash32, p->changed->identity);
    ct_client_update_digest(digest, platform.bundle.chain_id, platform.bundle.contract20, u);
    if (err == CT_OK) {
        err = ct_wallet_sign(change.of.update.sig65, &p->changed->wallet, digest);
    }
    return err == CT_OK ? ct_wm_change(p->changed->wm, &op, &change, &why) : err;
}

static void ask(struct pair *p)
{
    struct ct_why why = {{0}};
    struct ct_wm_voucher v;
    const struct ct_wm_terms terms = device_terms();
    if (!p->payment_known && ct_wm_voucher(p->paid.wm, &v, p->paid.token, &terms, &why) == CT_OK) {
        p->payment = v.payment;
        p->payment_known = true;
    }
    if (p->road == PLAIN && !p->registration_known && p->payment_known) {
        /* done already, its answer lost: then the chain says so */
        p->registration_known =
            device_try_registration(&p->listed, &p->registration) == CT_OK || is_listed(p);
    }
    if (p->road == PLAIN && !p->change_known && p->payment_known) {
        p->change_known = ask_change(p) == CT_OK || is_changed(p);
    }
}

static bool is_done(struct device *d, struct ct_wm_operation *op)
{
    struct ct_why why = {{0}};
    return op->id[0] == '\0' ||
           (ct_wm_operation_get(d->wm, op, op->id, &why) == CT_OK && op->state == CT_WM_DONE);
}

static bool all_done(struct pair *p)
{
    return p->payment_known && is_done(&p->paid, &p->payment) &&
           (p->road != PLAIN || (p->registration_known && is_done(&p->listed, &p->registration) &&
                                 p->change_known && is_changed(p)));
}

/* Before anything is asked. */
static void set_road(struct pair *p)
{
    p->nonce = platform_sent_by(&platform.funder);
    if (p->road == GAP) {
        CHECK(stranger(p, 50)); /* waits in the pool: the payment comes behind it */
    }
    p->is_set = true;
}

/* One step of the road: blocks, and what spoils them. */
static void spoil_or_mine(struct pair *p)
{
    bool is_sent = scene_says(platform.log, "account=funder nonce=", 1);
    switch (p->road) {
    case STUCK:
        if (!p->is_spoilt && is_sent) {
            p->is_spoilt = set_base_fee("0x174876e800"); /* 100 gwei */
            platform_mine();
        } else if (p->is_spoilt && scene_says(platform.log, "replaced account=funder", 1)) {
            platform_mine();
        }
        return;
    case REORG:
        if (!p->is_spoilt && scene_says(platform.log, "mined account=funder", 1)) {
            p->is_spoilt = platform_call("anvil_rollback", "[1]");
            return;
        }
        if (p->is_spoilt || platform_sent_by(&platform.funder) == p->nonce) {
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
        if (p->is_spoilt && scene_says(platform.log, "nonce_filled", 1)) {
            platform_mine();
        }
        return;
    case PLAIN:
        platform_mine();
        return;
    }
}

/* Until all is done or the server dies, or has no step left to die at. */
static bool drive(struct pair *p, uint32_t wait_ms)
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
static bool finish(struct pair *p)
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
static void count_kill(const struct pair *p)
{
    struct ct_u256 has = platform_balance(p->paid.wallet.addr20);
    kills_paying += ct_u256_is_zero(&has);
    kills_listing += p->registration_known && !is_listed(p);
    kills_changing += p->change_known && !is_changed(p);
}

static void kill_at(enum ct_crash point)
{
    static struct pair p;
    char name[32];
    unsigned here = 0;
    memset(&p, 0, sizeof p);
    p.road = road_to(point);
    p.changed = &changed[point];
    (void)snprintf(name, sizeof name, "paid-%u", (unsigned)point);
    REQUIRE(device_new(&p.paid, name));
    (void)snprintf(name, sizeof name, "listed-%u", (unsigned)point);
    REQUIRE(device_new(&p.listed, name));
    memcpy(paid20[point], p.paid.wallet.addr20, 20);
    set_road(&p);
    for (int i = 0; i < KILLS_EACH; i++) {
        /* once is what counts, and further times where there are any */
        uint32_t wait_ms = i == 0 ? DRIVE_MS : AGAIN_MS;
        if (run_until_ready(points[point].name) && drive(&p, wait_ms)) {
            break; /* no more of its steps are to be done */
        }
        if (platform.pid > 0) {
            break;
        }
        here++;
        count_kill(&p);
    }
    (void)platform_end(SIGKILL);
    REQUIRE(run_until_ready(NULL));
    bool done = finish(&p);
    CHECK(done);
    if (!done) {
        char log[16384] = "";
        (void)scene_read(log, sizeof log, platform.log);
        printf("    not done behind %s:\n%s\n", points[point].name, log);
    }
    CHECK(here > 0);
    if (p.road == PLAIN) {
        struct ct_device record;
        CHECK(device_record(&p.listed, &record) == CT_OK && record.sequence == 1 &&
              record.state == CT_RECORD_APPROVED);
        CHECK(device_record(p.changed, &record) == CT_OK && record.sequence == 2 &&
              record.state == CT_RECORD_APPROVED);
    }
    CHECK_EQ(platform_end(SIGTERM), 0);
    (void)set_base_fee("0x3b9aca00");
    platform_mine();
    device_close(&p.paid);
    device_close(&p.listed);
    printf("    %s: %u kills\n", points[point].name, here);
    kills += here;
    pairs++;
}

static void platform_is_ready(void)
{
    REQUIRE(platform_start(server, on_redis));
    REQUIRE(platform_set("window-ms = 250", "window-ms = 50"));
    REQUIRE(platform_set("confirmations = 1", "confirmations = 2"));
    REQUIRE(platform_set("batch = 64", "batch = 64\nlost-s = 1"));
    REQUIRE(platform_set("repeat-s = 10", "repeat-s = 1"));
    REQUIRE(platform_set("bump-s = 30", "bump-s = 2"));
    REQUIRE(platform_automine(false));
}

static void devices_are_registered_that_change_their_records(void)
{
    static struct ct_wm_operation ops[CT_CRASH_COUNT];
    uint64_t until = ct_mono_ms() + DRIVE_MS;
    REQUIRE(platform.chain != NULL && run_until_ready(NULL));
    for (unsigned i = 0; i < CT_CRASH_COUNT; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "changed-%u", i);
        REQUIRE(device_new(&changed[i], name) &&
                device_ask_registration(&changed[i], &ops[i]) == CT_OK);
    }
    for (unsigned i = 0; i < CT_CRASH_COUNT; i++) {
        while (!is_done(&changed[i], &ops[i]) && ct_mono_ms() < until) {
            platform_mine();
            (void)died(STEP_MS);
        }
        CHECK(is_done(&changed[i], &ops[i]));
    }
    CHECK_EQ(platform_end(SIGTERM), 0);
}

static void killed_at_each_point_it_ends_what_was_asked_for(void)
{
    REQUIRE(platform.chain != NULL);
    for (unsigned point = 0; point < CT_CRASH_COUNT; point++) {
        kill_at((enum ct_crash)point);
    }
    printf("    %u points, %u kills\n", pairs, kills);
    printf(
        "    %u kills with a payment not in the chain, %u with a registration, %u with a change\n",
        kills_paying, kills_listing, kills_changing);
    CHECK(kills_paying > 0 && kills_listing > 0 && kills_changing > 0);
    CHECK_EQ(pairs, CT_CRASH_COUNT);
    CHECK(kills >= CT_CRASH_COUNT);
}

/* ---- the chain's own account of it ---- */

static void count_block(const struct ct_json *block, unsigned counts[CT_CRASH_COUNT])
{
    const struct ct_json *txs = ct_json_get(block, "transactions");
    for (size_t i = 0; i < ct_json_count(txs); i++) {
        const struct ct_json *tx = ct_json_at(txs, i);
        uint8_t from20[20], to20[20];
        struct ct_u256 value;
        if (ct_json_fixed(from20, 20, ct_json_get(tx, "from")) != CT_OK ||
            ct_json_fixed(to20, 20, ct_json_get(tx, "to")) != CT_OK ||
            ct_json_u256(&value, ct_json_get(tx, "value")) != CT_OK ||
            memcmp(from20, platform.funder.addr20, 20) != 0 || ct_u256_is_zero(&value)) {
            continue;
        }
        for (unsigned p = 0; p < CT_CRASH_COUNT; p++) {
            counts[p] += memcmp(to20, paid20[p], 20) == 0;
        }
    }
}

static void each_payment_is_in_the_chain_once(void)
{
    unsigned counts[CT_CRASH_COUNT] = {0};
    unsigned doubled = 0, missing = 0;
    uint64_t height = 0;
    struct ct_why why = {{0}};
    REQUIRE(platform.chain != NULL && pairs > 0);
    REQUIRE(ct_rpc_block_number(platform.chain, &height, &why) == CT_OK);
    for (uint64_t n = 0; n <= height; n++) {
        char params[40];
        struct ct_json *doc = NULL;
        (void)snprintf(params, sizeof params, "[\"0x%llx\",true]", (unsigned long long)n);
        char *text = ct_anvil_call(&platform.anvil, "eth_getBlockByNumber", params);
        REQUIRE(text != NULL && ct_json_parse(&doc, text, strlen(text)) == CT_OK);
        count_block(ct_json_get(doc, "result"), counts);
        ct_json_free(doc);
        free(text);
    }
    for (unsigned p = 0; p < CT_CRASH_COUNT; p++) {
        doubled += counts[p] > 1;
        missing += counts[p] == 0;
        if (counts[p] != 1) {
            printf("    %s: paid %u times\n", points[p].name, counts[p]);
        }
    }
    printf("    %u payments over %llu blocks: %u double, %u lost\n", pairs,
           (unsigned long long)height, doubled, missing);
    CHECK_EQ(doubled, 0);
    CHECK_EQ(missing, 0);
}

static const struct ct_test tests[] = {
    CT_TEST(platform_is_ready),
    CT_TEST(devices_are_registered_that_change_their_records),
    CT_TEST(killed_at_each_point_it_ends_what_was_asked_for),
    CT_TEST(each_payment_is_in_the_chain_once),
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
