/* Stream 0 of a call at descriptors of this process: what is read is written, both ways, to the
 * end. */
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM 0u
#define AT_ONCE 16384u
#define WRITE_MAX 4096u /* what a pipe takes whole once poll() has said that it takes any */

static bool is_ready(int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};
    return fd >= 0 && poll(&one, 1, 0) > 0;
}

/* ---- towards the call ---- */

static void hang_up(struct ct_pipe *p)
{
    if (!p->has_hung_up) {
        p->has_hung_up = true;
        ct_client_hang_up(p->client, p->call);
    }
}

/* At once, which is hanging up twice; CLOSED may come from within, and p be gone then. */
static void cut(struct ct_pipe *p)
{
    struct ct_client *client = p->client;
    unsigned call = p->call;
    hang_up(p);
    ct_client_hang_up(client, call);
}

static void look_at_end(struct ct_pipe *p)
{
    if (p->has_ended && p->heard_end && p->to_out.len == 0) {
        hang_up(p);
    }
}

/* Nothing more is read: the other side hears that behind the last byte. */
static void end(struct ct_pipe *p)
{
    if (!p->has_ended && p->to_call.len == 0) {
        p->has_ended = true;
        (void)!ct_client_stream_end(p->client, p->call, STREAM);
        if (p->in >= 0 && p->in == p->out) {
            hang_up(p); /* a command that has ended has no use for what is still to come */
        }
        look_at_end(p);
    }
}

static void pause_reading(struct ct_pipe *p)
{
    bool waits = p->to_out.len > 0 || (p->echoes && p->to_call.len > 0);
    (void)!ct_client_stream_pause(p->client, p->call, waits);
}

static void push(struct ct_pipe *p)
{
    struct ct_pipe_rest *rest = &p->to_call;
    size_t taken = 0;
    if (rest->len == 0) {
        return;
    }
    if (ct_client_stream_write(p->client, p->call, STREAM, rest->bytes + rest->at, rest->len,
                               &taken) != CT_OK) {
        return; /* the call is over; CLOSED tells */
    }
    p->sent += taken;
    rest->at += taken;
    rest->len -= taken;
    p->is_blocked = rest->len > 0;
}

/* One read; what is read goes out, or waits for room. */
static void pull(struct ct_pipe *p)
{
    ssize_t n = read(p->in, p->to_call.bytes, AT_ONCE);
    if (n > 0) {
        p->to_call.at = 0;
        p->to_call.len = (size_t)n;
        push(p);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(p);
    }
}

static bool may_pull(const struct ct_pipe *p)
{
    return p->in >= 0 && !p->has_ended && !p->is_blocked && p->to_call.len == 0;
}

/* ---- from the call ---- */

static void close_out(struct ct_pipe *p)
{
    if (p->out >= 0 && p->out == p->in) {
        (void)shutdown(p->out, SHUT_WR);
    } else if (p->out >= 0) { /* who reads it shall see the end now, not when this process ends */
        int none = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(none, p->out);
        (void)close(none);
        p->out = -1;
    }
}

/* Writes until it would block; false when nobody reads any more. */
static bool drain(struct ct_pipe *p, bool waits)
{
    struct ct_pipe_rest *rest = &p->to_out;
    while (rest->len > 0 && p->out >= 0) {
        struct pollfd one = {.fd = p->out, .events = POLLOUT};
        if (poll(&one, 1, waits ? -1 : 0) <= 0) {
            return true;
        }
        size_t n = rest->len < WRITE_MAX ? rest->len : WRITE_MAX;
        ssize_t done = write(p->out, rest->bytes + rest->at, n);
        if (done < 0 && (errno == EAGAIN || errno == EINTR)) {
            return true;
        }
        if (done < 0) {
            return false;
        }
        rest->at += (size_t)done;
        rest->len -= (size_t)done;
    }
    return true;
}

static void go_on(struct ct_pipe *p)
{
    if (!p->out_failed && !drain(p, false)) {
        p->out_failed = true;
        if (p->in != p->out) { /* a command that does not read may still write */
            cut(p);
            return;
        }
    }
    if (p->out_failed || p->out < 0) {
        p->to_out.len = 0;
    }
    if (p->to_out.len == 0 && p->heard_end) {
        close_out(p);
    }
    pause_reading(p);
    look_at_end(p);
}

static void take(struct ct_pipe *p, const void *data, size_t len)
{
    struct ct_pipe_rest *rest = p->echoes ? &p->to_call : &p->to_out;
    p->received += len;
    if (len > sizeof rest->bytes - rest->len) {
        return; /* cannot be: reading pauses while something waits */
    }
    memmove(rest->bytes, rest->bytes + rest->at, rest->len);
    memcpy(rest->bytes + rest->len, data, len);
    rest->at = 0;
    rest->len += len;
}

void ct_pipe_event(struct ct_pipe *p, const struct ct_client_event *event)
{
    if (event->kind == CT_CLIENT_WRITABLE) {
        p->is_blocked = false;
    } else if (event->stream != STREAM) {
        return;
    } else if (event->kind == CT_CLIENT_STREAM_DATA) {
        take(p, event->data, event->len);
    } else {
        p->heard_end = true;
    }
    push(p);
    if (p->echoes && p->heard_end) {
        end(p);
    }
    go_on(p);
}

/* ---- its life ---- */

struct ct_pipe *ct_pipe_open(struct ct_client *client, unsigned call, int in, int out, bool echoes)
{
    struct ct_pipe *p = calloc(1, sizeof *p);
    if (p != NULL) {
        p->client = client;
        p->call = call;
        p->in = in;
        p->out = out;
        p->echoes = echoes;
        if (is_ready(in, POLLIN)) {
            pull(p);
        }
    }
    return p;
}

void ct_pipe_free(struct ct_pipe *p)
{
    free(p);
}

void ct_pipe_wants(const struct ct_pipe *p, struct pollfd fds[2])
{
    fds[0] = (struct pollfd){.fd = may_pull(p) ? p->in : -1, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = p->to_out.len > 0 ? p->out : -1, .events = POLLOUT};
}

void ct_pipe_ready(struct ct_pipe *p, const struct pollfd fds[2])
{
    if (fds[0].fd >= 0 && fds[0].revents != 0 && may_pull(p)) {
        pull(p);
    }
    if (fds[1].fd >= 0 && fds[1].revents != 0) {
        go_on(p); /* last: the call may be over after it */
    }
}

/* Is there input that the other side has not been given? */
static bool has_input(struct ct_pipe *p)
{
    char one;
    if (p->to_call.len > 0) {
        return true;
    }
    return !p->echoes && !p->has_ended && p->in != p->out && is_ready(p->in, POLLIN) &&
           read(p->in, &one, 1) > 0;
}

ct_err ct_pipe_close(struct ct_pipe *p, ct_err err, const char **text)
{
    *text = NULL;
    if (!p->out_failed && !drain(p, p->in != p->out)) {
        p->out_failed = true;
    }
    if (p->out_failed && p->in != p->out) {
        *text = "wrote more, but the output cannot be written any more";
        return CT_ERR_SYSTEM;
    }
    if (err != CT_OK && err != CT_ERR_IO) {
        return err;
    }
    if (!p->heard_end && !(p->in >= 0 && p->in == p->out && p->has_ended)) {
        *text = "hung up before its stream had ended";
        return CT_ERR_IO;
    }
    if (has_input(p)) {
        *text = "hung up before it had taken all of the input";
        return CT_ERR_IO;
    }
    return CT_OK;
}
