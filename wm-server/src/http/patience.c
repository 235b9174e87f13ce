/* Deadlines of sockets: all are equally long, so the list is in their order and only its head
 * counts.
 */
#include "http/patience.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

enum state { WAITING, WORKING, ANSWERING, STREAMING, LEAVING /* shut down, not closed yet */ };

struct ct_guest {
    TAILQ_ENTRY(ct_guest) at;
    enum state state;
    bool has_asked;
    int fd;
    uint8_t from16[16];
    uint64_t until_ms;
};

TAILQ_HEAD(guests, ct_guest);

struct ct_patience {
    pthread_mutex_t lock;
    pthread_cond_t change;
    struct guests timed; /* WAITING and ANSWERING, the next deadline first */
    struct guests untimed;
    size_t present; /* all but LEAVING */
    size_t busy;    /* WORKING and ANSWERING */
    size_t most, per_address;
    uint32_t timeout_ms;
    bool ending, settling;
    pthread_t thread;
};

static bool is_timed(enum state state)
{
    return state == WAITING || state == ANSWERING;
}

static bool is_busy(enum state state)
{
    return state == WORKING || state == ANSWERING;
}

static void forget(struct ct_patience *p, struct ct_guest *g)
{
    TAILQ_REMOVE(is_timed(g->state) ? &p->timed : &p->untimed, g, at);
    p->present -= g->state != LEAVING;
    p->busy -= is_busy(g->state);
}

static void keep(struct ct_patience *p, struct ct_guest *g, enum state state)
{
    /* a deadline is never earlier than those before it: only the first one ever wakes the watch */
    if (p->settling || (is_timed(state) && TAILQ_EMPTY(&p->timed))) {
        (void)pthread_cond_broadcast(&p->change);
    }
    g->state = state;
    g->has_asked = g->has_asked || is_busy(state);
    g->until_ms = ct_mono_ms() + p->timeout_ms;
    TAILQ_INSERT_TAIL(is_timed(state) ? &p->timed : &p->untimed, g, at);
    p->present += state != LEAVING;
    p->busy += is_busy(state);
}

static void move(struct ct_patience *p, struct ct_guest *g, enum state state)
{
    (void)pthread_mutex_lock(&p->lock);
    if (g->state != LEAVING) {
        forget(p, g);
        keep(p, g, state);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* The thread that serves the socket sees its end and closes it. */
static void send_away(struct ct_patience *p, struct ct_guest *g)
{
    (void)shutdown(g->fd, SHUT_RDWR);
    forget(p, g);
    keep(p, g, LEAVING);
}

/* Until the deadline of the head, or until something changes. */
static void rest(struct ct_patience *p)
{
    const struct ct_guest *first = TAILQ_FIRST(&p->timed);
    if (first == NULL) {
        (void)pthread_cond_wait(&p->change, &p->lock);
        return;
    }
    const struct timespec until = {.tv_sec = (time_t)(first->until_ms / 1000),
                                   .tv_nsec = (long)(first->until_ms % 1000) * 1000000L};
    (void)pthread_cond_timedwait(&p->change, &p->lock, &until);
}

static void *watch(void *arg)
{
    struct ct_patience *p = arg;
    (void)pthread_mutex_lock(&p->lock);
    while (!p->ending) {
        struct ct_guest *first = TAILQ_FIRST(&p->timed);
        if (first != NULL && ct_mono_ms() >= first->until_ms) {
            send_away(p, first);
        } else {
            rest(p);
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

ct_err ct_patience_new(struct ct_patience **out, size_t guests, size_t per_address,
                       uint32_t timeout_ms)
{
    struct ct_patience *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return CT_ERR_NOMEM;
    }
    TAILQ_INIT(&p->timed);
    TAILQ_INIT(&p->untimed);
    p->most = guests;
    p->per_address = per_address;
    p->timeout_ms = timeout_ms;
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&p->change, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&p->lock, NULL);

    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int code = pthread_create(&p->thread, NULL, watch, p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        free(p);
        return CT_ERR_SYSTEM;
    }
    *out = p;
    return CT_OK;
}

void ct_patience_free(struct ct_patience *p)
{
    if (p == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->ending = true;
    (void)pthread_cond_broadcast(&p->change);
    (void)pthread_mutex_unlock(&p->lock);
    (void)pthread_join(p->thread, NULL);
    (void)pthread_cond_destroy(&p->change);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- places ---- */

/* The oldest that may go, of that address or of all (NULL): one that asked nothing comes first. */
static struct ct_guest *oldest(struct ct_patience *p, const uint8_t *from16)
{
    struct ct_guest *idle = NULL;
    struct ct_guest *g;
    TAILQ_FOREACH(g, &p->timed, at)
    {
        /* cppcheck-suppress uninitvar; TAILQ_FOREACH sets it */
        if (g->state != WAITING || (from16 != NULL && memcmp(g->from16, from16, 16) != 0)) {
            continue;
        }
        if (!g->has_asked) {
            return g;
        }
        idle = idle == NULL ? g : idle;
    }
    return idle;
}

static size_t count_of(const struct ct_patience *p, const uint8_t from16[16])
{
    size_t count = 0;
    const struct ct_guest *g;
    TAILQ_FOREACH(g, &p->timed, at)
    {
        count += memcmp(g->from16, from16, 16) == 0;
    }
    TAILQ_FOREACH(g, &p->untimed, at)
    {
        /* cppcheck-suppress uninitvar; TAILQ_FOREACH sets it */
        count += g->state != LEAVING && memcmp(g->from16, from16, 16) == 0;
    }
    return count;
}

/* False when there is no place to be had. */
static bool make_room(struct ct_patience *p, const uint8_t from16[16])
{
    bool has_share = p->present >= p->per_address && count_of(p, from16) >= p->per_address;
    if (!has_share && p->present < p->most) {
        return true;
    }
    struct ct_guest *g = oldest(p, has_share ? from16 : NULL);
    if (g != NULL) {
        send_away(p, g);
    }
    return g != NULL;
}

struct ct_guest *ct_patience_enter(struct ct_patience *p, int fd, const uint8_t from16[16])
{
    struct ct_guest *g = calloc(1, sizeof *g);
    if (g == NULL) {
        (void)shutdown(fd, SHUT_RDWR);
        return NULL;
    }
    g->fd = fd;
    memcpy(g->from16, from16, sizeof g->from16);
    (void)pthread_mutex_lock(&p->lock);
    bool has_room = make_room(p, from16);
    if (!has_room) {
        (void)shutdown(fd, SHUT_RDWR);
    }
    keep(p, g, has_room ? WAITING : LEAVING);
    (void)pthread_mutex_unlock(&p->lock);
    return g;
}

void ct_patience_working(struct ct_patience *p, struct ct_guest *g)
{
    if (g != NULL) {
        move(p, g, WORKING);
    }
}

void ct_patience_answering(struct ct_patience *p, struct ct_guest *g)
{
    if (g != NULL) {
        move(p, g, ANSWERING);
    }
}

void ct_patience_streaming(struct ct_patience *p, struct ct_guest *g)
{
    if (g != NULL) {
        move(p, g, STREAMING);
    }
}

void ct_patience_waiting(struct ct_patience *p, struct ct_guest *g)
{
    if (g != NULL) {
        move(p, g, WAITING);
    }
}

void ct_patience_leave(struct ct_patience *p, struct ct_guest *g)
{
    if (g == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    forget(p, g);
    if (p->settling) {
        (void)pthread_cond_broadcast(&p->change);
    }
    (void)pthread_mutex_unlock(&p->lock);
    free(g);
}

void ct_patience_settle(struct ct_patience *p, uint32_t timeout_ms)
{
    uint64_t until_ms = ct_mono_ms() + timeout_ms;
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000L};
    (void)pthread_mutex_lock(&p->lock);
    p->settling = true;
    while (p->busy > 0 && ct_mono_ms() < until_ms) {
        (void)pthread_cond_timedwait(&p->change, &p->lock, &until);
    }
    p->settling = false;
    (void)pthread_mutex_unlock(&p->lock);
}
