/* chainturn relays: the relays of this deployment and the round trips to them. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

#define RELAYS_MAX 16384

static void print(const struct ct_cli *cli, const struct ct_client_relay *r)
{
    char rtt[24] = "no answer";
    if (cli->is_json) {
        ct_cli_json("relay",
                    "\"index\":%u,\"address\":\"%s\",\"state\":\"%s\",\"approved\":%s,\"port_min\":"
                    "%u,\"port_max\":%u,\"rtt_ms\":%.3f",
                    r->index, r->address, r->state, r->is_approved ? "true" : "false", r->port_min,
                    r->port_max, (double)r->rtt_us / 1000.0);
        return;
    }
    if (r->rtt_us != 0) {
        (void)snprintf(rtt, sizeof rtt, "%.1f ms", (double)r->rtt_us / 1000.0);
    }
    (void)printf("%5u  %-24s  %-10s  %s\n", r->index, r->address, r->state,
                 r->is_approved ? rtt : "-");
}

int ct_cmd_relays(struct ct_cli *cli)
{
    int code = CT_EXIT_OK;
    size_t count = 0;
    if (!ct_cli_end(cli, 0)) {
        return CT_EXIT_USAGE;
    }
    struct ct_client *client = ct_cli_open(cli, &code, NULL, NULL);
    if (client == NULL) {
        return code;
    }
    struct ct_client_relay *relays = calloc(RELAYS_MAX, sizeof *relays);
    ct_err err =
        relays == NULL ? CT_ERR_NOMEM : ct_client_relays(client, relays, RELAYS_MAX, &count);
    if (err != CT_OK) {
        code = ct_cli_error(cli, err, "%s",
                            relays == NULL ? "out of memory" : ct_client_error(client));
    } else if (!cli->is_json) {
        (void)printf("relay  address                   state       round trip\n");
    }
    for (size_t i = 0; i < count && i < RELAYS_MAX && err == CT_OK; i++) {
        print(cli, &relays[i]);
    }
    free(relays);
    ct_cli_close(client, code);
    return code;
}
