/* Operations as bytes and as calls of the contract. */
#include "tx/ops.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

ct_err ct_op_put_registration(struct ct_op *op, const struct ct_signed_registration *signed_)
{
    const struct ct_registration *r = &signed_->registration;
    struct ct_wr w = ct_wr_init(op->payload, sizeof op->payload);
    ct_wr_bytes(&w, r->id_hash32, 32);
    ct_wr_bytes(&w, r->key32, 32);
    ct_wr_be16(&w, r->relay);
    ct_wr_be16(&w, r->port);
    ct_wr_be16(&w, r->backup_relay);
    ct_wr_be16(&w, r->backup_port);
    ct_wr_be16(&w, r->expiry_day);
    ct_wr_be16(&w, r->sequence);
    ct_wr_be64(&w, r->deadline_s);
    ct_wr_bytes(&w, signed_->sig65, CT_SIG_LEN);
    op->payload_len = w.len;
    return ct_wr_end(&w);
}

ct_err ct_op_get_registration(struct ct_signed_registration *out, const struct ct_op *op)
{
    struct ct_registration *to = &out->registration;
    struct ct_rd r = ct_rd_init(op->payload, op->payload_len);
    ct_rd_copy(&r, to->id_hash32, 32);
    ct_rd_copy(&r, to->key32, 32);
    to->relay = ct_rd_be16(&r);
    to->port = ct_rd_be16(&r);
    to->backup_relay = ct_rd_be16(&r);
    to->backup_port = ct_rd_be16(&r);
    to->expiry_day = ct_rd_be16(&r);
    to->sequence = ct_rd_be16(&r);
    to->deadline_s = ct_rd_be64(&r);
    ct_rd_copy(&r, out->sig65, CT_SIG_LEN);
    return ct_rd_end(&r);
}

ct_err ct_op_put_approval(struct ct_op *op, const struct ct_op_approval *approval)
{
    struct ct_wr w = ct_wr_init(op->payload, sizeof op->payload);
    ct_wr_bytes(&w, approval->pending32, 32);
    ct_wr_bytes(&w, approval->digest32, 32);
    ct_wr_be16(&w, approval->expiry_day);
    op->payload_len = w.len;
    return ct_wr_end(&w);
}

ct_err ct_op_get_approval(struct ct_op_approval *out, const struct ct_op *op)
{
    struct ct_rd r = ct_rd_init(op->payload, op->payload_len);
    ct_rd_copy(&r, out->pending32, 32);
    ct_rd_copy(&r, out->digest32, 32);
    out->expiry_day = ct_rd_be16(&r);
    return ct_rd_end(&r);
}

ct_err ct_op_put_device_approval(struct ct_op *op, const struct ct_approval *approval)
{
    struct ct_wr w = ct_wr_init(op->payload, sizeof op->payload);
    ct_wr_bytes(&w, approval->id_hash32, 32);
    ct_wr_bytes(&w, approval->digest32, 32);
    op->payload_len = w.len;
    return ct_wr_end(&w);
}

ct_err ct_op_get_device_approval(struct ct_approval *out, const struct ct_op *op)
{
    struct ct_rd r = ct_rd_init(op->payload, op->payload_len);
    ct_rd_copy(&r, out->id_hash32, 32);
    ct_rd_copy(&r, out->digest32, 32);
    return ct_rd_end(&r);
}

ct_err ct_op_relay_index(uint16_t *out, const struct ct_op *op)
{
    char *end = NULL;
    unsigned long n = strtoul(op->subject, &end, 10);
    if (op->subject[0] < '1' || op->subject[0] > '9' || *end != '\0' || n > CT_RELAY_INDEX_MAX) {
        return CT_ERR_FORMAT;
    }
    *out = (uint16_t)n;
    return CT_OK;
}

/* No identity has 66 characters. */
bool ct_op_has_name(const struct ct_op *op)
{
    return strlen(op->subject) != 2 + 2 * 32;
}

ct_err ct_op_device_hash(uint8_t out32[32], const struct ct_op *op)
{
    if (ct_op_has_name(op)) {
        return ct_identity_hash(out32, op->subject) == CT_OK ? CT_OK : CT_ERR_FORMAT;
    }
    return strncmp(op->subject, "0x", 2) == 0 ? ct_unhex(out32, 32, op->subject + 2)
                                              : CT_ERR_FORMAT;
}

ct_err ct_op_call(struct ct_wr *w, const struct ct_op *op)
{
    struct ct_op_approval approval;
    struct ct_signed_self_revocation revocation;
    uint8_t id_hash[32];
    uint8_t pass_id[16];
    uint16_t index = 0;
    ct_err err = CT_ERR_ARG;
    switch (op->kind) {
    case CT_OP_APPROVE_RELAY:
        err = ct_op_get_approval(&approval, op);
        if (err == CT_OK) {
            ct_call_approve_server(w, approval.pending32, approval.digest32, approval.expiry_day);
        }
        break;
    case CT_OP_REVOKE_RELAY:
        err = ct_op_relay_index(&index, op);
        if (err == CT_OK) {
            ct_call_revoke_server(w, index);
        }
        break;
    case CT_OP_REINSTATE_RELAY:
        err = ct_op_relay_index(&index, op);
        if (err == CT_OK) {
            ct_call_reinstate_server(w, index);
        }
        break;
    case CT_OP_REVOKE_DEVICE:
        err = ct_identity_hash(id_hash, op->subject);
        if (err == CT_OK) {
            ct_call_revoke_client(w, id_hash);
        }
        break;
    case CT_OP_REVOKE_PASS:
        err = ct_unhex(pass_id, sizeof pass_id, op->subject);
        if (err == CT_OK) {
            ct_call_revoke_pass(w, pass_id);
        }
        break;
    case CT_OP_REVOKE_SELF:
        err = ct_op_get_self_revocation(&revocation, op);
        if (err == CT_OK) {
            ct_call_revoke_self(w, &revocation);
        }
        break;
    default: /* the others go in batches, or are no calls */
        break;
    }
    return err;
}

const char *ct_op_kind_text(enum ct_op_kind kind)
{
    static const char *const text[CT_OP_KINDS] = {
        [CT_OP_REGISTER] = "register_device",
        [CT_OP_APPROVE_RELAY] = "approve_relay",
        [CT_OP_REVOKE_RELAY] = "revoke_relay",
        [CT_OP_REVOKE_DEVICE] = "revoke_device",
        [CT_OP_REVOKE_PASS] = "revoke_pass",
        [CT_OP_APPROVE_DEVICE] = "approve_device",
        [CT_OP_FUND] = "fund_device",
        [CT_OP_UPDATE] = "update_device",
        [CT_OP_ROTATE] = "rotate_key",
        [CT_OP_REVOKE_SELF] = "revoke_self",
        [CT_OP_REINSTATE_RELAY] = "reinstate_relay",
        [CT_OP_ADOPT_RELAY] = "adopt_relay",
        [CT_OP_ADOPT_DEVICE] = "adopt_device",
    };
    return (unsigned)kind < CT_OP_KINDS && text[kind] != NULL ? text[kind] : "unknown";
}

const char *ct_op_state_text(enum ct_op_state state)
{
    switch (state) {
    case CT_OP_CHECKING:
    case CT_OP_QUEUED:
        return "queued";
    case CT_OP_SENT:
        return "sent";
    case CT_OP_DONE:
        return "done";
    case CT_OP_FAILED:
        return "failed";
    }
    return "failed";
}
