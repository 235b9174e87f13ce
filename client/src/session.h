/* One call: handshake, then DTLS, with every timer of it; datagrams and time in, datagrams out. */
#ifndef CT_CLIENT_SESSION_H
#define CT_CLIENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "dtls.h"
#include "kex/handshake.h"

struct ct_session;

enum ct_session_state {
    CT_SESSION_HANDSHAKE, /* m1 is out */
    CT_SESSION_RECHECK,   /* the peer's record changed: ct_session_peer() with a fresh one */
    CT_SESSION_DTLS,
    CT_SESSION_OPEN,
    CT_SESSION_CLOSED, /* see ct_session_failure() */
};

/* Where datagrams for the peer and data for the application go. Called from within the functions
 * below; must not call back into the session. */
struct ct_session_io {
    void (*send)(void *arg, const uint8_t *datagram, size_t len);
    void (*data)(void *arg, const uint8_t *data, size_t len);
    void *arg;
};

/* Starts a call as the initiator: m1 goes out at once. */
CT_MUST_USE ct_err ct_session_dial(struct ct_session **out, struct ct_dtls_env *env,
                                   const struct ct_session_io *io,
                                   const struct ct_hs_initiator_config *config,
                                   const struct ct_hs_initiator_draw *draw, uint64_t now_ms);
/* Goes on with a call that the responder's table has let through; rest is its ClientHello. */
CT_MUST_USE ct_err ct_session_answer(struct ct_session **out, struct ct_dtls_env *env,
                                     const struct ct_session_io *io,
                                     const struct ct_hs_session *session, uint32_t rtt_ms,
                                     const void *rest, size_t rest_len, uint64_t now_ms);
void ct_session_free(struct ct_session *session); /* wipes; NULL is fine */

/* A datagram from the peer's address: handshake (m0, m2) or DTLS. Others are dropped. */
void ct_session_input(struct ct_session *session, const uint8_t *datagram, size_t len,
                      uint64_t now_ms);
/* The record read afresh, in state RECHECK; NULL when it cannot be had: the call ends. */
void ct_session_peer(struct ct_session *session, const struct ct_hs_party *peer, uint64_t now_ms);
/* Repeats and gives up what is due; call it at the deadline. */
void ct_session_tick(struct ct_session *session, uint64_t now_ms);
uint64_t ct_session_deadline(const struct ct_session *session, uint64_t now_ms);

/* 1 to CT_DTLS_DATA_MAX bytes. CT_ERR_STATE unless OPEN. */
CT_MUST_USE ct_err ct_session_write(struct ct_session *session, const void *data, size_t len,
                                    uint64_t now_ms);
void ct_session_close(struct ct_session *session); /* says goodbye */

enum ct_session_state ct_session_state(const struct ct_session *session);
/* CT_OK unless CLOSED with a failure; CT_ERR_IO: the peer hung up. */
ct_err ct_session_failure(const struct ct_session *session, struct ct_why *why);
const uint8_t *ct_session_sid16(const struct ct_session *session);
const char *ct_session_identity(const struct ct_session *session); /* the peer's */
bool ct_session_is_dialled(const struct ct_session *session);
uint32_t ct_session_rtt_ms(const struct ct_session *session); /* to the peer; 0 when unknown */
uint64_t ct_session_born_ms(const struct ct_session *session);
uint64_t ct_session_heard_ms(const struct ct_session *session); /* last sign of life, or own data */

#endif
