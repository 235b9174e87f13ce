/* Enrolments that stand: PSK by sid, in memory, for 600 s; looked up by TLS without blocking. */
#ifndef CT_WM_SESSIONS_H
#define CT_WM_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/secret.h"
#include "kex/handshake.h"

enum {
    CT_SESSION_LIFE_S = 600,
    CT_SESSION_IDLE_S = 30,     /* without a request: gives way when the table is full */
    CT_SESSION_REQUESTS = 2000, /* in one enrolment: waiting for a block by polling takes a few */
};

/* Whom a sid has proved to be. */
struct ct_session {
    uint8_t sid16[16];
    enum ct_hs_purpose purpose;
    struct ct_hs_party party;
};

struct ct_sessions;

CT_MUST_USE ct_err ct_sessions_new(struct ct_sessions **out, size_t capacity);
void ct_sessions_free(struct ct_sessions *all); /* wipes; NULL is fine */

/*
 * Keeps a session. When full, the oldest that made no request yet gives way, else the one that made
 * none for longest. CT_ERR_REPLAY: the sid is there. CT_ERR_AGAIN: full.
 */
CT_MUST_USE ct_err ct_sessions_add(struct ct_sessions *all, const struct ct_hs_session *session,
                                   uint64_t now_ms);
/* How many stand. */
size_t ct_sessions_count(struct ct_sessions *all, uint64_t now_ms);
bool ct_sessions_has(struct ct_sessions *all, const uint8_t sid16[16], uint64_t now_ms);
/* The PSK of "sid as 32 lower-case hex digits". CT_ERR_NOT_FOUND. Never waits for anything slow. */
CT_MUST_USE ct_err ct_sessions_psk(struct ct_sessions *all, const char *psk_identity,
                                   uint64_t now_ms, struct ct_secret32 *out);
/* Counts a request. CT_ERR_NOT_FOUND: over or unknown. CT_ERR_REFUSED: too many requests. */
CT_MUST_USE ct_err ct_sessions_use(struct ct_sessions *all, const char *psk_identity,
                                   uint64_t now_ms, struct ct_session *out);

#endif
