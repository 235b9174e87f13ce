/* One server at a time sends from one account. */
#ifndef CT_WM_ACCOUNT_LOCK_H
#define CT_WM_ACCOUNT_LOCK_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

/*
 * Locks the key file of an account, or for a key that is in no file a socket's name with the
 * address, for as long as *out stays open: two servers would give the same nonces and do the same
 * operations. CT_ERR_CONFIG when another process holds it.
 */
CT_MUST_USE ct_err ct_account_lock(int *out, const char *key_source, const uint8_t addr20[20],
                                   struct ct_why *why);

#endif
