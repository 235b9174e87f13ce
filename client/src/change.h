/* A change of a live record: signed by the device's wallet, and sent by it or by the wallet
 * manager. */
#ifndef CT_CLIENT_CHANGE_H
#define CT_CLIENT_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "wm/wm.h"
#include "worker.h"

#define CT_CHANGE_LIFE_S 600u /* a signature's: it can do nothing later */

struct ct_written { /* what a step cost and where it stands */
    uint64_t block, gas;
    uint8_t hash32[32]; /* the transaction's; zeros: not told */
    bool by_wallet;     /* the device's own transaction, else the wallet manager's */
};

/*
 * Fills in name, deadline and signature; the sequence is the caller's. A device on the funded road
 * (may_pay) sends it itself while its wallet has the ether, and gives it to the wallet manager
 * otherwise. Returns when it is in a block; what that block made of the record is the caller's to
 * read.
 */
CT_MUST_USE ct_err ct_change_apply(struct ct_worker_env *env, const struct ct_view *view,
                                   struct ct_wm_change *change, bool may_pay,
                                   struct ct_written *out, struct ct_why *why);

/* The wallet manager's operation, once it is done; the gas is this device's part. */
CT_MUST_USE ct_err ct_change_wait(struct ct_worker_env *env, struct ct_wm_operation *operation,
                                  struct ct_written *out, struct ct_why *why);

/*
 * A view of block least or a later one: k endpoints vouch for what was written there.
 * CT_ERR_CHAIN when they do not within 30 s.
 */
CT_MUST_USE ct_err ct_change_view(struct ct_worker_env *env, uint64_t least, struct ct_view *out,
                                  struct ct_why *why);

#endif
