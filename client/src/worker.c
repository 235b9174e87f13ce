/* A thread for what waits for others (chain, wallet manager), so that the packet loop never does.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "chain/chain.h"
#include "wm/wm.h"

struct queue {
    struct ct_job *first, *last;
};

struct ct_worker {
    struct ct_worker_env env;
    pthread_t thread;
    bool is_running, ends;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct queue todo, done; /* under the mutex, as is ends */
    int pipe[2];
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
    (void)pthread_mutex_unlock(&w->mutex);
    return NULL;
}

ct_err ct_worker_new(struct ct_worker **out, const struct ct_worker_env *env)
{
    struct ct_worker *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return CT_ERR_NOMEM;
    }
    w->env.bundle = env->bundle;
    w->env.home = env->home;
    w->env.log = env->log;
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
    *out = w;
    return CT_OK;
}

void ct_worker_free(struct ct_worker *w)
{
    struct ct_job *job;
    if (w == NULL) {
        return;
    }
    if (w->is_running) {
        (void)pthread_mutex_lock(&w->mutex);
        w->ends = true;
        (void)pthread_cond_signal(&w->work);
        (void)pthread_mutex_unlock(&w->mutex);
        (void)pthread_join(w->thread, NULL);
    }
    while ((job = pop(&w->todo)) != NULL || (job = pop(&w->done)) != NULL) {
        free(job);
    }
    ct_wm_free(w->env.wm);
    ct_chain_free(w->env.chain);
    (void)close(w->pipe[0]);
    (void)close(w->pipe[1]);
    (void)pthread_cond_destroy(&w->work);
    (void)pthread_mutex_destroy(&w->mutex);
    ct_wipe(w, sizeof *w);
    free(w);
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
