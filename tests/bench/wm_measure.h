/* Measurements that are repeated, in turn with others, and told by their median. */
#ifndef CT_BENCH_WM_MEASURE_H
#define CT_BENCH_WM_MEASURE_H

#include <sys/types.h>

#include "wm_stage.h"

enum { BENCH_CONNECTIONS = 64, BENCH_SHAKERS = 32 };

/* What is asked for, and over what. */
struct bench_way_in {
    const char *name;
    enum bench_way way;
    void (*path)(void *arg, size_t psk, uint64_t n, char *out, size_t cap);
};

struct bench_one {
    struct bench_seen seen;
    double cpu_us; /* of the server, for one */
    double others; /* percent of the machine that neither server nor load had */
};

/* In the order of their rates: the one in the middle is told. */
struct bench_sum {
    struct bench_one of[16];
    size_t count;
};

void bench_tell(const char *name, const struct bench_sum *sum);
/* Load on that process: into the sum. */
bool bench_put(struct bench_sum *sum, const struct bench_load *load, bool shakes, pid_t pid);
/* The same on the wallet manager, whose store has so many devices. */
bool bench_wm_once(struct bench_sum *sum, const struct bench_way_in *way,
                   const struct bench_size *size, bool shakes, size_t devices);

/* Paths: the server's health, who asks, and the operation of a random device of that psk's wallet
 * (arg: struct bench_devices). */
void bench_path_health(void *arg, size_t psk, uint64_t n, char *out, size_t cap);
void bench_path_me(void *arg, size_t psk, uint64_t n, char *out, size_t cap);
void bench_path_operation(void *devices, size_t psk, uint64_t n, char *out, size_t cap);

struct bench_devices {
    size_t count;
};

#endif
