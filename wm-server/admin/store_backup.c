/* wm-admin store backup: a copy of the SQLite store while the server runs. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin.h"
#include "base/clock.h"
#include "service/command.h"
#include "service/settings.h"
#include "store/sql_copy.h"

static ct_err backup(const char *config, const char *out, struct ct_why *why)
{
    struct ct_settings settings;
    uint64_t pages = 0;
    ct_err err = ct_settings_load(&settings, config, why);
    if (err != CT_OK) {
        return err;
    }
    if (settings.store_path == NULL) {
        err = ct_why(why, CT_ERR_CONFIG,
                     "the store is a Redis; copy its append-only files, or give it a replica");
    } else {
        err = ct_sql_copy(settings.store_path, out, ct_wall_s(), &pages, why);
    }
    if (err == CT_OK) {
        (void)printf("%s: %llu KiB of %s, checked\n", out, (unsigned long long)pages * 4,
                     settings.store_path);
    }
    ct_settings_free(&settings);
    return err;
}

int admin_store_backup(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"out", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    struct ct_why why = {{0}};
    const char *config = NULL;
    const char *out = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'c') {
            config = optarg;
        } else if (option == 'o') {
            out = optarg;
        } else {
            return CT_EXIT_USAGE;
        }
    }
    if (config == NULL || out == NULL || optind != argc) {
        return ct_command_usage(ADMIN, "store backup needs --config FILE and --out FILE");
    }
    ct_err err = backup(config, out, &why);
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, &why);
}
