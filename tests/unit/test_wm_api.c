/* The wallet manager's API on a chain of the test's own: who gets a pass, who is registered. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "wm-server/src/tx/held.h"
#include "wm_api.h"

static unsigned ask_pass(const char *token)
{
    char body[1024];
    char key[44];
    uint8_t pass[32];
    memset(pass, 0x22, sizeof pass);
    ct_base64url(key, pass, sizeof pass);
    (void)snprintf(body, sizeof body, "{\"pass_key\":\"%s\"%s%s%s}", key,
                   token == NULL ? "" : ",\"token\":\"", token == NULL ? "" : token,
                   token == NULL ? "" : "\"");
    return ask("POST", "/v1/passes", body);
}

static void session_of_a_stranger_is_refused(void)
{
    begin();
    memset(sid, '0', 32);
    CHECK_EQ(ask("GET", "/v1/me", ""), 401);
    (void)snprintf(sid, sizeof sid, "nonsense");
    CHECK_EQ(ask("GET", "/v1/me", ""), 401);
    CHECK(problem(401, "identity"));
    end();
}

static void me_says_who_enrolled(void)
{
    begin();
    CHECK_EQ(ask("GET", "/v1/me", ""), 200);
    CHECK(strstr(answer.body, "\"identity\":\"sensor-42\"") != NULL);
    CHECK(strstr(answer.body, "\"purpose\":\"enrol device\"") != NULL);
    CHECK_EQ(ask("GET", "/v1/nothing", ""), 404);
    CHECK_EQ(ask("GET", "/v1/passes", ""), 405);
    end();
}

static char logged[512];

static void keep_line(enum ct_log_level level, const char *line, void *arg)
{
    (void)level;
    (void)arg;
    (void)snprintf(logged, sizeof logged, "%s", line);
}

static void path_cannot_forge_fields_of_the_log(void)
{
    begin();
    api.log = (struct ct_log){.sink = keep_line, .max = CT_LOG_DEBUG};
    CHECK_EQ(ask("POST", "/v1/x status=201 id=root", ""), 404);
    CHECK_STR(logged, "request id=sensor-42 method=POST path=? status=404");
    end();
}

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

static void bodies_are_strict(void)
{
    begin();
    (void)ask("POST", "/v1/passes", "");
    CHECK(problem(400, "format"));
    (void)ask("POST", "/v1/passes", "[]");
    CHECK(problem(400, "format"));
    (void)ask("POST", "/v1/passes", "{\"pass_key\":\"AAAA\"}");
    CHECK(problem(400, "format"));
    (void)ask("POST", "/v1/passes", "{\"pass_key\":7}");
    CHECK(problem(400, "format"));
    (void)ask("POST", "/v1/passes", "{\"pas_key\":\"AAAA\"}");
    CHECK(problem(400, "format"));
    (void)ask("POST", "/v1/passes", "{\"token\":\"a\",\"token\":\"b:\\\":\"}");
    CHECK(problem(400, "format"));
    CHECK(strstr(answer.body, "twice") != NULL);
    (void)ask("POST", "/v1/devices", "{\"registration\":{\"port\":1,\"port\":2}}");
    CHECK(strstr(answer.body, "twice") != NULL);
    (void)ask("POST", "/v1/passes", "{\"token\":\"a:b,\\\"c\\\":\"}");
    CHECK(strstr(answer.body, "twice") == NULL);
    (void)ask("POST", "/v1/devices", "{\"registration\":{}}");
    CHECK(problem(400, "format"));
    (void)ask("POST", "/v1/relays", "{}");
    CHECK(problem(403, "identity")); /* a device's enrolment */
    end();
}

/* ---- registrations ---- */

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
    struct ct_op revocation = {.kind = CT_OP_REVOKE_DEVICE, .state = CT_OP_QUEUED, .subject = "a"};
    begin();
    struct ct_store *s = api.store;
    CHECK_EQ(s->ops->op_add(s, &revocation), CT_OK);
    REQUIRE(ct_ops_not_held(s, ops, 2) == 1);
    CHECK_STR(ops[0].subject, "b");
    (void)snprintf(ops[0].subject, sizeof ops[0].subject, "a");
    CHECK_EQ(ct_ops_not_held(s, ops, 1), 0);
    CHECK_EQ(s->ops->op_move(s, revocation.id, CT_OP_QUEUED, CT_OP_FAILED, NULL, 0, "x"), CT_OK);
    CHECK_EQ(ct_ops_not_held(s, ops, 1), 1);
    CHECK_EQ(s->ops->op_add(s, &revocation), CT_OK);
    CHECK_EQ(ct_ops_not_held(s, &revocation, 1), 1); /* not for itself */
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

/* ---- approvals ---- */

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

/* ---- relays ---- */

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

/* ---- what may be asked again and again ---- */

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

static void another_method_is_told_which_one_serves(void)
{
    begin();
    (void)ask("DELETE", "/v1/passes", "");
    CHECK(problem(405, "method"));
    REQUIRE(answer.header_count == 1);
    CHECK_STR(answer.headers[0].name, "Allow");
    CHECK_STR(answer.headers[0].value, "POST");
    (void)ask("POST", "/v1/me", "");
    CHECK(problem(405, "method"));
    CHECK_STR(answer.headers[0].value, "GET");
    end();
}

static void requests_of_one_enrolment_are_counted(void)
{
    int asked = 0;
    begin();
    while (asked < CT_SESSION_REQUESTS + 10 && ask("GET", "/v1/me", "") == 200) {
        asked++;
    }
    CHECK_EQ(asked, CT_SESSION_REQUESTS);
    CHECK(problem(429, "too-many"));
    end();
}

/* True when it was answered without a worker. */
static bool ask_quickly(const char *method, const char *path)
{
    const struct ct_request request = {
        .method = method, .path = path, .body = "", .psk_identity = sid};
    memset(&answer, 0, sizeof answer);
    return ct_api_quick(&api, &request, &answer);
}

static void only_what_neither_waits_nor_writes_is_answered_at_once(void)
{
    static const char operation[] = "/v1/operations/00000000000000000000000000000000";
    begin();
    CHECK(ask_quickly("GET", "/v1/me") && answer.status == 200);
    CHECK(ask_quickly("GET", operation) && problem(404, "not-found"));
    CHECK(!ask_quickly("POST", "/v1/passes"));
    CHECK(!ask_quickly("GET", "/v1/devices/me"));
    CHECK(!ask_quickly("GET", "/v1/relays/1"));
    CHECK(!ask_quickly("GET", "/v1/nothing"));
    CHECK_EQ(answer.status, 0); /* nothing was said, nothing was counted */
    api.store->reads_wait = true;
    CHECK(!ask_quickly("GET", operation));
    CHECK(ask_quickly("GET", "/v1/me"));
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(session_of_a_stranger_is_refused),
    CT_TEST(me_says_who_enrolled),
    CT_TEST(path_cannot_forge_fields_of_the_log),
    CT_TEST(pass_needs_a_token_or_a_live_record),
    CT_TEST(issued_pass_verifies_and_is_short),
    CT_TEST(bad_tokens_say_what_is_wrong),
    CT_TEST(token_is_used_by_one_wallet),
    CT_TEST(refused_token_is_not_used_up),
    CT_TEST(bodies_are_strict),
    CT_TEST(lost_wallet_is_replaced_by_a_token_for_the_very_name),
    CT_TEST(replaced_name_goes_to_nobody_else),
    CT_TEST(registration_waits_for_the_revocation_of_the_name),
    CT_TEST(registration_is_queued_once),
    CT_TEST(registration_of_another_is_refused),
    CT_TEST(terms_that_the_contract_would_skip_are_refused),
    CT_TEST(pending_record_is_queued_with_the_digest_of_what_was_read),
    CT_TEST(only_ones_own_pending_record_is_approved),
    CT_TEST(pending_record_that_would_not_serve_is_not_approved),
    CT_TEST(relay_proposal_must_be_its_own),
    CT_TEST(device_status_is_what_the_chain_has),
    CT_TEST(relay_status_is_for_its_owner),
    CT_TEST(withdrawal_is_for_the_owner_of_an_approved_relay),
    CT_TEST(another_method_is_told_which_one_serves),
    CT_TEST(requests_of_one_enrolment_are_counted),
    CT_TEST(only_what_neither_waits_nor_writes_is_answered_at_once),
};
CT_TEST_MAIN(tests)
