/* What was paid for since a store was copied, found in the chain. */
#include "service/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain/key.h"
#include "chain/rpc.h"
#include "store/store_observed.h"
#include "tx/paid.h"

enum { OPS_MAX = 65536 };

struct restore {
    struct ct_store *store;
    struct ct_chain *chain;
    struct ct_view view;
    const struct ct_log *log;
    unsigned kept, paid, unclear;
};

static ct_err store_failed(struct ct_why *why, ct_err err)
{
    return ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

/* One payment that is not done in the store. */
static ct_err settle(struct restore *r, const struct ct_op *op, struct ct_why *why)
{
    enum ct_paid paid = CT_PAID_NOT;
    ct_err err = ct_paid_already(&paid, r->chain, &r->view, op, why);
    /* of one that was sent, its own transaction may tell more, and is looked for later */
    if (err != CT_OK || paid == CT_PAID_NOT ||
        (paid == CT_PAID_UNKNOWN && op->state == CT_OP_SENT)) {
        r->kept += err == CT_OK;
        return err;
    }
    bool is_known = paid == CT_PAID_DONE;
    err = r->store->ops->op_move(r->store, op->id, op->state, is_known ? CT_OP_DONE : CT_OP_FAILED,
                                 NULL, 0, is_known ? CT_PAID_ALREADY : CT_PAID_UNCLEAR);
    *(is_known ? &r->paid : &r->unclear) += err == CT_OK;
    return err == CT_OK ? CT_OK : store_failed(why, err);
}

static ct_err settle_all(struct restore *r, enum ct_op_state state, struct ct_why *why)
{
    size_t count = 0;
    struct ct_op *ops = calloc(OPS_MAX, sizeof *ops);
    if (ops == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = r->store->ops->op_list(r->store, state, CT_OP_FUND, ops, OPS_MAX, &count);
    if (err != CT_OK) {
        err = store_failed(why, err);
    } else if (count == OPS_MAX) {
        err = ct_why(why, CT_ERR_CONFIG,
                     "the store that was restored has more than %d open payments, which are not "
                     "held against the chain; use a newer copy",
                     OPS_MAX - 1);
    }
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = settle(r, &ops[i], why);
    }
    free(ops);
    return err;
}

/* Above every nonce that the store knows of; used is proven, waiting is the endpoints' word. */
static ct_err nonces(struct restore *r, const uint8_t funder20[20], uint64_t *known, uint64_t *used,
                     uint64_t *waiting, struct ct_why *why)
{
    struct ct_u256 wei;
    uint64_t top = 0;
    ct_err err = ct_paid_account(r->chain, &r->view, funder20, used, &wei, why);
    if (err == CT_OK) {
        err = ct_rpc_nonce(r->chain, funder20, true, waiting, why);
    }
    if (err != CT_OK) {
        return err;
    }
    err = r->store->ops->tx_top(r->store, funder20, &top);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return store_failed(why, err);
    }
    *known = err == CT_OK ? top + 1 : 0;
    return CT_OK;
}

static ct_err has_open(struct restore *r, bool *out, struct ct_why *why)
{
    struct ct_op op;
    size_t count = 0;
    ct_err err = r->store->ops->op_list(r->store, CT_OP_QUEUED, CT_OP_FUND, &op, 1, &count);
    if (err == CT_OK && count == 0) {
        err = r->store->ops->op_list(r->store, CT_OP_SENT, CT_OP_FUND, &op, 1, &count);
    }
    *out = count > 0;
    return err == CT_OK ? CT_OK : store_failed(why, err);
}

static ct_err tell(const struct restore *r, const uint8_t funder20[20], uint64_t used,
                   uint64_t known, struct ct_why *why)
{
    char addr[CT_ADDR_TEXT_LEN], used_text[24], known_text[24], paid_text[16], kept_text[16],
        unclear_text[16];
    ct_addr_text(addr, funder20);
    (void)snprintf(used_text, sizeof used_text, "%" PRIu64, used);
    (void)snprintf(known_text, sizeof known_text, "%" PRIu64, known);
    (void)snprintf(paid_text, sizeof paid_text, "%u", r->paid);
    (void)snprintf(kept_text, sizeof kept_text, "%u", r->kept);
    (void)snprintf(unclear_text, sizeof unclear_text, "%u", r->unclear);
    ct_log(r->log, CT_LOG_WARN,
           "store_restored funder=%s nonces_used=%s nonces_known=%s payments_found=%s "
           "payments_left=%s payments_failed=%s",
           addr, used_text, known_text, paid_text, kept_text, unclear_text);
    const struct ct_audit_field fields[] = {{"account", addr},     {"used", used_text},
                                            {"known", known_text}, {"found", paid_text},
                                            {"left", kept_text},   {"failed", unclear_text}};
    ct_err err = ct_audit(ct_store_audit(r->store), "store_restored", fields, 6);
    return err == CT_OK ? CT_OK
                        : ct_why(why, err, "the audit log cannot be written; check its disk");
}

static ct_err hold_against_chain(struct restore *r, const uint8_t *funder20, bool is_copy,
                                 struct ct_why *why)
{
    char addr[CT_ADDR_TEXT_LEN];
    uint64_t known = 0, used = 0, waiting = 0;
    bool is_open = false;
    ct_err err = nonces(r, funder20, &known, &used, &waiting, why);
    if (err == CT_OK && known == 0 && used > 0) {
        err = has_open(r, &is_open, why);
    }
    /* an account that was used before it had this store has nothing in it to be done twice */
    bool is_behind = err == CT_OK && used > known && (known > 0 || is_open);
    if (err != CT_OK || (!is_copy && !is_behind)) {
        return err;
    }
    ct_addr_text(addr, funder20);
    if (waiting > used && waiting > known) {
        return ct_why(why, CT_ERR_AGAIN,
                      "the store is older than what the funder %s has sent, and some of that is in "
                      "no block yet; start again when it is",
                      addr);
    }
    err = settle_all(r, CT_OP_QUEUED, why);
    if (err == CT_OK) {
        err = settle_all(r, CT_OP_SENT, why);
    }
    return err == CT_OK ? tell(r, funder20, used, known, why) : err;
}

ct_err ct_restore(struct ct_store *store, struct ct_chain *chain, const uint8_t *funder20,
                  const struct ct_log *log, struct ct_why *why)
{
    struct restore r = {.store = store, .chain = chain, .log = log};
    uint64_t taken_s = 0;
    ct_err err = store->ops->copy_find(store, &taken_s);
    bool is_copy = err == CT_OK;
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return store_failed(why, err);
    }
    err = CT_OK;
    if (funder20 != NULL) {
        err = ct_chain_view(chain, &r.view, why);
        if (err == CT_OK) {
            err = hold_against_chain(&r, funder20, is_copy, why);
        }
    }
    if (err == CT_OK && is_copy && funder20 != NULL) { /* else it waits for who can check it */
        ct_log(log, CT_LOG_WARN, "store_is_a_copy taken=%" PRIu64 " settled=yes", taken_s);
        err = store->ops->copy_settle(store);
        err = err == CT_OK ? CT_OK : store_failed(why, err);
    }
    return err;
}
