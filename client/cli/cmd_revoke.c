/* chainturn revoke: the end of this device's record. */
#include "cli.h"

int ct_cmd_revoke(struct ct_cli *cli)
{
    struct ct_client_changed changed;
    int code = CT_EXIT_OK;
    bool is_sure = ct_cli_flag(cli, "--yes");

    if (!ct_cli_end(cli, 0)) {
        return CT_EXIT_USAGE;
    }
    if (!is_sure) {
        return ct_cli_error(cli, CT_ERR_CONFIG,
                            "revoke ends this device's record, and coming up again takes a new "
                            "token; say --yes if that is what you want");
    }
    struct ct_client *client = ct_cli_open(cli, &code, NULL, NULL);
    if (client == NULL) {
        return code;
    }
    ct_err err = ct_client_revoke(client, &changed);
    if (err != CT_OK) {
        code = ct_cli_error(cli, err, "%s", ct_client_error(client));
    } else {
        ct_cli_say(cli, "%s is revoked since block %llu: nobody can call it any more",
                   ct_client_identity(client), (unsigned long long)changed.block);
        if (cli->is_json) {
            ct_cli_json("revoked", "\"peer\":\"%s\",\"block\":%llu,\"gas\":%llu,\"by_wallet\":%s",
                        ct_client_identity(client), (unsigned long long)changed.block,
                        (unsigned long long)changed.gas, changed.by_wallet ? "true" : "false");
        }
    }
    ct_cli_close(client, code);
    return code;
}
