/* The relay's statement: made anew every hour, so that a copied relay key is of use for hours only.
 */
#include "life/owner.h"

#include <string.h>

#include "base/secret.h"

enum { RETRY_S = 60 };

void ct_own_statement_init(struct ct_own_statement *s, enum ct_mode mode)
{
    *s = (struct ct_own_statement){.mode = mode, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static ct_err sign(struct ct_own_statement *s, const struct ct_bundle *bundle,
                   const struct ct_relay *record, const struct ct_wallet *wallet, uint64_t now_s)
{
    struct ct_owner statement = {.mode = (uint8_t)s->mode, .until_s = now_s + CT_OWNER_LIFE_S};
    uint8_t bytes[CT_OWNER_LEN];
    ct_owner_relay(statement.relay32, record);
    ct_err err = ct_random(statement.nonce32, sizeof(statement.nonce32));
    if (err == CT_OK) {
        err = ct_owner_sign(&statement, bundle->chain_id, bundle->contract20, wallet);
    }
    if (err == CT_OK) {
        ct_owner_write(bytes, &statement);
        (void)pthread_mutex_lock(&s->lock);
        memcpy(s->bytes, bytes, sizeof(s->bytes));
        s->until_s = statement.until_s;
        (void)pthread_mutex_unlock(&s->lock);
    }
    return err;
}

ct_err ct_own_statement_keep(struct ct_own_statement *s, const struct ct_bundle *bundle,
                             const struct ct_relay *record, const struct ct_wallet *wallet,
                             uint64_t now_s, struct ct_why *why)
{
    /* a clock that was set back must not leave a statement that nobody believes */
    bool is_due = now_s >= s->renew_s || now_s + CT_OWNER_RENEW_S < s->renew_s;
    if (!is_due) {
        return CT_OK;
    }
    ct_err err = sign(s, bundle, record, wallet, now_s);
    s->renew_s = now_s + (err == CT_OK ? CT_OWNER_RENEW_S : RETRY_S);
    return err == CT_OK ? CT_OK
                        : ct_why(why, err,
                                 "the wallet does not sign whose relay this is (%s), which wallet "
                                 "managers ask for at each test: is its token or keystore there?",
                                 ct_err_text(err));
}

size_t ct_own_statement_read(struct ct_own_statement *s, uint8_t out159[CT_OWNER_LEN],
                             uint64_t now_s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool holds = now_s <= s->until_s;
    if (holds) {
        memcpy(out159, s->bytes, CT_OWNER_LEN);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return holds ? CT_OWNER_LEN : 0;
}
