/* Three endpoints, some of which lie, lag, are dead or talk nonsense: who is believed, who is
 * named. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/chain.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "chain/header.h"
#include "chain/rpc.h"
#include "ct_test.h"
#include "vectors.h"

/*
 * tests/vectors/anvil/proofs.json has two chains of blocks 0..3 whose contract differs in one word:
 * "a" is the true one, "b" one that is forged whole, consistent in itself.
 *
 *      chain object --batch--> e0 --> a, b, or a with a flaw
 *                   --------> e1
 *                   --------> e2
 */
enum flaw {
    HONEST,
    DEAD,
    GARBAGE,
    OTHER_CHAIN_ID,
    ANSWERS_ERRORS,
    NO_BLOCKS,
    ALTERED_PROOF,
    NO_PROOF,
    ALTERED_HEAD
};

struct endpoint {
    const char *chain; /* "a" or "b" */
    size_t head;
    enum flaw flaw;
    unsigned asked;
};

static struct ct_json *vectors;
static struct endpoint endpoints[3];
static uint64_t clock_s;

static const char *block_text(const char *chain, size_t number)
{
    return ct_json_text(ct_json_at(ct_json_get(ct_json_get(vectors, chain), "blocks"), number));
}

static void put(struct ct_wr *w, const char *text)
{
    ct_wr_bytes(w, text, strlen(text));
}

static void put_block(struct ct_wr *w, const struct endpoint *e, const struct ct_json *params)
{
    const char *which = ct_json_text(ct_json_at(params, 0));
    uint64_t number = e->head;
    if (strcmp(which, "latest") != 0 && ct_u64_from_quantity(&number, which) != CT_OK) {
        abort();
    }
    if (number > e->head || e->flaw == NO_BLOCKS) {
        put(w, "\"result\":null");
        return;
    }
    size_t at = w->len;
    put(w, "\"result\":");
    put(w, block_text(e->chain, number));
    if (e->flaw == ALTERED_HEAD) {
        char *root = strstr((char *)w->buf + at, "\"stateRoot\":\"0x");
        root[20] = root[20] == '0' ? '1' : '0';
    }
}

static void put_proof(struct ct_wr *w, const struct endpoint *e, const struct ct_json *params)
{
    uint64_t number = 0;
    const struct ct_json *proofs = ct_json_get(ct_json_get(vectors, e->chain), "proofs");
    if (ct_json_u64(&number, ct_json_at(params, 2)) != CT_OK || number > e->head ||
        e->flaw == NO_PROOF) {
        put(w, "\"error\":{\"code\":-32000,\"message\":\"distance to target block exceeds maximum "
               "proof window\"}");
        return;
    }
    uint8_t addr[20];
    uint8_t contract[20];
    const struct ct_json *a = ct_json_get(vectors, e->chain);
    bool ours = ct_json_fixed(addr, 20, ct_json_at(params, 0)) == CT_OK &&
                ct_json_fixed(contract, 20, ct_json_get(a, "contract")) == CT_OK &&
                memcmp(addr, contract, 20) == 0;
    put(w, "\"result\":");
    size_t at = w->len;
    put(w, ours ? ct_json_text(ct_json_at(proofs, number)) : ct_vectors_text(a, "absent"));
    if (e->flaw == ALTERED_PROOF) { /* one digit of the stored key, in value and proof */
        for (char *c = (char *)w->buf + at; (c = strstr(c, "1100000000")) != NULL;) {
            *c = '3';
        }
    }
}

static void answer_call(struct ct_wr *w, const struct endpoint *e, const struct ct_json *call)
{
    const char *method = ct_json_text(ct_json_get(call, "method"));
    const struct ct_json *params = ct_json_get(call, "params");
    int64_t id = 0;
    char head[64];
    CHECK_EQ(ct_json_int(&id, ct_json_get(call, "id")), CT_OK);
    (void)snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%lld,", (long long)id);
    put(w, head);
    if (e->flaw == ANSWERS_ERRORS) {
        put(w, "\"error\":{\"code\":-32005,\"message\":\"too many requests\"}");
    } else if (strcmp(method, "eth_chainId") == 0) {
        put(w, e->flaw == OTHER_CHAIN_ID ? "\"result\":\"0x1\"" : "\"result\":\"0x7a69\"");
    } else if (strcmp(method, "eth_getBlockByNumber") == 0) {
        put_block(w, e, params);
    } else {
        put_proof(w, e, params);
    }
    put(w, "}");
}

static char *answer(const struct endpoint *e, const struct ct_http_request *request, size_t *len)
{
    size_t cap = 1 << 20;
    char *text = calloc(1, cap);
    struct ct_wr w = ct_wr_init(text, cap - 1);
    struct ct_json *body = NULL;
    CHECK_EQ(ct_json_parse(&body, request->body, request->body_len), CT_OK);
    if (ct_json_is_array(body)) {
        for (size_t i = 0; i < ct_json_count(body); i++) {
            put(&w, i == 0 ? "[" : ",");
            answer_call(&w, e, ct_json_at(body, i));
        }
        put(&w, "]");
    } else {
        answer_call(&w, e, body);
    }
    ct_json_free(body);
    CHECK_EQ(ct_wr_end(&w), CT_OK);
    *len = w.len;
    return text;
}

/* The transport: every endpoint answers, in order; enough is asked after each. */
static ct_err fake_http(void *arg, struct ct_http_request *requests, size_t count,
                        uint32_t timeout_ms, ct_http_enough *enough, void *enough_arg)
{
    (void)arg;
    (void)timeout_ms;
    for (size_t i = 0; i < count; i++) {
        requests[i].err = CT_ERR_AGAIN;
        requests[i].response = NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct endpoint *e = &endpoints[requests[i].url[strlen(requests[i].url) - 1] - '0'];
        e->asked++;
        if (e->flaw == DEAD) {
            requests[i].err = CT_ERR_IO;
            (void)snprintf(requests[i].text, sizeof(requests[i].text), "connection refused");
        } else if (e->flaw == GARBAGE) {
            requests[i].err = CT_OK;
            requests[i].response = calloc(1, 16);
            memcpy(requests[i].response, "<html>", 6);
            requests[i].response_len = 6;
        } else {
            requests[i].response = answer(e, &requests[i], &requests[i].response_len);
            requests[i].err = CT_OK;
        }
        if (enough != NULL && enough(enough_arg, requests, count)) {
            return CT_OK;
        }
    }
    return CT_OK;
}

static uint64_t fake_clock(void *arg)
{
    (void)arg;
    return clock_s;
}

static void make_bundle(struct ct_bundle *b)
{
    struct ct_header genesis;
    struct ct_json *block = NULL;
    const char *text = block_text("a", 0);
    memset(b, 0, sizeof(*b));
    b->chain_id = 31337;
    CHECK_EQ(ct_json_fixed(b->contract20, 20, ct_json_get(ct_json_get(vectors, "a"), "contract")),
             CT_OK);
    CHECK_EQ(ct_json_fixed(b->code_hash32, 32, ct_json_get(vectors, "code_hash")), CT_OK);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(b->rpc[i], sizeof(b->rpc[i]), "http://e%zu", i);
    }
    b->rpc_count = 3;
    b->quorum = 2;
    b->max_head_age_s = 120;
    CHECK_EQ(ct_json_parse(&block, text, strlen(text)), CT_OK);
    CHECK_EQ(ct_header_read(&genesis, block, NULL), CT_OK);
    ct_json_free(block);
    memcpy(b->checkpoint_hash32, genesis.hash32, 32);
}

/* All honest at block 3, the clock a moment later. */
static struct ct_chain *open_chain(void)
{
    struct ct_bundle bundle;
    struct ct_chain *chain = NULL;
    struct ct_why why = {""};
    const struct ct_chain_env env = {.http = fake_http, .wall_s = fake_clock};
    if (vectors == NULL) {
        vectors = ct_vectors_file("~/tests/vectors/anvil/proofs.json");
    }
    for (size_t i = 0; i < 3; i++) {
        endpoints[i] = (struct endpoint){.chain = "a", .head = 3};
    }
    clock_s = 1800000010;
    if (vectors != NULL) {
        make_bundle(&bundle);
        CHECK_EQ(ct_chain_open(&chain, &bundle, &env, &why), CT_OK);
    }
    return chain;
}

static ct_err prove_all(struct ct_chain *chain, const struct ct_view *view, uint8_t values[7][32],
                        struct ct_why *why)
{
    static const uint8_t numbers[7] = {0, 1, 2, 3, 4, 5, 77};
    uint8_t slots[7][32] = {{0}};
    for (size_t i = 0; i < 7; i++) {
        slots[i][31] = numbers[i];
    }
    return ct_chain_prove(chain, view, (const uint8_t(*)[32])slots, 7, values, why);
}

static bool true_key(const uint8_t values[7][32])
{
    return values[0][0] == 0x11 && values[0][31] == 7;
}

static uint64_t round_trips(const struct ct_chain *chain)
{
    struct ct_chain_stats stats;
    ct_chain_stats(chain, &stats);
    return stats.round_trips;
}

static void honest_endpoints_agree_in_one_round_trip_and_prove_in_another(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view;
    uint8_t values[7][32];
    static const uint8_t zero[32];
    REQUIRE(chain != NULL);
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(view.number, 3);
    CHECK_EQ(view.k, 2); /* the third was not waited for */
    CHECK_EQ(view.n, 3);
    REQUIRE(prove_all(chain, &view, values, &why) == CT_OK);
    CHECK(true_key((const uint8_t(*)[32])values));
    CHECK_EQ(values[1][31], 5);
    CHECK_MEM(values[6], zero, 32);
    CHECK_EQ(round_trips(chain), 2);
    CHECK_EQ(ct_chain_view(chain, &view, &why), CT_OK);
    CHECK_EQ(round_trips(chain), 3);
    ct_chain_free(chain);
}

static void forged_chain_is_outvoted_wherever_the_liar_stands(void)
{
    for (size_t liar = 0; liar < 3; liar++) {
        struct ct_chain *chain = open_chain();
        struct ct_why why = {""};
        struct ct_view view;
        uint8_t values[7][32];
        struct ct_bundle bundle = *ct_chain_bundle(chain);
        memset(bundle.checkpoint_hash32, 0, 32); /* genesis would give it away */
        ct_chain_free(chain);
        const struct ct_chain_env env = {.http = fake_http, .wall_s = fake_clock};
        REQUIRE(ct_chain_open(&chain, &bundle, &env, &why) == CT_OK);
        endpoints[liar].chain = "b";
        REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
        CHECK((view.support & 1u << liar) == 0);
        REQUIRE(prove_all(chain, &view, values, &why) == CT_OK);
        CHECK(true_key((const uint8_t(*)[32])values));
        ct_chain_free(chain);
    }
}

static void altered_key_is_refused_and_the_next_endpoint_asked(void)
{
    for (size_t liar = 0; liar < 3; liar++) {
        struct ct_chain *chain = open_chain();
        struct ct_why why = {""};
        struct ct_view view;
        struct ct_chain_stats stats;
        uint8_t values[7][32];
        endpoints[liar].flaw = ALTERED_PROOF;
        REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
        REQUIRE(prove_all(chain, &view, values, &why) == CT_OK);
        CHECK(true_key((const uint8_t(*)[32])values));
        ct_chain_stats(chain, &stats);
        CHECK_EQ(stats.refused_answers, liar == 0);
        ct_chain_free(chain);
    }
}

static void no_proof_that_holds_is_said_with_all_names(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view;
    uint8_t values[7][32];
    memset(values, 9, sizeof(values));
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    endpoints[0].flaw = ALTERED_PROOF;
    endpoints[1].flaw = NO_PROOF;
    endpoints[2].flaw = DEAD;
    CHECK_EQ(prove_all(chain, &view, values, &why), CT_ERR_QUORUM);
    CHECK(strstr(why.text, "http://e0: its proof does not hold") != NULL);
    CHECK(strstr(why.text, "http://e1: eth_getProof was answered with error") != NULL);
    CHECK(strstr(why.text, "http://e2: connection refused") != NULL);
    CHECK_EQ(values[0][0], 9); /* nothing unproven comes out */
    ct_chain_free(chain);
}

static void stale_liar_does_not_hold_the_head_back(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view;
    endpoints[0].head = 1;
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(view.number, 3);
    ct_chain_free(chain);
}

static void one_block_apart_is_settled(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view;
    endpoints[0].head = 3;
    endpoints[1].head = 2;
    endpoints[2].head = 2;
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(view.number, 2);
    CHECK_EQ(round_trips(chain), 1);
    endpoints[2].flaw = DEAD; /* now the first has to be asked for block 2 */
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(view.number, 2);
    CHECK_EQ(view.support, 3);
    CHECK_EQ(round_trips(chain), 3);
    ct_chain_free(chain);
}

static void old_head_is_stale_whoever_agrees_on_it(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view = {.number = 99};
    clock_s += 1000;
    CHECK_EQ(ct_chain_view(chain, &view, &why), CT_ERR_EXPIRED);
    CHECK(strstr(why.text, "s old and the limit is 120 s") != NULL);
    CHECK_EQ(view.number, 99);
    clock_s = 0; /* nobody knows the time: the newest agreed head is all there is */
    CHECK_EQ(ct_chain_view(chain, &view, &why), CT_OK);
    ct_chain_free(chain);
}

static void safety_depth_reads_below_the_head(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_bundle bundle = *ct_chain_bundle(chain);
    struct ct_why why = {""};
    struct ct_view view;
    const struct ct_chain_env env = {.http = fake_http, .wall_s = fake_clock};
    ct_chain_free(chain);
    bundle.safety_depth = 2;
    REQUIRE(ct_chain_open(&chain, &bundle, &env, &why) == CT_OK);
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(view.number, 1);
    ct_chain_free(chain);
}

static void check_failure(enum flaw one, enum flaw two, ct_err want, const char *says)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view = {.number = 99};
    endpoints[0].flaw = one;
    endpoints[2].flaw = two;
    CHECK_EQ(ct_chain_view(chain, &view, &why), want);
    if (strstr(why.text, says) == NULL) {
        printf("    \"%s\" does not say \"%s\"\n", why.text, says);
        CHECK(false);
    }
    CHECK_EQ(view.number, 99);
    ct_chain_free(chain);
}

static void each_way_of_having_no_quorum_has_its_own_code_and_sentence(void)
{
    check_failure(DEAD, DEAD, CT_ERR_IO, "only 1 of 3 RPC endpoints answered and 2 must agree");
    check_failure(OTHER_CHAIN_ID, OTHER_CHAIN_ID, CT_ERR_CHAIN, "serves chain 1, not chain 31337");
    check_failure(NO_BLOCKS, NO_BLOCKS, CT_ERR_CHAIN, "does not have checkpoint block 0");
    check_failure(GARBAGE, GARBAGE, CT_ERR_QUORUM, "http://e0: the answer is not JSON-RPC 2.0");
    check_failure(ALTERED_HEAD, ALTERED_HEAD, CT_ERR_QUORUM, "do not hash to the hash");
    check_failure(DEAD, GARBAGE, CT_ERR_IO, "connection refused");
    check_failure(ANSWERS_ERRORS, ANSWERS_ERRORS, CT_ERR_IO, "too many requests");
    check_failure(ANSWERS_ERRORS, DEAD, CT_ERR_IO, "only 1 of 3 RPC endpoints answered");
}

/* A relay that is told that it is on another chain gives up for good. */
static void one_endpoint_on_another_chain_says_nothing_of_the_silent_ones(void)
{
    check_failure(OTHER_CHAIN_ID, DEAD, CT_ERR_IO, "serves chain 1, not chain 31337");
}

static void one_bad_endpoint_of_three_changes_nothing(void)
{
    static const enum flaw flaws[] = {DEAD,      GARBAGE,      OTHER_CHAIN_ID,
                                      NO_BLOCKS, ALTERED_HEAD, NO_PROOF};
    for (size_t f = 0; f < sizeof(flaws) / sizeof(flaws[0]); f++) {
        for (size_t bad = 0; bad < 3; bad++) {
            struct ct_chain *chain = open_chain();
            struct ct_why why = {""};
            struct ct_view view;
            uint8_t values[7][32];
            endpoints[bad].flaw = flaws[f];
            CHECK_EQ(ct_chain_view(chain, &view, &why), CT_OK);
            CHECK_EQ(view.number, 3);
            CHECK_EQ(prove_all(chain, &view, values, &why), CT_OK);
            CHECK(true_key((const uint8_t(*)[32])values));
            ct_chain_free(chain);
        }
    }
}

static void other_genesis_is_another_chain(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_bundle bundle = *ct_chain_bundle(chain);
    struct ct_why why = {""};
    struct ct_view view;
    const struct ct_chain_env env = {.http = fake_http, .wall_s = fake_clock};
    ct_chain_free(chain);
    bundle.checkpoint_hash32[5] ^= 1;
    REQUIRE(ct_chain_open(&chain, &bundle, &env, &why) == CT_OK);
    CHECK_EQ(ct_chain_view(chain, &view, &why), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "is not the checkpoint") != NULL);
    ct_chain_free(chain);
}

static void absent_or_other_contract_is_one_clear_sentence(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view;
    struct ct_bundle bundle = *ct_chain_bundle(chain);
    uint8_t nobody[20] = {0};
    nobody[18] = 0xde;
    nobody[19] = 0xad;
    ct_chain_set_contract(chain, nobody, bundle.code_hash32);
    CHECK_EQ(ct_chain_check(chain, &view, &why), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "no contract at 0x000000000000000000000000000000000000dEaD on chain "
                           "31337") != NULL);
    bundle.code_hash32[0] ^= 1;
    ct_chain_set_contract(chain, bundle.contract20, bundle.code_hash32);
    CHECK_EQ(ct_chain_check(chain, &view, &why), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "is not the registry of the bundle") != NULL);
    ct_chain_free(chain);
}

static void chain_id_and_checkpoint_are_asked_once(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view;
    CHECK_EQ(ct_chain_view(chain, &view, &why), CT_OK);
    endpoints[0].flaw = OTHER_CHAIN_ID; /* it is not asked again */
    endpoints[1].flaw = OTHER_CHAIN_ID;
    CHECK_EQ(ct_chain_view(chain, &view, &why), CT_OK);
    ct_chain_free(chain);
    ct_json_free(vectors);
    vectors = NULL;
}

static void endpoint_that_the_view_refused_is_not_asked_by_writers(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view;
    uint64_t id = 0;
    endpoints[0].flaw = OTHER_CHAIN_ID;
    REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
    CHECK_EQ(ct_rpc_chain_id(chain, &id, &why), CT_OK);
    CHECK_EQ(id, 31337);
    CHECK_EQ(endpoints[0].asked, 1);
    ct_chain_free(chain);
}

static void endpoint_that_comes_back_is_used_again(void)
{
    static const enum flaw flaws[] = {DEAD, GARBAGE, OTHER_CHAIN_ID};
    for (size_t f = 0; f < sizeof(flaws) / sizeof(flaws[0]); f++) {
        struct ct_chain *chain = open_chain();
        struct ct_why why = {""};
        struct ct_view view;
        uint64_t id = 0;
        endpoints[0].flaw = flaws[f];
        REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
        CHECK_EQ(view.k, 2);
        CHECK_EQ(ct_rpc_chain_id(chain, &id, &why), CT_OK);
        endpoints[0].flaw = HONEST;
        endpoints[2].flaw = DEAD; /* now there is no quorum without it */
        REQUIRE(ct_chain_view(chain, &view, &why) == CT_OK);
        CHECK_EQ(view.k, 2);
        endpoints[1].flaw = DEAD; /* and nobody else to ask */
        unsigned before = endpoints[0].asked;
        CHECK_EQ(ct_rpc_chain_id(chain, &id, &why), CT_OK);
        CHECK(endpoints[0].asked > before);
        ct_chain_free(chain);
    }
}

static void clock_that_runs_slow_is_told_from_a_stale_chain(void)
{
    struct ct_chain *chain = open_chain();
    struct ct_why why = {""};
    struct ct_view view = {.number = 99};
    clock_s -= 1000;
    CHECK_EQ(ct_chain_view(chain, &view, &why), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "s in the future") != NULL);
    clock_s += 1000; /* and nothing is remembered of it */
    CHECK_EQ(ct_chain_view(chain, &view, &why), CT_OK);
    ct_chain_free(chain);
}

static const struct ct_test tests[] = {
    CT_TEST(honest_endpoints_agree_in_one_round_trip_and_prove_in_another),
    CT_TEST(forged_chain_is_outvoted_wherever_the_liar_stands),
    CT_TEST(altered_key_is_refused_and_the_next_endpoint_asked),
    CT_TEST(no_proof_that_holds_is_said_with_all_names),
    CT_TEST(stale_liar_does_not_hold_the_head_back),
    CT_TEST(one_block_apart_is_settled),
    CT_TEST(old_head_is_stale_whoever_agrees_on_it),
    CT_TEST(safety_depth_reads_below_the_head),
    CT_TEST(each_way_of_having_no_quorum_has_its_own_code_and_sentence),
    CT_TEST(one_endpoint_on_another_chain_says_nothing_of_the_silent_ones),
    CT_TEST(one_bad_endpoint_of_three_changes_nothing),
    CT_TEST(other_genesis_is_another_chain),
    CT_TEST(absent_or_other_contract_is_one_clear_sentence),
    CT_TEST(chain_id_and_checkpoint_are_asked_once),
    CT_TEST(endpoint_that_the_view_refused_is_not_asked_by_writers),
    CT_TEST(endpoint_that_comes_back_is_used_again),
    CT_TEST(clock_that_runs_slow_is_told_from_a_stale_chain),
};
CT_TEST_MAIN(tests)
