/* Draining: no new allocations, those that are there go on, and when is it over? */
#include "life/drain.h"

bool ct_drain_begin(struct ct_drain *d, uint64_t now_ms)
{
    uint64_t none = 0;
    return atomic_compare_exchange_strong(&d->since_ms, &none, now_ms);
}

bool ct_drain_is_on(const struct ct_drain *d)
{
    return atomic_load(&d->since_ms) != 0;
}

void ct_drain_count(struct ct_drain *d, int change)
{
    atomic_fetch_add(&d->allocations, (uint32_t)change);
}

bool ct_drain_is_over(const struct ct_drain *d, bool gone, uint32_t limit_s, uint64_t now_ms)
{
    uint64_t since_ms = atomic_load(&d->since_ms);
    if (since_ms == 0) {
        return false;
    }
    uint64_t took_ms = now_ms - since_ms;
    if (limit_s != 0 && took_ms >= (uint64_t)limit_s * 1000) {
        return true;
    }
    return atomic_load(&d->allocations) == 0 && (gone || took_ms >= CT_DRAIN_WITHDRAWN_WITHIN_MS);
}
