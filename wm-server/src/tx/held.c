/* Operations that must wait for others: a name is written anew once its old record is revoked. */
#include "tx/held.h"

static bool is_held(struct ct_store *store, const struct ct_op *op)
{
    struct ct_op other;
    return op->kind == CT_OP_REGISTER &&
           store->ops->op_under_way(store, CT_OP_REVOKE_DEVICE, op->subject, &other) !=
               CT_ERR_NOT_FOUND;
}

size_t ct_ops_not_held(struct ct_store *store, struct ct_op *ops, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_held(store, &ops[i])) {
            ops[kept++] = ops[i];
        }
    }
    return kept;
}
