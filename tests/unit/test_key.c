/* Wallets: addresses and checksums of ethers' accounts, signatures strict both ways, key files. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/key.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "ct_test.h"
#include "vectors.h"

static size_t keys; /* accounts whose private key the file tells */

static bool account_holds(const struct ct_json *one)
{
    struct ct_secret32 secret;
    struct ct_wallet wallet;
    uint8_t addr[20];
    uint8_t same[20];
    char text[CT_ADDR_TEXT_LEN];
    const char *checksum = ct_vectors_text(one, "checksumAddress");
    if (ct_addr_parse(addr, ct_vectors_text(one, "address")) != CT_OK ||
        ct_addr_parse(same, checksum) != CT_OK || memcmp(addr, same, 20) != 0) {
        return false;
    }
    ct_addr_text(text, addr);
    if (ct_json_has(one, "privateKey")) {
        keys++;
        if (ct_json_fixed(secret.bytes, 32, ct_json_get(one, "privateKey")) != CT_OK ||
            ct_wallet_from_secret(&wallet, &secret) != CT_OK ||
            memcmp(wallet.addr20, addr, 20) != 0) {
            return false;
        }
    }
    return strcmp(text, checksum) == 0;
}

static void npm_accounts_have_their_addresses(void)
{
    keys = 0;
    CHECK(ct_vectors_ethers("accounts", 1038, account_holds));
    CHECK_EQ(keys, 1031);
}

/* A seed's hash is the key. Its signatures are over a hash that the file does not tell. */
static void ethereum_tests_keys_have_their_addresses(void)
{
    struct ct_json *all = ct_vectors_npm("ethereum-tests/BasicTests/keyaddrtest.json");
    CHECK_EQ(ct_json_count(all), 2);
    for (size_t i = 0; i < ct_json_count(all); i++) {
        const struct ct_json *one = ct_json_at(all, i);
        const char *seed = ct_vectors_text(one, "seed");
        struct ct_secret32 secret;
        struct ct_wallet wallet;
        uint8_t addr[20];
        ct_keccak256(secret.bytes, seed, strlen(seed));
        REQUIRE(ct_wallet_from_secret(&wallet, &secret) == CT_OK);
        CHECK_EQ(ct_unhex(addr, 20, ct_vectors_text(one, "addr")), CT_OK);
        CHECK_MEM(wallet.addr20, addr, 20);
    }
    printf("    keyaddrtest: %zu of 2\n", ct_json_count(all));
    ct_json_free(all);
}

static void secrets_outside_the_group_are_refused(void)
{
    /* the group order n */
    static const char order[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    struct ct_secret32 secret = {{0}};
    struct ct_wallet wallet;
    CHECK_EQ(ct_wallet_from_secret(&wallet, &secret), CT_ERR_ARG);
    CHECK_EQ(ct_unhex(secret.bytes, 32, order), CT_OK);
    CHECK_EQ(ct_wallet_from_secret(&wallet, &secret), CT_ERR_ARG);
    secret.bytes[31]--;
    CHECK_EQ(ct_wallet_from_secret(&wallet, &secret), CT_OK);
}

static void forged_forms_of_a_signature_are_refused(void)
{
    static const char order[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    struct ct_wallet wallet;
    uint8_t hash[32];
    uint8_t sig[CT_SIG_LEN];
    uint8_t bad[CT_SIG_LEN];
    uint8_t addr[20];
    uint8_t n[32];
    REQUIRE(ct_wallet_new(&wallet) == CT_OK && ct_unhex(n, 32, order) == CT_OK);
    ct_keccak256(hash, "message", 7);
    REQUIRE(ct_wallet_sign(sig, &wallet, hash) == CT_OK);
    CHECK_EQ(ct_sig_check(wallet.addr20, hash, sig), CT_OK);

    memcpy(bad, sig, sizeof(bad)); /* n - s with the other v: the same signature, high s */
    unsigned borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        unsigned v = 0x100u + n[i] - sig[32 + i] - borrow;
        bad[32 + i] = (uint8_t)v;
        borrow = v < 0x100u;
    }
    bad[64] = (uint8_t)(55 - sig[64]);
    CHECK_EQ(ct_sig_recover(addr, hash, bad), CT_ERR_AUTH);
    for (unsigned v = 0; v < 256; v++) {
        memcpy(bad, sig, sizeof(bad));
        bad[64] = (uint8_t)v;
        ct_err err = ct_sig_check(wallet.addr20, hash, bad);
        CHECK_EQ(err, v == sig[64] ? CT_OK : CT_ERR_AUTH);
    }
    memcpy(bad, sig, sizeof(bad));
    memset(bad, 0, 32);
    CHECK_EQ(ct_sig_recover(addr, hash, bad), CT_ERR_AUTH);
    memcpy(bad, n, 32);
    CHECK_EQ(ct_sig_recover(addr, hash, bad), CT_ERR_AUTH);
    memcpy(bad, sig, sizeof(bad));
    memset(bad + 32, 0, 32);
    CHECK_EQ(ct_sig_recover(addr, hash, bad), CT_ERR_AUTH);
}

static void every_flipped_bit_changes_the_signer(void)
{
    struct ct_wallet wallet;
    uint8_t hash[32];
    uint8_t sig[CT_SIG_LEN];
    REQUIRE(ct_wallet_new(&wallet) == CT_OK);
    ct_keccak256(hash, "message", 7);
    REQUIRE(ct_wallet_sign(sig, &wallet, hash) == CT_OK);
    for (size_t bit = 0; bit < sizeof(sig) * 8; bit++) {
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_EQ(ct_sig_check(wallet.addr20, hash, sig), CT_ERR_AUTH);
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void wrong_checksum_case_is_refused(void)
{
    uint8_t addr[20];
    char text[] = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"; /* EIP-55's own example */
    CHECK_EQ(ct_addr_parse(addr, text), CT_OK);
    text[2 + 3] = 'E';
    CHECK_EQ(ct_addr_parse(addr, text), CT_ERR_FORMAT);
    CHECK_EQ(ct_addr_parse(addr, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), CT_OK);
    CHECK_EQ(ct_addr_parse(addr, "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), CT_ERR_FORMAT);
    CHECK_EQ(ct_addr_parse(addr, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae"), CT_ERR_FORMAT);
    CHECK_EQ(ct_addr_parse(addr, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaedd"), CT_ERR_FORMAT);
}

static void key_file_is_made_once_and_private(void)
{
    char folder[] = "/tmp/ct-test-key-XXXXXX";
    char path[64];
    struct ct_wallet first;
    struct ct_wallet again;
    struct ct_why why = {""};
    struct stat st;
    bool made = false;
    REQUIRE(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/wallet.key", folder);
    CHECK_EQ(ct_wallet_load(&first, path, &why), CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_wallet_load_or_create(&first, &made, path, &why), CT_OK);
    CHECK(made);
    CHECK_EQ(ct_wallet_load_or_create(&again, &made, path, &why), CT_OK);
    CHECK(!made);
    CHECK_MEM(again.addr20, first.addr20, 20);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ(chmod(path, 0644), 0);
    CHECK_EQ(ct_wallet_load(&again, path, &why), CT_ERR_CONFIG);
    (void)unlink(path);
    (void)rmdir(folder);
}

/* Each child makes or loads the wallet as soon as the pipe is closed and tells its address. */
static void processes_that_start_at_once_get_one_wallet(void)
{
    enum { CHILDREN = 8 };
    char folder[] = "/tmp/ct_keysXXXXXX";
    char path[64];
    int go[2];
    int told[2];
    uint8_t addrs[CHILDREN][20];
    REQUIRE(mkdtemp(folder) != NULL && pipe(go) == 0 && pipe(told) == 0);
    (void)snprintf(path, sizeof(path), "%s/wallet.key", folder);
    for (size_t i = 0; i < CHILDREN; i++) {
        if (fork() == 0) {
            struct ct_wallet wallet = {.addr20 = {0}};
            char byte;
            (void)close(go[1]);
            ssize_t got = read(go[0], &byte, 1);
            ct_err err = ct_wallet_load_or_create(&wallet, NULL, path, NULL);
            got += write(told[1], wallet.addr20, 20);
            _exit(err == CT_OK && got == 20 ? 0 : 1);
        }
    }
    (void)close(go[0]);
    (void)close(go[1]);
    for (size_t i = 0; i < CHILDREN; i++) {
        int status = 1;
        CHECK_EQ(read(told[0], addrs[i], 20), 20);
        CHECK_MEM(addrs[i], addrs[0], 20);
        CHECK(wait(&status) > 0 && status == 0);
    }
    (void)close(told[0]);
    (void)close(told[1]);
    (void)unlink(path);
    (void)rmdir(folder);
}

static const struct ct_test tests[] = {
    CT_TEST(npm_accounts_have_their_addresses),
    CT_TEST(ethereum_tests_keys_have_their_addresses),
    CT_TEST(secrets_outside_the_group_are_refused),
    CT_TEST(forged_forms_of_a_signature_are_refused),
    CT_TEST(every_flipped_bit_changes_the_signer),
    CT_TEST(wrong_checksum_case_is_refused),
    CT_TEST(key_file_is_made_once_and_private),
    CT_TEST(processes_that_start_at_once_get_one_wallet),
};
CT_TEST_MAIN(tests)
