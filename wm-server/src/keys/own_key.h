/* A wallet key of this server's, whichever way it is kept: raw, as a keystore, or in a token. */
#ifndef CT_WM_OWN_KEY_H
#define CT_WM_OWN_KEY_H

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/key.h"
#include "keys/hsm.h"

struct ct_own_key {
    struct ct_wallet wallet;
    struct ct_hsm *hsm; /* NULL: the key is in memory */
};

/*
 * source: a path, fd:N or credential:NAME (base/source.h), or a pkcs11: URI; passphrase: the source
 * of a keystore's passphrase or of a token's PIN, NULL for a raw key. Errors as of
 * ct_wallet_open() and ct_hsm_open().
 */
CT_MUST_USE ct_err ct_own_key_open(struct ct_own_key *out, const char *source,
                                   const char *passphrase, struct ct_why *why);
void ct_own_key_close(struct ct_own_key *key);

#endif
