/* What a writer is told by endpoints of which one lies: no single word of theirs decides. */
/* links: ct_chain ct_base */
#include "chain/rpc.h"

#include <stdlib.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "ct_test.h"

/* Each endpoint has one answer to everything: the members behind the id, or a batch's whole answer;
 * "" for no answer at all. */
static const char *says[3];
static unsigned asked[3];
static char logged[1024];

static ct_err fake_http(void *arg, struct ct_http_request *requests, size_t count,
                        uint32_t timeout_ms, ct_http_enough *enough, void *enough_arg)
{
    (void)arg;
    (void)timeout_ms;
    for (size_t i = 0; i < count; i++) {
        requests[i].err = CT_ERR_AGAIN;
    }
    for (size_t i = 0; i < count; i++) {
        size_t e = (size_t)(strstr(requests[i].url, "://e")[4] - '0');
        size_t room = strlen(says[e]) + 64;
        asked[e]++;
        if (says[e][0] == '\0') {
            requests[i].err = CT_ERR_TIMEOUT;
            (void)snprintf(requests[i].text, sizeof(requests[i].text), "no answer in time");
        } else {
            requests[i].response = malloc(room);
            (void)snprintf(requests[i].response, room,
                           says[e][0] == '[' ? "%s" : "{\"jsonrpc\":\"2.0\",\"id\":1,%s}", says[e]);
            requests[i].response_len = strlen(requests[i].response);
            requests[i].err = CT_OK;
        }
        if (enough != NULL && enough(enough_arg, requests, count)) {
            break;
        }
    }
    return CT_OK;
}

static void keep_log(enum ct_log_level level, const char *line, void *arg)
{
    size_t used = strlen(logged);
    (void)level;
    (void)arg;
    (void)snprintf(logged + used, sizeof(logged) - used, "%s\n", line);
}

static struct ct_chain *open_chain(size_t n, const char *e0, const char *e1, const char *e2)
{
    struct ct_bundle bundle = {.chain_id = 1, .rpc_count = n, .quorum = n > 1 ? 2 : 1};
    const struct ct_chain_env env = {.http = fake_http,
                                     .log = {.sink = keep_log, .max = CT_LOG_DEBUG}};
    struct ct_chain *chain = NULL;
    bundle.insecure_single_rpc = n == 1;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(bundle.rpc[i], sizeof(bundle.rpc[i]), "http://e%zu/v1/customerkey", i);
    }
    says[0] = e0;
    says[1] = e1;
    says[2] = e2;
    memset(asked, 0, sizeof(asked));
    logged[0] = '\0';
    CHECK_EQ(ct_chain_open(&chain, &bundle, &env, NULL), CT_OK);
    return chain;
}

static const char reverts[] =
    "\"error\":{\"code\":3,\"message\":\"execution reverted\",\"data\":\"0x3361ba58\"}";

static ct_err estimate(struct ct_chain *chain, uint64_t *gas, struct ct_why *why)
{
    static const uint8_t addr[20] = {1};
    static const uint8_t data[4] = {1, 2, 3, 4};
    const struct ct_rpc_tx tx = {.from20 = addr, .to20 = addr, .data = data, .data_len = 4};
    return ct_rpc_estimate_gas(chain, &tx, gas, why);
}

static void revert_that_one_liar_tells_is_not_final(void)
{
    struct ct_chain *chain =
        open_chain(3, reverts, "\"result\":\"0x5208\"", "\"result\":\"0x5300\"");
    struct ct_why why = {""};
    uint64_t gas = 0;
    CHECK_EQ(estimate(chain, &gas, &why), CT_OK);
    CHECK_EQ(gas, 0x5300);
    says[1] = reverts; /* now a second one agrees */
    CHECK_EQ(estimate(chain, &gas, &why), CT_ERR_REFUSED);
    says[1] = says[2] = ""; /* nobody can confirm it: it may work later */
    CHECK_EQ(estimate(chain, &gas, &why), CT_ERR_IO);
    ct_chain_free(chain);
    chain = open_chain(1, reverts, "", "");
    CHECK_EQ(estimate(chain, &gas, &why), CT_ERR_REFUSED);
    ct_chain_free(chain);
}

static void nonce_question_cannot_revert(void)
{
    struct ct_chain *chain = open_chain(3, reverts, reverts, reverts);
    static const uint8_t addr[20] = {1};
    struct ct_why why = {""};
    uint64_t nonce = 7;
    CHECK_EQ(ct_rpc_nonce(chain, addr, true, &nonce, &why), CT_ERR_CHAIN);
    CHECK_EQ(nonce, 7);
    ct_chain_free(chain);
}

static void malformed_answer_is_not_the_end_of_the_question(void)
{
    struct ct_chain *chain =
        open_chain(3, "\"result\":[1]", "\"result\":\"0x0005\"", "\"result\":\"0x7a69\"");
    struct ct_why why = {""};
    uint64_t id = 0;
    CHECK_EQ(ct_rpc_chain_id(chain, &id, &why), CT_OK);
    CHECK_EQ(id, 31337);
    ct_chain_free(chain);
}

static void estimate_of_one_liar_neither_starves_nor_drains(void)
{
    struct ct_chain *chain =
        open_chain(3, "\"result\":\"0x1\"", "\"result\":\"0x5208\"", "\"result\":\"0x5208\"");
    struct ct_why why = {""};
    uint64_t gas = 0;
    CHECK_EQ(estimate(chain, &gas, &why), CT_OK);
    CHECK_EQ(gas, 0x5208);
    says[0] = "\"result\":\"0xffffffffff\"";
    CHECK_EQ(estimate(chain, &gas, &why), CT_OK);
    CHECK_EQ(gas, 0x5208);
    ct_chain_free(chain);
}

static void nonce_far_ahead_from_one_liar_is_not_used(void)
{
    struct ct_chain *chain =
        open_chain(3, "\"result\":\"0xffff\"", "\"result\":\"0x5\"", "\"result\":\"0x5\"");
    static const uint8_t addr[20] = {1};
    struct ct_why why = {""};
    uint64_t nonce = 0;
    CHECK_EQ(ct_rpc_nonce(chain, addr, true, &nonce, &why), CT_OK);
    CHECK_EQ(nonce, 5);
    ct_chain_free(chain);
}

/* Base fee and tip of one endpoint, in wei. */
static void fee_answer(char out[256], unsigned long long base, unsigned long long tip)
{
    (void)snprintf(out, 256,
                   "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"baseFeePerGas\":\"0x%llx\"}},"
                   "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x%llx\"}]",
                   base, tip);
}

static void check_fees(struct ct_chain *chain, uint64_t want_max, uint64_t want_tip)
{
    struct ct_u256 max;
    struct ct_u256 tip;
    struct ct_why why = {""};
    uint64_t max_wei = 0;
    uint64_t tip_wei = 0;
    REQUIRE(ct_rpc_fees(chain, &max, &tip, &why) == CT_OK);
    CHECK(ct_u256_to_u64(&max_wei, &max) == CT_OK && ct_u256_to_u64(&tip_wei, &tip) == CT_OK);
    CHECK_EQ(max_wei, want_max);
    CHECK_EQ(tip_wei, want_tip);
}

static void fee_that_one_liar_names_is_not_paid(void)
{
    char honest[256];
    char other[256];
    char greedy[256];
    char mean[256];
    fee_answer(honest, 1000, 100);
    fee_answer(other, 1125, 100); /* a block further */
    fee_answer(greedy, 1ull << 60, 1ull << 60);
    fee_answer(mean, 0, 0);
    struct ct_chain *chain = open_chain(3, greedy, honest, other);
    check_fees(chain, 2 * 1125 + 100, 100);
    says[0] = mean; /* nor is a transaction left lying by it */
    check_fees(chain, 2 * 1000 + 100, 100);
    says[0] = greedy;
    says[2] = ""; /* two that differ and no third: the cheaper one */
    check_fees(chain, 2 * 1000 + 100, 100);
    ct_chain_free(chain);
}

static void fee_question_goes_no_further_than_those_of_one_mind(void)
{
    char honest[256];
    fee_answer(honest, 1000, 100);
    struct ct_chain *chain = open_chain(3, honest, honest, honest);
    check_fees(chain, 2100, 100);
    CHECK_EQ(asked[0] + asked[1] + asked[2], 2);
    ct_chain_free(chain);
    chain = open_chain(1, honest, "", "");
    check_fees(chain, 2100, 100);
    ct_chain_free(chain);
}

static void what_a_call_returns_takes_k_endpoints(void)
{
    static const char truth[] = "\"result\":\"0xaabb\"";
    static const char lie[] = "\"result\":\"0xaabbcc\"";
    static const uint8_t addr[20] = {1};
    const struct ct_rpc_tx tx = {.from20 = addr, .to20 = addr, .data = addr, .data_len = 4};
    uint8_t out[8];
    size_t len = 0;
    struct ct_why why = {""};
    struct ct_chain *chain = open_chain(3, lie, truth, truth);
    CHECK_EQ(ct_rpc_call(chain, &tx, out, sizeof(out), &len, &why), CT_OK);
    CHECK(len == 2 && out[0] == 0xaa && out[1] == 0xbb);
    says[2] = ""; /* one against one */
    CHECK_EQ(ct_rpc_call(chain, &tx, out, sizeof(out), &len, &why), CT_ERR_QUORUM);
    says[2] = lie; /* k that say the same are believed */
    CHECK_EQ(ct_rpc_call(chain, &tx, out, sizeof(out), &len, &why), CT_OK);
    CHECK_EQ(len, 3);
    CHECK_EQ(ct_rpc_call(chain, &tx, out, 1, &len, &why), CT_ERR_ROOM);
    ct_chain_free(chain);
}

static void dead_first_endpoint_is_asked_last_from_then_on(void)
{
    struct ct_chain *chain = open_chain(3, "", "\"result\":\"0x1\"", "\"result\":\"0x1\"");
    struct ct_why why = {""};
    uint64_t id = 0;
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(ct_rpc_chain_id(chain, &id, &why), CT_OK);
    }
    CHECK_EQ(asked[0], 1);
    ct_chain_free(chain);
}

static const uint8_t raw[5] = {2, 3, 4, 5, 6};

static const char *hash_answer(void)
{
    static char text[96];
    uint8_t hash[32];
    char hex[67];
    ct_keccak256(hash, raw, sizeof(raw));
    ct_hex0x(hex, hash, 32);
    (void)snprintf(text, sizeof(text), "\"result\":\"%s\"", hex);
    return text;
}

static void already_known_from_one_liar_is_no_success(void)
{
    static const char known[] = "\"error\":{\"code\":-32000,\"message\":\"already known\"}";
    static const char poor[] = "\"error\":{\"code\":-32000,\"message\":\"insufficient funds\"}";
    struct ct_chain *chain = open_chain(3, known, poor, "");
    struct ct_why why = {""};
    CHECK_EQ(ct_rpc_send_raw(chain, raw, sizeof(raw), &why), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "insufficient funds") != NULL);
    says[1] = known; /* a quorum knows it */
    CHECK_EQ(ct_rpc_send_raw(chain, raw, sizeof(raw), &why), CT_OK);
    says[1] = hash_answer(); /* another one took it */
    CHECK_EQ(ct_rpc_send_raw(chain, raw, sizeof(raw), &why), CT_OK);
    ct_chain_free(chain);
}

static void transaction_is_given_to_two_that_take_it(void)
{
    static const char *const answers[][3] = {
        {"", "", ""}, {"+", "+", "+"}, {"", "+", "+"}, {"+", "", "+"}, {"", "+", ""}};
    static const unsigned want[][3] = {{1, 1, 1}, {1, 1, 0}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const char *told[3];
        bool is_taken = false;
        struct ct_why why = {""};
        for (size_t e = 0; e < 3; e++) {
            told[e] = answers[i][e][0] == '+' ? hash_answer() : "";
            is_taken |= told[e][0] != '\0';
        }
        struct ct_chain *chain = open_chain(3, told[0], told[1], told[2]);
        CHECK_EQ(ct_rpc_send_raw(chain, raw, sizeof(raw), &why), is_taken ? CT_OK : CT_ERR_IO);
        for (size_t e = 0; e < 3; e++) {
            CHECK_EQ(asked[e], want[i][e]);
        }
        ct_chain_free(chain);
    }
}

static void another_transactions_hash_is_no_success(void)
{
    static const char other[] =
        "\"result\":"
        "\"0x1111111111111111111111111111111111111111111111111111111111111111"
        "\"";
    struct ct_chain *chain = open_chain(3, other, other, other);
    struct ct_why why = {""};
    CHECK_EQ(ct_rpc_send_raw(chain, raw, sizeof(raw), &why), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "another hash") != NULL);
    says[2] = hash_answer();
    CHECK_EQ(ct_rpc_send_raw(chain, raw, sizeof(raw), &why), CT_OK);
    ct_chain_free(chain);
}

static void receipt_text(char *out, size_t cap, char block, unsigned status)
{
    char hash[67] = "0x";
    char in[67] = "0x";
    memset(hash + 2, '4', 64);
    memset(in + 2, block, 64);
    (void)snprintf(out, cap,
                   "\"result\":{\"transactionHash\":\"%s\",\"status\":\"0x%u\",\"blockNumber\":"
                   "\"0x9\",\"blockHash\":\"%s\",\"gasUsed\":\"0x5208\",\"effectiveGasPrice\":"
                   "\"0x1\",\"contractAddress\":null,\"logs\":[]}",
                   hash, status, in);
}

static void receipt_of_one_liar_is_not_the_outcome(void)
{
    char good[512];
    char failed[512];
    char elsewhere[512];
    uint8_t hash[32];
    struct ct_receipt receipt;
    struct ct_why why = {""};
    memset(hash, 0x44, sizeof(hash));
    receipt_text(good, sizeof(good), 'a', 1);
    receipt_text(failed, sizeof(failed), 'a', 0);
    receipt_text(elsewhere, sizeof(elsewhere), 'b', 1);
    struct ct_chain *chain = open_chain(3, failed, good, good);
    CHECK_EQ(ct_rpc_receipt(chain, hash, &receipt, &why), CT_OK);
    CHECK(receipt.found && receipt.succeeded);
    ct_receipt_free(&receipt);
    says[2] = "\"result\":null"; /* two that differ are no outcome, and yet not nothing */
    CHECK_EQ(ct_rpc_receipt(chain, hash, &receipt, &why), CT_OK);
    CHECK(!receipt.found && receipt.disputed);
    says[0] = elsewhere;
    CHECK_EQ(ct_rpc_receipt(chain, hash, &receipt, &why), CT_OK);
    CHECK(!receipt.found && receipt.disputed);
    says[0] = says[1] = "\"result\":null";
    CHECK_EQ(ct_rpc_receipt(chain, hash, &receipt, &why), CT_OK);
    CHECK(!receipt.found && !receipt.disputed);
    ct_chain_free(chain);
}

static void endpoint_cannot_forge_fields_of_the_log_nor_show_its_key(void)
{
    static const char forger[] =
        "\"error\":{\"code\":-1,\"message\":\"x\\\" level=info admin=yes\\u0085\"}";
    struct ct_chain *chain = open_chain(3, forger, forger, forger);
    struct ct_why why = {""};
    uint64_t id = 0;
    CHECK_EQ(ct_rpc_chain_id(chain, &id, &why), CT_ERR_CHAIN);
    CHECK(strstr(logged, "rpc_failed url=http://e0 class=3 cause=\"eth_chainId was answered with "
                         "error -1: x? level=info admin=yes??\"\n") != NULL);
    CHECK(strstr(logged, "customerkey") == NULL);
    CHECK(strstr(why.text, "customerkey") == NULL);
    ct_chain_free(chain);
}

static const struct ct_test tests[] = {
    CT_TEST(revert_that_one_liar_tells_is_not_final),
    CT_TEST(nonce_question_cannot_revert),
    CT_TEST(malformed_answer_is_not_the_end_of_the_question),
    CT_TEST(estimate_of_one_liar_neither_starves_nor_drains),
    CT_TEST(nonce_far_ahead_from_one_liar_is_not_used),
    CT_TEST(fee_that_one_liar_names_is_not_paid),
    CT_TEST(fee_question_goes_no_further_than_those_of_one_mind),
    CT_TEST(what_a_call_returns_takes_k_endpoints),
    CT_TEST(dead_first_endpoint_is_asked_last_from_then_on),
    CT_TEST(already_known_from_one_liar_is_no_success),
    CT_TEST(transaction_is_given_to_two_that_take_it),
    CT_TEST(another_transactions_hash_is_no_success),
    CT_TEST(receipt_of_one_liar_is_not_the_outcome),
    CT_TEST(endpoint_cannot_forge_fields_of_the_log_nor_show_its_key),
};
CT_TEST_MAIN(tests)
