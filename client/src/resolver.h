/* Names to proven records: a cache in memory and on disk, and one look-up at a time for the rest.
 */
#ifndef CT_CLIENT_RESOLVER_H
#define CT_CLIENT_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "home.h"
#include "worker.h"

#define CT_RESOLVER_TTL_S 300u     /* a record is believed this long */
#define CT_RESOLVER_NEGATIVE_S 30u /* so is the absence of one */

struct ct_resolver;

/*
 * Answers: found is NULL on failure, err and why say which; is_cached when the chain was not read.
 * cookie is the asker's.
 */
typedef void ct_resolver_answer(void *owner, uint64_t cookie, const struct ct_found *found,
                                bool is_cached, ct_err err, const char *why);

CT_MUST_USE ct_err ct_resolver_new(struct ct_resolver **out, struct ct_worker *worker,
                                   const struct ct_home *home, const uint8_t deployment32[32],
                                   ct_resolver_answer *answer, void *owner);
void ct_resolver_free(struct ct_resolver *resolver); /* NULL is fine */

/* A record that is still believed, or NULL; valid until the next call. */
const struct ct_found *ct_resolver_cached(struct ct_resolver *resolver, const char *identity,
                                          uint64_t now_s);
/* A record that was read from the chain otherwise, and may be believed. */
void ct_resolver_know(struct ct_resolver *resolver, const struct ct_found *found);
/*
 * Asks for a record; the answer comes through the function, perhaps before this returns. is_fresh
 * reads the chain whatever the cache says. is_stranger: somebody out there made us ask; such
 * look-ups are rationed (CT_ERR_AGAIN as the answer's err when the ration is used up).
 */
void ct_resolver_ask(struct ct_resolver *resolver, const char *identity, bool is_fresh,
                     bool is_stranger, uint64_t cookie, uint64_t now_ms, uint64_t now_s);

#endif
