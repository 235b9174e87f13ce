/* Tokens and passes, counted and told. */
#include "store/store_told.h"

#include "operator/metrics.h"

ct_err ct_observed_token_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                             uint64_t expires_s)
{
    struct ct_told l = {.count = 0};
    ct_err err = ct_observed_driver(s)->token_add(s, jti16, batch, expires_s);
    if (err != CT_OK) {
        return err;
    }
    ct_told_hex(&l, "token", jti16, 16);
    ct_told_put(&l, "batch", batch);
    ct_told_u64(&l, "expires", expires_s);
    return ct_told_tell(s, "token_issued", &l);
}

ct_err ct_observed_factory_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                               uint64_t expires_s, uint32_t count)
{
    struct ct_told l = {.count = 0};
    ct_err err = ct_observed_driver(s)->factory_add(s, jti16, batch, expires_s, count);
    if (err != CT_OK) {
        return err;
    }
    ct_told_hex(&l, "token", jti16, 16);
    ct_told_put(&l, "batch", batch);
    ct_told_u64(&l, "expires", expires_s);
    ct_told_u64(&l, "count", count);
    return ct_told_tell(s, "factory_issued", &l);
}

ct_err ct_observed_token_mint(struct ct_store *s, const struct ct_token_mint *mint)
{
    struct ct_told l = {.count = 0};
    ct_err err = ct_observed_driver(s)->token_mint(s, mint);
    if (err != CT_OK) {
        return err;
    }
    ct_told_hex(&l, "token", mint->jti16, 16);
    ct_told_hex(&l, "factory", mint->factory16, 16);
    ct_told_put(&l, "batch", mint->batch);
    ct_told_put(&l, "identity", mint->identity);
    return ct_told_tell(s, "token_minted", &l);
}

ct_err ct_observed_token_use(struct ct_store *s, const struct ct_token_use *use)
{
    struct ct_told l = {.count = 0};
    ct_err err = ct_observed_driver(s)->token_use(s, use);
    bool refused = err == CT_ERR_REPLAY || err == CT_ERR_REFUSED;
    if (err != CT_OK && !refused) {
        return err;
    }
    ct_metrics_count(refused ? CT_METRIC_TOKENS_REFUSED : CT_METRIC_TOKENS_ADMITTED);
    ct_told_hex(&l, "token", use->jti16, 16);
    ct_told_put(&l, "batch", use->batch);
    ct_told_put(&l, "identity", use->identity);
    ct_told_hex(&l, "wallet", use->wallet20, 20);
    if (refused) {
        ct_told_put(&l, "cause", ct_err_text(err));
    }
    ct_err told = ct_told_tell(s, refused ? "token_refused" : "token_used", &l);
    return refused ? err : told;
}

ct_err ct_observed_token_withdraw(struct ct_store *s, const char *identity, const uint8_t *except20)
{
    struct ct_told l = {.count = 0};
    ct_told_put(&l, "identity", identity);
    ct_err err = ct_told_tell(s, "tokens_withdrawn", &l);
    return err != CT_OK ? err : ct_observed_driver(s)->token_withdraw(s, identity, except20);
}

ct_err ct_observed_token_withdraw_one(struct ct_store *s, const uint8_t jti16[16],
                                      const char *batch, uint64_t expires_s)
{
    struct ct_told l = {.count = 0};
    ct_told_hex(&l, "token", jti16, 16);
    ct_err err = ct_told_tell(s, "tokens_withdrawn", &l);
    return err != CT_OK ? err
                        : ct_observed_driver(s)->token_withdraw_one(s, jti16, batch, expires_s);
}

ct_err ct_observed_token_withdraw_batch(struct ct_store *s, const char *batch)
{
    struct ct_told l = {.count = 0};
    ct_told_put(&l, "batch", batch);
    ct_err err = ct_told_tell(s, "tokens_withdrawn", &l);
    return err != CT_OK ? err : ct_observed_driver(s)->token_withdraw_batch(s, batch);
}

ct_err ct_observed_pass_add(struct ct_store *s, const struct ct_pass_row *pass)
{
    struct ct_told l = {.count = 0};
    ct_err err = ct_observed_driver(s)->pass_add(s, pass);
    if (err != CT_OK) {
        return err;
    }
    ct_metrics_count(CT_METRIC_PASSES);
    ct_told_hex(&l, "pass", pass->id16, 16);
    ct_told_put(&l, "identity", pass->identity);
    ct_told_hex(&l, "wallet", pass->wallet20, 20);
    ct_told_hex(&l, "renews", pass->renews16, 16);
    ct_told_u64(&l, "expires", pass->expires_s);
    return ct_told_tell(s, "pass_given", &l);
}
