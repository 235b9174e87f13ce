/* Between the store's users and its driver: counts, and lines of the audit log. */
#include "store/store_observed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "operator/metrics.h"
#include "tx/ops.h"
#include "tx/spent.h"

struct ct_store_observed {
    struct ct_store_ops ops; /* the driver's, but for the functions of this file */
    const struct ct_store_ops *driver;
    struct ct_audit *audit;
};

static const struct ct_store_ops *driver(const struct ct_store *s)
{
    return s->observed->driver;
}

/* ---- fields as text ---- */

struct line {
    struct ct_audit_field field[8];
    size_t count;
    char text[8][2 * 32 + 3];
};

static void put(struct line *l, const char *name, const char *value)
{
    l->field[l->count++] = (struct ct_audit_field){name, value};
}

static void put_hex(struct line *l, const char *name, const uint8_t *data, size_t len)
{
    char *text = l->text[l->count];
    ct_hex0x(text, data, len);
    put(l, name, text);
}

static void put_u64(struct line *l, const char *name, uint64_t value)
{
    char *text = l->text[l->count];
    (void)snprintf(text, sizeof l->text[0], "%llu", (unsigned long long)value);
    put(l, name, text);
}

static ct_err tell(struct ct_store *s, const char *what, const struct line *l)
{
    return ct_audit(s->observed->audit, what, l->field, l->count);
}

/* ---- admission ---- */

static ct_err token_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                        uint64_t expires_s)
{
    struct line l = {.count = 0};
    ct_err err = driver(s)->token_add(s, jti16, batch, expires_s);
    if (err != CT_OK) {
        return err;
    }
    put_hex(&l, "token", jti16, 16);
    put(&l, "batch", batch);
    put_u64(&l, "expires", expires_s);
    return tell(s, "token_issued", &l);
}

static ct_err factory_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                          uint64_t expires_s, uint32_t count)
{
    struct line l = {.count = 0};
    ct_err err = driver(s)->factory_add(s, jti16, batch, expires_s, count);
    if (err != CT_OK) {
        return err;
    }
    put_hex(&l, "token", jti16, 16);
    put(&l, "batch", batch);
    put_u64(&l, "expires", expires_s);
    put_u64(&l, "count", count);
    return tell(s, "factory_issued", &l);
}

static ct_err token_mint(struct ct_store *s, const struct ct_token_mint *mint)
{
    struct line l = {.count = 0};
    ct_err err = driver(s)->token_mint(s, mint);
    if (err != CT_OK) {
        return err;
    }
    put_hex(&l, "token", mint->jti16, 16);
    put_hex(&l, "factory", mint->factory16, 16);
    put(&l, "batch", mint->batch);
    put(&l, "identity", mint->identity);
    return tell(s, "token_minted", &l);
}

static ct_err token_use(struct ct_store *s, const struct ct_token_use *use)
{
    struct line l = {.count = 0};
    ct_err err = driver(s)->token_use(s, use);
    bool refused = err == CT_ERR_REPLAY || err == CT_ERR_REFUSED;
    if (err != CT_OK && !refused) {
        return err;
    }
    ct_metrics_count(refused ? CT_METRIC_TOKENS_REFUSED : CT_METRIC_TOKENS_ADMITTED);
    put_hex(&l, "token", use->jti16, 16);
    put(&l, "batch", use->batch);
    put(&l, "identity", use->identity);
    put_hex(&l, "wallet", use->wallet20, 20);
    if (refused) {
        put(&l, "cause", ct_err_text(err));
    }
    ct_err told = tell(s, refused ? "token_refused" : "token_used", &l);
    return refused ? err : told;
}

static ct_err token_withdraw(struct ct_store *s, const char *identity, const uint8_t *except20)
{
    struct line l = {.count = 0};
    put(&l, "identity", identity);
    ct_err err = tell(s, "tokens_withdrawn", &l);
    return err != CT_OK ? err : driver(s)->token_withdraw(s, identity, except20);
}

static ct_err token_withdraw_one(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                                 uint64_t expires_s)
{
    struct line l = {.count = 0};
    put_hex(&l, "token", jti16, 16);
    ct_err err = tell(s, "tokens_withdrawn", &l);
    return err != CT_OK ? err : driver(s)->token_withdraw_one(s, jti16, batch, expires_s);
}

static ct_err token_withdraw_batch(struct ct_store *s, const char *batch)
{
    struct line l = {.count = 0};
    put(&l, "batch", batch);
    ct_err err = tell(s, "tokens_withdrawn", &l);
    return err != CT_OK ? err : driver(s)->token_withdraw_batch(s, batch);
}

static ct_err pass_add(struct ct_store *s, const struct ct_pass_row *pass)
{
    struct line l = {.count = 0};
    ct_err err = driver(s)->pass_add(s, pass);
    if (err != CT_OK) {
        return err;
    }
    ct_metrics_count(CT_METRIC_PASSES);
    put_hex(&l, "pass", pass->id16, 16);
    put(&l, "identity", pass->identity);
    put_hex(&l, "wallet", pass->wallet20, 20);
    put_hex(&l, "renews", pass->renews16, 16);
    put_u64(&l, "expires", pass->expires_s);
    return tell(s, "pass_given", &l);
}

/* ---- operations ---- */

static ct_err op_add(struct ct_store *s, struct ct_op *op)
{
    struct line l = {.count = 0};
    ct_err err = driver(s)->op_add(s, op);
    if (err != CT_OK) {
        return err;
    }
    ct_metrics_count(CT_METRIC_OPS_ASKED);
    put(&l, "operation", op->id);
    put(&l, "kind", ct_op_kind_text(op->kind));
    put(&l, "subject", op->subject);
    put_hex(&l, "wallet", op->wallet20, 20);
    return tell(s, "operation_asked", &l);
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
    struct line l = {.count = 0};
    struct ct_op op;
    ct_err err = driver(s)->op_find(s, id, &op);
    if (err != CT_OK) {
        return err;
    }
    put(&l, "operation", op.id);
    put(&l, "subject", op.subject);
    put_hex(&l, "wallet", op.wallet20, 20);
    put(&l, "reason", reason);
    return tell(s, outcome(op.kind), &l);
}

static ct_err op_move(struct ct_store *s, const char *id, enum ct_op_state from,
                      enum ct_op_state to, const void *payload, size_t payload_len,
                      const char *reason)
{
    struct line l = {.count = 0};
    ct_err err = to == CT_OP_DONE ? tell_found(s, id, reason) : CT_OK;
    if (err == CT_OK) {
        err = driver(s)->op_move(s, id, from, to, payload, payload_len, reason);
    }
    if (err == CT_OK && to == CT_OP_DONE) {
        ct_metrics_count(CT_METRIC_OPS_DONE);
    }
    if (err != CT_OK || to != CT_OP_FAILED) {
        return err;
    }
    ct_metrics_count(CT_METRIC_OPS_FAILED);
    put(&l, "operation", id);
    put(&l, "reason", reason);
    return tell(s, "operation_failed", &l);
}

static ct_err funding_add(struct ct_store *s, struct ct_op *op, const struct ct_funding *funding,
                          const struct ct_outflow *most)
{
    struct line l = {.count = 0};
    ct_err err = driver(s)->funding_add(s, op, funding, most);
    if (err != CT_OK) {
        return err;
    }
    put_hex(&l, "token", funding->jti16, 16);
    put(&l, "identity", funding->identity);
    put_hex(&l, "wallet", funding->wallet20, 20);
    put_u64(&l, "gwei", funding->gwei);
    put(&l, "operation", op->id);
    return tell(s, "funding_promised", &l);
}

/* ---- transactions ---- */

static ct_err tx_add(struct ct_store *s, const struct ct_txn *tx, const char (*ids)[CT_OP_ID],
                     size_t count)
{
    struct line l = {.count = 0};
    put_hex(&l, "account", tx->sender20, 20);
    put_u64(&l, "nonce", tx->nonce);
    put_hex(&l, "transaction", tx->hash32, 32);
    put_u64(&l, "operations", count);
    ct_err err = tell(s, "key_used", &l);
    if (err == CT_OK) {
        err = driver(s)->tx_add(s, tx, ids, count);
    }
    if (err == CT_OK) {
        ct_metrics_count(CT_METRIC_TX_SENT);
    }
    return err;
}

static ct_err tx_replace(struct ct_store *s, const uint8_t old32[32], const struct ct_txn *tx,
                         const char *reason)
{
    struct line l = {.count = 0};
    put_hex(&l, "account", tx->sender20, 20);
    put_u64(&l, "nonce", tx->nonce);
    put_hex(&l, "transaction", tx->hash32, 32);
    put_hex(&l, "replaces", old32, 32);
    ct_err err = tell(s, "key_used", &l);
    if (err == CT_OK) {
        err = driver(s)->tx_replace(s, old32, tx, reason);
    }
    if (err == CT_OK) {
        ct_metrics_count(CT_METRIC_TX_REPLACED);
    }
    return err;
}

static void note_payment(const struct ct_op *op)
{
    uint8_t to20[20];
    struct ct_u256 wei;
    if (op->kind == CT_OP_FUND && ct_op_get_payment(to20, &wei, op) == CT_OK) {
        ct_spent_payment(&wei);
    }
}

/* One line for each end; all of them are synced at once. */
static ct_err tell_end(struct ct_store *s, const uint8_t hash32[32], uint64_t block,
                       const struct ct_op_end *end)
{
    struct line l = {.count = 0};
    struct ct_op op;
    ct_err err = driver(s)->op_find(s, end->id, &op);
    if (err != CT_OK) {
        return err;
    }
    if (end->state == CT_OP_QUEUED) {
        return CT_OK; /* it is sent again */
    }
    bool done = end->state == CT_OP_DONE;
    uint64_t now_s = ct_wall_s();
    if (done) {
        note_payment(&op);
    }
    ct_metrics_count(done ? CT_METRIC_OPS_DONE : CT_METRIC_OPS_FAILED);
    ct_metrics_time(CT_TIMER_CONFIRM,
                    now_s > op.created_s ? (now_s - op.created_s) * 1000000000 : 0);
    put(&l, "operation", op.id);
    put(&l, "subject", op.subject);
    put_hex(&l, "wallet", op.wallet20, 20);
    put_hex(&l, "transaction", hash32, 32);
    put_u64(&l, "block", block);
    if (end->reason[0] != '\0') {
        put(&l, "reason", end->reason);
    }
    return ct_audit_add(s->observed->audit, done ? outcome(op.kind) : "operation_failed", l.field,
                        l.count);
}

static ct_err tx_close(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                       uint64_t block, const struct ct_op_end *ends, size_t count)
{
    ct_err err = CT_OK;
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = tell_end(s, hash32, block, &ends[i]);
    }
    if (err == CT_OK) {
        err = ct_audit_sync(s->observed->audit);
    }
    if (err == CT_OK) {
        err = driver(s)->tx_close(s, hash32, state, block, ends, count);
    }
    if (err == CT_OK) {
        ct_metrics_count(state == CT_TXN_REPLACED ? CT_METRIC_TX_LOST
                         : state == CT_TXN_FAILED ? CT_METRIC_TX_FAILED
                                                  : CT_METRIC_TX_MINED);
    }
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
    o->ops.token_add = token_add;
    o->ops.factory_add = factory_add;
    o->ops.token_mint = token_mint;
    o->ops.token_use = token_use;
    o->ops.token_withdraw = token_withdraw;
    o->ops.token_withdraw_one = token_withdraw_one;
    o->ops.token_withdraw_batch = token_withdraw_batch;
    o->ops.pass_add = pass_add;
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
