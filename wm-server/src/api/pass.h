/* Passes made and remembered: signed with the key that the contract lists. */
#ifndef CT_WM_PASS_H
#define CT_WM_PASS_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "kex/pass.h"
#include "store/store.h"

struct ct_pass_issuer {
    uint8_t deployment32[32];
    uint32_t key_id;
    const struct ct_ed25519 *key; /* borrowed */
    uint64_t life_s;              /* at most CT_PASS_LIFE_S */
    struct ct_store *store;
};

struct ct_pass_order {
    const char *identity;
    const uint8_t *wallet20;
    const uint8_t *key32;    /* made by the device for this pass */
    const uint8_t *renews16; /* NULL: a first one */
    uint64_t now_s;
};

/*
 * Stores and signs. CT_ERR_NOT_APPROVED: the pass to renew is not this identity's and wallet's.
 * CT_ERR_ARG: a key of zeros. Others: the store or the signature failed.
 */
CT_MUST_USE ct_err ct_pass_issue(uint8_t out175[CT_PASS_LEN], uint64_t *expires_s,
                                 const struct ct_pass_issuer *issuer,
                                 const struct ct_pass_order *order, struct ct_why *why);

/* A pass of the WM's own, for a test of a relay; nobody else's, so it is not stored. */
CT_MUST_USE ct_err ct_pass_for_probe(uint8_t out175[CT_PASS_LEN],
                                     const struct ct_pass_issuer *issuer, const uint8_t key32[32],
                                     uint64_t now_s);

#endif
