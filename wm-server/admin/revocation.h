/* Revocations as the commands ask for them: put into the store, done by the running server. */
#ifndef CT_WM_ADMIN_REVOCATION_H
#define CT_WM_ADMIN_REVOCATION_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "store/store.h"

/* Queues an operation of an administrator's. */
CT_MUST_USE ct_err admin_op_add(struct ct_store *store, enum ct_op_kind kind, const char *subject,
                                struct ct_op *op, struct ct_why *why);
/* Until the server has ended it. CT_ERR_REFUSED: it failed. CT_ERR_TIMEOUT: it is still queued. */
CT_MUST_USE ct_err admin_op_await(struct ct_store *store, struct ct_op *op, struct ct_why *why);
/* Queues the revocation of the passes of (identity, wallet) that are still good; NULL: any
 * wallet's.
 */
CT_MUST_USE ct_err admin_passes_revoke(struct ct_store *store, const char *identity,
                                       const uint8_t *wallet20, struct ct_why *why);

#endif
