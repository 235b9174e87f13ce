/* Claims about the pass: what a relay believes, and the TURN credential both ends make of it. */
/* links: ct_kex ct_chain ct_base */
#include "ct_test.h"

#include "base/hex.h"
#include "base/secret.h"
#include "chain/registry.h"
#include "kex/kdf.h"
#include "kex/pass.h"

enum { NOW = 1000000 };

static struct ct_ed25519 wm_key;
static struct ct_x25519 pass_key, relay_key;
static struct ct_wm_key listed[2];
static struct ct_pass sample;
static uint8_t bytes[CT_PASS_LEN];

/* A pass that holds, the key that signed it as number 7 and listed second. */
static void set_up(void)
{
    struct ct_secret32 secret;
    memset(secret.bytes, 1, 32);
    CHECK_EQ(ct_ed25519_from_seed(&wm_key, &secret), CT_OK);
    memset(secret.bytes, 2, 32);
    CHECK_EQ(ct_x25519_from_secret(&pass_key, &secret), CT_OK);
    memset(secret.bytes, 3, 32);
    CHECK_EQ(ct_x25519_from_secret(&relay_key, &secret), CT_OK);
    memset(listed, 0, sizeof(listed));
    listed[0] = (struct ct_wm_key){.id = 8, .not_after_s = NOW + 100000};
    memset(listed[0].ed25519, 0x5a, 32);
    listed[1] = (struct ct_wm_key){.id = 7, .not_after_s = NOW + 100000};
    memcpy(listed[1].ed25519, wm_key.public32, 32);
    memset(&sample, 0, sizeof(sample));
    memset(sample.deployment32, 0xd0, 32);
    sample.key_id = 7;
    memset(sample.id16, 0x11, 16);
    memset(sample.renews16, 0x22, 16);
    memcpy(sample.key32, pass_key.public32, 32);
    sample.expiry_s = NOW + 3600;
    sample.scope = CT_PASS_SCOPE_ALLOCATE;
    CHECK_EQ(ct_pass_sign(bytes, &sample, &wm_key, NOW), CT_OK);
}

static ct_err verify_at(uint64_t now_s, const uint8_t *data, size_t len, struct ct_why *why)
{
    struct ct_pass out;
    return ct_pass_verify(&out, data, len, sample.deployment32, listed, 2, now_s, why);
}

static void a_signed_pass_verifies_with_all_its_fields(void)
{
    struct ct_pass out;
    set_up();
    CHECK_EQ(ct_pass_verify(&out, bytes, CT_PASS_LEN, sample.deployment32, listed, 2, NOW, NULL),
             CT_OK);
    CHECK_MEM(out.deployment32, sample.deployment32, 32);
    CHECK_EQ(out.key_id, 7);
    CHECK_MEM(out.id16, sample.id16, 16);
    CHECK_MEM(out.renews16, sample.renews16, 16);
    CHECK_MEM(out.key32, sample.key32, 32);
    CHECK_EQ(out.expiry_s, NOW + 3600);
    CHECK_EQ(out.scope, 1);
}

static void the_bytes_stand_where_the_protocol_says(void)
{
    uint8_t text[16 + 111];
    set_up();
    CHECK_EQ(bytes[0], 1);
    CHECK_MEM(bytes + 1, sample.deployment32, 32);
    CHECK_MEM(bytes + 33, "\0\0\0\7", 4);
    CHECK_MEM(bytes + 37, sample.id16, 16);
    CHECK_MEM(bytes + 53, sample.renews16, 16);
    CHECK_MEM(bytes + 69, sample.key32, 32);
    CHECK_MEM(bytes + 101, "\0\0\0\0\0\x0f\x50\x50", 8); /* 1,003,600 */
    CHECK_MEM(bytes + 109, "\0\1", 2);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i < 16 ? (uint8_t) "chainturn/1 pass"[i] : bytes[i - 16];
    }
    CHECK_EQ(ct_ed25519_verify(bytes + 111, wm_key.public32, text, sizeof(text)), CT_OK);
}

static void every_flipped_bit_is_refused(void)
{
    set_up();
    for (size_t bit = 0; bit < (size_t)8 * CT_PASS_LEN; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        CHECK(verify_at(NOW, bytes, CT_PASS_LEN, NULL) != CT_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CHECK_EQ(verify_at(NOW, bytes, CT_PASS_LEN, NULL), CT_OK);
}

static void every_other_length_is_refused(void)
{
    uint8_t longer[CT_PASS_LEN + 1] = {0};
    set_up();
    for (size_t len = 0; len < CT_PASS_LEN; len++) {
        CHECK_EQ(verify_at(NOW, bytes, len, NULL), CT_ERR_FORMAT);
    }
    memcpy(longer, bytes, CT_PASS_LEN);
    CHECK_EQ(verify_at(NOW, longer, sizeof(longer), NULL), CT_ERR_FORMAT);
}

static void an_expired_pass_is_refused_with_a_sentence(void)
{
    struct ct_why why = {""};
    set_up();
    CHECK_EQ(verify_at(NOW + 3599, bytes, CT_PASS_LEN, &why), CT_OK);
    CHECK_EQ(verify_at(NOW + 3600, bytes, CT_PASS_LEN, &why), CT_ERR_EXPIRED);
    CHECK(strstr(why.text, "expired") != NULL && strstr(why.text, "ask") != NULL);
}

static void a_key_past_its_date_signs_nothing(void)
{
    set_up();
    listed[1].not_after_s = NOW - 1;
    CHECK_EQ(verify_at(NOW, bytes, CT_PASS_LEN, NULL), CT_ERR_EXPIRED);
}

static void an_unknown_or_unset_key_is_refused(void)
{
    struct ct_pass out;
    set_up();
    CHECK_EQ(ct_pass_verify(&out, bytes, CT_PASS_LEN, sample.deployment32, listed, 1, NOW, NULL),
             CT_ERR_AUTH);
    CHECK_EQ(ct_pass_verify(&out, bytes, CT_PASS_LEN, sample.deployment32, listed, 0, NOW, NULL),
             CT_ERR_AUTH);
    sample.key_id = 0; /* a generation that was never set has id 0 */
    listed[1].id = 0;
    REQUIRE(ct_pass_sign(bytes, &sample, &wm_key, NOW) == CT_OK);
    CHECK_EQ(verify_at(NOW, bytes, CT_PASS_LEN, NULL), CT_ERR_AUTH);
}

static void a_pass_of_another_key_under_a_listed_id_is_refused(void)
{
    struct ct_ed25519 forger;
    struct ct_secret32 seed;
    struct ct_why why = {""};
    set_up();
    memset(seed.bytes, 9, 32);
    REQUIRE(ct_ed25519_from_seed(&forger, &seed) == CT_OK);
    REQUIRE(ct_pass_sign(bytes, &sample, &forger, NOW) == CT_OK);
    CHECK_EQ(verify_at(NOW, bytes, CT_PASS_LEN, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "forged") != NULL);
}

static void a_pass_of_another_deployment_is_refused(void)
{
    struct ct_pass out;
    uint8_t other[32] = {0};
    set_up();
    CHECK_EQ(ct_pass_verify(&out, bytes, CT_PASS_LEN, other, listed, 2, NOW, NULL), CT_ERR_AUTH);
}

static void no_pass_lives_longer_than_a_day(void)
{
    set_up();
    sample.expiry_s = NOW + CT_PASS_LIFE_S;
    CHECK_EQ(ct_pass_sign(bytes, &sample, &wm_key, NOW), CT_OK);
    CHECK_EQ(verify_at(NOW, bytes, CT_PASS_LEN, NULL), CT_OK);
    sample.expiry_s++;
    CHECK_EQ(ct_pass_sign(bytes, &sample, &wm_key, NOW), CT_ERR_ARG);
    sample.expiry_s = NOW;
    CHECK_EQ(ct_pass_sign(bytes, &sample, &wm_key, NOW), CT_ERR_ARG);
    /* signed by a WM whose clock is far ahead */
    sample.expiry_s = NOW + CT_PASS_LIFE_S + CT_PASS_SKEW_S + 1;
    REQUIRE(ct_pass_sign(bytes, &sample, &wm_key, NOW + 1000) == CT_OK);
    CHECK_EQ(verify_at(NOW, bytes, CT_PASS_LEN, NULL), CT_ERR_AUTH);
}

static void scope_without_allocate_or_with_unknown_bits_is_refused(void)
{
    set_up();
    sample.scope = 0;
    REQUIRE(ct_pass_sign(bytes, &sample, &wm_key, NOW) == CT_OK);
    CHECK_EQ(verify_at(NOW, bytes, CT_PASS_LEN, NULL), CT_ERR_AUTH);
    sample.scope = 3;
    CHECK_EQ(ct_pass_sign(bytes, &sample, &wm_key, NOW), CT_ERR_ARG);
}

static void user_name_is_234_characters_and_reads_back(void)
{
    char text[CT_PASS_TEXT_LEN + 2];
    uint8_t again[CT_PASS_LEN];
    set_up();
    ct_pass_username(text, bytes);
    CHECK_EQ(strlen(text), 234);
    CHECK_EQ(ct_pass_from_username(again, text, strlen(text)), CT_OK);
    CHECK_MEM(again, bytes, CT_PASS_LEN);
    for (size_t len = 0; len < CT_PASS_TEXT_LEN; len++) {
        CHECK_EQ(ct_pass_from_username(again, text, len), CT_ERR_FORMAT);
    }
    text[10] = '=';
    CHECK_EQ(ct_pass_from_username(again, text, CT_PASS_TEXT_LEN), CT_ERR_FORMAT);
}

static void password_is_the_same_on_both_sides(void)
{
    char device[CT_PASS_PASSWORD_LEN + 1], relay[CT_PASS_PASSWORD_LEN + 1];
    set_up();
    CHECK_EQ(ct_pass_password_device(device, &sample, &pass_key.secret, relay_key.public32), CT_OK);
    CHECK_EQ(ct_pass_password_relay(relay, &sample, &relay_key), CT_OK);
    CHECK_STR(device, relay);
    CHECK_EQ(strlen(device), 43);
}

static void password_is_what_the_protocol_says(void)
{
    char want[44], got[44];
    struct ct_secret32 shared;
    uint8_t prk[32], word[32];
    set_up();
    REQUIRE(ct_x25519_shared(&shared, &pass_key.secret, relay_key.public32) == CT_OK);
    struct ct_piece ikm = {shared.bytes, 32};
    struct ct_piece info[] = {{"chainturn/1 turn", 16},
                              {sample.deployment32, 32},
                              {relay_key.public32, 32},
                              {sample.id16, 16}};
    REQUIRE(ct_hkdf_extract(prk, "", 0, &ikm, 1) == CT_OK);
    REQUIRE(ct_hkdf_expand(word, 32, prk, info, 4) == CT_OK);
    ct_base64url(want, word, 32);
    CHECK_EQ(ct_pass_password_relay(got, &sample, &relay_key), CT_OK);
    CHECK_STR(got, want);
}

static void password_differs_by_relay_pass_and_deployment(void)
{
    char first[44], other[44];
    struct ct_x25519 relay2;
    struct ct_secret32 secret;
    set_up();
    memset(secret.bytes, 4, 32);
    REQUIRE(ct_x25519_from_secret(&relay2, &secret) == CT_OK);
    REQUIRE(ct_pass_password_relay(first, &sample, &relay_key) == CT_OK);
    CHECK_EQ(ct_pass_password_relay(other, &sample, &relay2), CT_OK);
    CHECK(strcmp(first, other) != 0);
    sample.id16[0] ^= 1;
    CHECK_EQ(ct_pass_password_relay(other, &sample, &relay_key), CT_OK);
    CHECK(strcmp(first, other) != 0);
    sample.id16[0] ^= 1;
    sample.deployment32[0] ^= 1;
    CHECK_EQ(ct_pass_password_relay(other, &sample, &relay_key), CT_OK);
    CHECK(strcmp(first, other) != 0);
}

static void a_pass_key_of_low_order_gives_no_password(void)
{
    char text[44];
    set_up();
    memset(sample.key32, 0, 32);
    CHECK_EQ(ct_pass_password_relay(text, &sample, &relay_key), CT_ERR_AUTH);
}

static const struct ct_test TESTS[] = {
    CT_TEST(a_signed_pass_verifies_with_all_its_fields),
    CT_TEST(the_bytes_stand_where_the_protocol_says),
    CT_TEST(every_flipped_bit_is_refused),
    CT_TEST(every_other_length_is_refused),
    CT_TEST(an_expired_pass_is_refused_with_a_sentence),
    CT_TEST(a_key_past_its_date_signs_nothing),
    CT_TEST(an_unknown_or_unset_key_is_refused),
    CT_TEST(a_pass_of_another_key_under_a_listed_id_is_refused),
    CT_TEST(a_pass_of_another_deployment_is_refused),
    CT_TEST(no_pass_lives_longer_than_a_day),
    CT_TEST(scope_without_allocate_or_with_unknown_bits_is_refused),
    CT_TEST(user_name_is_234_characters_and_reads_back),
    CT_TEST(password_is_the_same_on_both_sides),
    CT_TEST(password_is_what_the_protocol_says),
    CT_TEST(password_differs_by_relay_pass_and_deployment),
    CT_TEST(a_pass_key_of_low_order_gives_no_password),
};
CT_TEST_MAIN(TESTS)
