/* Worker threads on a ring of items. */
#include "service/queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct worker {
    struct ct_queue *queue;
    size_t number;
    pthread_t thread;
};

struct ct_queue {
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool ending;
    size_t room, first, count;
    void **ring;
    ct_queue_work *work;
    void *arg;
    size_t workers;
    struct worker worker[CT_QUEUE_WORKERS];
};

static void *take(struct ct_queue *q)
{
    void *item = NULL;
    (void)pthread_mutex_lock(&q->lock);
    while (q->count == 0 && !q->ending) {
        (void)pthread_cond_wait(&q->more, &q->lock);
    }
    if (q->count > 0) {
        item = q->ring[q->first];
        q->first = (q->first + 1) % q->room;
        q->count--;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return item;
}

static void *run(void *arg)
{
    struct worker *self = arg;
    void *item;
    while ((item = take(self->queue)) != NULL) {
        self->queue->work(self->queue->arg, self->number, item);
    }
    return NULL;
}

static ct_err start_threads(struct ct_queue *q, size_t workers)
{
    sigset_t all;
    sigset_t before;
    ct_err err = CT_OK;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    for (size_t i = 0; i < workers && err == CT_OK; i++) {
        q->worker[i] = (struct worker){.queue = q, .number = i};
        if (pthread_create(&q->worker[i].thread, NULL, run, &q->worker[i]) != 0) {
            err = CT_ERR_SYSTEM;
        } else {
            q->workers++;
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

ct_err ct_queue_start(struct ct_queue **out, size_t workers, size_t room, ct_queue_work *work,
                      void *arg)
{
    if (workers == 0 || workers > CT_QUEUE_WORKERS || room == 0) {
        return CT_ERR_ARG;
    }
    struct ct_queue *q = calloc(1, sizeof *q);
    void **ring = calloc(room, sizeof *ring);
    if (q == NULL || ring == NULL) {
        free(q);
        free(ring);
        return CT_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->more, NULL);
    q->ring = ring;
    q->room = room;
    q->work = work;
    q->arg = arg;
    ct_err err = start_threads(q, workers);
    if (err != CT_OK) {
        ct_queue_end(q);
        ct_queue_free(q);
        return err;
    }
    *out = q;
    return CT_OK;
}

ct_err ct_queue_put(struct ct_queue *q, void *item)
{
    ct_err err = CT_OK;
    (void)pthread_mutex_lock(&q->lock);
    if (q->count == q->room || q->ending) {
        err = CT_ERR_AGAIN;
    } else {
        q->ring[(q->first + q->count) % q->room] = item;
        q->count++;
        (void)pthread_cond_signal(&q->more);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return err;
}

void ct_queue_end(struct ct_queue *q)
{
    if (q == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&q->lock);
    q->ending = true;
    (void)pthread_cond_broadcast(&q->more);
    (void)pthread_mutex_unlock(&q->lock);
    for (size_t i = 0; i < q->workers; i++) {
        (void)pthread_join(q->worker[i].thread, NULL);
    }
    q->workers = 0;
}

void ct_queue_free(struct ct_queue *q)
{
    if (q == NULL) {
        return;
    }
    (void)pthread_cond_destroy(&q->more);
    (void)pthread_mutex_destroy(&q->lock);
    free(q->ring);
    free(q);
}
