/* A thread for what waits for others (chain, wallet manager), so that the packet loop never does.
 */
#ifndef CT_CLIENT_WORKER_H
#define CT_CLIENT_WORKER_H

#include <stdbool.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/key.h"
#include "chain/registry.h"
#include "home.h"
#include "kex/x25519.h"

struct ct_chain; /* chain/chain.h */
struct ct_wm;    /* wm/wm.h */

/* What jobs work with; it belongs to the thread once that runs. */
struct ct_worker_env {
    struct ct_bundle bundle;
    struct ct_home home;
    struct ct_log log;
    struct ct_chain *chain; /* opened by the first job that needs it */
    struct ct_wm *wm;
    struct ct_wm_key wm_keys[2]; /* that wm was opened with */
    bool has_keys;
    char identity[64];
    struct ct_wallet wallet;
    struct ct_x25519 key;
    uint32_t
        replace_ms; /* own transactions get a higher fee outside a block for so long; 0: 30 s */
};

/* One piece of work: the first member of a struct of its own. */
struct ct_job {
    void (*run)(struct ct_job *job, struct ct_worker_env *env); /* in the thread */
    void (*done)(struct ct_job *job, void *owner);              /* at the owner; frees the job */
    struct ct_job *next;
    ct_err err;
    struct ct_why why;
};

struct ct_worker;

/* bundle, home and log of env are copied. The thread starts with the first job. */
CT_MUST_USE ct_err ct_worker_new(struct ct_worker **out, const struct ct_worker_env *env);
/*
 * Drops the jobs that wait (free()) and wipes. A job that runs has two seconds to end; after that
 * the thread is left to itself and cleans up when it ends, and this returns false: the process
 * should end by _exit(), since libraries' clean-up at exit() would pull the rug from under it.
 * lock: -1, or a descriptor that is closed once no job runs any more.
 */
bool ct_worker_free(struct ct_worker *worker, int lock);
int ct_worker_fd(const struct ct_worker *worker); /* readable when jobs are done */
/* Takes the job, which was allocated with malloc(). */
CT_MUST_USE ct_err ct_worker_submit(struct ct_worker *worker, struct ct_job *job);
/* Calls done of every job that is. */
void ct_worker_collect(struct ct_worker *worker, void *owner);

#endif
