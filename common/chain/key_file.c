/* Wallet keys in files, raw or as keystores: what a file holds, its content tells. */
#include "chain/key.h"

#include <string.h>

#include "chain/keystore.h"

static ct_err from_raw(struct ct_wallet *out, const char *text, size_t len, const char *source,
                       bool has_passphrase, struct ct_why *why)
{
    struct ct_secret32 secret;
    if (ct_secret_parse(&secret, text, len) != CT_OK) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s does not hold a key: 64 hexadecimal digits or a keystore expected",
                      source);
    }
    ct_err err = CT_OK;
    if (has_passphrase) {
        err = ct_why(why, CT_ERR_CONFIG,
                     "%s holds its key in the clear though a passphrase is set; make a keystore of "
                     "it with wm-admin key import, or take the passphrase away",
                     source);
    } else if (ct_wallet_from_secret(out, &secret) != CT_OK) {
        err = ct_why(why, CT_ERR_CONFIG,
                     "%s holds no secp256k1 key (zero, or beyond the group order); "
                     "restore the right file or remove it to make a new wallet",
                     source);
    }
    ct_wipe(&secret, sizeof(secret));
    return err;
}

static ct_err decrypt(struct ct_wallet *out, const struct ct_keystore *ks, const char *source,
                      const struct ct_passphrase *passphrase, struct ct_why *why)
{
    struct ct_secret32 secret = {{0}};
    ct_err err = ct_keystore_open(&secret, ks, passphrase->text, passphrase->len);
    if (err == CT_ERR_AUTH) {
        return ct_why(why, err, "the passphrase does not open the keystore %s", source);
    }
    if (err != CT_OK) {
        return ct_why(why, err, "the keystore %s needs %u MiB of memory, which are not there",
                      source, (unsigned)(((uint64_t)ks->n * ks->r >> 13) + 1));
    }
    err = ct_wallet_from_secret(out, &secret);
    ct_wipe(&secret, sizeof(secret));
    if (err == CT_OK && ks->has_addr && memcmp(out->addr20, ks->addr20, 20) != 0) {
        ct_wallet_wipe(out);
        err = CT_ERR_ARG;
    }
    return err == CT_OK
               ? CT_OK
               : ct_why(why, CT_ERR_CONFIG,
                        "the key in the keystore %s is not that of the address in it", source);
}

static ct_err from_keystore(struct ct_wallet *out, const char *text, size_t len, const char *source,
                            const struct ct_passphrase *passphrase, struct ct_why *why)
{
    struct ct_keystore ks;
    if (passphrase == NULL) {
        return ct_why(why, CT_ERR_CONFIG,
                      "%s is a keystore; say where its passphrase is: a file, fd:N or "
                      "credential:NAME",
                      source);
    }
    if (ct_keystore_parse(&ks, text, len, why) != CT_OK) {
        ct_why_prefix(why, "%s", source);
        return CT_ERR_CONFIG;
    }
    return decrypt(out, &ks, source, passphrase, why);
}

ct_err ct_wallet_open_with(struct ct_wallet *out, const char *source,
                           const struct ct_passphrase *passphrase, struct ct_why *why)
{
    char text[CT_KEYSTORE_TEXT_MAX + 1];
    size_t len = 0;
    ct_err err = ct_source_read(text, sizeof(text), &len, source, why);
    if (err == CT_ERR_ROOM) {
        return ct_why(why, CT_ERR_CONFIG, "%s is too long for a key or a keystore", source);
    }
    if (err != CT_OK) {
        return err;
    }
    (void)ct_memory_lock(out, sizeof(*out));
    err = ct_keystore_is(text, len) ? from_keystore(out, text, len, source, passphrase, why)
                                    : from_raw(out, text, len, source, passphrase != NULL, why);
    ct_wipe(text, sizeof(text));
    return err;
}

ct_err ct_wallet_save_new(const struct ct_wallet *wallet, const char *path,
                          const struct ct_passphrase *passphrase, bool light, struct ct_why *why)
{
    struct ct_keystore ks;
    char text[CT_KEYSTORE_ROOM];
    if (passphrase == NULL) {
        return ct_secret_save_new(&wallet->secret, path, why);
    }
    ct_err err =
        ct_keystore_seal(&ks, &wallet->secret, wallet->addr20, passphrase->text, passphrase->len,
                         light ? CT_KEYSTORE_LIGHT : CT_KEYSTORE_STANDARD);
    if (err == CT_OK) {
        err = ct_keystore_format(text, sizeof(text), &ks);
    }
    return err == CT_OK ? ct_file_write_new(path, text, strlen(text), 0600, why)
                        : ct_why(why, err, "cannot make the keystore %s: %s", path,
                                 err == CT_ERR_NOMEM ? "it takes 256 MiB of memory, which are not "
                                                       "there"
                                                     : "no entropy from the system");
}

static ct_err create(struct ct_wallet *out, const char *path,
                     const struct ct_passphrase *passphrase, struct ct_why *why)
{
    if (ct_wallet_new(out) != CT_OK) {
        return ct_why(why, CT_ERR_SYSTEM, "no entropy from the system for %s", path);
    }
    return ct_wallet_save_new(out, path, passphrase, false, why);
}

ct_err ct_wallet_make_with(struct ct_wallet *out, bool *made, const char *path,
                           const struct ct_passphrase *passphrase, struct ct_why *why)
{
    struct ct_wallet wallet = {.addr20 = {0}};
    ct_err err = ct_wallet_open_with(&wallet, path, passphrase, why);
    bool fresh = err == CT_ERR_NOT_FOUND;
    if (fresh) {
        err = create(&wallet, path, passphrase, why);
        if (err == CT_ERR_STATE) { /* another process has just made it: the same wallet for both */
            fresh = false;
            err = ct_wallet_open_with(&wallet, path, passphrase, why);
        }
    }
    if (err == CT_OK) {
        *out = wallet;
        (void)ct_memory_lock(out, sizeof(*out));
        if (made != NULL) {
            *made = fresh;
        }
    }
    ct_wallet_wipe(&wallet);
    return err;
}

ct_err ct_wallet_open(struct ct_wallet *out, const char *source, const char *passphrase,
                      struct ct_why *why)
{
    struct ct_passphrase loaded;
    if (passphrase == NULL) {
        return ct_wallet_open_with(out, source, NULL, why);
    }
    ct_err err = ct_passphrase_load(&loaded, passphrase, why);
    if (err == CT_OK) {
        err = ct_wallet_open_with(out, source, &loaded, why);
        ct_wipe(&loaded, sizeof(loaded));
    }
    return err;
}

ct_err ct_wallet_open_or_create(struct ct_wallet *out, bool *made, const char *path,
                                const char *passphrase, struct ct_why *why)
{
    struct ct_passphrase loaded;
    if (passphrase == NULL) {
        return ct_wallet_make_with(out, made, path, NULL, why);
    }
    ct_err err = ct_passphrase_load(&loaded, passphrase, why);
    if (err == CT_OK) {
        err = ct_wallet_make_with(out, made, path, &loaded, why);
        ct_wipe(&loaded, sizeof(loaded));
    }
    return err;
}

ct_err ct_wallet_load(struct ct_wallet *out, const char *path, struct ct_why *why)
{
    return ct_wallet_open_with(out, path, NULL, why);
}

ct_err ct_wallet_load_or_create(struct ct_wallet *out, bool *made, const char *path,
                                struct ct_why *why)
{
    return ct_wallet_make_with(out, made, path, NULL, why);
}
