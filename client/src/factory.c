/* What a token is good for, and a factory credential in its place: it is exchanged for this
 * device's own. */
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "enrol.h"
#include "kex/token.h"
#include "lookup.h"

void ct_factory_name(struct ct_prepare *p)
{
    struct ct_token token;
    char name[sizeof token.identity + sizeof p->identity];
    size_t len = strlen(p->token);
    if (ct_factory_parse(&token, p->token, len) != CT_OK &&
        ct_token_parse(&token, p->token, len) != CT_OK) {
        return;
    }
    (void)snprintf(name, sizeof name, "%s%s", token.is_prefix ? token.identity : "", p->identity);
    if (token.is_prefix && ct_identity_valid(name)) {
        (void)snprintf(p->identity, sizeof p->identity, "%.63s", name);
    }
}

bool ct_token_replaces(const struct ct_prepare *p)
{
    struct ct_token token;
    return ct_token_parse(&token, p->token, strlen(p->token)) == CT_OK && !token.is_prefix &&
           !token.is_minted && strcmp(token.identity, p->identity) == 0;
}

ct_err ct_factory_exchange(struct ct_prepare *p, struct ct_worker_env *env,
                           const struct ct_view *view)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    if (p->is_registered || !ct_factory_is(p->token, strlen(p->token))) {
        return CT_OK;
    }
    ct_err err = ct_lookup_wm(env, view, &p->job.why);
    if (err == CT_OK) {
        err = ct_wm_exchange(env->wm, token, p->token, &p->job.why);
    }
    if (err == CT_OK) {
        (void)snprintf(p->token, sizeof p->token, "%s", token);
        ct_log(&env->log, CT_LOG_INFO, "factory_credential_exchanged id=%s", env->identity);
    }
    ct_wipe(token, sizeof token);
    return err;
}
