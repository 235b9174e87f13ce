/* The funded road's second half: a record that the device wrote itself is approved as it was read.
 */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "api/fields.h"
#include "tx/ops.h"

/* Pending, and the enrolled party's own. */
static bool is_pending(const struct ct_api_call *call, const struct ct_device *record)
{
    const struct ct_hs_party *p = &call->session->party;
    if (record->state != CT_RECORD_PENDING) {
        ct_answer_problem(call->answer, 409, "not-pending",
                          "the record of %s is in state %s, not pending; send addClient first and "
                          "wait until it is in an agreed block",
                          p->identity, ct_record_state_text(record->state));
        return false;
    }
    if (memcmp(record->wallet20, p->wallet20, 20) != 0 ||
        memcmp(record->key32, p->key32, 32) != 0) {
        ct_answer_problem(call->answer, 403, "identity",
                          "wallet and key of the pending record must be those of the handshake, "
                          "which was %s's",
                          p->identity);
        return false;
    }
    return true;
}

void ct_api_approvals(const struct ct_api_call *call)
{
    static const char *const names[] = {"token"};
    const char *identity = call->session->party.identity;
    struct ct_why why = {{0}};
    struct ct_device record;
    struct ct_approval approval;
    if (ct_fields_only(call->body, names, 1, &why) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    if (!ct_api_admit(call, &record) || !is_pending(call, &record) ||
        !ct_api_day_allowed(call, record.expiry_day) ||
        !ct_api_relay_serves(call, record.relay, record.port) ||
        !ct_api_relay_serves(call, record.backup_relay, record.backup_port)) {
        return;
    }
    struct ct_op op = {.kind = CT_OP_APPROVE_DEVICE, .state = CT_OP_QUEUED};
    memcpy(op.wallet20, call->session->party.wallet20, sizeof op.wallet20);
    (void)snprintf(op.subject, sizeof op.subject, "%s", identity);
    ct_device_digest(approval.digest32, &record);
    if (ct_identity_hash(approval.id_hash32, identity) != CT_OK ||
        ct_op_put_device_approval(&op, &approval) != CT_OK) {
        ct_answer_problem(call->answer, 500, "internal", "the approval did not fit");
        return;
    }
    ct_api_queue(call, &op);
}
