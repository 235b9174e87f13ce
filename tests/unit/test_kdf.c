/* SHA-256, HMAC and HKDF against another library's, at every length that matters. */
/* links: ct_kex ct_chain ct_base */
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>

#include "ct_test.h"
#include "kex/kdf.h"

enum { LONGEST = 200 };

static uint8_t bytes[2 * LONGEST];

static void fill(void)
{
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 + 1);
    }
}

static void hmac_is_that_of_another_library(void)
{
    size_t alike = 0;
    fill();
    for (size_t key_len = 0; key_len <= LONGEST; key_len++) {
        size_t len = LONGEST - key_len;
        const struct ct_piece pieces[] = {
            {bytes, len / 3}, {NULL, 0}, {bytes + len / 3, len - len / 3}};
        struct hmac_sha256_ctx other;
        uint8_t own32[32], other32[32];
        hmac_sha256_set_key(&other, key_len, bytes + LONGEST);
        hmac_sha256_update(&other, len, bytes);
        hmac_sha256_digest(&other, sizeof other32, other32);
        CHECK_EQ(ct_hmac_sha256(own32, bytes + LONGEST, key_len, pieces, 3), CT_OK);
        alike += memcmp(own32, other32, 32) == 0;
    }
    CHECK_EQ(alike, LONGEST + 1);
}

static void digest_is_that_of_another_library(void)
{
    size_t alike = 0;
    fill();
    for (size_t len = 0; len <= LONGEST; len++) {
        const struct ct_piece pieces[] = {{bytes, len / 2}, {bytes + len / 2, len - len / 2}};
        struct sha256_ctx other;
        uint8_t own32[32], other32[32];
        sha256_init(&other);
        sha256_update(&other, len, bytes);
        sha256_digest(&other, sizeof other32, other32);
        CHECK_EQ(ct_sha256(own32, pieces, 2), CT_OK);
        alike += memcmp(own32, other32, 32) == 0;
    }
    CHECK_EQ(alike, LONGEST + 1);
}

static void expansion_is_that_of_another_library(void)
{
    size_t alike = 0;
    fill();
    for (size_t len = 1; len <= LONGEST; len++) {
        const struct ct_piece info = {bytes + 32, len % 50};
        struct hmac_sha256_ctx other;
        uint8_t own[LONGEST], others[LONGEST];
        hmac_sha256_set_key(&other, 32, bytes);
        hkdf_expand(&other, (nettle_hash_update_func *)hmac_sha256_update,
                    (nettle_hash_digest_func *)hmac_sha256_digest, 32, info.len, bytes + 32, len,
                    others);
        CHECK_EQ(ct_hkdf_expand(own, len, bytes, &info, 1), CT_OK);
        alike += memcmp(own, others, len) == 0;
    }
    CHECK_EQ(alike, LONGEST);
    CHECK_EQ(ct_hkdf_expand(bytes, 0, bytes, NULL, 0), CT_ERR_ARG);
}

static const struct ct_test tests[] = {
    CT_TEST(hmac_is_that_of_another_library),
    CT_TEST(digest_is_that_of_another_library),
    CT_TEST(expansion_is_that_of_another_library),
};
CT_TEST_MAIN(tests)
