/* Transactions on a chain that misbehaves: stuck, dropped, reorganised, taken by strangers, refused
 * by nodes; each payment and each registration happens once. */
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/json.h"
#include "chain/rpc.h"
#include "chain/tx.h"
#include "ct_test.h"
#include "platform.h"
#include "scene.h"
#include "wm-server/src/store/store.h"

enum { WAIT_MS = 60000 };

static const char *server;
static bool on_redis;

/* What that wallet was sent is what the funder's one payment to it was: the balance says so. */
static void check_paid_once(const struct device *d, const struct ct_u256 *amount)
{
    struct ct_u256 has = platform_balance(d->wallet.addr20);
    CHECK(!ct_u256_is_zero(&has));
    CHECK_EQ(ct_u256_cmp(&has, amount), 0);
}

/* The ether that a payment of this much gas and fee is; read from the transaction in the pool. */
static struct ct_u256 pooled_value(const uint8_t hash32[32])
{
    char params[80];
    char hash[67];
    struct ct_u256 value = {{0}};
    struct ct_json *doc = NULL;
    ct_hex0x(hash, hash32, 32);
    (void)snprintf(params, sizeof params, "[\"%s\"]", hash);
    char *text = ct_anvil_call(&platform.anvil, "eth_getTransactionByHash", params);
    if (text != NULL && ct_json_parse(&doc, text, strlen(text)) == CT_OK) {
        CHECK_EQ(ct_json_u256(&value, ct_json_get(ct_json_get(doc, "result"), "value")), CT_OK);
    }
    ct_json_free(doc);
    free(text);
    return value;
}

/* Asked for, offered, and with a hash. */
static bool ask_more(struct device *d, struct ct_wm_operation *op)
{
    struct ct_why why = {{0}};
    if (device_ask_payment(d, op) != CT_OK || op->id[0] == '\0') {
        return false;
    }
    return scene_await(platform.log, " sent transaction=") &&
           ct_wm_operation_get(d->wm, op, op->id, &why) == CT_OK && op->state == CT_WM_SENT;
}

static bool ask_payment(struct device *d, const char *name, struct ct_wm_operation *op)
{
    return device_new(d, name) && ask_more(d, op);
}

/* A log and a pool without earlier transactions. */
static bool begin_with(const char *from, const char *to)
{
    return platform_end(SIGTERM) == 0 && platform_set(from, to) && platform_run() &&
           platform_automine(false);
}

static bool mine_until(const char *text)
{
    uint64_t until_ms = ct_mono_ms() + WAIT_MS;
    while (ct_mono_ms() < until_ms && platform.pid > 0) {
        platform_mine();
        if (scene_says(platform.log, text, 500)) {
            return true;
        }
    }
    printf("    never: %s\n", text);
    return false;
}

static void platform_is_ready(void)
{
    REQUIRE(platform_start(server, on_redis));
    REQUIRE(platform_set("batch = 64", "batch = 64\nlost-s = 2"));
    REQUIRE(platform_set("repeat-s = 10", "repeat-s = 1"));
    REQUIRE(platform_set("bump-s = 30", "bump-s = 1"));
    REQUIRE(platform_run());
}

static void stuck_transaction_is_replaced_at_a_higher_fee(void)
{
    struct device d;
    struct ct_wm_operation op, end;
    REQUIRE(platform.pid > 0 && begin_with("window-ms = 250", "window-ms = 100"));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(ask_payment(&d, "stuck", &op));
    struct ct_u256 amount = pooled_value(op.transaction32);
    /* a block for which it offers too little; a next one would be cheaper */
    REQUIRE(platform_call("anvil_setNextBlockBaseFeePerGas", "[\"0x174876e800\"]"));
    platform_mine();
    CHECK_EQ(platform_sent_by(&platform.funder), before);
    CHECK(scene_await(platform.log, "replaced account=funder"));
    CHECK(mine_until("subject=stuck state=done"));
    end = op;
    CHECK_EQ(device_wait(&d, &end), CT_OK);
    CHECK(memcmp(end.transaction32, op.transaction32, 32) != 0); /* another one did it */
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    check_paid_once(&d, &amount);
    device_close(&d);
    REQUIRE(platform_call("anvil_setNextBlockBaseFeePerGas", "[\"0x3b9aca00\"]"));
    platform_mine();
}

static bool drop(const uint8_t hash32[32])
{
    char params[80];
    char hash[67];
    ct_hex0x(hash, hash32, 32);
    (void)snprintf(params, sizeof params, "[\"%s\"]", hash);
    return platform_call("anvil_dropTransaction", params);
}

static void dropped_transaction_is_offered_again(void)
{
    struct device d;
    struct ct_wm_operation op;
    REQUIRE(platform.pid > 0 && begin_with("bump-s = 1", "bump-s = 60"));
    REQUIRE(ask_payment(&d, "dropped", &op));
    struct ct_u256 amount = pooled_value(op.transaction32);
    REQUIRE(drop(op.transaction32));
    CHECK(scene_await(platform.log, "sent_again"));
    CHECK(mine_until("subject=dropped state=done"));
    check_paid_once(&d, &amount);
    device_close(&d);
}

static void vanished_block_puts_its_transaction_back(void)
{
    struct device d;
    struct ct_wm_operation op;
    struct ct_why why = {{0}};
    REQUIRE(platform.pid > 0 && begin_with("confirmations = 1", "confirmations = 3"));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(ask_payment(&d, "reorg", &op));
    struct ct_u256 amount = pooled_value(op.transaction32);
    platform_mine();
    platform_mine();
    /* it is in a block, and not deep enough */
    REQUIRE(scene_await(platform.log, "mined account=funder"));
    CHECK_EQ(ct_wm_operation_get(d.wm, &op, op.id, &why), CT_OK);
    CHECK(op.state == CT_WM_SENT);
    REQUIRE(platform_call("anvil_rollback", "[2]"));
    CHECK_EQ(platform_sent_by(&platform.funder), before);
    CHECK(scene_await(platform.log, "block_gone account=funder"));
    CHECK(mine_until("subject=reorg state=done"));
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    check_paid_once(&d, &amount);
    device_close(&d);
}

/* Deeper than what was waited for: the operation is done for its owner, and the chain lost it. */
static void effect_that_the_chain_lost_is_restored(void)
{
    struct device d;
    struct ct_wm_operation op;
    REQUIRE(platform.pid > 0 && begin_with("confirmations = 3", "confirmations = 1"));
    REQUIRE(platform_set("bump-s = 60", "bump-s = 1") && platform_end(SIGTERM) == 0);
    REQUIRE(platform_run());
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(ask_payment(&d, "deep", &op));
    struct ct_u256 amount = pooled_value(op.transaction32);
    platform_mine(); /* one block alone, so that it is the last one */
    CHECK(scene_await(platform.log, "subject=deep state=done"));
    REQUIRE(platform_sent_by(&platform.funder) == before + 1);
    REQUIRE(platform_call("anvil_rollback", "[1]"));
    CHECK_EQ(platform_sent_by(&platform.funder), before);
    CHECK(scene_await(platform.log, "cause=\"its block is gone\""));
    for (uint64_t until_ms = ct_mono_ms() + WAIT_MS; ct_mono_ms() < until_ms;) {
        platform_mine();
        if (platform_sent_by(&platform.funder) > before) {
            break; /* it was offered before that block, or is in the next one */
        }
    }
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    check_paid_once(&d, &amount);
    device_close(&d);
}

/* A transaction by the funder's key that wm-server knows nothing of; hash32 may be NULL. */
static bool stranger(uint64_t nonce, uint64_t fee_gwei, uint8_t hash32[32])
{
    struct ct_why why = {{0}};
    uint8_t raw[256], hash[32];
    size_t len = 0;
    struct ct_tx tx = {.chain_id = platform.bundle.chain_id,
                       .nonce = nonce,
                       .gas_limit = 21000,
                       .max_fee_wei = ct_u256_from_u64(fee_gwei * 1000000000),
                       .max_priority_fee_wei = ct_u256_from_u64(fee_gwei * 1000000000)};
    tx.to20[19] = 0x99;
    ct_err err =
        ct_tx_sign(raw, sizeof raw, &len, hash32 != NULL ? hash32 : hash, &tx, &platform.funder);
    if (err == CT_OK) {
        err = ct_rpc_send_raw(platform.chain, raw, len, &why);
    }
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return err == CT_OK;
}

static void nonce_that_a_stranger_took_costs_no_payment(void)
{
    struct device d;
    struct ct_wm_operation op;
    REQUIRE(platform.pid > 0 && begin_with("bump-s = 1", "bump-s = 60"));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(ask_payment(&d, "stolen", &op));
    struct ct_u256 amount = pooled_value(op.transaction32);
    REQUIRE(stranger(before, 50, NULL));
    platform_mine();
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    CHECK(mine_until("transaction_lost account=funder"));
    CHECK(mine_until("subject=stolen state=done"));
    CHECK_EQ(platform_sent_by(&platform.funder), before + 2);
    check_paid_once(&d, &amount);
    device_close(&d);
}

/* As one has that renews. */
static void nonce_that_a_stranger_took_costs_no_used_wallet_its_payment(void)
{
    struct device d;
    struct ct_wm_operation op;
    struct ct_u256 due;
    REQUIRE(platform.pid > 0 && begin_with("bump-s = 60", "bump-s = 60"));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(device_new(&d, "renews") && platform_make_used(&d.wallet, 1, 1000));
    platform_mine();
    REQUIRE(ask_more(&d, &op));
    const struct ct_u256 had = ct_u256_from_u64(1000);
    struct ct_u256 amount = pooled_value(op.transaction32);
    REQUIRE(ct_u256_add(&due, &amount, &had) == CT_OK);
    REQUIRE(stranger(before, 50, NULL));
    platform_mine();
    CHECK(mine_until("transaction_lost account=funder"));
    CHECK(mine_until("subject=renews state=done"));
    CHECK_EQ(platform_sent_by(&platform.funder), before + 2);
    check_paid_once(&d, &due);
    device_close(&d);
}

/* It has spent something since it asked: of what it had, or of what it was paid? */
static void payment_that_nobody_can_tell_of_fails_and_is_not_called_done(void)
{
    struct device d;
    struct ct_wm_operation op;
    struct ct_why why = {{0}};
    REQUIRE(platform.pid > 0 && begin_with("bump-s = 60", "bump-s = 60"));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(device_new(&d, "spends") && platform_make_used(&d.wallet, 1, 1000));
    platform_mine();
    REQUIRE(ask_more(&d, &op));
    REQUIRE(stranger(before, 50, NULL) && platform_make_used(&d.wallet, 2, 500));
    platform_mine();
    CHECK(mine_until("transaction_lost account=funder"));
    CHECK(mine_until("subject=spends state=failed"));
    CHECK(ct_wm_operation_get(d.wm, &op, op.id, &why) == CT_OK && op.state == CT_WM_FAILED);
    CHECK(strstr(op.reason, "ask again") != NULL);
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    const struct ct_u256 has = ct_u256_from_u64(500);
    check_paid_once(&d, &has);
    device_close(&d);
}

static void nonce_that_nobody_uses_is_filled(void)
{
    struct device d;
    struct ct_wm_operation op;
    uint8_t hash32[32];
    REQUIRE(platform.pid > 0 && begin_with("bump-s = 60", "bump-s = 1"));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(stranger(before, 50, hash32)); /* waits in the pool: ours comes behind it.. */
    REQUIRE(ask_payment(&d, "behind", &op));
    struct ct_u256 amount = pooled_value(op.transaction32);
    REQUIRE(drop(hash32)); /* ..and hangs, once it is gone */
    CHECK(mine_until("nonce_filled account=funder"));
    CHECK(mine_until("subject=behind state=done"));
    CHECK_EQ(platform_sent_by(&platform.funder), before + 2);
    check_paid_once(&d, &amount);
    device_close(&d);
}

/* Signed while blocks were large; then they shrink, and no node takes it any more. */
static void transaction_that_no_node_takes_holds_up_no_other(void)
{
    struct device d;
    struct ct_wm_operation op;
    struct ct_device record;
    struct ct_why why = {{0}};
    REQUIRE(platform.pid > 0 && begin_with("bump-s = 1", "bump-s = 60"));
    uint64_t before = platform_sent_by(&platform.approver);
    REQUIRE(device_new(&d, "large") && device_ask_registration(&d, &op) == CT_OK);
    REQUIRE(scene_await(platform.log, " sent transaction="));
    REQUIRE(ct_wm_operation_get(d.wm, &op, op.id, &why) == CT_OK);
    REQUIRE(platform_call("evm_setBlockGasLimit", "[\"0xc350\"]")); /* 50,000 */
    REQUIRE(drop(op.transaction32));
    CHECK(scene_await(platform.log, "filled=never taken"));
    CHECK(mine_until("subject=large state=failed"));
    CHECK_EQ(platform_sent_by(&platform.approver), before + 1);
    CHECK_EQ(device_record(&d, &record), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_wm_operation_wait(d.wm, &op, op.id, WAIT_MS, &why), CT_ERR_REFUSED);
    CHECK(strstr(why.text, "no node takes the transaction") != NULL);
    REQUIRE(platform_call("evm_setBlockGasLimit", "[\"0x1c9c380\"]"));
    REQUIRE(platform_automine(true));
    CHECK_EQ(device_register(&d), CT_OK);
    CHECK_EQ(platform_sent_by(&platform.approver), before + 2);
    REQUIRE(device_record(&d, &record) == CT_OK);
    CHECK(record.sequence == 1 && record.state == CT_RECORD_APPROVED);
    device_close(&d);
}

/* ---- batches ---- */

static struct ct_store *open_store(void)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    char path[160];
    (void)snprintf(path, sizeof path, "%s/wm/wm.sqlite", platform.folder);
    ct_err err = on_redis ? ct_store_redis(&s, platform.redis.address, NULL, &why)
                          : ct_store_sqlite(&s, path, &why);
    CHECK_EQ(err, CT_OK);
    return s;
}

/* In the middle of a batch, as a damaged disk or a faulty release could leave it. */
static void damaged_operation_fails_alone(void)
{
    enum { MANY = 5, BAD = 2 };
    static struct device d[MANY];
    struct ct_wm_operation ops[MANY];
    struct ct_op op;
    struct ct_device record;
    struct ct_why why = {{0}};
    REQUIRE(platform.pid > 0 && platform_automine(true));
    REQUIRE(platform_end(SIGTERM) == 0 && platform_set("window-ms = 100", "window-ms = 60000"));
    REQUIRE(platform_run());
    uint64_t before = platform_sent_by(&platform.approver);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "batch-%d", i);
        REQUIRE(device_new(&d[i], name) && device_ask_registration(&d[i], &ops[i]) == CT_OK);
    }
    REQUIRE(platform_end(SIGKILL) == 1000 + SIGKILL);
    struct ct_store *s = open_store();
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->op_find(s, ops[BAD].id, &op), CT_OK);
    CHECK_EQ(s->ops->op_move(s, op.id, CT_OP_QUEUED, CT_OP_QUEUED, "damaged", 7, ""), CT_OK);
    ct_store_free(s);
    REQUIRE(platform_set("window-ms = 60000", "window-ms = 100") && platform_run());
    for (int i = 0; i < MANY; i++) {
        ct_err err = ct_wm_operation_wait(d[i].wm, &ops[i], ops[i].id, WAIT_MS, &why);
        CHECK_EQ(err, i == BAD ? CT_ERR_REFUSED : CT_OK);
        CHECK_EQ(device_record(&d[i], &record), i == BAD ? CT_ERR_NOT_FOUND : CT_OK);
        device_close(&d[i]);
    }
    CHECK(strstr(ops[BAD].reason, "cannot be used") != NULL);
    CHECK(platform_sent_by(&platform.approver) < before + MANY); /* not one for each */
}

static const struct ct_test tests[] = {
    CT_TEST(platform_is_ready),
    CT_TEST(stuck_transaction_is_replaced_at_a_higher_fee),
    CT_TEST(dropped_transaction_is_offered_again),
    CT_TEST(vanished_block_puts_its_transaction_back),
    CT_TEST(effect_that_the_chain_lost_is_restored),
    CT_TEST(nonce_that_a_stranger_took_costs_no_payment),
    CT_TEST(nonce_that_a_stranger_took_costs_no_used_wallet_its_payment),
    CT_TEST(payment_that_nobody_can_tell_of_fails_and_is_not_called_done),
    CT_TEST(nonce_that_nobody_uses_is_filled),
    CT_TEST(transaction_that_no_node_takes_holds_up_no_other),
    CT_TEST(damaged_operation_fails_alone),
};

int main(int argc, char **argv)
{
    on_redis = argc == 3 && strcmp(argv[2], "--redis") == 0;
    if (argc != 2 && !on_redis) {
        (void)fprintf(stderr, "usage: chain_test WM-SERVER [--redis]\n");
        return 2;
    }
    server = argv[1];
    (void)signal(SIGPIPE, SIG_IGN);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    platform_stop();
    return code;
}
