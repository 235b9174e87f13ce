/* All calls of one device: which call a datagram belongs to, who may call, which of two is kept. */
#ifndef CT_CLIENT_CALLS_H
#define CT_CLIENT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "dtls.h"
#include "kex/handshake.h"
#include "sctp.h"
#include "path.h"
#include "turn/addr.h"

#define CT_CALLS_MAX 64
#define CT_CALLS_NONE 0u

/* A record that has to be read from the chain before things go on: ct_calls_record(). */
struct ct_call_lookup {
    unsigned call; /* of a call we made; CT_CALLS_NONE for one that somebody makes to us */
    uint8_t sid16[16];
    char identity[64];
    bool is_fresh; /* what a cache says is not enough: it did not match */
};

enum ct_call_kind {
    CT_CALL_LOOKUP, /* lookup */
    CT_CALL_RINGS,  /* our call: the peer has answered m1, DTLS begins */
    CT_CALL_OPEN,   /* call, peer, is_dialled, streams, rtt_ms */
    CT_CALL_DATA,   /* call, data, len */
    CT_CALL_STREAM, /* call, stream */
    CT_CALL_CLOSED, /* call, err, text; the number means nothing from now on */
};

struct ct_call_event {
    enum ct_call_kind kind;
    unsigned call;
    const char *peer;
    bool is_dialled, streams;
    uint32_t rtt_ms;
    unsigned lane;
    const struct ct_addr *addr;
    const struct ct_call_lookup *lookup;
    const uint8_t *data;
    size_t len;
    const struct ct_sctp_event *stream; /* DATA, END, WRITABLE */
    ct_err err;                         /* CT_OK: ended as asked */
    const char *text;
    const struct ct_path_counts *counts; /* with CT_CALL_CLOSED */
};

struct ct_calls_config {
    struct ct_hs_net net;
    const char *identity;           /* own; copied */
    const struct ct_wallet *wallet; /* own; borrowed */
    const struct ct_x25519 *key;    /* own; borrowed */
    uint8_t wallet20[20];
    struct ct_dtls_env *env;          /* borrowed */
    bool streams;                     /* calls of streams are taken, too */
    uint32_t idle_ms;                 /* an open call without data ends after this; 0: 15 minutes */
    ct_err (*random)(void *, size_t); /* ct_random() */
    /* lane: the number of the allocation that a datagram came through or goes through */
    enum ct_path (*send)(void *arg, unsigned lane, const struct ct_addr *to,
                         const uint8_t *datagram, size_t len);
    /* May call ct_calls_record(), _write() and _close(). */
    void (*event)(void *arg, const struct ct_call_event *event);
    void *arg;
};

struct ct_calls;

CT_MUST_USE ct_err ct_calls_new(struct ct_calls **out, const struct ct_calls_config *config);
void ct_calls_free(struct ct_calls *calls); /* says goodbye to all; NULL is fine */

/* streams: see session.h. CT_ERR_ARG: not a name, or one's own. CT_ERR_STATE: a call to that
 * address stands already. CT_ERR_ROOM: CT_CALLS_MAX calls. */
CT_MUST_USE ct_err ct_calls_dial(struct ct_calls *calls, unsigned *call, unsigned lane,
                                 const struct ct_addr *addr, const struct ct_hs_party *peer,
                                 bool streams, uint64_t now_ms);
void ct_calls_input(struct ct_calls *calls, unsigned lane, const struct ct_addr *from,
                    enum ct_path path, const uint8_t *datagram, size_t len, uint64_t now_ms);
/* The record asked for, or NULL when there is none that may call. */
void ct_calls_record(struct ct_calls *calls, const struct ct_call_lookup *lookup,
                     const struct ct_hs_party *record, uint64_t now_ms);
void ct_calls_tick(struct ct_calls *calls, uint64_t now_ms);
uint64_t ct_calls_deadline(const struct ct_calls *calls, uint64_t now_ms);

CT_MUST_USE ct_err ct_calls_write(struct ct_calls *calls, unsigned call, const void *data,
                                  size_t len, uint64_t now_ms);
/* See sctp.h. CT_ERR_STATE: not a call of streams, or not open. */
CT_MUST_USE ct_err ct_calls_stream_write(struct ct_calls *calls, unsigned call, size_t *taken,
                                         unsigned stream, const void *data, size_t len,
                                         uint64_t now_ms);
CT_MUST_USE ct_err ct_calls_stream_end(struct ct_calls *calls, unsigned call, unsigned stream,
                                       uint64_t now_ms);
CT_MUST_USE ct_err ct_calls_stream_pause(struct ct_calls *calls, unsigned call, bool is_paused);
/* A call of streams ends once everything written is acknowledged; done again, or with datagrams, at
 * once. Its CT_CALL_CLOSED with CT_OK comes before this returns, or, from within an event, soon
 * after. */
void ct_calls_finish(struct ct_calls *calls, unsigned call, uint64_t now_ms);
/* Ends a call at once, likewise. */
void ct_calls_close(struct ct_calls *calls, unsigned call);
/* Ends what uses a lane that is gone. */
void ct_calls_lane_lost(struct ct_calls *calls, unsigned lane, ct_err err, const char *text);
size_t ct_calls_count(const struct ct_calls *calls, unsigned lane);
/* False: no such call. */
bool ct_calls_paths(struct ct_calls *calls, unsigned call, struct ct_path_counts *out);

#endif
