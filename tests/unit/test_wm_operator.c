/* Claims about the operators' listener, asked by real sockets: routes, readiness, live events. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "exposition.h"
#include "temp_dir.h"
#include "wm-server/src/operator/metrics.h"
#include "wm-server/src/operator/operator.h"
#include "wm-server/src/operator/tee.h"

enum { WAIT_MS = 30000 }; /* for what happens at once on a machine that nobody else uses */

/*
 *   raw socket ---- operators' listener ---- SQLite store, sessions, events
 *                                      `---- a watch whose endpoints are not there
 */
static struct {
    struct temp_dir dir;
    struct ct_store *store;
    struct ct_sessions *sessions;
    struct ct_events *events;
    struct ct_watch *watch;
    struct ct_roster *roster;
    struct ct_operator *op;
    enum ct_leads leads;
} wm;

static enum ct_leads leads(void *arg, char *words, size_t cap)
{
    (void)arg;
    (void)snprintf(words, cap, "%s", wm.leads == CT_LEADS_SELF ? "yes" : "wm-2 leads");
    return wm.leads;
}

static bool start(void)
{
    struct ct_why why = {{0}};
    char path[128];
    struct ct_bundle bundle = {.chain_id = 1, .quorum = 2, .rpc_count = 3, .max_head_age_s = 120};
    for (int i = 0; i < 3; i++) {
        (void)snprintf(bundle.rpc[i], sizeof bundle.rpc[i], "http://127.0.0.1:%d", i + 1);
    }
    const struct ct_watch_config wc = {.bundle = &bundle,
                                       .account_count = 1,
                                       .accounts = {{.role = "approver", .addr20 = {1}}},
                                       .wall_s = ct_wall_s};
    wm.leads = CT_LEADS_SELF;
    bool good = temp_dir_make(&wm.dir) && ct_sessions_new(&wm.sessions, 8) == CT_OK &&
                ct_events_new(&wm.events) == CT_OK && ct_roster_new(&wm.roster) == CT_OK;
    (void)snprintf(path, sizeof path, "%s/wm.sqlite", wm.dir.path);
    good = good && ct_store_sqlite(&wm.store, path, &why) == CT_OK &&
           ct_watch_new(&wm.watch, &wc, &why) == CT_OK;
    const struct ct_operator_config c = {.address = "127.0.0.1:0",
                                         .status = {.health = {.store = wm.store,
                                                               .watch = wm.watch,
                                                               .max_head_age_s = 120,
                                                               .leads = leads,
                                                               .wall_s = ct_wall_s},
                                                    .sessions = wm.sessions,
                                                    .roster = wm.roster,
                                                    .chain_id = 1,
                                                    .mono_ms = ct_mono_ms},
                                         .events = wm.events,
                                         .connections = 64,
                                         .per_ip = 64,
                                         .timeout_s = 10};
    good = good && ct_operator_start(&wm.op, &c, &why) == CT_OK;
    if (!good) {
        printf("    %s\n", why.text);
    }
    return good;
}

static void stop(void)
{
    ct_operator_stop(wm.op);
    ct_watch_free(wm.watch);
    ct_roster_free(wm.roster);
    ct_events_free(wm.events);
    ct_sessions_free(wm.sessions);
    ct_store_free(wm.store);
    temp_dir_remove(&wm.dir);
}

static int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons(ct_operator_port(wm.op))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Reads until text holds `until` (NULL: to the end of the connection). */
static bool await(int fd, char *text, size_t cap, const char *until)
{
    size_t got = strlen(text);
    uint64_t end_ms = ct_mono_ms() + WAIT_MS;
    while (ct_mono_ms() < end_ms && (until == NULL || strstr(text, until) == NULL)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(end_ms - ct_mono_ms())) != 1) {
            break;
        }
        ssize_t n = recv(fd, text + got, cap - 1 - got, 0);
        if (n <= 0) {
            return until == NULL;
        }
        got += (size_t)n;
        text[got] = '\0';
    }
    return until != NULL && strstr(text, until) != NULL;
}

static char answer[1 << 18];

/* One request, one answer; the status. */
static int ask(const char *method, const char *path, const char *host, const char *more)
{
    char request[1024];
    int status = 0;
    int fd = dial();
    int n = snprintf(request, sizeof request,
                     "%s %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n", method, path,
                     host, more);
    answer[0] = '\0';
    if (fd < 0 || send(fd, request, (size_t)n, MSG_NOSIGNAL) != n ||
        !await(fd, answer, sizeof answer, NULL)) {
        printf("    no answer to %s %s\n", method, path);
    }
    (void)close(fd);
    return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static const char *body(void)
{
    const char *at = strstr(answer, "\r\n\r\n");
    return at == NULL ? "" : at + 4;
}

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

/* ---- events ---- */

static int follow(char *text, size_t cap, const char *more)
{
    char request[256];
    int fd = dial();
    int n = snprintf(request, sizeof request,
                     "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n%s\r\n", more);
    text[0] = '\0';
    if (fd < 0 || send(fd, request, (size_t)n, MSG_NOSIGNAL) != n ||
        !await(fd, text, cap, "retry: 2000\n\n")) {
        printf("    no stream: %s\n", text);
    }
    return fd;
}

static void an_event_reaches_every_reader_when_it_happens(void)
{
    static char text[3][65536];
    int fd[3];
    REQUIRE(start());
    ct_events_publish(wm.events, "{\"n\":\"before\"}");
    for (int i = 0; i < 3; i++) {
        fd[i] = follow(text[i], sizeof text[i], "");
        CHECK(strstr(text[i], "Content-Type: text/event-stream\r\n") != NULL);
        CHECK(await(fd[i], text[i], sizeof text[i], "id: 1\ndata: {\"n\":\"before\"}\n\n"));
    }
    CHECK_EQ((long long)ct_metrics_gauge(CT_GAUGE_WATCHERS), 3);
    (void)close(fd[1]);
    ct_events_publish(wm.events, "{\"n\":\"after\"}");
    CHECK(await(fd[0], text[0], sizeof text[0], "id: 2\ndata: {\"n\":\"after\"}\n\n"));
    CHECK(await(fd[2], text[2], sizeof text[2], "id: 2\ndata: {\"n\":\"after\"}\n\n"));
    ct_events_beat(wm.events);
    CHECK(await(fd[0], text[0], sizeof text[0], ": still here\n\n"));
    ct_operator_stop(wm.op);
    wm.op = NULL;
    CHECK(await(fd[0], text[0], sizeof text[0], NULL)); /* the end of the server ends the stream */
    (void)close(fd[0]);
    (void)close(fd[2]);
    stop();
}

static void a_reader_that_comes_back_misses_nothing(void)
{
    static char text[65536];
    char json[64];
    REQUIRE(start());
    for (int i = 1; i <= 100; i++) {
        (void)snprintf(json, sizeof json, "{\"n\":\"%d\"}", i);
        ct_events_publish(wm.events, json);
    }
    int fd = follow(text, sizeof text, "");
    CHECK(await(fd, text, sizeof text, "id: 100\n"));
    CHECK(strstr(text, "id: 76\n") != NULL && strstr(text, "id: 75\n") == NULL);
    (void)close(fd);
    fd = follow(text, sizeof text, "Last-Event-ID: 42\r\n");
    CHECK(await(fd, text, sizeof text, "id: 100\n"));
    CHECK(strstr(text, "id: 43\n") != NULL && strstr(text, "id: 42\n") == NULL);
    (void)close(fd);
    /* of a process before this one, or nonsense */
    fd = follow(text, sizeof text, "Last-Event-ID: 100000\r\n");
    CHECK(await(fd, text, sizeof text, "id: 76\n"));
    (void)close(fd);
    fd = follow(text, sizeof text, "Last-Event-ID: 7x\r\n");
    CHECK(await(fd, text, sizeof text, "id: 76\n"));
    (void)close(fd);
    stop();
}

static void too_many_readers_are_told_so(void)
{
    static char text[CT_EVENTS_READERS][4096];
    int fd[CT_EVENTS_READERS];
    REQUIRE(start());
    for (int i = 0; i < CT_EVENTS_READERS; i++) {
        fd[i] = follow(text[i], sizeof text[i], "");
    }
    CHECK_EQ(ask("GET", "/v1/events", "localhost", ""), 503);
    CHECK(strstr(body(), "too-many") != NULL);
    CHECK_EQ(ask("GET", "/healthz", "localhost", ""), 200); /* the rest goes on */
    for (int i = 0; i < CT_EVENTS_READERS; i++) {
        (void)close(fd[i]);
    }
    /* those who are gone are noticed by the next words to them */
    uint64_t end_ms = ct_mono_ms() + WAIT_MS;
    while (ct_metrics_gauge(CT_GAUGE_WATCHERS) > 0 && ct_mono_ms() < end_ms) {
        ct_events_beat(wm.events);
        (void)poll(NULL, 0, 5);
    }
    CHECK_EQ((long long)ct_metrics_gauge(CT_GAUGE_WATCHERS), 0);
    stop();
}

static void *publish_many(void *arg)
{
    char json[CT_EVENT_TEXT];
    memset(json, 'x', sizeof json);
    json[sizeof json - 1] = '\0';
    for (int i = 0; i < 2000; i++) {
        ct_events_publish(wm.events, json);
    }
    return arg;
}

/* One that does not read loses events, and holds up nobody. */
static void a_reader_that_stalls_holds_up_nobody(void)
{
    static char text[16 << 20];
    pthread_t threads[2];
    REQUIRE(start());
    int stalled = follow(text, sizeof text, "");
    int good = follow(text, sizeof text, "");
    uint64_t began = ct_mono_ms();
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, publish_many, NULL) == 0);
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK(ct_mono_ms() - began < WAIT_MS);
    CHECK(await(good, text, sizeof text, "id: 4000\n"));
    CHECK_EQ(ask("GET", "/healthz", "localhost", ""), 200);
    (void)close(stalled);
    (void)close(good);
    stop();
}

static void lines_of_the_log_become_events_and_counts(void)
{
    static char text[65536];
    struct ct_tee tee = {0};
    REQUIRE(start());
    tee.events = wm.events;
    struct ct_log log = ct_tee_log(&tee, CT_LOG_DEBUG);
    uint64_t errors = ct_metrics_get(CT_METRIC_LOG_ERRORS);
    uint64_t rpc = ct_metrics_get(CT_METRIC_RPC_ERRORS);
    ct_log(&log, CT_LOG_DEBUG, "quiet");
    ct_log(&log, CT_LOG_ERROR, "loud cause=\"a \"quoted\" one\"");
    ct_log(&log, CT_LOG_WARN, "rpc_failed url=http://127.0.0.1:1 class=3 cause=\"refused\"");
    CHECK_EQ(ct_metrics_get(CT_METRIC_LOG_ERRORS), errors + 1);
    CHECK_EQ(ct_metrics_get(CT_METRIC_RPC_ERRORS), rpc + 1);
    int fd = follow(text, sizeof text, "");
    CHECK(await(fd, text, sizeof text, "id: 2\n"));
    CHECK(strstr(text, "\"event\":\"loud\",\"cause\":\"a \\\"quoted\\\" one\"}") != NULL);
    CHECK(strstr(text, "quiet") == NULL);
    (void)close(fd);
    stop();
}

/* ---- lists ---- */

static void put_rows(void)
{
    for (int i = 0; i < 5; i++) {
        struct ct_device_row d = {.relay = 1, .port = 50000, .sequence = 1};
        struct ct_relay_row r = {.pending32 = {(uint8_t)(10 * i)}, .verdict = "it said \"no\""};
        (void)snprintf(d.identity, sizeof d.identity, "sensor-%d", i);
        CHECK_EQ(wm.store->ops->device_put(wm.store, &d), CT_OK);
        CHECK_EQ(wm.store->ops->relay_put(wm.store, &r), CT_OK);
    }
}

/* All pages of a list, two rows at a time: how many rows have the mark; -1 when it does not end. */
static int rows_by_pages(const char *list, const char *mark)
{
    char path[200];
    int rows = 0;
    (void)snprintf(path, sizeof path, "%s?limit=2", list);
    for (int page = 0; page < 5; page++) {
        CHECK_EQ(ask("GET", path, "localhost", ""), 200);
        int here = 0;
        for (const char *at = body(); (at = strstr(at, mark)) != NULL; at++) {
            here++;
        }
        CHECK(here <= 2);
        rows += here;
        const char *next = strstr(body(), "\"next\":\"");
        if (next == NULL) {
            return rows;
        }
        next += strlen("\"next\":\"");
        (void)snprintf(path, sizeof path, "%s?limit=2&cursor=%.*s", list, (int)strcspn(next, "\""),
                       next);
    }
    return -1;
}

static void lists_come_page_by_page(void)
{
    REQUIRE(start());
    put_rows();
    CHECK_EQ(rows_by_pages("/v1/devices", "\"identity\":\"sensor-"), 5);
    CHECK_EQ(rows_by_pages("/v1/relays", "\"pending_id\":\"0x"), 5);
    CHECK_EQ(ask("GET", "/v1/devices", "localhost", ""), 200);
    CHECK(strstr(body(), "sensor-4") != NULL && strstr(body(), "next") == NULL);
    CHECK(strstr(body(), "\"identity\":\"sensor-0\"") < strstr(body(), "sensor-4"));
    CHECK_EQ(ask("GET", "/v1/relays?limit=1", "localhost", ""), 200);
    CHECK(strstr(body(), "\"verdict\":\"it said \\\"no\\\"\"") != NULL);
    stop();
}

static void a_row_that_comes_between_two_pages_moves_none(void)
{
    struct ct_device_row first = {.identity = "aaa"};
    REQUIRE(start());
    put_rows();
    CHECK_EQ(ask("GET", "/v1/devices?limit=2", "localhost", ""), 200);
    CHECK(strstr(body(), "\"next\":\"c2Vuc29yLTE\"") != NULL); /* sensor-1 */
    CHECK_EQ(wm.store->ops->device_put(wm.store, &first), CT_OK);
    CHECK_EQ(ask("GET", "/v1/devices?limit=1&cursor=c2Vuc29yLTE", "localhost", ""), 200);
    CHECK(strstr(body(), "\"identity\":\"sensor-2\"") != NULL);
    stop();
}

static void put_money(void)
{
    for (uint8_t i = 0; i < 5; i++) {
        const uint8_t jti16[16] = {i};
        static struct ct_txn tx;
        tx = (struct ct_txn){.sender20 = {1},
                             .nonce = i < 3 ? i : i + 20u, /* others were sent from elsewhere */
                             .hash32 = {(uint8_t)(i + 1)},
                             .raw = {2},
                             .raw_len = 1,
                             .created_s = 1700000000,
                             .is_filler = true,
                             .max_fee_wei = 2500000000,
                             .tip_wei = 1};
        CHECK_EQ(wm.store->ops->token_add(wm.store, jti16, i < 2 ? "B1" : "B2", 1800000000), CT_OK);
        CHECK_EQ(wm.store->ops->tx_add(wm.store, &tx, NULL, 0), CT_OK);
    }
    const struct ct_token_use use = {
        .jti16 = {1}, .batch = "B1", .identity = "sensor-1", .wallet20 = {9}, .now_s = 1700000007};
    CHECK_EQ(wm.store->ops->token_use(wm.store, &use), CT_OK);
}

static void tokens_and_transactions_come_page_by_page(void)
{
    REQUIRE(start());
    CHECK_EQ(ask("GET", "/v1/transactions", "localhost", ""), 200);
    CHECK_STR(strchr(body(), '{'), "{\"transactions\":[]}");
    put_money();
    CHECK_EQ(rows_by_pages("/v1/tokens", "\"token\":\""), 5);
    CHECK_EQ(rows_by_pages("/v1/transactions", "\"account\":\"approver\""), 5);
    CHECK_EQ(ask("GET", "/v1/transactions?limit=1", "localhost", ""), 200);
    CHECK(strstr(body(), "\"nonce\":24,") != NULL); /* the newest */
    CHECK(strstr(body(), "\"state\":\"signed\",\"attempt\":1,\"created\":1700000000,"
                         "\"max_fee_gwei\":2.5,") != NULL);
    CHECK_EQ(ask("GET", "/v1/tokens?batch=B1", "localhost", ""), 200);
    CHECK(strstr(body(), "\"state\":\"used\",\"expires\":1800000000,\"identity\":\"sensor-1\"") !=
          NULL);
    CHECK(strstr(body(), "B2") == NULL && strstr(body(), "\"state\":\"issued\"") != NULL);
    CHECK_EQ(ask("GET", "/v1/transactions?cursor=c2Vuc29y", "localhost", ""), 400);
    CHECK_EQ(ask("GET", "/v1/tokens?cursor=c2Vuc29y", "localhost", ""), 400);
    stop();
}

static void pages_that_cannot_be_are_refused(void)
{
    static const char *const bad[] = {
        "/v1/devices?limit=0",        "/v1/devices?limit=101", "/v1/devices?limit=x",
        "/v1/devices?cursor=",        "/v1/devices?cursor=*",  "/v1/relays?cursor=c2Vuc29y",
        "/v1/devices?limit=1&limit=2"};
    REQUIRE(start());
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(ask("GET", bad[i], "localhost", ""), 400);
        CHECK(strstr(body(), "urn:chainturn:error:format") != NULL);
    }
    stop();
}

static const struct ct_test tests[] = {
    CT_TEST(what_is_there_is_answered_and_guarded),
    CT_TEST(the_page_and_its_files_are_built_in),
    CT_TEST(what_the_store_holds_is_escaped),
    CT_TEST(another_hosts_name_is_refused_on_loopback),
    CT_TEST(readiness_says_for_each_part_what_to_do),
    CT_TEST(a_scrape_counts_itself),
    CT_TEST(an_event_reaches_every_reader_when_it_happens),
    CT_TEST(a_reader_that_comes_back_misses_nothing),
    CT_TEST(too_many_readers_are_told_so),
    CT_TEST(a_reader_that_stalls_holds_up_nobody),
    CT_TEST(lists_come_page_by_page),
    CT_TEST(a_row_that_comes_between_two_pages_moves_none),
    CT_TEST(tokens_and_transactions_come_page_by_page),
    CT_TEST(pages_that_cannot_be_are_refused),
    CT_TEST(lines_of_the_log_become_events_and_counts),
};
CT_TEST_MAIN(tests)
