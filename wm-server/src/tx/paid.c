/* A payment held against the chain. */
#include "tx/paid.h"

#include <string.h>

#include "tx/ops.h"

ct_err ct_paid_account(struct ct_chain *chain, const struct ct_view *view, const uint8_t addr20[20],
                       uint64_t *nonce, struct ct_u256 *wei, struct ct_why *why)
{
    struct ct_account account;
    bool found = false;
    ct_err err = ct_chain_account(chain, view, addr20, &found, &account, why);
    if (err == CT_OK) {
        *nonce = found ? account.nonce : 0;
        *wei = ct_u256_from_u64(0);
        if (found) {
            memcpy(wei->be, account.balance_wei32, sizeof wei->be);
        }
    }
    return err;
}

enum ct_paid ct_paid_of(const struct ct_u256 *amount, const struct ct_op_before *before,
                        uint64_t nonce, const struct ct_u256 *has_wei)
{
    struct ct_u256 more;
    /* what is not known of before is zero */
    if (ct_u256_sub(&more, has_wei, &before->wei) == CT_OK && ct_u256_cmp(&more, amount) >= 0) {
        return CT_PAID_DONE;
    }
    if (nonce == before->nonce) {
        return CT_PAID_NOT; /* nothing was taken from it, and that was not added */
    }
    /* what had no ether and sent was given some */
    return !before->is_known || ct_u256_is_zero(&before->wei) ? CT_PAID_DONE : CT_PAID_UNKNOWN;
}

ct_err ct_paid_already(enum ct_paid *out, struct ct_chain *chain, const struct ct_view *view,
                       const struct ct_op *op, struct ct_why *why)
{
    uint8_t to20[20];
    struct ct_u256 amount, has;
    struct ct_op_before before;
    uint64_t nonce = 0;
    *out = CT_PAID_NOT;
    if (op->kind != CT_OP_FUND || ct_op_get_payment(to20, &amount, op) != CT_OK ||
        ct_op_get_before(&before, op) != CT_OK) {
        return CT_OK; /* a damaged one fails by itself when its turn comes */
    }
    ct_err err = ct_paid_account(chain, view, to20, &nonce, &has, why);
    if (err == CT_OK) {
        *out = ct_paid_of(&amount, &before, nonce, &has);
    }
    return err;
}
