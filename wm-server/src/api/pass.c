/* Passes at the wallet manager, which alone knows whose they are. */
#include "api/pass.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"

enum { PROBE_LIFE_S = 300 };

static ct_err fill(struct ct_pass *pass, const struct ct_pass_issuer *issuer,
                   const uint8_t key32[32], uint64_t expiry_s)
{
    static const uint8_t zeros[32];
    if (memcmp(key32, zeros, sizeof zeros) == 0) {
        return CT_ERR_ARG;
    }
    *pass = (struct ct_pass){
        .key_id = issuer->key_id, .expiry_s = expiry_s, .scope = CT_PASS_SCOPE_ALLOCATE};
    memcpy(pass->deployment32, issuer->deployment32, 32);
    memcpy(pass->key32, key32, 32);
    return ct_random(pass->id16, sizeof pass->id16);
}

static ct_err check_renewal(const struct ct_pass_issuer *issuer, const struct ct_pass_order *order,
                            struct ct_why *why)
{
    struct ct_pass_row old;
    ct_err err = issuer->store->ops->pass_find(issuer->store, order->renews16, &old);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return ct_why(why, err, "the store failed: %s", ct_err_text(err));
    }
    if (err == CT_ERR_NOT_FOUND || strcmp(old.identity, order->identity) != 0 ||
        memcmp(old.wallet20, order->wallet20, 20) != 0) {
        return ct_why(why, CT_ERR_NOT_APPROVED,
                      "the pass to renew is not one of %s's; ask for a pass without renews",
                      order->identity);
    }
    return CT_OK;
}

static ct_err remember(const struct ct_pass_issuer *issuer, const struct ct_pass_order *order,
                       const struct ct_pass *pass, struct ct_why *why)
{
    struct ct_pass_row row = {.expires_s = pass->expiry_s};
    memcpy(row.id16, pass->id16, sizeof row.id16);
    memcpy(row.renews16, pass->renews16, sizeof row.renews16);
    memcpy(row.wallet20, order->wallet20, sizeof row.wallet20);
    (void)snprintf(row.identity, sizeof row.identity, "%s", order->identity);
    ct_err err = issuer->store->ops->pass_add(issuer->store, &row);
    return err == CT_OK ? CT_OK : ct_why(why, err, "the store failed: %s", ct_err_text(err));
}

ct_err ct_pass_issue(uint8_t out175[CT_PASS_LEN], uint64_t *expires_s,
                     const struct ct_pass_issuer *issuer, const struct ct_pass_order *order,
                     struct ct_why *why)
{
    struct ct_pass pass;
    ct_err err = fill(&pass, issuer, order->key32, order->now_s + issuer->life_s);
    if (err != CT_OK) {
        return ct_why(why, err, "pass_key is no X25519 key");
    }
    if (order->renews16 != NULL) {
        err = check_renewal(issuer, order, why);
        memcpy(pass.renews16, order->renews16, sizeof pass.renews16);
    }
    if (err == CT_OK) {
        err = ct_pass_sign(out175, &pass, issuer->key, order->now_s);
    }
    if (err == CT_OK) {
        err = remember(issuer, order, &pass, why);
    }
    if (err == CT_OK) {
        *expires_s = pass.expiry_s;
    }
    return err;
}

ct_err ct_pass_for_probe(uint8_t out175[CT_PASS_LEN], const struct ct_pass_issuer *issuer,
                         const uint8_t key32[32], uint64_t now_s)
{
    struct ct_pass pass;
    ct_err err = fill(&pass, issuer, key32, now_s + PROBE_LIFE_S);
    return err != CT_OK ? err : ct_pass_sign(out175, &pass, issuer->key, now_s);
}
