/* The operations of a mined transaction, each judged by the record that it was to make. */
#include "tx/judge.h"

#include <stdio.h>
#include <string.h>

#include "chain/registry_client.h"
#include "tx/ops.h"

void ct_judge_end(struct ct_op_end *end, const struct ct_op *op, enum ct_op_state state,
                  const char *reason)
{
    memcpy(end->id, op->id, sizeof end->id);
    end->state = state;
    (void)snprintf(end->reason, sizeof end->reason, "%s", reason);
}

enum { AT_ONCE = CT_CHAIN_SLOTS_MAX / 2 /* words of a device */ };

static ct_err read_some(struct ct_judged *out, size_t count, struct ct_chain *chain,
                        const struct ct_view *view)
{
    uint8_t hashes[AT_ONCE][32];
    struct ct_device devices[AT_ONCE];
    struct ct_why why = {{0}};
    for (size_t i = 0; i < count; i++) {
        memcpy(hashes[i], out[i].id_hash32, 32);
    }
    ct_err err =
        ct_registry_devices_of(chain, view, (const uint8_t(*)[32])hashes, count, devices, &why);
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        out[i].device = devices[i];
    }
    return err;
}

static bool is_of_device(enum ct_op_kind kind)
{
    return kind == CT_OP_REGISTER || kind == CT_OP_APPROVE_DEVICE || kind == CT_OP_UPDATE ||
           kind == CT_OP_ROTATE || kind == CT_OP_REVOKE_SELF;
}

ct_err ct_judge_read(struct ct_judged *out, size_t *known_count, struct ct_chain *chain,
                     const struct ct_view *view, const struct ct_op *ops, size_t count)
{
    size_t named = 0;
    ct_err err = CT_OK;
    *known_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_of_device(ops[i].kind) &&
            ct_identity_hash(out[named].id_hash32, ops[i].subject) == CT_OK) {
            named++;
        }
    }
    for (size_t from = 0; from < named && err == CT_OK; from += AT_ONCE) {
        size_t n = named - from < AT_ONCE ? named - from : AT_ONCE;
        err = read_some(out + from, n, chain, view);
    }
    *known_count = err == CT_OK ? named : 0;
    return err;
}

ct_err ct_judge_device(const struct ct_judge *j, const uint8_t id_hash32[32], struct ct_device *out)
{
    struct ct_why why = {{0}};
    for (size_t i = 0; i < j->known_count; i++) {
        if (memcmp(j->known[i].id_hash32, id_hash32, 32) == 0) {
            *out = j->known[i].device;
            return CT_OK;
        }
    }
    memset(out, 0, sizeof *out);
    ct_err err = ct_registry_device(j->chain, j->view, id_hash32, out, &why);
    if (err == CT_ERR_NOT_FOUND) {
        memset(out, 0, sizeof *out);
        err = CT_OK;
    }
    return err;
}

ct_err ct_judge_keep(const struct ct_judge *j, const struct ct_op *op, const struct ct_device *d)
{
    struct ct_device_row row = {.relay = d->relay,
                                .port = d->port,
                                .sequence = d->sequence,
                                .expiry_day = d->expiry_day,
                                .block = j->receipt->block_number};
    (void)snprintf(row.identity, sizeof row.identity, "%.63s", op->subject);
    memcpy(row.wallet20, d->wallet20, 20);
    memcpy(row.key32, d->key32, 32);
    return j->store->ops->device_put(j->store, &row);
}

bool ct_judge_was_skipped(const struct ct_judge *j, const uint8_t id_hash32[32])
{
    const char *skipped = NULL;
    return ct_receipt_client_skipped(&skipped, j->receipt, j->contract20, id_hash32);
}

void ct_judge_skipped(const struct ct_judge *j, const struct ct_op *op, const uint8_t id_hash32[32],
                      const char *other, struct ct_op_end *end)
{
    const char *skipped = NULL;
    bool named = ct_receipt_client_skipped(&skipped, j->receipt, j->contract20, id_hash32);
    ct_judge_end(end, op, CT_OP_FAILED, named && skipped != NULL ? skipped : other);
}

/* The device's record, proven, is the one that was signed, or a later one of the same wallet:
 * nobody's word is needed. */
static ct_err judge_registration(const struct ct_judge *j, const struct ct_op *op,
                                 struct ct_op_end *end)
{
    struct ct_signed_registration s;
    struct ct_device d;
    ct_err err = ct_op_get_registration(&s, op);
    if (err == CT_OK) {
        err = ct_judge_device(j, s.registration.id_hash32, &d);
    }
    if (err != CT_OK) {
        return err;
    }
    bool is_own = d.state == CT_RECORD_APPROVED && memcmp(d.wallet20, op->wallet20, 20) == 0;
    bool is_it =
        d.sequence == s.registration.sequence + 1 && memcmp(d.key32, s.registration.key32, 32) == 0;
    bool is_later = d.sequence > s.registration.sequence + 1 &&
                    !ct_judge_was_skipped(j, s.registration.id_hash32);
    if (is_own && (is_it || is_later)) {
        ct_judge_end(end, op, CT_OP_DONE, "");
        return ct_judge_keep(j, op, &d);
    }
    ct_judge_skipped(j, op, s.registration.id_hash32,
                     "the contract holds another record of this name", end);
    return CT_OK;
}

/* The device's record, proven, is the one that was checked, or a later one of the same wallet. */
static ct_err judge_device_approval(const struct ct_judge *j, const struct ct_op *op,
                                    struct ct_op_end *end)
{
    struct ct_approval approval;
    struct ct_device d;
    uint8_t digest[32];
    ct_err err = ct_op_get_device_approval(&approval, op);
    if (err == CT_OK) {
        err = ct_judge_device(j, approval.id_hash32, &d);
    }
    if (err != CT_OK) {
        return err;
    }
    ct_device_digest(digest, &d);
    bool is_it = memcmp(digest, approval.digest32, 32) == 0;
    bool is_later =
        memcmp(d.wallet20, op->wallet20, 20) == 0 && !ct_judge_was_skipped(j, approval.id_hash32);
    if (d.state == CT_RECORD_APPROVED && (is_it || is_later)) {
        ct_judge_end(end, op, CT_OP_DONE, "");
        return ct_judge_keep(j, op, &d);
    }
    ct_judge_skipped(j, op, approval.id_hash32, "the record has changed since it was approved",
                     end);
    return CT_OK;
}

static ct_err judge_approval(const struct ct_judge *j, const struct ct_op *op,
                             struct ct_op_end *end)
{
    struct ct_op_approval approval;
    struct ct_relay_row row = {0};
    struct ct_relay relay;
    struct ct_why why = {{0}};
    uint16_t index = 0;
    uint8_t digest[32] = {0};
    char text[40];
    ct_err err = ct_op_get_approval(&approval, op);
    if (err != CT_OK || ct_receipt_relay_approved(&index, j->receipt, j->contract20) != CT_OK) {
        ct_judge_end(end, op, CT_OP_FAILED, "the transaction approved no relay");
        return CT_OK;
    }
    err = ct_registry_relay(j->chain, j->view, index, &relay, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    if (err == CT_OK) {
        /* the digest names index 0 for a new relay; the record has the one it was given */
        ct_relay_digest(digest, &relay);
        if (memcmp(digest, approval.digest32, 32) != 0) {
            relay.index = 0;
            ct_relay_digest(digest, &relay);
        }
    }
    if (err != CT_OK || relay.state != CT_RECORD_APPROVED ||
        memcmp(digest, approval.digest32, 32) != 0) {
        ct_judge_end(end, op, CT_OP_FAILED, "the chain does not hold what was approved");
        return CT_OK;
    }
    (void)snprintf(text, sizeof text, "approved as relay %u", index);
    ct_judge_end(end, op, CT_OP_DONE, text);
    if (j->store->ops->relay_find(j->store, approval.pending32, &row) != CT_OK) {
        memcpy(row.pending32, approval.pending32, 32);
        memcpy(row.owner20, op->wallet20, 20);
    }
    row.index = index;
    return j->store->ops->relay_put(j->store, &row);
}

static ct_err judge_revocation(const struct ct_judge *j, const struct ct_op *op,
                               struct ct_op_end *end)
{
    struct ct_relay relay = {0};
    struct ct_device device = {0};
    struct ct_why why = {{0}};
    uint8_t id_hash[32];
    uint16_t index = 0;
    bool gone = true;
    ct_err err = CT_OK;
    if (op->kind == CT_OP_REVOKE_RELAY) {
        err = ct_op_relay_index(&index, op);
        if (err == CT_OK) {
            err = ct_registry_relay(j->chain, j->view, index, &relay, &why);
        }
        gone = relay.state != CT_RECORD_APPROVED;
    } else if (op->kind == CT_OP_REVOKE_DEVICE) {
        err = ct_identity_hash(id_hash, op->subject);
        if (err == CT_OK) {
            err = ct_registry_device(j->chain, j->view, id_hash, &device, &why);
        }
        gone = device.state != CT_RECORD_APPROVED;
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    ct_judge_end(end, op, gone ? CT_OP_DONE : CT_OP_FAILED,
                 gone ? "" : "the record is approved again or still");
    return CT_OK;
}

static ct_err judge_reinstatement(const struct ct_judge *j, const struct ct_op *op,
                                  struct ct_op_end *end)
{
    struct ct_relay relay = {0};
    struct ct_why why = {{0}};
    uint16_t index = 0;
    ct_err err = ct_op_relay_index(&index, op);
    if (err == CT_OK) {
        err = ct_registry_relay(j->chain, j->view, index, &relay, &why);
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    bool back = relay.state == CT_RECORD_APPROVED;
    ct_judge_end(end, op, back ? CT_OP_DONE : CT_OP_FAILED,
                 back ? "" : "the record is not approved");
    return CT_OK;
}

/* A record is here that was not skipped: it is the predecessor's, or has moved on from it. */
static ct_err judge_device_taken_over(const struct ct_judge *j, const struct ct_op *op,
                                      struct ct_op_end *end)
{
    struct ct_device d;
    uint8_t id_hash[32];
    ct_err err = ct_op_device_hash(id_hash, op);
    if (err == CT_OK) {
        err = ct_judge_device(j, id_hash, &d);
    }
    if (err != CT_OK) {
        return err;
    }
    if (d.state == CT_RECORD_NONE || ct_judge_was_skipped(j, id_hash)) {
        ct_judge_skipped(j, op, id_hash, "the contract holds no record of this name", end);
        return CT_OK;
    }
    ct_judge_end(end, op, CT_OP_DONE, "");
    return ct_op_has_name(op) ? ct_judge_keep(j, op, &d) : CT_OK;
}

ct_err ct_judge_op(const struct ct_judge *j, const struct ct_op *op, struct ct_op_end *end)
{
    if (!j->receipt->succeeded) {
        ct_judge_end(end, op, CT_OP_FAILED, "the transaction was mined and reverted");
        return CT_OK;
    }
    switch (op->kind) {
    case CT_OP_REGISTER:
        return judge_registration(j, op, end);
    case CT_OP_APPROVE_RELAY:
        return judge_approval(j, op, end);
    case CT_OP_REVOKE_RELAY:
    case CT_OP_REVOKE_DEVICE:
    case CT_OP_REVOKE_PASS:
        return judge_revocation(j, op, end);
    case CT_OP_REINSTATE_RELAY:
    case CT_OP_ADOPT_RELAY:
        return judge_reinstatement(j, op, end);
    case CT_OP_ADOPT_DEVICE:
        return judge_device_taken_over(j, op, end);
    case CT_OP_APPROVE_DEVICE:
        return judge_device_approval(j, op, end);
    case CT_OP_UPDATE:
    case CT_OP_ROTATE:
    case CT_OP_REVOKE_SELF:
        return ct_judge_change(j, op, end);
    case CT_OP_FUND: /* a payment that succeeded is done */
        ct_judge_end(end, op, CT_OP_DONE, "");
        return CT_OK;
    case CT_OP_KINDS:
        break;
    }
    return CT_ERR_ARG;
}
