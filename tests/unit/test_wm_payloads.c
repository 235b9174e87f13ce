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

/* With what the wallet was before, and as earlier versions wrote it; nothing in between. */
static void payments_of_two_lengths_are_read_and_no_others(void)
{
    const uint8_t to[20] = {1, 2};
    const struct ct_u256 wei = ct_u256_from_u64(123456789);
    const struct ct_op_before in = {
        .is_known = true, .nonce = 1234567890123, .wei = ct_u256_from_u64(77)};
    struct ct_op_before out;
    struct ct_u256 wei_out;
    uint8_t to_out[20];
    struct ct_op op = {.kind = CT_OP_FUND};
    CHECK_EQ(ct_op_put_payment(&op, to, &wei), CT_OK);
    CHECK_EQ(op.payload_len, 20 + 32);
    CHECK_EQ(ct_op_get_before(&out, &op), CT_OK);
    CHECK(!out.is_known && out.nonce == 0 && ct_u256_is_zero(&out.wei));
    CHECK_EQ(ct_op_put_before(&op, &out), CT_OK);
    CHECK_EQ(op.payload_len, 20 + 32);
    CHECK_EQ(ct_op_put_before(&op, &in), CT_OK);
    CHECK_EQ(ct_op_get_before(&out, &op), CT_OK);
    CHECK(out.is_known && out.nonce == in.nonce && ct_u256_cmp(&out.wei, &in.wei) == 0);
    for (size_t len = 0; len <= 20 + 32 + 8 + 32 + 1; len++) {
        bool is_whole = len == 20 + 32 || len == 20 + 32 + 8 + 32;
        op.payload_len = len;
        CHECK_EQ(ct_op_get_before(&out, &op), is_whole ? CT_OK : CT_ERR_FORMAT);
        CHECK_EQ(ct_op_get_payment(to_out, &wei_out, &op), is_whole ? CT_OK : CT_ERR_FORMAT);
    }
    op.payload_len = 20 + 32 + 8 + 32;
    CHECK_EQ(ct_op_get_payment(to_out, &wei_out, &op), CT_OK);
    CHECK_MEM(to_out, to, 20);
    CHECK_EQ(ct_u256_cmp(&wei_out, &wei), 0);
    op.payload_len = sizeof op.payload - 39;
    CHECK(ct_op_put_before(&op, &in) != CT_OK);
}

static const struct ct_test tests[] = {
    CT_TEST(payloads_encode_back_to_the_same),
    CT_TEST(payments_of_two_lengths_are_read_and_no_others),
};
CT_TEST_MAIN(tests)
