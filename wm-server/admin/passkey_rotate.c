/* wm-admin passkey rotate: the next pass key, and the call by which the cold owner lists it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/registry.h"
#include "command.h"
#include "duration.h"
#include "settings.h"

enum { CALL_MAX = 128 };

struct order {
    const char *config, *out;
    uint64_t not_after_s;
};

/* What the contract lists now, proven, and who may change it. */
static ct_err read_contract(const struct ct_settings *settings, struct ct_bundle *bundle,
                            struct ct_wm_key *now, uint8_t owner20[20], struct ct_why *why)
{
    const struct ct_chain_env env = {.log = ct_command_log(CT_LOG_WARN)};
    struct ct_chain *chain = NULL;
    struct ct_view view;
    struct ct_wm_key keys[2];
    uint8_t next20[20];
    ct_err err = ct_settings_bundle(bundle, settings, why);
    if (err == CT_OK) {
        err = ct_chain_open(&chain, bundle, &env, why);
    }
    if (err == CT_OK) {
        err = ct_chain_check(chain, &view, why);
    }
    if (err == CT_OK) {
        err = ct_registry_wm_keys(chain, &view, keys, why);
    }
    if (err == CT_OK) {
        err = ct_registry_owner(chain, &view, owner20, next20, why);
    }
    if (err == CT_OK) {
        *now = keys[0];
    }
    ct_chain_free(chain);
    return err;
}

/* The handshake key stays: devices need no other bundle. */
static ct_err tell(const struct order *o, const struct ct_ed25519 *pass,
                   const struct ct_wm_key *now, const uint8_t contract20[20],
                   const uint8_t owner20[20], struct ct_why *why)
{
    uint8_t call[CALL_MAX];
    char text[2 * CALL_MAX + 3], owner[CT_ADDR_TEXT_LEN], contract[CT_ADDR_TEXT_LEN];
    struct ct_wr w = ct_wr_init(call, sizeof call);
    ct_call_set_wm_key(&w, pass->public32, now->x25519, o->not_after_s);
    ct_err err = ct_wr_end(&w);
    if (err != CT_OK) {
        return ct_why(why, err, "the call did not fit");
    }
    ct_hex0x(text, call, w.len);
    ct_addr_text(owner, owner20);
    ct_addr_text(contract, contract20);
    (void)printf("the new pass key is in %s, and will be number %u\n"
                 "the owner %s has to send to %s:\n"
                 "  setWMKey %s\n"
                 "when that is in a block, set in %s, and restart wm-server:\n"
                 "  pass = %s\n"
                 "  pass-id = %u\n"
                 "tokens and passes of key %u stay good until their own end; keep no copy of that "
                 "key\n",
                 o->out, now->id + 1, owner, contract, text, o->config, o->out, now->id + 1,
                 now->id);
    return CT_OK;
}

static ct_err rotate(const struct order *o, struct ct_why *why)
{
    struct ct_settings settings;
    struct ct_bundle bundle;
    struct ct_wm_key now;
    struct ct_ed25519 pass = {.public32 = {0}};
    uint8_t owner20[20];
    ct_err err = ct_settings_load(&settings, o->config, why);
    if (err != CT_OK) {
        return err;
    }
    if (access(o->out, F_OK) == 0) {
        err = ct_why(why, CT_ERR_CONFIG, "%s exists; choose another --out", o->out);
    }
    if (err == CT_OK) {
        err = read_contract(&settings, &bundle, &now, owner20, why);
    }
    if (err == CT_OK) {
        err = ct_ed25519_load_or_create(&pass, o->out, why);
    }
    if (err == CT_OK) {
        err = tell(o, &pass, &now, bundle.contract20, owner20, why);
    }
    ct_wipe(&pass, sizeof pass);
    ct_settings_free(&settings);
    return err;
}

int admin_passkey_rotate(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"out", required_argument, NULL, 'o'},
                                            {"expires", required_argument, NULL, 'e'},
                                            {0}};
    struct order o = {.config = NULL};
    struct ct_why why = {{0}};
    uint64_t lasts_s = 0;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o.config = optarg;
            break;
        case 'o':
            o.out = optarg;
            break;
        case 'e':
            if (!admin_duration(&lasts_s, optarg)) {
                return ct_command_usage(ADMIN, "\"%s\" is no time like 365d", optarg);
            }
            break;
        default:
            return CT_EXIT_USAGE;
        }
    }
    if (o.config == NULL || o.out == NULL || lasts_s == 0 || optind != argc) {
        return ct_command_usage(ADMIN, "passkey rotate needs --config FILE, --out FILE and "
                                       "--expires 365d");
    }
    o.not_after_s = ct_wall_s() + lasts_s;
    ct_err err = rotate(&o, &why);
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, &why);
}
