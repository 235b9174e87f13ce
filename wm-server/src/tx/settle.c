/* Transactions under way, each looked at once a round: what is known of it, and the step that
 * follows. */
#include "tx/txmgr.h"

#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "tx/crash.h"
#include "tx/judge.h"
#include "tx/ops.h"
#include "tx/paid.h"
#include "tx/spent.h"

enum { PAUSE_MS = 1000 };

/* A step's own findings: the attempt that the chain has, and its receipt. */
struct look {
    struct ct_tx_seen seen;
    struct ct_txn_slot winner; /* when found */
    struct ct_receipt receipt;
};

/* ---- looking ---- */

static ct_err find_receipt(struct ct_txmgr *m, struct look *l, struct ct_why *why)
{
    struct ct_store *s = m->config.store;
    struct ct_txn_slot slot[CT_TXN_ATTEMPTS];
    size_t count = 0;
    ct_err err = s->ops->tx_slot(s, m->tx.sender20, m->tx.nonce, slot, &count);
    for (size_t i = 0; i < count && err == CT_OK && !l->receipt.found; i++) {
        ct_receipt_free(&l->receipt);
        err = ct_rpc_receipt(m->chain, slot[i].hash32, &l->receipt, why);
        l->seen.disputed = l->seen.disputed || (err == CT_OK && l->receipt.disputed);
        l->winner = slot[i];
    }
    return err;
}

static void measure(struct ct_txmgr *m, struct look *l)
{
    struct ct_tx_seen *seen = &l->seen;
    const struct ct_receipt *r = &l->receipt;
    seen->found = r->found;
    if (r->found && r->block_number <= m->view.number) {
        seen->depth = m->view.number - r->block_number + 1;
        seen->same_block = memcmp(r->block_hash32, m->tx.block32, 32) == 0 &&
                           memcmp(l->winner.hash32, m->tx.hash32, 32) == 0;
    }
}

static void measure_times(struct ct_txmgr *m, struct ct_tx_seen *seen)
{
    struct ct_track *track = ct_txmgr_track(m, m->tx.nonce);
    uint64_t now_ms = ct_mono_ms();
    uint64_t now_s = ct_wall_s();
    bool is_unseen = seen->is_used && !seen->found;
    seen->age_s = now_s > m->tx.created_s ? now_s - m->tx.created_s : 0;
    seen->quiet_s = track->was_offered ? (now_ms - track->offered_ms) / 1000 : UINT64_MAX;
    seen->said = track->said;
    if (is_unseen && track->unseen_ms == 0) {
        track->unseen_ms = now_ms;
    }
    track->unseen_ms = is_unseen ? track->unseen_ms : 0;
    seen->unseen_s = is_unseen ? (now_ms - track->unseen_ms) / 1000 : 0;
}

static ct_err look_at(struct ct_txmgr *m, struct look *l, struct ct_why *why)
{
    ct_err err = CT_OK;
    l->seen = (struct ct_tx_seen){.state = m->tx.state,
                                  .is_used = m->tx.nonce < m->used,
                                  .is_next = m->tx.nonce == m->used,
                                  .is_filler = m->tx.is_filler};
    /* a receipt of a nonce that is not used yet would be no receipt */
    if (l->seen.is_used) {
        err = find_receipt(m, l, why);
    }
    measure(m, l);
    measure_times(m, &l->seen);
    return err;
}

/* ---- steps ---- */

static void log_ends(struct ct_txmgr *m, size_t count, uint64_t block)
{
    for (size_t i = 0; i < count; i++) {
        const struct ct_op_end *end = &m->ends[i];
        bool told = end->reason[0] != '\0';
        ct_log(&m->config.log, end->state == CT_OP_FAILED ? CT_LOG_WARN : CT_LOG_INFO,
               "operation id=%s kind=%s subject=%s state=%s block=%llu%s%s%s", end->id,
               ct_op_kind_text(m->ops[i].kind), m->ops[i].subject, ct_op_state_text(end->state),
               (unsigned long long)block, told ? " reason=\"" : "", end->reason, told ? "\"" : "");
    }
}

/* The nonce was used up by what does nothing: its operations fail for the reason that they have. */
static ct_err judge(struct ct_txmgr *m, const struct look *l, size_t i)
{
    const struct ct_judge j = {.chain = m->chain,
                               .known = m->known,
                               .known_count = m->known_count,
                               .store = m->config.store,
                               .contract20 = m->config.bundle->contract20,
                               .view = &m->view,
                               .receipt = &l->receipt};
    if (l->winner.is_filler) {
        ct_judge_end(&m->ends[i], &m->ops[i], CT_OP_FAILED, m->ops[i].reason);
        return CT_OK;
    }
    return ct_judge_op(&j, &m->ops[i], &m->ends[i]);
}

/* Deep enough: every operation gets its end, in one change of the store. */
static ct_err close_tx(struct ct_txmgr *m, const struct look *l)
{
    struct ct_store *s = m->config.store;
    const struct ct_receipt *r = &l->receipt;
    size_t count = 0;
    ct_err err = s->ops->op_of_tx(s, m->tx.hash32, m->ops, CT_BATCH_MAX, &count);
    m->known_count = 0;
    if (err == CT_OK && r->succeeded && !l->winner.is_filler) {
        err = ct_judge_read(m->known, &m->known_count, m->chain, &m->view, m->ops, count);
    }
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = judge(m, l, i);
    }
    if (err == CT_OK) {
        CT_CRASH(judged);
        err = s->ops->tx_close(s, l->winner.hash32, r->succeeded ? CT_TXN_CONFIRMED : CT_TXN_FAILED,
                               r->block_number, m->ends, count);
    }
    if (err == CT_OK) {
        CT_CRASH(closed);
        ct_spent_gas(r->gas_used, &r->gas_price_wei);
        log_ends(m, count, r->block_number);
    }
    return err;
}

static ct_err note_mined(struct ct_txmgr *m, const struct look *l)
{
    struct ct_store *s = m->config.store;
    CT_CRASH(receipt_seen);
    if (memcmp(l->winner.hash32, m->tx.hash32, 32) != 0) {
        return CT_OK; /* an earlier attempt: the nonce is used, which is all that matters now */
    }
    ct_err err = s->ops->tx_mark(s, m->tx.hash32, CT_TXN_MINED, l->receipt.block_number,
                                 l->receipt.block_hash32);
    CT_CRASH(mined_noted);
    ct_log(&m->config.log, CT_LOG_INFO, "mined account=%s nonce=%llu block=%llu", m->config.role,
           (unsigned long long)m->tx.nonce, (unsigned long long)l->receipt.block_number);
    return err;
}

static ct_err put_back(struct ct_txmgr *m)
{
    struct ct_store *s = m->config.store;
    CT_CRASH(reorg_seen);
    ct_log(&m->config.log, CT_LOG_WARN, "block_gone account=%s nonce=%llu block=%llu",
           m->config.role, (unsigned long long)m->tx.nonce, (unsigned long long)m->tx.block);
    ct_err err = s->ops->tx_mark(s, m->tx.hash32, CT_TXN_SENT, 0, NULL);
    if (err == CT_OK) {
        CT_CRASH(put_back);
        m->tx.state = CT_TXN_SENT;
        ct_txmgr_offer(m);
    }
    return err;
}

/*
 * Another transaction took its nonce: what it was to do goes back into the queue. It may have been
 * an attempt of our own that the store, put back from earlier files, does not know: a payment is
 * the one thing that the contract would not refuse to repeat, so one that may have been made fails
 * instead.
 */
static ct_err lose(struct ct_txmgr *m, struct ct_why *why)
{
    static const struct {
        enum ct_op_state state;
        const char *reason;
    } ends[] = {[CT_PAID_NOT] = {CT_OP_QUEUED, ""},
                [CT_PAID_DONE] = {CT_OP_DONE, CT_PAID_ALREADY},
                [CT_PAID_UNKNOWN] = {CT_OP_FAILED, CT_PAID_UNCLEAR}};
    struct ct_store *s = m->config.store;
    size_t count = 0;
    ct_err err = s->ops->op_of_tx(s, m->tx.hash32, m->ops, CT_BATCH_MAX, &count);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        enum ct_paid paid = CT_PAID_NOT;
        err = ct_paid_already(&paid, m->chain, &m->view, &m->ops[i], why);
        ct_judge_end(&m->ends[i], &m->ops[i], ends[paid].state, ends[paid].reason);
    }
    CT_CRASH(loss_seen);
    if (err == CT_OK) {
        err = s->ops->tx_close(s, m->tx.hash32, CT_TXN_REPLACED, 0, m->ends, count);
    }
    CT_CRASH(lost);
    ct_log(&m->config.log, CT_LOG_ERROR, "transaction_lost account=%s nonce=%llu operations=%zu",
           m->config.role, (unsigned long long)m->tx.nonce, count);
    if (err == CT_OK) {
        log_ends(m, count, 0);
    }
    return err;
}

/* At a higher fee; where that cannot be, as it is, now and then. */
static ct_err bump(struct ct_txmgr *m, const struct look *l, const char *fill)
{
    struct ct_why why = {{0}};
    ct_err err = ct_txmgr_bump(m, fill, &why);
    if (err != CT_OK && l->seen.quiet_s >= m->config.rules.repeat_s) {
        ct_log(&m->config.log, CT_LOG_WARN, "bump_waits account=%s nonce=%llu cause=\"%s\"",
               m->config.role, (unsigned long long)m->tx.nonce, why.text);
        ct_txmgr_offer(m);
    }
    return CT_OK;
}

static ct_err take_step(struct ct_txmgr *m, const struct look *l, struct ct_why *why)
{
    switch (ct_tx_step(&l->seen, &m->config.rules)) {
    case CT_TX_WAIT:
        return CT_OK;
    case CT_TX_OFFER:
        ct_txmgr_offer(m);
        return CT_OK;
    case CT_TX_BUMP:
        return bump(m, l, NULL);
    case CT_TX_FILL:
        return bump(m, l, ct_node_said_text(l->seen.said));
    case CT_TX_MINED:
        return note_mined(m, l);
    case CT_TX_PUT_BACK:
        return put_back(m);
    case CT_TX_CLOSE:
        return close_tx(m, l);
    case CT_TX_LOSE:
        return lose(m, why);
    }
    return CT_OK;
}

/* ---- the round ---- */

/* The agreed head, and the account's count there, proven: no endpoint's word. */
static ct_err learn(struct ct_txmgr *m, struct ct_why *why)
{
    struct ct_account account;
    bool found = false;
    ct_err err = ct_chain_view(m->chain, &m->view, why);
    if (err == CT_OK) {
        err = ct_chain_account(m->chain, &m->view, m->config.wallet->addr20, &found, &account, why);
    }
    if (err == CT_OK) {
        m->used = found ? account.nonce : 0;
    }
    return err;
}

/*
 * Nonces above what is used and below what is open, or ever was kept: nobody will ever use them. A
 * while is waited, since what stands there may only be late to be seen.
 */
static void look_for_gaps(struct ct_txmgr *m, uint64_t lowest_open)
{
    struct ct_store *s = m->config.store;
    uint64_t top = 0;
    uint64_t now_ms = ct_mono_ms();
    bool kept = s->ops->tx_top(s, m->config.wallet->addr20, &top) == CT_OK;
    uint64_t end = !kept || lowest_open < top + 1 ? lowest_open : top + 1;
    if (!kept || m->used >= end) {
        m->gap_since_ms = 0;
        return;
    }
    if (m->gap_since_ms == 0 || m->gap != m->used) {
        m->gap = m->used;
        m->gap_since_ms = now_ms;
    }
    if (now_ms - m->gap_since_ms >= m->config.rules.bump_s * 1000) {
        ct_txmgr_fill_gaps(m, m->used, end);
    }
}

static ct_err settle_one(struct ct_txmgr *m, struct ct_why *why)
{
    struct look l = {.winner = {.is_filler = false}};
    ct_err err = look_at(m, &l, why);
    if (err == CT_OK) {
        err = take_step(m, &l, why);
    }
    ct_receipt_free(&l.receipt);
    return err;
}

ct_err ct_txmgr_settle(struct ct_txmgr *m)
{
    struct ct_store *s = m->config.store;
    struct ct_why why = {{0}};
    uint64_t after = UINT64_MAX;
    uint64_t lowest = UINT64_MAX;
    uint64_t now_ms = ct_mono_ms();
    bool due = m->looked_ms == 0 || now_ms >= m->looked_ms + m->config.rules.repeat_s * 1000;
    ct_err err = s->ops->tx_next(s, m->config.wallet->addr20, after, &m->tx);
    if (err == CT_ERR_NOT_FOUND && !due) {
        return CT_OK;
    }
    err = err == CT_OK || err == CT_ERR_NOT_FOUND ? learn(m, &why) : err;
    while (err == CT_OK &&
           (err = s->ops->tx_next(s, m->config.wallet->addr20, after, &m->tx)) == CT_OK) {
        after = m->tx.nonce;
        lowest = lowest == UINT64_MAX ? after : lowest;
        err = settle_one(m, &why);
    }
    err = err == CT_ERR_NOT_FOUND ? CT_OK : err;
    if (err == CT_OK && due) {
        m->looked_ms = now_ms;
        look_for_gaps(m, lowest);
    }
    if (err != CT_OK) {
        m->settle_at_ms = now_ms + PAUSE_MS;
        ct_log(&m->config.log, CT_LOG_WARN, "settling_waits account=%s cause=\"%s\"",
               m->config.role, why.text[0] == '\0' ? ct_err_text(err) : why.text);
    }
    return err;
}
