/* Changes that a device's wallet signed and the wallet manager submits: other relays, another key,
 * the end. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "chain/registry_client.h"
#include "api/fields.h"
#include "tx/ops.h"

struct change {
    enum ct_op_kind kind;
    struct ct_signed_client_update update; /* the one of kind is set */
    struct ct_signed_key_rotation rotation;
    struct ct_signed_self_revocation revocation;
    uint16_t sequence; /* what all of them have */
    uint64_t deadline_s;
    uint8_t id_hash32[32];
    uint8_t sig65[CT_SIG_LEN];
};

static ct_err read_update(struct change *out, const struct ct_json *body, struct ct_why *why)
{
    static const char *const names[] = {"change",      "relay",    "port",     "backup_relay",
                                        "backup_port", "sequence", "deadline", "signature"};
    struct ct_client_update *u = &out->update.update;
    const struct {
        const char *name;
        uint16_t *to;
    } numbers[] = {{"relay", &u->relay},
                   {"port", &u->port},
                   {"backup_relay", &u->backup_relay},
                   {"backup_port", &u->backup_port}};
    ct_err err = ct_fields_only(body, names, 8, why);
    for (size_t i = 0; i < 4 && err == CT_OK; i++) {
        err = ct_field_u16(numbers[i].to, body, numbers[i].name, why);
    }
    return err;
}

static ct_err read_rotation(struct change *out, const struct ct_json *body, struct ct_why *why)
{
    static const char *const names[] = {"change", "key", "sequence", "deadline", "signature"};
    ct_err err = ct_fields_only(body, names, 5, why);
    return err == CT_OK ? ct_field_hex(out->rotation.rotation.key32, 32, body, "key", why) : err;
}

static ct_err read_revocation(const struct ct_json *body, struct ct_why *why)
{
    static const char *const names[] = {"change", "sequence", "deadline", "signature"};
    return ct_fields_only(body, names, 4, why);
}

static ct_err read_kind(struct change *out, const struct ct_json *body, struct ct_why *why)
{
    const char *kind = NULL;
    ct_err err = ct_field_text(&kind, body, "change", why);
    if (err != CT_OK) {
        return err;
    }
    if (strcmp(kind, "update") == 0) {
        out->kind = CT_OP_UPDATE;
        return read_update(out, body, why);
    }
    if (strcmp(kind, "rotate") == 0) {
        out->kind = CT_OP_ROTATE;
        return read_rotation(out, body, why);
    }
    if (strcmp(kind, "revoke") == 0) {
        out->kind = CT_OP_REVOKE_SELF;
        return read_revocation(body, why);
    }
    return ct_why(why, CT_ERR_FORMAT, "change is none of \"update\", \"rotate\" and \"revoke\"");
}

static ct_err read_change(struct change *out, const struct ct_api_call *call, struct ct_why *why)
{
    const struct ct_json *body = call->body;
    ct_err err = read_kind(out, body, why);
    if (err == CT_OK) {
        err = ct_field_u16(&out->sequence, body, "sequence", why);
    }
    if (err == CT_OK) {
        err = ct_field_number(&out->deadline_s, INT64_MAX, body, "deadline", why);
    }
    if (err == CT_OK) {
        err = ct_field_hex(out->sig65, CT_SIG_LEN, body, "signature", why);
    }
    return err == CT_OK ? ct_identity_hash(out->id_hash32, call->session->party.identity) : err;
}

/* The shared fields to where the signed type has them, and what its wallet had to sign. */
static void complete(struct change *c, const struct ct_api *api, uint8_t digest32[32])
{
    struct ct_client_update *u = &c->update.update;
    struct ct_key_rotation *k = &c->rotation.rotation;
    struct ct_self_revocation *r = &c->revocation.revocation;
    switch (c->kind) {
    case CT_OP_UPDATE:
        memcpy(u->id_hash32, c->id_hash32, 32);
        memcpy(c->update.sig65, c->sig65, CT_SIG_LEN);
        u->sequence = c->sequence;
        u->deadline_s = c->deadline_s;
        ct_client_update_digest(digest32, api->chain_id, api->contract20, u);
        break;
    case CT_OP_ROTATE:
        memcpy(k->id_hash32, c->id_hash32, 32);
        memcpy(c->rotation.sig65, c->sig65, CT_SIG_LEN);
        k->sequence = c->sequence;
        k->deadline_s = c->deadline_s;
        ct_key_rotation_digest(digest32, api->chain_id, api->contract20, k);
        break;
    default:
        memcpy(r->id_hash32, c->id_hash32, 32);
        memcpy(c->revocation.sig65, c->sig65, CT_SIG_LEN);
        r->sequence = c->sequence;
        r->deadline_s = c->deadline_s;
        ct_self_revocation_digest(digest32, api->chain_id, api->contract20, r);
        break;
    }
}

/* A live record of the enrolled wallet; its key may be an older one. */
static bool is_own(const struct ct_api_call *call, const struct ct_device *record, uint64_t time_s)
{
    const struct ct_hs_party *p = &call->session->party;
    if (ct_device_check(record, time_s, p->identity, NULL) != CT_OK ||
        memcmp(record->wallet20, p->wallet20, 20) != 0) {
        ct_answer_problem(call->answer, 403, "not-registered",
                          "%s has no live record of this wallet", p->identity);
        return false;
    }
    return true;
}

static bool is_signed(const struct ct_api_call *call, const struct change *c,
                      const uint8_t digest32[32])
{
    if (ct_sig_check(call->session->party.wallet20, digest32, c->sig65) != CT_OK) {
        ct_answer_problem(call->answer, 403, "signature",
                          "the change is not signed by the wallet of the handshake for this name, "
                          "chain and contract");
        return false;
    }
    return true;
}

static bool relays_serve(const struct ct_api_call *call, const struct change *c)
{
    const struct ct_client_update *u = &c->update.update;
    return c->kind != CT_OP_UPDATE || (ct_api_relay_serves(call, u->relay, u->port) &&
                                       ct_api_relay_serves(call, u->backup_relay, u->backup_port));
}

/* The contract refuses a key of zeros, and X25519 with it would be no secret. */
static bool key_is_one(const struct ct_api_call *call, const struct change *c)
{
    static const uint8_t zeros[32];
    if (c->kind == CT_OP_ROTATE && memcmp(c->rotation.rotation.key32, zeros, 32) == 0) {
        ct_answer_problem(call->answer, 422, "format", "key must not be zero");
        return false;
    }
    return true;
}

static ct_err put(struct ct_op *op, const struct change *c)
{
    switch (c->kind) {
    case CT_OP_UPDATE:
        return ct_op_put_update(op, &c->update);
    case CT_OP_ROTATE:
        return ct_op_put_rotation(op, &c->rotation);
    default:
        return ct_op_put_self_revocation(op, &c->revocation);
    }
}

void ct_api_changes(const struct ct_api_call *call)
{
    struct change c = {.kind = CT_OP_UPDATE};
    struct ct_device record;
    struct ct_why why = {{0}};
    uint8_t digest32[32];
    uint64_t time_s = 0;
    if (read_change(&c, call, &why) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    complete(&c, call->api, digest32);
    if (!ct_api_record(call, &record, &time_s) || !is_own(call, &record, time_s) ||
        !is_signed(call, &c, digest32) || !ct_api_deadline_holds(call, c.deadline_s) ||
        !ct_api_sequence_holds(call, c.sequence, &record) || !key_is_one(call, &c) ||
        !relays_serve(call, &c)) {
        return;
    }
    struct ct_op op = {.kind = c.kind, .state = CT_OP_QUEUED};
    memcpy(op.wallet20, call->session->party.wallet20, sizeof op.wallet20);
    (void)snprintf(op.subject, sizeof op.subject, "%s", call->session->party.identity);
    if (put(&op, &c) != CT_OK) {
        ct_answer_problem(call->answer, 500, "internal", "the change did not fit");
        return;
    }
    ct_api_queue(call, &op);
}
