/* The relay's own transactions, one at a time: stored before they are sent, seen through to the
 * block, sent again or at a higher fee, across any crash. */
#ifndef CT_RELAY_OUTBOX_H
#define CT_RELAY_OUTBOX_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/chain.h"
#include "life/memo.h"
#include "life/registrar_link.h"

/* One thread's. All but the times is set by the owner. */
struct ct_outbox {
    struct ct_chain *chain;
    struct ct_rg_link *link; /* NULL: nothing can be sent */
    struct ct_memo *memo;
    struct ct_memo_owner owner;
    const char *path; /* of the memo */
    struct ct_log log;
    uint32_t replace_ms; /* outside a block for so long it gets a higher fee; 0: 90 s */
    uint64_t offered_ms; /* when it was last sent, 0: not in this run */
    bool is_reverted;    /* it is in a block, says a receipt, and changed nothing */
    uint64_t signed_ms;  /* when this run first had it, or signed it at its present fee */
};

/*
 * Signs and sends a call (what, index and key32 of call count) when none is under way.
 *
 * CT_ERR_REFUSED  it would revert, or is above a limit of the registrar
 * CT_ERR_AGAIN    gas costs more than chainturn-max-fee-gwei now
 * CT_ERR_ROOM     the wallet has too little ether
 * CT_ERR_IO       it is stored, and no endpoint took it: ct_outbox_settle() goes on with it
 */
CT_MUST_USE ct_err ct_outbox_send(struct ct_outbox *o, const struct ct_rg_call *call,
                                  struct ct_why *why);
/*
 * CT_OK: nothing is under way (any more), and what the chain has at view_number tells the outcome.
 * CT_ERR_AGAIN: it is, and was sent again when it was time. Other errors: as of the endpoints.
 */
CT_MUST_USE ct_err ct_outbox_settle(struct ct_outbox *o, uint64_t view_number, struct ct_why *why);
/* The memo to disk; a failure is logged. */
void ct_outbox_save(struct ct_outbox *o);

#endif
