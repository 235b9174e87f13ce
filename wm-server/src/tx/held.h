/* Operations that must wait for others: a registration for the revocation of the same name. */
#ifndef CT_WM_HELD_H
#define CT_WM_HELD_H

#include <stddef.h>

#include "store/store.h"

/* The oldest queued ones of that kind which may be sent now into ops, at most so many: how many.
 * Where the oldest are all held, those behind them. */
size_t ct_ops_next(struct ct_store *store, unsigned kind, struct ct_op *ops, size_t most);

#endif
