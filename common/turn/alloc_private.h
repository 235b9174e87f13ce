/* What the two halves of the allocation machine share: requests going out, answers coming in. */
#ifndef CT_TURN_ALLOC_PRIVATE_H
#define CT_TURN_ALLOC_PRIVATE_H

#include "turn/alloc.h"

/* Starts a request with a new transaction id; the next poll sends it. method 0 only clears. */
void ct_alloc_txn_start(struct ct_alloc *a, struct ct_alloc_txn *txn, uint16_t method,
                        uint64_t now_ms);
void ct_alloc_txn_clear(struct ct_alloc_txn *txn);

/* Ends the allocation; nothing is sent any more. */
void ct_alloc_fail(struct ct_alloc *a, ct_err err, const char *format, ...) CT_PRINTF(3, 4);
/* The allocation is no more, as asked. */
void ct_alloc_end(struct ct_alloc *a);

#endif
