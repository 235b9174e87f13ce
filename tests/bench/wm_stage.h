/* What the stages of the bench share: the platform under load, and lines of figures. */
#ifndef CT_BENCH_WM_STAGE_H
#define CT_BENCH_WM_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wm_load.h"

struct bench_size {
    bool is_quick;
    uint32_t ms;      /* of one measurement */
    unsigned rounds;  /* of those that are compared side by side */
    size_t few, many; /* devices in the store */
    size_t idle;      /* connections */
    size_t pending;   /* operations at the restart */
    size_t devices;   /* that are onboarded in one measurement */
};

/* "figure NAME VALUE", for wm.mjs. */
void bench_figure(const char *name, double value);
void bench_figures(const char *prefix, const struct bench_seen *seen);

/* Ports of the server under load. */
uint16_t bench_plain_port(void);
uint16_t bench_tls_port(void);
/* Chain, configuration with limits out of the way, store; not running yet. */
bool bench_platform(const char *server, bool on_redis);
/* Starts the server, with a new block: it refuses a chain that stands still. */
bool bench_run(void);
/* The SQLite file of that name is the store from the next start on. */
bool bench_use_store(const char *name);
const char *bench_store_path(void);
/* The store with few devices, made when it is not there. */
bool bench_few_store(const struct bench_size *size);

/* Stages: false, and a message, when one could not be done. */
bool bench_stage_reads(const struct bench_size *size);   /* requests and handshakes */
bool bench_stage_memory(const struct bench_size *size);  /* idle connections */
bool bench_stage_many(const struct bench_size *size);    /* devices in the store */
bool bench_stage_restart(const struct bench_size *size); /* after kill -9 */
bool bench_stage_onboard(const struct bench_size *size, const char *server);

#endif
