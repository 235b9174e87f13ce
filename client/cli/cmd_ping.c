/* chainturn ping: time calls to a device, stage by stage. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define BETWEEN_MS 200

struct ping {
    struct ct_cli *cli;
    struct ct_client *client;
    double total_ms, stages_ms[4];
    bool is_done, is_connected;
    uint32_t rtt_ms;
    ct_err err;
};

static const char *const stages[4] = {"resolve", "allocate", "handshake", "dtls"};

static void on_event(void *arg, const struct ct_client_event *event)
{
    struct ping *p = arg;
    ct_cli_event(p->cli, event);
    if (event->kind == CT_CLIENT_STAGE) {
        for (size_t i = 0; i < 4; i++) {
            if (strcmp(stages[i], event->stage) == 0) {
                p->stages_ms[i] = event->ms;
                p->total_ms += event->ms;
            }
        }
    } else if (event->kind == CT_CLIENT_CONNECTED) {
        p->is_connected = true;
        p->rtt_ms = event->rtt_ms;
        ct_client_hang_up(p->client, event->call);
    } else if (event->kind == CT_CLIENT_CLOSED) {
        p->is_done = true;
        p->err = p->is_connected ? CT_OK : event->err;
    }
}

static ct_err ping_once(struct ping *p, const char *name)
{
    unsigned call = 0;
    p->is_done = p->is_connected = false;
    p->total_ms = 0;
    memset(p->stages_ms, 0, sizeof p->stages_ms);
    ct_err err = ct_client_dial(p->client, name, &call);
    while (err == CT_OK && !p->is_done && !ct_cli_is_ended()) {
        ct_cli_wait(p->client, NULL, 0, 1000);
    }
    err = err != CT_OK ? err : p->err;
    if (err == CT_OK && p->is_connected) {
        ct_cli_say(p->cli,
                   "%s answered in %.1f ms (resolve %.1f, allocate %.1f, handshake %.1f, dtls "
                   "%.1f), round trip %u ms",
                   name, p->total_ms, p->stages_ms[0], p->stages_ms[1], p->stages_ms[2],
                   p->stages_ms[3], p->rtt_ms);
    }
    return err;
}

int ct_cmd_ping(struct ct_cli *cli)
{
    struct ping p = {.cli = cli};
    unsigned count = 1;
    int code = CT_EXIT_OK;

    if (!ct_cli_number(cli, "--count", &count, 1, 100000) || !ct_cli_end(cli, 1)) {
        return CT_EXIT_USAGE;
    }
    p.client = ct_cli_open(cli, &code, on_event, &p);
    if (p.client == NULL) {
        return code;
    }
    (void)ct_cli_signals();
    for (unsigned i = 0; i < count && code == CT_EXIT_OK && !ct_cli_is_ended(); i++) {
        ct_err err = ping_once(&p, cli->args[0]);
        if (err != CT_OK) {
            code = ct_cli_error(cli, err, "%s", ct_client_error(p.client));
        }
        if (i + 1 < count) {
            ct_cli_wait(p.client, NULL, 0, BETWEEN_MS);
        }
    }
    ct_cli_close(p.client, code);
    return code;
}
