/* A contract that is there already: its bundle, and what its owner has to do for these keys. */
#ifndef CT_WM_ADOPT_H
#define CT_WM_ADOPT_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/key.h"
#include "chain/registry.h"

struct ct_adopt {
    uint8_t contract20[20];
    const struct ct_wallet *owner; /* signs what is missing; NULL: it is only told */
    uint8_t approver20[20];
    struct ct_wm_key wm_key;  /* its id is ignored */
    uint64_t expect_chain_id; /* 0: whatever the endpoints say */
    struct ct_log log;
};

struct ct_adopted {
    uint8_t owner20[20];
    uint32_t key_id;     /* under which the contract lists wm_key, or will */
    bool lacks_keys;     /* setWMKey is still to be called */
    bool lacks_approver; /* setApprover likewise */
};

/*
 * bundle comes in as for ct_deploy(), goes out complete: the contract's code as the endpoints'
 * proofs have it, the agreed head as checkpoint. CT_ERR_CHAIN: no contract of ours is there, or
 * another chain. CT_ERR_CONFIG: not the owner's key, or keys that were replaced.
 */
CT_MUST_USE ct_err ct_adopt(struct ct_bundle *bundle, struct ct_adopted *out,
                            const struct ct_adopt *a, struct ct_why *why);

/* Prints the calls that are missing, ready for the owner to sign elsewhere; nothing when none is
 * missing. */
void ct_adopt_tell(const struct ct_adopt *a, const struct ct_adopted *found);

#endif
