/* Draining: no new allocations, those that are there go on, and when is it over? */
#ifndef CT_RELAY_DRAIN_H
#define CT_RELAY_DRAIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero at first. Any thread. */
struct ct_drain {
    _Atomic uint64_t since_ms; /* 0: it does not drain */
    _Atomic uint32_t allocations;
};

/* A dead chain does not hold up the end for longer than that. */
enum { CT_DRAIN_WITHDRAWN_WITHIN_MS = 120000 };

/* true: it begins now; false: it drains already. now_ms is not 0. */
bool ct_drain_begin(struct ct_drain *d, uint64_t now_ms);
bool ct_drain_is_on(const struct ct_drain *d);
void ct_drain_count(struct ct_drain *d, int change);
/* May the process end? gone: the chain lists it no more. limit_s: longest time, 0 none. */
bool ct_drain_is_over(const struct ct_drain *d, bool gone, uint32_t limit_s, uint64_t now_ms);

#endif
