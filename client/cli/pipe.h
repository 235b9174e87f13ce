/* Stream 0 of a call at descriptors of this process: what is read is written, both ways, to the
 * end. */
#ifndef CT_CLI_PIPE_H
#define CT_CLI_PIPE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/chainturn.h>

#define CT_PIPE_ROOM 65536u

/* Bytes that found no room where they go. */
struct ct_pipe_rest {
    size_t at, len;
    uint8_t bytes[CT_PIPE_ROOM];
};

struct ct_pipe {
    struct ct_client *client;
    unsigned call;
    int in, out;     /* -1: none; may be one socket */
    bool echoes;     /* no descriptors: what comes goes back */
    bool is_blocked; /* until CT_CLIENT_WRITABLE */
    bool has_ended;  /* we have said so */
    bool heard_end;  /* the other side has */
    bool out_failed; /* nobody reads it any more */
    bool has_hung_up;
    uint64_t sent, received;
    struct ct_pipe_rest to_call, to_out;
};

/* On CONNECTED. What can be read at once goes out with it. NULL: no memory. */
struct ct_pipe *ct_pipe_open(struct ct_client *client, unsigned call, int in, int out, bool echoes);
void ct_pipe_free(struct ct_pipe *pipe); /* the descriptors stay open; NULL is fine */

/* STREAM_DATA, STREAM_END and WRITABLE of its call. */
void ct_pipe_event(struct ct_pipe *pipe, const struct ct_client_event *event);
/* What to wait for, and what to do when it is there. Two descriptors each. */
void ct_pipe_wants(const struct ct_pipe *pipe, struct pollfd fds[2]);
void ct_pipe_ready(struct ct_pipe *pipe, const struct pollfd fds[2]);

/*
 * After CLOSED with err: writes what is left, waiting for who reads it. CT_OK when both directions
 * had been brought to their end, else why not, as a sentence behind the peer's name (NULL: the
 * call's own).
 */
CT_MUST_USE ct_err ct_pipe_close(struct ct_pipe *pipe, ct_err err, const char **text);

#endif
