/* One device on its way into the registry, a step at a time. */
#ifndef CT_BENCH_WM_DEVICE_H
#define CT_BENCH_WM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"

enum bench_step {
    BENCH_START,
    BENCH_REGISTERING, /* sponsored: the one operation that is waited for */
    BENCH_PAYING,      /* funded: its ether is on the way */
    BENCH_WRITING,     /* its own transaction */
    BENCH_APPROVING,
    BENCH_DONE,
    BENCH_FAILED,
};

struct bench_device {
    struct device device;
    bool is_funded;
    enum bench_step step;
    struct ct_wm_operation op;
    struct ct_wm_voucher voucher;
    uint8_t hash32[32]; /* of its transaction */
    unsigned tries;     /* of the first request: a chain that could not be asked is asked again */
    uint64_t began_ms, due_ms, ended_ms;
};

/* Key, wallet and token; nothing is asked of anybody yet. */
bool bench_device_new(struct bench_device *d, size_t number, bool is_funded);
/* Asks what comes next: enrolment and registration first, then how it goes. chain is the thread's
 * own. */
void bench_device_step(struct bench_device *d, struct ct_chain *chain);

#endif
