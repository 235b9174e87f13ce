/* Operations as transactions: batches of one kind, single calls, and plain payments. */
#include "tx/calls.h"

#include <stdlib.h>
#include <string.h>

#include "chain/registry_moves.h"
#include "tx/ops.h"

/* Revocations come first: what they end harms somebody. */
static const struct ct_lane approver_items[] = {
    {CT_OP_REVOKE_DEVICE, false}, {CT_OP_REVOKE_RELAY, false},    {CT_OP_REVOKE_PASS, false},
    {CT_OP_REVOKE_SELF, false},   {CT_OP_REINSTATE_RELAY, false}, {CT_OP_APPROVE_RELAY, false},
    {CT_OP_ROTATE, true},         {CT_OP_UPDATE, true},           {CT_OP_APPROVE_DEVICE, true},
    {CT_OP_REGISTER, true},       {CT_OP_ADOPT_RELAY, true},      {CT_OP_ADOPT_DEVICE, true},
};
static const struct ct_lane funder_items[] = {{CT_OP_FUND, false}};

const struct ct_lanes ct_lanes_approver = {approver_items,
                                           sizeof approver_items / sizeof approver_items[0]};
const struct ct_lanes ct_lanes_funder = {funder_items,
                                         sizeof funder_items / sizeof funder_items[0]};

static ct_err write_registrations(struct ct_wr *w, const struct ct_op *ops, size_t count)
{
    struct ct_signed_registration batch[CT_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ct_err err = ct_op_get_registration(&batch[i], &ops[i]);
        if (err != CT_OK) {
            return err;
        }
    }
    ct_call_register_clients(w, batch, count);
    return CT_OK;
}

static ct_err write_approvals(struct ct_wr *w, const struct ct_op *ops, size_t count)
{
    struct ct_approval batch[CT_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ct_err err = ct_op_get_device_approval(&batch[i], &ops[i]);
        if (err != CT_OK) {
            return err;
        }
    }
    ct_call_approve_clients(w, batch, count);
    return CT_OK;
}

static ct_err write_updates(struct ct_wr *w, const struct ct_op *ops, size_t count)
{
    struct ct_signed_client_update batch[CT_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ct_err err = ct_op_get_update(&batch[i], &ops[i]);
        if (err != CT_OK) {
            return err;
        }
    }
    ct_call_update_allocations(w, batch, count);
    return CT_OK;
}

static ct_err write_rotations(struct ct_wr *w, const struct ct_op *ops, size_t count)
{
    struct ct_signed_key_rotation batch[CT_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ct_err err = ct_op_get_rotation(&batch[i], &ops[i]);
        if (err != CT_OK) {
            return err;
        }
    }
    ct_call_rotate_keys(w, batch, count);
    return CT_OK;
}

static ct_err write_relays_taken_over(struct ct_wr *w, const struct ct_op *ops, size_t count)
{
    uint16_t indices[CT_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ct_err err = ct_op_relay_index(&indices[i], &ops[i]);
        if (err != CT_OK) {
            return err;
        }
    }
    ct_call_adopt_servers(w, indices, count);
    return CT_OK;
}

static ct_err write_devices_taken_over(struct ct_wr *w, const struct ct_op *ops, size_t count)
{
    uint8_t hashes[CT_BATCH_MAX][32];
    for (size_t i = 0; i < count; i++) {
        ct_err err = ct_op_device_hash(hashes[i], &ops[i]);
        if (err != CT_OK) {
            return err;
        }
    }
    ct_call_adopt_clients(w, (const uint8_t(*)[32])hashes, count);
    return CT_OK;
}

static ct_err write_data(struct ct_wr *w, const struct ct_op *ops, size_t count)
{
    switch (ops[0].kind) {
    case CT_OP_REGISTER:
        return write_registrations(w, ops, count);
    case CT_OP_APPROVE_DEVICE:
        return write_approvals(w, ops, count);
    case CT_OP_UPDATE:
        return write_updates(w, ops, count);
    case CT_OP_ROTATE:
        return write_rotations(w, ops, count);
    case CT_OP_ADOPT_RELAY:
        return write_relays_taken_over(w, ops, count);
    case CT_OP_ADOPT_DEVICE:
        return write_devices_taken_over(w, ops, count);
    default:
        return ct_op_call(w, &ops[0]);
    }
}

ct_err ct_call_write(struct ct_call *out, const struct ct_op *ops, size_t count,
                     const uint8_t contract20[20])
{
    if (count == 0 || count > CT_BATCH_MAX) {
        return CT_ERR_ARG;
    }
    out->data_len = 0;
    out->value_wei = ct_u256_from_u64(0);
    if (ops[0].kind == CT_OP_FUND) {
        return ct_op_get_payment(out->to20, &out->value_wei, &ops[0]);
    }
    memcpy(out->to20, contract20, sizeof out->to20);
    struct ct_wr w = ct_wr_init(out->data, sizeof out->data);
    ct_err err = write_data(&w, ops, count);
    out->data_len = w.len;
    return err == CT_OK ? ct_wr_end(&w) : err;
}
