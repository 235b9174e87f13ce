/* EIP-1559 transactions: byte for byte ethers', and decoding that takes nothing else. */
/* links: ct_testchain ct_chain ct_base */
#include "chain/tx.h"

#include <stdlib.h>

#include "chain/keccak.h"
#include "chain/rlp.h"
#include "ct_test.h"
#include "vectors.h"

static struct ct_u256 number(const struct ct_json *tx, const char *key)
{
    struct ct_u256 out = {{0}};
    int64_t small = 0;
    size_t len = 0;
    if (ct_json_int(&small, ct_json_get(tx, key)) == CT_OK) {
        return ct_u256_from_u64((uint64_t)small);
    }
    uint8_t *data = ct_vectors_bytes(tx, key, &len);
    if (len <= 32) {
        memcpy(out.be + 32 - len, data, len);
    }
    free(data);
    return out;
}

static uint64_t small(const struct ct_json *tx, const char *key)
{
    struct ct_u256 wide = number(tx, key);
    uint64_t out = 0;
    CHECK_EQ(ct_u256_to_u64(&out, &wide), CT_OK);
    return out;
}

static void put_entry(struct ct_wr *w, const struct ct_json *entry)
{
    const struct ct_json *keys = ct_json_get(entry, "storageKeys");
    size_t count = ct_json_count(keys);
    uint8_t key[32];
    CHECK_EQ(ct_json_fixed(key, 20, ct_json_get(entry, "address")), CT_OK);
    struct ct_wr inner = ct_wr_init(NULL, 0);
    ct_rlp_list_head(&inner, count * 33);
    ct_rlp_list_head(w, 21 + inner.len + count * 33);
    ct_rlp_bytes(w, key, 20);
    ct_rlp_list_head(w, count * 33);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(ct_json_fixed(key, 32, ct_json_at(keys, i)), CT_OK);
        ct_rlp_bytes(w, key, 32);
    }
}

static size_t access_list(uint8_t *buf, size_t cap, const struct ct_json *list)
{
    struct ct_wr count = ct_wr_init(NULL, 0);
    for (size_t i = 0; i < ct_json_count(list); i++) {
        put_entry(&count, ct_json_at(list, i));
    }
    struct ct_wr w = ct_wr_init(buf, cap);
    ct_rlp_list_head(&w, count.len);
    for (size_t i = 0; i < ct_json_count(list); i++) {
        put_entry(&w, ct_json_at(list, i));
    }
    CHECK_EQ(ct_wr_end(&w), CT_OK);
    return w.len;
}

static void check_decoding(const uint8_t *raw, size_t len, const struct ct_wallet *wallet)
{
    struct ct_tx back;
    uint8_t sig[CT_SIG_LEN];
    uint8_t from[20];
    uint8_t again[8192];
    REQUIRE(ct_tx_read_signed(&back, sig, from, raw, len) == CT_OK);
    CHECK_MEM(from, wallet->addr20, 20);
    struct ct_wr w = ct_wr_init(again, sizeof(again));
    ct_tx_write_signed(&w, &back, sig);
    CHECK_EQ(w.len, len);
    CHECK_MEM(again, raw, len);
}

static void check_one(const struct ct_json *one)
{
    const struct ct_json *fields = ct_json_get(one, "tx");
    struct ct_tx tx = {0};
    struct ct_secret32 secret;
    struct ct_wallet wallet;
    uint8_t list[4096];
    uint8_t out[8192];
    uint8_t hash[32];
    size_t want_len = 0;
    size_t len = 0;
    uint8_t *data = ct_vectors_bytes(fields, "data", &tx.data_len);
    uint8_t *plain = ct_vectors_bytes(one, "unsigned", &want_len);
    tx.chain_id = small(fields, "chainId");
    tx.nonce = small(fields, "nonce");
    tx.gas_limit = small(fields, "gasLimit");
    tx.max_fee_wei = number(fields, "maxFeePerGas");
    tx.max_priority_fee_wei = number(fields, "maxPriorityFeePerGas");
    tx.value_wei = number(fields, "value");
    tx.creates = ct_json_fixed(tx.to20, 20, ct_json_get(fields, "to")) != CT_OK;
    tx.data = data;
    tx.access_list = list;
    tx.access_list_len = access_list(list, sizeof(list), ct_json_get(fields, "accessList"));

    struct ct_wr w = ct_wr_init(out, sizeof(out));
    ct_tx_write_unsigned(&w, &tx);
    CHECK_EQ(w.len, want_len);
    CHECK_MEM(out, plain, want_len);
    free(plain);
    plain = ct_vectors_bytes(one, "signed", &want_len);
    CHECK_EQ(ct_json_fixed(secret.bytes, 32, ct_json_get(one, "key")), CT_OK);
    CHECK_EQ(ct_wallet_from_secret(&wallet, &secret), CT_OK);
    CHECK_EQ(ct_tx_sign(out, ct_tx_room(&tx), &len, hash, &tx, &wallet), CT_OK);
    CHECK_EQ(len, want_len);
    CHECK_MEM(out, plain, want_len);
    check_decoding(plain, want_len, &wallet);
    free(plain);
    free(data);
}

static void npm_transactions_are_byte_identical(void)
{
    struct ct_json *all =
        ct_vectors_npm("@ethersproject/testcases/testcases/typed-transactions.json.gz");
    size_t checked = 0;
    REQUIRE(all != NULL);
    for (size_t i = 0; i < ct_json_count(all); i++) {
        const struct ct_json *one = ct_json_at(all, i);
        int64_t type = 0;
        if (ct_json_int(&type, ct_json_get(ct_json_get(one, "tx"), "type")) == CT_OK && type == 2) {
            check_one(one);
            checked++;
        }
    }
    CHECK_EQ(checked, 1024);
    ct_json_free(all);
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

static const struct ct_test tests[] = {
    CT_TEST(npm_transactions_are_byte_identical),
    CT_TEST(cut_or_changed_transactions_never_decode_to_the_signer),
};
CT_TEST_MAIN(tests)
