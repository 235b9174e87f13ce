/* One HTTP connection to the wallet manager, plain or TLS-PSK; the only file that sees libcurl
 * here. */
#ifndef CT_WM_LINK_H
#define CT_WM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

struct ct_wm_link;

struct ct_wm_question {
    const char *method, *url; /* "GET" or "POST" */
    const char *body;         /* NULL, or JSON */
    const char *key;          /* of a POST that is done once; NULL: none. No line break in it */
    uint32_t timeout_ms;
};

struct ct_wm_reply {
    unsigned status; /* HTTP */
    size_t len;      /* of the body in the caller's buffer, NUL-terminated */
    bool was_sent;   /* also after an error: the server may have got the question */
};

/* A plain link when psk32 is NULL, else TLS with this PSK and nothing else: a server that ignores
 * it is refused, whatever certificate it shows. identity and psk32 are copied. */
CT_MUST_USE ct_err ct_wm_link_new(struct ct_wm_link **out, const char *identity,
                                  const uint8_t *psk32, struct ct_why *why);
void ct_wm_link_free(struct ct_wm_link *link); /* wipes; NULL is fine */

/*
 * One request. CT_OK for any answer of HTTP. CT_ERR_IO: not reached or closed; CT_ERR_TIMEOUT;
 * CT_ERR_AUTH: the TLS handshake failed (PSK unknown, not the right server); CT_ERR_ROOM: the
 * answer is longer than cap - 1.
 */
CT_MUST_USE ct_err ct_wm_link_call(struct ct_wm_link *link, struct ct_wm_reply *reply, char *out,
                                   size_t cap, const struct ct_wm_question *question,
                                   struct ct_why *why);

#endif
