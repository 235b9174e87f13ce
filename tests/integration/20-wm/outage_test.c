/* Endpoints that go away while the wallet manager sends, and come back: with a quorum it goes on,
 * without one it waits and says so, and what was asked for happens once. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "endpoints.h"
#include "platform.h"
#include "scene.h"

enum { WAIT_MS = 60000, STEP_MS = 200, OPERATOR_PORT = 9180 /* of wm-server init */ };

static const char *server;
static bool on_redis;

/* ---- what operators see ---- */

static bool get_ready(char *out, size_t cap)
{
    static const char request[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const struct timeval limit = {.tv_sec = 30};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(OPERATOR_PORT)};
    size_t got = 0;
    ssize_t n = 0;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    bool good = fd >= 0 && connect(fd, (const struct sockaddr *)&in, sizeof in) == 0 &&
                write(fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1;
    while (good && got + 1 < cap && (n = read(fd, out + got, cap - 1 - got)) > 0) {
        got += (size_t)n;
    }
    out[got] = '\0';
    (void)close(fd);
    return good && got > 0;
}

static bool await_ready(const char *status, const char *words)
{
    char text[4096] = "";
    for (uint64_t until_ms = ct_mono_ms() + WAIT_MS; ct_mono_ms() < until_ms;) {
        if (get_ready(text, sizeof text) && strstr(text, status) != NULL &&
            strstr(text, words) != NULL) {
            return true;
        }
        (void)usleep(STEP_MS * 1000);
    }
    printf("    never %s and \"%s\": %s\n", status, words, text);
    return false;
}

/* ---- claims ---- */

static void platform_is_ready(void)
{
    REQUIRE(platform_start(server, on_redis));
    endpoints_prepare((uint16_t)platform.anvil.port);
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        char from[CT_BUNDLE_URL_MAX + 16], to[64];
        (void)snprintf(from, sizeof from, "\nrpc = %s\n", platform.bundle.rpc[i]);
        (void)snprintf(to, sizeof to, "\nrpc = http://127.0.0.1:%u\n", endpoint_port(i));
        REQUIRE(platform_set(from, to));
    }
    REQUIRE(platform_set("repeat-s = 10", "repeat-s = 1"));
    REQUIRE(endpoint_up(0) && endpoint_up(1) && endpoint_up(2));
    REQUIRE(platform_run());
    CHECK(await_ready("200 OK", "3 of 3 endpoints"));
}

static void without_one_of_three_it_pays_and_registers(void)
{
    REQUIRE(platform.pid > 0);
    uint64_t before = platform_sent_by(&platform.funder);
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        struct device d;
        struct ct_device record;
        struct ct_wm_operation op;
        char name[16];
        (void)snprintf(name, sizeof name, "without-%u", i);
        endpoint_down(i);
        REQUIRE(device_new(&d, name) && device_ask_payment(&d, &op) == CT_OK);
        CHECK(op.id[0] != '\0' && device_wait(&d, &op) == CT_OK);
        CHECK_EQ(platform_sent_by(&platform.funder), before + i + 1);
        CHECK_EQ(device_register(&d), CT_OK);
        CHECK(device_record(&d, &record) == CT_OK && record.state == CT_RECORD_APPROVED &&
              record.sequence == 1);
        device_close(&d);
        REQUIRE(endpoint_up(i));
    }
}

/* Until it is answered with a payment: without a view of the chain there may be a refusal. */
static bool ask_until_taken(struct device *d, struct ct_wm_operation *op)
{
    for (uint64_t until_ms = ct_mono_ms() + WAIT_MS; ct_mono_ms() < until_ms;) {
        if (device_ask_payment(d, op) == CT_OK) {
            return true;
        }
        (void)usleep(STEP_MS * 1000);
    }
    return false;
}

static void without_a_quorum_it_waits_and_then_pays_once(void)
{
    struct device flying, late;
    struct ct_wm_operation sent, asked = {0};
    struct ct_why why = {{0}};
    REQUIRE(platform.pid > 0 && device_new(&flying, "flying") && device_new(&late, "late"));
    REQUIRE(platform_automine(false));
    uint64_t before = platform_sent_by(&platform.funder);
    REQUIRE(device_ask_payment(&flying, &sent) == CT_OK && sent.id[0] != '\0');
    for (uint64_t until_ms = ct_mono_ms() + WAIT_MS; ct_mono_ms() < until_ms;) {
        if (ct_wm_operation_get(flying.wm, &sent, sent.id, &why) != CT_OK ||
            sent.state == CT_WM_SENT) {
            break;
        }
        (void)usleep(STEP_MS * 1000);
    }
    CHECK(sent.state == CT_WM_SENT);
    endpoint_down(0);
    endpoint_down(1);
    CHECK(await_ready("503", "FAIL rpc"));
    bool is_taken = device_ask_payment(&late, &asked) == CT_OK; /* kept, or refused for now */
    for (int i = 0; i < 4; i++) {
        platform_mine(); /* among them its block, which one endpoint alone tells of */
    }
    CHECK_EQ(platform_sent_by(&platform.funder), before + 1);
    CHECK_EQ(ct_wm_operation_get(flying.wm, &sent, sent.id, &why), CT_OK);
    CHECK(sent.state == CT_WM_SENT); /* nothing is believed of one */
    REQUIRE(endpoint_up(0) && endpoint_up(1));
    CHECK(await_ready("200 OK", "3 of 3 endpoints"));
    REQUIRE(platform_automine(true));
    platform_mine();
    CHECK_EQ(device_wait(&flying, &sent), CT_OK);
    REQUIRE(is_taken || ask_until_taken(&late, &asked));
    CHECK(asked.id[0] != '\0' && device_wait(&late, &asked) == CT_OK);
    CHECK_EQ(platform_sent_by(&platform.funder), before + 2);
    CHECK(device_ask_payment(&flying, &sent) == CT_OK && sent.id[0] == '\0');
    CHECK(device_ask_payment(&late, &asked) == CT_OK && asked.id[0] == '\0');
    CHECK_EQ(platform_sent_by(&platform.funder), before + 2);
    device_close(&flying);
    device_close(&late);
}

static const struct ct_test tests[] = {
    CT_TEST(platform_is_ready),
    CT_TEST(without_one_of_three_it_pays_and_registers),
    CT_TEST(without_a_quorum_it_waits_and_then_pays_once),
};

int main(int argc, char **argv)
{
    on_redis = argc == 3 && strcmp(argv[2], "--redis") == 0;
    if (argc != 2 && !on_redis) {
        (void)fprintf(stderr, "usage: outage_test WM-SERVER [--redis]\n");
        return 2;
    }
    server = argv[1];
    (void)signal(SIGPIPE, SIG_IGN);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        endpoint_down(i);
    }
    platform_stop();
    return code;
}
