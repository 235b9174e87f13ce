/* Counters that every relay thread adds to in a place of its own, summed when somebody asks. */
#include "packets/tally.h"

void ct_tally_add(struct ct_tally *tally, size_t kind)
{
    unsigned me = ct_thread_number();
    _Atomic uint64_t *place = &tally->threads[me].kinds[kind];
    if (me == CT_THREADS_MAX) {
        (void)atomic_fetch_add_explicit(place, 1, memory_order_relaxed);
        return;
    }
    /* nobody else writes here: no locked instruction is needed */
    atomic_store_explicit(place, atomic_load_explicit(place, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

uint64_t ct_tally_sum(struct ct_tally *tally, size_t kind)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= CT_THREADS_MAX; i++) {
        sum += atomic_load_explicit(&tally->threads[i].kinds[kind], memory_order_relaxed);
    }
    return sum;
}
