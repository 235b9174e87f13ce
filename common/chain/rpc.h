/* Questions that no proof answers: for writers, who see the outcome in proofs. */
#ifndef CT_CHAIN_RPC_H
#define CT_CHAIN_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "chain/node_said.h"
#include "chain/u256.h"

/*
 * Each call asks the bundle's endpoints until enough have answered (k for numbers that money or a
 * nonce hangs on), those last that failed last time, and none that the last view refused. CT_ERR_IO
 * when none did, CT_ERR_CHAIN when no answer can be used, CT_ERR_REFUSED when two endpoints (or the
 * only one) say that the call reverts: the sentence then has the registry's reason in words.
 */
CT_MUST_USE ct_err ct_rpc_chain_id(struct ct_chain *chain, uint64_t *out, struct ct_why *why);
/* The lowest of k. */
CT_MUST_USE ct_err ct_rpc_block_number(struct ct_chain *chain, uint64_t *out, struct ct_why *why);
/* The lowest of k; pending counts the transactions that wait, too. */
CT_MUST_USE ct_err ct_rpc_nonce(struct ct_chain *chain, const uint8_t addr20[20], bool pending,
                                uint64_t *out, struct ct_why *why);
/* The highest of k. */
CT_MUST_USE ct_err ct_rpc_balance(struct ct_chain *chain, const uint8_t addr20[20],
                                  struct ct_u256 *out_wei, struct ct_why *why);
/*
 * Wei a unit of gas: tip as suggested (at least 1, at most 20 gwei), max fee = 2 * base fee + tip;
 * both as k endpoints name them at least, so that fewer cannot raise them. All are asked when the
 * first k differ by more than a factor of two.
 */
CT_MUST_USE ct_err ct_rpc_fees(struct ct_chain *chain, struct ct_u256 *max_fee_wei,
                               struct ct_u256 *priority_wei, struct ct_why *why);

struct ct_rpc_tx { /* what eth_call and eth_estimateGas are asked */
    const uint8_t *from20;
    const uint8_t *to20; /* NULL: a contract creation */
    struct ct_u256 value_wei;
    const uint8_t *data;
    size_t data_len;
    uint64_t gas; /* of eth_call: no more than this; 0: what a node gives */
};
/* The highest of k, at most 30 million. */
CT_MUST_USE ct_err ct_rpc_estimate_gas(struct ct_chain *chain, const struct ct_rpc_tx *tx,
                                       uint64_t *out, struct ct_why *why);
/* What k endpoints say alike; out is undefined after an error. CT_ERR_QUORUM: fewer do.
 * CT_ERR_ROOM: what the call returns is longer than cap. */
CT_MUST_USE ct_err ct_rpc_call(struct ct_chain *chain, const struct ct_rpc_tx *tx, uint8_t *out,
                               size_t cap, size_t *len, struct ct_why *why);
/*
 * Sent to endpoints until two have taken it: have told its hash, or know it already. The latter is
 * anybody's word and counts only beside the former, or from k endpoints.
 */
CT_MUST_USE ct_err ct_rpc_send_raw(struct ct_chain *chain, const uint8_t *tx, size_t len,
                                   struct ct_why *why);
/* The same; *said is what two endpoints (or the only one) mean by refusing it. */
CT_MUST_USE ct_err ct_rpc_offer(struct ct_chain *chain, const uint8_t *tx, size_t len,
                                enum ct_node_said *said, struct ct_why *why);

struct ct_receipt_log {
    uint8_t addr20[20];
    uint8_t topics[4][32];
    size_t topic_count;
    uint8_t data[256];
    size_t data_len; /* longer data is cut */
};

struct ct_receipt {
    bool found;    /* false: k endpoints do not tell one receipt (yet); of the rest only disputed is
                      set */
    bool disputed; /* some endpoint tells a receipt, and not k the same */
    bool succeeded;
    uint64_t block_number;
    uint8_t block_hash32[32];
    uint64_t gas_used;
    struct ct_u256 gas_price_wei; /* effective */
    bool created;                 /* contract20 is set */
    uint8_t contract20[20];
    struct ct_receipt_log *logs; /* owned; ct_receipt_free() */
    size_t log_count;            /* at most 1024 */
};
/* Block, outcome and events as k endpoints tell them alike; the cost as one of these does. */
CT_MUST_USE ct_err ct_rpc_receipt(struct ct_chain *chain, const uint8_t tx_hash32[32],
                                  struct ct_receipt *out, struct ct_why *why);
void ct_receipt_free(struct ct_receipt *receipt);

#endif
