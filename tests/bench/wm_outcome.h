/* What a round of onboarding showed. */
#ifndef CT_BENCH_WM_OUTCOME_H
#define CT_BENCH_WM_OUTCOME_H

#include <stddef.h>

struct bench_outcome {
    double rate, p50_ms, p99_ms;
    double server_ms, chain_ms, load_ms, store_ms; /* of processor, a device */
    double others, not_done;
};

/* Figures of the round in the middle of so many, which are put in order. */
void bench_tell_outcome(const char *scene, struct bench_outcome *of, size_t rounds);

#endif
