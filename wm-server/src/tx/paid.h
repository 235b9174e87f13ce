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

#define CT_PAID_ALREADY "the store was restored, and the wallet had been paid"

/* An account at the view; zeros when there is none. */
CT_MUST_USE ct_err ct_paid_account(struct ct_chain *chain, const struct ct_view *view,
                                   const uint8_t addr20[20], uint64_t *nonce, struct ct_u256 *wei,
                                   struct ct_why *why);
/*
 * Does the wallet have what this payment was to bring, or has it sent anything? Whoever was sent
 * ether by somebody else counts as paid, too: the safe side. False for what is no payment.
 */
CT_MUST_USE ct_err ct_paid_already(bool *out, struct ct_chain *chain, const struct ct_view *view,
                                   const struct ct_op *op, struct ct_why *why);

#endif
