/* The deployment: ether for the accounts, the contract's creation, the bundle that names it. */
#ifndef CT_WM_DEPLOY_H
#define CT_WM_DEPLOY_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/key.h"
#include "chain/registry.h"

struct ct_deploy {
    const struct ct_wallet *owner;    /* pays and owns */
    const struct ct_wallet *fund;     /* gives the owner ether when it has none; NULL: nobody */
    const struct ct_wallet *approver; /* is made an approver and given ether */
    const struct ct_wallet *funder;   /* is given ether, too */
    uint64_t approver_ether, funder_ether;
    uint64_t expect_chain_id; /* 0: whatever the endpoints say */
    struct ct_wm_key wm_key;
    struct ct_log log;
};

/*
 * bundle comes in with endpoints, quorum, limits and URLs; goes out complete, checked against the
 * chain. CT_ERR_CHAIN: another chain id than expected, or no ether (the sentence says where to send
 * it). Nothing is sent before chain id and ether are checked.
 */
CT_MUST_USE ct_err ct_deploy(struct ct_bundle *bundle, const struct ct_deploy *d,
                             struct ct_why *why);

/* The chain that the endpoints are on, into bundle->chain_id. CT_ERR_CHAIN: not the expected one.
 */
CT_MUST_USE ct_err ct_deploy_chain_id(struct ct_bundle *bundle, uint64_t expect,
                                      const struct ct_log *log, struct ct_why *why);

#endif
