/* What to do next with a transaction under way, from what is known of it: a decision, no action. */
#ifndef CT_WM_TXSTEP_H
#define CT_WM_TXSTEP_H

#include <stdbool.h>
#include <stdint.h>

#include "chain/node_said.h"
#include "store/store.h"

struct ct_tx_rules {
    unsigned confirmations; /* blocks, its own included, until it counts */
    uint64_t repeat_s;      /* offered again so long after the last time */
    uint64_t bump_s;        /* offered at a higher fee so long after it was signed */
    uint64_t lost_s;        /* given up when its nonce is used so long and no receipt is told */
};

/* Of a nonce whose newest attempt is in `state`; "used" is proven, receipts are the word of k. */
struct ct_tx_seen {
    enum ct_txn_state state;
    bool is_used;           /* at the agreed head the account's count is above this nonce */
    bool is_next;           /* it is the one that the chain waits for */
    bool found;             /* one of the attempts has a receipt */
    bool disputed;          /* some endpoint tells one, and not k the same */
    uint64_t depth;         /* of its block below the agreed head, 1 for that head; 0: above it */
    bool same_block;        /* as the store has it */
    uint64_t unseen_s;      /* since when it is used, and no receipt found */
    uint64_t age_s;         /* of the newest attempt */
    uint64_t quiet_s;       /* since that one was offered; UINT64_MAX: never */
    enum ct_node_said said; /* what came of that */
    bool is_filler;         /* it does nothing but use up its nonce */
};

enum ct_tx_step {
    CT_TX_WAIT,
    CT_TX_OFFER,    /* to the endpoints, again or for the first time */
    CT_TX_BUMP,     /* the same at a higher fee; or OFFER when that cannot be */
    CT_TX_FILL,     /* something that does nothing, at a higher fee: nobody ever takes this one */
    CT_TX_MINED,    /* note its block */
    CT_TX_PUT_BACK, /* its block is gone: note that, and offer it at once */
    CT_TX_CLOSE,    /* deep enough */
    CT_TX_LOSE,     /* another transaction has its nonce */
};

enum ct_tx_step ct_tx_step(const struct ct_tx_seen *seen, const struct ct_tx_rules *rules);
const char *ct_tx_step_text(enum ct_tx_step step);

#endif
