/* A store whose steps are counted, and told in the audit log where money or admission is concerned.
 */
#ifndef CT_WM_STORE_OBSERVED_H
#define CT_WM_STORE_OBSERVED_H

#include <chainturn/err.h>
#include "operator/audit.h"
#include "store/store.h"

/*
 * Puts itself between the store's users and its driver, in place. audit may be NULL and then is
 * only counted; else it is the store's, which closes it when it is freed. What cannot be written
 * there fails as CT_ERR_SYSTEM and is not acknowledged:
 *   token_add, token_use, pass_add, op_add, funding_add: told after they are stored, before CT_OK
 *   tx_add, tx_replace, tx_close, token_withdraw, op_move to DONE: told before, so that after a
 * crash a line may be there twice
 * The first three are not tried, nor told, while CT_GAUGE_STORE_FULL is 1: CT_ERR_FULL. Who
 * observes a store in a long life runs ct_room_round, which finds out that there is room again.
 */
CT_MUST_USE ct_err ct_store_observe(struct ct_store *s, struct ct_audit *audit);
/* The audit log of an observed store, or NULL. */
struct ct_audit *ct_store_audit(struct ct_store *s);

#endif
