/* chainturn dial: call a device by its name, as netcat does by address. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"
#include "dial_stream.h"
#include "exec.h"
#include "flood.h"
#include "lines.h"

#define CHUNK 1100
#define LINGER_MS 1000 /* after the end of input, for what is still on its way */

struct dialler {
    struct ct_cli *cli;
    struct ct_client *client;
    const char *exec_command;
    struct ct_exec exec;
    struct ct_flood flood; /* --datagrams */
    bool floods, by_line;
    unsigned call;
    bool is_connected, is_done, is_heard;
    uint64_t active_ms; /* when something was sent or came */
    ct_err err;
    struct ct_lines lines;
};

static void note(struct dialler *d)
{
    d->active_ms = ct_cli_now_ns() / 1000000u;
}

static void connected(struct dialler *d, const struct ct_client_event *event)
{
    d->is_connected = true;
    d->call = event->call;
    if (!d->cli->is_json) {
        ct_cli_say_connected(event);
    }
    if (d->floods) {
        ct_flood_send(&d->flood, d->client, event->call); /* now: nothing waits behind this */
    } else if (d->exec_command != NULL && !ct_exec_start(&d->exec, d->exec_command)) {
        (void)fprintf(stderr, "chainturn: cannot start a command: %s\n", strerror(errno));
        ct_client_hang_up(d->client, event->call);
    }
}

static void data(struct dialler *d, const struct ct_client_event *event)
{
    note(d);
    if (!d->is_heard) {
        d->is_heard = true;
        ct_cli_event(d->cli, event);
    }
    if (d->floods) {
        ct_flood_take(&d->flood, event->data, event->len);
        ct_flood_send(&d->flood, d->client, event->call);
    } else if (d->exec.fd >= 0) {
        (void)!send(d->exec.fd, event->data, event->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else if (!d->cli->is_json) {
        (void)fwrite(event->data, 1, event->len, stdout);
        if (d->by_line) {
            (void)fputc('\n', stdout);
        }
        if (fflush(stdout) != 0 || ferror(stdout)) { /* nobody reads it any more */
            ct_client_hang_up(d->client, event->call);
        }
    }
}

static void on_event(void *arg, const struct ct_client_event *event)
{
    struct dialler *d = arg;
    if (event->kind == CT_CLIENT_DATA && !event->incoming) {
        data(d, event);
        return;
    }
    if (event->incoming) { /* to the home that moved here: this command answers nobody */
        if (event->kind == CT_CLIENT_CONNECTED) {
            ct_client_hang_up(d->client, event->call);
        }
        return;
    }
    ct_cli_event(d->cli, event);
    if (event->kind == CT_CLIENT_CONNECTED) {
        connected(d, event);
    } else if (event->kind == CT_CLIENT_CLOSED) {
        d->is_done = true;
        /* a peer that hangs up on a call that stood is no failure of ours */
        d->err = d->is_connected && event->err == CT_ERR_IO ? CT_OK : event->err;
    }
}

/* False at the end of the input. */
static bool from_input(struct dialler *d)
{
    char chunk[CHUNK];
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n <= 0) {
        ct_lines_end(&d->lines, d->client, d->call);
        return n < 0 && errno == EINTR;
    }
    if (d->by_line) {
        ct_lines_send(&d->lines, d->client, d->call, chunk, (size_t)n);
    } else {
        (void)!ct_client_send(d->client, d->call, chunk, (size_t)n);
    }
    return true;
}

static void from_exec(struct dialler *d)
{
    char chunk[CHUNK];
    ssize_t n = recv(d->exec.fd, chunk, sizeof chunk, 0);
    if (n > 0) {
        (void)!ct_client_send(d->client, d->call, chunk, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        ct_client_hang_up(d->client, d->call);
    }
}

/* How long to wait at most for something to happen; -1: for ever. */
static int patience_ms(const struct dialler *d, bool has_input)
{
    if (d->floods && d->is_connected) {
        return ct_flood_wait_ms(&d->flood);
    }
    return has_input || !d->is_connected ? -1 : LINGER_MS / 10;
}

static void converse(struct dialler *d)
{
    bool has_input = !d->floods && d->exec_command == NULL;
    bool lingers = has_input;
    while (!d->is_done && !ct_cli_is_ended()) {
        struct pollfd fds[2] = {
            {.fd = has_input && d->is_connected ? STDIN_FILENO : -1, .events = POLLIN},
            {.fd = d->exec.fd, .events = POLLIN}};

        ct_cli_wait(d->client, fds, 2, patience_ms(d, has_input || !lingers));
        if (d->is_done || !d->is_connected) {
            continue;
        }
        if (d->floods) {
            ct_flood_send(&d->flood, d->client, d->call);
            if (ct_flood_is_over(&d->flood)) {
                ct_client_hang_up(d->client, d->call);
            }
        } else if (fds[0].revents != 0) {
            has_input = from_input(d);
            note(d);
        } else if (fds[1].revents != 0 && d->exec.fd == fds[1].fd) {
            from_exec(d);
        } else if (lingers && !has_input &&
                   ct_cli_now_ns() / 1000000u - d->active_ms >= LINGER_MS) {
            ct_client_hang_up(d->client, d->call);
        }
    }
}

static int finish(struct dialler *d)
{
    struct ct_cli *cli = d->cli;
    int code = CT_EXIT_OK;
    if (d->floods && d->is_connected) {
        const struct ct_flood *f = &d->flood;
        if (cli->is_json) {
            ct_cli_json("datagrams", "\"sent\":%u,\"received\":%u,\"intact\":%u", f->sent,
                        f->received, f->intact);
        }
        ct_cli_say(cli, "%u datagrams of %u bytes sent, %u came back, %u of them intact", f->sent,
                   f->size, f->received, f->intact);
        if (f->intact != f->count && d->err == CT_OK) {
            code = ct_cli_error(cli, CT_ERR_IO,
                                "only %u of %u datagrams came back intact; does the other side "
                                "listen with --echo?",
                                f->intact, f->count);
        }
    }
    if (d->err != CT_OK) {
        code = ct_cli_error(cli, d->err, "%s", ct_client_error(d->client));
    }
    return code;
}

int ct_cmd_dial(struct ct_cli *cli)
{
    struct dialler d = {.cli = cli, .exec = {.fd = -1}};
    unsigned count = 0;
    unsigned size = 64;
    int code = CT_EXIT_OK;

    struct ct_client_dial_options options = {
        .no_allocation = ct_cli_flag(cli, "--no-allocation"),
        .move = ct_cli_flag(cli, "--move"),
        .streams = ct_cli_flag(cli, "--stream"),
    };
    d.by_line = ct_cli_flag(cli, "--line");
    if (!ct_cli_number(cli, "--datagrams", &count, 1, CT_FLOOD_MAX) ||
        !ct_cli_number(cli, "--size", &size, CT_FLOOD_SIZE_MIN, CT_CLIENT_DATAGRAM_MAX) ||
        !ct_cli_value(cli, "--exec", &d.exec_command) || !ct_cli_end(cli, 1)) {
        return CT_EXIT_USAGE;
    }
    d.floods = count > 0;
    if (options.streams && (d.by_line || d.floods)) {
        return ct_cli_error(cli, CT_ERR_CONFIG,
                            "--stream has no datagrams: no --line, no --datagrams");
    }
    if (options.streams) {
        return ct_dial_stream(cli, &options, d.exec_command);
    }
    if (d.by_line + d.floods + (d.exec_command != NULL) > 1) {
        return ct_cli_error(cli, CT_ERR_CONFIG,
                            "--line, --exec and --datagrams exclude each other");
    }
    ct_flood_init(&d.flood, count, size);
    d.client = ct_cli_open(cli, &code, on_event, &d);
    if (d.client == NULL) {
        return code;
    }
    (void)ct_cli_signals();
    d.err = ct_client_dial_with(d.client, cli->args[0], &options, &d.call);
    if (d.err == CT_OK) {
        converse(&d);
    }
    code = finish(&d);
    ct_exec_stop(&d.exec);
    ct_cli_close(d.client, code);
    return code;
}
