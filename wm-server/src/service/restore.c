/* What was paid for since a store was copied, found in the chain. */
#include "service/restore.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chain/key.h"
#include "chain/rpc.h"
#include "tx/ops.h"

enum { OPS_MAX = 65536 };

struct restore {
    struct ct_store *store;
    struct ct_chain *chain;
    struct ct_view view;
    const struct ct_log *log;
    unsigned kept, paid;
};

static ct_err store_failed(struct ct_why *why, ct_err err)
{
    return ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

static ct_err account_of(struct restore *r, const uint8_t addr20[20], uint64_t *nonce,
                         struct ct_u256 *wei, struct ct_why *why)
{
    struct ct_account account;
    bool found = false;
    ct_err err = ct_chain_account(r->chain, &r->view, addr20, &found, &account, why);
    if (err == CT_OK) {
        *nonce = found ? account.nonce : 0;
        *wei = ct_u256_from_u64(0);
        if (found) {
            memcpy(wei->be, account.balance_wei32, sizeof wei->be);
        }
    }
    return err;
}

/* One payment that is not done in the store. */
static ct_err settle(struct restore *r, const struct ct_op *op, struct ct_why *why)
{
    uint8_t to20[20];
    struct ct_u256 amount, has;
    uint64_t nonce = 0;
    if (ct_op_get_payment(to20, &amount, op) != CT_OK) {
        return CT_OK; /* it fails by itself when its turn comes */
    }
    ct_err err = account_of(r, to20, &nonce, &has, why);
    if (err != CT_OK) {
        return err;
    }
    if (nonce == 0 && ct_u256_cmp(&has, &amount) < 0) {
        r->kept++;
        return CT_OK;
    }
    err = r->store->ops->op_move(r->store, op->id, op->state, CT_OP_DONE, NULL, 0,
                                 "the store was restored, and the wallet had been paid");
    r->paid += err == CT_OK;
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
    ct_err err = account_of(r, funder20, used, &wei, why);
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

static ct_err hold_against_chain(struct restore *r, const uint8_t *funder20, bool is_copy,
                                 struct ct_why *why)
{
    char addr[CT_ADDR_TEXT_LEN];
    uint64_t known = 0, used = 0, waiting = 0;
    ct_err err = nonces(r, funder20, &known, &used, &waiting, why);
    /* an account that was used before it had this store has nothing in it to be done twice */
    bool is_behind = err == CT_OK && known > 0 && used > known;
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
    if (err == CT_OK) {
        ct_log(r->log, CT_LOG_WARN,
               "store_restored funder=%s nonces_used=%" PRIu64 " nonces_known=%" PRIu64
               " payments_found=%u payments_left=%u",
               addr, used, known, r->paid, r->kept);
    }
    return err;
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
