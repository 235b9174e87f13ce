/* The HTTP listeners: bytes in, requests to a handler, answers out; plain, TLS-PSK, or TLS by
 * certificates. */
#ifndef CT_WM_HTTP_H
#define CT_WM_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/secret.h"
#include "base/why.h"
#include "http/exchange.h"

struct ct_listener;

/*
 * Answers one request. worker is 0 .. workers - 1 and no two calls share one at a time, so that a
 * handler may keep things of its own by worker; it may take its time. Without workers it is called
 * on the threads that serve the sockets (worker is 0 for all) and must not block.
 */
typedef void ct_http_handler(void *arg, size_t worker, const struct ct_request *request,
                             struct ct_answer *answer);
/*
 * Answers what takes no time at all at once, on the threads that serve the sockets: two changes of
 * thread are saved. False: it is none of that, and the handler gets it.
 */
typedef bool ct_http_quick(void *arg, const struct ct_request *request, struct ct_answer *answer);
/* The key of an identity. Called on the threads that serve the sockets: must not block. */
typedef ct_err ct_http_psk(void *arg, const char *identity, struct ct_secret32 *out);

/* PEM texts of a TLS server whose clients show certificates, too. */
struct ct_http_tls {
    const char *certificate, *key; /* the chain, the server's own first */
    const char *clients;           /* the authorities that sign clients' certificates */
};

struct ct_listener_config {
    const char *address; /* "198.51.100.20:8080" or "[2001:db8::1]:8080"; port 0 picks one */
    ct_http_handler *handler;
    void *handler_arg;
    ct_http_quick *quick; /* with handler_arg, for requests without a body; NULL: none */
    ct_http_psk *psk;     /* TLS-PSK; NULL: plain, or */
    void *psk_arg;
    const struct ct_http_tls *tls; /* by certificates; its texts borrowed until the stop */
    size_t workers;                /* threads that run the handler, at most 64; 0: see above */
    unsigned connections;
    unsigned per_ip;
    unsigned timeout_s; /* of an idle or slow connection, TLS handshake included; at most 10 */
    struct ct_log log;
};

CT_MUST_USE ct_err ct_listener_start(struct ct_listener **out,
                                     const struct ct_listener_config *config, struct ct_why *why);
uint16_t ct_listener_port(const struct ct_listener *listener);
/* Takes no new connection, lets running handlers end, answers what waits with 503. */
void ct_listener_stop(struct ct_listener *listener);

/*
 * For streams (exchange.h): pause is called by read alone; resume by any thread, once for each
 * pause. One lock of the caller's must order the two, and every stream is resumed before the
 * listener stops.
 */
void ct_wire_pause(struct ct_wire *wire);
void ct_wire_resume(struct ct_wire *wire);

#endif
