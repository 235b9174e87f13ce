/* Other attempts at a nonce: the same for more, or nothing at all so that the nonce is used up. */
#include "tx/txmgr.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "tx/crash.h"

enum { FILLERS_A_LOOK = 16, TRANSFER_GAS = 21000 };

/* What m->tx offers; one of an older program tells it in its bytes only. */
static struct ct_fee fee_of(const struct ct_txmgr *m, const struct ct_tx *tx)
{
    struct ct_fee fee = {.max_wei = m->tx.max_fee_wei, .tip_wei = m->tx.tip_wei};
    return fee.max_wei != 0 ? fee
                            : ct_fee_first(&tx->max_fee_wei, &tx->max_priority_fee_wei, INT64_MAX);
}

static ct_err higher_fee(struct ct_txmgr *m, struct ct_tx *tx, struct ct_why *why)
{
    const struct ct_fee old = fee_of(m, tx);
    struct ct_fee now, next;
    ct_err err = ct_txmgr_fee(m, &now, why);
    if (err == CT_OK && ct_fee_bump(&next, &old, &now, m->config.fee_most_wei) != CT_OK) {
        return ct_why(why, CT_ERR_REFUSED, "its fee is the highest that chain.fee-max-gwei allows");
    }
    if (err == CT_OK) {
        tx->max_fee_wei = ct_u256_from_u64(next.max_wei);
        tx->max_priority_fee_wei = ct_u256_from_u64(next.tip_wei);
    }
    return err;
}

/* To the account itself, nothing. */
static ct_err make_filler(struct ct_txmgr *m, struct ct_tx *tx, struct ct_why *why)
{
    uint64_t gas = 0;
    tx->creates = false;
    memcpy(tx->to20, m->config.wallet->addr20, sizeof tx->to20);
    tx->value_wei = ct_u256_from_u64(0);
    tx->data = NULL;
    tx->data_len = 0;
    tx->chain_id = m->config.bundle->chain_id;
    const struct ct_rpc_tx question = {.from20 = m->config.wallet->addr20, .to20 = tx->to20};
    ct_err err = ct_rpc_estimate_gas(m->chain, &question, &gas, why);
    tx->gas_limit = gas < TRANSFER_GAS ? TRANSFER_GAS : gas + gas / 4;
    return err;
}

static void tell(struct ct_txmgr *m, const char *fill)
{
    char old[2 * 32 + 3], new[2 * 32 + 3];
    ct_hex0x(old, m->tx.hash32, 32);
    ct_hex0x(new, m->next_tx.hash32, 32);
    ct_log(&m->config.log, CT_LOG_WARN,
           "replaced account=%s nonce=%llu transaction=%s by=%s attempt=%u max_fee_wei=%llu%s%s",
           m->config.role, (unsigned long long)m->tx.nonce, old, new, m->next_tx.attempt,
           (unsigned long long)m->next_tx.max_fee_wei, fill != NULL ? " filled=" : "",
           fill != NULL ? fill : "");
}

ct_err ct_txmgr_bump(struct ct_txmgr *m, const char *fill, struct ct_why *why)
{
    struct ct_store *s = m->config.store;
    struct ct_tx tx;
    uint8_t sig65[CT_SIG_LEN];
    char reason[CT_OP_REASON];
    if (m->tx.attempt + 1 >= CT_TXN_ATTEMPTS) {
        return ct_why(why, CT_ERR_REFUSED, "it was replaced %u times already", m->tx.attempt);
    }
    ct_err err = ct_tx_read_signed(&tx, sig65, NULL, m->tx.raw, m->tx.raw_len);
    if (err != CT_OK) {
        return ct_why(why, CT_ERR_SYSTEM, "the stored transaction is damaged: %s",
                      ct_err_text(err));
    }
    err = higher_fee(m, &tx, why);
    if (err == CT_OK && fill != NULL) {
        err = make_filler(m, &tx, why);
    }
    if (err == CT_OK) {
        err = ct_txmgr_ether(m, &tx, why);
    }
    m->next_tx.attempt = m->tx.attempt + 1;
    m->next_tx.is_filler = m->tx.is_filler || fill != NULL;
    if (err == CT_OK) {
        err = ct_txmgr_sign(m, &m->next_tx, &tx, why);
    }
    if (err != CT_OK) {
        return err;
    }
    CT_CRASH(bump_signed);
    (void)snprintf(reason, sizeof reason, "no node takes the transaction: %.200s",
                   fill != NULL ? fill : "");
    err = s->ops->tx_replace(s, m->tx.hash32, &m->next_tx, fill != NULL ? reason : NULL);
    if (err != CT_OK) {
        return ct_txmgr_store_failed(why, err);
    }
    CT_CRASH(bump_stored);
    tell(m, fill);
    m->tx = m->next_tx;
    ct_txmgr_track(m, m->tx.nonce)->was_offered = false;
    ct_txmgr_offer(m);
    CT_CRASH(bump_offered);
    return CT_OK;
}

/* A nonce that nobody uses and nothing is stored for: it is used up. */
static ct_err fill_gap(struct ct_txmgr *m, uint64_t nonce, uint32_t attempt, struct ct_why *why)
{
    struct ct_store *s = m->config.store;
    struct ct_fee fee;
    struct ct_tx tx = {.nonce = nonce};
    ct_err err = ct_txmgr_fee(m, &fee, why);
    if (err == CT_OK) {
        tx.max_fee_wei = ct_u256_from_u64(fee.max_wei);
        tx.max_priority_fee_wei = ct_u256_from_u64(fee.tip_wei);
        err = make_filler(m, &tx, why);
    }
    if (err == CT_OK) {
        err = ct_txmgr_ether(m, &tx, why);
    }
    m->tx.attempt = attempt;
    m->tx.is_filler = true;
    if (err == CT_OK) {
        err = ct_txmgr_sign(m, &m->tx, &tx, why);
    }
    if (err == CT_OK) {
        err = s->ops->tx_add(s, &m->tx, NULL, 0);
    }
    if (err == CT_OK) {
        CT_CRASH(gap_stored);
        ct_log(&m->config.log, CT_LOG_WARN, "nonce_filled account=%s nonce=%llu", m->config.role,
               (unsigned long long)nonce);
        ct_txmgr_offer(m);
    }
    return err;
}

/* What the chain had and has no more goes there again, as it was: its effect was promised. */
static ct_err mend(struct ct_txmgr *m, uint64_t nonce, struct ct_why *why)
{
    struct ct_store *s = m->config.store;
    enum ct_node_said said;
    ct_err err = s->ops->tx_at(s, m->config.wallet->addr20, nonce, &m->tx);
    if (err == CT_ERR_NOT_FOUND) {
        return fill_gap(m, nonce, 0, why);
    }
    if (err != CT_OK) {
        return ct_txmgr_store_failed(why, err);
    }
    if (m->tx.state != CT_TXN_CONFIRMED && m->tx.state != CT_TXN_FAILED) {
        return fill_gap(m, nonce, m->tx.attempt + 1, why);
    }
    err = ct_rpc_offer(m->chain, m->tx.raw, m->tx.raw_len, &said, why);
    ct_log(&m->config.log, CT_LOG_WARN,
           "sent_again account=%s nonce=%llu cause=\"its block is gone\"", m->config.role,
           (unsigned long long)nonce);
    return err;
}

void ct_txmgr_fill_gaps(struct ct_txmgr *m, uint64_t from, uint64_t end)
{
    struct ct_why why = {{0}};
    ct_err err = CT_OK;
    end = end < from + FILLERS_A_LOOK ? end : from + FILLERS_A_LOOK;
    for (uint64_t nonce = from; nonce < end && err == CT_OK; nonce++) {
        err = mend(m, nonce, &why);
    }
    if (err != CT_OK) {
        ct_log(&m->config.log, CT_LOG_WARN, "nonces_missing account=%s from=%llu cause=\"%s\"",
               m->config.role, (unsigned long long)from, why.text);
    }
}
