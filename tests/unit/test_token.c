/* Claims about tokens: one way of writing, signed, dated, for one identity or prefix. */
/* links: ct_kex ct_chain ct_base */
#include "ct_test.h"

#include "base/hex.h"
#include "base/secret.h"
#include "chain/registry.h"
#include "kex/token.h"

enum { NOW = 1700000000 };

static struct ct_ed25519 wm_key;
static struct ct_wm_key listed[1];
static struct ct_token sample;
static char text[CT_TOKEN_TEXT_MAX + 1];

static void set_up(void)
{
    struct ct_secret32 seed;
    memset(seed.bytes, 1, 32);
    CHECK_EQ(ct_ed25519_from_seed(&wm_key, &seed), CT_OK);
    memset(listed, 0, sizeof(listed));
    listed[0] = (struct ct_wm_key){.id = 1, .not_after_s = NOW + 100000};
    memcpy(listed[0].ed25519, wm_key.public32, 32);
    memset(&sample, 0, sizeof(sample));
    sample.key_id = 1;
    memset(sample.jti16, 0xab, 16);
    memcpy(sample.batch, "B7", 3);
    sample.expiry_s = NOW + 90;
    memcpy(sample.identity, "sensor-42", 10);
    CHECK_EQ(ct_token_sign(text, sizeof(text), &sample, &wm_key), CT_OK);
}

static ct_err verify(struct ct_token *out, uint64_t now_s, struct ct_why *why)
{
    return ct_token_verify(out, text, strlen(text), listed, 1, now_s, why);
}

/* A token of any payload, rightly signed: what a WM of another mind might issue. */
static void sign_payload(const char *payload)
{
    char message[1024];
    char body[CT_BASE64URL_LEN(512) + 1];
    char signature[CT_BASE64URL_LEN(64) + 1];
    uint8_t sig[64];
    (void)snprintf(message, sizeof(message), "chainturn/1 token%s", payload);
    CHECK_EQ(ct_ed25519_sign(sig, &wm_key, message, strlen(message)), CT_OK);
    ct_base64url(body, payload, strlen(payload));
    ct_base64url(signature, sig, 64);
    (void)snprintf(text, sizeof(text), "ctk1.%.500s.%s", body, signature);
}

static void a_signed_token_verifies_with_all_its_fields(void)
{
    struct ct_token out;
    set_up();
    CHECK_EQ(verify(&out, NOW, NULL), CT_OK);
    CHECK_EQ(out.key_id, 1);
    CHECK_MEM(out.jti16, sample.jti16, 16);
    CHECK_STR(out.batch, "B7");
    CHECK_EQ(out.expiry_s, NOW + 90);
    CHECK(!out.is_prefix);
    CHECK_STR(out.identity, "sensor-42");
}

static void the_payload_is_the_json_of_the_protocol(void)
{
    char mine[CT_TOKEN_TEXT_MAX + 1];
    set_up();
    memcpy(mine, text, sizeof(mine));
    sign_payload("{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\","
                 "\"exp\":1700000090,\"id\":\"sensor-42\"}");
    CHECK_STR(text, mine);
}

static void the_most_gas_is_written_behind_the_name(void)
{
    char mine[CT_TOKEN_TEXT_MAX + 1];
    struct ct_token out;
    set_up();
    sample.max_gas = 90000;
    CHECK_EQ(ct_token_sign(mine, sizeof(mine), &sample, &wm_key), CT_OK);
    sign_payload("{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\","
                 "\"exp\":1700000090,\"id\":\"sensor-42\",\"max_gas\":90000}");
    CHECK_STR(text, mine);
    CHECK_EQ(verify(&out, NOW, NULL), CT_OK);
    CHECK_EQ(out.max_gas, 90000);
    sample.max_gas = (uint64_t)INT64_MAX + 1;
    CHECK_EQ(ct_token_sign(mine, sizeof(mine), &sample, &wm_key), CT_ERR_ARG);
}

static void every_other_way_of_writing_is_refused(void)
{
    static const char *const PAYLOADS[] = {
        "",
        "{}",
        "[]",
        "null",
        /* a blank, another order, an unknown key, a key twice, an escape, upper-case hex */
        "{\"kid\": "
        "1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":1700000090,"
        "\"id\":\"sensor-42\"}",
        "{\"jti\":\"abababababababababababababababab\",\"kid\":1,\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sensor-42\"}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sensor-42\",\"admin\":true}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":1,"
        "\"exp\":1700000090,\"id\":\"sensor-42\"}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sens\\u006fr-42\"}",
        "{\"kid\":1,\"jti\":\"ABABABABABABABABABABABABABABABAB\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sensor-42\"}",
        /* no gas, gas as text, gas before the name */
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,\"id\":\"sensor-42\",\"max_gas\":0}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,\"id\":\"sensor-42\",\"max_gas\":\"90000\"}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,\"max_gas\":90000,\"id\":\"sensor-42\"}",
        /* both id and id_prefix, neither, a bad identity, a long jti, numbers of other kinds */
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sensor-42\",\"id_prefix\":\"s\"}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sensor 42\"}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"\"}",
        "{\"kid\":1,\"jti\":\"ababababababababababababababababab\",\"batch\":\"B7\","
        "\"exp\":1700000090,\"id\":\"sensor-42\"}",
        "{\"kid\":1.0,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sensor-42\"}",
        "{\"kid\":\"1\",\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\","
        "\"exp\":1700000090,\"id\":\"sensor-42\"}",
        "{\"kid\":0,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sensor-42\"}",
        "{\"kid\":4294967297,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\","
        "\"exp\":1700000090,\"id\":\"sensor-42\"}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":-5,"
        "\"id\":\"sensor-42\"}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"\",\"exp\":1700000090,"
        "\"id\":\"sensor-42\"}",
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,"
        "\"id\":\"sensor-42\"} ",
    };
    struct ct_token out;
    set_up();
    for (size_t i = 0; i < sizeof(PAYLOADS) / sizeof(PAYLOADS[0]); i++) {
        sign_payload(PAYLOADS[i]);
        ct_err err = verify(&out, NOW, NULL);
        CHECK_EQ(err, CT_ERR_FORMAT);
        if (err != CT_ERR_FORMAT) {
            printf("    payload: %s\n", PAYLOADS[i]);
        }
    }
}

static void every_flipped_bit_is_refused(void)
{
    struct ct_token out;
    set_up();
    const size_t len = strlen(text);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
        CHECK(ct_token_verify(&out, text, len, listed, 1, NOW, NULL) != CT_OK);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
    }
    CHECK_EQ(verify(&out, NOW, NULL), CT_OK);
}

static void every_other_length_is_refused(void)
{
    struct ct_token out;
    set_up();
    const size_t len = strlen(text);
    for (size_t cut = 0; cut < len; cut++) {
        CHECK(ct_token_verify(&out, text, cut, listed, 1, NOW, NULL) != CT_OK);
    }
    text[len] = '\n';
    CHECK_EQ(ct_token_verify(&out, text, len + 1, listed, 1, NOW, NULL), CT_ERR_FORMAT);
    CHECK_EQ(ct_token_parse(&out, text, len + 1), CT_ERR_FORMAT);
    CHECK_EQ(ct_token_parse(&out, text, len), CT_OK);
}

static void an_expired_token_is_refused_with_a_sentence(void)
{
    struct ct_token out;
    struct ct_why why = {""};
    set_up();
    CHECK_EQ(verify(&out, NOW + 89, &why), CT_OK);
    CHECK_EQ(verify(&out, NOW + 90, &why), CT_ERR_EXPIRED);
    CHECK(strstr(why.text, "expired") != NULL && strstr(why.text, "new one") != NULL);
}

static void a_forged_token_is_refused_with_a_sentence(void)
{
    struct ct_token out;
    struct ct_ed25519 forger;
    struct ct_secret32 seed;
    struct ct_why why = {""};
    set_up();
    memset(seed.bytes, 2, 32);
    REQUIRE(ct_ed25519_from_seed(&forger, &seed) == CT_OK);
    REQUIRE(ct_token_sign(text, sizeof(text), &sample, &forger) == CT_OK);
    CHECK_EQ(verify(&out, NOW, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "forged") != NULL);
}

static void a_token_of_an_unknown_or_old_key_is_refused(void)
{
    struct ct_token out;
    set_up();
    listed[0].id = 2;
    CHECK_EQ(verify(&out, NOW, NULL), CT_ERR_AUTH);
    listed[0].id = 1;
    listed[0].not_after_s = NOW - 1;
    CHECK_EQ(verify(&out, NOW, NULL), CT_ERR_EXPIRED);
}

static void it_allows_its_identity_or_what_begins_with_its_prefix(void)
{
    set_up();
    CHECK(ct_token_allows(&sample, "sensor-42"));
    CHECK(!ct_token_allows(&sample, "sensor-4"));
    CHECK(!ct_token_allows(&sample, "sensor-421"));
    CHECK(!ct_token_allows(&sample, "Sensor-42"));
    sample.is_prefix = true;
    memcpy(sample.identity, "acme-", 6);
    REQUIRE(ct_token_sign(text, sizeof(text), &sample, &wm_key) == CT_OK);
    CHECK_EQ(verify(&sample, NOW, NULL), CT_OK);
    CHECK(sample.is_prefix);
    CHECK(ct_token_allows(&sample, "acme-1"));
    CHECK(!ct_token_allows(&sample, "acme-"));
    CHECK(!ct_token_allows(&sample, "acmf-1"));
    CHECK(!ct_token_allows(&sample, "acme-1 "));
}

static void fields_that_cannot_be_written_are_refused(void)
{
    set_up();
    struct ct_token bad = sample;
    bad.key_id = 0;
    CHECK_EQ(ct_token_sign(text, sizeof(text), &bad, &wm_key), CT_ERR_ARG);
    bad = sample;
    bad.batch[0] = '"';
    CHECK_EQ(ct_token_sign(text, sizeof(text), &bad, &wm_key), CT_ERR_ARG);
    bad = sample;
    bad.identity[0] = '\0';
    CHECK_EQ(ct_token_sign(text, sizeof(text), &bad, &wm_key), CT_ERR_ARG);
    bad = sample;
    bad.expiry_s = UINT64_MAX;
    CHECK_EQ(ct_token_sign(text, sizeof(text), &bad, &wm_key), CT_ERR_ARG);
    CHECK_EQ(ct_token_sign(text, 100, &sample, &wm_key), CT_ERR_ROOM);
}

static void the_longest_token_fits(void)
{
    struct ct_token out;
    set_up();
    sample.key_id = UINT32_MAX;
    listed[0].id = UINT32_MAX;
    sample.max_gas = INT64_MAX;
    memset(sample.batch, 'b', 32);
    memset(sample.identity, 'i', 63);
    sample.is_prefix = true;
    sample.expiry_s = INT64_MAX;
    CHECK_EQ(ct_token_sign(text, sizeof(text), &sample, &wm_key), CT_OK);
    CHECK_EQ(verify(&out, NOW, NULL), CT_OK);
    CHECK_STR(out.identity, sample.identity);
}

/* ---- factory credentials ---- */

static struct ct_token factory;

static void set_up_factory(void)
{
    set_up();
    factory = sample;
    factory.is_prefix = true;
    factory.count = 500;
    factory.max_gas = 90000;
    (void)snprintf(factory.identity, sizeof(factory.identity), "acme-");
    CHECK_EQ(ct_token_sign(text, sizeof(text), &factory, &wm_key), CT_OK);
}

static void a_factory_credential_is_no_token_and_no_token_is_one(void)
{
    struct ct_token out;
    struct ct_why why = {""};
    set_up_factory();
    CHECK(ct_factory_is(text, strlen(text)) && memcmp(text, "ctf1.", 5) == 0);
    CHECK_EQ(ct_factory_verify(&out, text, strlen(text), listed, 1, NOW, &why), CT_OK);
    CHECK(out.count == 500 && out.is_prefix && out.max_gas == 90000 && !out.is_minted);
    CHECK_EQ(ct_factory_verify(&out, text, strlen(text), listed, 1, NOW + 90, &why),
             CT_ERR_EXPIRED);
    CHECK_EQ(verify(&out, NOW, NULL), CT_ERR_FORMAT);
    memcpy(text, "ctk1.", 5); /* and not by another beginning */
    CHECK_EQ(verify(&out, NOW, NULL), CT_ERR_FORMAT);
    set_up();
    CHECK_EQ(ct_factory_verify(&out, text, strlen(text), listed, 1, NOW, &why), CT_ERR_FORMAT);
    memcpy(text, "ctf1.", 5);
    CHECK_EQ(ct_factory_verify(&out, text, strlen(text), listed, 1, NOW, &why), CT_ERR_FORMAT);
}

static void a_factory_credential_is_the_json_of_the_protocol(void)
{
    static const char payload[] =
        "{\"kid\":1,\"jti\":\"abababababababababababababababab\",\"batch\":\"B7\",\"exp\":"
        "1700000090,\"id_prefix\":\"acme-\",\"count\":500,\"max_gas\":90000}";
    char body[CT_BASE64URL_LEN(512) + 1];
    set_up_factory();
    ct_base64url(body, payload, strlen(payload));
    CHECK(strncmp(text + 5, body, strlen(body)) == 0 && text[5 + strlen(body)] == '.');
}

static void a_factory_credential_is_refused_cut_or_with_a_bit_flipped(void)
{
    struct ct_token out;
    set_up_factory();
    const size_t len = strlen(text);
    for (size_t cut = 0; cut < len; cut++) {
        CHECK(ct_factory_verify(&out, text, cut, listed, 1, NOW, NULL) != CT_OK);
    }
    for (size_t bit = 0; bit < 8 * len; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
        CHECK(ct_factory_verify(&out, text, len, listed, 1, NOW, NULL) != CT_OK);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
    }
    CHECK_EQ(ct_factory_verify(&out, text, len, listed, 1, NOW, NULL), CT_OK);
}

static void what_is_minted_for_a_name_is_the_same_each_time(void)
{
    struct ct_token a, b, other, out;
    char first[CT_TOKEN_TEXT_MAX + 1];
    set_up_factory();
    REQUIRE(ct_factory_mint(&a, &factory, "acme-1", 1) == CT_OK);
    REQUIRE(ct_token_sign(first, sizeof(first), &a, &wm_key) == CT_OK);
    REQUIRE(ct_factory_mint(&b, &factory, "acme-1", 1) == CT_OK);
    REQUIRE(ct_token_sign(text, sizeof(text), &b, &wm_key) == CT_OK);
    CHECK_STR(first, text);
    REQUIRE(verify(&out, NOW, NULL) == CT_OK);
    CHECK(out.is_minted && !out.is_prefix && out.count == 0 && out.max_gas == 90000);
    CHECK_MEM(out.factory16, factory.jti16, 16);
    CHECK_STR(out.identity, "acme-1");
    CHECK_EQ(out.expiry_s, factory.expiry_s);
    CHECK(ct_token_allows(&out, "acme-1") && !ct_token_allows(&out, "acme-2"));
    REQUIRE(ct_factory_mint(&other, &factory, "acme-2", 1) == CT_OK);
    CHECK(memcmp(other.jti16, a.jti16, 16) != 0);
    CHECK_EQ(ct_factory_mint(&other, &factory, "acme-", 1), CT_ERR_NOT_APPROVED);
    CHECK_EQ(ct_factory_mint(&other, &factory, "door-1", 1), CT_ERR_NOT_APPROVED);
}

static void factory_credentials_that_cannot_be_are_refused(void)
{
    set_up_factory();
    struct ct_token bad = factory;
    bad.is_prefix = false; /* for one name */
    CHECK_EQ(ct_token_sign(text, sizeof(text), &bad, &wm_key), CT_ERR_ARG);
    bad = factory;
    bad.count = CT_FACTORY_COUNT_MAX + 1;
    CHECK_EQ(ct_token_sign(text, sizeof(text), &bad, &wm_key), CT_ERR_ARG);
    bad = factory;
    bad.is_minted = true; /* from another */
    CHECK_EQ(ct_token_sign(text, sizeof(text), &bad, &wm_key), CT_ERR_ARG);
    bad = sample;
    bad.is_minted = true;
    bad.is_prefix = true; /* a token for many */
    CHECK_EQ(ct_token_sign(text, sizeof(text), &bad, &wm_key), CT_ERR_ARG);
}

static const struct ct_test TESTS[] = {
    CT_TEST(a_signed_token_verifies_with_all_its_fields),
    CT_TEST(the_payload_is_the_json_of_the_protocol),
    CT_TEST(the_most_gas_is_written_behind_the_name),
    CT_TEST(every_other_way_of_writing_is_refused),
    CT_TEST(every_flipped_bit_is_refused),
    CT_TEST(every_other_length_is_refused),
    CT_TEST(an_expired_token_is_refused_with_a_sentence),
    CT_TEST(a_forged_token_is_refused_with_a_sentence),
    CT_TEST(a_token_of_an_unknown_or_old_key_is_refused),
    CT_TEST(it_allows_its_identity_or_what_begins_with_its_prefix),
    CT_TEST(fields_that_cannot_be_written_are_refused),
    CT_TEST(the_longest_token_fits),
    CT_TEST(a_factory_credential_is_no_token_and_no_token_is_one),
    CT_TEST(a_factory_credential_is_the_json_of_the_protocol),
    CT_TEST(a_factory_credential_is_refused_cut_or_with_a_bit_flipped),
    CT_TEST(what_is_minted_for_a_name_is_the_same_each_time),
    CT_TEST(factory_credentials_that_cannot_be_are_refused),
};
CT_TEST_MAIN(TESTS)
