/* The bundle: written and read back, and every slip in it named. */
/* links: ct_chain ct_base */
#include "chain/bundle.h"

#include <stdlib.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "ct_test.h"

static const char good[] =
    "{\"chainturn\":1,\"chain_id\":\"31337\","
    "\"contract\":\"0x5FbDB2315678afecb367f032d93F642f64180aa3\","
    "\"code_hash\":\"0x1111111111111111111111111111111111111111111111111111111111111111\","
    "\"rpc\":[\"http://198.51.100.30:8545\",\"http://198.51.100.31:8545\","
    "\"https://rpc.example/key\"],\"quorum\":2,"
    "\"checkpoint\":{\"number\":\"0x2\",\"hash\":"
    "\"0x2222222222222222222222222222222222222222222222222222222222222222\"},"
    "\"max_head_age_s\":120,\"safety_depth\":1,"
    "\"wm\":{\"handshake\":\"http://198.51.100.20:8080\",\"tls\":\"https://198.51.100.20:8443\"}}";

static ct_err parse(struct ct_bundle *out, const char *text, struct ct_why *why)
{
    return ct_bundle_parse(out, text, strlen(text), why);
}

static char *replaced(const char *old, const char *new)
{
    const char *at = strstr(good, old);
    char *out = malloc(sizeof(good) + strlen(new));
    if (at == NULL || out == NULL) {
        abort();
    }
    (void)sprintf(out, "%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
    return out;
}

static void good_bundle_is_read_whole(void)
{
    struct ct_bundle b;
    struct ct_why why = {""};
    REQUIRE(parse(&b, good, &why) == CT_OK);
    CHECK_EQ(b.chain_id, 31337);
    CHECK_EQ(b.contract20[0], 0x5f);
    CHECK_EQ(b.rpc_count, 3);
    CHECK_STR(b.rpc[2], "https://rpc.example/key");
    CHECK_EQ(b.quorum, 2);
    CHECK_EQ(b.checkpoint_number, 2);
    CHECK_EQ(b.checkpoint_hash32[31], 0x22);
    CHECK_EQ(b.max_head_age_s, 120);
    CHECK_EQ(b.safety_depth, 1);
    CHECK_STR(b.wm_tls_url, "https://198.51.100.20:8443");
    CHECK(!b.insecure_single_rpc);
}

static void deployment_is_the_hash_of_label_chain_and_contract(void)
{
    struct ct_bundle b;
    uint8_t bytes[63] = "chainturn/1";
    uint8_t want[32];
    REQUIRE(parse(&b, good, NULL) == CT_OK);
    bytes[11 + 30] = 31337 >> 8;
    bytes[11 + 31] = 31337 & 0xff;
    memcpy(bytes + 43, b.contract20, 20);
    ct_keccak256(want, bytes, sizeof(bytes));
    CHECK_MEM(b.deployment32, want, 32);
}

static void what_is_written_reads_back_the_same(void)
{
    struct ct_bundle b;
    struct ct_bundle again;
    char text[CT_BUNDLE_TEXT_MAX];
    char twice[CT_BUNDLE_TEXT_MAX];
    REQUIRE(parse(&b, good, NULL) == CT_OK);
    REQUIRE(ct_bundle_format(text, sizeof(text), &b) == CT_OK);
    struct ct_why why = {""};
    REQUIRE(parse(&again, text, &why) == CT_OK);
    REQUIRE(ct_bundle_format(twice, sizeof(twice), &again) == CT_OK);
    CHECK_STR(twice, text);
    CHECK_MEM(again.deployment32, b.deployment32, 32);
    CHECK_EQ(ct_bundle_format(text, 100, &b), CT_ERR_ROOM);
}

static void every_slip_is_named(void)
{
    static const char *const cases[][3] = {
        {"\"chainturn\":1", "\"chainturn\":2", "version 1"},
        {"\"chain_id\":\"31337\"", "\"chain_id\":31337", "chain_id"},
        {"\"chain_id\":\"31337\"", "\"chain_id\":\"0\"", "chain_id"},
        {"\"chain_id\":\"31337\"", "\"chain_id\":\"0x7a69\"", "chain_id"},
        {"5FbDB", "5fbDB", "contract"},
        {"0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x0000000000000000000000000000000000000000",
         "contract"},
        {"\"code_hash\"", "\"codehash\"", "code_hash"},
        {"\"0x1111", "\"0x111", "code_hash"},
        {"http://198.51.100.30", "ftp://198.51.100.30", "rpc"},
        {"http://198.51.100.30", "http://198.51.100. 30", "rpc"},
        {"http://198.51.100.31:8545", "http://198.51.100.30:8545", "twice"},
        {"\"quorum\":2", "\"quorum\":1", "proves nothing"},
        {"\"quorum\":2", "\"quorum\":4", "cannot be reached"},
        {"\"quorum\":2", "\"quorum\":0", "cannot be reached"},
        {"\"quorum\":2", "\"quorum\":\"2\"", "quorum"},
        {"\"number\":\"0x2\"", "\"number\":\"0x02\"", "checkpoint"},
        {"\"number\":\"0x2\"", "\"numbr\":\"0x2\"", "did you mean"},
        {"\"max_head_age_s\":120", "\"max_head_age_s\":0", "max_head_age_s"},
        {"\"max_head_age_s\":120", "\"max_head_age_s\":-1", "max_head_age_s"},
        {"\"safety_depth\"", "\"safty_depth\"", "did you mean \"safety_depth\""},
        {"https://198.51.100.20:8443", "http://198.51.100.20:8443", "wm"},
        {"http://198.51.100.20:8080", "https://198.51.100.20:8080", "wm"},
        {"\"wm\":{", "\"wm\":{\"x\":1,", "wm.x"},
        {"{\"chainturn\"", "[{\"chainturn\"", "not JSON"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_bundle b = {.chain_id = 5};
        struct ct_why why = {""};
        char *text = replaced(cases[i][0], cases[i][1]);
        CHECK_EQ(parse(&b, text, &why), CT_ERR_CONFIG);
        if (strstr(why.text, cases[i][2]) == NULL) {
            printf("    \"%s\" does not say %s\n", why.text, cases[i][2]);
            CHECK(false);
        }
        CHECK_EQ(b.chain_id, 5); /* outputs are written only on CT_OK */
        free(text);
    }
}

static void single_endpoint_is_believed_only_when_told_to(void)
{
    struct ct_bundle b;
    struct ct_why why = {""};
    REQUIRE(parse(&b, good, &why) == CT_OK);
    b.rpc_count = 1;
    b.quorum = 1;
    CHECK_EQ(ct_bundle_check(&b, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "--insecure-single-rpc") != NULL);
    ct_bundle_allow_single(&b);
    CHECK_EQ(ct_bundle_check(&b, &why), CT_OK);
}

static void any_endpoint_of_three_is_not_believed_alone(void)
{
    struct ct_bundle b;
    struct ct_why why = {""};
    char *text = replaced("\"quorum\":2", "\"quorum\":1,\"insecure_single_rpc\":true");
    CHECK_EQ(parse(&b, text, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "whichever of them lies") != NULL);
    free(text);
    REQUIRE(parse(&b, good, &why) == CT_OK);
    ct_bundle_allow_single(&b);
    CHECK_EQ(b.rpc_count, 1);
    CHECK_STR(b.rpc[0], "http://198.51.100.30:8545");
    CHECK_EQ(ct_bundle_check(&b, &why), CT_OK);
}

static void one_endpoint_written_in_two_ways_has_no_two_votes(void)
{
    static const char *const same[][2] = {
        {"http://a.example", "HTTP://A.example/"},
        {"http://a.example:80/x", "http://a.example/x"},
        {"https://a.example:443", "https://a.example/"},
        {"http://a.example:08545", "http://a.example:8545/"},
        {"http://a.example:", "http://a.example"},
        {"http://[2001:DB8::1]:80/", "http://[2001:db8::1]"},
        {"http://a.example?k", "http://a.example/?k"},
    };
    static const char *const other[][2] = {
        {"http://a.example", "https://a.example"},
        {"http://a.example/x", "http://a.example/X"},
        {"http://a.example:81", "http://a.example:82"},
        {"http://a.example/?k", "http://a.example/?l"},
        {"http://[2001:db8::1]", "http://[2001:db8::2]"},
    };
    struct ct_bundle b;
    struct ct_why why = {""};
    REQUIRE(parse(&b, good, &why) == CT_OK);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        (void)snprintf(b.rpc[1], sizeof(b.rpc[1]), "%s", same[i][0]);
        (void)snprintf(b.rpc[2], sizeof(b.rpc[2]), "%s", same[i][1]);
        CHECK_EQ(ct_bundle_check(&b, &why), CT_ERR_CONFIG);
        CHECK(strstr(why.text, "twice, as number 2 and 3") != NULL);
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        (void)snprintf(b.rpc[1], sizeof(b.rpc[1]), "%s", other[i][0]);
        (void)snprintf(b.rpc[2], sizeof(b.rpc[2]), "%s", other[i][1]);
        CHECK_EQ(ct_bundle_check(&b, &why), CT_OK);
    }
}

static void password_and_fragment_in_an_endpoint_are_refused(void)
{
    static const char *const bad[] = {"http://me:secret@a.example",
                                      "http://a.example/#x",
                                      "http://:80",
                                      "http://a.example:99999",
                                      "http://",
                                      "a.example"};
    struct ct_bundle b;
    struct ct_why why = {""};
    REQUIRE(parse(&b, good, &why) == CT_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(b.rpc[1], sizeof(b.rpc[1]), "%s", bad[i]);
        CHECK_EQ(ct_bundle_check(&b, &why), CT_ERR_CONFIG);
        CHECK(strstr(why.text, "secret") == NULL);
    }
}

static void bundle_without_wallet_manager_reads_back(void)
{
    struct ct_bundle b;
    struct ct_bundle again;
    struct ct_why why = {""};
    char text[CT_BUNDLE_TEXT_MAX];
    REQUIRE(parse(&b, good, &why) == CT_OK);
    b.wm_handshake_url[0] = '\0';
    b.wm_tls_url[0] = '\0';
    b.rpc_count = 1;
    ct_bundle_allow_single(&b);
    REQUIRE(ct_bundle_format(text, sizeof(text), &b) == CT_OK);
    CHECK_EQ(parse(&again, text, &why), CT_OK);
    CHECK_STR(again.wm_tls_url, "");
    CHECK(again.insecure_single_rpc);
}

static void customer_key_in_a_url_is_not_shown(void)
{
    static const char *const cases[][2] = {
        {"https://rpc.example/v3/0123key", "https://rpc.example"},
        {"http://me:secret@rpc.example:8545?key=1", "http://rpc.example:8545"},
        {"http://[2001:db8::1]:8545/x", "http://[2001:db8::1]:8545"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char origin[CT_URL_MAX];
        ct_url_origin(origin, cases[i][0]);
        CHECK_STR(origin, cases[i][1]);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(good_bundle_is_read_whole),
    CT_TEST(deployment_is_the_hash_of_label_chain_and_contract),
    CT_TEST(what_is_written_reads_back_the_same),
    CT_TEST(every_slip_is_named),
    CT_TEST(single_endpoint_is_believed_only_when_told_to),
    CT_TEST(any_endpoint_of_three_is_not_believed_alone),
    CT_TEST(one_endpoint_written_in_two_ways_has_no_two_votes),
    CT_TEST(password_and_fragment_in_an_endpoint_are_refused),
    CT_TEST(bundle_without_wallet_manager_reads_back),
    CT_TEST(customer_key_in_a_url_is_not_shown),
};
CT_TEST_MAIN(tests)
