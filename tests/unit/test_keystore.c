/* Keystores: other programs' are opened, ours are read back, and none asks for too much. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/keystore.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "chain/key.h"
#include "ct_test.h"
#include "temp_dir.h"
#include "vectors.h"

static struct temp_dir dir;

static const char *put(const char *name, const char *text)
{
    static char paths[32][128];
    static size_t turn;
    char *path = paths[turn++ % 32];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", dir.path, name);
    CHECK_EQ(ct_file_write(path, text, strlen(text), 0600, NULL), CT_OK);
    return path;
}

static size_t opened;

/* Seven keystores open; two wallets of the 2014 sale are refused by what they are. */
static bool wallet_holds(const struct ct_json *one)
{
    struct ct_keystore ks;
    struct ct_secret32 secret;
    struct ct_secret32 want;
    struct ct_wallet wallet;
    struct ct_why why = {""};
    const char *text = ct_vectors_text(one, "json");
    const char *passphrase = ct_vectors_text(one, "password");
    uint8_t addr[20];
    ct_err err = ct_keystore_parse(&ks, text, strlen(text), &why);
    if (strcmp(ct_vectors_text(one, "type"), "crowdsale") == 0) {
        return err == CT_ERR_FORMAT && strstr(why.text, "2014 sale") != NULL;
    }
    opened++;
    return err == CT_OK &&
           ct_keystore_open(&secret, &ks, passphrase, strlen(passphrase)) == CT_OK &&
           ct_json_fixed(want.bytes, 32, ct_json_get(one, "privateKey")) == CT_OK &&
           memcmp(want.bytes, secret.bytes, 32) == 0 &&
           ct_wallet_from_secret(&wallet, &secret) == CT_OK &&
           ct_json_fixed(addr, 20, ct_json_get(one, "address")) == CT_OK &&
           memcmp(wallet.addr20, addr, 20) == 0 &&
           (!ks.has_addr || memcmp(ks.addr20, addr, 20) == 0);
}

static void npm_keystores_open_and_sale_wallets_are_refused_by_name(void)
{
    opened = 0;
    CHECK(ct_vectors_ethers("wallets", 9, wallet_holds));
    CHECK_EQ(opened, 7);
}

/* The vector "life": n 1024, which is quick. */
static struct ct_json *vectors;

static const char *quick_one(void)
{
    if (vectors == NULL) {
        vectors = ct_vectors_npm("@ethersproject/testcases/testcases/wallets.json.gz");
    }
    for (size_t i = 0; i < ct_json_count(vectors); i++) {
        if (strcmp(ct_vectors_text(ct_json_at(vectors, i), "name"), "life") == 0) {
            return ct_vectors_text(ct_json_at(vectors, i), "json");
        }
    }
    return "";
}

static void wrong_passphrase_is_told_as_such(void)
{
    static const char *const wrong[] = {"", "fo", "fooo", "Foo", "foo\n"};
    struct ct_wallet wallet;
    struct ct_why why = {""};
    const char *file = put("life", quick_one());
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[16]; /* with a newline more, which is not the passphrase's */
        (void)snprintf(text, sizeof(text), "%s\n", wrong[i]);
        CHECK_EQ(ct_wallet_open(&wallet, file, put("wrong", text), &why), CT_ERR_AUTH);
        CHECK(strstr(why.text, "the passphrase does not open the keystore") == why.text);
    }
    CHECK_EQ(ct_wallet_open(&wallet, file, put("right", "foo\n"), &why), CT_OK);
    CHECK_EQ(wallet.secret.bytes[0], 0x42);
    CHECK_EQ(ct_wallet_open(&wallet, file, NULL, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "say where its passphrase is") != NULL);
}

static void raw_key_under_a_set_passphrase_is_refused(void)
{
    struct ct_wallet wallet;
    struct ct_why why = {""};
    char text[66];
    memset(text, '4', 64);
    (void)snprintf(text + 64, 2, "\n");
    const char *file = put("raw", text);
    CHECK_EQ(ct_wallet_open(&wallet, file, NULL, &why), CT_OK);
    CHECK_EQ(ct_wallet_open(&wallet, file, put("pass", "foo"), &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "in the clear") != NULL);
    CHECK_EQ(chmod(file, 0640), 0);
    CHECK_EQ(ct_wallet_open(&wallet, file, NULL, &why), CT_ERR_CONFIG);
}

static void every_cut_is_refused(void)
{
    const char *text = quick_one();
    struct ct_keystore ks;
    size_t len = strlen(text);
    REQUIRE(len > 300);
    while (text[len - 1] != '}') { /* what follows the object may be cut */
        len--;
    }
    CHECK_EQ(ct_keystore_parse(&ks, text, len, NULL), CT_OK);
    for (size_t cut = 0; cut < len; cut++) {
        CHECK_EQ(ct_keystore_parse(&ks, text, cut, NULL), CT_ERR_FORMAT);
    }
}

/* text with the first from replaced by to; to be freed. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    size_t room = strlen(text) + strlen(to) + 1;
    char *out = malloc(room);
    if (at == NULL) {
        printf("    no %s to change\n", from);
        abort();
    }
    (void)snprintf(out, room, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

static void what_asks_for_too_much_or_is_another_form_is_refused(void)
{
    static const struct {
        const char *from, *to;
    } bad[] = {
        {"\"n\":1024", "\"n\":1023"},
        {"\"n\":1024", "\"n\":1"},
        {"\"n\":1024", "\"n\":0"},
        {"\"n\":1024", "\"n\":-1024"},
        {"\"n\":1024", "\"n\":\"1024\""},
        {"\"n\":1024", "\"n\":1024.5"},
        {"\"n\":1024", "\"n\":1048576"}, /* 512 MiB with r 4 */
        {"\"n\":1024", "\"n\":4294967296"},
        {"\"n\":1024", "\"n\":18446744073709551616"},
        {"\"r\":4", "\"r\":0"},
        {"\"r\":4", "\"r\":2097153"},
        {"\"p\":2", "\"p\":0"},
        {"\"p\":2", "\"p\":2049"}, /* work: 1024 * 4 * 2049 > 2^23 */
        {"\"p\":2", "\"p\":4294967298"},
        {"\"dklen\":32", "\"dklen\":16"},
        {"\"dklen\":32", "\"dklen\":64"},
        {"\"dklen\":32,", ""},
        {"\"salt\":\"abcd1abcd2abcd3abcd4abcd5abcd6ef\"", "\"salt\":\"\""},
        {"\"salt\":\"abcd1abcd2abcd3abcd4abcd5abcd6ef\"", "\"salt\":\"abc\""},
        {"\"salt\":\"abcd1abcd2abcd3abcd4abcd5abcd6ef\"", "\"salt\":\"xyzz\""},
        {"\"kdf\":\"scrypt\"", "\"kdf\":\"argon2\""},
        {"\"kdf\":\"scrypt\"", "\"kdf\":\"pbkdf2\""},
        {"\"cipher\":\"aes-128-ctr\"", "\"cipher\":\"aes-128-cbc\""},
        {"deadbeef1deadbeef2deadbeef301234", "deadbeef1deadbeef2deadbeef3012"},
        {"cea502df4b", "cea502df4b00"},
        {"cea502df4b", "cea502df"},
        {"6e0a8e2409", "6e0a8e24"},
        {"6e0a8e2409", "6e0a8e240g"},
        {"\"version\":3", "\"version\":1"},
        {"\"version\":3", "\"version\":\"3\""},
        {"\"version\":3,", ""},
        {"\"Crypto\"", "\"cRYPTO\""},
        {"\"address\":\"17c5", "\"address\":\"17"},
        {"\"address\":\"", "\"address\":1,\"x\":\""},
    };
    struct ct_keystore ks;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ct_why why = {""};
        char *text = changed(quick_one(), bad[i].from, bad[i].to);
        if (ct_keystore_parse(&ks, text, strlen(text), &why) != CT_ERR_FORMAT ||
            why.text[0] == '\0') {
            printf("    accepted: %s\n", bad[i].to);
            CHECK(false);
        }
        free(text);
    }
}

static void rounds_of_pbkdf2_are_bounded(void)
{
    struct ct_keystore ks = {.rounds = 1, .salt = {1}, .salt_len = 1, .has_addr = true};
    struct ct_keystore back;
    char text[CT_KEYSTORE_ROOM];
    static const struct {
        uint32_t rounds;
        ct_err err;
    } cases[] = {{1, CT_OK},
                 {CT_KEYSTORE_WORK_MAX, CT_OK},
                 {CT_KEYSTORE_WORK_MAX + 1, CT_ERR_FORMAT},
                 {0, CT_ERR_FORMAT},
                 {UINT32_MAX, CT_ERR_FORMAT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ks.rounds = cases[i].rounds;
        REQUIRE(ct_keystore_format(text, sizeof(text), &ks) == CT_OK);
        CHECK_EQ(ct_keystore_parse(&back, text, strlen(text), NULL), cases[i].err);
    }
}

/* The MAC does not cover the first block of the cipher: the address does. */
static void altered_first_block_is_found_by_the_address(void)
{
    struct ct_wallet wallet;
    struct ct_why why = {""};
    const char *pass = put("foo", "foo");
    char *text = changed(quick_one(), "deadbeef1", "deadbeef2");
    CHECK_EQ(ct_wallet_open(&wallet, put("iv", text), pass, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "not that of the address") != NULL);
    free(text);
    text = changed(quick_one(), "17c5185167", "27c5185167");
    CHECK_EQ(ct_wallet_open(&wallet, put("addr", text), pass, &why), CT_ERR_CONFIG);
    free(text);
    text = changed(quick_one(), "cea502df", "cea502de"); /* the MAC covers this */
    CHECK_EQ(ct_wallet_open(&wallet, put("sealed", text), pass, &why), CT_ERR_AUTH);
    free(text);
}

static void sealed_keys_come_back_and_never_look_alike(void)
{
    struct ct_wallet wallet;
    struct ct_keystore one;
    struct ct_keystore two;
    struct ct_keystore back;
    struct ct_secret32 secret;
    char text[CT_KEYSTORE_ROOM];
    REQUIRE(ct_wallet_new(&wallet) == CT_OK);
    REQUIRE(ct_keystore_seal(&one, &wallet.secret, wallet.addr20, "p", 1, CT_KEYSTORE_LIGHT) ==
            CT_OK);
    REQUIRE(ct_keystore_seal(&two, &wallet.secret, wallet.addr20, "p", 1, CT_KEYSTORE_LIGHT) ==
            CT_OK);
    CHECK(memcmp(one.sealed32, two.sealed32, 32) != 0 && memcmp(one.salt, two.salt, 32) != 0 &&
          memcmp(one.iv16, two.iv16, 16) != 0);
    REQUIRE(ct_keystore_format(text, sizeof(text), &one) == CT_OK);
    CHECK_EQ(ct_keystore_format(text, CT_KEYSTORE_ROOM - 1, &one), CT_ERR_ROOM);
    REQUIRE(ct_keystore_parse(&back, text, strlen(text), NULL) == CT_OK);
    CHECK_EQ(ct_keystore_open(&secret, &back, "p", 1), CT_OK);
    CHECK_MEM(secret.bytes, wallet.secret.bytes, 32);
    CHECK_EQ(ct_keystore_open(&secret, &back, "q", 1), CT_ERR_AUTH);
}

static void wallet_made_with_a_passphrase_is_a_keystore_of_geths_standard(void)
{
    struct ct_wallet wallet;
    struct ct_wallet again;
    struct ct_why why = {""};
    struct stat st;
    char path[128];
    char text[2048];
    size_t len = 0;
    bool made = false;
    const char *pass = put("p", "correct horse\n");
    (void)snprintf(path, sizeof(path), "%s/wallet.key", dir.path);
    CHECK_EQ(ct_wallet_open_or_create(&wallet, &made, path, pass, &why), CT_OK);
    CHECK(made && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    REQUIRE(ct_file_read(text, sizeof(text), &len, path, true, &why) == CT_OK);
    CHECK(strstr(text, "\"n\":262144,\"p\":1,\"r\":8") != NULL);
    CHECK_EQ(ct_wallet_open_or_create(&again, &made, path, pass, &why), CT_OK);
    CHECK(!made);
    CHECK_MEM(again.secret.bytes, wallet.secret.bytes, 32);
    CHECK_EQ(ct_wallet_load(&again, path, &why), CT_ERR_CONFIG);
}

/* A token's way: its own nonce aside, no v, and s in the upper half as it comes. */
static ct_err sign_high(void *arg, uint8_t rs64[64], const uint8_t hash32[32])
{
    static const char order[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    struct ct_u256 n;
    struct ct_u256 s;
    uint8_t sig[CT_SIG_LEN];
    if (ct_wallet_sign(sig, arg, hash32) != CT_OK || ct_unhex(n.be, 32, order) != CT_OK) {
        return CT_ERR_SYSTEM;
    }
    memcpy(s.be, sig + 32, 32);
    if (hash32[0] % 2 == 0 && ct_u256_sub(&s, &n, &s) != CT_OK) {
        return CT_ERR_SYSTEM;
    }
    memcpy(rs64, sig, 32);
    memcpy(rs64 + 32, s.be, 32);
    return CT_OK;
}

static ct_err sign_nothing(void *arg, uint8_t rs64[64], const uint8_t hash32[32])
{
    (void)arg;
    (void)hash32;
    memset(rs64, 0, 64);
    return CT_OK;
}

static void signer_outside_signs_as_the_secret_would(void)
{
    static const uint8_t generator[65] = {
        0x04, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95,
        0xce, 0x87, 0x0b, 0x07, 0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59,
        0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98, 0x48, 0x3a, 0xda, 0x77, 0x26, 0xa3,
        0xc4, 0x65, 0x5d, 0xa4, 0xfb, 0xfc, 0x0e, 0x11, 0x08, 0xa8, 0xfd, 0x17, 0xb4,
        0x48, 0xa6, 0x85, 0x54, 0x19, 0x9c, 0x47, 0xd0, 0x8f, 0xfb, 0x10, 0xd4, 0xb8};
    struct ct_secret32 one = {{0}};
    struct ct_wallet inside;
    struct ct_wallet outside;
    struct ct_wallet stranger;
    struct ct_signer signer = {.sign = sign_high, .arg = &inside};
    uint8_t hash[32];
    uint8_t want[CT_SIG_LEN];
    uint8_t got[CT_SIG_LEN];
    one.bytes[31] = 1; /* whose public key is the generator */
    REQUIRE(ct_wallet_from_secret(&inside, &one) == CT_OK && ct_wallet_new(&stranger) == CT_OK);
    REQUIRE(ct_wallet_from_signer(&outside, generator, &signer) == CT_OK);
    CHECK_MEM(outside.addr20, inside.addr20, 20);
    for (uint8_t i = 0; i < 64; i++) {
        ct_keccak256(hash, &i, 1);
        CHECK_EQ(ct_wallet_sign(want, &inside, hash), CT_OK);
        CHECK_EQ(ct_wallet_sign(got, &outside, hash), CT_OK);
        CHECK_MEM(got, want, CT_SIG_LEN);
    }
    outside.signer.arg = &stranger;
    CHECK_EQ(ct_wallet_sign(got, &outside, hash), CT_ERR_SYSTEM);
    outside.signer.sign = sign_nothing;
    CHECK_EQ(ct_wallet_sign(got, &outside, hash), CT_ERR_SYSTEM);
    uint8_t off[65];
    memcpy(off, generator, 65);
    off[64] ^= 1;
    CHECK_EQ(ct_wallet_from_signer(&outside, off, &signer), CT_ERR_ARG);
}

static const struct ct_test tests[] = {
    CT_TEST(npm_keystores_open_and_sale_wallets_are_refused_by_name),
    CT_TEST(wrong_passphrase_is_told_as_such),
    CT_TEST(raw_key_under_a_set_passphrase_is_refused),
    CT_TEST(every_cut_is_refused),
    CT_TEST(what_asks_for_too_much_or_is_another_form_is_refused),
    CT_TEST(rounds_of_pbkdf2_are_bounded),
    CT_TEST(altered_first_block_is_found_by_the_address),
    CT_TEST(sealed_keys_come_back_and_never_look_alike),
    CT_TEST(wallet_made_with_a_passphrase_is_a_keystore_of_geths_standard),
    CT_TEST(signer_outside_signs_as_the_secret_would),
};

int main(void)
{
    if (!temp_dir_make(&dir)) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    ct_json_free(vectors);
    temp_dir_remove(&dir);
    return code;
}
