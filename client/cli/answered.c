/* One call that a listener has answered: what is at its end. */
#include "answered.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define CHUNK 1100

static bool open_stream(struct ct_answered *a, const struct ct_answering *how)
{
    int in = STDIN_FILENO;
    int out = how->cli->is_json ? -1 : STDOUT_FILENO; /* events have it */
    if (how->command != NULL) {
        in = out = a->exec.fd;
    } else if (how->echoes) {
        in = out = -1;
    }
    a->pipe = ct_pipe_open(how->client, a->call, in, out, how->echoes);
    return a->pipe != NULL;
}

bool ct_answered_open(struct ct_answered *a, const struct ct_answering *how,
                      const struct ct_client_event *event)
{
    *a = (struct ct_answered){.call = event->call, .exec = {.fd = -1}};
    if (!event->streams && how->streams_only) {
        (void)fprintf(stderr, "chainturn: %s called for datagrams; only streams are taken here\n",
                      event->peer);
    } else if (how->command != NULL && !ct_exec_start(&a->exec, how->command)) {
        (void)fprintf(stderr, "chainturn: cannot start a command: %s\n", strerror(errno));
    } else if (!event->streams || open_stream(a, how)) {
        return true;
    }
    ct_client_hang_up(how->client, event->call);
    return false;
}

static void take_datagram(struct ct_answered *a, const struct ct_answering *how, const void *data,
                          size_t len)
{
    if (how->echoes) {
        (void)!ct_client_send(how->client, a->call, data, len);
    } else if (a->exec.fd >= 0) {
        char line[CT_CLIENT_DATAGRAM_MAX + 1];
        memcpy(line, data, len);
        line[len] = '\n';
        (void)!send(a->exec.fd, line, len + how->by_line, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else if (!how->cli->is_json) {
        (void)fwrite(data, 1, len, stdout);
        if (how->by_line) {
            (void)fputc('\n', stdout);
        }
        (void)fflush(stdout);
    }
}

void ct_answered_event(struct ct_answered *a, const struct ct_answering *how,
                       const struct ct_client_event *event)
{
    bool is_data = event->kind == CT_CLIENT_DATA || event->kind == CT_CLIENT_STREAM_DATA;
    if (is_data && !a->is_heard) {
        a->is_heard = true;
        ct_cli_event(how->cli, event);
    }
    if (event->kind == CT_CLIENT_DATA) {
        take_datagram(a, how, event->data, event->len);
    } else if (a->pipe != NULL) {
        ct_pipe_event(a->pipe, event);
    }
}

void ct_answered_wants(const struct ct_answered *a, struct pollfd fds[2])
{
    if (a->pipe != NULL) {
        ct_pipe_wants(a->pipe, fds);
    } else {
        fds[0] = (struct pollfd){.fd = a->call != 0 ? a->exec.fd : -1, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = -1};
    }
}

/* What a command writes at once is a datagram, or each line of it; its end is the end of the call.
 */
static void from_exec(struct ct_answered *a, const struct ct_answering *how)
{
    char chunk[CHUNK];
    ssize_t n = recv(a->exec.fd, chunk, sizeof chunk, 0);
    if (n > 0 && how->by_line) {
        ct_lines_send(&a->lines, how->client, a->call, chunk, (size_t)n);
    } else if (n > 0) {
        (void)!ct_client_send(how->client, a->call, chunk, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        ct_lines_end(&a->lines, how->client, a->call);
        ct_client_hang_up(how->client, a->call);
    }
}

void ct_answered_ready(struct ct_answered *a, const struct ct_answering *how,
                       const struct pollfd fds[2])
{
    if (a->call == 0) {
        return; /* it has ended meanwhile */
    }
    if (a->pipe != NULL) {
        ct_pipe_ready(a->pipe, fds);
    } else if (fds[0].revents != 0 && fds[0].fd == a->exec.fd) {
        from_exec(a, how);
    }
}

ct_err ct_answered_close(struct ct_answered *a, const struct ct_answering *how,
                         const struct ct_client_event *event)
{
    const char *text = NULL;
    ct_err err = CT_OK;
    if (a->pipe != NULL) {
        err = ct_pipe_close(a->pipe, event->err, &text);
        if (how->cli->is_json) {
            ct_cli_json("stream", "\"sent\":%llu,\"received\":%llu",
                        (unsigned long long)a->pipe->sent, (unsigned long long)a->pipe->received);
        }
    }
    if (err != CT_OK && text != NULL) {
        (void)ct_cli_error(how->cli, err, "%s %s", event->peer, text);
    } else if (err != CT_OK) {
        (void)ct_cli_error(how->cli, err, "%s", event->text);
    }
    ct_pipe_free(a->pipe);
    a->pipe = NULL;
    a->call = 0;
    (void)ct_exec_end(&a->exec, ct_mono_ms());
    return err;
}
