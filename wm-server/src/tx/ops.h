/* The payloads of operations: what txmgr turns into calls of the contract. */
#ifndef CT_WM_OPS_H
#define CT_WM_OPS_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "chain/registry_client.h"
#include "chain/u256.h"
#include "store/store.h"

/* Registration: id hash 32, key 32, six uint16, deadline 8, signature 65. */
CT_MUST_USE ct_err ct_op_put_registration(struct ct_op *op,
                                          const struct ct_signed_registration *signed_);
CT_MUST_USE ct_err ct_op_get_registration(struct ct_signed_registration *out,
                                          const struct ct_op *op);

/* Approval of a relay: what was checked, and by when it ends. digest all zero: not checked yet. */
struct ct_op_approval {
    uint8_t pending32[32];
    uint8_t digest32[32];
    uint16_t expiry_day;
};
CT_MUST_USE ct_err ct_op_put_approval(struct ct_op *op, const struct ct_op_approval *approval);
CT_MUST_USE ct_err ct_op_get_approval(struct ct_op_approval *out, const struct ct_op *op);

/* Approval of a pending device: id hash 32, digest 32. */
CT_MUST_USE ct_err ct_op_put_device_approval(struct ct_op *op, const struct ct_approval *approval);
CT_MUST_USE ct_err ct_op_get_device_approval(struct ct_approval *out, const struct ct_op *op);

/* A payment: wallet 20, amount 32; then what follows. */
CT_MUST_USE ct_err ct_op_put_payment(struct ct_op *op, const uint8_t to20[20],
                                     const struct ct_u256 *wei);
CT_MUST_USE ct_err ct_op_get_payment(uint8_t to20[20], struct ct_u256 *wei, const struct ct_op *op);

/* What the wallet was when the payment was promised: nonce 8, balance 32. Those that an earlier
 * version promised lack it. */
struct ct_op_before {
    bool is_known;
    uint64_t nonce;
    struct ct_u256 wei;
};
/* Behind what ct_op_put_payment() wrote; nothing when it is not known. */
CT_MUST_USE ct_err ct_op_put_before(struct ct_op *op, const struct ct_op_before *before);
CT_MUST_USE ct_err ct_op_get_before(struct ct_op_before *out, const struct ct_op *op);

/* Signed changes: the fields in the order of the signed type, and the signature. */
CT_MUST_USE ct_err ct_op_put_update(struct ct_op *op, const struct ct_signed_client_update *s);
CT_MUST_USE ct_err ct_op_get_update(struct ct_signed_client_update *out, const struct ct_op *op);
CT_MUST_USE ct_err ct_op_put_rotation(struct ct_op *op, const struct ct_signed_key_rotation *s);
CT_MUST_USE ct_err ct_op_get_rotation(struct ct_signed_key_rotation *out, const struct ct_op *op);
CT_MUST_USE ct_err ct_op_put_self_revocation(struct ct_op *op,
                                             const struct ct_signed_self_revocation *s);
CT_MUST_USE ct_err ct_op_get_self_revocation(struct ct_signed_self_revocation *out,
                                             const struct ct_op *op);

/* The index of a relay to revoke, from the subject. CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_op_relay_index(uint16_t *out, const struct ct_op *op);

/* Of a device to take over, from the subject. CT_ERR_FORMAT. */
CT_MUST_USE ct_err ct_op_device_hash(uint8_t out32[32], const struct ct_op *op);
/* Is the subject a name, not a hash? */
bool ct_op_has_name(const struct ct_op *op);

/* The call data of one operation that is a call of its own; for calls.c. */
CT_MUST_USE ct_err ct_op_call(struct ct_wr *w, const struct ct_op *op);

const char *ct_op_kind_text(enum ct_op_kind kind);
/* As docs/protocol.md 7 has it: a checked one is "queued", too. */
const char *ct_op_state_text(enum ct_op_state state);

#endif
