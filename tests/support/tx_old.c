/* The older transactions, by the RLP and the signatures of common/chain. */
#include "tx_old.h"

#include <string.h>

#include "chain/keccak.h"
#include "chain/rlp.h"

static void write_fields(struct ct_wr *w, const struct ct_tx_old *tx, const uint8_t *sig65)
{
    struct ct_u256 r = {{0}};
    struct ct_u256 s = {{0}};
    uint64_t v = tx->with_list ? 0 : tx->chain_id; /* EIP-155 signs (chain id, 0, 0) */
    if (tx->with_list) {
        ct_rlp_u64(w, tx->chain_id);
    }
    ct_rlp_u256(w, &tx->nonce);
    ct_rlp_u256(w, &tx->gas_price);
    ct_rlp_u256(w, &tx->gas_limit);
    ct_rlp_bytes(w, tx->to20, tx->creates ? 0 : 20);
    ct_rlp_u256(w, &tx->value);
    ct_rlp_bytes(w, tx->data, tx->data_len);
    if (tx->with_list) {
        ct_wr_bytes(w, tx->list, tx->list_len);
    }
    if (sig65 != NULL) {
        uint64_t parity = sig65[64] - 27u;
        memcpy(r.be, sig65, 32);
        memcpy(s.be, sig65 + 32, 32);
        v = tx->with_list       ? parity
            : tx->chain_id == 0 ? 27 + parity
                                : 35 + 2 * tx->chain_id + parity;
    }
    if (sig65 != NULL || (!tx->with_list && tx->chain_id != 0)) {
        ct_rlp_u64(w, v);
        ct_rlp_u256(w, &r);
        ct_rlp_u256(w, &s);
    }
}

void ct_tx_old_write(struct ct_wr *w, const struct ct_tx_old *tx, const uint8_t *sig65)
{
    struct ct_wr count = ct_wr_init(NULL, 0);
    write_fields(&count, tx, sig65);
    if (tx->with_list) {
        ct_wr_u8(w, 0x01);
    }
    ct_rlp_list_head(w, count.len);
    write_fields(w, tx, sig65);
}

static void read_fields(struct ct_tx_old *tx, struct ct_rd *r)
{
    tx->nonce = ct_rlp_next_u256(r);
    tx->gas_price = ct_rlp_next_u256(r);
    tx->gas_limit = ct_rlp_next_u256(r);
    struct ct_rlp_item to = ct_rlp_next(r);
    if (to.is_list || (to.len != 0 && to.len != 20)) {
        r->bad = true;
    }
    tx->creates = to.len == 0;
    if (!r->bad && !tx->creates) {
        memcpy(tx->to20, to.data, 20);
    }
    tx->value = ct_rlp_next_u256(r);
    struct ct_rlp_item data = ct_rlp_next(r);
    r->bad = r->bad || data.is_list;
    tx->data = data.data;
    tx->data_len = data.len;
}

ct_err ct_tx_old_read(struct ct_tx_old *out, uint8_t from20[20], const uint8_t *data, size_t len)
{
    struct ct_tx_old tx = {.chain_id = 0};
    uint8_t plain[4096];
    uint8_t hash[32];
    uint8_t sig[CT_SIG_LEN];
    struct ct_rd r = ct_rd_init(data, len);
    struct ct_rd fields = ct_rlp_next_list(&r);
    read_fields(&tx, &fields);
    uint64_t v = ct_rlp_next_u64(&fields);
    struct ct_u256 sig_r = ct_rlp_next_u256(&fields);
    struct ct_u256 sig_s = ct_rlp_next_u256(&fields);
    if (ct_rd_end(&fields) != CT_OK || ct_rd_end(&r) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    tx.chain_id = v >= 35 ? (v - 35) / 2 : 0;
    memcpy(sig, sig_r.be, 32);
    memcpy(sig + 32, sig_s.be, 32);
    sig[64] = (uint8_t)(v >= 35 ? 27 + (v - 35) % 2 : v > 255 ? 0 : v);
    struct ct_wr w = ct_wr_init(plain, sizeof(plain));
    ct_tx_old_write(&w, &tx, NULL);
    if (ct_wr_end(&w) != CT_OK) {
        return CT_ERR_ROOM;
    }
    ct_keccak256(hash, plain, w.len);
    *out = tx;
    return ct_sig_recover(from20, hash, sig);
}

static bool put_entry(struct ct_wr *w, const struct ct_json *entry)
{
    const struct ct_json *keys = ct_json_get(entry, "storageKeys");
    size_t count = ct_json_count(keys);
    uint8_t key[32];
    bool good = ct_json_fixed(key, 20, ct_json_get(entry, "address")) == CT_OK;
    struct ct_wr inner = ct_wr_init(NULL, 0);
    ct_rlp_list_head(&inner, count * 33);
    ct_rlp_list_head(w, 21 + inner.len + count * 33);
    ct_rlp_bytes(w, key, 20);
    ct_rlp_list_head(w, count * 33);
    for (size_t i = 0; good && i < count; i++) {
        good = ct_json_fixed(key, 32, ct_json_at(keys, i)) == CT_OK;
        ct_rlp_bytes(w, key, 32);
    }
    return good;
}

bool ct_tx_access_list(struct ct_wr *w, const struct ct_json *list)
{
    struct ct_wr count = ct_wr_init(NULL, 0);
    bool good = true;
    for (size_t i = 0; good && i < ct_json_count(list); i++) {
        good = put_entry(&count, ct_json_at(list, i));
    }
    ct_rlp_list_head(w, count.len);
    for (size_t i = 0; good && i < ct_json_count(list); i++) {
        good = put_entry(w, ct_json_at(list, i));
    }
    return good;
}
