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
#include "sctp.h"

struct ct_session;

enum ct_session_state {
    CT_SESSION_HANDSHAKE, /* m1 is out */
    CT_SESSION_RECHECK,   /* the peer's record changed: ct_session_peer() with a fresh one */
    CT_SESSION_DTLS,
    CT_SESSION_OPEN,
    CT_SESSION_CLOSED, /* see ct_session_failure() */
};

/*
 * Where datagrams for the peer and data for the application go. Called from within the functions
 * below; may call those that write, pause and finish. A call is of datagrams (data) or of streams
 * (stream: DATA, END, WRITABLE).
 */
struct ct_session_io {
    void (*send)(void *arg, const uint8_t *datagram, size_t len);
    void (*data)(void *arg, const uint8_t *data, size_t len);
    void (*stream)(void *arg, const struct ct_sctp_event *event);
    void *arg;
    bool streams; /* dialling: streams are wanted; answering: a call of streams is taken */
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
void ct_session_close(struct ct_session *session); /* at once; says goodbye */

/* Streams: see sctp.h for these. CT_ERR_STATE unless OPEN and a call of streams. */
CT_MUST_USE ct_err ct_session_stream_write(struct ct_session *session, size_t *taken,
                                           unsigned stream, const void *data, size_t len,
                                           uint64_t now_ms);
CT_MUST_USE ct_err ct_session_stream_end(struct ct_session *session, unsigned stream,
                                         uint64_t now_ms);
CT_MUST_USE ct_err ct_session_stream_pause(struct ct_session *session, bool is_paused);
/* Closes once everything written is acknowledged. False: there is nothing to wait for. */
bool ct_session_finish(struct ct_session *session, uint64_t now_ms);
bool ct_session_has_streams(const struct ct_session *session);

enum ct_session_state ct_session_state(const struct ct_session *session);
/* CT_OK unless CLOSED with a failure; CT_ERR_IO: the peer hung up, having acknowledged everything
 * that was written to streams; CT_ERR_REFUSED: not everything, or it takes no streams. */
ct_err ct_session_failure(const struct ct_session *session, struct ct_why *why);
const uint8_t *ct_session_sid16(const struct ct_session *session);
const char *ct_session_identity(const struct ct_session *session); /* the peer's */
bool ct_session_is_dialled(const struct ct_session *session);
uint32_t ct_session_rtt_ms(const struct ct_session *session); /* to the peer; 0 when unknown */
uint64_t ct_session_born_ms(const struct ct_session *session);
uint64_t ct_session_heard_ms(const struct ct_session *session); /* last sign of life, or own data */

#endif
