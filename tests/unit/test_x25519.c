/* Claims about X25519, Ed25519, HKDF and the files that keys live in. */
/* links: ct_kex ct_chain ct_base */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct_test.h"
#include "ct_vector.h"

#include "base/secret.h"
#include "kex/kdf.h"
#include "kex/x25519.h"

static const char X[] = "rfc7748/6_1.txt";
static const char ED[] = "rfc8032/7_1.txt";
static const char HK[] = "rfc5869/a.txt";

static void rfc7748_6_1_agrees_on_both_sides(void)
{
    struct ct_x25519 alice, bob;
    struct ct_secret32 a, b, one, two;
    uint8_t want[32];
    REQUIRE(ct_vector(a.bytes, 32, X, "alice_secret") == 32);
    REQUIRE(ct_vector(b.bytes, 32, X, "bob_secret") == 32);
    CHECK_EQ(ct_x25519_from_secret(&alice, &a), CT_OK);
    CHECK_EQ(ct_x25519_from_secret(&bob, &b), CT_OK);
    REQUIRE(ct_vector(want, 32, X, "alice_public") == 32);
    CHECK_MEM(alice.public32, want, 32);
    REQUIRE(ct_vector(want, 32, X, "bob_public") == 32);
    CHECK_MEM(bob.public32, want, 32);
    CHECK_EQ(ct_x25519_shared(&one, &alice.secret, bob.public32), CT_OK);
    CHECK_EQ(ct_x25519_shared(&two, &bob.secret, alice.public32), CT_OK);
    REQUIRE(ct_vector(want, 32, X, "shared") == 32);
    CHECK_MEM(one.bytes, want, 32);
    CHECK_MEM(two.bytes, want, 32);
}

static void public_key_of_low_order_is_refused(void)
{
    struct ct_secret32 own, out;
    uint8_t low[32] = {0}; /* order 4, u = 0 */
    memset(own.bytes, 7, 32);
    memset(out.bytes, 0xee, 32);
    CHECK_EQ(ct_x25519_shared(&out, &own, low), CT_ERR_AUTH);
    low[0] = 1; /* u = 1 */
    CHECK_EQ(ct_x25519_shared(&out, &own, low), CT_ERR_AUTH);
    for (size_t i = 0; i < 32; i++) {
        CHECK_EQ(out.bytes[i], 0xee); /* outputs are written only on CT_OK */
    }
}

static void rfc8032_7_1_signs_and_verifies(void)
{
    struct ct_ed25519 key;
    struct ct_secret32 seed;
    uint8_t want[64], sig[64], message[1];
    REQUIRE(ct_vector(seed.bytes, 32, ED, "secret") == 32);
    REQUIRE(ct_vector(message, 1, ED, "message") == 1);
    CHECK_EQ(ct_ed25519_from_seed(&key, &seed), CT_OK);
    REQUIRE(ct_vector(want, 32, ED, "public") == 32);
    CHECK_MEM(key.public32, want, 32);
    CHECK_EQ(ct_ed25519_sign(sig, &key, message, 1), CT_OK);
    REQUIRE(ct_vector(want, 64, ED, "signature") == 64);
    CHECK_MEM(sig, want, 64);
    CHECK_EQ(ct_ed25519_verify(sig, key.public32, message, 1), CT_OK);
    CHECK_EQ(ct_ed25519_verify(sig, key.public32, "r", 0), CT_ERR_AUTH);
}

static void every_flipped_bit_of_a_signature_is_refused(void)
{
    struct ct_ed25519 key;
    struct ct_secret32 seed;
    uint8_t sig[64];
    memset(seed.bytes, 3, 32);
    REQUIRE(ct_ed25519_from_seed(&key, &seed) == CT_OK);
    REQUIRE(ct_ed25519_sign(sig, &key, "abc", 3) == CT_OK);
    for (size_t bit = 0; bit < 512; bit++) {
        sig[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        CHECK_EQ(ct_ed25519_verify(sig, key.public32, "abc", 3), CT_ERR_AUTH);
        sig[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CHECK_EQ(ct_ed25519_verify(sig, key.public32, "abd", 3), CT_ERR_AUTH);
}

static void rfc5869_a1_and_a3_hold(void)
{
    uint8_t ikm[64], salt[64], info[64], want[64], prk[32], okm[42];
    size_t ikm_len = ct_vector(ikm, 64, HK, "a1_ikm");
    size_t salt_len = ct_vector(salt, 64, HK, "a1_salt");
    size_t info_len = ct_vector(info, 64, HK, "a1_info");
    struct ct_piece piece = {ikm, ikm_len};
    CHECK_EQ(ct_hkdf_extract(prk, salt, salt_len, &piece, 1), CT_OK);
    REQUIRE(ct_vector(want, 64, HK, "a1_prk") == 32);
    CHECK_MEM(prk, want, 32);
    struct ct_piece two[2] = {{info, 4}, {info + 4, info_len - 4}};
    CHECK_EQ(ct_hkdf_expand(okm, 42, prk, two, 2), CT_OK);
    REQUIRE(ct_vector(want, 64, HK, "a1_okm") == 42);
    CHECK_MEM(okm, want, 42);
    CHECK_EQ(ct_hkdf_extract(prk, NULL, 0, &piece, 1), CT_OK);
    REQUIRE(ct_vector(want, 64, HK, "a3_prk") == 32);
    CHECK_MEM(prk, want, 32);
    CHECK_EQ(ct_hkdf_expand(okm, 42, prk, NULL, 0), CT_OK);
    REQUIRE(ct_vector(want, 64, HK, "a3_okm") == 42);
    CHECK_MEM(okm, want, 42);
    CHECK_EQ(ct_hkdf_expand(okm, 0, prk, NULL, 0), CT_ERR_ARG);
}

static void key_file_is_made_once_and_read_again(void)
{
    char dir[] = "/tmp/ct_x25519_XXXXXX";
    char path[64];
    struct ct_x25519 first, second;
    struct ct_ed25519 ed;
    struct ct_why why = {""};
    struct stat st;
    REQUIRE(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/device.key", dir);
    CHECK_EQ(ct_x25519_load(&first, path, &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_x25519_load_or_create(&first, path, &why), CT_OK);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ(ct_x25519_load_or_create(&second, path, &why), CT_OK);
    CHECK_MEM(&first, &second, sizeof(first));
    CHECK_EQ(ct_ed25519_load(&ed, path, &why), CT_OK);
    CHECK_EQ(chmod(path, 0644), 0);
    CHECK_EQ(ct_x25519_load_or_create(&second, path, &why), CT_ERR_CONFIG);
    CHECK(why.text[0] != '\0');
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(dir), 0);
}

static const struct ct_test TESTS[] = {
    CT_TEST(rfc7748_6_1_agrees_on_both_sides), CT_TEST(public_key_of_low_order_is_refused),
    CT_TEST(rfc8032_7_1_signs_and_verifies),   CT_TEST(every_flipped_bit_of_a_signature_is_refused),
    CT_TEST(rfc5869_a1_and_a3_hold),           CT_TEST(key_file_is_made_once_and_read_again),
};
CT_TEST_MAIN(TESTS)
