/* Transactions of the forms that our code never sends: legacy, EIP-155 and EIP-2930. */
#ifndef CT_TEST_TX_OLD_H
#define CT_TEST_TX_OLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "chain/json.h"
#include "chain/key.h"
#include "chain/u256.h"

struct ct_tx_old {
    bool with_list;    /* EIP-2930, and the access list is written */
    uint64_t chain_id; /* 0 for a legacy transaction of before EIP-155 */
    struct ct_u256 nonce;
    struct ct_u256 gas_price;
    struct ct_u256 gas_limit;
    bool creates;
    uint8_t to20[20];
    struct ct_u256 value;
    const uint8_t *data; /* borrowed */
    size_t data_len;
    const uint8_t *list; /* borrowed: an encoded RLP list */
    size_t list_len;
};

/* What is hashed, with sig65 NULL, or what is sent. */
void ct_tx_old_write(struct ct_wr *w, const struct ct_tx_old *tx, const uint8_t *sig65);
/* A signed legacy transaction, strictly; CT_ERR_FORMAT, or CT_ERR_AUTH for its signature. */
CT_MUST_USE ct_err ct_tx_old_read(struct ct_tx_old *out, uint8_t from20[20], const uint8_t *data,
                                  size_t len);
/* [{"address": .., "storageKeys": [..]}, ..] as RLP; false when it is no such list. */
bool ct_tx_access_list(struct ct_wr *w, const struct ct_json *list);

#endif
