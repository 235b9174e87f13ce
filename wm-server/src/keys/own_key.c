/* A token when the source begins with pkcs11:, else what the file's content says. */
#include "keys/own_key.h"

#include <string.h>

static ct_err open_hsm(struct ct_own_key *key, const char *uri, const char *pin_source,
                       struct ct_why *why)
{
    struct ct_passphrase pin;
    if (pin_source == NULL) {
        return ct_why(why, CT_ERR_CONFIG,
                      "a pkcs11: key needs its PIN; say where it is as for a passphrase: a file, "
                      "fd:N or credential:NAME");
    }
    ct_err err = ct_passphrase_load(&pin, pin_source, why);
    if (err == CT_OK) {
        err = ct_hsm_open(&key->hsm, &key->wallet, uri, &pin, why);
        ct_wipe(&pin, sizeof pin);
    }
    return err;
}

ct_err ct_own_key_open(struct ct_own_key *out, const char *source, const char *passphrase,
                       struct ct_why *why)
{
    struct ct_own_key key = {.hsm = NULL};
    ct_err err = strncmp(source, "pkcs11:", 7) == 0
                     ? open_hsm(&key, source, passphrase, why)
                     : ct_wallet_open(&key.wallet, source, passphrase, why);
    if (err == CT_OK) {
        *out = key;
        (void)ct_memory_lock(out, sizeof *out);
    }
    ct_wipe(&key, sizeof key);
    return err;
}

void ct_own_key_close(struct ct_own_key *key)
{
    ct_hsm_close(key->hsm);
    ct_wipe(key, sizeof *key);
}
