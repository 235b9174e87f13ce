/* A token bucket in one word: any thread takes from it without a lock. */
#ifndef CT_RELAY_BUCKET_H
#define CT_RELAY_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Units a second and at once; cost 0: no limit. Times are 1/64 ns. */
struct ct_rate {
    uint64_t cost; /* time that one unit takes */
    uint64_t burst;
};

struct ct_bucket { /* all zero: full */
    _Atomic uint64_t full_at;
};

/* 0: no limit. burst_s: how many seconds' worth may come at once. */
struct ct_rate ct_rate_of(uint64_t units_per_s, unsigned burst_s);
/* false: not that many units are there; nothing is taken. */
bool ct_bucket_take(struct ct_bucket *bucket, const struct ct_rate *rate, uint64_t units,
                    uint64_t now_ns);
bool ct_bucket_is_full(const struct ct_bucket *bucket, uint64_t now_ns);
/* As take, and earned units are put in first, or, when they do not suffice, alone. */
bool ct_bucket_trade(struct ct_bucket *bucket, const struct ct_rate *rate, uint64_t earned,
                     uint64_t units, uint64_t now_ns);

/*
 * Takes units even when they are not there: returns the time until what is owed has come in, ns; 0
 * when nothing is. UINT64_MAX: as much as most_ns brings in is owed already, and nothing is taken.
 */
uint64_t ct_bucket_owe(struct ct_bucket *bucket, const struct ct_rate *rate, uint64_t units,
                       uint64_t most_ns, uint64_t now_ns);

#endif
