/* Tokens at the wallet manager. */
#include "api/token.h"

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
    if (token.is_minted) {
        memcpy(use.factory16, token.factory16, sizeof use.factory16);
    }
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

/* One identity gets one token, and it is the same each time. */
ct_err ct_token_exchange(struct ct_token *out, char text[CT_TOKEN_TEXT_MAX + 1],
                         const struct ct_token_check *check, const char *factory,
                         const char *identity, const struct ct_token_signer *signer,
                         struct ct_why *why)
{
    struct ct_token credential;
    struct ct_token_mint mint = {.count = 0};
    ct_err err = ct_factory_verify(&credential, factory, strlen(factory), check->keys,
                                   check->key_count, check->now_s, why);
    if (err != CT_OK) {
        return err;
    }
    err = ct_factory_mint(out, &credential, identity, signer->key_id);
    if (err != CT_OK) {
        return ct_why(why, err,
                      "the factory credential is for names that begin with %s, not for %s",
                      credential.identity, identity);
    }
    if ((err = ct_token_sign(text, CT_TOKEN_TEXT_MAX + 1, out, signer->key)) != CT_OK) {
        return ct_why(why, err, "the token could not be signed: %s", ct_err_text(err));
    }
    memcpy(mint.jti16, out->jti16, sizeof mint.jti16);
    memcpy(mint.factory16, credential.jti16, sizeof mint.factory16);
    (void)snprintf(mint.batch, sizeof mint.batch, "%s", credential.batch);
    (void)snprintf(mint.identity, sizeof mint.identity, "%s", identity);
    mint.count = credential.count;
    mint.expires_s = credential.expiry_s;
    switch (err = check->store->ops->token_mint(check->store, &mint)) {
    case CT_OK:
        return CT_OK;
    case CT_ERR_STATE:
        return ct_why(why, err,
                      "the factory credential was for %u names, and as many have had a token; ask "
                      "the platform for another one",
                      (unsigned)credential.count);
    case CT_ERR_REFUSED:
        return ct_why(why, err,
                      "the factory credential, or the token of %s, was withdrawn; ask the platform "
                      "for a new one",
                      identity);
    default:
        return ct_why(why, err, "the store failed: %s", ct_err_text(err));
    }
}
