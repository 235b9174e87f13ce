/* Signed changes: the record has what was signed, or has moved on from it. */
#include "tx/judge.h"

#include <string.h>

#include "tx/ops.h"

struct change {
    uint8_t id_hash32[32];
    uint16_t sequence;
    bool holds; /* the record has what was signed */
};

static ct_err read_change(struct change *out, const struct ct_op *op, const struct ct_device *d)
{
    struct ct_signed_client_update u;
    struct ct_signed_key_rotation k;
    ct_err err = CT_ERR_ARG;
    if (op->kind == CT_OP_UPDATE && (err = ct_op_get_update(&u, op)) == CT_OK) {
        memcpy(out->id_hash32, u.update.id_hash32, 32);
        out->sequence = u.update.sequence;
        out->holds = d->relay == u.update.relay && d->port == u.update.port &&
                     d->backup_relay == u.update.backup_relay &&
                     d->backup_port == u.update.backup_port;
    } else if (op->kind == CT_OP_ROTATE && (err = ct_op_get_rotation(&k, op)) == CT_OK) {
        memcpy(out->id_hash32, k.rotation.id_hash32, 32);
        out->sequence = k.rotation.sequence;
        out->holds = memcmp(d->key32, k.rotation.key32, 32) == 0;
    }
    return err;
}

static ct_err judge_self_revocation(const struct ct_judge *j, const struct ct_op *op,
                                    struct ct_op_end *end)
{
    struct ct_signed_self_revocation r;
    struct ct_device d;
    ct_err err = ct_op_get_self_revocation(&r, op);
    if (err == CT_OK) {
        err = ct_judge_device(j, r.revocation.id_hash32, &d);
    }
    if (err == CT_OK) {
        bool gone = d.state != CT_RECORD_APPROVED || memcmp(d.wallet20, op->wallet20, 20) != 0;
        ct_judge_end(end, op, gone ? CT_OP_DONE : CT_OP_FAILED,
                     gone ? "" : "the record is approved again or still");
    }
    return err;
}

ct_err ct_judge_change(const struct ct_judge *j, const struct ct_op *op, struct ct_op_end *end)
{
    struct change c = {.sequence = 0};
    struct ct_device d = {.state = CT_RECORD_NONE};
    if (op->kind == CT_OP_REVOKE_SELF) {
        return judge_self_revocation(j, op, end);
    }
    ct_err err = read_change(&c, op, &d);
    if (err == CT_OK) {
        err = ct_judge_device(j, c.id_hash32, &d);
    }
    if (err == CT_OK) {
        err = read_change(&c, op, &d);
    }
    if (err != CT_OK) {
        return err;
    }
    bool is_own = memcmp(d.wallet20, op->wallet20, 20) == 0;
    if (ct_judge_was_skipped(j, c.id_hash32) || !is_own || d.sequence <= c.sequence ||
        (d.sequence == c.sequence + 1 && !c.holds)) {
        ct_judge_skipped(j, op, c.id_hash32, "the contract holds another record of this name", end);
        return CT_OK;
    }
    ct_judge_end(end, op, CT_OP_DONE, "");
    return ct_judge_keep(j, op, &d);
}
