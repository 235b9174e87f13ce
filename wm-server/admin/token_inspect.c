/* wm-admin token inspect: what tokens say, and with the configuration whether we signed them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "base/clock.h"
#include "base/hex.h"
#include "chain/registry.h"
#include "service/command.h"
#include "kex/token.h"
#include "service/settings.h"
#include "token_file.h"

enum { FILE_MAX = 1 << 20 };

static const char *verdict(const char *line, size_t len, const struct ct_wm_key *key)
{
    struct ct_token token;
    bool is_factory = ct_factory_is(line, len);
    if (key == NULL) {
        return "signature not checked (no --config)";
    }
    switch (is_factory ? ct_factory_verify(&token, line, len, key, 1, ct_wall_s(), NULL)
                       : ct_token_verify(&token, line, len, key, 1, ct_wall_s(), NULL)) {
    case CT_OK:
        return "signature good";
    case CT_ERR_EXPIRED:
        return "signature good, expired";
    default:
        return "signature NOT ours";
    }
}

/* arg: the key that it should be signed with, or NULL. */
static ct_err inspect_line(void *arg, const char *line, size_t len, struct ct_why *why)
{
    const struct ct_wm_key *key = arg;
    struct ct_token token;
    char jti[33];
    char when[32] = "?";
    char gas[40] = "";
    char kind[80] = "";
    struct tm tm;
    ct_err err = admin_token_parse(&token, line, len, why);
    if (err != CT_OK) {
        return err;
    }
    time_t expiry = (time_t)token.expiry_s;
    if (gmtime_r(&expiry, &tm) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    if (token.max_gas != 0) {
        (void)snprintf(gas, sizeof gas, ", at most %llu gas", (unsigned long long)token.max_gas);
    }
    if (token.count != 0) {
        (void)snprintf(kind, sizeof kind, "factory credential for %u devices, ",
                       (unsigned)token.count);
    } else if (token.is_minted) {
        ct_hex(jti, token.factory16, sizeof token.factory16);
        (void)snprintf(kind, sizeof kind, "of factory credential %s, ", jti);
    }
    ct_hex(jti, token.jti16, sizeof token.jti16);
    (void)printf("%snumber %s, batch %s, for %s%s, until %s%s, key %u, %s\n", kind, jti,
                 token.batch, token.identity, token.is_prefix ? "*" : "", when, gas, token.key_id,
                 verdict(line, len, key));
    return CT_OK;
}

static ct_err own_key(struct ct_wm_key *out, const char *config, struct ct_why *why)
{
    struct ct_settings settings;
    struct ct_ed25519 pass = {.public32 = {0}};
    ct_err err = ct_settings_load(&settings, config, why);
    if (err != CT_OK) {
        return err;
    }
    err = ct_pass_key_load(&pass, &settings, why);
    if (err == CT_OK) {
        *out = (struct ct_wm_key){.id = (uint32_t)settings.pass_key_id, .not_after_s = INT64_MAX};
        memcpy(out->ed25519, pass.public32, 32);
    }
    ct_wipe(&pass, sizeof pass);
    ct_settings_free(&settings);
    return err;
}

int admin_token_inspect(int argc, char **argv)
{
    struct ct_wm_key key;
    struct ct_why why = {{0}};
    const char *config = NULL;
    int rest = 0;
    if (!ct_command_config(&config, &rest, argc, argv)) {
        return CT_EXIT_USAGE;
    }
    if (rest + 1 != argc) {
        return ct_command_usage(ADMIN, "token inspect needs one token file");
    }
    ct_err err = config == NULL ? CT_OK : own_key(&key, config, &why);
    if (err == CT_OK) {
        err = admin_token_file(argv[rest], FILE_MAX, inspect_line, config == NULL ? NULL : &key,
                               &why);
    }
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, &why);
}
