/* ABI: ethers' selectors and topics, words both ways. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/abi.h"

#include <stdlib.h>

#include "ct_test.h"
#include "vectors.h"

static void npm_selectors_hold(void)
{
    struct ct_json *all =
        ct_vectors_npm("@ethersproject/testcases/testcases/contract-signatures.json.gz");
    REQUIRE(all != NULL);
    CHECK_EQ(ct_json_count(all), 1880);
    for (size_t i = 0; i < ct_json_count(all); i++) {
        const struct ct_json *one = ct_json_at(all, i);
        uint8_t want[4];
        uint8_t got[4];
        CHECK_EQ(ct_json_fixed(want, 4, ct_json_get(one, "sigHash")), CT_OK);
        ct_abi_selector(got, ct_vectors_text(one, "signature"));
        CHECK_MEM(got, want, 4);
    }
    ct_json_free(all);
}

/* "testEvent(" and the types of its inputs; false for an anonymous event, which has no topic. */
static bool event_signature(char *out, size_t cap, const struct ct_json *vector)
{
    struct ct_json *interface = NULL;
    const char *text = ct_vectors_text(vector, "interface");
    bool anonymous = true;
    if (ct_json_parse(&interface, text, strlen(text)) != CT_OK) {
        return false;
    }
    for (size_t i = 0; i < ct_json_count(interface); i++) {
        const struct ct_json *entry = ct_json_at(interface, i);
        const struct ct_json *inputs = ct_json_get(entry, "inputs");
        if (strcmp(ct_vectors_text(entry, "name"), "testEvent") != 0 ||
            ct_json_bool(&anonymous, ct_json_get(entry, "anonymous")) != CT_OK) {
            continue;
        }
        size_t used = (size_t)snprintf(out, cap, "testEvent(");
        for (size_t t = 0; t < ct_json_count(inputs); t++) {
            used += (size_t)snprintf(out + used, cap - used, "%s%s", t > 0 ? "," : "",
                                     ct_vectors_text(ct_json_at(inputs, t), "type"));
        }
        (void)snprintf(out + used, cap - used, ")");
    }
    ct_json_free(interface);
    return !anonymous;
}

static void npm_topics_hold(void)
{
    struct ct_json *all =
        ct_vectors_npm("@ethersproject/testcases/testcases/contract-events.json.gz");
    size_t checked = 0;
    REQUIRE(all != NULL);
    for (size_t i = 0; i < ct_json_count(all); i++) {
        const struct ct_json *one = ct_json_at(all, i);
        char signature[2048];
        uint8_t want[32];
        uint8_t got[32];
        if (event_signature(signature, sizeof(signature), one)) {
            CHECK_EQ(ct_json_fixed(want, 32, ct_json_at(ct_json_get(one, "topics"), 0)), CT_OK);
            ct_abi_topic(got, signature);
            CHECK_MEM(got, want, 32);
            checked++;
        }
    }
    CHECK_EQ(checked, 1024);
    ct_json_free(all);
}

static void words_come_back(void)
{
    static const uint8_t addr[20] = {1, 2, 3};
    static const uint8_t pass[16] = {9, 8, 7};
    uint8_t buf[32 * 8];
    uint8_t out[32];
    size_t len = 0;
    struct ct_wr w = ct_wr_init(buf, sizeof(buf));
    ct_abi_put_u64(&w, UINT64_MAX);
    ct_abi_put_bool(&w, true);
    ct_abi_put_address(&w, addr);
    ct_abi_put_fixed(&w, pass, 16);
    ct_abi_put_u64(&w, 160); /* where the bytes begin */
    ct_abi_put_bytes(&w, "hello", 5);
    REQUIRE(ct_wr_end(&w) == CT_OK);
    struct ct_rd base = ct_rd_init(buf, w.len);
    struct ct_rd r = base;
    CHECK(ct_abi_get_u64(&r) == UINT64_MAX);
    CHECK(ct_abi_get_bool(&r));
    ct_abi_get_address(&r, out);
    CHECK_MEM(out, addr, 20);
    ct_abi_get_fixed(&r, out, 16);
    CHECK_MEM(out, pass, 16);
    const uint8_t *text = ct_abi_get_bytes(&r, &base, &len);
    REQUIRE(!r.bad && len == 5);
    CHECK_MEM(text, "hello", 5);
}

static void bits_where_none_belong_are_refused(void)
{
    uint8_t word[32];
    uint8_t out[32];
    memset(word, 0xff, sizeof(word));
    struct ct_rd r = ct_rd_init(word, 32);
    (void)ct_abi_get_u64(&r);
    CHECK(r.bad);
    r = ct_rd_init(word, 32);
    ct_abi_get_address(&r, out);
    CHECK(r.bad);
    r = ct_rd_init(word, 32);
    ct_abi_get_fixed(&r, out, 16);
    CHECK(r.bad);
    memset(word, 0, sizeof(word));
    word[31] = 2;
    r = ct_rd_init(word, 32);
    (void)ct_abi_get_bool(&r);
    CHECK(r.bad);
}

static void dynamic_bytes_stay_inside(void)
{
    uint8_t buf[3 * 32] = {0};
    size_t len = 0;
    buf[31] = 32;
    buf[63] = 33; /* longer than what is there */
    struct ct_rd base = ct_rd_init(buf, sizeof(buf));
    struct ct_rd r = base;
    CHECK(ct_abi_get_bytes(&r, &base, &len) == NULL && r.bad);
    buf[63] = 1;
    buf[65] = 1; /* padding that is not zero */
    r = base;
    CHECK(ct_abi_get_bytes(&r, &base, &len) == NULL && r.bad);
    buf[24] = 0xff; /* an offset beyond everything */
    r = base;
    CHECK(ct_abi_get_bytes(&r, &base, &len) == NULL && r.bad);
}

static const struct ct_test tests[] = {
    CT_TEST(npm_selectors_hold),        CT_TEST(npm_topics_hold),
    CT_TEST(words_come_back),           CT_TEST(bits_where_none_belong_are_refused),
    CT_TEST(dynamic_bytes_stay_inside),
};
CT_TEST_MAIN(tests)
