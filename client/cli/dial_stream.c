/* chainturn dial --stream: a call whose two streams are standard input and output, or a command's.
 */
#include "dial_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exec.h"
#include "pipe.h"

struct dialler {
    struct ct_cli *cli;
    struct ct_client *client;
    const char *command; /* NULL: standard input and output */
    struct ct_exec exec;
    struct ct_pipe *pipe; /* NULL before the call stands */
    bool is_heard, is_done;
    uint64_t begin_ns;
    ct_err err;
};

static void connected(struct dialler *d, const struct ct_client_event *event)
{
    int in = STDIN_FILENO;
    int out = d->cli->is_json ? -1 : STDOUT_FILENO; /* events have it */
    if (!d->cli->is_json) {
        ct_cli_say_connected(event);
    }
    if (d->command != NULL && !ct_exec_start(&d->exec, d->command)) {
        (void)fprintf(stderr, "chainturn: cannot start a command: %s\n", strerror(errno));
        ct_client_hang_up(d->client, event->call);
        return;
    }
    if (d->command != NULL) {
        in = out = d->exec.fd;
    }
    d->begin_ns = ct_cli_now_ns();
    d->pipe = ct_pipe_open(d->client, event->call, in, out, false);
    if (d->pipe == NULL) {
        ct_client_hang_up(d->client, event->call);
    }
}

static void tell(const struct dialler *d)
{
    uint64_t ms = (ct_cli_now_ns() - d->begin_ns) / 1000000u;
    if (d->cli->is_json) {
        ct_cli_json("stream", "\"sent\":%llu,\"received\":%llu,\"ms\":%llu",
                    (unsigned long long)d->pipe->sent, (unsigned long long)d->pipe->received,
                    (unsigned long long)ms);
    }
}

static void closed(struct dialler *d, const struct ct_client_event *event)
{
    const char *text = NULL;
    d->is_done = true;
    d->err = event->err;
    if (d->pipe == NULL) {
        d->err = event->err == CT_OK ? CT_ERR_SYSTEM : event->err;
        (void)ct_cli_error(d->cli, d->err, "%s",
                           event->err == CT_OK ? "the call could not be used" : event->text);
        return;
    }
    d->err = ct_pipe_close(d->pipe, event->err, &text);
    tell(d);
    if (d->err != CT_OK && text != NULL) {
        (void)ct_cli_error(d->cli, d->err, "%s %s", event->peer, text);
    } else if (d->err != CT_OK) {
        (void)ct_cli_error(d->cli, d->err, "%s", event->text);
    }
}

static void on_event(void *arg, const struct ct_client_event *event)
{
    struct dialler *d = arg;
    switch (event->kind) {
    case CT_CLIENT_STREAM_DATA:
    case CT_CLIENT_STREAM_END:
    case CT_CLIENT_WRITABLE:
        if (event->kind == CT_CLIENT_STREAM_DATA && !d->is_heard) {
            d->is_heard = true;
            ct_cli_event(d->cli, event);
        }
        if (d->pipe != NULL) {
            ct_pipe_event(d->pipe, event);
        }
        return;
    default:
        break;
    }
    if (event->incoming) { /* this command answers nobody */
        if (event->kind == CT_CLIENT_CONNECTED) {
            ct_client_hang_up(d->client, event->call);
        }
        return;
    }
    ct_cli_event(d->cli, event);
    if (event->kind == CT_CLIENT_CONNECTED) {
        connected(d, event);
    } else if (event->kind == CT_CLIENT_CLOSED) {
        closed(d, event);
    }
}

static void converse(struct dialler *d)
{
    while (!d->is_done && !ct_cli_is_ended()) {
        struct pollfd fds[2] = {{.fd = -1}, {.fd = -1}};
        if (d->pipe != NULL) {
            ct_pipe_wants(d->pipe, fds);
        }
        ct_cli_wait(d->client, fds, 2, -1);
        if (d->pipe != NULL && !d->is_done) {
            ct_pipe_ready(d->pipe, fds);
        }
    }
}

int ct_dial_stream(struct ct_cli *cli, const struct ct_client_dial_options *options,
                   const char *command)
{
    struct dialler d = {.cli = cli, .command = command, .exec = {.fd = -1}};
    unsigned call = 0;
    int code = CT_EXIT_OK;
    d.client = ct_cli_open(cli, &code, on_event, &d);
    if (d.client == NULL) {
        return code;
    }
    (void)ct_cli_signals();
    d.err = ct_client_dial_with(d.client, cli->args[0], options, &call);
    if (d.err != CT_OK) {
        code = ct_cli_error(cli, d.err, "%s", ct_client_error(d.client));
    } else {
        converse(&d);
        code = d.is_done ? ct_cli_exit_code(d.err)
                         : ct_cli_error(cli, CT_ERR_IO, "ended by a signal in the middle");
    }
    ct_exec_stop(&d.exec);
    ct_pipe_free(d.pipe);
    ct_cli_close(d.client, code);
    return code;
}
