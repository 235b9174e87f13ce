/* The relay's life on the chain, on a thread of its own: registers, and keeps reading. */
#include "registrar.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "chain/chain.h"
#include "enrol.h"
#include "follow.h"

enum {
    RETRY_MIN_MS = 1000,
    RETRY_MAX_MS = 60000,
    SHOWS_MS = 60000, /* from the wallet manager's word to the proof */
    SOON_MS = 200,
    BLOCK_MS = 15000, /* longest usual time between blocks */
    TIMEOUT_MS = 5000,
};

struct ct_registrar {
    struct ct_registrar_config config;
    struct ct_follow follow;
    uint64_t started_ms;
    struct ct_enrol_memory memory;
    uint64_t enrol_at_ms; /* not before */
    uint32_t enrol_wait_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under lock */
};

static bool wants_enrolment(const struct ct_registrar *r)
{
    return r->follow.done &&
           (r->follow.standing == CT_STANDING_NEW || r->follow.standing == CT_STANDING_CHANGED) &&
           ct_mono_ms() >= r->enrol_at_ms;
}

static void enrol(struct ct_registrar *r)
{
    struct ct_why why = {""};
    uint64_t now = ct_mono_ms();
    ct_board_registrar(r->config.board, "getting this relay listed");
    ct_err err =
        ct_relay_enrol(r->follow.chain, &r->config, r->follow.index, &r->memory, now, &why);
    if (err == CT_OK) {
        ct_board_registrar(r->config.board, "approved, waiting for its block");
        ct_follow_reread(&r->follow); /* and give the approval's block time to show */
        r->enrol_at_ms = ct_mono_ms() + SHOWS_MS;
        r->enrol_wait_ms = 0;
        return;
    }
    if (err == CT_ERR_AGAIN) {
        ct_board_registrar(r->config.board, "registered, waiting for its block");
        return;
    }
    ct_board_registrar(r->config.board, "failed, to be tried again");
    r->enrol_wait_ms = r->enrol_wait_ms == 0                 ? RETRY_MIN_MS
                       : r->enrol_wait_ms < RETRY_MAX_MS / 2 ? 2 * r->enrol_wait_ms
                                                             : RETRY_MAX_MS;
    r->enrol_at_ms = ct_mono_ms() + r->enrol_wait_ms;
    ct_follow_tell(&r->follow, "enrolment_failed", &why);
}

/* false when the thread has to end. */
static bool wait_ms(struct ct_registrar *r, uint32_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&r->lock);
    int waited = 0;
    while (!r->stopping && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&r->wake, &r->lock, &until);
    }
    bool go_on = !r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    return go_on;
}

/* A contract of just now may lie in blocks too new to be read: that is waited for. */
static bool is_final(const struct ct_registrar *r)
{
    uint64_t depth_ms = r->config.bundle->safety_depth * BLOCK_MS;
    return !ct_snapshot_read(&r->config.sets->relays) && ct_mono_ms() - r->started_ms >= depth_ms;
}

static void *run(void *arg)
{
    struct ct_registrar *r = arg;
    bool down = false;
    uint32_t pause = 0;
    while (wait_ms(r, pause)) {
        struct ct_why why = {""};
        pause = r->config.poll_ms;
        ct_err err = ct_follow_refresh(&r->follow, &why);
        if (err != CT_OK) {
            ct_follow_tell(&r->follow, "chain_unreadable", &why);
            if (err == CT_ERR_CHAIN && is_final(r)) {
                r->config.not_our_chain(r->config.arg);
            }
            down = true;
            continue;
        }
        if (down) {
            ct_log(&r->config.log, CT_LOG_INFO, "chain_readable_again");
            r->follow.told[0] = '\0';
            down = false;
        }
        if (r->follow.is_behind) {
            pause = SOON_MS;
        }
        if (wants_enrolment(r)) {
            enrol(r);
            pause = r->config.poll_ms < SOON_MS ? r->config.poll_ms : SOON_MS;
        } else if (r->follow.standing == CT_STANDING_LISTED) {
            ct_board_registrar(r->config.board, "nothing to do");
        }
    }
    ct_chain_free(r->follow.chain);
    return NULL;
}

/* Signals are the server's: its event loop answers them, not this thread. */
static ct_err start_thread(struct ct_registrar *r)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&r->thread, NULL, run, r);
    if (!failed) {
        (void)pthread_detach(r->thread); /* the process ends without it, see ct_registrar_stop() */
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? CT_ERR_SYSTEM : CT_OK;
}

static ct_err init_waiting(struct ct_registrar *r)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        return CT_ERR_SYSTEM;
    }
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&r->wake, &attr) == 0 && pthread_mutex_init(&r->lock, NULL) == 0;
    (void)pthread_condattr_destroy(&attr);
    return ok ? CT_OK : CT_ERR_SYSTEM;
}

ct_err ct_registrar_new(struct ct_registrar **out, const struct ct_registrar_config *config,
                        struct ct_why *why)
{
    struct ct_registrar *r = calloc(1, sizeof(*r));
    if (!r || init_waiting(r) != CT_OK) {
        free(r);
        return ct_why(why, CT_ERR_NOMEM, "no memory for the registrar");
    }
    r->config = *config;
    r->follow.config = &r->config;
    struct ct_chain_env env = {.log = config->log, .timeout_ms = TIMEOUT_MS};
    ct_err err = ct_chain_open(&r->follow.chain, config->bundle, &env, why);
    if (err != CT_OK) {
        free(r);
        return err;
    }
    ct_follow_load(&r->follow);
    *out = r;
    return CT_OK;
}

ct_err ct_registrar_start(struct ct_registrar *r, struct ct_why *why)
{
    r->started_ms = ct_mono_ms();
    return start_thread(r) == CT_OK
               ? CT_OK
               : ct_why(why, CT_ERR_SYSTEM, "the registrar's thread could not be started");
}

void ct_registrar_stop(struct ct_registrar *registrar)
{
    (void)pthread_mutex_lock(&registrar->lock);
    registrar->stopping = true;
    (void)pthread_cond_signal(&registrar->wake);
    (void)pthread_mutex_unlock(&registrar->lock);
}
