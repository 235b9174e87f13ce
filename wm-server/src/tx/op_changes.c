/* Payments and what devices signed to change, as the payloads of operations. */
#include "tx/ops.h"

ct_err ct_op_put_payment(struct ct_op *op, const uint8_t to20[20], const struct ct_u256 *wei)
{
    struct ct_wr w = ct_wr_init(op->payload, sizeof op->payload);
    ct_wr_bytes(&w, to20, 20);
    ct_wr_bytes(&w, wei->be, sizeof wei->be);
    op->payload_len = w.len;
    return ct_wr_end(&w);
}

static ct_err read_payment(uint8_t to20[20], struct ct_u256 *wei, struct ct_op_before *before,
                           const struct ct_op *op)
{
    struct ct_rd r = ct_rd_init(op->payload, op->payload_len);
    ct_rd_copy(&r, to20, 20);
    ct_rd_copy(&r, wei->be, sizeof wei->be);
    *before = (struct ct_op_before){.is_known = r.left > 0};
    if (before->is_known) {
        before->nonce = ct_rd_be64(&r);
        ct_rd_copy(&r, before->wei.be, sizeof before->wei.be);
    }
    return ct_rd_end(&r);
}

ct_err ct_op_get_payment(uint8_t to20[20], struct ct_u256 *wei, const struct ct_op *op)
{
    struct ct_op_before before;
    return read_payment(to20, wei, &before, op);
}

ct_err ct_op_put_before(struct ct_op *op, const struct ct_op_before *before)
{
    if (!before->is_known) {
        return CT_OK;
    }
    struct ct_wr w =
        ct_wr_init(op->payload + op->payload_len, sizeof op->payload - op->payload_len);
    ct_wr_be64(&w, before->nonce);
    ct_wr_bytes(&w, before->wei.be, sizeof before->wei.be);
    op->payload_len += w.len;
    return ct_wr_end(&w);
}

ct_err ct_op_get_before(struct ct_op_before *out, const struct ct_op *op)
{
    uint8_t to20[20];
    struct ct_u256 wei;
    return read_payment(to20, &wei, out, op);
}

ct_err ct_op_put_update(struct ct_op *op, const struct ct_signed_client_update *s)
{
    const struct ct_client_update *u = &s->update;
    struct ct_wr w = ct_wr_init(op->payload, sizeof op->payload);
    ct_wr_bytes(&w, u->id_hash32, 32);
    ct_wr_be16(&w, u->relay);
    ct_wr_be16(&w, u->port);
    ct_wr_be16(&w, u->backup_relay);
    ct_wr_be16(&w, u->backup_port);
    ct_wr_be16(&w, u->sequence);
    ct_wr_be64(&w, u->deadline_s);
    ct_wr_bytes(&w, s->sig65, CT_SIG_LEN);
    op->payload_len = w.len;
    return ct_wr_end(&w);
}

ct_err ct_op_get_update(struct ct_signed_client_update *out, const struct ct_op *op)
{
    struct ct_client_update *u = &out->update;
    struct ct_rd r = ct_rd_init(op->payload, op->payload_len);
    ct_rd_copy(&r, u->id_hash32, 32);
    u->relay = ct_rd_be16(&r);
    u->port = ct_rd_be16(&r);
    u->backup_relay = ct_rd_be16(&r);
    u->backup_port = ct_rd_be16(&r);
    u->sequence = ct_rd_be16(&r);
    u->deadline_s = ct_rd_be64(&r);
    ct_rd_copy(&r, out->sig65, CT_SIG_LEN);
    return ct_rd_end(&r);
}

ct_err ct_op_put_rotation(struct ct_op *op, const struct ct_signed_key_rotation *s)
{
    struct ct_wr w = ct_wr_init(op->payload, sizeof op->payload);
    ct_wr_bytes(&w, s->rotation.id_hash32, 32);
    ct_wr_bytes(&w, s->rotation.key32, 32);
    ct_wr_be16(&w, s->rotation.sequence);
    ct_wr_be64(&w, s->rotation.deadline_s);
    ct_wr_bytes(&w, s->sig65, CT_SIG_LEN);
    op->payload_len = w.len;
    return ct_wr_end(&w);
}

ct_err ct_op_get_rotation(struct ct_signed_key_rotation *out, const struct ct_op *op)
{
    struct ct_rd r = ct_rd_init(op->payload, op->payload_len);
    ct_rd_copy(&r, out->rotation.id_hash32, 32);
    ct_rd_copy(&r, out->rotation.key32, 32);
    out->rotation.sequence = ct_rd_be16(&r);
    out->rotation.deadline_s = ct_rd_be64(&r);
    ct_rd_copy(&r, out->sig65, CT_SIG_LEN);
    return ct_rd_end(&r);
}

ct_err ct_op_put_self_revocation(struct ct_op *op, const struct ct_signed_self_revocation *s)
{
    struct ct_wr w = ct_wr_init(op->payload, sizeof op->payload);
    ct_wr_bytes(&w, s->revocation.id_hash32, 32);
    ct_wr_be16(&w, s->revocation.sequence);
    ct_wr_be64(&w, s->revocation.deadline_s);
    ct_wr_bytes(&w, s->sig65, CT_SIG_LEN);
    op->payload_len = w.len;
    return ct_wr_end(&w);
}

ct_err ct_op_get_self_revocation(struct ct_signed_self_revocation *out, const struct ct_op *op)
{
    struct ct_rd r = ct_rd_init(op->payload, op->payload_len);
    ct_rd_copy(&r, out->revocation.id_hash32, 32);
    out->revocation.sequence = ct_rd_be16(&r);
    out->revocation.deadline_s = ct_rd_be64(&r);
    ct_rd_copy(&r, out->sig65, CT_SIG_LEN);
    return ct_rd_end(&r);
}
