/* wm-admin key new, import, address: wallet keys in files, under a passphrase or raw. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "service/command.h"
#include "keys/own_key.h"

struct words {
    const char *out, *passphrase, *from, *from_passphrase, *key;
    bool light;
};

enum { OPT_OUT = 1, OPT_PASSPHRASE, OPT_FROM, OPT_FROM_PASSPHRASE, OPT_LIGHT };

static bool read_words(struct words *w, int argc, char **argv)
{
    static const struct option options[] = {
        {"out", required_argument, NULL, OPT_OUT},
        {"passphrase", required_argument, NULL, OPT_PASSPHRASE},
        {"from", required_argument, NULL, OPT_FROM},
        {"from-passphrase", required_argument, NULL, OPT_FROM_PASSPHRASE},
        {"light", no_argument, NULL, OPT_LIGHT},
        {0}};
    const char **places[] = {[OPT_OUT] = &w->out,
                             [OPT_PASSPHRASE] = &w->passphrase,
                             [OPT_FROM] = &w->from,
                             [OPT_FROM_PASSPHRASE] = &w->from_passphrase};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == '?') {
            return false;
        }
        if (c == OPT_LIGHT) {
            w->light = true;
        } else {
            *places[c] = optarg;
        }
    }
    w->key = optind + 1 == argc ? argv[optind] : NULL;
    return w->key != NULL || optind == argc;
}

static void say(const struct ct_wallet *wallet)
{
    char addr[CT_ADDR_TEXT_LEN];
    ct_addr_text(addr, wallet->addr20);
    (void)printf("%s\n", addr);
}

static ct_err save(const struct ct_wallet *wallet, const struct words *w, struct ct_why *why)
{
    struct ct_passphrase passphrase;
    if (w->passphrase == NULL) {
        return ct_wallet_save_new(wallet, w->out, NULL, false, why);
    }
    ct_err err = ct_passphrase_load(&passphrase, w->passphrase, why);
    if (err != CT_OK) {
        return err;
    }
    err = passphrase.len == 0
              ? ct_why(why, CT_ERR_CONFIG, "the passphrase in %s is empty", w->passphrase)
              : ct_wallet_save_new(wallet, w->out, &passphrase, w->light, why);
    ct_wipe(&passphrase, sizeof passphrase);
    return err;
}

static int end(ct_err err, struct ct_why *why)
{
    err = err == CT_ERR_STATE ? CT_ERR_CONFIG : err; /* the file exists: another name is needed */
    return err == CT_OK ? CT_EXIT_OK : ct_command_failed(ADMIN, err, why);
}

int admin_key_new(int argc, char **argv)
{
    struct words w = {.out = NULL};
    struct ct_wallet wallet;
    struct ct_why why = {{0}};
    if (!read_words(&w, argc, argv) || w.out == NULL || w.from != NULL || w.key != NULL ||
        w.from_passphrase != NULL || (w.light && w.passphrase == NULL)) {
        return ct_command_usage(ADMIN, "key new needs --out FILE, and takes --passphrase SOURCE");
    }
    ct_err err = ct_wallet_new(&wallet);
    (void)ct_memory_lock(&wallet, sizeof wallet);
    if (err != CT_OK) {
        (void)ct_why(&why, err, "no entropy from the system");
    } else {
        err = save(&wallet, &w, &why);
    }
    if (err == CT_OK) {
        say(&wallet);
    }
    ct_wallet_wipe(&wallet);
    return end(err, &why);
}

static ct_err open_key(struct ct_own_key *key, const char *source, const char *passphrase,
                       struct ct_why *why)
{
    ct_err err = ct_own_key_open(key, source, passphrase, why);
    return err == CT_ERR_NOT_FOUND ? ct_why(why, CT_ERR_CONFIG, "there is no key %s", source) : err;
}

int admin_key_import(int argc, char **argv)
{
    struct words w = {.out = NULL};
    struct ct_own_key key;
    struct ct_why why = {{0}};
    if (!read_words(&w, argc, argv) || w.out == NULL || w.from == NULL || w.key != NULL ||
        w.passphrase == NULL) {
        return ct_command_usage(ADMIN,
                                "key import needs --from KEY, --out FILE and --passphrase SOURCE");
    }
    ct_err err = open_key(&key, w.from, w.from_passphrase, &why);
    if (err == CT_OK) {
        err = key.hsm != NULL
                  ? ct_why(&why, CT_ERR_ARG, "a key in a token stays in it; import another one")
                  : save(&key.wallet, &w, &why);
        if (err == CT_OK) {
            say(&key.wallet);
        }
        ct_own_key_close(&key);
    }
    return end(err, &why);
}

int admin_key_address(int argc, char **argv)
{
    struct words w = {.out = NULL};
    struct ct_own_key key;
    struct ct_why why = {{0}};
    if (!read_words(&w, argc, argv) || w.key == NULL || w.out != NULL || w.from != NULL ||
        w.from_passphrase != NULL || w.light) {
        return ct_command_usage(ADMIN, "key address needs one KEY, and takes --passphrase SOURCE");
    }
    ct_err err = open_key(&key, w.key, w.passphrase, &why);
    if (err == CT_OK) {
        say(&key.wallet);
        ct_own_key_close(&key);
    }
    return end(err, &why);
}
