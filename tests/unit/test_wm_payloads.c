/* What operations carry: it encodes back to the same. */
/* links: ct_wmserver ct_chain ct_base */
#include "ct_test.h"
#include "wm-server/src/tx/ops.h"

static void payloads_encode_back_to_the_same(void)
{
    struct ct_signed_registration in = {.registration = {.id_hash32 = {1},
                                                         .key32 = {2},
                                                         .relay = 3,
                                                         .port = 50000,
                                                         .backup_relay = 4,
                                                         .backup_port = 50001,
                                                         .expiry_day = 20000,
                                                         .sequence = 9,
                                                         .deadline_s = 1234567890123}};
    struct ct_signed_registration out;
    struct ct_op op = {.kind = CT_OP_REGISTER};
    memset(in.sig65, 0x5a, sizeof in.sig65);
    CHECK_EQ(ct_op_put_registration(&op, &in), CT_OK);
    CHECK_EQ(ct_op_get_registration(&out, &op), CT_OK);
    CHECK_EQ(out.registration.deadline_s, in.registration.deadline_s);
    CHECK_EQ(out.registration.sequence, 9);
    CHECK_MEM(out.sig65, in.sig65, sizeof in.sig65);
    op.payload_len--;
    CHECK_EQ(ct_op_get_registration(&out, &op), CT_ERR_FORMAT);
    struct ct_u256 wei = ct_u256_from_u64(123456789);
    struct ct_u256 wei_out;
    uint8_t to[20];
    CHECK_EQ(ct_op_put_payment(&op, in.sig65, &wei), CT_OK);
    CHECK_EQ(ct_op_get_payment(to, &wei_out, &op), CT_OK);
    CHECK_MEM(to, in.sig65, 20);
    CHECK_EQ(ct_u256_cmp(&wei, &wei_out), 0);
    op.payload_len--;
    CHECK_EQ(ct_op_get_payment(to, &wei_out, &op), CT_ERR_FORMAT);
    uint8_t hash[32] = {0}, want[32] = {0};
    (void)snprintf(op.subject, sizeof op.subject, "sensor-42");
    CHECK(ct_op_has_name(&op) && ct_op_device_hash(hash, &op) == CT_OK);
    CHECK_EQ(ct_identity_hash(want, "sensor-42"), CT_OK);
    CHECK_MEM(hash, want, 32);
    (void)snprintf(op.subject, sizeof op.subject, "0x%064x", 0xbeef); /* a name nobody knows */
    CHECK(!ct_op_has_name(&op) && ct_op_device_hash(hash, &op) == CT_OK);
    CHECK(hash[30] == 0xbe && hash[31] == 0xef && hash[0] == 0);
    op.subject[10] = 'g';
    CHECK_EQ(ct_op_device_hash(hash, &op), CT_ERR_FORMAT);
    op.subject[1] = 'y';
    CHECK_EQ(ct_op_device_hash(hash, &op), CT_ERR_FORMAT);
    uint16_t index = 0;
    (void)snprintf(op.subject, sizeof op.subject, "16384");
    CHECK_EQ(ct_op_relay_index(&index, &op), CT_ERR_FORMAT);
    (void)snprintf(op.subject, sizeof op.subject, "07");
    CHECK_EQ(ct_op_relay_index(&index, &op), CT_ERR_FORMAT);
    (void)snprintf(op.subject, sizeof op.subject, "16383");
    CHECK_EQ(ct_op_relay_index(&index, &op), CT_OK);
    CHECK_EQ(index, 16383);
}

static const struct ct_test tests[] = {
    CT_TEST(payloads_encode_back_to_the_same),
};
CT_TEST_MAIN(tests)
