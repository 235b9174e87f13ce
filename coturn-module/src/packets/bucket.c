/* A token bucket in one word: the time at which it is full again, RFC-less GCRA. */
#include "packets/bucket.h"

enum { FRACTION = 64 };

struct ct_rate ct_rate_of(uint64_t units_per_s, unsigned burst_s)
{
    struct ct_rate rate = {0, 0};
    if (units_per_s > 0) {
        uint64_t second = UINT64_C(1000000000) * FRACTION;
        rate.cost = second / units_per_s > 0 ? second / units_per_s : 1;
        rate.burst = second * burst_s;
    }
    return rate;
}

bool ct_bucket_take(struct ct_bucket *bucket, const struct ct_rate *rate, uint64_t units,
                    uint64_t now_ns)
{
    if (rate->cost == 0) {
        return true;
    }
    uint64_t now = now_ns * FRACTION;
    uint64_t full_at = atomic_load_explicit(&bucket->full_at, memory_order_relaxed);
    for (;;) {
        uint64_t from = full_at > now ? full_at : now;
        uint64_t next = from + units * rate->cost;
        if (next - now > rate->burst) {
            return false;
        }
        if (atomic_compare_exchange_weak_explicit(&bucket->full_at, &full_at, next,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
}
