/* The wallet manager's listeners with real clients: enrolment, TLS-PSK, floods, stalls, the end. */
/* links: ct_wmserver ct_wm ct_kex ct_chain ct_base */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "chain/bundle.h"
#include "chain/registry.h"
#include "ct_test.h"
#include "wm-server/src/http/handshake.h"
#include "wm-server/src/http/http.h"
#include "wm-server/src/http/sessions.h"
#include "wm/wm.h"

enum { WAIT_MS = 30000 }; /* for what happens at once on a machine that nobody else uses */

/*
 *   ct_wm (or a raw socket) ---- plain listener: enrolment
 *                           `--- TLS listener: says who asks; /slow waits for the test
 */
static struct {
    struct ct_x25519 key;
    struct ct_bundle bundle;
    struct ct_sessions *sessions;
    struct ct_enrolment *enrolment;
    struct ct_listener *plain, *tls;
    pthread_mutex_t lock;
    pthread_cond_t change;
    int waiting;
    bool let_go;
} wm = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static void on_plain(void *arg, size_t worker, const struct ct_request *request,
                     struct ct_answer *answer)
{
    (void)arg;
    (void)worker;
    ct_enrolment_post(wm.enrolment, request, answer);
}

static void on_tls(void *arg, size_t worker, const struct ct_request *request,
                   struct ct_answer *answer)
{
    struct ct_session session;
    (void)arg;
    (void)worker;
    if (strcmp(request->path, "/slow") == 0) {
        (void)pthread_mutex_lock(&wm.lock);
        wm.waiting++;
        (void)pthread_cond_broadcast(&wm.change);
        while (!wm.let_go) {
            (void)pthread_cond_wait(&wm.change, &wm.lock);
        }
        (void)pthread_mutex_unlock(&wm.lock);
    }
    if (ct_sessions_use(wm.sessions, request->psk_identity, ct_mono_ms(), &session) != CT_OK) {
        ct_answer_problem(answer, 401, "identity", "nobody");
        return;
    }
    ct_answer_json(answer, 200, "{\"identity\":\"%s\"}", session.party.identity);
}

static ct_err psk_of(void *arg, const char *identity, struct ct_secret32 *out)
{
    (void)arg;
    return ct_sessions_psk(wm.sessions, identity, ct_mono_ms(), out);
}

static bool start(unsigned per_ip, unsigned timeout_s)
{
    struct ct_why why = {{0}};
    struct ct_secret32 secret = {{5}};
    memset(&wm.bundle, 0, sizeof wm.bundle);
    wm.bundle.chain_id = 31337;
    wm.bundle.contract20[0] = 0xc0;
    wm.waiting = 0;
    wm.let_go = false;
    ct_deployment(wm.bundle.deployment32, 31337, wm.bundle.contract20);
    struct ct_listener_config c = {.address = "127.0.0.1:0",
                                   .handler = on_tls,
                                   .psk = psk_of,
                                   .workers = 2,
                                   .connections = 64,
                                   .per_ip = per_ip,
                                   .timeout_s = timeout_s};
    bool good = ct_x25519_from_secret(&wm.key, &secret) == CT_OK &&
                ct_sessions_new(&wm.sessions, 16) == CT_OK;
    struct ct_enrolment_config e = {.net = {.chain_id = 31337},
                                    .keys = {&wm.key},
                                    .key_count = 1,
                                    .sessions = wm.sessions,
                                    .mono_ms = ct_mono_ms};
    e.net.contract20[0] = 0xc0;
    good = good && ct_enrolment_new(&wm.enrolment, &e) == CT_OK &&
           ct_listener_start(&wm.tls, &c, &why) == CT_OK;
    c.handler = on_plain;
    c.psk = NULL;
    c.workers = 0;
    good = good && ct_listener_start(&wm.plain, &c, &why) == CT_OK;
    if (!good) {
        printf("    %s\n", why.text);
        return false;
    }
    (void)snprintf(wm.bundle.wm_handshake_url, CT_BUNDLE_URL_MAX, "http://127.0.0.1:%u",
                   ct_listener_port(wm.plain));
    (void)snprintf(wm.bundle.wm_tls_url, CT_BUNDLE_URL_MAX, "https://127.0.0.1:%u",
                   ct_listener_port(wm.tls));
    return true;
}

static void stop(void)
{
    ct_listener_stop(wm.plain);
    ct_listener_stop(wm.tls);
    ct_enrolment_free(wm.enrolment);
    ct_sessions_free(wm.sessions);
}

struct party {
    struct ct_wallet wallet;
    struct ct_x25519 key;
    struct ct_wm *wm;
};

static ct_err open_party(struct party *p, enum ct_hs_purpose purpose, const char *identity,
                         uint8_t wrong_key)
{
    struct ct_secret32 secret;
    struct ct_why why = {{0}};
    struct ct_wm_key key = {.id = 1, .not_after_s = ct_wall_s() + 1000};
    memcpy(key.x25519, wm.key.public32, 32);
    key.x25519[0] ^= wrong_key;
    memset(key.ed25519, 1, 32);
    if (ct_wallet_new(&p->wallet) != CT_OK || ct_random(&secret, sizeof secret) != CT_OK ||
        ct_x25519_from_secret(&p->key, &secret) != CT_OK) {
        return CT_ERR_SYSTEM;
    }
    const struct ct_wm_config config = {.bundle = &wm.bundle,
                                        .keys = &key,
                                        .key_count = 1,
                                        .purpose = purpose,
                                        .identity = identity,
                                        .wallet = &p->wallet,
                                        .key = &p->key,
                                        .timeout_ms = WAIT_MS};
    ct_err err = ct_wm_open(&p->wm, &config, &why);
    return err == CT_OK ? ct_wm_enrol(p->wm, &why) : err;
}

static struct ct_wm_answer answer;

static void device_enrols_and_is_known_by_its_psk(void)
{
    struct party p = {0};
    struct ct_why why = {{0}};
    REQUIRE(start(32, 10));
    CHECK_EQ(open_party(&p, CT_HS_ENROL_DEVICE, "sensor-42", 0), CT_OK);
    CHECK_EQ(ct_wm_request(p.wm, &answer, "GET", "/v1/me", NULL, &why), CT_OK);
    CHECK_EQ(answer.status, 200);
    CHECK_STR(answer.body, "{\"identity\":\"sensor-42\"}");
    ct_wm_free(p.wm);
    stop();
}

static void names_of_another_kind_do_not_enrol(void)
{
    struct party p = {0};
    REQUIRE(start(32, 10));
    CHECK(open_party(&p, CT_HS_ENROL_DEVICE, "relay:0123456789abcdef", 0) != CT_OK);
    ct_wm_free(p.wm);
    CHECK(open_party(&p, CT_HS_ENROL_RELAY, "sensor-42", 0) != CT_OK);
    ct_wm_free(p.wm);
    CHECK_EQ(open_party(&p, CT_HS_ENROL_RELAY, "relay:0123456789abcdef", 0), CT_OK);
    ct_wm_free(p.wm);
    stop();
}

static void another_key_than_the_contracts_is_noticed(void)
{
    struct party p = {0};
    REQUIRE(start(32, 10));
    CHECK(open_party(&p, CT_HS_ENROL_DEVICE, "sensor-42", 1) != CT_OK);
    ct_wm_free(p.wm);
    stop();
}

/* ---- raw sockets ---- */

static int dial(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Sends, and reads until the server closes or has said cap - 1 bytes; -1 without an end. */
static int converse(uint16_t port, const char *head, size_t filler, char *said, size_t cap)
{
    size_t got = 0;
    int fd = dial(port);
    if (fd < 0) {
        return -1;
    }
    (void)!send(fd, head, strlen(head), MSG_NOSIGNAL);
    for (size_t i = 0; i < filler; i++) {
        if (send(fd, "x", 1, MSG_NOSIGNAL) != 1) {
            break;
        }
    }
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int result = -1;
    while (got + 1 < cap && poll(&p, 1, WAIT_MS) == 1) {
        ssize_t n = recv(fd, said + got, cap - 1 - got, 0);
        if (n <= 0) {
            result = 0;
            break;
        }
        got += (size_t)n;
    }
    said[got] = '\0';
    (void)close(fd);
    return result;
}

static void oversized_requests_are_refused(void)
{
    static char said[4096];
    REQUIRE(start(32, 10));
    uint16_t port = ct_listener_port(wm.plain);
    CHECK_EQ(converse(port,
                      "POST /v1/handshake HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                      "Content-Length: 17000\r\n\r\n",
                      17000, said, sizeof said),
             0);
    CHECK(strncmp(said, "HTTP/1.1 413", 12) == 0);
    CHECK(strstr(said, "urn:chainturn:error:too-large") != NULL);
    /* a head without end: answered with an error or just closed, but not kept */
    CHECK_EQ(converse(port, "GET / HTTP/1.1\r\nHost: ", 60000, said, sizeof said), 0);
    CHECK(said[0] == '\0' || strncmp(said, "HTTP/1.1 4", 10) == 0);
    stop();
}

static uint64_t cpu_ms(void)
{
    struct rusage r;
    (void)getrusage(RUSAGE_SELF, &r);
    return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
           (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

static void stalled_clients_are_closed_and_cost_nothing(void)
{
    enum { STALLED = 20 };
    int fds[STALLED];
    char byte;
    REQUIRE(start(64, 4)); /* as long the good one may be held up by who else computes here */
    uint64_t cpu = cpu_ms();
    uint64_t began = ct_mono_ms();
    for (int i = 0; i < STALLED; i++) {
        fds[i] = dial(ct_listener_port(wm.tls));
        CHECK(fds[i] >= 0);
        /* the first byte of a TLS record, and then nothing */
        CHECK_EQ(send(fds[i], "\x16", 1, MSG_NOSIGNAL), 1);
    }
    struct party p = {0};
    struct ct_why why = {{0}};
    CHECK_EQ(open_party(&p, CT_HS_ENROL_DEVICE, "sensor-42", 0), CT_OK);
    CHECK_EQ(ct_wm_request(p.wm, &answer, "GET", "/v1/me", NULL, &why), CT_OK);
    ct_wm_free(p.wm);
    for (int i = 0; i < STALLED; i++) {
        struct pollfd w = {.fd = fds[i], .events = POLLIN};
        CHECK_EQ(poll(&w, 1, WAIT_MS), 1);
        while (recv(fds[i], &byte, 1, 0) > 0) { /* an alert, then the end */
        }
        (void)close(fds[i]);
    }
    CHECK(cpu_ms() - cpu < (ct_mono_ms() - began) / 2);
    stop();
}

/* A byte each 100 ms keeps a connection busy, but not for longer than the limit. */
static void dripped(const char *head)
{
    bool closed = false;
    uint64_t began = ct_mono_ms();
    int fd = dial(ct_listener_port(wm.plain));
    CHECK(fd >= 0);
    (void)!send(fd, head, strlen(head), MSG_NOSIGNAL);
    while (!closed && ct_mono_ms() - began < WAIT_MS) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char byte;
        closed = poll(&p, 1, 100) == 1 && recv(fd, &byte, 1, 0) <= 0;
        closed = closed || send(fd, "x", 1, MSG_NOSIGNAL) != 1;
    }
    CHECK(closed);
    CHECK(ct_mono_ms() - began >= 900);
    (void)close(fd);
}

static void dripping_does_not_hold_a_connection(void)
{
    REQUIRE(start(32, 1));
    dripped("GET / HTTP/1.1\r\nHost: ");
    dripped("POST /v1/handshake HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    stop();
}

/* Asks on each of them; how many are answered, and not just closed. */
static int answered(const int *fds, int count)
{
    static const char head[] = "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n";
    int n = 0;
    for (int i = 0; i < count; i++) {
        struct pollfd p = {.fd = fds[i], .events = POLLIN};
        char said[16] = "";
        (void)!send(fds[i], head, sizeof head - 1, MSG_NOSIGNAL);
        CHECK_EQ(poll(&p, 1, WAIT_MS), 1);
        n += recv(fds[i], said, 9, MSG_WAITALL) == 9 && strcmp(said, "HTTP/1.1 ") == 0;
    }
    return n;
}

static void one_address_has_only_its_share(void)
{
    int fds[8];
    REQUIRE(start(4, 10));
    for (int i = 0; i < 8; i++) {
        fds[i] = dial(ct_listener_port(wm.plain));
    }
    CHECK_EQ(answered(fds, 8), 4);
    for (int i = 0; i < 8; i++) {
        (void)close(fds[i]);
    }
    stop();
}

struct slow {
    struct party party;
    pthread_t thread;
    ct_err err;
    struct ct_wm_answer answer;
};

static void *ask_slowly(void *arg)
{
    struct slow *s = arg;
    struct ct_why why = {{0}};
    s->err = ct_wm_request(s->party.wm, &s->answer, "GET", "/slow", NULL, &why);
    return NULL;
}

static void await_waiting(int count)
{
    (void)pthread_mutex_lock(&wm.lock);
    while (wm.waiting < count) {
        (void)pthread_cond_wait(&wm.change, &wm.lock);
    }
    (void)pthread_mutex_unlock(&wm.lock);
}

static void let_go(void)
{
    (void)pthread_mutex_lock(&wm.lock);
    wm.let_go = true;
    (void)pthread_cond_broadcast(&wm.change);
    (void)pthread_mutex_unlock(&wm.lock);
}

static void slow_request_holds_up_nobody(void)
{
    static struct slow slow;
    struct party quick = {0};
    struct ct_why why = {{0}};
    memset(&slow, 0, sizeof slow);
    REQUIRE(start(32, 10));
    REQUIRE(open_party(&slow.party, CT_HS_ENROL_DEVICE, "slow", 0) == CT_OK);
    REQUIRE(open_party(&quick, CT_HS_ENROL_DEVICE, "quick", 0) == CT_OK);
    REQUIRE(pthread_create(&slow.thread, NULL, ask_slowly, &slow) == 0);
    await_waiting(1);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(ct_wm_request(quick.wm, &answer, "GET", "/v1/me", NULL, &why), CT_OK);
    }
    let_go();
    (void)pthread_join(slow.thread, NULL);
    CHECK_EQ(slow.err, CT_OK);
    CHECK_STR(slow.answer.body, "{\"identity\":\"slow\"}");
    ct_wm_free(slow.party.wm);
    ct_wm_free(quick.wm);
    stop();
}

static void *let_go_soon(void *arg)
{
    (void)arg;
    let_go();
    return NULL;
}

static void end_waits_for_requests_under_way(void)
{
    static struct slow slow;
    pthread_t helper;
    memset(&slow, 0, sizeof slow);
    REQUIRE(start(32, 10));
    REQUIRE(open_party(&slow.party, CT_HS_ENROL_DEVICE, "slow", 0) == CT_OK);
    REQUIRE(pthread_create(&slow.thread, NULL, ask_slowly, &slow) == 0);
    await_waiting(1);
    REQUIRE(pthread_create(&helper, NULL, let_go_soon, NULL) == 0);
    stop();
    (void)pthread_join(helper, NULL);
    (void)pthread_join(slow.thread, NULL);
    CHECK_EQ(slow.err, CT_OK); /* the answer came before the end */
    CHECK_STR(slow.answer.body, "{\"identity\":\"slow\"}");
    ct_wm_free(slow.party.wm);
}

static const struct ct_test tests[] = {
    CT_TEST(device_enrols_and_is_known_by_its_psk),
    CT_TEST(names_of_another_kind_do_not_enrol),
    CT_TEST(another_key_than_the_contracts_is_noticed),
    CT_TEST(oversized_requests_are_refused),
    CT_TEST(stalled_clients_are_closed_and_cost_nothing),
    CT_TEST(dripping_does_not_hold_a_connection),
    CT_TEST(one_address_has_only_its_share),
    CT_TEST(slow_request_holds_up_nobody),
    CT_TEST(end_waits_for_requests_under_way),
};
CT_TEST_MAIN(tests)
