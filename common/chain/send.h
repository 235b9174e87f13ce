/* A transaction from intent to receipt: nonce, fees, gas, signature, broadcast, confirmations. */
#ifndef CT_CHAIN_SEND_H
#define CT_CHAIN_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "chain/key.h"
#include "chain/rpc.h"
#include "chain/u256.h"

struct ct_send {
    const uint8_t *to20; /* NULL: a contract creation */
    struct ct_u256 value_wei;
    const uint8_t *data;
    size_t data_len;
    uint64_t gas_limit; /* 0: estimated, and a fifth on top */
    bool has_nonce;     /* false: the endpoint's pending count */
    uint64_t nonce;
};

/*
 * Signs with wallet and broadcasts. hash32 names the transaction; *nonce (may be NULL) is the one
 * used. Refuses to sign for a chain id other than the bundle's.
 *
 * CT_ERR_REFUSED  it would revert (nothing is sent; the sentence has the registry's reason)
 * CT_ERR_CHAIN    the endpoints refuse it: no ether (the sentence names the address to fund),
 *                 nonce in use..
 * CT_ERR_IO       no endpoint took it
 */
CT_MUST_USE ct_err ct_send(struct ct_chain *chain, const struct ct_wallet *wallet,
                           const struct ct_send *tx, uint8_t hash32[32], uint64_t *nonce,
                           struct ct_why *why);

/*
 * Waits, polling, until the transaction is in a block with confirmations - 1 blocks on top (0 and 1
 * alike: mined). Free out with ct_receipt_free(). A receipt is the word of k endpoints: read the
 * state that it should have made with chain.h or registry.h.
 *
 * CT_ERR_TIMEOUT  not mined in time; it may still be
 * CT_ERR_REFUSED  mined and reverted; out is set (and is to be freed) in this case, too
 */
CT_MUST_USE ct_err ct_send_wait(struct ct_chain *chain, const uint8_t hash32[32],
                                unsigned confirmations, uint32_t timeout_ms, struct ct_receipt *out,
                                struct ct_why *why);

/* Both of the above. */
CT_MUST_USE ct_err ct_send_and_wait(struct ct_chain *chain, const struct ct_wallet *wallet,
                                    const struct ct_send *tx, unsigned confirmations,
                                    uint32_t timeout_ms, struct ct_receipt *out,
                                    struct ct_why *why);

#endif
