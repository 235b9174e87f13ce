/* The relay's life on the chain, on a thread of its own: registers, and keeps reading. */
#include "life/registrar.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "chain/chain.h"
#include "life/course.h"
#include "follow/follow.h"

enum {
    SOON_MS = 200,
    BUSY_MS = 1000,   /* with a transaction under way, which takes blocks */
    TENDS_MS = 1000,  /* the longest time without a look at the registrar */
    BLOCK_MS = 15000, /* longest usual time between blocks */
    TIMEOUT_MS = 5000,
};

struct ct_registrar {
    struct ct_registrar_config config;
    struct ct_follow follow;
    struct ct_course course;
    uint64_t started_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* these under lock */
    bool is_leaving;
    bool is_woken;
    bool is_gone;
};

/* false when the thread has to end. */
static bool wait_ms(struct ct_registrar *r, uint32_t ms)
{
    struct timespec until = ct_mono_after_ms(ms);
    (void)pthread_mutex_lock(&r->lock);
    int waited = 0;
    while (!r->stopping && !r->is_woken && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&r->wake, &r->lock, &until);
    }
    bool go_on = !r->stopping;
    r->is_woken = false;
    (void)pthread_mutex_unlock(&r->lock);
    return go_on;
}

/* A contract of just now may lie in blocks too new to be read: that is waited for. */
static bool is_final(const struct ct_registrar *r)
{
    uint64_t depth_ms = r->config.bundle->safety_depth * BLOCK_MS;
    return !ct_snapshot_read(&r->config.sets->relays) && ct_mono_ms() - r->started_ms >= depth_ms;
}

/* What the chain says, and what is to be done about it; the pause until the next time. */
static uint32_t turn(struct ct_registrar *r, bool *down, bool is_leaving)
{
    struct ct_why why = {""};
    ct_err err = ct_follow_refresh(&r->follow, &why);
    if (err != CT_OK) {
        ct_follow_tell(&r->follow, "chain_unreadable", &why);
        if (err == CT_ERR_CHAIN && is_final(r)) {
            r->config.not_our_chain(r->config.arg);
        }
        *down = true;
        return r->config.poll_ms;
    }
    if (*down) {
        ct_log(&r->config.log, CT_LOG_INFO, "chain_readable_again");
        r->follow.told[0] = '\0';
        *down = false;
    }
    if (r->config.link) {
        ct_course_step(&r->course, is_leaving);
    }
    uint32_t pause_ms = r->follow.is_behind             ? SOON_MS
                        : ct_course_is_busy(&r->course) ? BUSY_MS
                                                        : r->config.poll_ms;
    return pause_ms < r->config.poll_ms ? pause_ms : r->config.poll_ms;
}

static bool is_leaving(void *arg)
{
    struct ct_registrar *r = arg;
    (void)pthread_mutex_lock(&r->lock);
    bool leaves = r->is_leaving;
    (void)pthread_mutex_unlock(&r->lock);
    return leaves;
}

static void tell_gone(struct ct_registrar *r)
{
    bool gone = r->course.step == CT_LIFE_GONE;
    (void)pthread_mutex_lock(&r->lock);
    r->is_gone = gone;
    (void)pthread_cond_broadcast(&r->wake);
    (void)pthread_mutex_unlock(&r->lock);
    if (r->config.leaving) {
        r->config.leaving(r->config.arg, gone);
    }
}

static void keep_statement(struct ct_registrar *r)
{
    struct ct_why why = {""};
    const struct ct_registrar_config *c = &r->config;
    if (c->statement != NULL && ct_own_statement_keep(c->statement, c->bundle, c->record, c->wallet,
                                                      ct_wall_s(), &why) != CT_OK) {
        ct_log(&c->log, CT_LOG_ERROR, "statement_unsigned cause=\"%s\"", why.text);
    }
}

static void *run(void *arg)
{
    struct ct_registrar *r = arg;
    bool down = false;
    bool left = false; /* as it was at the last look */
    uint64_t next_ms = 0;
    uint32_t pause = 0;
    while (wait_ms(r, pause)) {
        bool leaves = is_leaving(r);
        if (r->config.link) {
            ct_rg_link_tend(r->config.link);
        }
        keep_statement(r);
        uint64_t now = ct_mono_ms();
        if (now >= next_ms || leaves != left) {
            next_ms = turn(r, &down, leaves) + ct_mono_ms();
            now = ct_mono_ms();
            left = leaves;
        }
        if (leaves) {
            tell_gone(r);
        }
        uint64_t until = next_ms > now ? next_ms - now : 0;
        pause = until < TENDS_MS ? (uint32_t)until : TENDS_MS;
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
    atomic_store(&config->sets->log_confirmed_s,
                 ct_wall_s()); /* a start has the time of an outage */
    r->course.config = &r->config;
    r->course.follow = &r->follow;
    r->course.gives_up = is_leaving;
    r->course.arg = r;
    if (config->link) {
        ct_course_load(&r->course);
    }
    *out = r;
    return CT_OK;
}

ct_err ct_registrar_start(struct ct_registrar *r, struct ct_why *why)
{
    r->started_ms = ct_mono_ms();
    keep_statement(r); /* before anybody is told that the server is there */
    return start_thread(r) == CT_OK
               ? CT_OK
               : ct_why(why, CT_ERR_SYSTEM, "the registrar's thread could not be started");
}

void ct_registrar_leave(struct ct_registrar *registrar)
{
    (void)pthread_mutex_lock(&registrar->lock);
    registrar->is_leaving = registrar->is_woken = true;
    (void)pthread_cond_broadcast(&registrar->wake);
    (void)pthread_mutex_unlock(&registrar->lock);
}

bool ct_registrar_await_gone(struct ct_registrar *registrar, uint32_t within_ms)
{
    struct timespec until = ct_mono_after_ms(within_ms);
    (void)pthread_mutex_lock(&registrar->lock);
    int waited = 0;
    while (!registrar->is_gone && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&registrar->wake, &registrar->lock, &until);
    }
    bool gone = registrar->is_gone;
    (void)pthread_mutex_unlock(&registrar->lock);
    return gone;
}

void ct_registrar_stop(struct ct_registrar *registrar)
{
    (void)pthread_mutex_lock(&registrar->lock);
    registrar->stopping = true;
    (void)pthread_cond_broadcast(&registrar->wake);
    (void)pthread_mutex_unlock(&registrar->lock);
}
