/* Transactions: byte for byte ethers', and a decoder of EIP-1559 that takes nothing else. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/tx.h"

#include <stdlib.h>

#include "base/hex.h"
#include "chain/keccak.h"
#include "chain/rlp.h"
#include "ct_test.h"
#include "tx_old.h"
#include "vectors.h"

static uint64_t small(const struct ct_json *tx, const char *key)
{
    struct ct_u256 wide = ct_vectors_number(tx, key);
    uint64_t out = 0;
    CHECK_EQ(ct_u256_to_u64(&out, &wide), CT_OK);
    return out;
}

/* Is what w wrote the bytes of the vector's member? */
static bool is_member(const struct ct_wr *w, const struct ct_json *one, const char *key)
{
    size_t len = 0;
    uint8_t *want = ct_vectors_bytes(one, key, &len);
    bool same = ct_wr_end(w) == CT_OK && w->len == len && memcmp(w->buf, want, len) == 0;
    free(want);
    return same;
}

/* Decodes to the signer, and encodes to the same bytes again. */
static bool comes_back(const uint8_t *raw, size_t len, const struct ct_wallet *wallet)
{
    struct ct_tx back;
    uint8_t sig[CT_SIG_LEN];
    uint8_t from[20];
    uint8_t again[8192];
    if (ct_tx_read_signed(&back, sig, from, raw, len) != CT_OK ||
        memcmp(from, wallet->addr20, 20) != 0) {
        return false;
    }
    struct ct_wr w = ct_wr_init(again, sizeof(again));
    ct_tx_write_signed(&w, &back, sig);
    return w.len == len && memcmp(again, raw, len) == 0;
}

static bool type_2_holds(const struct ct_json *one, struct ct_tx *tx,
                         const struct ct_wallet *wallet)
{
    const struct ct_json *fields = ct_json_get(one, "tx");
    uint8_t out[8192];
    uint8_t hash[32];
    size_t len = 0;
    tx->chain_id = small(fields, "chainId");
    tx->nonce = small(fields, "nonce");
    tx->gas_limit = small(fields, "gasLimit");
    tx->max_fee_wei = ct_vectors_number(fields, "maxFeePerGas");
    tx->max_priority_fee_wei = ct_vectors_number(fields, "maxPriorityFeePerGas");
    tx->value_wei = ct_vectors_number(fields, "value");
    tx->creates = ct_json_fixed(tx->to20, 20, ct_json_get(fields, "to")) != CT_OK;
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_tx_write_unsigned(&w, tx);
    if (!is_member(&w, one, "unsigned") ||
        ct_tx_sign(out, ct_tx_room(tx), &len, hash, tx, wallet) != CT_OK) {
        return false;
    }
    w.len = len;
    return is_member(&w, one, "signed") && comes_back(out, len, wallet);
}

/* Signed as it would be sent; not taken by our decoder, which knows one type. */
static bool old_holds(const struct ct_tx_old *tx, const struct ct_json *one, const char *plain,
                      const char *sent, const struct ct_wallet *wallet)
{
    struct ct_tx other;
    uint8_t out[8192];
    uint8_t hash[32];
    uint8_t from[20];
    uint8_t sig[CT_SIG_LEN];
    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_tx_old_write(&w, tx, NULL);
    ct_keccak256(hash, out, w.len);
    if (!is_member(&w, one, plain) || ct_wallet_sign(sig, wallet, hash) != CT_OK) {
        return false;
    }
    w = ct_wr_init(out, sizeof(out));
    ct_tx_old_write(&w, tx, sig);
    return is_member(&w, one, sent) &&
           ct_tx_read_signed(&other, sig, from, out, w.len) == CT_ERR_FORMAT;
}

static void read_old(struct ct_tx_old *tx, const struct ct_json *fields)
{
    tx->nonce = ct_vectors_number(fields, "nonce");
    tx->gas_price = ct_vectors_number(fields, "gasPrice");
    tx->gas_limit = ct_vectors_number(fields, "gasLimit");
    tx->value = ct_vectors_number(fields, "value");
    tx->creates = ct_json_fixed(tx->to20, 20, ct_json_get(fields, "to")) != CT_OK;
}

static bool typed_holds(const struct ct_json *one)
{
    const struct ct_json *fields = ct_json_get(one, "tx");
    struct ct_secret32 secret;
    struct ct_wallet wallet;
    int64_t type = 0;
    uint8_t list[4096];
    size_t len = 0;
    struct ct_wr w = ct_wr_init(list, sizeof(list));
    if (ct_json_fixed(secret.bytes, 32, ct_json_get(one, "key")) != CT_OK ||
        ct_wallet_from_secret(&wallet, &secret) != CT_OK ||
        ct_json_int(&type, ct_json_get(fields, "type")) != CT_OK ||
        !ct_tx_access_list(&w, ct_json_get(fields, "accessList")) || ct_wr_end(&w) != CT_OK) {
        return false;
    }
    uint8_t *data = ct_vectors_bytes(fields, "data", &len);
    bool good = false;
    if (type == 2) {
        struct ct_tx tx = {
            .data = data, .data_len = len, .access_list = list, .access_list_len = w.len};
        good = type_2_holds(one, &tx, &wallet);
    } else if (type == 1) {
        struct ct_tx_old tx = {.with_list = true,
                               .chain_id = small(fields, "chainId"),
                               .data = data,
                               .data_len = len,
                               .list = list,
                               .list_len = w.len};
        read_old(&tx, fields);
        good = old_holds(&tx, one, "unsigned", "signed", &wallet);
    }
    free(data);
    return good;
}

static void npm_typed_transactions_are_byte_identical(void)
{
    CHECK(ct_vectors_ethers("typed-transactions", 1792, typed_holds));
}

static bool legacy_comes_back(const struct ct_json *one, const char *key, const uint8_t addr20[20])
{
    struct ct_tx_old tx;
    uint8_t from[20];
    size_t len = 0;
    uint8_t *raw = ct_vectors_bytes(one, key, &len);
    bool good = ct_tx_old_read(&tx, from, raw, len) == CT_OK && memcmp(from, addr20, 20) == 0;
    free(raw);
    return good;
}

/* Before EIP-155, and for chain 5. */
static bool legacy_holds(const struct ct_json *one)
{
    struct ct_secret32 secret;
    struct ct_wallet wallet;
    struct ct_tx_old tx = {.chain_id = 0};
    if (ct_json_fixed(secret.bytes, 32, ct_json_get(one, "privateKey")) != CT_OK ||
        ct_wallet_from_secret(&wallet, &secret) != CT_OK) {
        return false;
    }
    uint8_t *data = ct_vectors_bytes(one, "data", &tx.data_len);
    tx.data = data;
    read_old(&tx, one);
    bool good = old_holds(&tx, one, "unsignedTransaction", "signedTransaction", &wallet);
    tx.chain_id = 5;
    good = good &&
           old_holds(&tx, one, "unsignedTransactionChainId5", "signedTransactionChainId5", &wallet);
    free(data);
    return good && legacy_comes_back(one, "signedTransaction", wallet.addr20) &&
           legacy_comes_back(one, "signedTransactionChainId5", wallet.addr20);
}

static void npm_legacy_transactions_are_byte_identical(void)
{
    CHECK(ct_vectors_ethers("transactions", 1067, legacy_holds));
}

/* A vector with a sender has it; one without, or with a high s (EIP-2), is refused. */
static bool ethereum_transaction_holds(const struct ct_json *one, const char *name)
{
    static const char half[] = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
    struct ct_tx_old tx;
    uint8_t from[20];
    uint8_t want[20];
    uint8_t most[32];
    size_t len = 0;
    uint8_t *raw = ct_vectors_bytes(one, "rlp", &len);
    struct ct_u256 s = ct_vectors_number(ct_json_get(one, "transaction"), "s");
    ct_err err = ct_tx_old_read(&tx, from, raw, len);
    free(raw);
    if (ct_unhex(want, 20, ct_vectors_text(one, "sender")) != CT_OK ||
        ct_unhex(most, 32, half) != CT_OK || memcmp(s.be, most, 32) > 0) {
        return err == CT_ERR_FORMAT || err == CT_ERR_AUTH;
    }
    if (err != CT_OK || memcmp(from, want, 20) != 0) {
        printf("    does not hold: %s\n", name);
        return false;
    }
    return true;
}

static void ethereum_tests_transactions_hold_or_are_refused(void)
{
    static const struct {
        const char *file;
        size_t count;
    } files[] = {{"ttTransactionTest", 33}, {"ttWrongRLPTransaction", 12}};
    for (size_t f = 0; f < 2; f++) {
        char path[128];
        size_t held = 0;
        size_t count = 0;
        const char *name;
        (void)snprintf(path, sizeof(path), "ethereum-tests/TransactionTests/%s.json",
                       files[f].file);
        struct ct_json *all = ct_vectors_npm(path);
        for (; (name = ct_json_key_at(all, count)) != NULL; count++) {
            held += ethereum_transaction_holds(ct_json_get(all, name), name);
        }
        printf("    %s: %zu of %zu\n", files[f].file, held, count);
        CHECK_EQ(held, files[f].count);
        CHECK_EQ(count, files[f].count);
        ct_json_free(all);
    }
}

static size_t sample(uint8_t *out, size_t cap, const struct ct_wallet *wallet)
{
    static const uint8_t data[70] = {0x95, 1, 2, 3};
    struct ct_tx tx = {.chain_id = 31337,
                       .nonce = 300,
                       .gas_limit = 21000,
                       .to20 = {1, 2, 3},
                       .data = data,
                       .data_len = sizeof(data)};
    uint8_t hash[32];
    size_t len = 0;
    tx.max_fee_wei = ct_u256_from_u64(3000000000u);
    tx.max_priority_fee_wei = ct_u256_from_u64(1);
    CHECK_EQ(ct_tx_sign(out, cap, &len, hash, &tx, wallet), CT_OK);
    return len;
}

static void cut_or_changed_transactions_never_decode_to_the_signer(void)
{
    struct ct_wallet wallet;
    struct ct_tx tx;
    uint8_t raw[512];
    uint8_t sig[CT_SIG_LEN];
    uint8_t from[20];
    REQUIRE(ct_wallet_new(&wallet) == CT_OK);
    size_t len = sample(raw, sizeof(raw), &wallet);
    for (size_t cut = 0; cut < len; cut++) {
        CHECK_EQ(ct_tx_read_signed(&tx, sig, from, raw, cut), CT_ERR_FORMAT);
    }
    raw[len] = 0;
    CHECK_EQ(ct_tx_read_signed(&tx, sig, from, raw, len + 1), CT_ERR_FORMAT);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ct_err err = ct_tx_read_signed(&tx, sig, from, raw, len);
        CHECK(err != CT_OK || memcmp(from, wallet.addr20, 20) != 0);
        raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* A signed transaction out of given encodings of its twelve fields. */
static ct_err read_fields_of(const char *const *fields, size_t count)
{
    uint8_t body[1024];
    uint8_t raw[1024];
    uint8_t sig[CT_SIG_LEN];
    struct ct_tx tx;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        if (ct_unhex_var(body + used, sizeof(body) - used, &len, fields[i], strlen(fields[i])) !=
            CT_OK) {
            return CT_ERR_ARG;
        }
        used += len;
    }
    struct ct_wr w = ct_wr_init(raw, sizeof(raw));
    ct_wr_u8(&w, 0x02);
    ct_rlp_list_head(&w, used);
    ct_wr_bytes(&w, body, used);
    return ct_tx_read_signed(&tx, sig, NULL, raw, w.len);
}

static void other_forms_of_a_field_are_refused(void)
{
    static const char r32[] = "a079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    static const char s32[] = "a03333333333333333333333333333333333333333333333333333333333333333";
    static const char order[] =
        "a0fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    static const char half_up[] =
        "a07fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1";
    static const char half[] = "a07fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
    static const char wide[] =
        "a1010000000000000000000000000000000000000000000000000000000000000000";
    static const char *const good[12] = {
        "01", "80", "80", "01", "825208", "941111111111111111111111111111111111111111",
        "80", "80", "c0", "80", r32,      s32};
    static const struct {
        const char *what;
        size_t field;
        const char *form;
        ct_err err;
    } forms[] = {
        {"a zero written as a byte", 1, "00", CT_ERR_FORMAT},
        {"a byte below 0x80 with a head", 0, "8101", CT_ERR_FORMAT},
        {"a leading zero", 4, "83005208", CT_ERR_FORMAT},
        {"a long head for a short length", 4, "b8025208", CT_ERR_FORMAT},
        {"a chain id of nine bytes", 0, "89010000000000000000", CT_ERR_FORMAT},
        {"a fee of 33 bytes", 3, wide, CT_ERR_FORMAT},
        {"a list for a number", 1, "c0", CT_ERR_FORMAT},
        {"an address of 19 bytes", 5, "9311111111111111111111111111111111111111", CT_ERR_FORMAT},
        {"an address of 21 bytes", 5, "95111111111111111111111111111111111111111111",
         CT_ERR_FORMAT},
        {"a list for data", 7, "c0", CT_ERR_FORMAT},
        {"a string for the access list", 8, "80", CT_ERR_FORMAT},
        {"an access list of something else", 8, "c101", CT_ERR_FORMAT},
        {"an entry without keys", 8, "d6d5941111111111111111111111111111111111111111",
         CT_ERR_FORMAT},
        {"a parity of 2", 9, "02", CT_ERR_FORMAT},
        {"a parity of 27", 9, "1b", CT_ERR_FORMAT},
        {"r with a leading zero", 10,
         "a00079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f817", CT_ERR_FORMAT},
        {"r of 33 bytes", 10, wide, CT_ERR_FORMAT},
        {"r zero", 10, "80", CT_ERR_AUTH},
        {"r the group order", 10, order, CT_ERR_AUTH},
        {"s zero", 11, "80", CT_ERR_AUTH},
        {"s the group order", 11, order, CT_ERR_AUTH},
        {"s one above half the order", 11, half_up, CT_ERR_AUTH},
        {"s half the order", 11, half, CT_OK},
        {"a parity of 1", 9, "01", CT_OK},
    };
    const char *fields[13];
    memcpy(fields, good, sizeof(good));
    fields[12] = "80";
    CHECK_EQ(read_fields_of(fields, 12), CT_OK);
    CHECK_EQ(read_fields_of(fields, 11), CT_ERR_FORMAT);
    CHECK_EQ(read_fields_of(fields, 13), CT_ERR_FORMAT);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *before = fields[forms[i].field];
        fields[forms[i].field] = forms[i].form;
        if (read_fields_of(fields, 12) != forms[i].err) {
            printf("    %s\n", forms[i].what);
            CHECK(false);
        }
        fields[forms[i].field] = before;
    }
}

static const struct ct_test tests[] = {
    CT_TEST(npm_typed_transactions_are_byte_identical),
    CT_TEST(npm_legacy_transactions_are_byte_identical),
    CT_TEST(ethereum_tests_transactions_hold_or_are_refused),
    CT_TEST(other_forms_of_a_field_are_refused),
    CT_TEST(cut_or_changed_transactions_never_decode_to_the_signer),
};
CT_TEST_MAIN(tests)
