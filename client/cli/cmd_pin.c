/* chainturn pin: hold on to whose name it is now, or accept that it is another's. */
#include <stdio.h>

#include "cli.h"

static void say(const struct ct_cli *cli, const struct ct_client_record *r)
{
    ct_cli_say(cli, "%s is pinned to wallet %s, whose record holds at block %llu", r->identity,
               r->wallet, (unsigned long long)r->block);
    if (cli->is_json) {
        ct_cli_json("pinned", "\"peer\":\"%s\",\"wallet\":\"%s\",\"block\":%llu", r->identity,
                    r->wallet, (unsigned long long)r->block);
    }
}

int ct_cmd_pin(struct ct_cli *cli)
{
    struct ct_client_record record;
    int code = CT_EXIT_OK;
    bool accepts = ct_cli_flag(cli, "--accept");
    bool removes = ct_cli_flag(cli, "--remove");

    if (!ct_cli_end(cli, 1)) {
        return CT_EXIT_USAGE;
    }
    if (accepts && removes) {
        return ct_cli_error(cli, CT_ERR_CONFIG, "--accept and --remove exclude each other");
    }
    struct ct_client *client = ct_cli_open(cli, &code, NULL, NULL);
    if (client == NULL) {
        return code;
    }
    ct_err err = removes ? ct_client_unpin(client, cli->args[0])
                         : ct_client_pin(client, cli->args[0], accepts, &record);
    if (err != CT_OK) {
        code = ct_cli_error(cli, err, "%s", ct_client_error(client));
    } else if (removes) {
        ct_cli_say(cli, "%s is not pinned any more", cli->args[0]);
    } else {
        say(cli, &record);
    }
    ct_cli_close(client, code);
    return code;
}
