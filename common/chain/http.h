/* The transport of JSON-RPC: several POSTs at once behind a function pointer; libcurl is one. */
#ifndef CT_CHAIN_HTTP_H
#define CT_CHAIN_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

/* Proofs of 64 slots, each ten full nodes deep, are 0.7 MB; a receipt with 1024 events is 1 MB. */
enum { CT_HTTP_RESPONSE_MAX = 2 * 1024 * 1024 };

struct ct_http_request {
    const char *url;  /* http:// or https://, borrowed */
    const char *body; /* JSON, borrowed */
    size_t body_len;

    ct_err err;     /* CT_ERR_AGAIN until it ended: CT_OK for status 200, else why it failed */
    char *response; /* NUL-terminated, freed by the caller with free(); NULL unless CT_OK */
    size_t response_len;
    long status; /* HTTP, 0 when none came */
    uint32_t took_ms;
    char text[160]; /* the cause in words when err is not CT_OK */
};

/* Asked each time a request has ended: true when the caller has enough and waits for no more. */
typedef bool ct_http_enough(void *arg, const struct ct_http_request *requests, size_t count);

/*
 * POSTs all requests at once and returns when all have ended, enough said so, or timeout_ms is
 * over; what has not ended then has CT_ERR_TIMEOUT (or CT_ERR_AGAIN when enough ended the wait; a
 * transport may let one such request a URL go on to keep its connection, and drops what it brings).
 * Returns CT_OK however the requests went, CT_ERR_NOMEM when nothing could be done.
 */
typedef ct_err ct_http_batch(void *arg, struct ct_http_request *requests, size_t count,
                             uint32_t timeout_ms, ct_http_enough *enough, void *enough_arg);

/*
 * libcurl's: keeps connections open between batches, no proxy, no redirect, no cookie, only http
 * and https (verified), responses up to CT_HTTP_RESPONSE_MAX. Belongs to one thread.
 */
struct ct_http;
CT_MUST_USE ct_err ct_http_new(struct ct_http **out);
void ct_http_free(struct ct_http *http);
ct_http_batch ct_http_post; /* arg is the struct ct_http */

#endif
