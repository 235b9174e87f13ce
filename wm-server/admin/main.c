/* wm-admin: the table of its commands. */
#include "admin.h"
#include "service/command.h"

int main(int argc, char **argv)
{
    static const struct ct_command commands[] = {
        {"token issue", admin_token_issue,
         "--config FILE --batch B [--factory] [--count N] --expires 90d (--id NAME | --id-prefix "
         "P) "
         "[--max-gas N] --out FILE"},
        {"token inspect", admin_token_inspect, "[--config FILE] TOKENFILE"},
        {"token list", admin_token_list, "--config FILE [--batch B]"},
        {"token revoke", admin_token_revoke,
         "--config FILE [--with-devices] (TOKENFILE | --batch B | --jti HEX | --identity ID)"},
        {"passkey rotate", admin_passkey_rotate,
         "--config FILE --out FILE [--handshake-out FILE] --expires 365d"},
        {"key new", admin_key_new, "--out FILE [--passphrase SOURCE [--light]]"},
        {"key import", admin_key_import,
         "--from KEY [--from-passphrase SOURCE] --out FILE --passphrase SOURCE [--light]"},
        {"key address", admin_key_address, "[--passphrase SOURCE] KEY"},
        {"contract migrate", admin_contract_migrate,
         "--config FILE --from OLD-FILE [--from-block N] [--dry-run]"},
        {"store backup", admin_store_backup, "--config FILE --out FILE"},
        {"relay list", admin_relay_list, "--config FILE"},
        {"relay revoke", admin_relay_revoke, "--config FILE INDEX"},
        {"device revoke", admin_device_revoke, "--config FILE ID"},
        {"audit verify", admin_audit_verify, "[--head N:HASH] FILE.."},
    };
    return ct_command_main(ADMIN, commands, sizeof commands / sizeof commands[0], argc, argv);
}
