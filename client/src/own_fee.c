/* What a transaction of the device's wallet offers for a unit of gas: what is asked, an eighth more
 * than what it replaces, and never more than the wallet holds. */
#include "own_fee.h"

#include <string.h>

#include "chain/rpc.h"
#include "home.h"

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

/* What the wallet can pay, when that is still enough. most: no more than this; NULL: no matter. */
static ct_err fit(struct ct_worker_env *env, struct ct_tx *tx, const struct ct_u256 *most,
                  struct ct_why *why)
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
    if (most != NULL && ct_u256_cmp(most, &offer.least) < 0) {
        return ct_why(why, CT_ERR_REFUSED, "a unit of gas costs more than the device may raise to");
    }
    afford = most != NULL && ct_u256_cmp(most, &afford) < 0 ? *most : afford;
    tx->max_fee_wei = ct_u256_cmp(&afford, &offer.most) < 0 ? afford : offer.most;
    tx->max_priority_fee_wei = offer.tip;
    return CT_OK;
}

ct_err ct_own_fee_first(struct ct_worker_env *env, struct ct_tx *tx, struct ct_why *why)
{
    return fit(env, tx, NULL, why);
}

ct_err ct_own_fee_raise(struct ct_worker_env *env, struct ct_tx *tx, struct ct_why *why)
{
    const struct ct_u256 most = ct_u256_from_u64(CT_OWN_FEE_MAX_GWEI * UINT64_C(1000000000));
    return fit(env, tx, &most, why);
}
