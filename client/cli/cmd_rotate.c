/* chainturn rotate: another key for this device. */
#include <stdio.h>

#include "cli.h"

int ct_cmd_rotate(struct ct_cli *cli)
{
    struct ct_client_changed changed;
    char key[65] = "";
    int code = CT_EXIT_OK;

    if (!ct_cli_end(cli, 0)) {
        return CT_EXIT_USAGE;
    }
    struct ct_client *client = ct_cli_open(cli, &code, NULL, NULL);
    if (client == NULL) {
        return code;
    }
    ct_err err = ct_client_rotate(client, &changed);
    if (err != CT_OK) {
        code = ct_cli_error(cli, err, "%s", ct_client_error(client));
        ct_cli_close(client, code);
        return code;
    }
    for (size_t i = 0; i < sizeof changed.key32; i++) {
        (void)snprintf(key + 2 * i, 3, "%02x", changed.key32[i]);
    }
    ct_cli_say(cli, "%s has another key, in force from block %llu on", ct_client_identity(client),
               (unsigned long long)changed.block);
    if (cli->is_json) {
        ct_cli_json("rotated",
                    "\"peer\":\"%s\",\"key\":\"0x%s\",\"block\":%llu,\"gas\":%llu,"
                    "\"by_wallet\":%s",
                    ct_client_identity(client), key, (unsigned long long)changed.block,
                    (unsigned long long)changed.gas, changed.by_wallet ? "true" : "false");
    }
    ct_cli_close(client, code);
    return code;
}
