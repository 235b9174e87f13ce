/* Background rounds on a condition variable of the monotonic clock. */
#include "service/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

struct ct_loop {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool kicked, ending;
    uint32_t period_ms;
    ct_loop_round *round;
    void *arg;
    pthread_t thread;
};

/* True when there is another round to do. */
static bool rest(struct ct_loop *l)
{
    const struct timespec until = ct_mono_after_ms(l->period_ms);
    int code = 0;
    (void)pthread_mutex_lock(&l->lock);
    while (!l->kicked && !l->ending && code == 0) {
        code = pthread_cond_timedwait(&l->change, &l->lock, &until);
    }
    l->kicked = false;
    bool more = !l->ending;
    (void)pthread_mutex_unlock(&l->lock);
    return more;
}

static void *run(void *arg)
{
    struct ct_loop *l = arg;
    do {
        l->round(l->arg, l);
    } while (rest(l));
    return NULL;
}

ct_err ct_loop_start(struct ct_loop **out, uint32_t period_ms, ct_loop_round *round, void *arg)
{
    struct ct_loop *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return CT_ERR_NOMEM;
    }
    l->period_ms = period_ms;
    l->round = round;
    l->arg = arg;
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&l->change, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&l->lock, NULL);

    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int code = pthread_create(&l->thread, NULL, run, l);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        free(l);
        return CT_ERR_SYSTEM;
    }
    *out = l;
    return CT_OK;
}

void ct_loop_kick(struct ct_loop *l)
{
    if (l != NULL) {
        (void)pthread_mutex_lock(&l->lock);
        l->kicked = true;
        (void)pthread_cond_signal(&l->change);
        (void)pthread_mutex_unlock(&l->lock);
    }
}

bool ct_loop_ending(struct ct_loop *l)
{
    (void)pthread_mutex_lock(&l->lock);
    bool ending = l->ending;
    (void)pthread_mutex_unlock(&l->lock);
    return ending;
}

void ct_loop_stop(struct ct_loop *l)
{
    if (l == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    l->ending = true;
    (void)pthread_cond_signal(&l->change);
    (void)pthread_mutex_unlock(&l->lock);
    (void)pthread_join(l->thread, NULL);
    (void)pthread_cond_destroy(&l->change);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}
