/* Sent transactions until they are in the chain deep enough, and what the chain then proves. */
#include "txmgr.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/registry_client.h"
#include "chain/rpc.h"
#include "ops.h"

enum { REBROADCAST_MS = 10000 };

static void end_as(struct ct_op_end *end, const struct ct_op *op, enum ct_op_state state,
                   const char *reason)
{
    memcpy(end->id, op->id, sizeof end->id);
    end->state = state;
    (void)snprintf(end->reason, sizeof end->reason, "%s", reason);
}

/* What the chain holds of a device now that the operation is done. */
static ct_err keep_device(struct ct_txmgr *m, const struct ct_receipt *receipt,
                          const struct ct_op *op, const struct ct_device *d)
{
    struct ct_device_row row = {.relay = d->relay,
                                .port = d->port,
                                .sequence = d->sequence,
                                .expiry_day = d->expiry_day,
                                .block = receipt->block_number};
    (void)snprintf(row.identity, sizeof row.identity, "%.63s", op->subject);
    memcpy(row.wallet20, d->wallet20, 20);
    memcpy(row.key32, d->key32, 32);
    return m->config.store->ops->device_put(m->config.store, &row);
}

/* The device's record, proven, is the one that was signed: nobody's word is needed. */
static ct_err judge_registration(struct ct_txmgr *m, const struct ct_view *view,
                                 const struct ct_receipt *receipt, const struct ct_op *op,
                                 struct ct_op_end *end)
{
    struct ct_signed_registration s;
    struct ct_device d;
    struct ct_why why = {{0}};
    const char *skipped = NULL;
    ct_err err = ct_op_get_registration(&s, op);
    if (err == CT_OK) {
        err = ct_registry_device(m->chain, view, s.registration.id_hash32, &d, &why);
    }
    if (err == CT_OK && d.state == CT_RECORD_APPROVED &&
        memcmp(d.wallet20, op->wallet20, 20) == 0 &&
        memcmp(d.key32, s.registration.key32, 32) == 0 &&
        d.sequence == s.registration.sequence + 1) {
        end_as(end, op, CT_OP_DONE, "");
        return keep_device(m, receipt, op, &d);
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    bool named = ct_receipt_client_skipped(&skipped, receipt, m->config.bundle->contract20,
                                           s.registration.id_hash32);
    end_as(end, op, CT_OP_FAILED,
           named && skipped != NULL ? skipped : "the contract holds another record of this name");
    return CT_OK;
}

/* The device's record, proven, is the one that was checked. */
static ct_err judge_device_approval(struct ct_txmgr *m, const struct ct_view *view,
                                    const struct ct_receipt *receipt, const struct ct_op *op,
                                    struct ct_op_end *end)
{
    struct ct_approval approval;
    struct ct_device d;
    struct ct_why why = {{0}};
    const char *skipped = NULL;
    uint8_t digest[32];
    ct_err err = ct_op_get_device_approval(&approval, op);
    if (err == CT_OK) {
        err = ct_registry_device(m->chain, view, approval.id_hash32, &d, &why);
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    if (err == CT_OK) {
        ct_device_digest(digest, &d);
        if (d.state == CT_RECORD_APPROVED && memcmp(digest, approval.digest32, 32) == 0) {
            end_as(end, op, CT_OP_DONE, "");
            return keep_device(m, receipt, op, &d);
        }
    }
    bool named = ct_receipt_client_skipped(&skipped, receipt, m->config.bundle->contract20,
                                           approval.id_hash32);
    end_as(end, op, CT_OP_FAILED,
           named && skipped != NULL ? skipped : "the record has changed since it was approved");
    return CT_OK;
}

static ct_err judge_approval(struct ct_txmgr *m, const struct ct_view *view,
                             const struct ct_receipt *receipt, const struct ct_op *op,
                             struct ct_op_end *end)
{
    struct ct_op_approval approval;
    struct ct_relay_row row = {0};
    struct ct_relay relay;
    struct ct_why why = {{0}};
    uint16_t index = 0;
    uint8_t digest[32] = {0};
    char text[40];
    ct_err err = ct_op_get_approval(&approval, op);
    if (err != CT_OK ||
        ct_receipt_relay_approved(&index, receipt, m->config.bundle->contract20) != CT_OK) {
        end_as(end, op, CT_OP_FAILED, "the transaction approved no relay");
        return CT_OK;
    }
    err = ct_registry_relay(m->chain, view, index, &relay, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    if (err == CT_OK) {
        /* the digest names index 0 for a new relay; the record has the one it was given */
        ct_relay_digest(digest, &relay);
        if (memcmp(digest, approval.digest32, 32) != 0) {
            relay.index = 0;
            ct_relay_digest(digest, &relay);
        }
    }
    if (err != CT_OK || relay.state != CT_RECORD_APPROVED ||
        memcmp(digest, approval.digest32, 32) != 0) {
        end_as(end, op, CT_OP_FAILED, "the chain does not hold what was approved");
        return CT_OK;
    }
    (void)snprintf(text, sizeof text, "approved as relay %u", index);
    end_as(end, op, CT_OP_DONE, text);
    if (m->config.store->ops->relay_find(m->config.store, approval.pending32, &row) != CT_OK) {
        memcpy(row.pending32, approval.pending32, 32);
        memcpy(row.owner20, op->wallet20, 20);
    }
    row.index = index;
    return m->config.store->ops->relay_put(m->config.store, &row);
}

static ct_err judge_revocation(struct ct_txmgr *m, const struct ct_view *view,
                               const struct ct_op *op, struct ct_op_end *end)
{
    struct ct_relay relay = {0};
    struct ct_device device = {0};
    struct ct_why why = {{0}};
    uint8_t id_hash[32];
    uint16_t index = 0;
    bool gone = true;
    ct_err err = CT_OK;
    if (op->kind == CT_OP_REVOKE_RELAY) {
        err = ct_op_relay_index(&index, op);
        if (err == CT_OK) {
            err = ct_registry_relay(m->chain, view, index, &relay, &why);
        }
        gone = relay.state != CT_RECORD_APPROVED;
    } else if (op->kind == CT_OP_REVOKE_DEVICE) {
        err = ct_identity_hash(id_hash, op->subject);
        if (err == CT_OK) {
            err = ct_registry_device(m->chain, view, id_hash, &device, &why);
        }
        gone = device.state != CT_RECORD_APPROVED;
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    end_as(end, op, gone ? CT_OP_DONE : CT_OP_FAILED,
           gone ? "" : "the record is approved again or still");
    return CT_OK;
}

static ct_err judge(struct ct_txmgr *m, const struct ct_view *view,
                    const struct ct_receipt *receipt, const struct ct_op *op, struct ct_op_end *end)
{
    if (!receipt->succeeded) {
        end_as(end, op, CT_OP_FAILED, "the transaction was mined and reverted");
        return CT_OK;
    }
    switch (op->kind) {
    case CT_OP_REGISTER:
        return judge_registration(m, view, receipt, op, end);
    case CT_OP_APPROVE_RELAY:
        return judge_approval(m, view, receipt, op, end);
    case CT_OP_REVOKE_RELAY:
    case CT_OP_REVOKE_DEVICE:
    case CT_OP_REVOKE_PASS:
        return judge_revocation(m, view, op, end);
    case CT_OP_APPROVE_DEVICE:
        return judge_device_approval(m, view, receipt, op, end);
    }
    return CT_ERR_ARG;
}

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
    ct_err err = s->ops->op_of_tx(s, m->tx.hash32, m->ops, CT_TXMGR_BATCH_MAX, &count);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = judge(m, view, receipt, &m->ops[i], &m->ends[i]);
    }
    if (err == CT_OK) {
        err =
            s->ops->tx_close(s, m->tx.hash32, CT_TXN_MINED, receipt->block_number, m->ends, count);
    }
    if (err == CT_OK) {
        log_ends(m, count, receipt->block_number);
    }
    return err;
}

/* Another transaction took its nonce: what it was to do goes back into the queue. */
static ct_err lose_tx(struct ct_txmgr *m)
{
    struct ct_store *s = m->config.store;
    size_t count = 0;
    ct_err err = s->ops->op_of_tx(s, m->tx.hash32, m->ops, CT_TXMGR_BATCH_MAX, &count);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        end_as(&m->ends[i], &m->ops[i], CT_OP_QUEUED, "");
    }
    if (err == CT_OK) {
        err = s->ops->tx_close(s, m->tx.hash32, CT_TXN_LOST, 0, m->ends, count);
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
