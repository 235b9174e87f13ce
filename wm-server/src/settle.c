/* Sent transactions until they are in the chain deep enough. */
#include "txmgr.h"

#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/rpc.h"
#include "judge.h"
#include "metrics.h"
#include "ops.h"
#include "spent.h"

enum { REBROADCAST_MS = 10000 };

static void log_ends(struct ct_txmgr *m, size_t count, uint64_t block)
{
    for (size_t i = 0; i < count; i++) {
        const struct ct_op_end *end = &m->ends[i];
        ct_log(&m->config.log, end->state == CT_OP_FAILED ? CT_LOG_WARN : CT_LOG_INFO,
               "operation id=%s kind=%s subject=%s state=%s block=%llu%s%s", end->id,
               ct_op_kind_text(m->ops[i].kind), m->ops[i].subject, ct_op_state_text(end->state),
               (unsigned long long)block, end->reason[0] == '\0' ? "" : " reason=", end->reason);
    }
}

/* Mined and deep enough: every operation of m->tx gets its end, in one change of the store. */
static ct_err close_tx(struct ct_txmgr *m, const struct ct_view *view,
                       const struct ct_receipt *receipt)
{
    struct ct_store *s = m->config.store;
    size_t count = 0;
    ct_err err = s->ops->op_of_tx(s, m->tx.hash32, m->ops, CT_BATCH_MAX, &count);
    const struct ct_judge j = {.chain = m->chain,
                               .store = s,
                               .contract20 = m->config.bundle->contract20,
                               .view = view,
                               .receipt = receipt};
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = ct_judge_op(&j, &m->ops[i], &m->ends[i]);
    }
    if (err == CT_OK) {
        err =
            s->ops->tx_close(s, m->tx.hash32, receipt->succeeded ? CT_TXN_CONFIRMED : CT_TXN_FAILED,
                             receipt->block_number, m->ends, count);
    }
    if (err == CT_OK) {
        ct_spent_gas(receipt->gas_used, &receipt->gas_price_wei);
        log_ends(m, count, receipt->block_number);
    }
    return err;
}

/* Another transaction took its nonce: what it was to do goes back into the queue. */
static ct_err lose_tx(struct ct_txmgr *m)
{
    struct ct_store *s = m->config.store;
    size_t count = 0;
    ct_err err = s->ops->op_of_tx(s, m->tx.hash32, m->ops, CT_BATCH_MAX, &count);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        ct_judge_end(&m->ends[i], &m->ops[i], CT_OP_QUEUED, "");
    }
    if (err == CT_OK) {
        err = s->ops->tx_close(s, m->tx.hash32, CT_TXN_REPLACED, 0, m->ends, count);
    }
    ct_log(&m->config.log, CT_LOG_WARN, "transaction_lost nonce=%llu operations=%zu",
           (unsigned long long)m->tx.nonce, count);
    return err;
}

/* Not in a block: sent again now and then, in case the endpoints forgot it. */
static ct_err chase(struct ct_txmgr *m, bool due)
{
    struct ct_receipt receipt = {0};
    struct ct_why why = {{0}};
    uint64_t count = 0;
    if (!due) {
        return CT_OK;
    }
    ct_err err = ct_rpc_nonce(m->chain, m->config.wallet->addr20, false, &count, &why);
    if (err == CT_OK && count > m->tx.nonce) {
        /* its nonce is used, perhaps by itself a moment ago */
        err = ct_rpc_receipt(m->chain, m->tx.hash32, &receipt, &why);
        bool found = err == CT_OK && (receipt.found || receipt.disputed);
        ct_receipt_free(&receipt);
        return err != CT_OK || found ? err : lose_tx(m);
    }
    if (err == CT_OK) {
        err = ct_rpc_send_raw(m->chain, m->tx.raw, m->tx.raw_len, &why);
        ct_metrics_count(CT_METRIC_TX_REPEATED);
        ct_log(&m->config.log, CT_LOG_WARN, "sent_again nonce=%llu%s%s",
               (unsigned long long)m->tx.nonce, err == CT_OK ? "" : " cause=", why.text);
    }
    return err;
}

static ct_err settle_one(struct ct_txmgr *m, const struct ct_view *view, bool due)
{
    struct ct_receipt receipt = {0};
    struct ct_why why = {{0}};
    ct_err err = ct_rpc_receipt(m->chain, m->tx.hash32, &receipt, &why);
    if (err == CT_OK && !receipt.found) {
        err = chase(m, due);
    } else if (err == CT_OK && view->number + 1 >= receipt.block_number + m->config.confirmations) {
        err = close_tx(m, view, &receipt);
    }
    ct_receipt_free(&receipt);
    return err;
}

void ct_txmgr_settle(struct ct_txmgr *m, uint64_t *next_nonce)
{
    struct ct_store *s = m->config.store;
    struct ct_view view;
    struct ct_why why = {{0}};
    uint64_t after = UINT64_MAX;
    uint64_t now_ms = ct_mono_ms();
    bool has_view = false;
    bool due = now_ms >= m->broadcast_ms + REBROADCAST_MS;
    ct_err err = CT_OK;
    *next_nonce = 0;
    while (s->ops->tx_next(s, m->config.wallet->addr20, after, &m->tx) == CT_OK) {
        after = m->tx.nonce;
        *next_nonce = after + 1;
        if (err != CT_OK || now_ms < m->quiet_until_ms) {
            continue; /* only to know the nonces in use */
        }
        if (!has_view) {
            err = ct_chain_view(m->chain, &view, &why);
            has_view = err == CT_OK;
        }
        if (err == CT_OK) {
            err = settle_one(m, &view, due);
        }
    }
    if (due) {
        m->broadcast_ms = now_ms;
    }
    if (err != CT_OK) {
        m->quiet_until_ms = now_ms + 1000;
        ct_log(&m->config.log, CT_LOG_WARN, "settling_waits cause=\"%s\"",
               why.text[0] == '\0' ? ct_err_text(err) : why.text);
    }
}
