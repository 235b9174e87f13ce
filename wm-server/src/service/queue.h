/* A queue of bounded length between the threads that read sockets and those that do the work. */
#ifndef CT_WM_QUEUE_H
#define CT_WM_QUEUE_H

#include <stddef.h>

#include <chainturn/err.h>

enum { CT_QUEUE_WORKERS = 64 }; /* at most */

struct ct_queue;

/* work runs for each item on one of `workers` threads, numbered from 0. */
typedef void ct_queue_work(void *arg, size_t worker, void *item);

CT_MUST_USE ct_err ct_queue_start(struct ct_queue **out, size_t workers, size_t room,
                                  ct_queue_work *work, void *arg);
/* CT_ERR_AGAIN: no room, or stopping. */
CT_MUST_USE ct_err ct_queue_put(struct ct_queue *queue, void *item);
/* Does what is queued and ends the threads; what is put later is refused. NULL is fine. */
void ct_queue_end(struct ct_queue *queue);
void ct_queue_free(struct ct_queue *queue); /* after the end; NULL is fine */

#endif
