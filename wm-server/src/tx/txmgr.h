/* The transactions of one account: the one owner of its nonce, in its own thread. */
#ifndef CT_WM_TXMGR_H
#define CT_WM_TXMGR_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "tx/calls.h"
#include "chain/bundle.h"
#include "chain/chain.h"
#include "chain/key.h"
#include "chain/rpc.h"
#include "chain/tx.h"
#include "tx/fee.h"
#include "tx/judge.h"
#include "service/lease.h"
#include "service/loop.h"
#include "store/store.h"
#include "tx/txstep.h"

struct ct_txmgr; /* belongs to the thread that runs its rounds */

struct ct_txmgr_config {
    const struct ct_bundle *bundle; /* copied */
    const struct ct_wallet *wallet; /* the account; borrowed until free */
    const char *role;               /* what a person calls it: "approver"; static */
    struct ct_lanes lanes;          /* what it sends */
    struct ct_store *store;         /* borrowed until free; with a lease, a handle of its own */
    struct ct_lease *lease;         /* borrowed; NULL: nobody else uses the account */
    struct ct_tx_rules rules;
    uint64_t fee_most_wei; /* offered for a unit of gas */
    size_t batch;          /* operations in one transaction, at most CT_BATCH_MAX */
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

enum { CT_TXMGR_TRACKS = 1024 };

/* What became of a nonce since this process began; of the newest one that falls into its place. */
struct ct_track {
    uint64_t nonce;
    bool is_there;
    bool was_offered;
    uint64_t offered_ms;
    enum ct_node_said said;
    uint64_t unseen_ms; /* since when its nonce is used without a receipt; 0: it is not */
};

/* What so many operations of a kind were last estimated to need; count 0: nothing is known. */
struct ct_gas_known {
    size_t count;
    uint64_t gas, until_ms;
};

struct ct_txmgr {
    struct ct_txmgr_config config;
    struct ct_chain *chain;
    uint64_t number;                   /* of the lease, in the last round */
    uint64_t settle_at_ms, send_at_ms; /* not before, since the chain failed */
    uint64_t looked_ms;                /* for nonces that nobody uses */
    uint64_t gap, gap_since_ms;        /* the lowest of them, and since when; 0: none */
    struct ct_view view;               /* of this round */
    uint64_t used; /* how many nonces the account has used at that block, proven */
    bool has_fee;  /* of this round: */
    struct ct_fee fee;
    bool has_left;           /* of this round: */
    struct ct_u256 left_wei; /* the account's ether, less what was signed since it was asked for */
    struct ct_gas_known gas[CT_OP_KINDS];
    struct ct_op ops[CT_BATCH_MAX];
    struct ct_op_end ends[CT_BATCH_MAX];
    struct ct_judged known[CT_BATCH_MAX]; /* of the operations in ops, at view */
    size_t known_count;
    struct ct_txn tx;
    struct ct_txn next_tx; /* what tx is replaced by */
    struct ct_call call;
    struct ct_track tracks[CT_TXMGR_TRACKS];
};

struct ct_track *ct_txmgr_track(struct ct_txmgr *m, uint64_t nonce);
/* Words of a step of the store that failed, or that is another server's by now. */
ct_err ct_txmgr_store_failed(struct ct_why *why, ct_err err);
/* What is offered now for a unit of gas; asked once a round. */
CT_MUST_USE ct_err ct_txmgr_fee(struct ct_txmgr *m, struct ct_fee *out, struct ct_why *why);
/* The gas limit of a transaction of the first count of m->ops. CT_ERR_REFUSED: the contract would
 * revert it. */
CT_MUST_USE ct_err ct_txmgr_gas(struct ct_txmgr *m, const struct ct_rpc_tx *question, size_t count,
                                uint64_t *limit, struct ct_why *why);
/* Is there ether for value and gas at the highest price, beside what this round has signed?
 * Without, it would hang at its nonce. */
CT_MUST_USE ct_err ct_txmgr_ether(struct ct_txmgr *m, const struct ct_tx *tx, struct ct_why *why);
/* Signs into out, which gets hash, bytes, fee and time; nonce and attempt are the caller's. */
CT_MUST_USE ct_err ct_txmgr_sign(struct ct_txmgr *m, struct ct_txn *out, const struct ct_tx *tx,
                                 struct ct_why *why);
/* Gives the stored m->tx to the endpoints and notes what came of it. */
void ct_txmgr_offer(struct ct_txmgr *m);

/* The same as m->tx at a higher fee, or with `fill` something that does nothing, whose operations
 * then fail for that reason. CT_ERR_REFUSED: the highest fee, or the last attempt, is reached. */
CT_MUST_USE ct_err ct_txmgr_bump(struct ct_txmgr *m, const char *fill, struct ct_why *why);
/* Nonces below `end` that are neither used nor under way hold up the others: what was there is
 * offered again, else they are filled. */
void ct_txmgr_fill_gaps(struct ct_txmgr *m, uint64_t from, uint64_t end);

/* Looks after every transaction under way. CT_OK when all that is needed for sending is known. */
CT_MUST_USE ct_err ct_txmgr_settle(struct ct_txmgr *m);
/* Sends what is queued, at nonces from the highest ever kept or the chain's count, whichever is
 * higher. */
void ct_txmgr_dispatch(struct ct_txmgr *m, struct ct_loop *loop);

#endif
