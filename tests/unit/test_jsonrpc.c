/* JSON-RPC text: what is written, and which answers are refused. */
/* links: ct_chain ct_base */
#include "chain/jsonrpc.h"

#include <stdlib.h>

#include "ct_test.h"

static ct_err read_text(struct ct_jsonrpc_answer *answers, size_t count, const char *text,
                        struct ct_json **document)
{
    return ct_jsonrpc_read(document, answers, count, text, strlen(text));
}

static void one_call_is_an_object_and_more_are_a_batch(void)
{
    static const struct ct_jsonrpc_call calls[2] = {{"eth_chainId", "[]"}, {"eth_call", "[{},1]"}};
    char text[512];
    struct ct_wr w = ct_wr_init(text, sizeof(text));
    ct_jsonrpc_write(&w, calls, 1);
    text[w.len] = '\0';
    CHECK_STR(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}");
    w = ct_wr_init(text, sizeof(text));
    ct_jsonrpc_write(&w, calls, 2);
    text[w.len] = '\0';
    CHECK_STR(text, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]},"
                    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_call\",\"params\":[{},1]}]");
}

static void answers_are_matched_by_id_in_any_order(void)
{
    struct ct_jsonrpc_answer a[2];
    struct ct_json *document = NULL;
    uint64_t value = 0;
    REQUIRE(read_text(a, 2,
                      "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x2\"},"
                      "{\"jsonrpc\":\"2.0\",\"result\":\"0x1\",\"id\":1}]",
                      &document) == CT_OK);
    CHECK_EQ(ct_json_u64(&value, a[0].result), CT_OK);
    CHECK_EQ(value, 1);
    CHECK_EQ(ct_json_u64(&value, a[1].result), CT_OK);
    CHECK_EQ(value, 2);
    ct_json_free(document);
}

static void errors_become_sentences_and_reverts_are_told_apart(void)
{
    struct ct_jsonrpc_answer a[1];
    struct ct_json *document = NULL;
    struct ct_why why = {""};
    REQUIRE(read_text(a, 1,
                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no "
                      "state\\n\"}}",
                      &document) == CT_OK);
    CHECK(a[0].failed && a[0].result == NULL);
    CHECK_EQ(ct_jsonrpc_error(&a[0], "eth_getProof", &why), CT_ERR_CHAIN);
    CHECK_STR(why.text, "eth_getProof was answered with error -32000: no state?");
    ct_json_free(document);
    REQUIRE(read_text(a, 1,
                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":3,\"message\":\"execution "
                      "reverted\",\"data\":\"0x3361ba58\"}}",
                      &document) == CT_OK);
    CHECK_EQ(ct_jsonrpc_error(&a[0], "eth_call", &why), CT_ERR_REFUSED);
    CHECK_EQ(a[0].error_data_len, 4);
    CHECK_EQ(a[0].error_data[0], 0x33);
    ct_json_free(document);
    REQUIRE(read_text(a, 1,
                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"out "
                      "of gas\"}}",
                      &document) == CT_OK);
    CHECK_EQ(ct_jsonrpc_error(&a[0], "eth_call", &why), CT_ERR_REFUSED);
    ct_json_free(document);
}

static void error_text_cannot_end_the_quotes_around_it_in_a_log(void)
{
    struct ct_jsonrpc_answer a[1];
    struct ct_json *document = NULL;
    REQUIRE(read_text(a, 1,
                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":"
                      "\"x\\\" level=error a\\\\b\\u00e9\\u001b\"}}",
                      &document) == CT_OK);
    CHECK_STR(a[0].error_text, "x? level=error a?b???");
    ct_json_free(document);
}

static void batch_refused_as_a_whole_fails_each_call(void)
{
    struct ct_jsonrpc_answer a[2];
    struct ct_json *document = NULL;
    REQUIRE(read_text(a, 2,
                      "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,"
                      "\"message\":\"no batches\"}}",
                      &document) == CT_OK);
    CHECK(a[0].failed && a[1].failed);
    ct_json_free(document);
}

static void everything_else_is_refused(void)
{
    static const char *const one[] = {
        "",
        "null",
        "[]",
        "{}",
        "hello",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":null}",
        "{\"id\":1,\"result\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null} x",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null",
        "{'jsonrpc':\"2.0\",\"id\":1,\"result\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":NaN}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{\"code\":1,\"message\":\"\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"text\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"message\":\"no code\"}}",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}]",
    };
    static const char *const two[] = {
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}]",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":2}]",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":2}]",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},null]",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}",
    };
    struct ct_jsonrpc_answer a[2];
    struct ct_json *document = NULL;
    for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
        CHECK_EQ(read_text(a, 1, one[i], &document), CT_ERR_FORMAT);
    }
    for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++) {
        CHECK_EQ(read_text(a, 2, two[i], &document), CT_ERR_FORMAT);
    }
    CHECK(document == NULL);
}

static void quantities_come_only_as_strict_strings(void)
{
    static const char text[] =
        "{\"n\":5,\"a\":\"0x05\",\"b\":\"0x5\",\"c\":\"5\",\"d\":null,"
        "\"e\":\"0x5\\u0000\",\"f\":\"0x0x12\",\"g\":\"0x123\",\"h\":\"0x\"}";
    struct ct_json *j = NULL;
    uint64_t v = 0;
    uint8_t data[8];
    size_t len = 9;
    REQUIRE(ct_json_parse(&j, text, sizeof(text) - 1) == CT_OK);
    CHECK_EQ(ct_json_u64(&v, ct_json_get(j, "n")), CT_ERR_FORMAT);
    CHECK_EQ(ct_json_u64(&v, ct_json_get(j, "a")), CT_ERR_FORMAT);
    CHECK_EQ(ct_json_u64(&v, ct_json_get(j, "b")), CT_OK);
    CHECK_EQ(ct_json_u64(&v, ct_json_get(j, "c")), CT_ERR_FORMAT);
    CHECK_EQ(ct_json_u64(&v, ct_json_get(j, "d")), CT_ERR_FORMAT);
    CHECK_EQ(ct_json_u64(&v, ct_json_get(j, "e")), CT_ERR_FORMAT);
    CHECK_EQ(ct_json_data(data, sizeof(data), &len, ct_json_get(j, "f")), CT_ERR_FORMAT);
    CHECK_EQ(ct_json_data(data, sizeof(data), &len, ct_json_get(j, "g")), CT_ERR_FORMAT);
    CHECK_EQ(ct_json_data(data, sizeof(data), &len, ct_json_get(j, "h")), CT_OK);
    CHECK_EQ(len, 0);
    CHECK(ct_json_has(j, "d") && ct_json_is_null(ct_json_get(j, "d")));
    CHECK(!ct_json_has(j, "z"));
    ct_json_free(j);
}

static void depth_is_bounded(void)
{
    char text[201];
    struct ct_json *j = NULL;
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    text[200] = '\0';
    CHECK_EQ(ct_json_parse(&j, text, 200), CT_ERR_FORMAT);
}

/* [{},{},..]: three bytes of text cost json-c some 750 of memory. */
static void short_text_with_millions_of_values_is_refused(void)
{
    size_t count = 600000;
    struct ct_json *j = NULL;
    char *text = malloc(3 * count + 2);
    REQUIRE(text != NULL);
    text[0] = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(text + 1 + 3 * i, "{},", 3);
    }
    text[3 * count] = ']';
    CHECK_EQ(ct_json_parse(&j, text, 3 * count + 1), CT_ERR_FORMAT);
    size_t honest = 8000; /* as many as a page of anything honest has */
    text[3 * honest] = ']';
    CHECK_EQ(ct_json_parse(&j, text, 3 * honest + 1), CT_OK);
    CHECK_EQ(ct_json_count(j), honest);
    ct_json_free(j);
    free(text);
    REQUIRE(ct_json_parse(&j, "\"{[,\"", 5) == CT_OK); /* within a string they count nothing */
    ct_json_free(j);
}

static const struct ct_test tests[] = {
    CT_TEST(one_call_is_an_object_and_more_are_a_batch),
    CT_TEST(answers_are_matched_by_id_in_any_order),
    CT_TEST(errors_become_sentences_and_reverts_are_told_apart),
    CT_TEST(error_text_cannot_end_the_quotes_around_it_in_a_log),
    CT_TEST(batch_refused_as_a_whole_fails_each_call),
    CT_TEST(everything_else_is_refused),
    CT_TEST(quantities_come_only_as_strict_strings),
    CT_TEST(depth_is_bounded),
    CT_TEST(short_text_with_millions_of_values_is_refused),
};
CT_TEST_MAIN(tests)
