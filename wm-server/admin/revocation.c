/* Revocations as the commands ask for them: put into the store, done by the running server. */
#include "revocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"

enum { WAIT_MS = 120000, ASK_MS = 200, UNTOUCHED_MS = 10000, PASSES_MAX = 256 };

ct_err admin_op_add(struct ct_store *store, enum ct_op_kind kind, const char *subject,
                    struct ct_op *op, struct ct_why *why)
{
    *op = (struct ct_op){.kind = kind, .state = CT_OP_QUEUED};
    (void)snprintf(op->subject, sizeof op->subject, "%s", subject);
    ct_err err = store->ops->op_add(store, op);
    return err == CT_OK ? CT_OK : ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

/* One that nobody touches means that no server runs. */
ct_err admin_op_await(struct ct_store *store, struct ct_op *op, struct ct_why *why)
{
    const struct timespec nap = {.tv_nsec = ASK_MS * 1000000L};
    uint64_t began_ms = ct_mono_ms();
    while (ct_mono_ms() - began_ms < WAIT_MS) {
        ct_err err = store->ops->op_find(store, op->id, op);
        if (err != CT_OK) {
            return ct_why(why, err, "the store failed: %s", ct_err_text(err));
        }
        if (op->state == CT_OP_DONE) {
            return CT_OK;
        }
        if (op->state == CT_OP_FAILED) {
            return ct_why(why, CT_ERR_REFUSED, "not done: %s", op->reason);
        }
        if (op->state == CT_OP_QUEUED && op->reason[0] == '\0' &&
            ct_mono_ms() - began_ms > UNTOUCHED_MS) {
            break;
        }
        (void)nanosleep(&nap, NULL);
    }
    return ct_why(why, CT_ERR_TIMEOUT,
                  "queued as operation %s, but not done yet%s%s; it is done as soon as wm-server "
                  "runs and the chain takes it",
                  op->id, op->reason[0] == '\0' ? "" : ": ", op->reason);
}

/* Those of one wallet, or of any. */
static ct_err list_passes(struct ct_store *store, const char *identity, const uint8_t *wallet20,
                          struct ct_pass_row *passes, size_t *count, struct ct_why *why)
{
    size_t all = 0;
    ct_err err = store->ops->pass_list(store, identity, ct_wall_s(), passes, PASSES_MAX, &all);
    if (err != CT_OK) {
        return ct_why(why, err, "the store failed: %s", ct_err_text(err));
    }
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        if (wallet20 == NULL || memcmp(passes[i].wallet20, wallet20, 20) == 0) {
            passes[(*count)++] = passes[i];
        }
    }
    return CT_OK;
}

ct_err admin_passes_revoke(struct ct_store *store, const char *identity, const uint8_t *wallet20,
                           struct ct_why *why)
{
    size_t count = 0;
    struct ct_op op;
    struct ct_pass_row *passes = calloc(PASSES_MAX, sizeof *passes);
    if (passes == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = list_passes(store, identity, wallet20, passes, &count, why);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        char id[33];
        ct_hex(id, passes[i].id16, sizeof passes[i].id16);
        err = admin_op_add(store, CT_OP_REVOKE_PASS, id, &op, why);
    }
    free(passes);
    return err;
}
