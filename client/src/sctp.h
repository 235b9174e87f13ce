/* Streams of bytes over datagrams in memory: one SCTP association (RFC 8261), polled like a socket.
 */
#ifndef CT_CLIENT_SCTP_H
#define CT_CLIENT_SCTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "sctp_packet.h"

#define CT_SCTP_BUFFER 524288 /* bytes an association holds at most, each way */

struct ct_sctp;

enum ct_sctp_event_kind {
    CT_SCTP_DATA,     /* stream, data, len; valid until the next call */
    CT_SCTP_END,      /* stream: the peer writes no more on it */
    CT_SCTP_WRITABLE, /* after a write that did not take all: there is room again */
    CT_SCTP_DOWN,     /* ended: everything written is acknowledged */
    CT_SCTP_LOST,     /* failed; text says why */
};

struct ct_sctp_event {
    enum ct_sctp_event_kind kind;
    unsigned stream;
    const uint8_t *data;
    size_t len;
    const char *text; /* a sentence behind the peer's name */
};

/* rtt_ms: to the peer; 0 when unknown. CT_ERR_NOMEM. */
CT_MUST_USE ct_err ct_sctp_new(struct ct_sctp **out, bool is_initiator, uint32_t rtt_ms,
                               uint64_t now_ms);
void ct_sctp_free(struct ct_sctp *sctp); /* whatever it is doing; NULL is fine */

/* The initiator's INIT. CT_ERR_SYSTEM. */
CT_MUST_USE ct_err ct_sctp_offer(struct ct_sctp *sctp, uint8_t out[CT_SCTP_INIT_LEN]);
/* The responder's INIT ACK to it; *len of at most CT_SCTP_INIT_ACK_MAX bytes. CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_sctp_answer(struct ct_sctp *sctp, uint8_t *out, size_t *len,
                                  const uint8_t *offer, size_t offer_len);
/* The initiator takes the INIT ACK. What was written before goes out with the next packet. */
CT_MUST_USE ct_err ct_sctp_accept(struct ct_sctp *sctp, const uint8_t *answer, size_t len);

/* A packet of the peer's; one that a call has no use for is dropped. */
void ct_sctp_input(struct ct_sctp *sctp, const uint8_t *packet, size_t len, uint64_t now_ms);
void ct_sctp_tick(struct ct_sctp *sctp, uint64_t now_ms);
uint64_t ct_sctp_deadline(struct ct_sctp *sctp, uint64_t now_ms);
/* Call both until CT_ERR_AGAIN after each of the above. A packet to send, of at most
 * CT_SCTP_PACKET_MAX bytes; what happened. */
CT_MUST_USE ct_err ct_sctp_poll(struct ct_sctp *sctp, uint8_t out[CT_SCTP_PACKET_MAX], size_t *len);
CT_MUST_USE ct_err ct_sctp_next(struct ct_sctp *sctp, struct ct_sctp_event *event);

/* As many bytes as there is room for, from none to all; CT_SCTP_WRITABLE follows when it was not
 * all. CT_ERR_ARG: no such stream. CT_ERR_STATE: it has ended, or the association is ending. */
CT_MUST_USE ct_err ct_sctp_write(struct ct_sctp *sctp, size_t *taken, unsigned stream,
                                 const void *data, size_t len, uint64_t now_ms);
/* No more is written on it; said behind what was written. Errors as above. */
CT_MUST_USE ct_err ct_sctp_end(struct ct_sctp *sctp, unsigned stream, uint64_t now_ms);
/* While paused ct_sctp_next() gives nothing: the buffer fills and the peer has to wait. */
void ct_sctp_pause(struct ct_sctp *sctp, bool is_paused);
bool ct_sctp_is_paused(const struct ct_sctp *sctp);
/* Ends it once everything written is acknowledged: CT_SCTP_DOWN then. What the peer has still to
 * say on streams that it has not ended is not waited for. */
void ct_sctp_finish(struct ct_sctp *sctp, uint64_t now_ms);
bool ct_sctp_is_finishing(const struct ct_sctp *sctp);

/* Everything written is acknowledged. */
bool ct_sctp_is_dry(const struct ct_sctp *sctp);
/* Moreover SHUTDOWN has been said by either: what is still missing are its last words. */
bool ct_sctp_is_done(const struct ct_sctp *sctp);

#endif
