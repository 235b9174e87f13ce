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

ct_err ct_paid_already(bool *out, struct ct_chain *chain, const struct ct_view *view,
                       const struct ct_op *op, struct ct_why *why)
{
    uint8_t to20[20];
    struct ct_u256 amount, has;
    uint64_t nonce = 0;
    *out = false;
    if (op->kind != CT_OP_FUND || ct_op_get_payment(to20, &amount, op) != CT_OK) {
        return CT_OK; /* a damaged one fails by itself when its turn comes */
    }
    ct_err err = ct_paid_account(chain, view, to20, &nonce, &has, why);
    if (err == CT_OK) {
        *out = nonce > 0 || ct_u256_cmp(&has, &amount) >= 0;
    }
    return err;
}
