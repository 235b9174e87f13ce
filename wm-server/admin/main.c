/* wm-admin: the table of its commands. */
#include "admin.h"
#include "command.h"

int main(int argc, char **argv)
{
    static const struct ct_command commands[] = {
        {"token issue", admin_token_issue,
         "--config FILE --batch B [--count N] --expires 90d (--id NAME | --id-prefix P) --out "
         "FILE"},
        {"token inspect", admin_token_inspect, "[--config FILE] TOKENFILE"},
        {"relay list", admin_relay_list, "--config FILE"},
        {"relay revoke", admin_relay_revoke, "--config FILE INDEX"},
        {"device revoke", admin_device_revoke, "--config FILE ID"},
    };
    return ct_command_main(ADMIN, commands, sizeof commands / sizeof commands[0], argc, argv);
}
