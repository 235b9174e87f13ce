/* What the two halves of the allocation machine share: requests going out, answers coming in. */
#ifndef CT_TURN_ALLOC_PRIVATE_H
#define CT_TURN_ALLOC_PRIVATE_H

#include "turn/alloc.h"

/* Starts a request with a new transaction id; the next poll sends it. method 0 only clears. */
void ct_alloc_txn_start(struct ct_alloc *a, struct ct_alloc_txn *txn, uint16_t method,
                        uint64_t now_ms);
void ct_alloc_txn_clear(struct ct_alloc_txn *txn);

/* An error answer to txn, which is peer's or, with peer NULL, the allocation's own. */
ct_err ct_alloc_take_error(struct ct_alloc *a, struct ct_alloc_txn *txn, struct ct_alloc_peer *peer,
                           const struct ct_stun *m, uint64_t now_ms);
/* The last sending got no answer either, or none that counts. */
void ct_alloc_timed_out(struct ct_alloc *a, struct ct_alloc_txn *txn, struct ct_alloc_peer *peer,
                        uint64_t now_ms);

/* Ends the allocation; nothing is sent any more. */
void ct_alloc_fail(struct ct_alloc *a, ct_err err, const char *format, ...) CT_PRINTF(3, 4);
/* The allocation is no more, as asked. */
void ct_alloc_end(struct ct_alloc *a);

#endif
