/* The wallet manager's API, on a chain of the test's own: which device gets which name. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "wm-server/src/tx/held.h"
#include "wm_api.h"

static struct ct_registration terms(void)
{
    struct ct_registration r = {.relay = 1,
                                .port = 50010,
                                .expiry_day = (uint16_t)(today() + 50),
                                .sequence = 0,
                                .deadline_s = ct_wall_s() + 600};
    memcpy(r.key32, key32, 32);
    CHECK_EQ(ct_identity_hash(r.id_hash32, "sensor-42"), CT_OK);
    return r;
}

static unsigned ask_device(const struct ct_registration *r, const char *identity,
                           const struct ct_wallet *signer, const char *token)
{
    char body[2048];
    char key[67];
    char sig[133];
    uint8_t digest[32];
    uint8_t sig65[65];
    ct_registration_digest(digest, api.chain_id, api.contract20, r);
    CHECK_EQ(ct_wallet_sign(sig65, signer, digest), CT_OK);
    ct_hex0x(key, r->key32, 32);
    ct_hex0x(sig, sig65, 65);
    (void)snprintf(body, sizeof body,
                   "{\"token\":\"%s\",\"registration\":{\"identity\":\"%s\",\"key\":\"%s\","
                   "\"relay\":%u,\"port\":%u,\"backup_relay\":%u,\"backup_port\":%u,"
                   "\"expiry_day\":%u,\"sequence\":%u,\"deadline\":%llu},\"signature\":\"%s\"}",
                   token, identity, key, r->relay, r->port, r->backup_relay, r->backup_port,
                   r->expiry_day, r->sequence, (unsigned long long)r->deadline_s, sig);
    return ask("POST", "/v1/devices", body);
}

/* How many of that kind wait, and the first one's subject. */
static size_t queued(enum ct_op_kind kind, char subject[CT_OP_SUBJECT])
{
    struct ct_op ops[4];
    size_t count = 0;
    CHECK_EQ(api.store->ops->op_list(api.store, CT_OP_QUEUED, kind, ops, 4, &count), CT_OK);
    (void)snprintf(subject, CT_OP_SUBJECT, "%s", count > 0 ? ops[0].subject : "");
    return count;
}

/* The name is another wallet's, which has a pass and had a token; both are given to the caller. */
static void another_wallet_has_the_name(struct ct_pass_row *pass, struct ct_token_use *use)
{
    register_live_device();
    CHECK_EQ(ct_random(chain.device.wallet20, 20), CT_OK);
    *pass = (struct ct_pass_row){
        .id16 = {0xaa}, .identity = "sensor-42", .expires_s = ct_wall_s() + 1000};
    *use = (struct ct_token_use){.jti16 = {0xbb}, .batch = "B1", .identity = "sensor-42"};
    memcpy(pass->wallet20, chain.device.wallet20, 20);
    memcpy(use->wallet20, chain.device.wallet20, 20);
    CHECK_EQ(api.store->ops->pass_add(api.store, pass), CT_OK);
    CHECK_EQ(api.store->ops->token_use(api.store, use), CT_OK);
}

static void lost_wallet_is_replaced_by_a_token_for_the_very_name(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    char subject[CT_OP_SUBJECT];
    struct ct_pass_row old_pass;
    struct ct_token_use old_token;
    begin();
    another_wallet_has_the_name(&old_pass, &old_token);
    struct ct_registration r = terms();
    r.sequence = 3;
    token_text(token, 1, "sensor-", true, 100); /* for many names */
    CHECK_EQ(ask_device(&r, "sensor-42", &wallet, token), 409);
    CHECK(problem(409, "identity"));
    CHECK_EQ(queued(CT_OP_REVOKE_DEVICE, subject), 0);
    CHECK_EQ(api.store->ops->token_use(api.store, &old_token), CT_OK);
    token_text(token, 2, "sensor-42", false, 100);
    CHECK_EQ(ask_pass(token), 201); /* its way to the relay, before there is a record */
    CHECK_EQ(queued(CT_OP_REVOKE_DEVICE, subject), 0);
    CHECK_EQ(ask_device(&r, "sensor-42", &wallet, token), 202);
    CHECK_EQ(ask_device(&r, "sensor-42", &wallet, token), 202); /* once */
    CHECK_EQ(queued(CT_OP_REGISTER, subject), 1);
    CHECK_EQ(queued(CT_OP_REVOKE_DEVICE, subject), 1);
    CHECK_STR(subject, "sensor-42");
    CHECK_EQ(queued(CT_OP_REVOKE_PASS, subject), 1); /* the old one, not the new one */
    CHECK_STR(subject, "aa000000000000000000000000000000");
    CHECK_EQ(api.store->ops->token_use(api.store, &old_token), CT_ERR_REFUSED);
    end();
}

static void replaced_name_goes_to_nobody_else(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    char other[CT_TOKEN_TEXT_MAX + 1];
    struct ct_pass_row old_pass;
    struct ct_token_use old_token;
    begin();
    another_wallet_has_the_name(&old_pass, &old_token);
    struct ct_registration r = terms();
    r.sequence = 3;
    token_text(token, 2, "sensor-42", false, 100);
    CHECK_EQ(ask_device(&r, "sensor-42", &wallet, token), 202);
    chain.device.state = CT_RECORD_REVOKED; /* the first half is done */
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK);
    enrol(CT_HS_ENROL_DEVICE, "sensor-42");
    token_text(other, 3, "sensor-", true, 100);
    CHECK_EQ(ask_device(&r, "sensor-42", &wallet, other), 409);
    CHECK_EQ(ask_pass(other), 409);
    chain.device.state = CT_RECORD_PENDING; /* as by addClient */
    memcpy(chain.device.wallet20, wallet.addr20, 20);
    char body[1024];
    (void)snprintf(body, sizeof body, "{\"token\":\"%s\"}", other);
    CHECK_EQ(ask("POST", "/v1/approvals", body), 409);
    CHECK(problem(409, "too-many"));
    end();
}

static void registration_waits_for_the_revocation_of_the_name(void)
{
    struct ct_op ops[2] = {{.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .subject = "a"},
                           {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .subject = "b"}};
    struct ct_op next[2];
    struct ct_op revocation = {.kind = CT_OP_REVOKE_DEVICE, .state = CT_OP_QUEUED, .subject = "a"};
    begin();
    struct ct_store *s = api.store;
    CHECK_EQ(s->ops->op_add(s, &revocation), CT_OK);
    CHECK_EQ(s->ops->op_add(s, &ops[0]), CT_OK);
    CHECK_EQ(ct_ops_next(s, CT_OP_REGISTER, next, 2), 0);
    CHECK_EQ(s->ops->op_add(s, &ops[1]), CT_OK);
    REQUIRE(ct_ops_next(s, CT_OP_REGISTER, next, 2) == 1);
    CHECK_STR(next[0].subject, "b");
    REQUIRE(ct_ops_next(s, CT_OP_REGISTER, next, 1) == 1); /* behind a batch that is held whole */
    CHECK_STR(next[0].subject, "b");
    REQUIRE(ct_ops_next(s, CT_OP_REVOKE_DEVICE, next, 2) == 1); /* not for itself */
    CHECK_EQ(s->ops->op_move(s, revocation.id, CT_OP_QUEUED, CT_OP_FAILED, NULL, 0, "x"), CT_OK);
    REQUIRE(ct_ops_next(s, CT_OP_REGISTER, next, 2) == 2);
    CHECK_STR(next[0].subject, "a");
    end();
}

static void registration_is_queued_once(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    char first[CT_EXCHANGE_ANSWER_MAX];
    char path[80];
    struct ct_op ops[2];
    struct ct_signed_registration s;
    size_t count = 0;
    begin();
    token_text(token, 1, "sensor-42", false, 100);
    struct ct_registration r = terms();
    CHECK_EQ(ask_device(&r, "sensor-42", &wallet, token), 202);
    memcpy(first, answer.body, sizeof first);
    CHECK_EQ(ask_device(&r, "sensor-42", &wallet, token), 202);
    CHECK_STR(answer.body, first);
    CHECK_EQ(api.store->ops->op_list(api.store, CT_OP_QUEUED, CT_OP_REGISTER, ops, 2, &count),
             CT_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(ct_op_get_registration(&s, &ops[0]), CT_OK);
    CHECK_EQ(s.registration.port, 50010);
    (void)snprintf(path, sizeof path, "/v1/operations/%s", ops[0].id);
    CHECK_EQ(ask("GET", path, ""), 200);
    CHECK(strstr(answer.body, "\"state\":\"queued\"") != NULL);
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK);
    enrol(CT_HS_ENROL_DEVICE, "sensor-42");
    CHECK_EQ(ask("GET", path, ""), 404); /* another's */
    end();
}

static void registration_of_another_is_refused(void)
{
    struct ct_wallet stranger;
    char token[CT_TOKEN_TEXT_MAX + 1];
    begin();
    CHECK_EQ(ct_wallet_new(&stranger), CT_OK);
    token_text(token, 1, "sensor-42", false, 100);
    struct ct_registration r = terms();
    (void)ask_device(&r, "sensor-42", &stranger, token);
    CHECK(problem(403, "signature"));
    (void)ask_device(&r, "sensor-43", &wallet, token);
    CHECK(problem(403, "identity"));
    r.key32[0] ^= 1;
    (void)ask_device(&r, "sensor-42", &wallet, token);
    CHECK(problem(403, "identity"));
    end();
}

static void terms_that_the_contract_would_skip_are_refused(void)
{
    char token[CT_TOKEN_TEXT_MAX + 1];
    begin();
    token_text(token, 1, "sensor-42", false, 100);
    struct ct_registration r = terms();
    r.sequence = 1;
    (void)ask_device(&r, "sensor-42", &wallet, token);
    CHECK(problem(409, "identity"));
    r = terms();
    r.deadline_s = ct_wall_s() - 1;
    (void)ask_device(&r, "sensor-42", &wallet, token);
    CHECK(problem(422, "format"));
    r = terms();
    r.expiry_day = (uint16_t)(today() + 101);
    (void)ask_device(&r, "sensor-42", &wallet, token);
    CHECK(problem(422, "format"));
    r = terms();
    r.relay = 2;
    (void)ask_device(&r, "sensor-42", &wallet, token);
    CHECK(problem(422, "relay-mismatch"));
    r = terms();
    r.port = 49999;
    (void)ask_device(&r, "sensor-42", &wallet, token);
    CHECK(problem(422, "relay-mismatch"));
    r = terms();
    r.backup_port = 1;
    (void)ask_device(&r, "sensor-42", &wallet, token);
    CHECK(problem(422, "relay-mismatch"));
    r = terms();
    chain.relay.state = CT_RECORD_REVOKED;
    (void)ask_device(&r, "sensor-42", &wallet, token);
    CHECK(problem(422, "relay-mismatch"));
    end();
}

static void device_status_is_what_the_chain_has(void)
{
    begin();
    CHECK_EQ(ask("GET", "/v1/devices/me", ""), 200);
    CHECK(strstr(answer.body, "\"state\":\"none\",\"live\":false,\"sequence\":0") != NULL);
    register_live_device();
    CHECK_EQ(ask("GET", "/v1/devices/me", ""), 200);
    CHECK(strstr(answer.body, "\"state\":\"approved\",\"live\":true,\"sequence\":3") != NULL);
    chain.device.expiry_day = (uint16_t)(today() - 1);
    CHECK_EQ(ask("GET", "/v1/devices/me", ""), 200);
    CHECK(strstr(answer.body, "\"state\":\"approved\",\"live\":false") != NULL);
    chain.down = CT_ERR_QUORUM;
    (void)ask("GET", "/v1/devices/me", "");
    CHECK(problem(503, "chain-unavailable"));
    (void)ask("GET", "/v1/relays/1", "");
    CHECK(problem(403, "identity")); /* a device's enrolment */
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(lost_wallet_is_replaced_by_a_token_for_the_very_name),
    CT_TEST(replaced_name_goes_to_nobody_else),
    CT_TEST(registration_waits_for_the_revocation_of_the_name),
    CT_TEST(registration_is_queued_once),
    CT_TEST(registration_of_another_is_refused),
    CT_TEST(terms_that_the_contract_would_skip_are_refused),
    CT_TEST(device_status_is_what_the_chain_has),
};
CT_TEST_MAIN(tests)
