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

/* When it would be full again; what it cannot hold is lost. */
static uint64_t put_in(uint64_t full_at, uint64_t time, uint64_t now)
{
    return full_at - now > time ? full_at - time : now;
}

bool ct_bucket_trade(struct ct_bucket *bucket, const struct ct_rate *rate, uint64_t earned,
                     uint64_t units, uint64_t now_ns)
{
    if (rate->cost == 0) {
        return true;
    }
    uint64_t now = now_ns * FRACTION;
    uint64_t full_at = atomic_load_explicit(&bucket->full_at, memory_order_relaxed);
    for (;;) {
        uint64_t from = full_at > now ? full_at : now;
        uint64_t next = put_in(from + units * rate->cost, earned * rate->cost, now);
        bool fits = next - now <= rate->burst;
        if (!fits) {
            next = put_in(from, earned * rate->cost, now);
        }
        if ((!fits && earned == 0) ||
            atomic_compare_exchange_weak_explicit(&bucket->full_at, &full_at, next,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return fits;
        }
    }
}

bool ct_bucket_take(struct ct_bucket *bucket, const struct ct_rate *rate, uint64_t units,
                    uint64_t now_ns)
{
    return ct_bucket_trade(bucket, rate, 0, units, now_ns);
}

uint64_t ct_bucket_owe(struct ct_bucket *bucket, const struct ct_rate *rate, uint64_t units,
                       uint64_t most_ns, uint64_t now_ns)
{
    uint64_t now = now_ns * FRACTION;
    uint64_t full_at = atomic_load_explicit(&bucket->full_at, memory_order_relaxed);
    uint64_t next = 0;
    if (rate->cost == 0) {
        return 0;
    }
    do {
        uint64_t from = full_at > now ? full_at : now;
        if (from - now > rate->burst + most_ns * FRACTION) {
            return UINT64_MAX;
        }
        next = from + units * rate->cost;
    } while (!atomic_compare_exchange_weak_explicit(&bucket->full_at, &full_at, next,
                                                    memory_order_relaxed, memory_order_relaxed));
    return next - now > rate->burst ? (next - now - rate->burst) / FRACTION : 0;
}

bool ct_bucket_is_full(const struct ct_bucket *bucket, uint64_t now_ns)
{
    return atomic_load_explicit(&bucket->full_at, memory_order_relaxed) <= now_ns * FRACTION;
}
