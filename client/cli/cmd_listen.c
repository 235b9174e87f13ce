/* chainturn listen: stay reachable and answer calls. */
#include <stdio.h>
#include <unistd.h>

#include "answered.h"
#include "base/clock.h"
#include "cli.h"

#define CALLS ((size_t)32)
#define CHUNK 1100
#define REAP_MS 50

struct listener {
    struct ct_answering how;
    bool is_once, is_done;
    ct_err err;      /* of listening; the client's sentence */
    ct_err call_err; /* of the last call; said */
    struct ct_answered calls[CALLS];
    unsigned latest; /* where standard input goes */
    struct ct_lines lines;
};

/* The call of this number; 0: a free place, where no command has still to end. */
static struct ct_answered *find(struct listener *l, unsigned call)
{
    for (size_t i = 0; i < CALLS; i++) {
        if (l->calls[i].call == call && (call != 0 || l->calls[i].exec.pid == 0)) {
            return &l->calls[i];
        }
    }
    return NULL;
}

static bool uses_standard_streams(const struct listener *l)
{
    return l->how.command == NULL && !l->how.echoes;
}

static void connected(struct listener *l, const struct ct_client_event *event)
{
    struct ct_answered *call = find(l, 0);
    bool is_busy = event->streams && uses_standard_streams(l) && l->latest != 0;
    if (call == NULL || is_busy) {
        (void)fprintf(stderr, "chainturn: %s called while there was no place for its call\n",
                      event->peer);
        ct_client_hang_up(l->how.client, event->call);
        return;
    }
    if (!l->how.cli->is_json) {
        ct_cli_say_connected(event);
    }
    if (ct_answered_open(call, &l->how, event)) {
        l->latest = event->call;
    }
}

static void closed(struct listener *l, const struct ct_client_event *event)
{
    struct ct_answered *call = find(l, event->call);
    if (call != NULL) {
        l->call_err = ct_answered_close(call, &l->how, event);
        l->is_done = l->is_done || l->is_once;
    }
    l->latest = l->latest == event->call ? 0 : l->latest;
}

static void content(struct listener *l, const struct ct_client_event *event)
{
    struct ct_answered *call = find(l, event->call);
    if (call != NULL) {
        ct_answered_event(call, &l->how, event);
    }
}

static void on_event(void *arg, const struct ct_client_event *event)
{
    struct listener *l = arg;
    switch (event->kind) {
    case CT_CLIENT_DATA:
    case CT_CLIENT_STREAM_DATA:
    case CT_CLIENT_STREAM_END:
    case CT_CLIENT_WRITABLE:
        content(l, event);
        return;
    case CT_CLIENT_CONNECTED:
        connected(l, event);
        break;
    case CT_CLIENT_CLOSED:
        closed(l, event);
        break;
    case CT_CLIENT_FAILED:
        l->is_done = true;
        l->err = event->err;
        break;
    case CT_CLIENT_LISTENING:
    case CT_CLIENT_REGISTERED:
        (void)fprintf(stderr, "%s %s %s on relay %u\n", event->peer,
                      event->kind == CT_CLIENT_LISTENING ? "listens at" : "is registered at",
                      event->relayed, event->relay);
        break;
    case CT_CLIENT_DOWN:
        (void)fprintf(stderr, "chainturn: not reachable for now: %s\n", event->text);
        break;
    default:
        break;
    }
    ct_cli_event(l->how.cli, event);
}

/* To the latest call, of datagrams. False at the end of the input. */
static bool from_input(struct listener *l)
{
    char chunk[CHUNK];
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (l->how.by_line && n > 0) {
        ct_lines_send(&l->lines, l->how.client, l->latest, chunk, (size_t)n);
    } else if (n > 0) {
        (void)!ct_client_send(l->how.client, l->latest, chunk, (size_t)n);
    } else {
        ct_lines_end(&l->lines, l->how.client, l->latest);
    }
    return n > 0;
}

/* Ends the commands of calls that are over; in how many ms to look again, or -1. */
static int reap(struct listener *l)
{
    int again_ms = -1;
    for (size_t i = 0; i < CALLS; i++) {
        if (l->calls[i].call == 0 && !ct_exec_end(&l->calls[i].exec, ct_mono_ms())) {
            again_ms = REAP_MS;
        }
    }
    return again_ms;
}

static void serve(struct listener *l)
{
    bool has_input = uses_standard_streams(l) && !l->how.streams_only;
    while (!l->is_done && !ct_cli_is_ended()) {
        struct pollfd fds[2 * CALLS + 1]; /* those of the calls, and standard input */
        struct pollfd *input = &fds[(size_t)2 * CALLS];
        for (size_t i = 0; i < CALLS; i++) {
            ct_answered_wants(&l->calls[i], &fds[2 * i]);
        }
        *input = (struct pollfd){.fd = has_input && l->latest != 0 ? STDIN_FILENO : -1,
                                 .events = POLLIN};
        ct_cli_wait(l->how.client, fds, 2 * CALLS + 1, reap(l));
        if (input->revents != 0 && l->latest != 0) {
            has_input = from_input(l);
        }
        for (size_t i = 0; i < CALLS; i++) {
            ct_answered_ready(&l->calls[i], &l->how, &fds[2 * i]);
        }
    }
}

static void stop(struct listener *l)
{
    for (size_t i = 0; i < CALLS; i++) {
        ct_exec_stop(&l->calls[i].exec);
        ct_pipe_free(l->calls[i].pipe);
    }
}

static bool take_options(struct ct_cli *cli, struct listener *l)
{
    l->how.cli = cli;
    l->how.echoes = ct_cli_flag(cli, "--echo");
    l->how.by_line = ct_cli_flag(cli, "--line");
    l->how.streams_only = ct_cli_flag(cli, "--stream");
    l->is_once = ct_cli_flag(cli, "--once");
    return ct_cli_value(cli, "--exec", &l->how.command) &&
           ct_cli_number(cli, "--refresh", &cli->refresh_s, 1, 600) && ct_cli_end(cli, 0);
}

int ct_cmd_listen(struct ct_cli *cli)
{
    struct listener l = {.is_done = false};
    int code = CT_EXIT_OK;
    for (size_t i = 0; i < CALLS; i++) {
        l.calls[i].exec.fd = -1;
    }
    if (!take_options(cli, &l)) {
        return CT_EXIT_USAGE;
    }
    if (l.how.echoes + (l.how.command != NULL) > 1 || (l.how.by_line && l.how.streams_only)) {
        return ct_cli_error(cli, CT_ERR_CONFIG, "%s exclude each other",
                            l.how.echoes ? "--echo and --exec" : "--line and --stream");
    }
    cli->takes_streams = l.how.streams_only || !uses_standard_streams(&l);
    l.how.client = ct_cli_open(cli, &code, on_event, &l);
    if (l.how.client == NULL) {
        return code;
    }
    (void)ct_cli_signals();
    l.err = ct_client_listen(l.how.client, NULL);
    if (l.err == CT_OK) {
        serve(&l);
    }
    if (l.err != CT_OK) {
        code = ct_cli_error(cli, l.err, "%s", ct_client_error(l.how.client));
    } else if (l.is_once && l.is_done) {
        code = ct_cli_exit_code(l.call_err);
    }
    stop(&l);
    ct_cli_close(l.how.client, code);
    return code;
}
