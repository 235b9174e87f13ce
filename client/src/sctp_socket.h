/* An association of the SCTP library's. All of this under its lock, see sctp_stack.h. */
#ifndef CT_CLIENT_SCTP_SOCKET_H
#define CT_CLIENT_SCTP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sctp_stack.h"

enum ct_sctp_got_kind {
    CT_SCTP_GOT_NOTHING, /* for now */
    CT_SCTP_GOT_MESSAGE, /* stream, ppid, len */
    CT_SCTP_GOT_UP,      /* the association stands */
    CT_SCTP_GOT_SHUT,    /* the peer sends no more, and has had what it wanted */
    CT_SCTP_GOT_DOWN,    /* ended by SHUTDOWN: everything is acknowledged */
    CT_SCTP_GOT_RESTART, /* the peer set up another in its place */
    CT_SCTP_GOT_FAILURE, /* aborted by the peer, or given up */
    CT_SCTP_GOT_OTHER,
};

struct ct_sctp_got {
    enum ct_sctp_got_kind kind;
    unsigned stream;
    uint32_t ppid;
    size_t len;
};

/* Connecting to the peer (its INIT is to be sent then), or waiting for it. False: no memory. */
bool ct_sctp_socket_open(struct ct_sctp_user *user, bool is_initiator, uint32_t rtt_ms);
void ct_sctp_socket_close(struct ct_sctp_user *user);
void ct_sctp_socket_input(struct ct_sctp_user *user, const uint8_t *packet, size_t len);
/* One message, of one DATA chunk. False: there is no room, or no association yet. */
bool ct_sctp_socket_send(struct ct_sctp_user *user, unsigned stream, uint32_t ppid,
                         const void *data, size_t len);
/* Part of a message, or what happened, into in. */
struct ct_sctp_got ct_sctp_socket_receive(struct ct_sctp_user *user, uint8_t *in, size_t cap);
/* SHUTDOWN, once all is acknowledged. */
void ct_sctp_socket_shut(struct ct_sctp_user *user);

#endif
