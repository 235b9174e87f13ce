/* Passes and registrations: what devices ask for. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "api/fields.h"
#include "kex/token.h"
#include "tx/ops.h"
#include "api/token.h"

enum { DAY_S = 86400, DEADLINE_ROOM_S = 10 /* a transaction needs a block's time at least */ };

static bool is_registered(const struct ct_api_call *call, const struct ct_device *record,
                          uint64_t time_s)
{
    const struct ct_hs_party *p = &call->session->party;
    return ct_device_check(record, time_s, p->identity, NULL) == CT_OK &&
           memcmp(record->wallet20, p->wallet20, 20) == 0 &&
           memcmp(record->key32, p->key32, 32) == 0;
}

static bool is_taken(const struct ct_api_call *call, const struct ct_device *record,
                     uint64_t time_s)
{
    const struct ct_hs_party *p = &call->session->party;
    return ct_device_check(record, time_s, p->identity, NULL) == CT_OK &&
           memcmp(record->wallet20, p->wallet20, 20) != 0;
}

/* A token for this name and no other takes it over from a wallet that was lost; not one that the
 * whole fleet can have made. */
static bool names_exactly(const struct ct_api_call *call)
{
    struct ct_token token;
    const char *text = ct_json_text(ct_json_get(call->body, "token"));
    return text != NULL && ct_token_parse(&token, text, strlen(text)) == CT_OK &&
           !token.is_prefix && !token.is_minted &&
           strcmp(token.identity, call->session->party.identity) == 0;
}

void ct_api_refuse_token(struct ct_answer *answer, ct_err err, const struct ct_why *why)
{
    switch (err) {
    case CT_ERR_EXPIRED:
        ct_answer_problem(answer, 403, "token-expired", "%s", why->text);
        return;
    case CT_ERR_NOT_APPROVED:
        ct_answer_problem(answer, 403, "identity", "%s", why->text);
        return;
    case CT_ERR_REPLAY:
        ct_answer_problem(answer, 409, "token-used", "%s", why->text);
        return;
    case CT_ERR_FORMAT:
    case CT_ERR_AUTH:
    case CT_ERR_REFUSED:
        ct_answer_problem(answer, 403, "token-invalid", "%s", why->text);
        return;
    default:
        ct_answer_problem(answer, 500, "internal", "%s", why->text);
        return;
    }
}

static bool admit_by_token(const struct ct_api_call *call)
{
    const struct ct_hs_party *p = &call->session->party;
    struct ct_why why = {{0}};
    const char *token = NULL;
    if (ct_json_get(call->body, "token") == NULL) {
        ct_answer_problem(call->answer, 403, "not-registered",
                          "%s has no live record with this wallet and key; give a token",
                          p->identity);
        return false;
    }
    if (ct_field_text(&token, call->body, "token", &why) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return false;
    }
    if (!ct_gate_token(call, token)) {
        return false;
    }
    const struct ct_token_check check = {.keys = call->api->keys,
                                         .key_count = call->api->key_count,
                                         .store = call->api->store,
                                         .now_s = call->api->wall_s()};
    ct_err err = ct_token_admit(&check, token, p->identity, p->wallet20, &why);
    if (err != CT_OK) {
        ct_log(&call->api->log, CT_LOG_WARN, "token_refused id=%s cause=\"%s\"", p->identity,
               ct_err_text(err));
        ct_api_refuse_token(call->answer, err, &why);
    }
    return err == CT_OK;
}

bool ct_api_record(const struct ct_api_call *call, struct ct_device *out, uint64_t *time_s)
{
    struct ct_why why = {{0}};
    *time_s = 0;
    memset(out, 0, sizeof *out);
    ct_err err = call->ledger->ops->device(call->ledger->arg, call->session->party.identity, out,
                                           NULL, time_s, &why);
    if (err == CT_ERR_NOT_FOUND) {
        memset(out, 0, sizeof *out);
        err = CT_OK;
    }
    if (err != CT_OK) {
        ct_api_failure(call->answer, err, &why);
    }
    return err == CT_OK;
}

bool ct_api_admit(const struct ct_api_call *call, struct ct_device *record)
{
    uint64_t time_s = 0;
    const char *identity = call->session->party.identity;
    if (!ct_api_record(call, record, &time_s)) {
        return false;
    }
    if (!ct_api_name_free(call)) {
        return false;
    }
    if (is_taken(call, record, time_s) && !names_exactly(call)) {
        ct_answer_problem(
            call->answer, 409, "identity",
            "%s is registered by another wallet; choose another name, have that "
            "record revoked, or ask for a token for this very name, which replaces it",
            identity);
        return false;
    }
    return is_registered(call, record, time_s) || admit_by_token(call);
}

void ct_api_passes(const struct ct_api_call *call)
{
    static const char *const names[] = {"pass_key", "token", "renews"};
    struct ct_why why = {{0}};
    struct ct_device record;
    uint8_t key[32], renews[16], pass[CT_PASS_LEN];
    bool renewal = ct_json_get(call->body, "renews") != NULL;
    uint64_t expires_s = 0;
    ct_err err = ct_fields_only(call->body, names, 3, &why);
    if (err == CT_OK) {
        err = ct_field_bytes(key, 32, 32, NULL, call->body, "pass_key", &why);
    }
    if (err == CT_OK && renewal) {
        err = ct_field_hex(renews, 16, call->body, "renews", &why);
    }
    if (err != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    if (!ct_api_admit(call, &record)) {
        return;
    }
    const struct ct_pass_order order = {.identity = call->session->party.identity,
                                        .wallet20 = call->session->party.wallet20,
                                        .key32 = key,
                                        .renews16 = renewal ? renews : NULL,
                                        .now_s = call->api->wall_s()};
    err = ct_pass_issue(pass, &expires_s, &call->api->issuer, &order, &why);
    if (err == CT_ERR_NOT_APPROVED) {
        ct_answer_problem(call->answer, 403, "identity", "%s", why.text);
    } else if (err == CT_ERR_ARG) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
    } else if (err != CT_OK) {
        ct_answer_problem(call->answer, 500, "internal", "%s", ct_err_text(err));
    } else {
        char text[CT_PASS_TEXT_LEN + 1];
        ct_pass_username(text, pass);
        ct_answer_json(call->answer, 201, "{\"pass\":\"%s\",\"expires_at\":%llu}", text,
                       (unsigned long long)expires_s);
        ct_log(&call->api->log, CT_LOG_INFO, "pass_issued id=%s expires=%llu",
               call->session->party.identity, (unsigned long long)expires_s);
    }
}

/* The registration as JSON (docs/protocol.md 7); the identity as text in *identity. */
static ct_err read_registration(struct ct_signed_registration *out, const char **identity,
                                const struct ct_json *body, struct ct_why *why)
{
    static const char *const outer[] = {"token", "registration", "signature"};
    static const char *const inner[] = {"identity",   "key",          "relay",
                                        "port",       "backup_relay", "backup_port",
                                        "expiry_day", "sequence",     "deadline"};
    const struct ct_json *o = ct_json_get(body, "registration");
    struct ct_registration *r = &out->registration;
    const struct {
        const char *name;
        uint16_t *to;
    } numbers[] = {{"relay", &r->relay},
                   {"port", &r->port},
                   {"backup_relay", &r->backup_relay},
                   {"backup_port", &r->backup_port},
                   {"expiry_day", &r->expiry_day},
                   {"sequence", &r->sequence}};
    ct_err err = ct_fields_only(body, outer, 3, why);
    if (err == CT_OK && !ct_json_is_object(o)) {
        err = ct_why(why, CT_ERR_FORMAT, "registration is missing or no object");
    }
    if (err == CT_OK) {
        err = ct_fields_only(o, inner, 9, why);
    }
    if (err == CT_OK) {
        err = ct_field_text(identity, o, "identity", why);
    }
    if (err == CT_OK) {
        err = ct_field_hex(r->key32, 32, o, "key", why);
    }
    for (size_t i = 0; i < 6 && err == CT_OK; i++) {
        err = ct_field_u16(numbers[i].to, o, numbers[i].name, why);
    }
    if (err == CT_OK) {
        err = ct_field_number(&r->deadline_s, INT64_MAX, o, "deadline", why);
    }
    if (err == CT_OK) {
        err = ct_field_hex(out->sig65, CT_SIG_LEN, body, "signature", why);
    }
    return err;
}

/* Is it the enrolled party's own, signed by its wallet? */
static bool is_own(const struct ct_api_call *call, struct ct_signed_registration *s,
                   const char *identity)
{
    const struct ct_hs_party *p = &call->session->party;
    uint8_t digest[32];
    if (strcmp(identity, p->identity) != 0 || memcmp(s->registration.key32, p->key32, 32) != 0) {
        ct_answer_problem(call->answer, 403, "identity",
                          "identity and key must be those of the handshake, which was %s's",
                          p->identity);
        return false;
    }
    if (ct_identity_hash(s->registration.id_hash32, identity) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "identity is not a valid name");
        return false;
    }
    ct_registration_digest(digest, call->api->chain_id, call->api->contract20, &s->registration);
    if (ct_sig_check(p->wallet20, digest, s->sig65) != CT_OK) {
        ct_answer_problem(call->answer, 403, "signature",
                          "the registration is not signed by the wallet of the handshake for this "
                          "chain and contract");
        return false;
    }
    return true;
}

bool ct_api_day_allowed(const struct ct_api_call *call, uint16_t expiry_day)
{
    uint64_t today = call->api->wall_s() / DAY_S;
    uint64_t last = today + call->api->device_days;
    if (expiry_day < today || expiry_day > last) {
        ct_answer_problem(call->answer, 422, "format",
                          "expiry_day must be from %llu to %llu (days since 1970)",
                          (unsigned long long)today, (unsigned long long)last);
        return false;
    }
    return true;
}

bool ct_api_deadline_holds(const struct ct_api_call *call, uint64_t deadline_s)
{
    if (deadline_s < call->api->wall_s() + DEADLINE_ROOM_S) {
        ct_answer_problem(call->answer, 422, "format",
                          "deadline is past or within %d s: sign again with a later one",
                          (int)DEADLINE_ROOM_S);
        return false;
    }
    return true;
}

bool ct_api_sequence_holds(const struct ct_api_call *call, uint16_t sequence,
                           const struct ct_device *record)
{
    if (sequence != record->sequence) {
        ct_answer_problem(
            call->answer, 409, "identity",
            "sequence is %u, but the chain expects %u: read the record and sign again", sequence,
            record->sequence);
        return false;
    }
    return true;
}

static bool terms_hold(const struct ct_api_call *call, const struct ct_registration *r,
                       const struct ct_device *record)
{
    return ct_api_day_allowed(call, r->expiry_day) && ct_api_deadline_holds(call, r->deadline_s) &&
           ct_api_sequence_holds(call, r->sequence, record);
}

bool ct_api_relay_serves(const struct ct_api_call *call, uint16_t index, uint16_t port)
{
    struct ct_relay relay;
    struct ct_why why = {{0}};
    uint64_t time_s = 0;
    if (index == 0 && port == 0) {
        return true;
    }
    ct_err err = index == 0 ? CT_ERR_NOT_FOUND
                            : call->ledger->ops->relay(call->ledger->arg, index, &relay, NULL,
                                                       &time_s, &why);
    if (err == CT_OK) {
        err = ct_relay_check(&relay, time_s, &why);
    }
    if (CT_ERR_CLASS(err) == CT_ERR_CLASS_WORLD || CT_ERR_CLASS(err) == CT_ERR_CLASS_HOST) {
        ct_api_failure(call->answer, err, &why);
        return false;
    }
    if (err != CT_OK) {
        ct_answer_problem(call->answer, 422, "relay-mismatch",
                          "relay %u is not an approved one; choose another", index);
        return false;
    }
    if (port < relay.port_min || port > relay.port_max) {
        ct_answer_problem(call->answer, 422, "relay-mismatch",
                          "port %u is not in relay %u's range %u to %u", port, index,
                          relay.port_min, relay.port_max);
        return false;
    }
    return true;
}

void ct_api_devices(const struct ct_api_call *call)
{
    struct ct_signed_registration s = {0};
    struct ct_device record;
    struct ct_why why = {{0}};
    const char *identity = NULL;
    if (read_registration(&s, &identity, call->body, &why) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    const struct ct_registration *r = &s.registration;
    if (!is_own(call, &s, identity) || !ct_api_admit(call, &record) ||
        !terms_hold(call, r, &record) || !ct_api_relay_serves(call, r->relay, r->port) ||
        !ct_api_relay_serves(call, r->backup_relay, r->backup_port)) {
        return;
    }
    struct ct_op op = {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED};
    memcpy(op.wallet20, call->session->party.wallet20, sizeof op.wallet20);
    (void)snprintf(op.subject, sizeof op.subject, "%s", identity);
    if (ct_op_put_registration(&op, &s) != CT_OK) {
        ct_answer_problem(call->answer, 500, "internal", "the registration did not fit");
        return;
    }
    if (is_taken(call, &record, call->api->wall_s()) && !ct_api_replace(call)) {
        return;
    }
    ct_api_queue(call, &op);
}
