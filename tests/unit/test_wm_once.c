/* Claims about repeated requests: done once and answered the same, and not asked too often. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include <pthread.h>

#include "wm_api.h"

static char token[CT_TOKEN_TEXT_MAX + 1];

static const char *header_of(void *arg, enum ct_request_part part, const char *name)
{
    return part == CT_REQUEST_HEADER && strcmp(name, "Idempotency-Key") == 0 ? arg : NULL;
}

/* Where requests come from: 198.51.0.0 unless a test says otherwise. */
static uint8_t from16[16] = {[10] = 0xff, [11] = 0xff, [12] = 198, 51};

static void ask_into(struct ct_answer *to, const char *key, const char *path, const char *body)
{
    union {
        const char *in;
        void *out;
    } word = {.in = key};
    struct ct_request request = {.method = "POST",
                                 .path = path,
                                 .body = body,
                                 .body_len = strlen(body),
                                 .psk_identity = sid,
                                 .value = header_of,
                                 .value_arg = word.out};
    memcpy(request.from16, from16, sizeof request.from16);
    memset(to, 0, sizeof *to);
    ct_api_handle(&api, &ledger, &request, to);
}

static unsigned ask_once(const char *key, const char *path, const char *body)
{
    const struct ct_request request = {.method = "POST", .path = path, .body = body};
    ask_into(&answer, key, path, body);
    write_down(&request);
    return answer.status;
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < answer.header_count; i++) {
        if (strcmp(answer.headers[i].name, name) == 0) {
            return answer.headers[i].value;
        }
    }
    return NULL;
}

static void pass_body(char out[1024], uint8_t number)
{
    char key[44];
    uint8_t pass[32];
    memset(pass, number, sizeof pass);
    ct_base64url(key, pass, sizeof pass);
    (void)snprintf(out, 1024, "{\"pass_key\":\"%s\",\"token\":\"%s\"}", key, token);
}

static void begin_with_token(void)
{
    begin();
    token_text(token, 1, "sensor-42", false, 100);
}

static void repeated_request_gets_the_first_answer(void)
{
    static char first[CT_EXCHANGE_ANSWER_MAX];
    struct ct_pass_row rows[4];
    char body[1024];
    size_t count = 0;
    begin_with_token();
    pass_body(body, 1);
    CHECK_EQ(ask_once("k1", "/v1/passes", body), 201);
    CHECK(header("Idempotency-Replayed") == NULL);
    memcpy(first, answer.body, sizeof first);
    CHECK_EQ(ask_once("k1", "/v1/passes", body), 201);
    CHECK_STR(header("Idempotency-Replayed"), "true");
    CHECK_STR(answer.body, first);
    CHECK_EQ(api.store->ops->pass_list(api.store, "sensor-42", 0, rows, 4, &count), CT_OK);
    CHECK_EQ(count, 1); /* one was made */
    CHECK_EQ(ask_once("k2", "/v1/passes", body), 201);
    CHECK(strcmp(answer.body, first) != 0);
    CHECK_EQ(ask_once(NULL, "/v1/passes", body), 201);
    CHECK(strcmp(answer.body, first) != 0);
    end();
}

static void same_key_with_another_body_is_a_conflict(void)
{
    char body[1024];
    begin_with_token();
    pass_body(body, 1);
    CHECK_EQ(ask_once("k1", "/v1/passes", body), 201);
    pass_body(body, 2);
    (void)ask_once("k1", "/v1/passes", body);
    CHECK(problem(409, "idempotency-conflict"));
    end();
}

static void keys_are_of_one_party_and_path(void)
{
    static char first[CT_EXCHANGE_ANSWER_MAX];
    char body[1024];
    begin_with_token();
    pass_body(body, 1);
    CHECK_EQ(ask_once("k1", "/v1/passes", body), 201);
    memcpy(first, answer.body, sizeof first);
    (void)ask_once("k1", "/v1/approvals", "{}");
    CHECK(problem(403, "not-registered"));  /* not the pass, no conflict */
    enrol(CT_HS_ENROL_DEVICE, "sensor-42"); /* the same party in a new enrolment */
    CHECK_EQ(ask_once("k1", "/v1/passes", body), 201);
    CHECK_STR(answer.body, first);
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK);
    enrol(CT_HS_ENROL_DEVICE, "sensor-42"); /* a thief of the name and of the key */
    (void)ask_once("k1", "/v1/passes", body);
    CHECK(problem(409, "token-used"));
    end();
}

static void a_refusal_is_not_kept(void)
{
    char body[1024];
    begin_with_token();
    pass_body(body, 1);
    chain.down = CT_ERR_QUORUM;
    (void)ask_once("k1", "/v1/passes", body);
    CHECK(problem(503, "chain-unavailable"));
    chain.down = CT_OK;
    CHECK_EQ(ask_once("k1", "/v1/passes", body), 201);
    CHECK(header("Idempotency-Replayed") == NULL);
    end();
}

static void keys_that_are_none_are_refused(void)
{
    char body[1024];
    char longest[CT_EXCHANGE_KEY_MAX + 2];
    begin_with_token();
    pass_body(body, 1);
    memset(longest, 'k', sizeof longest);
    longest[CT_EXCHANGE_KEY_MAX + 1] = '\0';
    static const char *const bad[] = {"", "two words", "caf\xc3\xa9", "\x01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)ask_once(bad[i], "/v1/passes", body);
        CHECK(problem(400, "format"));
    }
    (void)ask_once(longest, "/v1/passes", body);
    CHECK(problem(400, "format"));
    longest[CT_EXCHANGE_KEY_MAX] = '\0';
    CHECK_EQ(ask_once(longest, "/v1/passes", body), 201);
    end();
}

static void a_party_keeps_so_many_keys(void)
{
    char body[1024];
    char key[16];
    begin_with_token();
    pass_body(body, 1);
    for (unsigned i = 0; i < CT_REPLIES_OF_PARTY; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        CHECK_EQ(ask_once(key, "/v1/passes", body), 201);
    }
    (void)ask_once("more", "/v1/passes", body);
    CHECK(problem(429, "too-many"));
    CHECK_EQ(ask_once("k0", "/v1/passes", body), 201);
    CHECK_STR(header("Idempotency-Replayed"), "true");
    end();
}

static void every_post_looks_at_its_key(void)
{
    const char *method = NULL;
    const char *path = NULL;
    unsigned posts = 0;
    begin_with_token();
    for (size_t i = 0; ct_api_route_at(i, &method, &path); i++) {
        if (strcmp(method, "POST") == 0) {
            bool is_of_relays =
                strcmp(path, "/v1/relays") == 0 || strcmp(path, "/v1/withdrawals") == 0;
            enrol(is_of_relays ? CT_HS_ENROL_RELAY : CT_HS_ENROL_DEVICE,
                  is_of_relays ? "relay:0011223344556677" : "sensor-42");
            (void)ask_once("two words", path, "{}");
            CHECK(problem(400, "format") && strstr(answer.body, "Idempotency-Key") != NULL);
            posts++;
        }
    }
    CHECK_EQ(posts, 8);
    end();
}

/* The answer is a secret: it is made again, and stands in no store. */
static void token_is_minted_once_a_key_and_kept_nowhere(void)
{
    static char first[CT_EXCHANGE_ANSWER_MAX];
    char factory[CT_TOKEN_TEXT_MAX + 1];
    char body[1024];
    struct ct_token t = {.key_id = 1, .batch = "F1", .is_prefix = true, .count = 2};
    begin_with_token();
    t.expiry_s = ct_wall_s() + 100;
    (void)snprintf(t.identity, sizeof t.identity, "sensor-");
    REQUIRE(ct_token_sign(factory, sizeof factory, &t, &pass_key) == CT_OK);
    (void)snprintf(body, sizeof body, "{\"factory\":\"%s\"}", factory);
    CHECK_EQ(ask_once("k1", "/v1/tokens", body), 201);
    CHECK(header("Idempotency-Replayed") == NULL);
    memcpy(first, answer.body, sizeof first);
    CHECK_EQ(ask_once("k1", "/v1/tokens", body), 201);
    CHECK_STR(header("Idempotency-Replayed"), "true");
    CHECK_STR(answer.body, first);
    (void)snprintf(body, sizeof body, "{\"factory\":\"%s\",\"identity\":\"sensor-43\"}", factory);
    (void)ask_once("k1", "/v1/tokens", body);
    CHECK(problem(409, "idempotency-conflict"));
    CHECK_EQ(ask_once("k2", "/v1/tokens", body), 201); /* the conflict was not counted */
    end();
}

/* One party mints for a whole day's devices. */
static void a_factorys_line_is_held_up_by_no_keys(void)
{
    enum { DEVICES = CT_REPLIES_OF_PARTY + 20 };
    char factory[CT_TOKEN_TEXT_MAX + 1];
    char body[1024];
    char key[16];
    unsigned minted = 0;
    struct ct_token t = {.key_id = 1, .batch = "F1", .is_prefix = true, .count = DEVICES};
    begin_with_token();
    t.expiry_s = ct_wall_s() + 100;
    (void)snprintf(t.identity, sizeof t.identity, "sensor-");
    REQUIRE(ct_token_sign(factory, sizeof factory, &t, &pass_key) == CT_OK);
    for (unsigned i = 0; i < DEVICES; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        (void)snprintf(body, sizeof body, "{\"factory\":\"%s\",\"identity\":\"sensor-%u\"}",
                       factory, i);
        minted += ask_once(key, "/v1/tokens", body) == 201;
    }
    CHECK_EQ(minted, DEVICES);
    end();
}

/* ---- two at once ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool is_in, may_go;
} door = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static ct_err slow_device(void *arg, const char *identity, struct ct_device *out, uint64_t *block,
                          uint64_t *time_s, struct ct_why *why)
{
    (void)pthread_mutex_lock(&door.lock);
    door.is_in = true;
    (void)pthread_cond_broadcast(&door.change);
    while (!door.may_go) {
        (void)pthread_cond_wait(&door.change, &door.lock);
    }
    (void)pthread_mutex_unlock(&door.lock);
    return fake_device(arg, identity, out, block, time_s, why);
}

static void *ask_slowly(void *arg)
{
    static struct ct_answer slow;
    ask_into(&slow, "k1", "/v1/passes", arg);
    return &slow;
}

static void of_two_at_once_the_second_is_told_to_wait(void)
{
    static struct ct_ledger_ops slow;
    char body[1024];
    pthread_t thread;
    void *result = NULL;
    begin_with_token();
    pass_body(body, 1);
    slow = fake_ops;
    slow.device = slow_device;
    ledger.ops = &slow;
    door.is_in = false;
    door.may_go = false;
    REQUIRE(pthread_create(&thread, NULL, ask_slowly, body) == 0);
    (void)pthread_mutex_lock(&door.lock);
    while (!door.is_in) {
        (void)pthread_cond_wait(&door.change, &door.lock);
    }
    (void)pthread_mutex_unlock(&door.lock);
    (void)ask_once("k1", "/v1/passes", body);
    CHECK(problem(409, "under-way"));
    CHECK_STR(header("Retry-After"), "1");
    (void)pthread_mutex_lock(&door.lock);
    door.may_go = true;
    (void)pthread_cond_broadcast(&door.change);
    (void)pthread_mutex_unlock(&door.lock);
    (void)pthread_join(thread, &result);
    ledger.ops = &fake_ops;
    const struct ct_answer *first = result;
    REQUIRE(first != NULL);
    CHECK_EQ(first->status, 201);
    CHECK_EQ(ask_once("k1", "/v1/passes", body), 201);
    CHECK_STR(answer.body, first->body);
    end();
}

/* ---- too often ---- */

static uint64_t clock_us;

static uint64_t the_clock(void)
{
    return clock_us;
}

static void begin_limited(uint32_t party, uint32_t of_token, uint32_t prefix)
{
    begin_with_token();
    clock_us = ct_wall_s() * 1000000;
    api.wall_us = the_clock;
    api.limits = (struct ct_gate_limits){.party = party, .token = of_token, .prefix = prefix};
}

static void a_party_that_asks_too_often_waits(void)
{
    char body[1024];
    begin_limited(2, 0, 0);
    pass_body(body, 1);
    CHECK_EQ(ask_once(NULL, "/v1/passes", body), 201);
    CHECK_EQ(ask_once(NULL, "/v1/passes", body), 201);
    (void)ask_once(NULL, "/v1/passes", body);
    CHECK(problem(429, "too-many"));
    CHECK_STR(header("Retry-After"), "30");
    CHECK_EQ(ask("GET", "/v1/devices/me", ""), 429); /* it asks the chain, too */
    CHECK_EQ(ask("GET", "/v1/me", ""), 200);
    enrol(CT_HS_ENROL_DEVICE, "sensor-42"); /* a new enrolment is the same party */
    CHECK_EQ(ask_once(NULL, "/v1/passes", body), 429);
    clock_us += 30000000;
    CHECK_EQ(ask_once(NULL, "/v1/passes", body), 201);
    end();
}

static void an_address_prefix_that_asks_too_often_waits(void)
{
    char body[1024];
    begin_limited(100, 0, 2);
    pass_body(body, 1);
    CHECK_EQ(ask_once(NULL, "/v1/passes", body), 201);
    CHECK_EQ(ct_wallet_new(&wallet), CT_OK);
    enrol(CT_HS_ENROL_DEVICE, "sensor-43"); /* another party of the same address */
    CHECK_EQ(ask_once(NULL, "/v1/passes", "{}"), 400);
    (void)ask_once(NULL, "/v1/passes", "{}");
    CHECK(problem(429, "too-many"));
    CHECK_EQ(ask("POST", "/v1/passes", "{}"), 400); /* from elsewhere */
    end();
}

static void the_prefix_is_24_bits_of_ipv4_and_48_of_ipv6(void)
{
    static const uint8_t usual[16] = {[10] = 0xff, [11] = 0xff, [12] = 198, 51};
    static const struct {
        uint8_t from16[16];
        unsigned status;
    } asks[] = {
        {{[10] = 0xff, [11] = 0xff, [12] = 203, 0, 113, 1}, 400}, /* the first of its prefix */
        {{[10] = 0xff, [11] = 0xff, [12] = 203, 0, 113, 255}, 429},
        {{[10] = 0xff, [11] = 0xff, [12] = 203, 0, 112, 1}, 400},
        {{0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 1}, 400},
        {{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0xff, 0xff, [15] = 2}, 429},
        {{0x20, 0x01, 0x0d, 0xb8, 0, 2, [15] = 1}, 400},
    };
    begin_limited(0, 0, 1);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        memcpy(from16, asks[i].from16, sizeof from16);
        CHECK_EQ(ask_once(NULL, "/v1/passes", "{}"), asks[i].status);
    }
    memcpy(from16, usual, sizeof from16);
    end();
}

static void a_token_that_is_tried_too_often_waits(void)
{
    char body[1024];
    begin_limited(0, 3, 0);
    token_text(token, 1, "sensor-99", false, 100); /* not this name's */
    pass_body(body, 1);
    for (int i = 0; i < 3; i++) {
        (void)ask_once(NULL, "/v1/passes", body);
        CHECK(problem(403, "identity"));
    }
    (void)ask_once(NULL, "/v1/passes", body);
    CHECK(problem(429, "too-many"));
    token_text(token, 2, "sensor-42", false, 100);
    pass_body(body, 1);
    CHECK_EQ(ask_once(NULL, "/v1/passes", body), 201);
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(repeated_request_gets_the_first_answer),
    CT_TEST(same_key_with_another_body_is_a_conflict),
    CT_TEST(keys_are_of_one_party_and_path),
    CT_TEST(a_refusal_is_not_kept),
    CT_TEST(keys_that_are_none_are_refused),
    CT_TEST(a_party_keeps_so_many_keys),
    CT_TEST(every_post_looks_at_its_key),
    CT_TEST(token_is_minted_once_a_key_and_kept_nowhere),
    CT_TEST(a_factorys_line_is_held_up_by_no_keys),
    CT_TEST(of_two_at_once_the_second_is_told_to_wait),
    CT_TEST(a_party_that_asks_too_often_waits),
    CT_TEST(an_address_prefix_that_asks_too_often_waits),
    CT_TEST(the_prefix_is_24_bits_of_ipv4_and_48_of_ipv6),
    CT_TEST(a_token_that_is_tried_too_often_waits),
};
CT_TEST_MAIN(tests)
