/* Operations that must wait for others: a name is written anew once its old record is revoked. */
#include "tx/held.h"

#include <stdlib.h>
#include <string.h>

/* How far behind those that are held the next one is looked for. */
enum { LOOK_MAX = 1024 };

/* CT_OK: it is; CT_ERR_NOT_FOUND: it is not. */
static ct_err is_held(struct ct_store *store, const struct ct_op *op)
{
    struct ct_op other;
    return op->kind != CT_OP_REGISTER
               ? CT_ERR_NOT_FOUND
               : store->ops->op_under_way(store, CT_OP_REVOKE_DEVICE, op->subject, &other);
}

/* The first `most` of them that are not held; a store that fails ends the search. */
static size_t pick(struct ct_store *store, struct ct_op *out, size_t most, const struct ct_op *from,
                   size_t count)
{
    size_t kept = 0;
    ct_err err = CT_OK;
    for (size_t i = 0; i < count && kept < most && (err == CT_OK || err == CT_ERR_NOT_FOUND); i++) {
        err = is_held(store, &from[i]);
        if (err == CT_ERR_NOT_FOUND) {
            memmove(&out[kept++], &from[i], sizeof out[0]);
        }
    }
    return kept;
}

static size_t look_further(struct ct_store *store, unsigned kind, struct ct_op *ops, size_t most)
{
    size_t count = 0;
    size_t kept = 0;
    struct ct_op *all = calloc(LOOK_MAX, sizeof *all);
    if (all != NULL &&
        store->ops->op_list(store, CT_OP_QUEUED, kind, all, LOOK_MAX, &count) == CT_OK &&
        count > most) {
        kept = pick(store, ops, most, &all[most], count - most);
    }
    free(all);
    return kept;
}

size_t ct_ops_next(struct ct_store *store, unsigned kind, struct ct_op *ops, size_t most)
{
    size_t count = 0;
    if (store->ops->op_list(store, CT_OP_QUEUED, kind, ops, most, &count) != CT_OK) {
        return 0;
    }
    size_t kept = pick(store, ops, most, ops, count);
    return kept == 0 && count == most ? look_further(store, kind, ops, most) : kept;
}
