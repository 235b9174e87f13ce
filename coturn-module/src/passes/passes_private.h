/* What is known of passes, for the files that make it up. */
#ifndef CT_PASSES_PRIVATE_H
#define CT_PASSES_PRIVATE_H

#include <pthread.h>

#include "passes/passcache.h"
#include "passes/passes.h"

struct ct_passes {
    uint8_t deployment32[32];
    pthread_rwlock_t lock; /* guards what follows: asked at requests, never for a packet */
    struct ct_x25519 relay, other;
    bool has_other;
    struct ct_wm_key keys[2];
    struct ct_revoked revoked;
    pthread_mutex_t cache_lock;
    uint64_t cleared; /* so often; guarded by cache_lock, as what follows */
    struct ct_passcache *cache;
};

void ct_passes_read_keys(struct ct_passes *passes, struct ct_wm_key keys[2]);

#endif
