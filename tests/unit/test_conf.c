/* Claims about configuration files. */
/* links: ct_base */
#include "base/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"
#include "ct_test.h"

struct target {
    char *contract;
    uint64_t quorum;
    bool strict;
    struct ct_conf_list rpc;
};

static const struct ct_conf_key keys[] = {
    {"chain.contract", CT_CONF_STRING, true, offsetof(struct target, contract), "its address"},
    {"chain.quorum", CT_CONF_U64, false, offsetof(struct target, quorum), "endpoints that agree"},
    {"chain.rpc", CT_CONF_LIST, false, offsetof(struct target, rpc), "endpoints"},
    {"strict", CT_CONF_BOOL, false, offsetof(struct target, strict), "refuse more"},
};
enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };

static char path[] = "/tmp/ct-conf-XXXXXX";

static ct_err read_text(struct target *out, const char *text, struct ct_why *why)
{
    ct_err err = ct_file_write(path, text, strlen(text), 0600, why);
    return err == CT_OK ? ct_conf_read(out, path, keys, KEY_COUNT, why) : err;
}

static void keys_sections_lists_and_comments_are_read(void)
{
    struct target t = {.quorum = 1};
    struct ct_why why = {""};
    CHECK_EQ(read_text(&t,
                       "# a comment\nstrict = yes\n\n[chain]\n contract=0xab \nrpc = http://a\n"
                       "rpc = http://b\r\nquorum = 18446744073709551615",
                       &why),
             CT_OK);
    CHECK_STR(t.contract, "0xab");
    CHECK(t.quorum == UINT64_MAX);
    CHECK(t.strict);
    REQUIRE(t.rpc.count == 2);
    CHECK_STR(t.rpc.items[1], "http://b");
    ct_conf_free(&t, keys, KEY_COUNT);
    CHECK(t.contract == NULL && t.rpc.count == 0);
}

static void a_misspelt_key_is_an_error_that_names_the_likely_one(void)
{
    struct target t = {0};
    struct ct_why why = {""};
    CHECK_EQ(read_text(&t, "[chain]\ncontract = x\nquorom = 2\n", &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, ":3: there is no key chain.quorom; did you mean chain.quorum?") != NULL);
    ct_conf_free(&t, keys, KEY_COUNT);
}

static void unusable_values_are_named_with_their_line(void)
{
    static const char *const bad[][2] = {
        {"[chain]\ncontract = x\nquorum = 2k\n", ":3: chain.quorum needs a whole number"},
        {"[chain]\ncontract = x\nquorum = -1\n", ":3: chain.quorum needs a whole number"},
        {"[chain]\ncontract = x\nquorum = 18446744073709551616\n", ":3: chain.quorum needs"},
        {"[chain]\ncontract = x\ncontract = y\n", ":3: chain.contract was given before"},
        {"[chain]\ncontract = \n", ":2: chain.contract has no value"},
        {"strict = maybe\n", ":1: strict is yes or no"},
        {"strict\n", ":1: expected key = value"},
        {"strict = no\n", "chain.contract is missing (its address)"},
        {"colour = red\n", ":1: there is no key colour"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct target t = {0};
        struct ct_why why = {""};
        CHECK_EQ(read_text(&t, bad[i][0], &why), CT_ERR_CONFIG);
        CHECK(strstr(why.text, bad[i][1]) != NULL);
        ct_conf_free(&t, keys, KEY_COUNT);
    }
}

static void suggestions_stay_close(void)
{
    static const char *const names[] = {"mode", "bundle", "wallet"};
    CHECK_STR(ct_conf_suggest("bundel", names, 3), "bundle");
    CHECK(ct_conf_suggest("temperature", names, 3) == NULL);
    CHECK(ct_conf_suggest("x", names, 0) == NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(keys_sections_lists_and_comments_are_read),
    CT_TEST(a_misspelt_key_is_an_error_that_names_the_likely_one),
    CT_TEST(unusable_values_are_named_with_their_line),
    CT_TEST(suggestions_stay_close),
};

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0) {
        return 1;
    }
    (void)close(fd);
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    (void)unlink(path);
    return code;
}
