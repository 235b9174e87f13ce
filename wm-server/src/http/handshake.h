/* The responder of enrolment handshakes: m1 to m2, m3 and m4 to a session, by JSON over HTTP. */
#ifndef CT_WM_HANDSHAKE_H
#define CT_WM_HANDSHAKE_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "http/exchange.h"
#include "kex/handshake.h"
#include "http/sessions.h"

struct ct_enrolment;

struct ct_enrolment_config {
    struct ct_hs_net net;
    const struct ct_x25519 *keys[2]; /* at least one; see ct_enrolment_keys() */
    size_t key_count;
    struct ct_sessions *sessions; /* where they go; borrowed until free */
    uint64_t (*mono_ms)(void);    /* a clock that never goes back */
    struct ct_log log;
};

CT_MUST_USE ct_err ct_enrolment_new(struct ct_enrolment **out,
                                    const struct ct_enrolment_config *config);
void ct_enrolment_free(struct ct_enrolment *e); /* wipes; NULL is fine */

/* Handshakes are opened with these keys (1 or 2) from now on; borrowed until they are replaced.
 * What is under way with one that stays goes on. */
CT_MUST_USE ct_err ct_enrolment_keys(struct ct_enrolment *e, const struct ct_x25519 *const *keys,
                                     size_t count);

/* POST /v1/handshake. Any thread; computes and waits for nothing. */
void ct_enrolment_post(struct ct_enrolment *e, const struct ct_request *request,
                       struct ct_answer *answer);

/* "relay:" and the first 8 bytes of a pending id as 16 lower-case digits. */
#define CT_ENROLMENT_RELAY_PREFIX "relay:"

#endif
