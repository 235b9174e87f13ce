/* What the files of a session share: handshake and DTLS, signs of life, streams. */
#ifndef CT_CLIENT_SESSION_PRIVATE_H
#define CT_CLIENT_SESSION_PRIVATE_H

#include "session.h"

/* ---- signs of life, docs/protocol.md section 8 ---- */

struct ct_session_life {
    uint8_t question32[32], answer32[32];
    uint64_t heard_ms, asked_ms, answered_ms; /* of the peer, by us, by us */
};

struct ct_session {
    struct ct_dtls_env *env; /* borrowed */
    struct ct_session_io io;
    enum ct_session_state state;
    struct ct_hs_initiator *hs; /* NULL when we answered, and once it is done */
    struct ct_dtls *dtls;       /* NULL before the keys stand */
    bool is_dialled;
    uint8_t sid16[16];
    char identity[64];
    uint32_t rtt_ms;
    uint64_t born_ms, heard_ms;
    uint64_t asked_ms; /* when m1 was sent, while it was sent once */
    unsigned asked;
    uint8_t hello[CT_HS_HELD_MAX]; /* ClientHello: rides behind m3 and m4, each time */
    size_t hello_len;
    bool is_gathering; /* DTLS writes into hello, not to the peer */
    struct ct_session_life life;
    struct ct_sctp *sctp; /* NULL in a call of datagrams */
    bool is_accepted;     /* the INIT ACK of the ServerHello was taken */
    bool is_gone;         /* the peer has said goodbye; there is data of its still to be read */
    uint64_t clock_ms;    /* of what is being taken, for callbacks */
    uint64_t done_ms;     /* when the peer's last word on the streams is waited for no more */
    ct_err failure;
    struct ct_why why;
};

/* Ends it: "NAME text". Says goodbye where there is somebody to say it to. */
void ct_session_fail(struct ct_session *s, ct_err err, const char *text);

struct ct_session *ct_session_new(struct ct_dtls_env *env, const struct ct_session_io *io,
                                  const char *identity, uint64_t now_ms);
CT_MUST_USE ct_err ct_session_start_dtls(struct ct_session *s, const struct ct_hs_session *session,
                                         bool is_client, uint64_t now_ms);

/* session_dial.c: m0 or m2; and what the handshake has due. */
void ct_session_take_handshake(struct ct_session *s, const uint8_t *datagram, size_t len,
                               uint64_t now_ms);
void ct_session_send_handshake(struct ct_session *s, uint64_t now_ms);

/* session_life.c: once DTLS is open. */
CT_MUST_USE ct_err ct_session_life_begin(struct ct_session *s, uint64_t now_ms);
/* True for a record that is a question or an answer, and none of the application's. */
bool ct_session_life_takes(struct ct_session *s, const uint8_t *data, size_t len, uint64_t now_ms);
void ct_session_life_tick(struct ct_session *s, uint64_t now_ms);
uint64_t ct_session_life_deadline(const struct ct_session *s);

/* session_streams.c: the hellos (arg is the session), and what follows them. */
CT_MUST_USE ct_err ct_session_streams_offer(struct ct_session *s, uint8_t out[CT_SCTP_INIT_LEN],
                                            uint64_t now_ms);
size_t ct_session_streams_answer(void *arg, const uint8_t *offer, size_t len, uint8_t *out,
                                 size_t cap);
/* DTLS is open: are the two of one kind? CT_ERR_REFUSED: no; the session has failed. */
CT_MUST_USE ct_err ct_session_streams_agree(struct ct_session *s);
void ct_session_streams_input(struct ct_session *s, const uint8_t *data, size_t len,
                              uint64_t now_ms);
void ct_session_streams_gone(struct ct_session *s, uint64_t now_ms); /* the peer said goodbye */
void ct_session_streams_tick(struct ct_session *s, uint64_t now_ms);
uint64_t ct_session_streams_deadline(const struct ct_session *s, uint64_t now_ms);

#endif
