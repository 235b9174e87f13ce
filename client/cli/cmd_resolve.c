/* chainturn resolve: what the chain, proof-checked, says of a device. */
#include <stdio.h>

#include "base/hex.h"
#include "cli.h"

int ct_cmd_resolve(struct ct_cli *cli)
{
    struct ct_client_record r;
    char key[67];
    int code = CT_EXIT_OK;

    if (!ct_cli_end(cli, 1)) {
        return CT_EXIT_USAGE;
    }
    struct ct_client *client = ct_cli_open(cli, &code, NULL, NULL);
    if (client == NULL) {
        return code;
    }
    ct_err err = ct_client_resolve(client, cli->args[0], &r);
    if (err != CT_OK) {
        code = ct_cli_error(cli, err, "%s", ct_client_error(client));
        ct_cli_close(client, code);
        return code;
    }
    ct_hex0x(key, r.key32, sizeof r.key32);
    if (cli->is_json) {
        ct_cli_json("proof", "\"verified\":true,\"k\":%u,\"n\":%u,\"block\":%llu", r.k, r.n,
                    (unsigned long long)r.block);
        ct_cli_json("record",
                    "\"peer\":\"%s\",\"wallet\":\"%s\",\"key\":\"%s\",\"relay\":%u,\"relayed\":"
                    "\"%s\",\"relay_address\":\"%s\",\"expiry_day\":%u,\"sequence\":%u",
                    r.identity, r.wallet, key, r.relay, r.relayed, r.relay_address, r.expiry_day,
                    r.sequence);
    } else {
        (void)printf("%s\n  wallet   %s\n  key      %s\n  relayed  %s\n  relay    %u at %s\n",
                     r.identity, r.wallet, key, r.relayed[0] != '\0' ? r.relayed : "none", r.relay,
                     r.relay_address[0] != '\0' ? r.relay_address : "no usable address");
        (void)printf("  valid    through day %u since 1970, sequence %u\n", r.expiry_day,
                     r.sequence);
        (void)printf("  proof    holds at block %llu, for which %u of %u endpoints vouch\n",
                     (unsigned long long)r.block, r.k, r.n);
    }
    ct_cli_close(client, code);
    return code;
}
