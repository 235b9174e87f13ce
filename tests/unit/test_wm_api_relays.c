/* The wallet manager's API, on a chain of the test's own: whose relay it is. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "wm_api.h"

static unsigned ask_relay(const uint8_t salt32[32], uint8_t flip)
{
    uint8_t id[32];
    char body[512], pending[67], owner[43], salt[67];
    ct_registry_pending_id(id, wallet.addr20, salt32);
    id[0] ^= flip;
    ct_hex0x(pending, id, 32);
    ct_hex0x(owner, wallet.addr20, 20);
    ct_hex0x(salt, salt32, 32);
    (void)snprintf(body, sizeof body, "{\"pending_id\":\"%s\",\"owner\":\"%s\",\"salt\":\"%s\"}",
                   pending, owner, salt);
    return ask("POST", "/v1/relays", body);
}

static void enrol_relay(const uint8_t salt32[32])
{
    uint8_t id[32];
    char digits[17];
    char name[32];
    ct_registry_pending_id(id, wallet.addr20, salt32);
    ct_hex(digits, id, 8);
    (void)snprintf(name, sizeof name, CT_ENROLMENT_RELAY_PREFIX "%s", digits);
    enrol(CT_HS_ENROL_RELAY, name);
}

static void relay_proposal_must_be_its_own(void)
{
    static const uint8_t salt[32] = {1};
    static const uint8_t other_salt[32] = {2};
    begin();
    enrol_relay(salt);
    CHECK_EQ(ask_relay(salt, 0), 404); /* nothing on chain yet */
    chain.pending = (struct ct_relay){.state = CT_RECORD_PENDING,
                                      .listen_port = 3478,
                                      .port_min = 50000,
                                      .port_max = 50999,
                                      .listen_ip4 = {198, 51, 100, 11},
                                      .relay_ip4 = {198, 51, 100, 11}};
    memcpy(chain.pending.owner20, wallet.addr20, 20);
    memcpy(chain.pending.key32, key32, 32);
    (void)ask_relay(salt, 1);
    CHECK(problem(400, "format"));
    (void)ask_relay(other_salt, 0);
    CHECK(problem(403, "identity"));
    chain.pending.key32[0] ^= 1;
    (void)ask_relay(salt, 0);
    CHECK(problem(403, "relay-mismatch"));
    chain.pending.key32[0] ^= 1;
    chain.pending.listen_ip4[0] = 127; /* no test traffic to this host */
    (void)ask_relay(salt, 0);
    CHECK(problem(422, "relay-mismatch"));
    chain.pending.listen_ip4[0] = 198;
    CHECK_EQ(ask_relay(salt, 0), 202);
    CHECK_EQ(ask_pass(NULL), 403); /* a relay gets no pass */
    end();
}

static void relay_status_is_for_its_owner(void)
{
    static const uint8_t salt[32] = {1};
    char path[100] = "/v1/relays/";
    uint8_t pending[32];
    begin();
    enrol_relay(salt);
    ct_registry_pending_id(pending, wallet.addr20, salt);
    ct_hex0x(path + strlen(path), pending, sizeof pending);
    CHECK_EQ(ask("GET", path, ""), 200);
    CHECK_STR(answer.body, "{\"state\":\"none\",\"live\":false}");
    chain.pending.state = CT_RECORD_PENDING;
    struct ct_relay_row row = {.checked_s = 7, .rtt_us = 800, .verdict = "it said \"no\""};
    memcpy(row.pending32, pending, sizeof pending);
    CHECK_EQ(api.store->ops->relay_put(api.store, &row), CT_OK);
    CHECK_EQ(ask("GET", path, ""), 200);
    CHECK(strstr(answer.body, "\"state\":\"pending\"") != NULL);
    CHECK(strstr(answer.body, "\"rtt_us\":800,\"verdict\":\"it said \\\"no\\\"\"") != NULL);
    char *digit = &path[strlen(path) - 60];
    *digit = *digit == '0' ? '1' : '0'; /* another's */
    CHECK_EQ(ask("GET", path, ""), 404);
    CHECK_EQ(ask("GET", "/v1/relays/1", ""), 404);
    memcpy(chain.relay.owner20, wallet.addr20, 20);
    CHECK_EQ(ask("GET", "/v1/relays/1", ""), 200);
    CHECK(strstr(answer.body, "\"state\":\"approved\",\"live\":true,\"index\":1") != NULL);
    CHECK_EQ(ask("GET", "/v1/relays/2", ""), 404);
    CHECK_EQ(ask("GET", "/v1/relays/99999", ""), 400);
    CHECK_EQ(ask("GET", "/v1/relays/", ""), 404);
    CHECK_EQ(ask("GET", "/v1/relays/1/2", ""), 404);
    end();
}

static void withdrawal_is_for_the_owner_of_an_approved_relay(void)
{
    static const uint8_t salt[32] = {1};
    struct ct_op op;
    size_t count = 0;
    begin();
    (void)ask("POST", "/v1/withdrawals", "{\"relay\":1}");
    CHECK(problem(403, "identity")); /* a device's enrolment */
    enrol_relay(salt);
    (void)ask("POST", "/v1/withdrawals", "{\"relay\":1}");
    CHECK(problem(404, "not-found")); /* another's */
    (void)ask("POST", "/v1/withdrawals", "{\"relay\":\"1\"}");
    CHECK(problem(400, "format"));
    memcpy(chain.relay.owner20, wallet.addr20, 20);
    chain.relay.state = CT_RECORD_WITHDRAWN;
    (void)ask("POST", "/v1/withdrawals", "{\"relay\":1}");
    CHECK(problem(409, "not-approved"));
    chain.relay.state = CT_RECORD_APPROVED;
    CHECK_EQ(ask("POST", "/v1/withdrawals", "{\"relay\":1}"), 202);
    CHECK_EQ(api.store->ops->op_list(api.store, CT_OP_QUEUED, CT_OP_REVOKE_RELAY, &op, 1, &count),
             CT_OK);
    REQUIRE(count == 1);
    CHECK_STR(op.subject, "1");
    CHECK_MEM(op.wallet20, wallet.addr20, 20);
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(relay_proposal_must_be_its_own),
    CT_TEST(relay_status_is_for_its_owner),
    CT_TEST(withdrawal_is_for_the_owner_of_an_approved_relay),
};
CT_TEST_MAIN(tests)
