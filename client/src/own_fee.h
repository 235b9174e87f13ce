/* What a transaction of the device's wallet offers for a unit of gas. */
#ifndef CT_CLIENT_OWN_FEE_H
#define CT_CLIENT_OWN_FEE_H

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/tx.h"
#include "worker.h"

#define CT_OWN_FEE_MAX_GWEI 500u /* nothing is raised above it, as with the wallet manager's */

/*
 * Sets both fees of tx, whose nonce and gas limit are set: what endpoints ask for, or what the
 * wallet can pay when that is still enough for the next block. When HOME holds one of this nonce it
 * is an eighth more than that one's at least, or nodes would not replace it. CT_ERR_ROOM: the
 * wallet holds too little, the sentence says how much.
 */
CT_MUST_USE ct_err ct_own_fee_first(struct ct_worker_env *env, struct ct_tx *tx,
                                    struct ct_why *why);
/* The same for one that no block takes; CT_ERR_REFUSED: it would be above CT_OWN_FEE_MAX_GWEI. */
CT_MUST_USE ct_err ct_own_fee_raise(struct ct_worker_env *env, struct ct_tx *tx,
                                    struct ct_why *why);

#endif
