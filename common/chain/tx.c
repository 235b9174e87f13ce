/* EIP-1559: 0x02 | rlp(chain id, nonce, tip, max fee, gas, to, value, data, access list, sig). */
#include "chain/tx.h"

#include <string.h>

#include "chain/keccak.h"
#include "chain/rlp.h"
#include "chain/span.h"

enum { TX_TYPE = 0x02, HEAD_ROOM = 192 /* all fields before data, at their longest */ };

static const uint8_t empty_list[1] = {0xc0};

static void write_before_data(struct ct_wr *w, const struct ct_tx *tx)
{
    ct_rlp_u64(w, tx->chain_id);
    ct_rlp_u64(w, tx->nonce);
    ct_rlp_u256(w, &tx->max_priority_fee_wei);
    ct_rlp_u256(w, &tx->max_fee_wei);
    ct_rlp_u64(w, tx->gas_limit);
    ct_rlp_bytes(w, tx->to20, tx->creates ? 0 : 20);
    ct_rlp_u256(w, &tx->value_wei);
}

static struct ct_span access_list(const struct ct_tx *tx)
{
    if (tx->access_list != NULL) {
        return (struct ct_span){tx->access_list, tx->access_list_len};
    }
    return (struct ct_span){empty_list, sizeof(empty_list)};
}

static void write_fields(struct ct_wr *w, const struct ct_tx *tx)
{
    struct ct_span list = access_list(tx);
    write_before_data(w, tx);
    ct_rlp_bytes(w, tx->data, tx->data_len);
    ct_wr_bytes(w, list.data, list.len);
}

static void write_signature(struct ct_wr *w, const uint8_t sig65[CT_SIG_LEN])
{
    struct ct_u256 r;
    struct ct_u256 s;
    memcpy(r.be, sig65, 32);
    memcpy(s.be, sig65 + 32, 32);
    ct_rlp_u64(w, sig65[64] - 27u);
    ct_rlp_u256(w, &r);
    ct_rlp_u256(w, &s);
}

void ct_tx_write_unsigned(struct ct_wr *w, const struct ct_tx *tx)
{
    struct ct_wr count = ct_wr_init(NULL, 0);
    write_fields(&count, tx);
    ct_wr_u8(w, TX_TYPE);
    ct_rlp_list_head(w, count.len);
    write_fields(w, tx);
}

void ct_tx_write_signed(struct ct_wr *w, const struct ct_tx *tx, const uint8_t sig65[CT_SIG_LEN])
{
    struct ct_wr count = ct_wr_init(NULL, 0);
    write_fields(&count, tx);
    write_signature(&count, sig65);
    ct_wr_u8(w, TX_TYPE);
    ct_rlp_list_head(w, count.len);
    write_fields(w, tx);
    write_signature(w, sig65);
}

/* The unsigned bytes again, hashed where they lie: data may be long and is not copied. */
void ct_tx_sighash(uint8_t out32[32], const struct ct_tx *tx)
{
    uint8_t head[HEAD_ROOM];
    struct ct_wr count = ct_wr_init(NULL, 0);
    struct ct_wr w = ct_wr_init(head, sizeof(head));
    struct ct_span list = access_list(tx);
    struct ct_keccak k;
    write_fields(&count, tx);
    ct_wr_u8(&w, TX_TYPE);
    ct_rlp_list_head(&w, count.len);
    write_before_data(&w, tx);
    ct_rlp_bytes_head(&w, tx->data, tx->data_len);
    ct_keccak_init(&k);
    ct_keccak_update(&k, head, w.len);
    ct_keccak_update(&k, tx->data, tx->data_len);
    ct_keccak_update(&k, list.data, list.len);
    ct_keccak_final(&k, out32);
}

size_t ct_tx_room(const struct ct_tx *tx)
{
    return HEAD_ROOM + tx->data_len + tx->access_list_len + 96 /* list, data head, signature */;
}

ct_err ct_tx_sign(uint8_t *out, size_t cap, size_t *len, uint8_t hash32[32], const struct ct_tx *tx,
                  const struct ct_wallet *wallet)
{
    uint8_t digest[32];
    uint8_t sig[CT_SIG_LEN];
    ct_tx_sighash(digest, tx);
    ct_err err = ct_wallet_sign(sig, wallet, digest);
    if (err != CT_OK) {
        return err;
    }
    struct ct_wr w = ct_wr_init(out, cap);
    ct_tx_write_signed(&w, tx, sig);
    err = ct_wr_end(&w);
    if (err == CT_OK) {
        *len = w.len;
        ct_keccak256(hash32, out, w.len);
    }
    return err;
}

/* [[address, [storage key, ..]], ..], EIP-2930. */
static struct ct_span read_access_list(struct ct_rd *r)
{
    struct ct_rlp_item whole = ct_rlp_next(r);
    struct ct_rd entries = ct_rd_init(whole.data, whole.len);
    uint8_t skipped[32];
    if (!whole.is_list) {
        r->bad = true;
    }
    while (!r->bad && entries.left > 0) {
        struct ct_rd entry = ct_rlp_next_list(&entries);
        ct_rlp_next_fixed(&entry, skipped, 20);
        struct ct_rd keys = ct_rlp_next_list(&entry);
        while (!keys.bad && keys.left > 0) {
            ct_rlp_next_fixed(&keys, skipped, 32);
        }
        if (keys.bad || ct_rd_end(&entry) != CT_OK) {
            r->bad = true;
        }
    }
    return (struct ct_span){whole.whole, whole.whole_len};
}

static void read_fields(struct ct_tx *tx, struct ct_rd *r)
{
    tx->chain_id = ct_rlp_next_u64(r);
    tx->nonce = ct_rlp_next_u64(r);
    tx->max_priority_fee_wei = ct_rlp_next_u256(r);
    tx->max_fee_wei = ct_rlp_next_u256(r);
    tx->gas_limit = ct_rlp_next_u64(r);
    struct ct_rlp_item to = ct_rlp_next(r);
    if (to.is_list || (to.len != 0 && to.len != 20)) {
        r->bad = true;
    }
    tx->creates = to.len == 0;
    if (!r->bad && !tx->creates) {
        memcpy(tx->to20, to.data, 20);
    }
    tx->value_wei = ct_rlp_next_u256(r);
    struct ct_rlp_item data = ct_rlp_next(r);
    if (data.is_list) {
        r->bad = true;
    }
    tx->data = data.data;
    tx->data_len = data.len;
    struct ct_span list = read_access_list(r);
    tx->access_list = list.data;
    tx->access_list_len = list.len;
}

ct_err ct_tx_read_signed(struct ct_tx *out, uint8_t sig65[CT_SIG_LEN], uint8_t from20[20],
                         const uint8_t *data, size_t len)
{
    struct ct_tx tx = {0};
    uint8_t sig[CT_SIG_LEN];
    uint8_t digest[32];
    uint8_t from[20];
    struct ct_rd r = ct_rd_init(data, len);
    if (ct_rd_u8(&r) != TX_TYPE) {
        return CT_ERR_FORMAT;
    }
    struct ct_rd fields = ct_rlp_next_list(&r);
    read_fields(&tx, &fields);
    uint64_t parity = ct_rlp_next_u64(&fields);
    struct ct_u256 sig_r = ct_rlp_next_u256(&fields);
    struct ct_u256 sig_s = ct_rlp_next_u256(&fields);
    if (ct_rd_end(&fields) != CT_OK || ct_rd_end(&r) != CT_OK || parity > 1) {
        return CT_ERR_FORMAT;
    }
    memcpy(sig, sig_r.be, 32);
    memcpy(sig + 32, sig_s.be, 32);
    sig[64] = (uint8_t)(27 + parity);
    ct_tx_sighash(digest, &tx);
    ct_err err = ct_sig_recover(from, digest, sig);
    if (err != CT_OK) {
        return err;
    }
    *out = tx;
    memcpy(sig65, sig, sizeof(sig));
    if (from20 != NULL) {
        memcpy(from20, from, 20);
    }
    return CT_OK;
}
