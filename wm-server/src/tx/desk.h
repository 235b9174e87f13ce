/* One question to the chain for all threads that have one: what is asked while an answer is under
 * way is proven together, at one fresh block, in one proof. */
#ifndef CT_WM_DESK_H
#define CT_WM_DESK_H

#include <chainturn/err.h>
#include "chain/chain.h"
#include "tx/ledger.h"

struct ct_desk;

/* chain is borrowed until free, and nobody else's. */
CT_MUST_USE ct_err ct_desk_new(struct ct_desk **out, struct ct_chain *chain);
void ct_desk_free(struct ct_desk *desk); /* nobody asks any more; NULL is fine */

/* A thread's place at it. */
struct ct_desk_seat {
    struct ct_desk *desk;
    struct ct_ledger alone; /* what is not asked together */
};

/*
 * The ledger of a thread, with a chain of its own for what is rare, whose seat lives at least as
 * long. The block of an answer is newer than the question, as with a ledger of its own.
 */
struct ct_ledger ct_desk_ledger(struct ct_desk_seat *seat, struct ct_desk *desk,
                                struct ct_chain *chain);

#endif
