/* Tokens at the wallet manager. */
#include "token.h"

#include <stdio.h>
#include <string.h>

#include "kex/token.h"

ct_err ct_token_admit(const struct ct_token_check *check, const char *text, const char *identity,
                      const uint8_t wallet20[20], struct ct_why *why)
{
    struct ct_token token;
    ct_err err = ct_token_verify(&token, text, strlen(text), check->keys, check->key_count,
                                 check->now_s, why);
    if (err != CT_OK) {
        return err;
    }
    if (!ct_token_allows(&token, identity)) {
        return ct_why(why, CT_ERR_NOT_APPROVED, "the token is for %s %s, not for %s",
                      token.is_prefix ? "names that begin with" : "the name", token.identity,
                      identity);
    }
    struct ct_token_use use = {.now_s = check->now_s};
    memcpy(use.jti16, token.jti16, sizeof use.jti16);
    memcpy(use.wallet20, wallet20, sizeof use.wallet20);
    (void)snprintf(use.batch, sizeof use.batch, "%s", token.batch);
    (void)snprintf(use.identity, sizeof use.identity, "%s", identity);
    err = check->store->ops->token_use(check->store, &use);
    switch (err) {
    case CT_OK:
        return CT_OK;
    case CT_ERR_REPLAY:
        return ct_why(why, err,
                      "the token was used before, by another name or wallet; ask for a new one");
    case CT_ERR_REFUSED:
        return ct_why(why, err, "the token was withdrawn; ask for a new one");
    default:
        return ct_why(why, err, "the store failed: %s", ct_err_text(err));
    }
}
