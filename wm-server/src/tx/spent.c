/* Wei into gwei, counted. */
#include "tx/spent.h"

#include "operator/metrics.h"

static uint64_t gwei(const struct ct_u256 *wei)
{
    struct ct_u256 whole;
    uint32_t rest = 0;
    uint64_t value = 0;
    if (ct_u256_div_u32(&whole, &rest, wei, 1000000000) != CT_OK ||
        ct_u256_to_u64(&value, &whole) != CT_OK) {
        return 0;
    }
    return value + (rest >= 500000000);
}

void ct_spent_gas(uint64_t gas, const struct ct_u256 *price_wei)
{
    struct ct_u256 wei;
    ct_metrics_add(CT_METRIC_GAS_USED, gas);
    if (ct_u256_mul_u64(&wei, price_wei, gas) == CT_OK) {
        ct_metrics_add(CT_METRIC_GAS_SPENT, gwei(&wei));
    }
}

void ct_spent_payment(const struct ct_u256 *wei)
{
    ct_metrics_count(CT_METRIC_FUNDED);
    ct_metrics_add(CT_METRIC_FUNDED_SPENT, gwei(wei));
}
