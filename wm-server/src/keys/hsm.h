/* A wallet key that a PKCS#11 token holds and signs with: the key itself never leaves it. */
#ifndef CT_WM_HSM_H
#define CT_WM_HSM_H

#include <chainturn/err.h>
#include "base/source.h"
#include "base/why.h"
#include "chain/key.h"

struct ct_hsm;

/*
 * Loads the module that uri (hsm_uri.h) names, logs in with the PIN and finds the one key pair on
 * secp256k1. *wallet signs through it, from any thread, as long as *out lives. CT_ERR_CONFIG when
 * module, token or key is not there or not the only one, CT_ERR_AUTH for a wrong PIN, CT_ERR_SYSTEM
 * when the token fails; each with the sentence.
 */
CT_MUST_USE ct_err ct_hsm_open(struct ct_hsm **out, struct ct_wallet *wallet, const char *uri,
                               const struct ct_passphrase *pin, struct ct_why *why);
/* After its wallet's last use. The one opened first is closed last. */
void ct_hsm_close(struct ct_hsm *hsm);

#endif
