/* The operators' live events: they reach every reader, and no reader holds up another. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include <pthread.h>

#include "wm-server/src/operator/tee.h"
#include "wm_operator.h"

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

static const struct ct_test tests[] = {
    CT_TEST(an_event_reaches_every_reader_when_it_happens),
    CT_TEST(a_reader_that_comes_back_misses_nothing),
    CT_TEST(too_many_readers_are_told_so),
    CT_TEST(a_reader_that_stalls_holds_up_nobody),
    CT_TEST(lines_of_the_log_become_events_and_counts),
};
CT_TEST_MAIN(tests)
