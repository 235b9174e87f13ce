/* Before serving: is the chain the one meant, and do our keys fit what the contract lists? */
#ifndef CT_WM_VERIFY_H
#define CT_WM_VERIFY_H

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/registry.h"
#include "keys/keyring.h"
#include "service/settings.h"

struct ct_verified {
    struct ct_wm_key keys[2]; /* current, previous */
    size_t key_count;
    struct ct_keyring ring; /* ours among them */
    uint64_t time_s;        /* of that block */
    uint64_t block;
    uint8_t owner20[20];                     /* cold: no key of this server's */
    struct ct_u256 approver_wei, funder_wei; /* at that block */
};

/*
 * Chain id, checkpoint, contract code, WM keys, owner, approver, ether of approver and funder.
 * CT_ERR_CONFIG: a key of ours is not the contract's. CT_ERR_EXPIRED: the WM's keys are past their
 * date. Else the errors of chain.h.
 */
CT_MUST_USE ct_err ct_verify(struct ct_verified *out, struct ct_chain *chain,
                             const struct ct_settings *settings, const struct ct_keys *keys,
                             const struct ct_log *log, struct ct_why *why);

/* One of its steps. */
CT_MUST_USE ct_err ct_verify_approver(struct ct_chain *chain, const struct ct_view *view,
                                      const struct ct_wallet *approver, struct ct_why *why);

#endif
