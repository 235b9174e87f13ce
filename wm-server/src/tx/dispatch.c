/* Queued operations become signed transactions, stored and then offered. */
#include "tx/txmgr.h"

#include <string.h>

#include "base/clock.h"
#include "tx/crash.h"
#include "tx/held.h"
#include "tx/ops.h"

enum { PAUSE_MS = 5000 };

/* What cannot be sent fails with its reason. */
static void fail(struct ct_txmgr *m, const struct ct_op *op, const struct ct_why *why)
{
    struct ct_store *s = m->config.store;
    ct_err err = s->ops->op_move(s, op->id, CT_OP_QUEUED, CT_OP_FAILED, NULL, 0, why->text);
    ct_log(&m->config.log, CT_LOG_WARN, "operation id=%s kind=%s state=failed cause=\"%s\"%s",
           op->id, ct_op_kind_text(op->kind), why->text, err == CT_OK ? "" : " stored=no");
}

/* The chain cannot take it now: who waits is told why, and nothing is tried for a while. */
static void put_off(struct ct_txmgr *m, size_t count, const struct ct_why *why)
{
    struct ct_store *s = m->config.store;
    m->send_at_ms = ct_mono_ms() + PAUSE_MS;
    ct_log(&m->config.log, CT_LOG_ERROR, "sending_waits account=%s operations=%zu cause=\"%s\"",
           m->config.role, count, why->text);
    for (size_t i = 0; i < count; i++) {
        (void)!s->ops->op_move(s, m->ops[i].id, CT_OP_QUEUED, CT_OP_QUEUED, NULL, 0, why->text);
    }
}

/* The transaction of m->call, priced. CT_ERR_REFUSED: the contract would revert it. */
static ct_err price(struct ct_txmgr *m, struct ct_tx *tx, size_t count, struct ct_why *why)
{
    const struct ct_rpc_tx question = {.from20 = m->config.wallet->addr20,
                                       .to20 = tx->to20,
                                       .value_wei = tx->value_wei,
                                       .data = tx->data,
                                       .data_len = tx->data_len};
    struct ct_fee fee;
    ct_err err = ct_txmgr_gas(m, &question, count, &tx->gas_limit, why);
    if (err == CT_OK) {
        err = ct_txmgr_fee(m, &fee, why);
    }
    if (err == CT_OK) {
        tx->chain_id = m->config.bundle->chain_id;
        tx->max_fee_wei = ct_u256_from_u64(fee.max_wei);
        tx->max_priority_fee_wei = ct_u256_from_u64(fee.tip_wei);
        err = ct_txmgr_ether(m, tx, why);
    }
    return err;
}

static ct_err keep(struct ct_txmgr *m, const struct ct_tx *tx, size_t count, struct ct_why *why)
{
    char ids[CT_BATCH_MAX][CT_OP_ID];
    struct ct_store *s = m->config.store;
    CT_CRASH(batch_taken);
    m->tx.attempt = 0;
    m->tx.is_filler = false;
    ct_err err = ct_txmgr_sign(m, &m->tx, tx, why);
    if (err != CT_OK) {
        return err;
    }
    CT_CRASH(signed);
    for (size_t i = 0; i < count; i++) {
        memcpy(ids[i], m->ops[i].id, CT_OP_ID);
    }
    err = s->ops->tx_add(s, &m->tx, (const char(*)[CT_OP_ID])ids, count);
    if (err != CT_OK) {
        return ct_txmgr_store_failed(why, err);
    }
    CT_CRASH(stored);
    return CT_OK;
}

/* One transaction of the first count operations. CT_OK: its nonce is taken. CT_ERR_FORMAT,
 * CT_ERR_REFUSED: it cannot be one. */
static ct_err send(struct ct_txmgr *m, size_t count, uint64_t nonce, struct ct_why *why)
{
    ct_err err = ct_call_write(&m->call, m->ops, count, m->config.bundle->contract20);
    if (err != CT_OK) {
        return ct_why(why, CT_ERR_FORMAT, "the stored operation cannot be used: %s",
                      ct_err_text(err));
    }
    struct ct_tx tx = {.nonce = nonce,
                       .value_wei = m->call.value_wei,
                       .data = m->call.data,
                       .data_len = m->call.data_len};
    memcpy(tx.to20, m->call.to20, sizeof tx.to20);
    err = price(m, &tx, count, why);
    if (err == CT_OK) {
        err = keep(m, &tx, count, why);
    }
    if (err == CT_OK) {
        ct_log(&m->config.log, CT_LOG_INFO,
               "signed account=%s nonce=%llu kind=%s operations=%zu first=%s", m->config.role,
               (unsigned long long)nonce, ct_op_kind_text(m->ops[0].kind), count, m->ops[0].id);
        ct_txmgr_offer(m); /* stored: it is offered again until it is in a block */
    }
    return err;
}

/* One that cannot be sent takes no other with it: it is found by halves, and fails alone. */
static ct_err send_or_single_out(struct ct_txmgr *m, size_t count, uint64_t nonce)
{
    struct ct_why why = {{0}};
    ct_err err = send(m, count, nonce, &why);
    while ((err == CT_ERR_FORMAT || err == CT_ERR_REFUSED) && count > 1) {
        count /= 2;
        err = send(m, count, nonce, &why);
    }
    if (err == CT_ERR_FORMAT || err == CT_ERR_REFUSED) {
        fail(m, &m->ops[0], &why);
    } else if (err != CT_OK) {
        put_off(m, count, &why);
    }
    return err;
}

/* The next batch into m->ops: of the first lane in which something waits. */
static size_t next_batch(struct ct_txmgr *m)
{
    struct ct_store *s = m->config.store;
    size_t most = m->config.batch < CT_BATCH_MAX ? m->config.batch : CT_BATCH_MAX;
    for (size_t i = 0; i < m->config.lanes.count; i++) {
        const struct ct_lane *lane = &m->config.lanes.items[i];
        size_t count = ct_ops_next(s, lane->kind, m->ops, lane->is_batched ? most : 1);
        if (count > 0) {
            return count;
        }
    }
    return 0;
}

/* Above every nonce that was ever kept, used or waits in a pool. */
static ct_err first_nonce(struct ct_txmgr *m, uint64_t *out, struct ct_why *why)
{
    struct ct_store *s = m->config.store;
    uint64_t pending = 0;
    uint64_t top = 0;
    ct_err err = s->ops->tx_top(s, m->config.wallet->addr20, &top);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return ct_txmgr_store_failed(why, err);
    }
    uint64_t own = err == CT_OK ? top + 1 : 0;
    err = ct_rpc_nonce(m->chain, m->config.wallet->addr20, true, &pending, why);
    if (err == CT_OK) {
        *out = own > pending ? own : pending;
    }
    return err;
}

void ct_txmgr_dispatch(struct ct_txmgr *m, struct ct_loop *loop)
{
    struct ct_why why = {{0}};
    bool has_nonce = false;
    uint64_t nonce = 0;
    size_t count;
    while (ct_mono_ms() >= m->send_at_ms && !ct_loop_ending(loop) && (count = next_batch(m)) > 0) {
        ct_err err = has_nonce ? CT_OK : first_nonce(m, &nonce, &why);
        has_nonce = err == CT_OK;
        if (err != CT_OK) {
            put_off(m, count, &why);
        } else if (send_or_single_out(m, count, nonce) == CT_OK) {
            nonce++;
        }
    }
}
