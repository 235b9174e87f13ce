/* EIP-1559 transactions (type 2): encode, hash, sign, and decode what is signed, strictly. */
#ifndef CT_CHAIN_TX_H
#define CT_CHAIN_TX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "chain/key.h"
#include "chain/u256.h"

struct ct_tx {
    uint64_t chain_id;
    uint64_t nonce;
    struct ct_u256 max_priority_fee_wei; /* a unit of gas */
    struct ct_u256 max_fee_wei;          /* a unit of gas */
    uint64_t gas_limit;
    bool creates; /* a contract creation: to20 does not matter */
    uint8_t to20[20];
    struct ct_u256 value_wei;
    const uint8_t *data; /* borrowed */
    size_t data_len;
    const uint8_t
        *access_list; /* borrowed, an encoded RLP list (EIP-2930); NULL is the empty one */
    size_t access_list_len;
};

/* 0x02 | rlp(nine fields): what is hashed and signed. */
void ct_tx_write_unsigned(struct ct_wr *w, const struct ct_tx *tx);
/* 0x02 | rlp(nine fields, y parity, r, s): what eth_sendRawTransaction takes. */
void ct_tx_write_signed(struct ct_wr *w, const struct ct_tx *tx, const uint8_t sig65[CT_SIG_LEN]);
/* keccak256 of the unsigned bytes. */
void ct_tx_sighash(uint8_t out32[32], const struct ct_tx *tx);
/* Room that any signed form of tx fits in. */
size_t ct_tx_room(const struct ct_tx *tx);
/*
 * Signs; out gets the signed bytes (cap from ct_tx_room), hash32 the transaction's hash.
 * CT_ERR_ROOM, or the errors of ct_wallet_sign().
 */
CT_MUST_USE ct_err ct_tx_sign(uint8_t *out, size_t cap, size_t *len, uint8_t hash32[32],
                              const struct ct_tx *tx, const struct ct_wallet *wallet);
/*
 * Decodes signed bytes; data and access_list point into them. from20 (may be NULL) is the signer.
 * CT_ERR_FORMAT for anything that would not encode back to the same bytes, CT_ERR_AUTH for a
 * signature that recovers to nobody or has a high s.
 */
CT_MUST_USE ct_err ct_tx_read_signed(struct ct_tx *out, uint8_t sig65[CT_SIG_LEN],
                                     uint8_t from20[20], const uint8_t *data, size_t len);

#endif
