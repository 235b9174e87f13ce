/* The operators' listener: routes, guards, readiness, and a scrape. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include "exposition.h"
#include "wm_operator.h"

static void what_is_there_is_answered_and_guarded(void)
{
    REQUIRE(start());
    CHECK_EQ(ask("GET", "/healthz", "localhost", ""), 200);
    CHECK_STR(body(), "ok\n");
    CHECK(strstr(answer, "X-Content-Type-Options: nosniff\r\n") != NULL);
    CHECK(strstr(answer, "Content-Security-Policy: default-src 'none'") != NULL);
    CHECK_EQ(ask("HEAD", "/healthz", "127.0.0.1:9180", ""), 200);
    CHECK_STR(body(), "");
    CHECK_EQ(ask("GET", "/nothing", "localhost", ""), 404);
    CHECK_EQ(ask("POST", "/metrics", "localhost", "Content-Length: 0\r\n"), 405);
    CHECK_EQ(ask("GET", "/metrics/../metrics", "localhost", ""), 404);
    stop();
}

static void the_page_and_its_files_are_built_in(void)
{
    static const char *const files[][2] = {
        {"/", "Content-Type: text/html; charset=utf-8\r\n"},
        {"/assets/status.css", "Content-Type: text/css; charset=utf-8\r\n"},
        {"/assets/status.js", "Content-Type: text/javascript; charset=utf-8\r\n"},
        {"/assets/icon.svg", "Content-Type: image/svg+xml\r\n"},
        {"/v1/status", "Content-Type: application/json\r\n"}};
    REQUIRE(start());
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        CHECK_EQ(ask("GET", files[i][0], "localhost", ""), 200);
        CHECK(strstr(answer, files[i][1]) != NULL);
        CHECK(strstr(answer, "script-src 'self'") != NULL);
        CHECK(i > 0 || strstr(body(), "{{") == NULL); /* every slot was filled */
    }
    CHECK_EQ(ask("GET", "/assets/other", "localhost", ""), 404);
    CHECK_EQ(ask("GET", "/?relays=7x", "localhost", ""), 400);
    stop();
}

static void what_the_store_holds_is_escaped(void)
{
    struct ct_device_row d = {.identity = "<b>\"&'\xff</b>", .relay = 1};
    struct ct_relay_row r = {.pending32 = {1}, .checked_s = 5, .verdict = "</td><script>"};
    REQUIRE(start());
    CHECK_EQ(wm.store->ops->device_put(wm.store, &d), CT_OK);
    CHECK_EQ(wm.store->ops->relay_put(wm.store, &r), CT_OK);
    CHECK_EQ(ask("GET", "/", "localhost", ""), 200);
    CHECK(strstr(body(), "&#60;b&#62;&#34;&#38;&#39;?&#60;/b&#62;") != NULL);
    CHECK(strstr(body(), "<b>\"") == NULL);
    CHECK_EQ(ask("GET", "/v1/status", "localhost", ""), 200);
    CHECK(strstr(body(), "\"identity\":\"<b>\\\"&'\\u00ff</b>\"") != NULL);
    CHECK_EQ(ask("GET", "/?find=%22%3E%3Cscript%3E", "localhost", ""), 200);
    CHECK(strstr(body(), "value=\"&#34;&#62;&#60;script&#62;\"") != NULL);
    stop();
}

/* A page of elsewhere whose name was pointed here. */
static void another_hosts_name_is_refused_on_loopback(void)
{
    static const char *const own[] = {"localhost",      "LOCALHOST:80", "127.0.0.1",
                                      "127.9.9.9:9180", "[::1]:9180",   "[::1]"};
    static const char *const other[] = {"evil.example",
                                        "localhost.evil.example",
                                        "127.0.0.1.evil.example",
                                        "10.0.0.1",
                                        "[::2]",
                                        "localhost@evil",
                                        "[::1",
                                        "[::1]x",
                                        "0x7f.1"};
    REQUIRE(start());
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        CHECK_EQ(ask("GET", "/healthz", own[i], ""), 200);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        CHECK_EQ(ask("GET", "/healthz", other[i], ""), 421);
    }
    stop();
}

static void readiness_says_for_each_part_what_to_do(void)
{
    struct ct_watch_view view;
    REQUIRE(start());
    CHECK_EQ(ask("GET", "/readyz", "localhost", ""), 503);
    CHECK(strstr(body(), "ok   store    answers in ") != NULL);
    CHECK(strstr(body(), "FAIL rpc      not asked yet") != NULL);
    CHECK(strstr(body(), "FAIL balance  approver 0x") != NULL);
    CHECK(strstr(body(), "ok   leader   yes\n") != NULL);
    ct_watch_round(wm.watch, NULL);
    ct_watch_get(wm.watch, &view);
    CHECK(view.looked_s > 0 && !view.chain_known);
    wm.leads = CT_LEADS_OTHER;
    CHECK_EQ(ask("GET", "/readyz", "localhost", ""), 503);
    CHECK(strstr(body(), "FAIL rpc      ") != NULL && strstr(body(), "endpoint") != NULL);
    CHECK(strstr(body(), "ok   leader   wm-2 leads\n") != NULL); /* it answers requests */
    CHECK_EQ(ct_metrics_gauge(CT_GAUGE_LEADER), 0);
    wm.leads = CT_LEADS_NOBODY;
    CHECK_EQ(ask("GET", "/readyz", "localhost", ""), 503);
    CHECK(strstr(body(), "FAIL leader   ") != NULL);
    CHECK_EQ(ask("GET", "/healthz", "localhost", ""), 200); /* alive all the same */
    stop();
}

static void a_scrape_counts_itself(void)
{
    static struct exposition x;
    static const char key[] = "chainturn_wm_http_requests_total{route=\"/metrics\",status=\"200\"}";
    REQUIRE(start());
    CHECK_EQ(ask("GET", "/metrics", "localhost", ""), 200);
    CHECK(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n") != NULL);
    REQUIRE(exposition_read(&x, body()));
    double before = exposition_get(&x, key);
    CHECK_EQ(exposition_get(&x, "chainturn_wm_ready"), 0);
    CHECK_EQ(exposition_get(&x, "chainturn_wm_leader"), 1);
    CHECK_EQ(exposition_get(&x, "chainturn_wm_sessions"), 0);
    CHECK_EQ(ask("GET", "/metrics", "localhost", ""), 200);
    REQUIRE(exposition_read(&x, body()));
    CHECK_EQ(exposition_get(&x, key), before < 0 ? 1 : before + 1);
    stop();
}

static const struct ct_test tests[] = {
    CT_TEST(what_is_there_is_answered_and_guarded),
    CT_TEST(the_page_and_its_files_are_built_in),
    CT_TEST(what_the_store_holds_is_escaped),
    CT_TEST(another_hosts_name_is_refused_on_loopback),
    CT_TEST(readiness_says_for_each_part_what_to_do),
    CT_TEST(a_scrape_counts_itself),
};
CT_TEST_MAIN(tests)
