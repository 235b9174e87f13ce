/* What a unit of gas costs, by the word of so many endpoints that fewer than k raise it for nobody.
 */
#include <stdlib.h>

#include "chain/ask.h"
#include "chain/rpc.h"

/* Most tip that endpoints can talk us into, wei a unit of gas: unlike the base fee it is paid. */
static const uint64_t tip_max_wei = 20000000000u;

struct fees {
    unsigned k;
    size_t count;
    struct ct_u256 base[CT_BUNDLE_RPC_MAX];
    struct ct_u256 tip[CT_BUNDLE_RPC_MAX];
};

static ct_err take_fees(void *arg, size_t endpoint, const struct ct_jsonrpc_answer *items)
{
    struct fees *f = arg;
    struct ct_u256 base;
    struct ct_u256 tip;
    const struct ct_u256 most = ct_u256_from_u64(tip_max_wei);
    (void)endpoint;
    if (f->count == CT_BUNDLE_RPC_MAX ||
        ct_json_u256(&base, ct_json_get(items[0].result, "baseFeePerGas")) != CT_OK ||
        ct_json_u256(&tip, items[1].result) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    if (ct_u256_is_zero(&tip)) {
        tip = ct_u256_from_u64(1);
    }
    f->base[f->count] = base;
    f->tip[f->count] = ct_u256_cmp(&tip, &most) > 0 ? most : tip;
    f->count++;
    return CT_OK;
}

static int downwards(const void *a, const void *b)
{
    return ct_u256_cmp(b, a);
}

/* Within a factor of two, which is more than six blocks can change a base fee by. */
static bool are_near(const struct ct_u256 *values, size_t count)
{
    struct ct_u256 twice = values[0];
    const struct ct_u256 *highest = &values[0];
    for (size_t i = 1; i < count; i++) {
        highest = ct_u256_cmp(&values[i], highest) > 0 ? &values[i] : highest;
        twice = ct_u256_cmp(&values[i], &twice) < 0 ? values[i] : twice;
    }
    return ct_u256_mul_u64(&twice, &twice, 2) == CT_OK && ct_u256_cmp(highest, &twice) <= 0;
}

/* k do when they are of one mind; else all others are asked, too. */
static bool are_enough(void *arg)
{
    const struct fees *f = arg;
    return f->count >= f->k && are_near(f->base, f->count) && are_near(f->tip, f->count);
}

/* The k-th highest: as much as this k endpoints name, so it is not higher than an honest one says.
 */
static struct ct_u256 picked(struct ct_u256 *values, const struct fees *f)
{
    qsort(values, f->count, sizeof(values[0]), downwards);
    return values[f->count >= f->k ? f->k - 1 : f->count - 1];
}

ct_err ct_rpc_fees(struct ct_chain *chain, struct ct_u256 *max_fee_wei,
                   struct ct_u256 *priority_wei, struct ct_why *why)
{
    static const struct ct_jsonrpc_call calls[2] = {{"eth_getBlockByNumber", "[\"latest\",false]"},
                                                    {"eth_maxPriorityFeePerGas", "[]"}};
    struct fees f = {.k = chain->bundle.quorum};
    struct ct_u256 fee;
    const struct ct_ask ask = {.calls = calls,
                               .count = 2,
                               .want = f.k,
                               .take = take_fees,
                               .enough = are_enough,
                               .arg = &f};
    ct_err err = ct_ask(chain, &ask, why);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_u256 base = picked(f.base, &f);
    const struct ct_u256 tip = picked(f.tip, &f);
    if (ct_u256_mul_u64(&fee, &base, 2) != CT_OK || ct_u256_add(&fee, &fee, &tip) != CT_OK) {
        return ct_why(why, CT_ERR_CHAIN, "the RPC endpoints name a base fee that none can be");
    }
    *max_fee_wei = fee;
    *priority_wei = tip;
    return CT_OK;
}
