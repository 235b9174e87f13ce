/* Transactions of the device's own wallet: signed and stored before they are sent, so that none is
 * lost or sent twice. */
#include "own.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "chain/chain.h"
#include "chain/keccak.h"
#include "chain/registry.h"
#include "chain/rpc.h"
#include "chain/tx.h"
#include "home.h"
#include "lookup.h"
#include "own_fee.h"

#define MINED_WITHIN_MS 60000u
#define POLL_MS 200u
#define POLL_SLOW_MS 1000u
#define POLL_FAST_FOR_MS 10000u
#define REPLACE_MS 30000u
#define TAKEN_POLLS 15u /* its nonce is used and no receipt is told: it is another one's */

/* ---- sending ---- */

static ct_err fit_gas(struct ct_worker_env *env, const struct ct_own_want *want, struct ct_tx *tx,
                      struct ct_why *why)
{
    const struct ct_rpc_tx call = {.from20 = env->wallet.addr20,
                                   .to20 = env->bundle.contract20,
                                   .data = want->data,
                                   .data_len = want->data_len};
    uint64_t gas = 0; /* at most 30 million */
    ct_err err = ct_rpc_estimate_gas(env->chain, &call, &gas, why);
    if (err != CT_OK) {
        return err;
    }
    tx->gas_limit = want->gas_limit != 0 ? want->gas_limit : gas * 6 / 5;
    if (tx->gas_limit < gas) {
        tx->gas_limit = gas;
    }
    return tx->gas_limit <= UINT32_MAX ? CT_OK : CT_ERR_ARG;
}

static ct_err sign(const struct ct_worker_env *env, const struct ct_tx *tx,
                   struct ct_home_sent *out, uint8_t hash32[32], struct ct_why *why)
{
    out->signed_s = ct_wall_s();
    if (ct_tx_room(tx) > sizeof out->raw ||
        ct_tx_sign(out->raw, sizeof out->raw, &out->len, hash32, tx, &env->wallet) != CT_OK) {
        return ct_why(why, CT_ERR_SYSTEM, "the wallet cannot sign its transaction");
    }
    return CT_OK;
}

static ct_err make(struct ct_worker_env *env, const struct ct_own_want *want,
                   struct ct_home_sent *out, uint8_t hash32[32], struct ct_why *why)
{
    struct ct_tx tx = {
        .chain_id = env->bundle.chain_id, .data = want->data, .data_len = want->data_len};
    memcpy(tx.to20, env->bundle.contract20, sizeof tx.to20);
    ct_err err = ct_rpc_nonce(env->chain, env->wallet.addr20, false, &tx.nonce, why);
    if (err == CT_OK) {
        err = fit_gas(env, want, &tx, why);
    }
    if (err == CT_OK) {
        err = ct_own_fee_first(env, &tx, why);
    }
    if (err != CT_OK) {
        return err;
    }
    memset(out, 0, sizeof *out);
    out->kind = want->kind;
    out->deadline_s = want->deadline_s;
    return sign(env, &tx, out, hash32, why);
}

ct_err ct_own_send(struct ct_worker_env *env, const struct ct_own_want *want, uint8_t hash32[32],
                   struct ct_why *why)
{
    struct ct_home_sent sent;
    ct_err err = make(env, want, &sent, hash32, why);
    if (err == CT_OK) {
        err = ct_home_save_sent(&env->home, &sent, why);
    }
    if (err != CT_OK) {
        return err;
    }
    err = ct_rpc_send_raw(env->chain, sent.raw, sent.len, why);
    if (err == CT_ERR_CHAIN) { /* whoever could be asked does not want it */
        ct_home_drop_sent(&env->home);
    }
    return err;
}

/* ---- what became of it ---- */

/* One that is waited for: it and the earlier forms of it, of which one gets into a block. */
struct pursuit {
    struct ct_worker_env *env;
    struct ct_home_sent sent;
    struct ct_tx tx; /* points into sent */
    struct ct_own_mined *out;
    uint64_t began_ms, replace_ms; /* when to raise its fee, if it is not in a block by then */
    unsigned taken_polls;
};

static uint64_t replace_after_ms(const struct ct_worker_env *env)
{
    return env->replace_ms != 0 ? env->replace_ms : REPLACE_MS;
}

/* Decodes what is stored; false: it is of another deployment or wallet, or spoilt. */
static bool read_sent(struct pursuit *p)
{
    uint8_t sig[CT_SIG_LEN];
    uint8_t from[20];
    const struct ct_worker_env *env = p->env;
    ct_keccak256(p->out->hash32, p->sent.raw, p->sent.len);
    return ct_tx_read_signed(&p->tx, sig, from, p->sent.raw, p->sent.len) == CT_OK &&
           p->tx.chain_id == env->bundle.chain_id &&
           memcmp(p->tx.to20, env->bundle.contract20, sizeof p->tx.to20) == 0 &&
           memcmp(from, env->wallet.addr20, sizeof from) == 0;
}

/* The time since it was signed counts, but what is sent again has a while, too. */
static void set_clock(struct pursuit *p)
{
    uint64_t now_s = ct_wall_s();
    uint64_t whole_ms = replace_after_ms(p->env);
    uint64_t age_s = now_s > p->sent.signed_s ? now_s - p->sent.signed_s : 0;
    uint64_t left_ms = age_s < whole_ms / 1000 ? whole_ms - age_s * 1000 : 0;
    p->began_ms = ct_mono_ms();
    p->replace_ms = p->began_ms + (left_ms > whole_ms / 3 ? left_ms : whole_ms / 3);
}

static bool take_receipt(struct pursuit *p, const uint8_t hash32[32])
{
    uint8_t id_hash[32];
    struct ct_own_mined *out = p->out;
    struct ct_receipt receipt;
    memset(&receipt, 0, sizeof receipt);
    if (ct_rpc_receipt(p->env->chain, hash32, &receipt, NULL) != CT_OK || !receipt.found) {
        ct_receipt_free(&receipt);
        return false;
    }
    memmove(out->hash32, hash32, sizeof out->hash32);
    out->kind = p->sent.kind;
    out->block = receipt.block_number;
    out->gas = receipt.gas_used;
    out->has_failed = !receipt.succeeded;
    if (ct_identity_hash(id_hash, p->env->identity) == CT_OK &&
        ct_receipt_client_skipped(&out->refusal, &receipt, p->env->bundle.contract20, id_hash)) {
        out->has_failed = true;
    }
    ct_receipt_free(&receipt);
    ct_home_drop_sent(&p->env->home);
    return true;
}

/* The newest form of it; the earlier ones are asked for when something has used the nonce. */
static bool is_mined(struct pursuit *p)
{
    bool is = take_receipt(p, p->out->hash32);
    for (size_t i = 0; i < p->sent.earlier_count && !is && p->taken_polls > 0; i++) {
        is = take_receipt(p, p->sent.earlier[i]);
    }
    return is;
}

/* Can it still be mined to some effect? CT_ERR_NOT_FOUND: no. */
static ct_err judge(struct pursuit *p, struct ct_why *why)
{
    struct ct_view view;
    uint64_t nonce = 0;
    ct_err err = ct_rpc_nonce(p->env->chain, p->env->wallet.addr20, false, &nonce, why);
    if (err != CT_OK) {
        return CT_OK; /* the next poll may tell */
    }
    p->taken_polls += nonce > p->tx.nonce;
    if (p->taken_polls >= TAKEN_POLLS) {
        ct_home_drop_sent(&p->env->home);
        return CT_ERR_NOT_FOUND;
    }
    err = ct_lookup_view(p->env, &view, why);
    return err == CT_OK && nonce <= p->tx.nonce && view.timestamp_s > p->sent.deadline_s
               ? CT_ERR_NOT_FOUND /* stored on: what replaces it has to offer more */
               : CT_OK;
}

/*
 * The same call under the same nonce for a higher fee, so one of them is mined and no other. On
 * disk with the earlier ones' hashes before it is sent: whoever is killed in between goes on with
 * it, and whichever is in a block is known.
 */
static void replace(struct pursuit *p)
{
    struct ct_why why = {.text = ""};
    struct ct_home_sent next = p->sent;
    struct ct_tx tx = p->tx;
    uint8_t hash32[32];
    p->replace_ms = ct_mono_ms() + replace_after_ms(p->env);
    if (p->sent.earlier_count == CT_HOME_SENT_EARLIER) {
        return;
    }
    memcpy(next.earlier[next.earlier_count++], p->out->hash32, 32);
    ct_err err = ct_own_fee_raise(p->env, &tx, &why);
    if (err == CT_OK) {
        err = sign(p->env, &tx, &next, hash32, &why);
    }
    if (err == CT_OK) {
        err = ct_home_save_sent(&p->env->home, &next, &why);
    }
    if (err == CT_OK) {
        p->sent = next;
        (void)!read_sent(p);
        err = ct_rpc_send_raw(p->env->chain, p->sent.raw, p->sent.len, &why);
    }
    ct_log(&p->env->log, CT_LOG_INFO, "transaction_raised times=%zu result=\"%s\"",
           p->sent.earlier_count, err == CT_OK ? ct_err_text(err) : why.text);
}

static ct_err wait_mined(struct pursuit *p, struct ct_why *why)
{
    for (;;) {
        if (is_mined(p)) {
            return CT_OK;
        }
        ct_err err = judge(p, why);
        uint64_t took_ms = ct_mono_ms() - p->began_ms;
        if (err != CT_OK) {
            return err;
        }
        if (took_ms >= MINED_WITHIN_MS) {
            return ct_why(why, CT_ERR_TIMEOUT,
                          "the device's own transaction is not in a block after %u s; it may still "
                          "get there, so run the same command again later",
                          MINED_WITHIN_MS / 1000u);
        }
        if (p->taken_polls == 0 && ct_mono_ms() >= p->replace_ms) {
            replace(p);
        }
        uint64_t pause_ms = took_ms < POLL_FAST_FOR_MS ? POLL_MS : POLL_SLOW_MS;
        (void)nanosleep(&(struct timespec){.tv_sec = (time_t)(pause_ms / 1000u),
                                           .tv_nsec = (long)(pause_ms % 1000u) * 1000000L},
                        NULL);
    }
}

ct_err ct_own_settle(struct ct_worker_env *env, struct ct_own_mined *out, struct ct_why *why)
{
    struct pursuit p = {.env = env, .out = out};
    struct ct_view view;

    memset(out, 0, sizeof *out);
    if (ct_home_load_sent(&env->home, &p.sent) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    if (!read_sent(&p)) {
        ct_home_drop_sent(&env->home);
        return CT_ERR_NOT_FOUND;
    }
    ct_err err = ct_lookup_view(env, &view, why); /* opens the chain, too */
    if (err != CT_OK) {
        return err;
    }
    if (view.timestamp_s <= p.sent.deadline_s) {
        err = ct_rpc_send_raw(env->chain, p.sent.raw, p.sent.len, why);
        ct_log(&env->log, CT_LOG_INFO, "transaction_sent_again result=\"%s\"", ct_err_text(err));
    }
    set_clock(&p);
    return wait_mined(&p, why);
}

uint64_t ct_own_gas_share(struct ct_worker_env *env, const uint8_t hash32[32])
{
    struct ct_receipt receipt;
    uint64_t gas = 0;
    memset(&receipt, 0, sizeof receipt);
    if (ct_rpc_receipt(env->chain, hash32, &receipt, NULL) == CT_OK && receipt.found) {
        size_t entries = ct_receipt_entries(&receipt, env->bundle.contract20);
        gas = receipt.gas_used / (entries > 0 ? entries : 1);
    }
    ct_receipt_free(&receipt);
    return gas;
}
