/* Whether a token lets this wallet take this name: signature, expiry, name, and used only once; and
 * what a factory credential is exchanged for. */
#ifndef CT_WM_TOKEN_H
#define CT_WM_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "kex/token.h"
#include "store/store.h"

struct ct_token_check {
    const struct ct_wm_key *keys; /* generations that the contract lists */
    size_t key_count;
    struct ct_store *store;
    uint64_t now_s;
};

/*
 * CT_OK: the token is bound to (identity, wallet), now or before. CT_ERR_FORMAT, CT_ERR_AUTH: not
 * one of ours. CT_ERR_EXPIRED. CT_ERR_NOT_APPROVED: it is for another name. CT_ERR_REPLAY: used by
 * another. CT_ERR_REFUSED: withdrawn. Others: the store failed.
 */
CT_MUST_USE ct_err ct_token_admit(const struct ct_token_check *check, const char *text,
                                  const char *identity, const uint8_t wallet20[20],
                                  struct ct_why *why);

struct ct_token_signer { /* the wallet manager's key of now */
    const struct ct_ed25519 *key;
    uint32_t key_id;
};

/*
 * Exchanges a factory credential for the token of identity, which the store counts once. Errors as
 * above, and CT_ERR_STATE: as many names as it is for have had theirs.
 */
CT_MUST_USE ct_err ct_token_exchange(struct ct_token *out, char text[CT_TOKEN_TEXT_MAX + 1],
                                     const struct ct_token_check *check, const char *factory,
                                     const char *identity, const struct ct_token_signer *signer,
                                     struct ct_why *why);

#endif
