/* What a transaction offers for a unit of gas: at first, and when nobody takes it for that. */
#ifndef CT_WM_FEE_H
#define CT_WM_FEE_H

#include <stdint.h>

#include <chainturn/err.h>
#include "chain/u256.h"

struct ct_fee {
    uint64_t max_wei; /* at most, base fee and tip together */
    uint64_t tip_wei;
};

/* As endpoints tell it, but never above most_wei. */
struct ct_fee ct_fee_first(const struct ct_u256 *max, const struct ct_u256 *tip, uint64_t most_wei);
/*
 * An eighth more than old, or what is asked now when that is more: nodes want a tenth more before
 * they replace one. CT_ERR_REFUSED: that would be above most_wei.
 */
CT_MUST_USE ct_err ct_fee_bump(struct ct_fee *out, const struct ct_fee *old,
                               const struct ct_fee *now, uint64_t most_wei);

#endif
