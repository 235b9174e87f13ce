/* Was a wallet paid, whatever the store says: by its proven nonce and balance. */
#ifndef CT_WM_PAID_H
#define CT_WM_PAID_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "chain/u256.h"
#include "store/store.h"
#include "tx/ops.h"

#define CT_PAID_ALREADY "the store was restored, and the wallet had been paid"
#define CT_PAID_UNCLEAR                                                                       \
    "whether this was paid cannot be told: the store was restored or somebody else used the " \
    "funder's key, and the wallet has spent ether since; ask again if it still lacks some"

/* An account at the view; zeros when there is none. */
CT_MUST_USE ct_err ct_paid_account(struct ct_chain *chain, const struct ct_view *view,
                                   const uint8_t addr20[20], uint64_t *nonce, struct ct_u256 *wei,
                                   struct ct_why *why);
enum ct_paid {
    CT_PAID_NOT,
    CT_PAID_DONE,
    CT_PAID_UNKNOWN, /* it spent something, of what it had or of what it was paid */
};

/*
 * By what the wallet was at the promise, and is. Ether by somebody else counts as paid, too: the
 * safe side. Where the promise is of an earlier version and says nothing of that, any wallet that
 * has sent counts as paid.
 */
enum ct_paid ct_paid_of(const struct ct_u256 *amount, const struct ct_op_before *before,
                        uint64_t nonce, const struct ct_u256 *has_wei);
/* The same, asked of the chain. Not for what is no payment. */
CT_MUST_USE ct_err ct_paid_already(enum ct_paid *out, struct ct_chain *chain,
                                   const struct ct_view *view, const struct ct_op *op,
                                   struct ct_why *why);

#endif
