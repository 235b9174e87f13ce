/* A factory credential exchanged for the token of one device. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/secret.h"
#include "api/fields.h"
#include "api/token.h"

/* Nobody gets a token for a name that another wallet has: it could do nothing with it. */
static bool name_is_free(const struct ct_api_call *call, const char *identity)
{
    const struct ct_hs_party *p = &call->session->party;
    struct ct_device record;
    struct ct_why why = {{0}};
    uint64_t time_s = 0;
    ct_err err =
        call->ledger->ops->device(call->ledger->arg, identity, &record, NULL, &time_s, &why);
    if (err == CT_ERR_NOT_FOUND) {
        return true;
    }
    if (err != CT_OK) {
        ct_api_failure(call->answer, err, &why);
        return false;
    }
    bool is_own = strcmp(identity, p->identity) == 0 &&
                  memcmp(record.wallet20, p->wallet20, sizeof p->wallet20) == 0;
    if (!is_own && ct_device_check(&record, time_s, identity, NULL) == CT_OK) {
        ct_answer_problem(call->answer, 409, "registered",
                          "%s is registered by another wallet; choose another name, or have that "
                          "record revoked",
                          identity);
        return false;
    }
    return true;
}

static void exchange(const struct ct_api_call *call, const char *factory, const char *identity)
{
    const struct ct_token_check check = {.keys = call->api->keys,
                                         .key_count = call->api->key_count,
                                         .store = call->api->store,
                                         .now_s = call->api->wall_s()};
    const struct ct_token_signer signer = {.key = call->api->issuer.key,
                                           .key_id = call->api->issuer.key_id};
    struct ct_token token;
    struct ct_why why = {{0}};
    char text[CT_TOKEN_TEXT_MAX + 1];
    ct_err err = ct_token_exchange(&token, text, &check, factory, identity, &signer, &why);
    if (err != CT_OK) {
        ct_log(&call->api->log, CT_LOG_WARN, "factory_refused id=%s cause=\"%s\"", identity,
               ct_err_text(err));
    }
    if (err == CT_ERR_STATE) {
        ct_answer_problem(call->answer, 409, "factory-used-up", "%s", why.text);
    } else if (err != CT_OK) {
        ct_api_refuse_token(call->answer, err, &why);
    } else {
        ct_answer_json(call->answer, 201,
                       "{\"token\":\"%s\",\"identity\":\"%s\",\"expires_at\":%llu}", text,
                       token.identity, (unsigned long long)token.expiry_s);
        ct_log(&call->api->log, CT_LOG_INFO, "token_minted id=%s batch=%s", token.identity,
               token.batch);
    }
    ct_wipe(text, sizeof text);
}

void ct_api_tokens(const struct ct_api_call *call)
{
    static const char *const names[] = {"factory", "identity"};
    const char *factory = NULL;
    const char *identity = call->session->party.identity;
    struct ct_why why = {{0}};
    ct_err err = ct_fields_only(call->body, names, 2, &why);
    if (err == CT_OK) {
        err = ct_field_text(&factory, call->body, "factory", &why);
    }
    if (err == CT_OK && ct_json_get(call->body, "identity") != NULL) {
        err = ct_field_text(&identity, call->body, "identity", &why);
    }
    if (err != CT_OK || !ct_identity_valid(identity)) {
        ct_answer_problem(call->answer, 400, "format", "%s",
                          err != CT_OK ? why.text : "identity is not a valid name");
        return;
    }
    if (name_is_free(call, identity)) {
        exchange(call, factory, identity);
    }
}
