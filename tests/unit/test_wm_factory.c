/* Factory credentials at the wallet manager's API: exchanged for one token a name, and counted. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "wm_api.h"

static char factory[CT_TOKEN_TEXT_MAX + 1];
static char token[CT_TOKEN_TEXT_MAX + 1]; /* of the last answer */

static void factory_text(uint32_t count, int64_t lasts_s)
{
    struct ct_token t = {.key_id = 1, .batch = "F1", .is_prefix = true, .count = count};
    memset(t.jti16, 0xf1, sizeof t.jti16);
    t.expiry_s = (uint64_t)((int64_t)ct_wall_s() + lasts_s);
    t.max_gas = 70000;
    (void)snprintf(t.identity, sizeof t.identity, "sensor-");
    CHECK_EQ(ct_token_sign(factory, sizeof factory, &t, &pass_key), CT_OK);
}

static unsigned exchange(const char *identity)
{
    char body[1024];
    (void)snprintf(body, sizeof body, "{\"factory\":\"%s\"%s%s%s}", factory,
                   identity == NULL ? "" : ",\"identity\":\"", identity == NULL ? "" : identity,
                   identity == NULL ? "" : "\"");
    unsigned status = ask("POST", "/v1/tokens", body);
    const char *at = strstr(answer.body, "\"token\":\"");
    token[0] = '\0';
    if (at != NULL) {
        (void)snprintf(token, sizeof token, "%.*s", (int)strcspn(at + 9, "\""), at + 9);
    }
    return status;
}

static void device_gets_its_token_and_the_same_one_again(void)
{
    char first[CT_TOKEN_TEXT_MAX + 1];
    struct ct_token t = {.key_id = 0};
    begin();
    factory_text(2, 100);
    CHECK_EQ(exchange(NULL), 201);
    memcpy(first, token, sizeof first);
    REQUIRE(ct_token_parse(&t, first, strlen(first)) == CT_OK);
    CHECK(t.is_minted && t.max_gas == 70000 && !t.is_prefix);
    CHECK_STR(t.identity, "sensor-42");
    CHECK_EQ(exchange(NULL), 201);
    CHECK_STR(first, token);
    CHECK_EQ(exchange("sensor-43"), 201); /* as the factory's line asks */
    CHECK(strcmp(first, token) != 0);
    (void)exchange("sensor-44");
    CHECK(problem(409, "factory-used-up"));
    CHECK_EQ(exchange("sensor-43"), 201); /* it was counted already */
    CHECK_EQ(ask_pass(first), 201);
    CHECK_EQ(exchange(NULL), 201); /* used, and asked for once more */
    CHECK_EQ(ask_pass(token), 201);
    end();
}

static void factory_credential_itself_admits_nobody(void)
{
    begin();
    factory_text(2, 100);
    (void)ask_pass(factory);
    CHECK(problem(403, "token-invalid"));
    token_text(token, 1, "sensor-", true, 100); /* and a token is no credential */
    memcpy(factory, token, sizeof factory);
    (void)exchange(NULL);
    CHECK(problem(403, "token-invalid"));
    end();
}

static void bad_credentials_say_what_is_wrong(void)
{
    begin();
    factory_text(2, -1);
    (void)exchange(NULL);
    CHECK(problem(403, "token-expired"));
    factory_text(2, 100);
    (void)exchange("door-7");
    CHECK(problem(403, "identity"));
    (void)exchange("sensor-");
    CHECK(problem(403, "identity"));
    (void)exchange("sensor 7");
    CHECK(problem(400, "format"));
    factory[strlen(factory) - 10] ^= 1;
    (void)exchange(NULL);
    CHECK(problem(403, "token-invalid"));
    (void)ask("POST", "/v1/tokens", "{}");
    CHECK(problem(400, "format"));
    enrol(CT_HS_ENROL_RELAY, "relay:0011223344556677");
    factory_text(2, 100);
    (void)exchange(NULL);
    CHECK(problem(403, "identity"));
    end();
}

static void withdrawn_credential_and_what_it_made_are_refused(void)
{
    uint8_t number[16];
    char made[CT_TOKEN_TEXT_MAX + 1];
    begin();
    factory_text(5, 100);
    CHECK_EQ(exchange(NULL), 201);
    memcpy(made, token, sizeof made);
    memset(number, 0xf1, sizeof number);
    CHECK_EQ(api.store->ops->token_withdraw_one(api.store, number, "F1", 1), CT_OK);
    (void)exchange("sensor-50");
    CHECK(problem(403, "token-invalid"));
    (void)ask_pass(made);
    CHECK(problem(403, "token-invalid"));
    end();
}

/* Whoever has the credential could have a token made for any name of the fleet. */
static void minted_token_takes_no_name_from_another_wallet(void)
{
    char made[CT_TOKEN_TEXT_MAX + 1];
    begin();
    factory_text(5, 100);
    CHECK_EQ(exchange(NULL), 201);
    memcpy(made, token, sizeof made);
    register_live_device();
    chain.device.wallet20[0] ^= 1;
    (void)ask_pass(made);
    CHECK(problem(409, "identity"));
    (void)exchange(NULL);
    CHECK(problem(409, "registered"));
    token_text(made, 9, "sensor-42", false, 100); /* the platform's own does */
    CHECK_EQ(ask_pass(made), 201);
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(device_gets_its_token_and_the_same_one_again),
    CT_TEST(factory_credential_itself_admits_nobody),
    CT_TEST(bad_credentials_say_what_is_wrong),
    CT_TEST(withdrawn_credential_and_what_it_made_are_refused),
    CT_TEST(minted_token_takes_no_name_from_another_wallet),
};

CT_TEST_MAIN(tests)
