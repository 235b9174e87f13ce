/* A batch's gas: estimated once, then by one run each, and estimated again when that falls short.
 */
/* links: ct_wmserver ct_chain ct_base */
#include <stdlib.h>

#include "ct_test.h"
#include "wm-server/src/tx/txmgr.h"

static struct ct_txmgr m;
static uint64_t needed; /* by what is asked about; 0: the contract reverts it */
static uint64_t has_wei;
static unsigned estimates, runs, balances;

/* A node that says what the transaction needs, and runs it with the gas that it is given. */
static void answer(struct ct_http_request *r)
{
    char result[160];
    const char *gas = strstr(r->body, "\"gas\":\"0x");
    bool is_run = strstr(r->body, "eth_call") != NULL;
    bool is_balance = strstr(r->body, "eth_getBalance") != NULL;
    balances += is_balance;
    estimates += !is_run && !is_balance;
    runs += is_run;
    if (is_balance) {
        (void)snprintf(result, sizeof result, "\"result\":\"0x%llx\"", (unsigned long long)has_wei);
    } else if (needed == 0) {
        (void)snprintf(result, sizeof result, "\"error\":{\"code\":3,\"message\":\"no\"}");
    } else if (!is_run) {
        (void)snprintf(result, sizeof result, "\"result\":\"0x%llx\"", (unsigned long long)needed);
    } else if (gas == NULL || strtoull(gas + 9, NULL, 16) < needed) {
        (void)snprintf(result, sizeof result,
                       "\"error\":{\"code\":-32000,\"message\":\"out of gas\"}");
    } else {
        (void)snprintf(result, sizeof result, "\"result\":\"0x%064x\"", 1);
    }
    r->response = malloc(256);
    (void)snprintf(r->response, 256, "{\"jsonrpc\":\"2.0\",\"id\":1,%s}", result);
    r->response_len = strlen(r->response);
    r->err = CT_OK;
}

static ct_err fake_http(void *arg, struct ct_http_request *requests, size_t count,
                        uint32_t timeout_ms, ct_http_enough *enough, void *enough_arg)
{
    (void)arg;
    (void)timeout_ms;
    for (size_t i = 0; i < count; i++) {
        answer(&requests[i]);
    }
    (void)(enough != NULL && enough(enough_arg, requests, count));
    return CT_OK;
}

static void begin(enum ct_op_kind kind)
{
    struct ct_bundle bundle = {.chain_id = 1, .rpc_count = 3, .quorum = 2};
    const struct ct_chain_env env = {.http = fake_http};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(bundle.rpc[i], sizeof bundle.rpc[i], "http://e%zu", i);
    }
    memset(&m, 0, sizeof m);
    m.ops[0].kind = kind;
    estimates = runs = 0;
    CHECK_EQ(ct_chain_open(&m.chain, &bundle, &env, NULL), CT_OK);
}

/* The limit of so many that need so much; 0 when the contract refuses. */
static uint64_t limit_of(size_t count, uint64_t gas)
{
    static const uint8_t addr[20] = {1};
    static const uint8_t data[4] = {1, 2, 3, 4};
    const struct ct_rpc_tx question = {.from20 = addr,
                                       .to20 = addr,
                                       .data = data,
                                       .data_len = m.ops[0].kind == CT_OP_FUND ? 0 : sizeof data};
    struct ct_why why = {""};
    uint64_t limit = 0;
    needed = gas;
    estimates = runs = 0;
    ct_err err = ct_txmgr_gas(&m, &question, count, &limit, &why);
    CHECK(err == CT_OK || err == CT_ERR_REFUSED);
    return err == CT_OK ? limit : 0;
}

static void second_batch_is_run_once_by_each_of_k(void)
{
    begin(CT_OP_REGISTER);
    CHECK_EQ(limit_of(64, 4000000), 5000000);
    CHECK_EQ(estimates, 2);
    CHECK_EQ(runs, 0);
    CHECK_EQ(limit_of(64, 4100000), 5000000); /* a little more, within the room */
    CHECK_EQ(estimates, 0);
    CHECK_EQ(runs, 2);
    CHECK_EQ(limit_of(40, 2500000), 5000000);
    CHECK_EQ(estimates, 0);
    ct_chain_free(m.chain);
}

static void batch_that_needs_more_is_estimated_again(void)
{
    begin(CT_OP_REGISTER);
    CHECK_EQ(limit_of(64, 4000000), 5000000);
    CHECK_EQ(limit_of(64, 4800000), 6000000);
    CHECK_EQ(estimates, 2);
    CHECK_EQ(limit_of(64, 4800000), 6000000); /* and that is what is known now */
    CHECK_EQ(estimates, 0);
    ct_chain_free(m.chain);
}

static void larger_batch_gets_more_and_a_far_smaller_one_does_not_pay_for_it(void)
{
    begin(CT_OP_REGISTER);
    CHECK_EQ(limit_of(16, 1000000), 1250000);
    CHECK_EQ(limit_of(64, 3900000), 5000000);
    CHECK_EQ(estimates, 0);
    CHECK_EQ(limit_of(4, 300000), 375000);
    CHECK_EQ(estimates, 2);
    CHECK_EQ(limit_of(64, 3900000), 4875000); /* sixteen times as many: its own estimate */
    CHECK_EQ(estimates, 2);
    ct_chain_free(m.chain);
}

static void refused_batch_is_refused_by_the_estimate_and_leaves_nothing_known(void)
{
    begin(CT_OP_REGISTER);
    CHECK_EQ(limit_of(64, 4000000), 5000000);
    CHECK_EQ(limit_of(64, 0), 0);
    CHECK_EQ(estimates, 2);
    CHECK_EQ(limit_of(64, 4000000), 5000000);
    CHECK_EQ(estimates, 2);
    ct_chain_free(m.chain);
}

static void kinds_are_known_apart_and_payments_not_at_all(void)
{
    begin(CT_OP_REGISTER);
    CHECK_EQ(limit_of(64, 4000000), 5000000);
    m.ops[0].kind = CT_OP_ROTATE;
    CHECK_EQ(limit_of(64, 2000000), 2500000);
    CHECK_EQ(estimates, 2);
    m.ops[0].kind = CT_OP_FUND;
    CHECK_EQ(limit_of(1, 21000), 26250);
    CHECK_EQ(limit_of(1, 30000), 37500);
    CHECK_EQ(estimates, 2);
    CHECK_EQ(runs, 0);
    ct_chain_free(m.chain);
}

/* Asked for once a round, and anew before it is called too little. */
static void ether_is_asked_for_once_a_round_and_when_it_falls_short(void)
{
    const struct ct_wallet wallet = {.addr20 = {1}};
    const struct ct_tx tx = {.max_fee_wei = ct_u256_from_u64(10), .gas_limit = 100};
    struct ct_why why = {""};
    begin(CT_OP_REGISTER);
    m.config.wallet = &wallet;
    m.config.role = "approver";
    has_wei = 2500;
    balances = 0;
    CHECK_EQ(ct_txmgr_ether(&m, &tx, &why), CT_OK);
    CHECK_EQ(ct_txmgr_ether(&m, &tx, &why), CT_OK);
    CHECK_EQ(balances, 2);                          /* k endpoints, once */
    CHECK_EQ(ct_txmgr_ether(&m, &tx, &why), CT_OK); /* by the node's word it has 2500 still */
    CHECK_EQ(balances, 4);
    has_wei = 999;
    CHECK_EQ(ct_txmgr_ether(&m, &tx, &why), CT_OK);
    CHECK_EQ(ct_txmgr_ether(&m, &tx, &why), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "approver account 0x01") != NULL);
    ct_chain_free(m.chain);
}

static const struct ct_test tests[] = {
    CT_TEST(second_batch_is_run_once_by_each_of_k),
    CT_TEST(batch_that_needs_more_is_estimated_again),
    CT_TEST(larger_batch_gets_more_and_a_far_smaller_one_does_not_pay_for_it),
    CT_TEST(refused_batch_is_refused_by_the_estimate_and_leaves_nothing_known),
    CT_TEST(kinds_are_known_apart_and_payments_not_at_all),
    CT_TEST(ether_is_asked_for_once_a_round_and_when_it_falls_short),
};
CT_TEST_MAIN(tests)
