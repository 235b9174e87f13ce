/* Queued operations become signed transactions, stored and then broadcast. */
#include "txmgr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/rpc.h"
#include "chain/tx.h"
#include "ops.h"

enum { PAUSE_MS = 5000 };

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

/* Ether for value and gas at the highest price; a transaction without would hang at its nonce. */
static ct_err check_ether(struct ct_txmgr *m, const struct ct_tx *tx, struct ct_why *why)
{
    struct ct_u256 needed;
    struct ct_u256 balance;
    char addr[CT_ADDR_TEXT_LEN];
    ct_err err = ct_u256_mul_u64(&needed, &tx->max_fee_wei, tx->gas_limit);
    if (err == CT_OK) {
        err = ct_u256_add(&needed, &needed, &tx->value_wei);
    }
    if (err == CT_OK) {
        err = ct_rpc_balance(m->chain, m->config.wallet->addr20, &balance, why);
    }
    if (err == CT_OK && ct_u256_cmp(&balance, &needed) < 0) {
        char has[CT_U256_DECIMAL_LEN + 2];
        ct_addr_text(addr, m->config.wallet->addr20);
        ct_u256_ether(has, &balance);
        err = ct_why(why, CT_ERR_CHAIN,
                     "the wallet manager's %s account %s has only %s ether; fund it",
                     m->config.role, addr, has);
    }
    return err;
}

static ct_err prepare(struct ct_txmgr *m, struct ct_tx *tx, struct ct_why *why)
{
    const struct ct_bundle *b = ct_chain_bundle(m->chain);
    const struct ct_rpc_tx question = {.from20 = m->config.wallet->addr20,
                                       .to20 = tx->to20,
                                       .value_wei = tx->value_wei,
                                       .data = tx->data,
                                       .data_len = tx->data_len};
    uint64_t gas = 0;
    ct_err err = ct_rpc_estimate_gas(m->chain, &question, &gas, why);
    if (err == CT_OK) {
        err = ct_rpc_fees(m->chain, &tx->max_fee_wei, &tx->max_priority_fee_wei, why);
    }
    if (err == CT_OK) {
        tx->chain_id = b->chain_id;
        tx->gas_limit = gas + gas / 4;
        err = check_ether(m, tx, why);
    }
    return err;
}

/* What cannot be sent fails with its reason. */
static void fail_all(struct ct_txmgr *m, size_t count, const struct ct_why *why)
{
    for (size_t i = 0; i < count; i++) {
        const struct ct_op *op = &m->ops[i];
        ct_err err = m->config.store->ops->op_move(m->config.store, op->id, CT_OP_QUEUED,
                                                   CT_OP_FAILED, NULL, 0, why->text);
        ct_log(&m->config.log, CT_LOG_WARN, "operation id=%s kind=%s state=failed cause=\"%s\"%s",
               op->id, ct_op_kind_text(op->kind), why->text, err == CT_OK ? "" : " stored=no");
    }
}

/* The chain cannot take it now: who waits is told why, and nothing is tried for a while. */
static void put_off(struct ct_txmgr *m, size_t count, const struct ct_why *why)
{
    m->quiet_until_ms = ct_mono_ms() + PAUSE_MS;
    ct_log(&m->config.log, CT_LOG_ERROR, "sending_waits operations=%zu cause=\"%s\"", count,
           why->text);
    for (size_t i = 0; i < count; i++) {
        (void)!m->config.store->ops->op_move(m->config.store, m->ops[i].id, CT_OP_QUEUED,
                                             CT_OP_QUEUED, NULL, 0, why->text);
    }
}

static ct_err sign_and_store(struct ct_txmgr *m, const struct ct_tx *tx, size_t count,
                             struct ct_why *why)
{
    char ids[CT_BATCH_MAX][CT_OP_ID];
    ct_err err =
        ct_tx_sign(m->tx.raw, sizeof m->tx.raw, &m->tx.raw_len, m->tx.hash32, tx, m->config.wallet);
    if (err != CT_OK) {
        return ct_why(why, err, "cannot sign: %s", ct_err_text(err));
    }
    memcpy(m->tx.sender20, m->config.wallet->addr20, sizeof m->tx.sender20);
    m->tx.nonce = tx->nonce;
    m->tx.created_s = ct_wall_s();
    for (size_t i = 0; i < count; i++) {
        memcpy(ids[i], m->ops[i].id, CT_OP_ID);
    }
    err =
        m->config.store->ops->tx_add(m->config.store, &m->tx, (const char(*)[CT_OP_ID])ids, count);
    return err == CT_OK ? CT_OK : ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

/* One transaction of the first count operations. CT_OK: its nonce is taken. */
static ct_err send_ops(struct ct_txmgr *m, size_t count, uint64_t nonce)
{
    struct ct_why why = {{0}};
    ct_err err = ct_call_write(&m->call, m->ops, count, m->config.bundle->contract20);
    if (err != CT_OK) {
        (void)ct_why(&why, err, "the stored operation cannot be used: %s", ct_err_text(err));
        fail_all(m, count, &why);
        return err;
    }
    struct ct_tx tx = {.nonce = nonce,
                       .value_wei = m->call.value_wei,
                       .data = m->call.data,
                       .data_len = m->call.data_len};
    memcpy(tx.to20, m->call.to20, sizeof tx.to20);
    err = prepare(m, &tx, &why);
    if (err == CT_ERR_REFUSED) {
        fail_all(m, count, &why);
        return err;
    }
    if (err == CT_OK) {
        err = sign_and_store(m, &tx, count, &why);
    }
    if (err != CT_OK) {
        put_off(m, count, &why);
        return err;
    }
    char hash[67];
    ct_hex0x(hash, m->tx.hash32, sizeof m->tx.hash32);
    err = ct_rpc_send_raw(m->chain, m->tx.raw, m->tx.raw_len, &why);
    ct_log(&m->config.log, err == CT_OK ? CT_LOG_INFO : CT_LOG_WARN,
           "sent transaction=%s nonce=%llu kind=%s operations=%zu%s%s", hash,
           (unsigned long long)nonce, ct_op_kind_text(m->ops[0].kind), count,
           err == CT_OK ? "" : " cause=", why.text);
    return CT_OK; /* stored: it is broadcast again until it is in a block */
}

/* The next batch into m->ops: of the first lane in which something waits. */
static size_t next_batch(struct ct_txmgr *m)
{
    struct ct_store *s = m->config.store;
    size_t most = m->config.batch < CT_BATCH_MAX ? m->config.batch : CT_BATCH_MAX;
    for (size_t i = 0; i < m->config.lanes.count; i++) {
        const struct ct_lane *lane = &m->config.lanes.items[i];
        size_t count = 0;
        if (s->ops->op_list(s, CT_OP_QUEUED, lane->kind, m->ops, lane->is_batched ? most : 1,
                            &count) == CT_OK &&
            count > 0) {
            return count;
        }
    }
    return 0;
}

void ct_txmgr_send(struct ct_txmgr *m, uint64_t next_nonce, struct ct_loop *loop)
{
    struct ct_why why = {{0}};
    uint64_t nonce = 0;
    size_t count;
    while (ct_mono_ms() >= m->quiet_until_ms && !ct_loop_ending(loop) &&
           (count = next_batch(m)) > 0) {
        ct_err err = nonce != 0
                         ? CT_OK
                         : ct_rpc_nonce(m->chain, m->config.wallet->addr20, true, &nonce, &why);
        if (err != CT_OK) {
            put_off(m, count, &why);
            return;
        }
        nonce = nonce > next_nonce ? nonce : next_nonce;
        if (send_ops(m, count, nonce) == CT_OK) {
            next_nonce = ++nonce;
        }
    }
}

void ct_txmgr_round(void *txmgr, struct ct_loop *loop)
{
    struct ct_txmgr *m = txmgr;
    uint64_t next_nonce = 0;
    ct_txmgr_settle(m, &next_nonce);
    ct_txmgr_send(m, next_nonce, loop);
}
