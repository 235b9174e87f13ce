/* A relay asks to be approved: is the proposal its own, and one that may be tested? */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "api/fields.h"
#include "http/handshake.h"
#include "tx/ops.h"
#include "relays/reach.h"

struct proposal {
    uint8_t pending32[32];
    uint8_t owner20[20];
    uint8_t salt32[32];
};

static ct_err read_proposal(struct proposal *out, const struct ct_json *body, struct ct_why *why)
{
    static const char *const names[] = {"pending_id", "owner", "salt"};
    uint8_t expected[32];
    ct_err err = ct_fields_only(body, names, 3, why);
    if (err == CT_OK) {
        err = ct_field_hex(out->pending32, 32, body, "pending_id", why);
    }
    if (err == CT_OK) {
        err = ct_field_hex(out->owner20, 20, body, "owner", why);
    }
    if (err == CT_OK) {
        err = ct_field_hex(out->salt32, 32, body, "salt", why);
    }
    if (err == CT_OK) {
        ct_registry_pending_id(expected, out->owner20, out->salt32);
        if (memcmp(expected, out->pending32, 32) != 0) {
            err = ct_why(why, CT_ERR_FORMAT, "pending_id is not that of owner and salt");
        }
    }
    return err;
}

static bool is_own(const struct ct_api_call *call, const struct proposal *p)
{
    const struct ct_hs_party *party = &call->session->party;
    char name[64];
    char digits[17];
    ct_hex(digits, p->pending32, 8);
    (void)snprintf(name, sizeof name, "%s%s", CT_ENROLMENT_RELAY_PREFIX, digits);
    if (memcmp(p->owner20, party->wallet20, 20) != 0 || strcmp(name, party->identity) != 0) {
        ct_answer_problem(call->answer, 403, "identity",
                          "the proposal is another's: owner and pending_id must be those of the "
                          "handshake, which was %s's",
                          party->identity);
        return false;
    }
    return true;
}

static bool may_be_tested(const struct ct_api_call *call, const struct ct_relay *r)
{
    if (!call->api->allow_private && !ct_reach_relay(r)) {
        ct_answer_problem(call->answer, 422, "relay-mismatch",
                          "an address in the proposal is not one of the Internet; register public "
                          "addresses (external-ip)");
        return false;
    }
    return true;
}

/* The record itself, as the chain proves it. */
static bool record_fits(const struct ct_api_call *call, const struct proposal *p)
{
    struct ct_relay record;
    struct ct_why why = {{0}};
    ct_err err = call->ledger->ops->pending(call->ledger->arg, p->pending32, &record, NULL, &why);
    if (err == CT_ERR_NOT_FOUND) {
        ct_answer_problem(call->answer, 404, "not-found",
                          "the chain has no such proposal (yet): wait for registerServer's block, "
                          "then ask again");
        return false;
    }
    if (err != CT_OK) {
        ct_api_failure(call->answer, err, &why);
        return false;
    }
    if (memcmp(record.owner20, call->session->party.wallet20, 20) != 0 ||
        memcmp(record.key32, call->session->party.key32, 32) != 0) {
        ct_answer_problem(call->answer, 403, "relay-mismatch",
                          "owner or key in the proposal is not the one of the handshake; register "
                          "again with the relay's present key");
        return false;
    }
    return may_be_tested(call, &record);
}

void ct_api_relays(const struct ct_api_call *call)
{
    struct proposal p;
    struct ct_why why = {{0}};
    if (read_proposal(&p, call->body, &why) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    if (!is_own(call, &p) || !record_fits(call, &p)) {
        return;
    }
    struct ct_op op = {.kind = CT_OP_APPROVE_RELAY, .state = CT_OP_CHECKING};
    struct ct_op_approval approval = {0};
    memcpy(op.wallet20, p.owner20, sizeof op.wallet20);
    memcpy(approval.pending32, p.pending32, 32);
    ct_hex0x(op.subject, p.pending32, 32);
    if (ct_op_put_approval(&op, &approval) != CT_OK) {
        ct_answer_problem(call->answer, 500, "internal", "the proposal did not fit");
        return;
    }
    ct_api_queue(call, &op);
}
