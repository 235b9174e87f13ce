/* Fees of transactions, bounded. */
#include "tx/fee.h"

/* Beyond it no fee is one; and the stores' integers have a sign. */
static const uint64_t limit = INT64_MAX;

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t greatest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t wei_of(const struct ct_u256 *value)
{
    uint64_t wei = limit;
    return ct_u256_to_u64(&wei, value) == CT_OK ? least(wei, limit) : limit;
}

/* Rounded up, so that even one wei becomes two. */
static uint64_t eighth_more(uint64_t wei)
{
    return least(wei, limit / 2) + (least(wei, limit / 2) + 7) / 8;
}

struct ct_fee ct_fee_first(const struct ct_u256 *max, const struct ct_u256 *tip, uint64_t most_wei)
{
    uint64_t wei = least(wei_of(max), most_wei);
    return (struct ct_fee){.max_wei = wei, .tip_wei = least(wei_of(tip), wei)};
}

ct_err ct_fee_bump(struct ct_fee *out, const struct ct_fee *old, const struct ct_fee *now,
                   uint64_t most_wei)
{
    uint64_t needed = eighth_more(old->max_wei);
    uint64_t tip = eighth_more(old->tip_wei);
    if (needed > most_wei || tip > most_wei || old->max_wei > limit / 2) {
        return CT_ERR_REFUSED;
    }
    uint64_t max = least(greatest(needed, now->max_wei), most_wei);
    *out = (struct ct_fee){.max_wei = greatest(max, tip),
                           .tip_wei = least(greatest(tip, now->tip_wei), greatest(max, tip))};
    return CT_OK;
}
