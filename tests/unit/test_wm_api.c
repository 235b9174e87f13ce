/* The wallet manager's API, on a chain of the test's own: who may ask, and in which form. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "wm_api.h"

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
    CT_TEST(bodies_are_strict),
    CT_TEST(another_method_is_told_which_one_serves),
    CT_TEST(requests_of_one_enrolment_are_counted),
    CT_TEST(only_what_neither_waits_nor_writes_is_answered_at_once),
};
CT_TEST_MAIN(tests)
