/* Keys in a PKCS#11 token: SoftHSM's, made by its own tools, signing what the chain takes. */
/* links: ct_wmserver ct_testchain ct_chain ct_base */
#include "keys/hsm.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "chain/keccak.h"
#include "chain/tx.h"
#include "ct_test.h"
#include "keys/hsm_uri.h"
#include "keys/own_key.h"
#include "softhsm.h"
#include "temp_dir.h"

#define MODULE SOFTHSM_MODULE
#define QUERY SOFTHSM_QUERY

static struct temp_dir dir;
static const struct ct_passphrase pin = {.text = "1234", .len = 4};

static bool prepare(void)
{
    return softhsm_prepare(dir.path) && softhsm_token("wm") && softhsm_token("spare") &&
           softhsm_pair("wm", "EC:secp256k1", "approver", "01") &&
           softhsm_pair("wm", "EC:secp256k1", "funder", "02") &&
           softhsm_pair("wm", "EC:secp256k1", "twin", "03") &&
           softhsm_pair("wm", "EC:secp256k1", "twin", "04") &&
           softhsm_pair("wm", "EC:prime256v1", "p256", "05");
}

static void each_attribute_is_read_once_and_no_other_is(void)
{
    static const char full[] = "pkcs11:token=my%20wm;serial=abc1;object=approver;id=%01%ff" QUERY;
    static const char *const bad[] = {
        "",
        "pkcs11",
        "pkcs11:",
        "pkcs12:object=a",
        "pkcs11:token=wm",
        "pkcs11:object=",
        "pkcs11:object",
        "pkcs11:object=a;",
        "pkcs11:;object=a",
        "pkcs11:object=a;;token=wm",
        "pkcs11:object=a;object=b",
        "pkcs11:id=%01;id=%01",
        "pkcs11:object=a?module-path=relative.so",
        "pkcs11:object=a?module-path=",
        "pkcs11:object=a?",
        "pkcs11:object=a?pin-value=1234",
        "pkcs11:object=a?pin-source=/etc/pin",
        "pkcs11:object=a;type=private",
        "pkcs11:object=a?token=wm",
        "pkcs11:object=a;module-path=/x",
        "pkcs11:object=a%",
        "pkcs11:object=a%4",
        "pkcs11:object=a%4g",
        "pkcs11:object=a%00b",
        "pkcs11:object=a b",
        "pkcs11:serial=01234567890123456",
        "pkcs11:object=a;token=012345678901234567890123456789012",
    };
    struct ct_hsm_uri uri;
    struct ct_why why = {""};
    REQUIRE(ct_hsm_uri_parse(&uri, full, &why) == CT_OK);
    CHECK_STR(uri.token, "my wm");
    CHECK_STR(uri.serial, "abc1");
    CHECK_STR(uri.object, "approver");
    CHECK_STR(uri.module, MODULE);
    CHECK(uri.id_len == 2 && uri.id[0] == 1 && uri.id[1] == 0xff);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why.text[0] = '\0';
        if (ct_hsm_uri_parse(&uri, bad[i], &why) != CT_ERR_CONFIG || why.text[0] == '\0') {
            printf("    accepted: %s\n", bad[i]);
            CHECK(false);
        }
    }
    for (size_t cut = 0; cut < sizeof(full); cut++) { /* whole at last, and no cut reads beyond */
        char *text = strndup(full, cut);
        ct_err err = ct_hsm_uri_parse(&uri, text, &why);
        CHECK(err == CT_ERR_CONFIG || (err == CT_OK && (uri.object[0] != '\0' || uri.id_len > 0)));
        free(text);
    }
}

static void key_in_a_token_signs_as_a_wallet_does(void)
{
    struct ct_hsm *hsm = NULL;
    struct ct_wallet wallet;
    struct ct_why why = {""};
    uint8_t hash[32];
    uint8_t sig[CT_SIG_LEN];
    uint8_t raw[512];
    uint8_t from[20];
    size_t len = 0;
    ct_err err = ct_hsm_open(&hsm, &wallet, "pkcs11:token=wm;object=approver" QUERY, &pin, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    REQUIRE(err == CT_OK);
    for (uint8_t i = 0; i < 64; i++) { /* the token's own s is high in half of them */
        ct_keccak256(hash, &i, 1);
        CHECK_EQ(ct_wallet_sign(sig, &wallet, hash), CT_OK);
        CHECK_EQ(ct_sig_check(wallet.addr20, hash, sig), CT_OK);
    }
    struct ct_tx tx = {.chain_id = 31337, .gas_limit = 21000};
    struct ct_tx back;
    CHECK_EQ(ct_tx_sign(raw, sizeof(raw), &len, hash, &tx, &wallet), CT_OK);
    CHECK_EQ(ct_tx_read_signed(&back, sig, from, raw, len), CT_OK);
    CHECK_MEM(from, wallet.addr20, 20);
    ct_hsm_close(hsm);
}

static void two_keys_of_one_token_are_open_at_once(void)
{
    struct ct_hsm *first = NULL;
    struct ct_hsm *second = NULL;
    struct ct_wallet one;
    struct ct_wallet two;
    uint8_t hash[32] = {7};
    uint8_t sig[CT_SIG_LEN];
    REQUIRE(ct_hsm_open(&first, &one, "pkcs11:token=wm;id=%01" QUERY, &pin, NULL) == CT_OK);
    REQUIRE(ct_hsm_open(&second, &two, "pkcs11:token=wm;object=funder;id=%02" QUERY, &pin, NULL) ==
            CT_OK);
    CHECK(memcmp(one.addr20, two.addr20, 20) != 0);
    CHECK_EQ(ct_wallet_sign(sig, &one, hash), CT_OK);
    CHECK_EQ(ct_wallet_sign(sig, &two, hash), CT_OK);
    ct_hsm_close(second);
    CHECK_EQ(ct_wallet_sign(sig, &one, hash), CT_OK);
    ct_hsm_close(first);
}

static void what_is_not_there_or_not_alone_is_told(void)
{
    static const struct {
        const char *uri, *pin, *says;
        ct_err err;
    } cases[] = {
        {"pkcs11:token=wm;object=approver" QUERY, "1235", "the PIN is wrong", CT_ERR_AUTH},
        {"pkcs11:token=wm;object=approver" QUERY, "", "PIN", CT_ERR_AUTH},
        {"pkcs11:token=other;object=approver" QUERY, "1234", "no token other", CT_ERR_CONFIG},
        {"pkcs11:object=approver" QUERY, "1234", "more than one token", CT_ERR_CONFIG},
        {"pkcs11:token=wm;object=absent" QUERY, "1234", "no EC private key", CT_ERR_CONFIG},
        {"pkcs11:token=wm;object=twin" QUERY, "1234", "more than one EC private", CT_ERR_CONFIG},
        {"pkcs11:token=wm;object=p256" QUERY, "1234", "not on the curve", CT_ERR_CONFIG},
        {"pkcs11:object=a?module-path=/no/such.so", "1234", "cannot load", CT_ERR_CONFIG},
        {"pkcs11:object=a?module-path=/lib/x86_64-linux-gnu/libc.so.6", "1234", "cannot load",
         CT_ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_hsm *hsm = NULL;
        struct ct_wallet wallet;
        struct ct_why why = {""};
        struct ct_passphrase p = {.len = strlen(cases[i].pin)};
        (void)snprintf(p.text, sizeof(p.text), "%s", cases[i].pin);
        CHECK_EQ(ct_hsm_open(&hsm, &wallet, cases[i].uri, &p, &why), cases[i].err);
        if (strstr(why.text, cases[i].says) == NULL) {
            printf("    %s: %s\n", cases[i].uri, why.text);
            CHECK(false);
        }
    }
}

/* As a token that was pulled and put back: sessions and handles are gone. */
static void lost_session_is_opened_anew(void)
{
    struct ct_hsm *hsm = NULL;
    struct ct_wallet wallet;
    uint8_t hash[32] = {9};
    uint8_t sig[CT_SIG_LEN];
    unsigned long (*slots_of)(unsigned char, unsigned long *, unsigned long *) = NULL;
    unsigned long (*close_all)(unsigned long) = NULL;
    unsigned long slots[16];
    unsigned long count = 16;
    REQUIRE(ct_hsm_open(&hsm, &wallet, "pkcs11:token=wm;object=approver" QUERY, &pin, NULL) ==
            CT_OK);
    void *library = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
    REQUIRE(library != NULL);
    *(void **)(void *)&slots_of = dlsym(library, "C_GetSlotList");
    *(void **)(void *)&close_all = dlsym(library, "C_CloseAllSessions");
    REQUIRE(slots_of != NULL && close_all != NULL);
    CHECK_EQ(slots_of(1, slots, &count), 0);
    for (unsigned long i = 0; i < count; i++) {
        CHECK_EQ(close_all(slots[i]), 0);
    }
    CHECK_EQ(ct_wallet_sign(sig, &wallet, hash), CT_OK);
    CHECK_EQ(ct_sig_check(wallet.addr20, hash, sig), CT_OK);
    ct_hsm_close(hsm);
    (void)dlclose(library);
}

static void *sign_many(void *arg)
{
    const struct ct_wallet *wallet = arg;
    size_t good = 0;
    for (uint8_t i = 0; i < 50; i++) {
        uint8_t hash[32] = {i, 1};
        uint8_t sig[CT_SIG_LEN];
        good += ct_wallet_sign(sig, wallet, hash) == CT_OK;
    }
    return good == 50 ? arg : NULL;
}

static void threads_sign_at_once(void)
{
    struct ct_hsm *hsm = NULL;
    struct ct_wallet wallet;
    pthread_t threads[4];
    REQUIRE(ct_hsm_open(&hsm, &wallet, "pkcs11:token=wm;object=approver" QUERY, &pin, NULL) ==
            CT_OK);
    for (size_t i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, sign_many, &wallet) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        CHECK(pthread_join(threads[i], &result) == 0 && result == &wallet);
    }
    ct_hsm_close(hsm);
}

static void own_key_is_found_by_its_source(void)
{
    struct ct_own_key key;
    struct ct_wallet raw;
    struct ct_why why = {""};
    char pin_path[128];
    char raw_path[128];
    (void)snprintf(pin_path, sizeof(pin_path), "%s/pin", dir.path);
    (void)snprintf(raw_path, sizeof(raw_path), "%s/raw.key", dir.path);
    CHECK_EQ(ct_file_write(pin_path, "1234\n", 5, 0600, &why), CT_OK);
    CHECK_EQ(ct_wallet_load_or_create(&raw, NULL, raw_path, &why), CT_OK);
    CHECK_EQ(ct_own_key_open(&key, raw_path, NULL, &why), CT_OK);
    CHECK_MEM(key.wallet.addr20, raw.addr20, 20);
    ct_own_key_close(&key);
    CHECK_EQ(ct_own_key_open(&key, "pkcs11:token=wm;id=%01" QUERY, pin_path, &why), CT_OK);
    CHECK(key.hsm != NULL);
    ct_own_key_close(&key);
    CHECK_EQ(ct_own_key_open(&key, "pkcs11:token=wm;id=%01" QUERY, NULL, &why), CT_ERR_CONFIG);
    CHECK(strstr(why.text, "PIN") != NULL);
}

static const struct ct_test tests[] = {
    CT_TEST(each_attribute_is_read_once_and_no_other_is),
    CT_TEST(key_in_a_token_signs_as_a_wallet_does),
    CT_TEST(two_keys_of_one_token_are_open_at_once),
    CT_TEST(what_is_not_there_or_not_alone_is_told),
    CT_TEST(lost_session_is_opened_anew),
    CT_TEST(threads_sign_at_once),
    CT_TEST(own_key_is_found_by_its_source),
};

int main(void)
{
    int code = 1;
    if (temp_dir_make(&dir) && prepare()) {
        code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    }
    temp_dir_empty(dir.path, 3);
    temp_dir_remove(&dir);
    return code;
}
