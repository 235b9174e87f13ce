/* A device that lost its wallet keeps its name: what the old wallet has is revoked, and only then
 * is the new record written. */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

enum { PASSES_MAX = 256 };

static bool store_good(const struct ct_api_call *call, ct_err err)
{
    if (err != CT_OK) {
        ct_api_store_failed(call, "replace", err);
    }
    return err == CT_OK;
}

bool ct_api_name_free(const struct ct_api_call *call)
{
    const struct ct_hs_party *p = &call->session->party;
    struct ct_store *s = call->api->store;
    struct ct_op op;
    ct_err err = s->ops->op_under_way(s, CT_OP_REGISTER, p->identity, &op);
    if (err == CT_OK && memcmp(op.wallet20, p->wallet20, sizeof op.wallet20) != 0) {
        ct_answer_problem(call->answer, 409, "too-many",
                          "another wallet's registration of %s is under way; wait for its end",
                          p->identity);
        return false;
    }
    return err == CT_ERR_NOT_FOUND || store_good(call, err);
}

static ct_err ask(struct ct_store *s, enum ct_op_kind kind, const char *subject)
{
    struct ct_op op = {.kind = kind, .state = CT_OP_QUEUED};
    (void)snprintf(op.subject, sizeof op.subject, "%s", subject);
    ct_err err = s->ops->op_add(s, &op);
    return err == CT_ERR_STATE ? CT_OK : err; /* another has asked for the same */
}

static ct_err revoke_passes(const struct ct_api_call *call)
{
    const struct ct_hs_party *p = &call->session->party;
    struct ct_store *s = call->api->store;
    size_t count = 0;
    struct ct_pass_row *passes = calloc(PASSES_MAX, sizeof *passes);
    if (passes == NULL) {
        return CT_ERR_NOMEM;
    }
    ct_err err = s->ops->pass_list(s, p->identity, call->api->wall_s(), passes, PASSES_MAX, &count);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        char id[33];
        ct_hex(id, passes[i].id16, sizeof passes[i].id16);
        if (memcmp(passes[i].wallet20, p->wallet20, sizeof p->wallet20) != 0) {
            err = ask(s, CT_OP_REVOKE_PASS, id);
        }
    }
    free(passes);
    return err;
}

/* Not when this wallet's record is written or about to be: the agreed block is behind then, and
 * what is live may be its own by now. */
static ct_err is_asked_for(bool *out, const struct ct_api_call *call)
{
    const struct ct_hs_party *p = &call->session->party;
    struct ct_store *s = call->api->store;
    struct ct_device_row row;
    struct ct_op op;
    *out = true;
    ct_err err = s->ops->op_under_way(s, CT_OP_REGISTER, p->identity, &op);
    if (err != CT_ERR_NOT_FOUND) {
        return err;
    }
    err = s->ops->device_find(s, p->identity, &row);
    *out = err == CT_OK && memcmp(row.wallet20, p->wallet20, sizeof p->wallet20) == 0;
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

bool ct_api_replace(const struct ct_api_call *call)
{
    const struct ct_hs_party *p = &call->session->party;
    struct ct_store *s = call->api->store;
    bool asked = false;
    ct_err err = is_asked_for(&asked, call);
    if (err == CT_OK && !asked) {
        err = s->ops->token_withdraw(s, p->identity, p->wallet20);
        if (err == CT_OK) {
            err = revoke_passes(call);
        }
        if (err == CT_OK) {
            err = ask(s, CT_OP_REVOKE_DEVICE, p->identity);
        }
        if (err == CT_OK) {
            ct_log(&call->api->log, CT_LOG_WARN, "device_replaced id=%s", p->identity);
        }
    }
    return store_good(call, err);
}
