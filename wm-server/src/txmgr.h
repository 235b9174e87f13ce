/* The transactions of one account: the one owner of its nonce, in its own thread. */
#ifndef CT_WM_TXMGR_H
#define CT_WM_TXMGR_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/chain.h"
#include "calls.h"
#include "chain/key.h"
#include "loop.h"
#include "store.h"

struct ct_txmgr; /* belongs to the thread that runs its rounds */

struct ct_txmgr_config {
    const struct ct_bundle *bundle; /* copied */
    const struct ct_wallet *wallet; /* the account; borrowed until free */
    const char *role;               /* what a person calls it: "approver"; static */
    struct ct_lanes lanes;          /* what it sends */
    struct ct_store *store;         /* borrowed until free */
    unsigned confirmations;         /* blocks, the transaction's own included; at least 1 */
    size_t batch;                   /* operations in one transaction, at most CT_BATCH_MAX */
    struct ct_log log;
};

CT_MUST_USE ct_err ct_txmgr_new(struct ct_txmgr **out, const struct ct_txmgr_config *config,
                                struct ct_why *why);
void ct_txmgr_free(struct ct_txmgr *m);

/*
 * One round: settles what was sent, then sends what is queued. A signed transaction is stored
 * before it is broadcast, so that after a crash it is sent again, never made twice. For
 * ct_loop_start().
 */
void ct_txmgr_round(void *txmgr, struct ct_loop *loop);

/* ---- between the files of the manager ---- */

struct ct_txmgr {
    struct ct_txmgr_config config;
    struct ct_chain *chain;
    uint64_t broadcast_ms;   /* when what hangs was last sent again */
    uint64_t quiet_until_ms; /* the chain failed: nothing is sent before */
    struct ct_op ops[CT_BATCH_MAX];
    struct ct_op_end ends[CT_BATCH_MAX];
    struct ct_txn tx;
    struct ct_call call;
};

/* Looks after every transaction under way; *next_nonce is one above the highest of them (0: none).
 */
void ct_txmgr_settle(struct ct_txmgr *m, uint64_t *next_nonce);
/* Sends what is queued, at nonces from *next_nonce or the chain's count, whichever is higher. */
void ct_txmgr_send(struct ct_txmgr *m, uint64_t next_nonce, struct ct_loop *loop);

#endif
