/* The wallet manager's API, on a chain of the test's own: which pending device is approved. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "wm_api.h"

static void add_pending_device(void)
{
    chain.has_device = true;
    chain.device = (struct ct_device){.state = CT_RECORD_PENDING,
                                      .expiry_day = (uint16_t)(today() + 50),
                                      .sequence = 1,
                                      .relay = 1,
                                      .port = 50010};
    memcpy(chain.device.wallet20, wallet.addr20, 20);
    memcpy(chain.device.key32, key32, 32);
}

static unsigned ask_approval(const char *token)
{
    char body[1024];
    (void)snprintf(body, sizeof body, "{\"token\":\"%s\"}", token);
    return ask("POST", "/v1/approvals", body);
}

static void pending_record_is_queued_with_the_digest_of_what_was_read(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    struct ct_op ops[2];
    struct ct_approval approval;
    uint8_t wanted[32];
    size_t count = 0;
    begin();
    token_text(token, 1, "sensor-42", false, 100);
    add_pending_device();
    CHECK_EQ(ask_approval(token), 202);
    CHECK_EQ(ask_approval(token), 202); /* the same operation */
    CHECK_EQ(api.store->ops->op_list(api.store, CT_OP_QUEUED, CT_OP_APPROVE_DEVICE, ops, 2, &count),
             CT_OK);
    REQUIRE(count == 1);
    CHECK_STR(ops[0].subject, "sensor-42");
    REQUIRE(ct_op_get_device_approval(&approval, &ops[0]) == CT_OK);
    CHECK_EQ(ct_identity_hash(wanted, "sensor-42"), CT_OK);
    CHECK_MEM(approval.id_hash32, wanted, 32);
    ct_device_digest(wanted, &chain.device);
    CHECK_MEM(approval.digest32, wanted, 32);
    end();
}

static void only_ones_own_pending_record_is_approved(void)
{
    static const enum ct_record_state others[] = {CT_RECORD_APPROVED, CT_RECORD_REVOKED};
    char token[CT_TOKEN_TEXT_MAX + 1];
    begin();
    token_text(token, 1, "sensor-42", false, 100);
    (void)ask_approval(token);
    CHECK(problem(409, "not-pending")); /* nothing on chain */
    add_pending_device();
    (void)ask("POST", "/v1/approvals", "{}");
    CHECK(problem(403, "not-registered")); /* a pending record is no leave */
    (void)ask("POST", "/v1/approvals", "{\"tokens\":1}");
    CHECK(problem(400, "format"));
    for (size_t i = 0; i < 2; i++) {
        chain.device.state = others[i];
        (void)ask_approval(token);
        CHECK(problem(409, "not-pending"));
    }
    add_pending_device();
    chain.device.key32[0] ^= 1;
    (void)ask_approval(token);
    CHECK(problem(403, "identity"));
    add_pending_device();
    chain.device.wallet20[0] ^= 1;
    (void)ask_approval(token);
    CHECK(problem(403, "identity"));
    end();
}

static void pending_record_that_would_not_serve_is_not_approved(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    begin();
    token_text(token, 1, "sensor-42", false, 100);
    add_pending_device();
    chain.device.expiry_day = (uint16_t)(today() + 101); /* longer than this platform allows */
    (void)ask_approval(token);
    CHECK(problem(422, "format"));
    add_pending_device();
    chain.device.port = 49999;
    (void)ask_approval(token);
    CHECK(problem(422, "relay-mismatch"));
    add_pending_device();
    chain.device.backup_relay = 2;
    (void)ask_approval(token);
    CHECK(problem(422, "relay-mismatch"));
    add_pending_device();
    chain.relay.state = CT_RECORD_REVOKED;
    (void)ask_approval(token);
    CHECK(problem(422, "relay-mismatch"));
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(pending_record_is_queued_with_the_digest_of_what_was_read),
    CT_TEST(only_ones_own_pending_record_is_approved),
    CT_TEST(pending_record_that_would_not_serve_is_not_approved),
};
CT_TEST_MAIN(tests)
