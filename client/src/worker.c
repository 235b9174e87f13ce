/* A thread for what waits for others (chain, wallet manager), so that the packet loop never does.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "chain/chain.h"
#include "wm/wm.h"

#define PATIENCE_S 2

struct queue {
    struct ct_job *first, *last;
};

struct ct_worker {
    struct ct_worker_env env;
    pthread_t thread;
    struct ct_log log; /* the owner's; jobs log through ours, which knows when the owner is gone */
    bool is_running;
    pthread_mutex_t mutex;
    pthread_cond_t work, ended;
    bool ends, has_ended, is_orphan; /* these and the queues: under the mutex */
    struct queue todo, done;
    int pipe[2];
    int lock; /* -1, or closed with the rest */
};

static void push(struct queue *queue, struct ct_job *job)
{
    job->next = NULL;
    if (queue->last != NULL) {
        queue->last->next = job;
    } else {
        queue->first = job;
    }
    queue->last = job;
}

static struct ct_job *pop(struct queue *queue)
{
    struct ct_job *job = queue->first;
    if (job != NULL) {
        queue->first = job->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
    }
    return job;
}

static void destroy(struct ct_worker *w)
{
    struct ct_job *job;
    while ((job = pop(&w->todo)) != NULL || (job = pop(&w->done)) != NULL) {
        free(job);
    }
    ct_wm_free(w->env.wm);
    ct_chain_free(w->env.chain);
    (void)close(w->pipe[0]);
    (void)close(w->pipe[1]);
    if (w->lock >= 0) {
        (void)close(w->lock);
    }
    (void)pthread_cond_destroy(&w->ended);
    (void)pthread_cond_destroy(&w->work);
    (void)pthread_mutex_destroy(&w->mutex);
    ct_wipe(w, sizeof *w);
    free(w);
}

static void log_line(enum ct_log_level level, const char *line, void *arg)
{
    struct ct_worker *w = arg;
    (void)pthread_mutex_lock(&w->mutex);
    if (!w->ends && w->log.sink != NULL) {
        w->log.sink(level, line, w->log.arg);
    }
    (void)pthread_mutex_unlock(&w->mutex);
}

static void *loop(void *arg)
{
    struct ct_worker *w = arg;
    (void)pthread_mutex_lock(&w->mutex);
    while (!w->ends) {
        struct ct_job *job = pop(&w->todo);
        if (job == NULL) {
            (void)pthread_cond_wait(&w->work, &w->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&w->mutex);
        job->run(job, &w->env);
        (void)pthread_mutex_lock(&w->mutex);
        push(&w->done, job);
        (void)!write(w->pipe[1], "", 1); /* a full pipe wakes the owner just as well */
    }
    bool is_orphan = w->is_orphan;
    w->has_ended = true;
    (void)pthread_cond_signal(&w->ended);
    (void)pthread_mutex_unlock(&w->mutex);
    if (is_orphan) {
        destroy(w);
    }
    return NULL;
}

ct_err ct_worker_new(struct ct_worker **out, const struct ct_worker_env *env)
{
    struct ct_worker *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return CT_ERR_NOMEM;
    }
    (void)ct_memory_lock(&w->env.wallet, sizeof w->env.wallet);
    (void)ct_memory_lock(&w->env.key, sizeof w->env.key);
    w->lock = -1;
    w->env.bundle = env->bundle;
    w->env.home = env->home;
    w->log = env->log;
    w->env.log = (struct ct_log){.sink = log_line, .arg = w, .max = env->log.max};
    if (pipe(w->pipe) != 0) {
        free(w);
        return CT_ERR_SYSTEM;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(w->pipe[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(w->pipe[i], F_SETFL, O_NONBLOCK);
    }
    (void)pthread_mutex_init(&w->mutex, NULL);
    (void)pthread_cond_init(&w->work, NULL);
    (void)pthread_cond_init(&w->ended, NULL);
    *out = w;
    return CT_OK;
}

/* True once the thread is through with its job and gone. */
static bool wait_ended(struct ct_worker *w)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    (void)pthread_mutex_lock(&w->mutex);
    w->ends = true;
    (void)pthread_cond_signal(&w->work);
    while (!w->has_ended && pthread_cond_timedwait(&w->ended, &w->mutex, &until) == 0) {
    }
    bool has_ended = w->has_ended;
    if (!has_ended) {
        w->is_orphan = true;
        (void)pthread_detach(w->thread);
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return has_ended;
}

bool ct_worker_free(struct ct_worker *w, int lock)
{
    if (w == NULL) {
        return true;
    }
    (void)pthread_mutex_lock(&w->mutex);
    w->lock = lock;
    (void)pthread_mutex_unlock(&w->mutex);
    if (w->is_running) {
        if (!wait_ended(w)) {
            return false;
        }
        (void)pthread_join(w->thread, NULL);
    }
    destroy(w);
    return true;
}

int ct_worker_fd(const struct ct_worker *w)
{
    return w->pipe[0];
}

/* Signals are the program's: the thread takes none. */
static int start(struct ct_worker *w)
{
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&w->thread, NULL, loop, w);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

ct_err ct_worker_submit(struct ct_worker *w, struct ct_job *job)
{
    if (!w->is_running) {
        if (start(w) != 0) {
            return CT_ERR_SYSTEM;
        }
        w->is_running = true;
    }
    (void)pthread_mutex_lock(&w->mutex);
    push(&w->todo, job);
    (void)pthread_cond_signal(&w->work);
    (void)pthread_mutex_unlock(&w->mutex);
    return CT_OK;
}

void ct_worker_collect(struct ct_worker *w, void *owner)
{
    char drain[64];
    while (read(w->pipe[0], drain, sizeof drain) > 0) {
    }
    for (;;) {
        (void)pthread_mutex_lock(&w->mutex);
        struct ct_job *job = pop(&w->done);
        (void)pthread_mutex_unlock(&w->mutex);
        if (job == NULL) {
            return;
        }
        job->done(job, owner);
    }
}
