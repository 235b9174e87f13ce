/* A relay's owner without ether asks for its end: the wallet manager pays for the revocation. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "api/fields.h"

/* An approved relay of the enrolled wallet. */
static bool is_own(const struct ct_api_call *call, uint16_t index)
{
    struct ct_relay relay;
    struct ct_why why = {{0}};
    uint64_t time_s = 0;
    ct_err err = call->ledger->ops->relay(call->ledger->arg, index, &relay, NULL, &time_s, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_api_failure(call->answer, err, &why);
        return false;
    }
    if (err != CT_OK || memcmp(relay.owner20, call->session->party.wallet20, 20) != 0) {
        ct_answer_problem(call->answer, 404, "not-found", "this wallet owns no relay %u", index);
        return false;
    }
    if (relay.state != CT_RECORD_APPROVED) {
        ct_answer_problem(call->answer, 409, "not-approved", "relay %u is %s already", index,
                          ct_record_state_text(relay.state));
        return false;
    }
    return true;
}

void ct_api_withdrawals(const struct ct_api_call *call)
{
    static const char *const names[] = {"relay"};
    struct ct_why why = {{0}};
    uint64_t index = 0;
    ct_err err = ct_fields_only(call->body, names, 1, &why);
    if (err == CT_OK) {
        err = ct_field_number(&index, CT_RELAY_INDEX_MAX, call->body, "relay", &why);
    }
    if (err != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    if (!is_own(call, (uint16_t)index)) {
        return;
    }
    struct ct_op op = {.kind = CT_OP_REVOKE_RELAY, .state = CT_OP_QUEUED};
    memcpy(op.wallet20, call->session->party.wallet20, sizeof op.wallet20);
    (void)snprintf(op.subject, sizeof op.subject, "%u", (unsigned)index);
    /* its owner's word: repeated tests do not undo it */
    err = call->api->store->ops->relay_watch_hold(call->api->store, (uint16_t)index,
                                                  call->api->wall_s());
    if (err != CT_OK) {
        ct_api_failure(call->answer, err, &why);
        return;
    }
    ct_api_queue(call, &op);
}
