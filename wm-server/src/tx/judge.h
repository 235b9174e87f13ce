/* How an operation ended: what the chain proves now that its transaction is deep enough. */
#ifndef CT_WM_JUDGE_H
#define CT_WM_JUDGE_H

#include <stdbool.h>

#include <chainturn/err.h>
#include "chain/chain.h"
#include "chain/registry.h"
#include "chain/rpc.h"
#include "store/store.h"

/* A device's record as proven at the view; state none when there is none. */
struct ct_judged {
    uint8_t id_hash32[32];
    struct ct_device device;
};

struct ct_judge {
    struct ct_chain *chain;        /* of the calling thread */
    const struct ct_judged *known; /* what need not be asked for */
    size_t known_count;
    struct ct_store *store; /* keeps what the chain now holds */
    const uint8_t *contract20;
    const struct ct_view *view;
    const struct ct_receipt *receipt; /* in a block at or below view */
};

/*
 * The records that count operations are judged by, as far as these are of devices, with as few
 * proofs as there can be; out has room for count.
 */
CT_MUST_USE ct_err ct_judge_read(struct ct_judged *out, size_t *known_count, struct ct_chain *chain,
                                 const struct ct_view *view, const struct ct_op *ops, size_t count);
/* DONE or FAILED with its reason. Errors: the chain or the store could not be asked. */
CT_MUST_USE ct_err ct_judge_op(const struct ct_judge *j, const struct ct_op *op,
                               struct ct_op_end *end);
void ct_judge_end(struct ct_op_end *end, const struct ct_op *op, enum ct_op_state state,
                  const char *reason);

/* ---- between the files of the judge ---- */

/* The device's record as proven; state none when there is none. */
CT_MUST_USE ct_err ct_judge_device(const struct ct_judge *j, const uint8_t id_hash32[32],
                                   struct ct_device *out);
/* Keeps what the chain holds of a device now that the operation is done. */
CT_MUST_USE ct_err ct_judge_keep(const struct ct_judge *j, const struct ct_op *op,
                                 const struct ct_device *d);
/* Did the contract skip this entry of the batch? */
bool ct_judge_was_skipped(const struct ct_judge *j, const uint8_t id_hash32[32]);
/* FAILED: with the reason that the contract gave when it skipped this entry, else with `other`. */
void ct_judge_skipped(const struct ct_judge *j, const struct ct_op *op, const uint8_t id_hash32[32],
                      const char *other, struct ct_op_end *end);
CT_MUST_USE ct_err ct_judge_change(const struct ct_judge *j, const struct ct_op *op,
                                   struct ct_op_end *end);

#endif
