/* The manager itself, and what all of its parts need: fees, ether, signing, offering. */
#include "tx/txmgr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "tx/crash.h"
#include "operator/metrics.h"

ct_err ct_txmgr_new(struct ct_txmgr **out, const struct ct_txmgr_config *config, struct ct_why *why)
{
    struct ct_txmgr *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    m->config = *config;
    const struct ct_chain_env env = {.log = config->log};
    ct_err err = ct_chain_open(&m->chain, config->bundle, &env, why);
    if (err != CT_OK) {
        free(m);
        return err;
    }
    m->config.bundle = ct_chain_bundle(m->chain);
    *out = m;
    return CT_OK;
}

void ct_txmgr_free(struct ct_txmgr *m)
{
    if (m != NULL) {
        ct_chain_free(m->chain);
        free(m);
    }
}

struct ct_track *ct_txmgr_track(struct ct_txmgr *m, uint64_t nonce)
{
    struct ct_track *t = &m->tracks[nonce % CT_TXMGR_TRACKS];
    if (!t->is_there || t->nonce != nonce) {
        *t = (struct ct_track){.nonce = nonce, .is_there = true};
    }
    return t;
}

ct_err ct_txmgr_store_failed(struct ct_why *why, ct_err err)
{
    return err == CT_ERR_EXPIRED ? ct_why(why, err, "another server leads this account by now")
                                 : ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

ct_err ct_txmgr_fee(struct ct_txmgr *m, struct ct_fee *out, struct ct_why *why)
{
    struct ct_u256 max, tip;
    ct_err err = m->has_fee ? CT_OK : ct_rpc_fees(m->chain, &max, &tip, why);
    if (err == CT_OK && !m->has_fee) {
        m->fee = ct_fee_first(&max, &tip, m->config.fee_most_wei);
        m->has_fee = true;
    }
    if (err == CT_OK) {
        *out = m->fee;
    }
    return err;
}

static ct_err ask_left(struct ct_txmgr *m, struct ct_why *why)
{
    ct_err err = ct_rpc_balance(m->chain, m->config.wallet->addr20, &m->left_wei, why);
    m->has_left = err == CT_OK;
    return err;
}

ct_err ct_txmgr_ether(struct ct_txmgr *m, const struct ct_tx *tx, struct ct_why *why)
{
    struct ct_u256 needed;
    char addr[CT_ADDR_TEXT_LEN];
    char has[CT_U256_DECIMAL_LEN + 2];
    ct_err err = ct_u256_mul_u64(&needed, &tx->max_fee_wei, tx->gas_limit);
    if (err == CT_OK) {
        err = ct_u256_add(&needed, &needed, &tx->value_wei);
    }
    /* what was signed takes less than it may, so a shortage is one only when asked anew */
    if (err == CT_OK && (!m->has_left || ct_u256_cmp(&m->left_wei, &needed) < 0)) {
        err = ask_left(m, why);
    }
    if (err == CT_OK && ct_u256_cmp(&m->left_wei, &needed) < 0) {
        ct_addr_text(addr, m->config.wallet->addr20);
        ct_u256_ether(has, &m->left_wei);
        return ct_why(why, CT_ERR_CHAIN,
                      "the wallet manager's %s account %s has only %s ether; fund it",
                      m->config.role, addr, has);
    }
    return err == CT_OK ? ct_u256_sub(&m->left_wei, &m->left_wei, &needed) : err;
}

static uint64_t wei_of(const struct ct_u256 *value)
{
    uint64_t wei = 0;
    return ct_u256_to_u64(&wei, value) == CT_OK && wei < INT64_MAX ? wei : INT64_MAX;
}

ct_err ct_txmgr_sign(struct ct_txmgr *m, struct ct_txn *out, const struct ct_tx *tx,
                     struct ct_why *why)
{
    ct_err err =
        ct_tx_sign(out->raw, sizeof out->raw, &out->raw_len, out->hash32, tx, m->config.wallet);
    if (err != CT_OK) {
        return ct_why(why, err, "cannot sign: %s", ct_err_text(err));
    }
    memcpy(out->sender20, m->config.wallet->addr20, sizeof out->sender20);
    out->nonce = tx->nonce;
    out->created_s = ct_wall_s();
    out->state = CT_TXN_SIGNED;
    out->max_fee_wei = wei_of(&tx->max_fee_wei);
    out->tip_wei = wei_of(&tx->max_priority_fee_wei);
    return CT_OK;
}

void ct_txmgr_offer(struct ct_txmgr *m)
{
    struct ct_why why = {{0}};
    struct ct_track *track = ct_txmgr_track(m, m->tx.nonce);
    struct ct_store *s = m->config.store;
    char hash[2 * 32 + 3];
    bool again = track->was_offered || m->tx.state != CT_TXN_SIGNED;
    ct_err err = ct_rpc_offer(m->chain, m->tx.raw, m->tx.raw_len, &track->said, &why);
    track->was_offered = true;
    track->offered_ms = ct_mono_ms();
    CT_CRASH(offered);
    if (err == CT_OK && m->tx.state != CT_TXN_SENT &&
        s->ops->tx_mark(s, m->tx.hash32, CT_TXN_SENT, 0, NULL) == CT_OK) {
        m->tx.state = CT_TXN_SENT;
        CT_CRASH(noted);
    }
    if (again) {
        ct_metrics_count(CT_METRIC_TX_REPEATED);
    }
    ct_hex0x(hash, m->tx.hash32, sizeof m->tx.hash32);
    ct_log(&m->config.log, err == CT_OK && !again ? CT_LOG_INFO : CT_LOG_WARN,
           "%s transaction=%s account=%s nonce=%llu attempt=%u%s%s%s",
           again ? "sent_again" : "sent", hash, m->config.role, (unsigned long long)m->tx.nonce,
           m->tx.attempt, err == CT_OK ? "" : " cause=\"", why.text, err == CT_OK ? "" : "\"");
}

/* False: another server leads. What was seen under an earlier lease says nothing any more. */
static bool may_work(struct ct_txmgr *m)
{
    if (m->config.lease == NULL) {
        return true;
    }
    if (!ct_lease_enter(m->config.lease, m->config.store)) {
        return false;
    }
    if (m->config.store->fence.number != m->number) {
        m->number = m->config.store->fence.number;
        m->settle_at_ms = m->send_at_ms = m->looked_ms = m->gap_since_ms = 0;
        memset(m->tracks, 0, sizeof m->tracks);
    }
    return true;
}

void ct_txmgr_round(void *txmgr, struct ct_loop *loop)
{
    struct ct_txmgr *m = txmgr;
    if (!may_work(m)) {
        return;
    }
    m->has_fee = false;
    m->has_left = false;
    if (ct_mono_ms() >= m->settle_at_ms && ct_txmgr_settle(m) == CT_OK) {
        ct_txmgr_dispatch(m, loop);
    }
}
