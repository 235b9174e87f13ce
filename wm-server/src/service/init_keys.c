/* A path is made when absent; a descriptor, a credential or a token is only opened. */
#include "service/init_keys.h"

#include <limits.h>
#include <stdio.h>

static ct_err absent(ct_err err, const char *source, struct ct_why *why)
{
    return err == CT_ERR_NOT_FOUND ? ct_why(why, CT_ERR_CONFIG, "there is no key %s", source) : err;
}

static ct_err make(struct ct_own_key *key, const struct ct_init_source *from, const char *dir,
                   const char *name, struct ct_why *why)
{
    char path[PATH_MAX];
    if (from->key != NULL && !ct_source_is_path(from->key)) {
        return absent(ct_own_key_open(key, from->key, from->passphrase, why), from->key, why);
    }
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return ct_wallet_open_or_create(&key->wallet, NULL, from->key != NULL ? from->key : path,
                                    from->passphrase, why);
}

static ct_err make_wallets(struct ct_init_keys *k, const struct ct_init_sources *from,
                           struct ct_why *why)
{
    ct_err err = from->no_owner && from->owner.key == NULL
                     ? CT_OK
                     : make(&k->owner, &from->owner, from->dir, "owner.key", why);
    if (err == CT_OK) {
        err = make(&k->approver, &from->approver, from->dir, "approver.key", why);
    }
    if (err == CT_OK) {
        err = make(&k->funder, &from->funder, from->dir, "funder.key", why);
    }
    if (err == CT_OK && from->fund.key != NULL) {
        err = absent(ct_own_key_open(&k->fund, from->fund.key, from->fund.passphrase, why),
                     from->fund.key, why);
    }
    return err;
}

ct_err ct_init_keys_make(struct ct_init_keys *out, const struct ct_init_sources *from,
                         struct ct_why *why)
{
    char path[PATH_MAX];
    (void)ct_memory_lock(out, sizeof *out);
    ct_err err = make_wallets(out, from, why);
    (void)snprintf(path, sizeof path, "%s/wm-pass.key", from->dir);
    if (err == CT_OK) {
        err = ct_ed25519_load_or_create(&out->pass, path, why);
    }
    (void)snprintf(path, sizeof path, "%s/wm-handshake.key", from->dir);
    return err == CT_OK ? ct_x25519_load_or_create(&out->handshake, path, why) : err;
}

void ct_init_keys_wipe(struct ct_init_keys *k)
{
    ct_own_key_close(&k->fund); /* the first opened is closed last */
    ct_own_key_close(&k->funder);
    ct_own_key_close(&k->approver);
    ct_own_key_close(&k->owner);
    ct_wipe(k, sizeof *k);
}
