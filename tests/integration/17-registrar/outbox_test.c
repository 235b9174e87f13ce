/* Claims about a relay's own transactions on a real chain: one at a time, one of each, across
 * crashes, dear gas, replacements and blocks that vanish. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "life/outbox.h"
#include "platform.h"
#include "temp_dir.h"

#define FEE_MAX_WEI UINT64_C(10000000000) /* 10 gwei */

static struct platform platform;
static struct temp_dir temp;
static const char *program;
static char memo_path[96];
static struct ct_rg_link *registrar;
static struct ct_memo memo;
static struct ct_outbox box;

static void note(enum ct_log_level level, const char *line, void *arg)
{
    (void)level;
    (void)arg;
    printf("    %s\n", line);
}

static bool call_anvil(const char *method, const char *params)
{
    char *text = ct_anvil_call(&platform.anvil, method, params);
    bool good = text != NULL && strstr(text, "\"error\"") == NULL;
    free(text);
    return good;
}

static bool automine(bool on)
{
    return call_anvil("evm_setAutomine", on ? "[true]" : "[false]");
}

static void new_outbox(void)
{
    const struct ct_log log = {.sink = note, .max = CT_LOG_INFO};
    struct ct_wallet wallet;
    const struct ct_bundle *b = ct_chain_bundle(platform.chain);
    ct_rg_link_wallet(&wallet, registrar);
    box = (struct ct_outbox){.chain = platform.chain,
                             .link = registrar,
                             .memo = &memo,
                             .path = memo_path,
                             .log = log,
                             .replace_ms = 3600000};
    memcpy(box.owner.deployment32, b->deployment32, 32);
    memcpy(box.owner.addr20, wallet.addr20, 20);
}

static bool open_all(void)
{
    const struct ct_log log = {.sink = note, .max = CT_LOG_INFO};
    struct ct_wm_key key = {.id = 1, .not_after_s = ct_wall_s() + 86400, .ed25519 = {1}};
    struct ct_why why = {""};
    struct ct_rg_open open = {
        .fee_max_wei = FEE_MAX_WEI, .gas_max = 300000, .may_make = true, .user = "nobody"};
    bool made = false;
    key.x25519[0] = 9;
    if (!platform_open(&platform, &key, NULL)) {
        return false;
    }
    const struct ct_bundle *b = ct_chain_bundle(platform.chain);
    open.chain_id = b->chain_id;
    memcpy(open.contract20, b->contract20, 20);
    open.record = (struct ct_relay){.listen_port = 3478,
                                    .port_min = 49152,
                                    .port_max = 65535,
                                    .listen_ip4 = {198, 51, 100, 7},
                                    .relay_ip4 = {198, 51, 100, 8}};
    (void)snprintf(open.wallet, sizeof(open.wallet), "%s/wallet.key", temp.path);
    (void)snprintf(memo_path, sizeof(memo_path), "%s/memo", temp.path);
    if (ct_rg_link_new(&registrar, &made, program, &open, &log, &why) != CT_OK) {
        printf("%s\n", why.text);
        return false;
    }
    new_outbox();
    return true;
}

static struct ct_rg_call registration(uint8_t key)
{
    struct ct_rg_call call = {.what = CT_RG_REGISTER};
    call.key32[0] = key;
    return call;
}

static uint64_t mined(void)
{
    struct ct_why why;
    uint64_t nonce = UINT64_MAX;
    CHECK(ct_rpc_nonce(platform.chain, box.owner.addr20, false, &nonce, &why) == CT_OK);
    return nonce;
}

static ct_err settle(void)
{
    struct ct_why why = {""};
    struct ct_view view;
    ct_err err = ct_chain_view(platform.chain, &view, &why);
    return err == CT_OK ? ct_outbox_settle(&box, view.number, &why) : err;
}

static void wallet_without_ether_sends_nothing(void)
{
    struct ct_rg_call call = registration(1);
    struct ct_why why = {""};
    CHECK_EQ(ct_outbox_send(&box, &call, &why), CT_ERR_ROOM);
    CHECK(strstr(why.text, "send it ether") != NULL);
    CHECK_EQ(memo.sent.call.what, 0);
    CHECK(ct_anvil_fund(&platform.anvil, box.owner.addr20));
}

static void transaction_is_on_disk_and_a_second_one_waits_for_it(void)
{
    struct ct_rg_call call = registration(1);
    struct ct_memo stored;
    struct ct_why why = {""};
    REQUIRE(automine(false));
    CHECK_EQ(ct_outbox_send(&box, &call, &why), CT_OK);
    CHECK_EQ(ct_memo_load(&stored, &box.owner, memo_path, &why), CT_OK);
    CHECK_EQ(stored.sent.len, memo.sent.len);
    CHECK_MEM(stored.sent.raw, memo.sent.raw, memo.sent.len);
    CHECK_EQ(ct_outbox_send(&box, &call, &why), CT_ERR_STATE);
    CHECK_EQ(settle(), CT_ERR_AGAIN);
    CHECK_EQ(mined(), 0);
}

/* What a crash leaves is the file; the node may have forgotten the transaction, too. */
static void crash_loses_nothing_and_sends_the_same_again(void)
{
    struct ct_why why = {""};
    REQUIRE(call_anvil("anvil_dropAllTransactions", "[]"));
    memset(&memo, 0, sizeof(memo));
    new_outbox();
    CHECK_EQ(ct_memo_load(&memo, &box.owner, memo_path, &why), CT_OK);
    CHECK_EQ(settle(), CT_ERR_AGAIN);
    platform_mine(&platform, 1);
    CHECK_EQ(settle(), CT_OK);
    CHECK_EQ(mined(), 1);
    CHECK_EQ(memo.sent.call.what, 0);
    CHECK_EQ(settle(), CT_OK); /* nothing is under way */
}

static void what_stays_outside_a_block_is_replaced_at_a_higher_fee(void)
{
    struct ct_rg_call call = registration(2);
    struct ct_why why = {""};
    CHECK_EQ(ct_outbox_send(&box, &call, &why), CT_OK);
    uint64_t fee = memo.sent.call.fee_wei;
    uint64_t nonce = memo.sent.call.nonce;
    box.replace_ms = 1;
    (void)poll(NULL, 0, 5);
    CHECK_EQ(settle(), CT_ERR_AGAIN);
    CHECK(memo.sent.call.fee_wei >= fee + fee / 8);
    CHECK_EQ(memo.sent.call.nonce, nonce);
    box.replace_ms = 3600000;
    platform_mine(&platform, 1);
    CHECK_EQ(settle(), CT_OK);
    CHECK_EQ(mined(), 2);
}

static void fee_never_grows_beyond_the_limit(void)
{
    struct ct_rg_call call = registration(3);
    struct ct_why why = {""};
    CHECK_EQ(ct_outbox_send(&box, &call, &why), CT_OK);
    box.replace_ms = 1;
    for (unsigned i = 0; i < 12; i++) {
        (void)poll(NULL, 0, 3);
        (void)settle();
        CHECK(memo.sent.call.fee_wei <= FEE_MAX_WEI);
        CHECK(memo.sent.call.tip_wei <= memo.sent.call.fee_wei);
    }
    box.replace_ms = 3600000;
    platform_mine(&platform, 1);
    CHECK_EQ(settle(), CT_OK);
    CHECK_EQ(mined(), 3);
}

static void gas_that_costs_more_than_the_limit_is_waited_out(void)
{
    struct ct_rg_call call = registration(4);
    struct ct_why why = {""};
    REQUIRE(call_anvil("anvil_setNextBlockBaseFeePerGas", "[\"0x2e90edd000\"]")); /* 200 gwei */
    platform_mine(&platform, 1);
    CHECK_EQ(ct_outbox_send(&box, &call, &why), CT_ERR_AGAIN);
    CHECK(strstr(why.text, "chainturn-max-fee-gwei") != NULL);
    CHECK_EQ(memo.sent.call.what, 0);
    REQUIRE(call_anvil("anvil_setNextBlockBaseFeePerGas", "[\"0x3b9aca00\"]"));
    platform_mine(&platform, 1);
}

static void call_that_would_revert_is_not_sent(void)
{
    struct ct_rg_call call = {.what = CT_RG_WITHDRAW, .index = 7};
    struct ct_why why = {""};
    CHECK_EQ(ct_outbox_send(&box, &call, &why), CT_ERR_REFUSED);
    CHECK_EQ(memo.sent.call.what, 0);
    CHECK_EQ(mined(), 3);
}

/* Seen in a block, and the block is gone before it is deep: the same transaction goes in again. */
static void block_that_vanishes_gives_the_transaction_back(void)
{
    struct ct_rg_call call = registration(5);
    struct ct_why why = {""};
    char *snapshot = ct_anvil_call(&platform.anvil, "evm_snapshot", "[]");
    char *id = snapshot ? strstr(snapshot, "\"0x") : NULL;
    char params[40] = "";
    REQUIRE(id != NULL);
    (void)snprintf(params, sizeof(params), "[%.*s]", (int)(strcspn(id + 1, "\"") + 2), id);
    free(snapshot);
    CHECK_EQ(ct_outbox_send(&box, &call, &why), CT_OK);
    platform_mine(&platform, 1);
    CHECK_EQ(ct_outbox_settle(&box, 0, &why), CT_ERR_AGAIN); /* read below the block */
    CHECK(memo.sent.mined_block != 0);
    CHECK_EQ(mined(), 4);
    REQUIRE(call_anvil("evm_revert", params));
    CHECK_EQ(mined(), 3);
    box.offered_ms = 0; /* as after 15 s */
    CHECK_EQ(ct_outbox_settle(&box, 0, &why), CT_ERR_AGAIN);
    CHECK_EQ(memo.sent.mined_block, 0);
    platform_mine(&platform, 1);
    CHECK_EQ(mined(), 4);
    CHECK_EQ(settle(), CT_OK);
}

static const struct ct_test tests[] = {
    CT_TEST(wallet_without_ether_sends_nothing),
    CT_TEST(transaction_is_on_disk_and_a_second_one_waits_for_it),
    CT_TEST(crash_loses_nothing_and_sends_the_same_again),
    CT_TEST(what_stays_outside_a_block_is_replaced_at_a_higher_fee),
    CT_TEST(fee_never_grows_beyond_the_limit),
    CT_TEST(gas_that_costs_more_than_the_limit_is_waited_out),
    CT_TEST(call_that_would_revert_is_not_sent),
    CT_TEST(block_that_vanishes_gives_the_transaction_back),
};

int main(int argc, char **argv)
{
    if (argc != 2 || !temp_dir_make(&temp)) {
        (void)fprintf(stderr, "usage: outbox_test CHAINTURN-REGISTRAR\n");
        return 2;
    }
    (void)alarm(580); /* nothing here may hang */
    program = argv[1];
    if (!open_all()) {
        (void)fprintf(stderr, "no chain or no registrar to test with\n");
        return 1;
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    ct_rg_link_free(registrar);
    platform_close(&platform);
    temp_dir_remove(&temp);
    return code;
}
