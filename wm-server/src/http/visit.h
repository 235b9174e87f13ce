/* One request of a listener, from its head to the answer; between the files of http.h. */
#ifndef CT_WM_VISIT_H
#define CT_WM_VISIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http.h"
#include "http/patience.h"
#include "service/queue.h"

/* What the requests of one listener share. */
struct ct_served {
    struct ct_listener_config config;
    struct ct_queue *queue; /* NULL without workers */
    struct ct_patience *patience;
    atomic_bool ending;
    bool is_loopback;
};

/* Who asks, as far as TCP and TLS have proved it. */
struct ct_peer {
    uint8_t from16[16];
    char psk_identity[64]; /* "": none */
    bool has_certificate;
};

struct ct_visit;

/* NULL: no memory. */
struct ct_visit *ct_visit_begin(struct ct_served *served, struct ct_wire *wire,
                                struct ct_guest *guest, const struct ct_peer *peer, const char *url,
                                const char *method);
/* A piece of the body. */
void ct_visit_take(struct ct_visit *v, const char *data, size_t len);
/* The whole request is there, or a worker has answered it: answers, or has a worker do it and come
 * back. False: the connection is of no use any more. */
CT_MUST_USE bool ct_visit_finish(struct ct_visit *v);
/* A worker's, for ct_queue_start(); the item is the visit. */
void ct_visit_work(void *arg, size_t worker, void *item);
void ct_visit_end(struct ct_visit *v); /* NULL is fine */

#endif
