/* Claims about the relay's endpoint for Prometheus: what is answered, and what clients cannot do to
 * it. */
/* links: ct_coturn_module ct_relay_policy ct_turn ct_base */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "status/scrape.h"

static const char good[] = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9642\r\n\r\n";

static unsigned status_of(const char *head, bool on_loopback)
{
    bool is_head = false;
    return ct_scrape_status(head, strlen(head), on_loopback, &is_head);
}

static void only_get_of_metrics_is_answered(void)
{
    static const struct {
        const char *head;
        unsigned status;
    } table[] = {
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
        {"GET /metrics HTTP/1.0\r\nAccept: text/plain\r\nhOST:\tLOCALHOST:1 \r\n\r\n", 200},
        {"GET /metrics HTTP/1.1\nHost: [::1]:9642\n\n", 200},
        {"HEAD /metrics HTTP/1.1\r\nHost: 127.1.2.3\r\n\r\n", 200},
        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"GET /metrics?x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 405},
        {"GET /metrics HTTP/1.1\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400},
        {"GET /metrics HTTP/2.0\r\nHost: localhost\r\n\r\n", 400},
        {"GET /metrics\r\nHost: localhost\r\n\r\n", 400},
        {"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {" GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"\r\n\r\n", 400},
        {"\x16\x03\x01\x02\n\n", 400},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        unsigned status = status_of(table[i].head, true);
        if (status != table[i].status) {
            printf("    %u for %s\n", status, table[i].head);
        }
        CHECK_EQ(status, table[i].status);
    }
}

static void other_hosts_names_are_refused_on_loopback_alone(void)
{
    static const char *const names[] = {
        "evil.example", "127.evil.example", "localhost.evil", "10.0.0.1", "[::1",
        "[::2]:80",     "[2001:db8::1]",    "localhost@x",    ":80"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char head[128];
        (void)snprintf(head, sizeof(head), "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", names[i]);
        CHECK_EQ(status_of(head, true), 421);
        CHECK_EQ(status_of(head, false), 200);
    }
}

static void request_cut_at_any_length_waits_for_more(void)
{
    bool is_head = false;
    for (size_t len = 0; len < sizeof(good) - 1; len++) {
        CHECK_EQ(ct_scrape_status(good, len, true, &is_head), 0);
    }
    CHECK_EQ(ct_scrape_status(good, sizeof(good) - 1, true, &is_head), 200);
    CHECK(!is_head);
}

static void endless_head_and_zero_bytes_are_refused(void)
{
    static char head[CT_SCRAPE_HEAD_MAX + 1];
    bool is_head = false;
    memset(head, 'a', sizeof(head));
    CHECK_EQ(ct_scrape_status(head, CT_SCRAPE_HEAD_MAX - 1, true, &is_head), 0);
    CHECK_EQ(ct_scrape_status(head, CT_SCRAPE_HEAD_MAX, true, &is_head), 431);
    CHECK_EQ(ct_scrape_status(head, CT_SCRAPE_HEAD_MAX + 1, true, &is_head), 431);
    static const char zero[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n";
    CHECK_EQ(ct_scrape_status(zero, sizeof(zero) - 1, true, &is_head), 400);
}

/* ---- the server ---- */

static void write_figures(void *arg, FILE *out)
{
    unsigned *asked = arg;
    ++*asked;
    for (unsigned i = 0; i < 20000; i++) { /* more than a socket takes at once */
        (void)fprintf(out, "figure_%u 1\n", i);
    }
}

static struct ct_scrape *start(unsigned *asked)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    struct ct_scrape_config config = {ct_addr_ip4(loopback, 0), write_figures, asked};
    struct ct_scrape *scrape = NULL;
    struct ct_why why = {""};
    CHECK(ct_scrape_start(&scrape, &config, &why) == CT_OK);
    return scrape;
}

static int dial(const struct ct_scrape *scrape)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(ct_scrape_port(scrape)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

/* Up to the end of the stream; -1: none within 10 s. */
static ssize_t read_all(int fd, char *out, size_t cap)
{
    size_t len = 0;
    uint64_t until = ct_mono_ms() + 10000;
    while (len < cap && ct_mono_ms() < until) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, 1000) == 1 ? recv(fd, out + len, cap - len, 0) : -2;
        if (n == 0 || n == -1) {
            return (ssize_t)len;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    return -1;
}

static char answer[1 << 20];

static void every_byte_of_an_answer_arrives(void)
{
    unsigned asked = 0;
    struct ct_scrape *scrape = start(&asked);
    REQUIRE(scrape);
    for (unsigned i = 0; i < 2; i++) {
        int fd = dial(scrape);
        for (const char *c = good; *c != '\0'; c++) { /* the slow client: byte by byte */
            CHECK_EQ(send(fd, c, 1, 0), 1);
        }
        ssize_t n = read_all(fd, answer, sizeof(answer) - 1);
        REQUIRE(n > 0);
        answer[n] = '\0';
        CHECK(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17) == 0);
        CHECK(strstr(answer, "figure_0 1\n") && strstr(answer, "figure_19999 1\n"));
        const char *length = strstr(answer, "Content-Length: ");
        const char *body = strstr(answer, "\r\n\r\n");
        REQUIRE(length && body);
        CHECK_EQ(strtol(length + 16, NULL, 10), answer + n - (body + 4));
        (void)close(fd);
    }
    CHECK_EQ(asked, 2);
    ct_scrape_stop(scrape);
}

static void connections_that_say_nothing_keep_nobody_out(void)
{
    unsigned asked = 0;
    struct ct_scrape *scrape = start(&asked);
    REQUIRE(scrape);
    int idle[24];
    for (size_t i = 0; i < 24; i++) {
        idle[i] = dial(scrape);
    }
    int fd = dial(scrape);
    CHECK_EQ(send(fd, good, sizeof(good) - 1, 0), (long long)sizeof(good) - 1);
    CHECK(read_all(fd, answer, sizeof(answer)) > 20000);
    for (size_t i = 0; i < 24; i++) {
        (void)close(idle[i]);
    }
    (void)close(fd);
    ct_scrape_stop(scrape);
}

static void silent_connection_is_ended(void)
{
    unsigned asked = 0;
    struct ct_scrape *scrape = start(&asked);
    REQUIRE(scrape);
    int fd = dial(scrape);
    CHECK_EQ(send(fd, "GET", 3, 0), 3);
    CHECK_EQ(read_all(fd, answer, sizeof(answer)), 0);
    CHECK_EQ(asked, 0);
    (void)close(fd);
    ct_scrape_stop(scrape);
}

static void address_that_cannot_be_had_is_named(void)
{
    unsigned asked = 0;
    struct ct_scrape *scrape = start(&asked);
    REQUIRE(scrape);
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    struct ct_scrape_config config = {ct_addr_ip4(loopback, ct_scrape_port(scrape)), write_figures,
                                      &asked};
    struct ct_scrape *second = NULL;
    struct ct_why why = {""};
    CHECK(ct_scrape_start(&second, &config, &why) == CT_ERR_SYSTEM);
    CHECK(strstr(why.text, "chainturn-metrics: 127.0.0.1:") != NULL);
    CHECK(strstr(why.text, strerror(EADDRINUSE)) != NULL);
    ct_scrape_stop(scrape);
}

static const struct ct_test tests[] = {
    CT_TEST(only_get_of_metrics_is_answered),
    CT_TEST(other_hosts_names_are_refused_on_loopback_alone),
    CT_TEST(request_cut_at_any_length_waits_for_more),
    CT_TEST(endless_head_and_zero_bytes_are_refused),
    CT_TEST(every_byte_of_an_answer_arrives),
    CT_TEST(connections_that_say_nothing_keep_nobody_out),
    CT_TEST(silent_connection_is_ended),
    CT_TEST(address_that_cannot_be_had_is_named),
};

CT_TEST_MAIN(tests)
