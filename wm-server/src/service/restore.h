/* A store that is older than what its accounts have sent: a backup that was put back. */
#ifndef CT_WM_RESTORE_H
#define CT_WM_RESTORE_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/chain.h"
#include "store/store.h"

/*
 * Before any work begins. When the store is a copy, or the funder has used nonces that it does not
 * know, each payment in it that is not done is held against the chain: a wallet that has the ether,
 * or has sent something, counts as paid. All else the contract itself refuses to do twice.
 * CT_ERR_AGAIN: payments that the store does not know are under way still.
 *
 * funder20 may be NULL: then nobody is paid for.
 */
CT_MUST_USE ct_err ct_restore(struct ct_store *store, struct ct_chain *chain,
                              const uint8_t *funder20, const struct ct_log *log,
                              struct ct_why *why);

#endif
