/* One server at a time sends from one account. */
#ifndef CT_WM_ACCOUNT_LOCK_H
#define CT_WM_ACCOUNT_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

/*
 * Locks the key file of an account, or for a key that is in no file a socket's name with the
 * address, for as long as *out stays open: two servers with different stores would give the same
 * nonces. CT_ERR_CONFIG when another process holds it. With is_shared the lock keeps away only
 * those that want it alone: servers with one Redis share an account by a lease there. Without a
 * file they lock nothing, and *out stays -1.
 */
CT_MUST_USE ct_err ct_account_lock(int *out, const char *key_source, const uint8_t addr20[20],
                                   bool is_shared, struct ct_why *why);

#endif
