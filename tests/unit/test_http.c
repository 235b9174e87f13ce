/* The libcurl transport against a small server: what it waits for, keeps open and refuses. */
/* links: ct_chain ct_base */
#include "chain/http.h"

#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"

/*
 * A forked server on loopback, a process a connection. The path says what it does: /ok, /late
 * (when the test lets one go), /never, /500, /redirect, /empty, /big, /close. Each answer's body is
 * the number of the connection and of the request on it.
 */
enum { PATIENCE_MS = 60000 };

static pid_t server;
static int gate[2]; /* a byte lets one late answer go */
static unsigned port;

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            _exit(0);
        }
        data += sent;
        len -= (size_t)sent;
    }
}

static void send_text(int fd, const char *status, const char *extra, const char *body)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                   strlen(body), extra, body);
    send_all(fd, text, strlen(text));
}

static void send_big(int fd)
{
    static char chunk[65536];
    char head[128];
    size_t len = CT_HTTP_RESPONSE_MAX + 1;
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
    send_all(fd, head, strlen(head));
    memset(chunk, 'x', sizeof(chunk));
    for (; len > 0; len -= len < sizeof(chunk) ? len : sizeof(chunk)) {
        send_all(fd, chunk, len < sizeof(chunk) ? len : sizeof(chunk));
    }
}

static bool is_path(const char *request, const char *path)
{
    return strncmp(request, "POST ", 5) == 0 && strncmp(request + 5, path, strlen(path)) == 0;
}

static void answer(int fd, const char *request, unsigned connection, unsigned number)
{
    char body[64];
    (void)snprintf(body, sizeof(body), "%u.%u", connection, number);
    if (is_path(request, "/never ")) {
        (void)pause();
    } else if (is_path(request, "/late ")) {
        char byte;
        (void)!read(gate[0], &byte, 1);
        send_text(fd, "200 OK", "", body);
    } else if (is_path(request, "/500 ")) {
        send_text(fd, "500 Oh no", "", body);
    } else if (is_path(request, "/redirect ")) {
        send_text(fd, "302 Found", "Location: /ok\r\n", body);
    } else if (is_path(request, "/empty ")) {
        send_text(fd, "200 OK", "", "");
    } else if (is_path(request, "/big ")) {
        send_big(fd);
    } else if (is_path(request, "/close ")) {
        _exit(0);
    } else {
        send_text(fd, "200 OK", "", body);
    }
}

/* Requests have a body of two bytes, "{}". */
static void serve(int fd, unsigned connection)
{
    char text[4096];
    size_t len = 0;
    for (unsigned number = 1;; number++) {
        const char *end = NULL;
        while (end == NULL || len < (size_t)(end - text) + 6) {
            ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);
            if (got <= 0) {
                _exit(0);
            }
            len += (size_t)got;
            text[len] = '\0';
            end = strstr(text, "\r\n\r\n");
        }
        answer(fd, text, connection, number);
        len = 0;
    }
}

static void run_server(int listener)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    for (unsigned connection = 1;; connection++) {
        int fd = accept(listener, NULL, NULL);
        if (fork() == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(fd, connection);
        }
        (void)close(fd);
    }
}

static bool start_server(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof(addr);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (pipe(gate) != 0 || listener < 0 || bind(listener, (struct sockaddr *)&addr, len) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&addr, &len) != 0) {
        return false;
    }
    port = ntohs(addr.sin_port);
    server = fork();
    if (server == 0) {
        (void)close(gate[1]); /* so that whoever waits at the gate ends with the test */
        run_server(listener);
    }
    (void)close(listener);
    return server > 0;
}

static char urls[4][64];

static void prepare(struct ct_http_request *requests, const char *const *paths, size_t count)
{
    memset(requests, 0, count * sizeof(*requests));
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%u%s", port, paths[i]);
        requests[i].url = urls[i];
        requests[i].body = "{}";
        requests[i].body_len = 2;
    }
}

static void release(struct ct_http_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(requests[i].response);
    }
}

static void connection_is_kept_open_between_batches(void)
{
    static const char *const paths[] = {"/ok"};
    struct ct_http *http = NULL;
    struct ct_http_request r[1];
    char first[16] = "";
    REQUIRE(start_server() && ct_http_new(&http) == CT_OK);
    for (unsigned i = 1; i <= 3; i++) {
        char want[32];
        prepare(r, paths, 1);
        CHECK_EQ(ct_http_post(http, r, 1, PATIENCE_MS, NULL, NULL), CT_OK);
        REQUIRE(r[0].err == CT_OK && r[0].status == 200);
        if (i == 1) {
            (void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(r[0].response, "."),
                           r[0].response);
        }
        (void)snprintf(want, sizeof(want), "%s.%u", first, i);
        CHECK_STR(r[0].response, want);
        release(r, 1);
    }
    ct_http_free(http);
}

static void each_failure_is_told_and_the_others_go_on(void)
{
    static const char *const paths[] = {"/500", "/redirect", "/empty", "/ok"};
    struct ct_http *http = NULL;
    struct ct_http_request r[4];
    REQUIRE(ct_http_new(&http) == CT_OK);
    prepare(r, paths, 4);
    CHECK_EQ(ct_http_post(http, r, 4, PATIENCE_MS, NULL, NULL), CT_OK);
    CHECK_EQ(r[0].err, CT_ERR_IO);
    CHECK_STR(r[0].text, "HTTP status 500");
    CHECK_EQ(r[1].err, CT_ERR_IO); /* a redirect is not followed */
    CHECK_EQ(r[1].status, 302);
    CHECK_EQ(r[2].err, CT_ERR_FORMAT);
    CHECK_EQ(r[3].err, CT_OK);
    release(r, 4);
    ct_http_free(http);
}

static void closed_refused_and_foreign_urls_fail_with_a_cause(void)
{
    static const char *const paths[] = {"/close"};
    static const char *const foreign[] = {"file:///etc/hostname", "http://127.0.0.1:1/",
                                          "nonsense"};
    struct ct_http *http = NULL;
    struct ct_http_request r[3];
    REQUIRE(ct_http_new(&http) == CT_OK);
    prepare(r, paths, 1);
    CHECK_EQ(ct_http_post(http, r, 1, PATIENCE_MS, NULL, NULL), CT_OK);
    CHECK_EQ(r[0].err, CT_ERR_IO);
    CHECK(r[0].text[0] != '\0');
    memset(r, 0, sizeof(r));
    for (size_t i = 0; i < 3; i++) {
        r[i].url = foreign[i];
        r[i].body = "{}";
        r[i].body_len = 2;
    }
    CHECK_EQ(ct_http_post(http, r, 3, PATIENCE_MS, NULL, NULL), CT_OK);
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(r[i].err, CT_ERR_IO);
        CHECK(r[i].response == NULL && r[i].text[0] != '\0');
    }
    ct_http_free(http);
}

static void too_long_an_answer_is_refused(void)
{
    static const char *const paths[] = {"/big"};
    struct ct_http *http = NULL;
    struct ct_http_request r[1];
    REQUIRE(ct_http_new(&http) == CT_OK);
    prepare(r, paths, 1);
    CHECK_EQ(ct_http_post(http, r, 1, PATIENCE_MS, NULL, NULL), CT_OK);
    CHECK_EQ(r[0].err, CT_ERR_FORMAT);
    CHECK_STR(r[0].text, "the answer is longer than 2 MB");
    ct_http_free(http);
}

/* The other one's answer is kept, given that this machine brings it in time. */
static void silence_ends_at_the_timeout(void)
{
    static const char *const paths[] = {"/never", "/ok"};
    struct ct_http *http = NULL;
    struct ct_http_request r[2];
    bool is_kept = false;
    REQUIRE(ct_http_new(&http) == CT_OK);
    for (uint32_t silence_ms = 500; silence_ms < PATIENCE_MS && !is_kept; silence_ms *= 2) {
        prepare(r, paths, 2);
        uint64_t begun = ct_mono_ms();
        CHECK_EQ(ct_http_post(http, r, 2, silence_ms, NULL, NULL), CT_OK);
        CHECK(ct_mono_ms() - begun + 1 >= silence_ms);
        CHECK_EQ(r[0].err, CT_ERR_TIMEOUT);
        is_kept = r[1].err == CT_OK;
        release(r, 2);
    }
    CHECK(is_kept);
    ct_http_free(http);
}

static bool one_is_enough(void *arg, const struct ct_http_request *requests, size_t count)
{
    (void)arg;
    (void)count;
    return requests[0].err == CT_OK || requests[1].err == CT_OK;
}

static void slow_endpoint_is_not_waited_for_and_keeps_its_connection(void)
{
    static const char *const paths[] = {"/late", "/ok"};
    static const char *const again[] = {"/late"};
    struct ct_http *http = NULL;
    struct ct_http_request r[2];
    REQUIRE(ct_http_new(&http) == CT_OK);
    prepare(r, paths, 2);
    CHECK_EQ(ct_http_post(http, r, 2, PATIENCE_MS, one_is_enough, NULL), CT_OK);
    CHECK_EQ(r[0].err, CT_ERR_AGAIN);
    CHECK(r[0].response == NULL);
    CHECK_EQ(r[1].err, CT_OK);
    release(r, 2);
    /* the late answer arrives during later batches, and its connection is there to be used */
    REQUIRE(write(gate[1], "", 1) == 1);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(write(gate[1], "", 1) == 1);
        prepare(r, again, 1);
        CHECK_EQ(ct_http_post(http, r, 1, PATIENCE_MS, NULL, NULL), CT_OK);
        CHECK_EQ(r[0].err, CT_OK);
        if (i == 1) {
            CHECK(strcmp(strchr(r[0].response, '.'), ".1") != 0);
        }
        release(r, 1);
    }
    prepare(r, paths, 2); /* what is under way is freed with the transport */
    CHECK_EQ(ct_http_post(http, r, 2, PATIENCE_MS, one_is_enough, NULL), CT_OK);
    release(r, 2);
    ct_http_free(http);
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    (void)close(gate[0]);
    (void)close(gate[1]);
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return count;
}

/* The endpoint takes connections (the kernel does) and never says a word. */
static void endpoint_that_never_answers_piles_up_no_transfers(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof(addr);
    struct ct_http *http = NULL;
    struct ct_http_request r[2];
    size_t files = 0;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(bind(listener, (struct sockaddr *)&addr, len) == 0 && listen(listener, 16) == 0 &&
            getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
    REQUIRE(start_server() && ct_http_new(&http) == CT_OK);
    for (unsigned i = 0; i < 8; i++) {
        static const char *const paths[] = {"/", "/ok"};
        prepare(r, paths, 2);
        (void)snprintf(urls[0], sizeof(urls[0]), "http://127.0.0.1:%u/", ntohs(addr.sin_port));
        CHECK_EQ(ct_http_post(http, r, 2, PATIENCE_MS, one_is_enough, NULL), CT_OK);
        CHECK_EQ(r[0].err, CT_ERR_AGAIN);
        CHECK_EQ(r[1].err, CT_OK);
        release(r, 2);
        files = i == 1 ? open_files() : files;
    }
    CHECK(open_files() <= files + 1);
    ct_http_free(http);
    (void)close(listener);
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
}

static const struct ct_test tests[] = {
    CT_TEST(connection_is_kept_open_between_batches),
    CT_TEST(each_failure_is_told_and_the_others_go_on),
    CT_TEST(closed_refused_and_foreign_urls_fail_with_a_cause),
    CT_TEST(too_long_an_answer_is_refused),
    CT_TEST(silence_ends_at_the_timeout),
    CT_TEST(slow_endpoint_is_not_waited_for_and_keeps_its_connection),
    CT_TEST(endpoint_that_never_answers_piles_up_no_transfers),
};
CT_TEST_MAIN(tests)
