/* Claims about the device's own transactions, on a real chain: none lost, none sent twice, none
 * beyond what the wallet holds. */
/* links: ct_client_inside chainturn ct_testchain ct_wm ct_kex ct_turn ct_chain ct_base */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anvil.h"
#include "base/clock.h"
#include "base/hex.h"
#include "chain/chain.h"
#include "chain/keccak.h"
#include "chain/rpc.h"
#include "chain/tx.h"
#include "own.h"

#include "ct_test.h"
#include "temp_dir.h"

static struct ct_anvil anvil;
static struct temp_dir dir;
static struct ct_worker_env env;
static const uint8_t data[4] = {1, 2, 3, 4};

static void clean_up(void)
{
    temp_dir_remove(&dir);
    ct_anvil_stop(&anvil);
}

static void call(const char *method, const char *params)
{
    char *answer = ct_anvil_call(&anvil, method, params);
    CHECK(answer != NULL && strstr(answer, "\"error\"") == NULL);
    free(answer);
}

/* A fresh wallet with that much ether (a quantity of wei), a fresh home, a chain that mines. */
static void begin(const char *wei)
{
    static bool is_open;
    struct ct_bundle bundle;
    char addr[43];
    char params[200];
    if (!is_open) {
        REQUIRE(ct_anvil_start(&anvil));
        (void)atexit(clean_up);
        is_open = true;
    } else {
        temp_dir_remove(&dir);
        ct_chain_free(env.chain);
        call("evm_setAutomine", "[true]");
    }
    memset(&env, 0, sizeof env);
    REQUIRE(temp_dir_make(&dir));
    REQUIRE(ct_home_init(&env.home, dir.path, NULL) == CT_OK);
    ct_anvil_bundle(&bundle, &anvil);
    env.bundle = bundle;
    memset(env.bundle.contract20, 0xc0, 20); /* takes any call: it has no code */
    REQUIRE(ct_chain_open(&env.chain, &env.bundle, NULL, NULL) == CT_OK);
    REQUIRE(ct_wallet_new(&env.wallet) == CT_OK);
    (void)snprintf(env.identity, sizeof env.identity, "sensor-42");
    ct_hex0x(addr, env.wallet.addr20, 20);
    (void)snprintf(params, sizeof params, "[\"%s\",\"%s\"]", addr, wei);
    call("anvil_setBalance", params);
    call("evm_mine", "[]");
}

#define ONE_ETHER "0xde0b6b3a7640000"

static struct ct_own_want want(void)
{
    return (struct ct_own_want){.kind = CT_OWN_UPDATE,
                                .data = data,
                                .data_len = sizeof data,
                                .deadline_s = ct_wall_s() + 600};
}

static uint64_t count_of(bool pending)
{
    uint64_t nonce = 99;
    CHECK_EQ(ct_rpc_nonce(env.chain, env.wallet.addr20, pending, &nonce, NULL), CT_OK);
    return nonce;
}

static bool is_stored(struct ct_home_sent *sent)
{
    return ct_home_load_sent(&env.home, sent) == CT_OK;
}

static struct ct_tx stored_tx(void)
{
    struct ct_home_sent sent;
    struct ct_tx tx;
    uint8_t sig[CT_SIG_LEN];
    memset(&tx, 0, sizeof tx);
    CHECK(is_stored(&sent));
    CHECK_EQ(ct_tx_read_signed(&tx, sig, NULL, sent.raw, sent.len), CT_OK);
    tx.data = NULL; /* points into sent */
    return tx;
}

/* Takes what was just sent out of the node again, as if it had never been given to it. */
static void drop(const uint8_t hash32[32])
{
    char hash[67];
    char params[80];
    ct_hex0x(hash, hash32, 32);
    (void)snprintf(params, sizeof params, "[\"%s\"]", hash);
    call("anvil_dropTransaction", params);
}

static void what_was_sent_is_mined_once_and_then_forgotten(void)
{
    struct ct_own_mined mined;
    struct ct_home_sent sent;
    struct ct_why why = {""};
    uint8_t hash[32];
    begin(ONE_ETHER);
    CHECK_EQ(ct_own_settle(&env, &mined, &why), CT_ERR_NOT_FOUND);
    struct ct_own_want w = want();
    REQUIRE(ct_own_send(&env, &w, hash, &why) == CT_OK);
    CHECK(is_stored(&sent));
    REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
    CHECK_MEM(mined.hash32, hash, 32);
    CHECK_EQ(mined.kind, CT_OWN_UPDATE);
    CHECK(!mined.has_failed);
    CHECK(mined.gas > 21000 && mined.block > 0);
    CHECK(!is_stored(&sent));
    CHECK_EQ(ct_own_settle(&env, &mined, &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(count_of(false), 1);
}

static void what_was_stored_and_never_sent_is_sent_by_the_next_run(void)
{
    struct ct_own_mined mined;
    struct ct_why why = {""};
    uint8_t hash[32];
    begin(ONE_ETHER);
    call("evm_setAutomine", "[false]");
    struct ct_own_want w = want();
    REQUIRE(ct_own_send(&env, &w, hash, &why) == CT_OK);
    drop(hash);
    CHECK_EQ(count_of(true), 0);
    call("evm_setAutomine", "[true]");
    REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
    CHECK_MEM(mined.hash32, hash, 32);
    CHECK_EQ(count_of(false), 1);
}

static void what_was_mined_while_nobody_looked_is_not_sent_again(void)
{
    struct ct_own_mined mined;
    struct ct_home_sent sent;
    struct ct_why why = {""};
    uint8_t hash[32];
    begin(ONE_ETHER);
    struct ct_own_want w = want();
    REQUIRE(ct_own_send(&env, &w, hash, &why) == CT_OK);
    REQUIRE(is_stored(&sent));
    REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
    REQUIRE(ct_home_save_sent(&env.home, &sent, NULL) == CT_OK); /* killed before it was dropped */
    REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
    CHECK_MEM(mined.hash32, hash, 32);
    CHECK_EQ(count_of(false), 1);
}

static void what_can_do_nothing_any_more_is_replaced_and_not_followed(void)
{
    struct ct_own_mined mined;
    struct ct_why why = {""};
    uint8_t first[32];
    uint8_t second[32];
    begin(ONE_ETHER);
    call("evm_setAutomine", "[false]");
    struct ct_own_want w = want();
    w.deadline_s = 1;
    REQUIRE(ct_own_send(&env, &w, first, &why) == CT_OK);
    CHECK_EQ(ct_own_settle(&env, &mined, &why), CT_ERR_NOT_FOUND);
    struct ct_tx old = stored_tx();
    w = want();
    REQUIRE(ct_own_send(&env, &w, second, &why) == CT_OK); /* the node wants a tenth more */
    struct ct_tx new = stored_tx();
    CHECK_EQ(new.nonce, old.nonce);
    CHECK(ct_u256_cmp(&new.max_fee_wei, &old.max_fee_wei) > 0);
    CHECK(ct_u256_cmp(&new.max_priority_fee_wei, &old.max_priority_fee_wei) > 0);
    CHECK_EQ(count_of(true), 1);
    call("evm_mine", "[]");
    REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
    CHECK_MEM(mined.hash32, second, 32);
    CHECK_EQ(count_of(false), 1);
}

static void a_wallet_with_too_little_is_told_so_and_nothing_is_stored(void)
{
    struct ct_home_sent sent;
    struct ct_why why = {""};
    uint8_t hash[32];
    begin("0x1");
    struct ct_own_want w = want();
    CHECK_EQ(ct_own_send(&env, &w, hash, &why), CT_ERR_ROOM);
    CHECK(strstr(why.text, "send it ether") != NULL);
    CHECK(strstr(why.text, "--road sponsored") != NULL);
    CHECK(!is_stored(&sent));
}

static void a_fee_stays_within_what_the_wallet_holds(void)
{
    struct ct_own_mined mined;
    struct ct_why why = {""};
    struct ct_u256 most;
    struct ct_u256 tip;
    struct ct_u256 budget;
    struct ct_u256 cost;
    char wei[CT_U256_QUANTITY_LEN];
    uint8_t hash[32];
    begin(ONE_ETHER);
    struct ct_own_want w = want();
    w.gas_limit = 50000;
    call("anvil_setNextBlockBaseFeePerGas",
         "[\"0x2540be400\"]"); /* 10 gwei, beside which the tip is small */
    call("evm_mine", "[]");
    REQUIRE(ct_rpc_fees(env.chain, &most, &tip, &why) == CT_OK);
    REQUIRE(ct_u256_mul_u64(&budget, &most, 40000) == CT_OK); /* four fifths of what is suggested */
    ct_u256_quantity(wei, &budget);
    begin(wei);
    REQUIRE(ct_own_send(&env, &w, hash, &why) == CT_OK);
    struct ct_tx tx = stored_tx();
    CHECK_EQ(tx.gas_limit, 50000);
    REQUIRE(ct_u256_mul_u64(&cost, &tx.max_fee_wei, tx.gas_limit) == CT_OK);
    CHECK(ct_u256_cmp(&cost, &budget) <= 0);
    REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
}

static void what_the_contract_refuses_is_not_sent(void)
{
    struct ct_home_sent sent;
    struct ct_why why = {""};
    uint8_t hash[32];
    begin(ONE_ETHER);
    memset(env.bundle.contract20, 0, 20);
    env.bundle.contract20[19] = 9; /* the precompile of EIP-152 wants 213 bytes */
    struct ct_own_want w = want();
    CHECK(ct_own_send(&env, &w, hash, &why) != CT_OK);
    CHECK(!is_stored(&sent));
    CHECK_EQ(count_of(true), 0);
}

static void a_transaction_of_another_wallet_or_contract_is_dropped(void)
{
    struct ct_own_mined mined;
    struct ct_home_sent sent;
    struct ct_home_sent spoilt;
    struct ct_why why = {""};
    struct ct_wallet mine;
    uint8_t hash[32];
    begin(ONE_ETHER);
    struct ct_own_want w = want();
    REQUIRE(ct_own_send(&env, &w, hash, &why) == CT_OK);
    REQUIRE(is_stored(&sent));
    mine = env.wallet;
    REQUIRE(ct_wallet_new(&env.wallet) == CT_OK);
    CHECK_EQ(ct_own_settle(&env, &mined, &why), CT_ERR_NOT_FOUND);
    CHECK(!is_stored(&spoilt));
    env.wallet = mine;
    REQUIRE(ct_home_save_sent(&env.home, &sent, NULL) == CT_OK);
    env.bundle.contract20[0] ^= 1;
    CHECK_EQ(ct_own_settle(&env, &mined, &why), CT_ERR_NOT_FOUND);
    CHECK(!is_stored(&spoilt));
    env.bundle.contract20[0] ^= 1;
    for (size_t cut = 1; cut < sent.len; cut++) { /* and so is one that is not whole */
        spoilt = sent;
        spoilt.len = cut;
        REQUIRE(ct_home_save_sent(&env.home, &spoilt, NULL) == CT_OK);
        CHECK_EQ(ct_own_settle(&env, &mined, &why), CT_ERR_NOT_FOUND);
    }
}

/* ---- stuck ---- */

/* The stored one with these fees in place of its own, as it would have been signed. */
static void sign_with(struct ct_home_sent *sent, uint8_t hash32[32], uint64_t max_wei,
                      uint64_t tip_wei)
{
    struct ct_tx tx;
    uint8_t sig[CT_SIG_LEN];
    uint8_t raw[CT_HOME_SENT_MAX];
    size_t len = 0;
    REQUIRE(ct_tx_read_signed(&tx, sig, NULL, sent->raw, sent->len) == CT_OK);
    tx.max_fee_wei = ct_u256_from_u64(max_wei);
    tx.max_priority_fee_wei = ct_u256_from_u64(tip_wei);
    REQUIRE(ct_tx_sign(raw, sizeof raw, &len, hash32, &tx, &env.wallet) == CT_OK);
    memcpy(sent->raw, raw, len);
    sent->len = len;
    REQUIRE(ct_home_save_sent(&env.home, sent, NULL) == CT_OK);
}

/* Sent, and waiting: no block comes before the test makes one. */
static void get_stuck(struct ct_home_sent *sent, uint8_t hash32[32])
{
    struct ct_why why = {""};
    memset(sent, 0, sizeof *sent);
    memset(hash32, 0, 32);
    begin(ONE_ETHER);
    env.replace_ms = 300;
    call("evm_setAutomine", "[false]");
    struct ct_own_want w = want();
    w.gas_limit = 50000;
    REQUIRE(ct_own_send(&env, &w, hash32, &why) == CT_OK);
    REQUIRE(is_stored(sent));
}

static void a_stuck_transaction_is_raised_to_what_is_asked_now(void)
{
    struct ct_own_mined mined;
    struct ct_home_sent sent;
    struct ct_why why = {""};
    uint8_t hash[32];
    get_stuck(&sent, hash);
    call("anvil_setNextBlockBaseFeePerGas", "[\"0x2e90edd000\"]"); /* 200 gwei */
    call("evm_mine", "[]");
    call("evm_setIntervalMining", "[1]");
    CHECK_EQ(ct_own_settle(&env, &mined, &why), CT_OK);
    call("evm_setIntervalMining", "[0]");
    CHECK(memcmp(mined.hash32, hash, 32) != 0); /* not the one that nobody wanted */
    CHECK_EQ(mined.kind, CT_OWN_UPDATE);
    CHECK_EQ(count_of(false), 1);
    CHECK_EQ(count_of(true), 1);
    CHECK(!is_stored(&sent));
}

static void one_killed_between_storing_and_sending_a_raise_knows_what_was_mined(void)
{
    struct ct_own_mined mined;
    struct ct_home_sent sent;
    struct ct_why why = {""};
    uint8_t first[32];
    uint8_t raised[32];
    get_stuck(&sent, first);
    memcpy(sent.earlier[sent.earlier_count++], first, 32);
    sign_with(&sent, raised, 400000000000u, 2000000000u); /* on disk, and told to nobody */
    call("evm_mine", "[]");
    CHECK_EQ(count_of(false), 1);
    REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
    CHECK_MEM(mined.hash32, first, 32);
    CHECK(!is_stored(&sent));
    CHECK_EQ(count_of(true), 1);
}

static void one_killed_after_storing_a_raise_goes_on_with_it(void)
{
    struct ct_own_mined mined;
    struct ct_home_sent sent;
    struct ct_why why = {""};
    uint8_t first[32];
    uint8_t raised[32];
    get_stuck(&sent, first);
    env.replace_ms = 60000;
    drop(first);
    memcpy(sent.earlier[sent.earlier_count++], first, 32);
    sign_with(&sent, raised, 400000000000u, 2000000000u);
    call("evm_setIntervalMining", "[1]");
    REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
    call("evm_setIntervalMining", "[0]");
    CHECK_MEM(mined.hash32, raised, 32);
    CHECK_EQ(count_of(true), 1);
}

/* Neither beyond the purse nor beyond the cap: it waits as it is, and is mined when it can be. */
static void a_fee_is_not_raised_beyond_its_bounds(void)
{
    struct ct_own_mined mined;
    struct ct_home_sent sent;
    struct ct_why why = {""};
    struct ct_u256 cost;
    char addr[43], wei[CT_U256_QUANTITY_LEN], params[200];
    uint8_t hash[32];
    for (int is_capped = 0; is_capped <= 1; is_capped++) {
        get_stuck(&sent, hash);
        if (is_capped) { /* an eighth more would be above 500 gwei */
            drop(hash);
            sign_with(&sent, hash, 480000000000u, 1000000000u);
        } else {
            struct ct_tx tx = stored_tx();
            REQUIRE(ct_u256_mul_u64(&cost, &tx.max_fee_wei, tx.gas_limit) == CT_OK);
            ct_u256_quantity(wei, &cost);
            ct_hex0x(addr, env.wallet.addr20, 20);
            (void)snprintf(params, sizeof params, "[\"%s\",\"%s\"]", addr, wei);
            call("anvil_setBalance", params);
        }
        call("evm_setIntervalMining", "[4]"); /* time enough for a dozen raises */
        REQUIRE(ct_own_settle(&env, &mined, &why) == CT_OK);
        call("evm_setIntervalMining", "[0]");
        CHECK_MEM(mined.hash32, hash, 32);
        CHECK_EQ(count_of(false), 1);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(what_was_sent_is_mined_once_and_then_forgotten),
    CT_TEST(what_was_stored_and_never_sent_is_sent_by_the_next_run),
    CT_TEST(what_was_mined_while_nobody_looked_is_not_sent_again),
    CT_TEST(what_can_do_nothing_any_more_is_replaced_and_not_followed),
    CT_TEST(a_wallet_with_too_little_is_told_so_and_nothing_is_stored),
    CT_TEST(a_fee_stays_within_what_the_wallet_holds),
    CT_TEST(what_the_contract_refuses_is_not_sent),
    CT_TEST(a_transaction_of_another_wallet_or_contract_is_dropped),
    CT_TEST(a_stuck_transaction_is_raised_to_what_is_asked_now),
    CT_TEST(one_killed_between_storing_and_sending_a_raise_knows_what_was_mined),
    CT_TEST(one_killed_after_storing_a_raise_goes_on_with_it),
    CT_TEST(a_fee_is_not_raised_beyond_its_bounds),
};
CT_TEST_MAIN(tests)
