/* Between the store's users and its driver: operations and transactions, counted and told. */
#include "store/store_observed.h"

#include <stdlib.h>

#include "base/clock.h"
#include "operator/metrics.h"
#include "store/store_told.h"
#include "tx/ops.h"
#include "tx/spent.h"

/* ---- operations ---- */

static ct_err op_add(struct ct_store *s, struct ct_op *op)
{
    struct ct_told l = {.count = 0};
    ct_err err = ct_observed_driver(s)->op_add(s, op);
    if (err != CT_OK) {
        return err;
    }
    ct_metrics_count(CT_METRIC_OPS_ASKED);
    ct_told_put(&l, "operation", op->id);
    ct_told_put(&l, "kind", ct_op_kind_text(op->kind));
    ct_told_put(&l, "subject", op->subject);
    ct_told_hex(&l, "wallet", op->wallet20, 20);
    return ct_told_tell(s, "operation_asked", &l);
}

/* What is so in the chain when an operation of that kind is done. */
static const char *outcome(enum ct_op_kind kind)
{
    static const char *const words[CT_OP_KINDS] = {
        [CT_OP_REGISTER] = "device_registered",
        [CT_OP_APPROVE_RELAY] = "relay_approved",
        [CT_OP_REVOKE_RELAY] = "relay_revoked",
        [CT_OP_REVOKE_DEVICE] = "device_revoked",
        [CT_OP_REVOKE_PASS] = "pass_revoked",
        [CT_OP_APPROVE_DEVICE] = "device_approved",
        [CT_OP_FUND] = "funding_paid",
        [CT_OP_UPDATE] = "device_moved",
        [CT_OP_ROTATE] = "device_key_changed",
        [CT_OP_REVOKE_SELF] = "device_revoked_itself",
        [CT_OP_REINSTATE_RELAY] = "relay_reinstated",
        [CT_OP_ADOPT_RELAY] = "relay_adopted",
        [CT_OP_ADOPT_DEVICE] = "device_adopted",
    };
    return (unsigned)kind < CT_OP_KINDS && words[kind] != NULL ? words[kind] : "operation_done";
}

/* What ends without a transaction of its own: found in the chain. Told before, so that after a
 * crash a line may be there twice, and none is missing. */
static ct_err tell_found(struct ct_store *s, const char *id, const char *reason)
{
    struct ct_told l = {.count = 0};
    struct ct_op op;
    ct_err err = ct_observed_driver(s)->op_find(s, id, &op);
    if (err != CT_OK) {
        return err;
    }
    ct_told_put(&l, "operation", op.id);
    ct_told_put(&l, "subject", op.subject);
    ct_told_hex(&l, "wallet", op.wallet20, 20);
    ct_told_put(&l, "reason", reason);
    return ct_told_tell(s, outcome(op.kind), &l);
}

static ct_err op_move(struct ct_store *s, const char *id, enum ct_op_state from,
                      enum ct_op_state to, const void *payload, size_t payload_len,
                      const char *reason)
{
    struct ct_told l = {.count = 0};
    ct_err err = to == CT_OP_DONE ? tell_found(s, id, reason) : CT_OK;
    if (err == CT_OK) {
        err = ct_observed_driver(s)->op_move(s, id, from, to, payload, payload_len, reason);
    }
    if (err == CT_OK && to == CT_OP_DONE) {
        ct_metrics_count(CT_METRIC_OPS_DONE);
    }
    if (err != CT_OK || to != CT_OP_FAILED) {
        return err;
    }
    ct_metrics_count(CT_METRIC_OPS_FAILED);
    ct_told_put(&l, "operation", id);
    ct_told_put(&l, "reason", reason);
    return ct_told_tell(s, "operation_failed", &l);
}

static ct_err funding_add(struct ct_store *s, struct ct_op *op, const struct ct_funding *funding,
                          const struct ct_outflow *most)
{
    struct ct_told l = {.count = 0};
    ct_err err = ct_observed_driver(s)->funding_add(s, op, funding, most);
    if (err != CT_OK) {
        return err;
    }
    ct_told_hex(&l, "token", funding->jti16, 16);
    ct_told_put(&l, "identity", funding->identity);
    ct_told_hex(&l, "wallet", funding->wallet20, 20);
    ct_told_u64(&l, "gwei", funding->gwei);
    ct_told_put(&l, "operation", op->id);
    return ct_told_tell(s, "funding_promised", &l);
}

/* ---- transactions ---- */

/* What is told before its step is told once, not once for each try, while the store has no room. */
static ct_err has_room(void)
{
    return ct_metrics_gauge(CT_GAUGE_STORE_FULL) > 0 ? CT_ERR_FULL : CT_OK; /* NaN: not asked yet */
}

static ct_err tx_add(struct ct_store *s, const struct ct_txn *tx, const char (*ids)[CT_OP_ID],
                     size_t count)
{
    struct ct_told l = {.count = 0};
    ct_told_hex(&l, "account", tx->sender20, 20);
    ct_told_u64(&l, "nonce", tx->nonce);
    ct_told_hex(&l, "transaction", tx->hash32, 32);
    ct_told_u64(&l, "operations", count);
    ct_err err = has_room();
    if (err == CT_OK) {
        err = ct_told_tell(s, "key_used", &l);
    }
    if (err == CT_OK) {
        err = ct_observed_driver(s)->tx_add(s, tx, ids, count);
    }
    if (err == CT_OK) {
        ct_metrics_count(CT_METRIC_TX_SENT);
    }
    return err;
}

static ct_err tx_replace(struct ct_store *s, const uint8_t old32[32], const struct ct_txn *tx,
                         const char *reason)
{
    struct ct_told l = {.count = 0};
    ct_told_hex(&l, "account", tx->sender20, 20);
    ct_told_u64(&l, "nonce", tx->nonce);
    ct_told_hex(&l, "transaction", tx->hash32, 32);
    ct_told_hex(&l, "replaces", old32, 32);
    ct_err err = has_room();
    if (err == CT_OK) {
        err = ct_told_tell(s, "key_used", &l);
    }
    if (err == CT_OK) {
        err = ct_observed_driver(s)->tx_replace(s, old32, tx, reason);
    }
    if (err == CT_OK) {
        ct_metrics_count(CT_METRIC_TX_REPLACED);
    }
    return err;
}

/* What is counted of an operation, once its end is kept. */
struct end_seen {
    enum ct_op_state state;
    bool pays;
    struct ct_u256 wei;
    uint64_t created_s;
};

static void count_end(const struct end_seen *seen)
{
    bool done = seen->state == CT_OP_DONE;
    uint64_t now_s = ct_wall_s();
    if (seen->state == CT_OP_QUEUED) {
        return; /* it is sent again */
    }
    if (done && seen->pays) {
        ct_spent_payment(&seen->wei);
    }
    ct_metrics_count(done ? CT_METRIC_OPS_DONE : CT_METRIC_OPS_FAILED);
    ct_metrics_time(CT_TIMER_CONFIRM,
                    now_s > seen->created_s ? (now_s - seen->created_s) * 1000000000 : 0);
}

/* One line for each end; all of them are synced at once. */
static ct_err tell_end(struct ct_store *s, const uint8_t hash32[32], uint64_t block,
                       const struct ct_op_end *end, struct end_seen *seen)
{
    struct ct_told l = {.count = 0};
    struct ct_op op;
    uint8_t to20[20];
    ct_err err = ct_observed_driver(s)->op_find(s, end->id, &op);
    if (err != CT_OK) {
        return err;
    }
    seen->state = end->state;
    seen->created_s = op.created_s;
    seen->pays = op.kind == CT_OP_FUND && ct_op_get_payment(to20, &seen->wei, &op) == CT_OK;
    if (end->state == CT_OP_QUEUED) {
        return CT_OK;
    }
    ct_told_put(&l, "operation", op.id);
    ct_told_put(&l, "subject", op.subject);
    ct_told_hex(&l, "wallet", op.wallet20, 20);
    ct_told_hex(&l, "transaction", hash32, 32);
    ct_told_u64(&l, "block", block);
    if (end->reason[0] != '\0') {
        ct_told_put(&l, "reason", end->reason);
    }
    return ct_audit_add(s->observed->audit,
                        end->state == CT_OP_DONE ? outcome(op.kind) : "operation_failed", l.field,
                        l.count);
}

static ct_err tell_ends(struct ct_store *s, const uint8_t hash32[32], uint64_t block,
                        const struct ct_op_end *ends, size_t count, struct end_seen *seen)
{
    ct_err err = CT_OK;
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = tell_end(s, hash32, block, &ends[i], &seen[i]);
    }
    return err == CT_OK ? ct_audit_sync(s->observed->audit) : err;
}

static ct_err tx_close(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                       uint64_t block, const struct ct_op_end *ends, size_t count)
{
    ct_err err = has_room();
    if (err != CT_OK) {
        return err;
    }
    struct end_seen *seen = calloc(count + 1, sizeof *seen);
    if (seen == NULL) {
        return CT_ERR_NOMEM;
    }
    err = tell_ends(s, hash32, block, ends, count, seen);
    if (err == CT_OK) {
        err = ct_observed_driver(s)->tx_close(s, hash32, state, block, ends, count);
    }
    if (err == CT_OK) {
        for (size_t i = 0; i < count; i++) {
            count_end(&seen[i]);
        }
        ct_metrics_count(state == CT_TXN_REPLACED ? CT_METRIC_TX_LOST
                         : state == CT_TXN_FAILED ? CT_METRIC_TX_FAILED
                                                  : CT_METRIC_TX_MINED);
    }
    free(seen);
    return err;
}

/* ---- the whole ---- */

static void free_store(struct ct_store *s)
{
    struct ct_store_observed *o = s->observed;
    struct ct_audit *audit = o->audit;
    s->ops = o->driver;
    s->observed = NULL;
    free(o);
    s->ops->free(s);
    ct_audit_close(audit);
}

ct_err ct_store_observe(struct ct_store *s, struct ct_audit *audit)
{
    struct ct_store_observed *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return CT_ERR_NOMEM;
    }
    o->driver = s->ops;
    o->ops = *s->ops;
    o->audit = audit;
    o->ops.free = free_store;
    o->ops.token_add = ct_observed_token_add;
    o->ops.factory_add = ct_observed_factory_add;
    o->ops.token_mint = ct_observed_token_mint;
    o->ops.token_use = ct_observed_token_use;
    o->ops.token_withdraw = ct_observed_token_withdraw;
    o->ops.token_withdraw_one = ct_observed_token_withdraw_one;
    o->ops.token_withdraw_batch = ct_observed_token_withdraw_batch;
    o->ops.pass_add = ct_observed_pass_add;
    o->ops.funding_add = funding_add;
    o->ops.op_add = op_add;
    o->ops.op_move = op_move;
    o->ops.tx_add = tx_add;
    o->ops.tx_replace = tx_replace;
    o->ops.tx_close = tx_close;
    s->observed = o;
    s->ops = &o->ops;
    return CT_OK;
}

struct ct_audit *ct_store_audit(struct ct_store *s)
{
    return s->observed == NULL ? NULL : s->observed->audit;
}
