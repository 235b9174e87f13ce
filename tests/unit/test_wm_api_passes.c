/* The wallet manager's API, on a chain of the test's own: who gets a pass, by which token. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "wm_api.h"

static void pass_needs_a_token_or_a_live_record(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    begin();
    CHECK_EQ(ask_pass(NULL), 403);
    CHECK(problem(403, "not-registered"));
    token_text(token, 1, "sensor-42", false, 100);
    CHECK_EQ(ask_pass(token), 201);
    register_live_device();
    CHECK_EQ(ask_pass(NULL), 201);
    chain.device.key32[0] ^= 1; /* another key: the record is not this handshake's */
    CHECK_EQ(ask_pass(NULL), 403);
    chain.device.key32[0] ^= 1;
    chain.device.expiry_day = (uint16_t)(today() - 1);
    CHECK_EQ(ask_pass(NULL), 403);
    chain.device.state = CT_RECORD_REVOKED;
    CHECK_EQ(ask_pass(NULL), 403);
    end();
}

static void issued_pass_verifies_and_is_short(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    struct ct_why why = {{0}};
    begin();
    token_text(token, 1, "sensor-", true, 100);
    CHECK_EQ(ask_pass(token), 201);
    const char *at = strstr(answer.body, "\"pass\":\"");
    REQUIRE(at != NULL);
    CHECK_EQ(ct_pass_from_username(bytes, at + 8, CT_PASS_TEXT_LEN), CT_OK);
    CHECK_EQ(ct_pass_verify(&pass, bytes, sizeof bytes, api.issuer.deployment32, api.keys, 1,
                            ct_wall_s(), &why),
             CT_OK);
    CHECK_EQ(pass.key32[0], 0x22);
    CHECK(pass.expiry_s <= ct_wall_s() + 3600);
    end();
}

static void bad_tokens_say_what_is_wrong(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    begin();
    token_text(token, 1, "sensor-43", false, 100);
    (void)ask_pass(token);
    CHECK(problem(403, "identity"));
    token_text(token, 2, "sensor-42", false, -1);
    (void)ask_pass(token);
    CHECK(problem(403, "token-expired"));
    token_text(token, 3, "sensor-42", false, 100);
    token[strlen(token) - 10] ^= 1;
    (void)ask_pass(token);
    CHECK(problem(403, "token-invalid"));
    (void)ask_pass("ctk1.x.y");
    CHECK(problem(403, "token-invalid"));
    end();
}

static void token_is_used_by_one_wallet(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    begin();
    token_text(token, 1, "sensor-", true, 100);
    CHECK_EQ(ask_pass(token), 201);
    CHECK_EQ(ask_pass(token), 201); /* the same device again */
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK);
    enrol(CT_HS_ENROL_DEVICE, "sensor-42");
    (void)ask_pass(token);
    CHECK(problem(409, "token-used"));
    enrol(CT_HS_ENROL_DEVICE, "sensor-77");
    (void)ask_pass(token);
    CHECK(problem(409, "token-used"));
    end();
}

static void refused_token_is_not_used_up(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    begin();
    token_text(token, 1, "sensor-", true, 100);
    chain.down = CT_ERR_QUORUM;
    (void)ask_pass(token);
    CHECK(problem(503, "chain-unavailable"));
    chain.down = CT_OK;
    register_live_device();
    chain.device.wallet20[0] ^= 1; /* somebody else's name */
    (void)ask_pass(token);
    CHECK(problem(409, "identity"));
    chain.has_device = false;
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK);
    enrol(CT_HS_ENROL_DEVICE, "sensor-42");
    CHECK_EQ(ask_pass(token), 201);
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(pass_needs_a_token_or_a_live_record), CT_TEST(issued_pass_verifies_and_is_short),
    CT_TEST(bad_tokens_say_what_is_wrong),        CT_TEST(token_is_used_by_one_wallet),
    CT_TEST(refused_token_is_not_used_up),
};
CT_TEST_MAIN(tests)
