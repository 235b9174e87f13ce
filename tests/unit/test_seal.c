/* Claims about sealed bytes. */
/* links: ct_kex ct_chain ct_base */
#include "ct_test.h"
#include "ct_vector.h"

#include "base/secret.h"
#include "kex/seal.h"

static const char FILE_A2[] = "rfc9180/a2_1_base.txt";

static void pair_of(struct ct_x25519 *out, uint8_t fill)
{
    struct ct_secret32 secret;
    memset(secret.bytes, fill, 32);
    CHECK_EQ(ct_x25519_from_secret(out, &secret), CT_OK);
}

static void rfc9180_a2_1_seals_and_opens(void)
{
    uint8_t info[64], aad[64], pt[64], want[128], pk[32], out[128];
    struct ct_secret32 eph, own;
    struct ct_x25519 pair;
    size_t info_len = ct_vector(info, 64, FILE_A2, "info");
    size_t aad_len = ct_vector(aad, 64, FILE_A2, "aad");
    size_t pt_len = ct_vector(pt, 64, FILE_A2, "pt");
    REQUIRE(info_len == 20 && aad_len == 7 && pt_len == 29);
    REQUIRE(ct_vector(eph.bytes, 32, FILE_A2, "skEm") == 32);
    REQUIRE(ct_vector(own.bytes, 32, FILE_A2, "skRm") == 32);
    REQUIRE(ct_vector(pk, 32, FILE_A2, "pkRm") == 32);
    REQUIRE(ct_vector(want, 32, FILE_A2, "enc") == 32);
    REQUIRE(ct_vector(want + 32, 96, FILE_A2, "ct") == pt_len + 16);
    REQUIRE(ct_x25519_from_secret(&pair, &own) == CT_OK);
    CHECK_MEM(pair.public32, pk, 32);
    CHECK_EQ(ct_hpke_seal(out, pk, &eph, info, info_len, aad, aad_len, pt, pt_len), CT_OK);
    CHECK_MEM(out, want, pt_len + CT_SEAL_OVERHEAD);
    uint8_t again[64];
    CHECK_EQ(ct_hpke_open(again, &pair, info, info_len, aad, aad_len, want, pt_len + 48), CT_OK);
    CHECK_MEM(again, pt, pt_len);
}

static void what_is_sealed_opens_for_its_recipient_only(void)
{
    struct ct_x25519 bob, eve;
    struct ct_secret32 eph;
    uint8_t sealed[5 + 48], out[5];
    pair_of(&bob, 1);
    pair_of(&eve, 2);
    memset(eph.bytes, 3, 32);
    CHECK_EQ(ct_seal(sealed, bob.public32, &eph, "aad", 3, "hello", 5), CT_OK);
    CHECK_EQ(ct_unseal(out, &bob, "aad", 3, sealed, sizeof(sealed)), CT_OK);
    CHECK_MEM(out, "hello", 5);
    CHECK_EQ(ct_unseal(out, &eve, "aad", 3, sealed, sizeof(sealed)), CT_ERR_AUTH);
    CHECK_EQ(ct_unseal(out, &bob, "aae", 3, sealed, sizeof(sealed)), CT_ERR_AUTH);
    CHECK_EQ(ct_unseal(out, &bob, "aad", 2, sealed, sizeof(sealed)), CT_ERR_AUTH);
    CHECK_EQ(ct_hpke_open(out, &bob, "other", 5, "aad", 3, sealed, sizeof(sealed)), CT_ERR_AUTH);
}

static void every_flipped_bit_is_refused_and_wiped(void)
{
    struct ct_x25519 bob;
    struct ct_secret32 eph;
    uint8_t sealed[16 + 48], out[16];
    static const uint8_t zeros[16];
    pair_of(&bob, 1);
    memset(eph.bytes, 3, 32);
    REQUIRE(ct_seal(sealed, bob.public32, &eph, "a", 1, "0123456789abcdef", 16) == CT_OK);
    for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        memset(out, 0, sizeof(out));
        CHECK_EQ(ct_unseal(out, &bob, "a", 1, sealed, sizeof(sealed)), CT_ERR_AUTH);
        CHECK_MEM(out, zeros, sizeof(out));
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void every_cut_is_refused(void)
{
    struct ct_x25519 bob;
    struct ct_secret32 eph;
    uint8_t sealed[16 + 48], out[16];
    pair_of(&bob, 1);
    memset(eph.bytes, 3, 32);
    REQUIRE(ct_seal(sealed, bob.public32, &eph, NULL, 0, "0123456789abcdef", 16) == CT_OK);
    for (size_t len = 0; len < sizeof(sealed); len++) {
        ct_err err = ct_unseal(out, &bob, NULL, 0, sealed, len);
        CHECK_EQ(err, len < CT_SEAL_OVERHEAD ? CT_ERR_FORMAT : CT_ERR_AUTH);
    }
    CHECK_EQ(ct_unseal(out, &bob, NULL, 0, sealed, sizeof(sealed)), CT_OK);
}

static void the_empty_text_can_be_sealed(void)
{
    struct ct_x25519 bob;
    struct ct_secret32 eph;
    uint8_t sealed[48], out[1] = {9};
    pair_of(&bob, 1);
    memset(eph.bytes, 3, 32);
    CHECK_EQ(ct_seal(sealed, bob.public32, &eph, "x", 1, NULL, 0), CT_OK);
    CHECK_EQ(ct_unseal(out, &bob, "x", 1, sealed, sizeof(sealed)), CT_OK);
    CHECK_EQ(out[0], 9);
}

static void a_recipient_of_low_order_is_refused(void)
{
    static const uint8_t zeros[32];
    struct ct_secret32 eph;
    uint8_t sealed[53];
    struct ct_x25519 bob;
    memset(eph.bytes, 3, 32);
    CHECK_EQ(ct_seal(sealed, zeros, &eph, "x", 1, "hello", 5), CT_ERR_AUTH);
    pair_of(&bob, 1);
    memset(sealed, 0, sizeof(sealed)); /* enc of low order */
    uint8_t out[5];
    CHECK_EQ(ct_unseal(out, &bob, "x", 1, sealed, sizeof(sealed)), CT_ERR_AUTH);
}

static const struct ct_test TESTS[] = {
    CT_TEST(rfc9180_a2_1_seals_and_opens),
    CT_TEST(what_is_sealed_opens_for_its_recipient_only),
    CT_TEST(every_flipped_bit_is_refused_and_wiped),
    CT_TEST(every_cut_is_refused),
    CT_TEST(the_empty_text_can_be_sealed),
    CT_TEST(a_recipient_of_low_order_is_refused),
};
CT_TEST_MAIN(TESTS)
