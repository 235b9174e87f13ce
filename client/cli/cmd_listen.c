/* chainturn listen: stay reachable and answer calls. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli.h"
#include "exec.h"

#define CALLS 32
#define CHUNK 1100
#define REAP_MS 50

struct answered {
    unsigned call; /* 0: free */
    bool is_heard; /* its first byte was told */
    struct ct_exec exec;
};

struct listener {
    struct ct_cli *cli;
    struct ct_client *client;
    const char *exec;
    bool echoes, is_once, is_done;
    ct_err err;
    struct answered calls[CALLS];
    unsigned latest; /* where standard input goes */
};

/* The call of this number; 0: a free place, where no command has still to end. */
static struct answered *find(struct listener *l, unsigned call)
{
    for (size_t i = 0; i < CALLS; i++) {
        if (l->calls[i].call == call && (call != 0 || l->calls[i].exec.pid == 0)) {
            return &l->calls[i];
        }
    }
    return NULL;
}

static void connected(struct listener *l, const struct ct_client_event *event)
{
    struct answered *call = find(l, 0);
    if (call == NULL) {
        ct_client_hang_up(l->client, event->call);
        return;
    }
    *call = (struct answered){.call = event->call, .exec = {.fd = -1}};
    l->latest = event->call;
    if (l->exec != NULL && !ct_exec_start(&call->exec, l->exec)) {
        (void)fprintf(stderr, "chainturn: cannot start a command: %s\n", strerror(errno));
        ct_client_hang_up(l->client, event->call);
    }
    if (!l->cli->is_json) {
        ct_cli_say_connected(event);
    }
}

static void data(struct listener *l, const struct ct_client_event *event)
{
    struct answered *call = find(l, event->call);
    if (call == NULL) {
        return;
    }
    if (!call->is_heard) {
        call->is_heard = true;
        ct_cli_event(l->cli, event);
    }
    if (l->echoes) {
        (void)!ct_client_send(l->client, event->call, event->data, event->len);
    } else if (call->exec.fd >= 0) {
        (void)!send(call->exec.fd, event->data, event->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else if (!l->cli->is_json) {
        (void)fwrite(event->data, 1, event->len, stdout);
        (void)fflush(stdout);
    }
}

static void closed(struct listener *l, const struct ct_client_event *event)
{
    struct answered *call = find(l, event->call);
    if (call != NULL) {
        call->call = 0;
        (void)ct_exec_end(&call->exec, ct_mono_ms());
        l->is_done = l->is_done || l->is_once;
    }
    l->latest = l->latest == event->call ? 0 : l->latest;
}

static void on_event(void *arg, const struct ct_client_event *event)
{
    struct listener *l = arg;
    switch (event->kind) {
    case CT_CLIENT_DATA:
        data(l, event);
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
    ct_cli_event(l->cli, event);
}

/* A datagram of a command goes to its call; its end is the end of the call. */
static void from_exec(struct listener *l, struct answered *call)
{
    char chunk[CHUNK];
    ssize_t n = recv(call->exec.fd, chunk, sizeof chunk, 0);
    if (n > 0) {
        (void)!ct_client_send(l->client, call->call, chunk, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        ct_client_hang_up(l->client, call->call);
    }
}

/* False at the end of the input. */
static bool from_input(struct listener *l)
{
    char chunk[CHUNK];
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n > 0 && l->latest != 0) {
        (void)!ct_client_send(l->client, l->latest, chunk, (size_t)n);
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
    bool has_input = l->exec == NULL && !l->echoes;
    while (!l->is_done && !ct_cli_is_ended()) {
        int fds[CALLS + 1]; /* the commands' and standard input */
        bool ready[CALLS + 1] = {false};
        for (size_t i = 0; i < CALLS; i++) {
            fds[i] = l->calls[i].call != 0 ? l->calls[i].exec.fd : -1;
        }
        fds[CALLS] = has_input && l->latest != 0 ? STDIN_FILENO : -1;
        ct_cli_wait(l->client, fds, ready, CALLS + 1, reap(l));
        if (ready[CALLS]) {
            has_input = from_input(l);
        }
        for (size_t i = 0; i < CALLS; i++) {
            if (ready[i] && l->calls[i].call != 0 && l->calls[i].exec.fd == fds[i]) {
                from_exec(l, &l->calls[i]);
            }
        }
    }
}

int ct_cmd_listen(struct ct_cli *cli)
{
    struct listener l = {.cli = cli};
    int code = CT_EXIT_OK;
    for (size_t i = 0; i < CALLS; i++) {
        l.calls[i].exec.fd = -1;
    }

    l.echoes = ct_cli_flag(cli, "--echo");
    l.is_once = ct_cli_flag(cli, "--once");
    if (!ct_cli_value(cli, "--exec", &l.exec) ||
        !ct_cli_number(cli, "--refresh", &cli->refresh_s, 1, 600) || !ct_cli_end(cli, 0)) {
        return CT_EXIT_USAGE;
    }
    if (l.echoes && l.exec != NULL) {
        return ct_cli_error(cli, CT_ERR_CONFIG, "--echo and --exec exclude each other");
    }
    l.client = ct_cli_open(cli, &code, on_event, &l);
    if (l.client == NULL) {
        return code;
    }
    (void)ct_cli_signals();
    l.err = ct_client_listen(l.client, NULL);
    if (l.err == CT_OK) {
        serve(&l);
    }
    if (l.err != CT_OK) {
        code = ct_cli_error(cli, l.err, "%s", ct_client_error(l.client));
    }
    for (size_t i = 0; i < CALLS; i++) {
        ct_exec_stop(&l.calls[i].exec);
    }
    ct_cli_close(l.client, code);
    return code;
}
