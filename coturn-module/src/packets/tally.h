/* Counters that every relay thread adds to in a place of its own, summed when somebody asks. */
#ifndef CT_RELAY_TALLY_H
#define CT_RELAY_TALLY_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "packets/thread.h"

enum { CT_TALLY_KINDS = 128 };

struct ct_tally { /* all zero at first */
    struct {
        alignas(64) _Atomic uint64_t kinds[CT_TALLY_KINDS];
    } threads[CT_THREADS_MAX + 1]; /* the last one is shared by threads without a number */
};

void ct_tally_add(struct ct_tally *tally, size_t kind);
uint64_t ct_tally_sum(struct ct_tally *tally, size_t kind);

#endif
