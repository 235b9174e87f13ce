/* The keys that the settings name. */
#include <string.h>

#include "keys/own_key.h"
#include "service/settings.h"

static ct_err missing(ct_err err, const char *path, struct ct_why *why)
{
    return err == CT_ERR_NOT_FOUND
               ? ct_why(why, CT_ERR_CONFIG,
                        "there is no key file %s; wm-server init makes one, or restore it from "
                        "your copy",
                        path)
               : err;
}

static ct_err open_key(struct ct_wallet *wallet, struct ct_hsm **hsm, const char *source,
                       const char *passphrase, struct ct_why *why)
{
    struct ct_own_key key;
    ct_err err = ct_own_key_open(&key, source, passphrase, why);
    if (err == CT_OK) {
        *wallet = key.wallet;
        *hsm = key.hsm;
        ct_wipe(&key, sizeof key);
    }
    return missing(err, source, why);
}

ct_err ct_pass_key_load(struct ct_ed25519 *out, const struct ct_settings *s, struct ct_why *why)
{
    return missing(ct_ed25519_load(out, s->pass_path, why), s->pass_path, why);
}

ct_err ct_keys_load(struct ct_keys *out, const struct ct_settings *s, struct ct_why *why)
{
    (void)ct_memory_lock(out, sizeof *out);
    ct_err err =
        open_key(&out->approver, &out->approver_hsm, s->approver_path, s->approver_passphrase, why);
    if (err == CT_OK && s->funder_path != NULL) {
        err = open_key(&out->funder, &out->funder_hsm, s->funder_path, s->funder_passphrase, why);
    }
    if (err == CT_OK && memcmp(out->funder.addr20, out->approver.addr20, 20) == 0) {
        err = ct_why(why, CT_ERR_CONFIG,
                     "keys.funder and keys.approver are one account; give each its own, so that "
                     "neither takes the other's nonces and ether");
    }
    if (err == CT_OK) {
        err = ct_pass_key_load(&out->pass, s, why);
    }
    if (err == CT_OK) {
        err = missing(ct_x25519_load(&out->handshake, s->handshake_path, why), s->handshake_path,
                      why);
    }
    if (err == CT_OK) {
        err = ct_next_keys_load(out, s, why);
    }
    if (err != CT_OK) {
        ct_keys_wipe(out);
    }
    return err;
}

ct_err ct_next_keys_load(struct ct_keys *out, const struct ct_settings *s, struct ct_why *why)
{
    ct_err err = CT_OK;
    if (s->next_pass_path != NULL) {
        err = missing(ct_ed25519_load(&out->next_pass, s->next_pass_path, why), s->next_pass_path,
                      why);
        out->has_next_pass = err == CT_OK;
    }
    if (err == CT_OK && s->next_handshake_path != NULL) {
        err = missing(ct_x25519_load(&out->next_handshake, s->next_handshake_path, why),
                      s->next_handshake_path, why);
        out->has_next_handshake = err == CT_OK;
    }
    return err;
}

void ct_keys_wipe(struct ct_keys *k)
{
    ct_hsm_close(k->funder_hsm); /* the first opened is closed last */
    ct_hsm_close(k->approver_hsm);
    ct_wipe(k, sizeof *k);
}
