/* Operations that must wait for others: a registration for the revocation of the same name. */
#ifndef CT_WM_HELD_H
#define CT_WM_HELD_H

#include <stddef.h>

#include "store/store.h"

/* Leaves in ops, in their order, what may be sent now: how many. */
size_t ct_ops_not_held(struct ct_store *store, struct ct_op *ops, size_t count);

#endif
