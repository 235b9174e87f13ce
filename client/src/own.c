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

#define MINED_WITHIN_MS 60000u
#define POLL_MS 200u
#define POLL_SLOW_MS 1000u
#define POLL_FAST_FOR_MS 10000u
#define TAKEN_POLLS 15u /* its nonce is used and no receipt is told: it is another one's */

/* ---- fees ---- */

struct offer { /* wei a unit of gas */
    struct ct_u256 most, tip;
    struct ct_u256 least; /* below this it would not get into the next block */
};

static ct_err nine_eighths(struct ct_u256 *fee)
{
    const struct ct_u256 one = ct_u256_from_u64(1);
    struct ct_u256 eighth;
    ct_err err = ct_u256_div_u32(&eighth, NULL, fee, 8);
    if (err == CT_OK) {
        err = ct_u256_add(fee, fee, &eighth);
    }
    return err == CT_OK ? ct_u256_add(fee, fee, &one) : err;
}

static void at_least(struct ct_u256 *fee, const struct ct_u256 *least)
{
    if (ct_u256_cmp(fee, least) < 0) {
        *fee = *least;
    }
}

/* The fees that the stored transaction offers, when it has this nonce: the next one has to offer
 * an eighth more to take its place. Zeros when there is none. */
static ct_err floor_of(const struct ct_worker_env *env, uint64_t nonce, struct offer *out)
{
    struct ct_home_sent sent;
    struct ct_tx old;
    uint8_t sig[CT_SIG_LEN];
    memset(out, 0, sizeof *out);
    if (ct_home_load_sent(&env->home, &sent) != CT_OK ||
        ct_tx_read_signed(&old, sig, NULL, sent.raw, sent.len) != CT_OK || old.nonce != nonce) {
        return CT_OK;
    }
    out->least = old.max_fee_wei;
    out->tip = old.max_priority_fee_wei;
    ct_err err = nine_eighths(&out->least);
    return err == CT_OK ? nine_eighths(&out->tip) : err;
}

/* What is suggested has room for twice the base fee; the least is an eighth above the base fee. */
static ct_err make_offer(struct ct_worker_env *env, uint64_t nonce, struct offer *out,
                         struct ct_why *why)
{
    struct offer floor;
    struct ct_u256 base;
    ct_err err = ct_rpc_fees(env->chain, &out->most, &out->tip, why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_u256_sub(&base, &out->most, &out->tip) != CT_OK ||
        ct_u256_div_u32(&base, NULL, &base, 2) != CT_OK || nine_eighths(&base) != CT_OK ||
        floor_of(env, nonce, &floor) != CT_OK) {
        return ct_why(why, CT_ERR_CHAIN, "the fees that the endpoint asks for are absurd");
    }
    at_least(&out->tip, &floor.tip);
    if (ct_u256_add(&out->least, &base, &out->tip) != CT_OK) {
        return ct_why(why, CT_ERR_CHAIN, "the fees that the endpoint asks for are absurd");
    }
    at_least(&out->least, &floor.least);
    at_least(&out->most, &out->least);
    return CT_OK;
}

static ct_err too_poor(const struct ct_worker_env *env, const struct ct_u256 *has,
                       const struct ct_u256 *fee, uint64_t gas, struct ct_why *why)
{
    char addr[CT_ADDR_TEXT_LEN];
    char has_text[CT_U256_DECIMAL_LEN + 2];
    char need_text[CT_U256_DECIMAL_LEN + 2];
    struct ct_u256 need;
    if (ct_u256_mul_u64(&need, fee, gas) != CT_OK) {
        return ct_why(why, CT_ERR_CHAIN, "the fees that the endpoint asks for are absurd");
    }
    ct_addr_text(addr, env->wallet.addr20);
    ct_u256_ether(has_text, has);
    ct_u256_ether(need_text, &need);
    return ct_why(
        why, CT_ERR_ROOM,
        "the device's wallet %s has %s ether, and its transaction costs a little over %s; "
        "send it ether, or come up with --road sponsored",
        addr, has_text, need_text);
}

/* What the wallet can pay, when that is still enough. */
static ct_err fit_purse(struct ct_worker_env *env, struct ct_tx *tx, struct ct_why *why)
{
    struct offer offer;
    struct ct_u256 balance;
    struct ct_u256 afford;
    ct_err err = make_offer(env, tx->nonce, &offer, why);
    if (err == CT_OK) {
        err = ct_rpc_balance(env->chain, env->wallet.addr20, &balance, why);
    }
    if (err == CT_OK) {
        err = ct_u256_div_u32(&afford, NULL, &balance, (uint32_t)tx->gas_limit);
    }
    if (err != CT_OK) {
        return err;
    }
    if (ct_u256_cmp(&afford, &offer.least) < 0) {
        return too_poor(env, &balance, &offer.least, tx->gas_limit, why);
    }
    tx->max_fee_wei = ct_u256_cmp(&afford, &offer.most) < 0 ? afford : offer.most;
    tx->max_priority_fee_wei = offer.tip;
    return CT_OK;
}

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
        err = fit_purse(env, &tx, why);
    }
    if (err != CT_OK) {
        return err;
    }
    memset(out, 0, sizeof *out);
    out->kind = want->kind;
    out->deadline_s = want->deadline_s;
    if (ct_tx_room(&tx) > sizeof out->raw ||
        ct_tx_sign(out->raw, sizeof out->raw, &out->len, hash32, &tx, &env->wallet) != CT_OK) {
        return ct_why(why, CT_ERR_SYSTEM, "the wallet cannot sign its transaction");
    }
    return CT_OK;
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

static void take_receipt(struct ct_worker_env *env, const struct ct_home_sent *sent,
                         const struct ct_receipt *receipt, struct ct_own_mined *out)
{
    uint8_t id_hash[32];
    out->kind = sent->kind;
    out->block = receipt->block_number;
    out->gas = receipt->gas_used;
    out->has_failed = !receipt->succeeded;
    if (ct_identity_hash(id_hash, env->identity) == CT_OK &&
        ct_receipt_client_skipped(&out->refusal, receipt, env->bundle.contract20, id_hash)) {
        out->has_failed = true;
    }
}

/* Can it still be mined to some effect? CT_ERR_NOT_FOUND: no. */
static ct_err judge(struct ct_worker_env *env, const struct ct_home_sent *sent,
                    const struct ct_tx *tx, unsigned *taken_polls, struct ct_why *why)
{
    struct ct_view view;
    uint64_t nonce = 0;
    ct_err err = ct_rpc_nonce(env->chain, env->wallet.addr20, false, &nonce, why);
    if (err != CT_OK) {
        return CT_OK; /* the next poll may tell */
    }
    *taken_polls += nonce > tx->nonce;
    if (*taken_polls >= TAKEN_POLLS) {
        ct_home_drop_sent(&env->home);
        return CT_ERR_NOT_FOUND;
    }
    err = ct_lookup_view(env, &view, why);
    return err == CT_OK && nonce <= tx->nonce && view.timestamp_s > sent->deadline_s
               ? CT_ERR_NOT_FOUND /* stored on: what replaces it has to offer more */
               : CT_OK;
}

static ct_err wait_mined(struct ct_worker_env *env, const struct ct_home_sent *sent,
                         const struct ct_tx *tx, struct ct_own_mined *out, struct ct_why *why)
{
    uint64_t began_ms = ct_mono_ms();
    unsigned taken_polls = 0;
    for (;;) {
        struct ct_receipt receipt;
        memset(&receipt, 0, sizeof receipt);
        if (ct_rpc_receipt(env->chain, out->hash32, &receipt, why) == CT_OK && receipt.found) {
            take_receipt(env, sent, &receipt, out);
            ct_receipt_free(&receipt);
            ct_home_drop_sent(&env->home);
            return CT_OK;
        }
        ct_receipt_free(&receipt);
        ct_err err = judge(env, sent, tx, &taken_polls, why);
        uint64_t took_ms = ct_mono_ms() - began_ms;
        if (err != CT_OK) {
            return err;
        }
        if (took_ms >= MINED_WITHIN_MS) {
            return ct_why(why, CT_ERR_TIMEOUT,
                          "the device's own transaction is not in a block after %u s; it may still "
                          "get there, so run the same command again later",
                          MINED_WITHIN_MS / 1000u);
        }
        uint64_t pause_ms = took_ms < POLL_FAST_FOR_MS ? POLL_MS : POLL_SLOW_MS;
        (void)nanosleep(&(struct timespec){.tv_sec = (time_t)(pause_ms / 1000u),
                                           .tv_nsec = (long)(pause_ms % 1000u) * 1000000L},
                        NULL);
    }
}

ct_err ct_own_settle(struct ct_worker_env *env, struct ct_own_mined *out, struct ct_why *why)
{
    struct ct_home_sent sent;
    struct ct_tx tx;
    struct ct_view view;
    uint8_t sig[CT_SIG_LEN];
    uint8_t from[20];

    memset(out, 0, sizeof *out);
    if (ct_home_load_sent(&env->home, &sent) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    if (ct_tx_read_signed(&tx, sig, from, sent.raw, sent.len) != CT_OK ||
        tx.chain_id != env->bundle.chain_id ||
        memcmp(tx.to20, env->bundle.contract20, sizeof tx.to20) != 0 ||
        memcmp(from, env->wallet.addr20, sizeof from) != 0) {
        ct_home_drop_sent(&env->home); /* of another deployment or wallet */
        return CT_ERR_NOT_FOUND;
    }
    ct_err err = ct_lookup_view(env, &view, why); /* opens the chain, too */
    if (err != CT_OK) {
        return err;
    }
    ct_keccak256(out->hash32, sent.raw, sent.len);
    if (view.timestamp_s <= sent.deadline_s) {
        err = ct_rpc_send_raw(env->chain, sent.raw, sent.len, why);
        ct_log(&env->log, CT_LOG_INFO, "transaction_sent_again result=\"%s\"", ct_err_text(err));
    }
    return wait_mined(env, &sent, &tx, out, why);
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
