/* wm-admin passkey rotate: the next keys of the wallet manager, and the call by which the cold
 * owner lists them. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/registry.h"
#include "service/command.h"
#include "duration.h"
#include "service/settings.h"

enum { CALL_MAX = 128 };

struct order {
    const char *config, *out, *handshake_out; /* the last NULL: that key stays */
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

static void say_settings(const struct order *o, const struct ct_wm_key *now)
{
    (void)printf("then, before the next rotation, set in their place, and restart wm-server:\n"
                 "  pass = %s\n"
                 "  pass-id = %u\n",
                 o->out, now->id + 1);
    if (o->handshake_out != NULL) {
        (void)printf("  handshake = %s\n", o->handshake_out);
    }
    (void)printf("tokens and passes of key %u stay good until their own end; keep no copy of that "
                 "key\n",
                 now->id);
}

static ct_err tell(const struct order *o, const uint8_t ed25519[32], const uint8_t x25519[32],
                   const struct ct_wm_key *now, const uint8_t contract20[20],
                   const uint8_t owner20[20], struct ct_why *why)
{
    uint8_t call[CALL_MAX];
    char text[2 * CALL_MAX + 3], owner[CT_ADDR_TEXT_LEN], contract[CT_ADDR_TEXT_LEN];
    struct ct_wr w = ct_wr_init(call, sizeof call);
    ct_call_set_wm_key(&w, ed25519, x25519, o->not_after_s);
    ct_err err = ct_wr_end(&w);
    if (err != CT_OK) {
        return ct_why(why, err, "the call did not fit");
    }
    ct_hex0x(text, call, w.len);
    ct_addr_text(owner, owner20);
    ct_addr_text(contract, contract20);
    (void)printf("the new pass key is in %s, and will be number %u\n"
                 "first set in [keys] of %s, and send wm-server SIGHUP:\n"
                 "  next-pass = %s\n",
                 o->out, now->id + 1, o->config, o->out);
    if (o->handshake_out != NULL) {
        (void)printf("  next-handshake = %s\n", o->handshake_out);
    }
    (void)printf("then the owner %s has to send to %s:\n"
                 "  setWMKey %s\n"
                 "from that block on both generations are served, and the new one signs within a "
                 "minute\n",
                 owner, contract, text);
    say_settings(o, now);
    return CT_OK;
}

/* The key that devices handshake with: a new one, or that of now. */
static ct_err next_handshake(uint8_t x25519[32], const struct order *o, const struct ct_wm_key *now,
                             struct ct_why *why)
{
    struct ct_x25519 key = {.public32 = {0}};
    if (o->handshake_out == NULL) {
        memcpy(x25519, now->x25519, 32);
        return CT_OK;
    }
    ct_err err = ct_x25519_load_or_create(&key, o->handshake_out, why);
    memcpy(x25519, key.public32, 32);
    ct_wipe(&key, sizeof key);
    return err;
}

static ct_err is_free(const char *path, struct ct_why *why)
{
    return path != NULL && access(path, F_OK) == 0
               ? ct_why(why, CT_ERR_CONFIG, "%s exists; choose another file", path)
               : CT_OK;
}

static ct_err rotate(const struct order *o, struct ct_why *why)
{
    struct ct_settings settings;
    struct ct_bundle bundle;
    struct ct_wm_key now;
    struct ct_ed25519 pass = {.public32 = {0}};
    uint8_t owner20[20], x25519[32];
    ct_err err = ct_settings_load(&settings, o->config, why);
    if (err != CT_OK) {
        return err;
    }
    err = is_free(o->out, why);
    if (err == CT_OK) {
        err = is_free(o->handshake_out, why);
    }
    if (err == CT_OK) {
        err = read_contract(&settings, &bundle, &now, owner20, why);
    }
    if (err == CT_OK) {
        err = ct_ed25519_load_or_create(&pass, o->out, why);
    }
    if (err == CT_OK) {
        err = next_handshake(x25519, o, &now, why);
    }
    if (err == CT_OK) {
        err = tell(o, pass.public32, x25519, &now, bundle.contract20, owner20, why);
    }
    ct_wipe(&pass, sizeof pass);
    ct_settings_free(&settings);
    return err;
}

int admin_passkey_rotate(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"out", required_argument, NULL, 'o'},
                                            {"handshake-out", required_argument, NULL, 'h'},
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
        case 'h':
            o.handshake_out = optarg;
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
