/* Becoming and staying a device: keys, pass, relay, record; jobs of the worker. */
#ifndef CT_CLIENT_ENROL_H
#define CT_CLIENT_ENROL_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "lane.h"
#include "worker.h"

/* A pass is renewed when less than a tenth of its day is left. */
bool ct_pass_is_good(const struct ct_own_pass *pass, const uint8_t deployment32[32],
                     uint64_t now_s);

#define CT_TOKEN_CAP 640

/* Everything that comes before an allocation. */
struct ct_prepare {
    struct ct_job job;
    /* in */
    char identity[64]; /* "": that of HOME, or a UUID */
    char token[CT_TOKEN_CAP];
    bool only_pass; /* no relay is needed: to dial */
    /* out */
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_own_pass pass;
    struct ct_relay relay;
    uint32_t relay_rtt_us;
    bool is_registered;      /* approved, with this wallet and key */
    struct ct_device device; /* the record when is_registered */
    uint64_t block, time_s;
};
void ct_prepare_run(struct ct_job *job, struct ct_worker_env *env);

/* Makes the record on chain name this relay and port, unless it does. */
struct ct_register {
    struct ct_job job;
    /* in */
    char token[CT_TOKEN_CAP]; /* "" for a registered device */
    uint16_t relay, port;
    /* out */
    bool was_written;
    uint64_t block;
};
void ct_register_run(struct ct_job *job, struct ct_worker_env *env);

#endif
