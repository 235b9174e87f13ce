/* Claims that nobody gets more out of the running relay than was put in, unless asked for. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "flood.h"
#include "sockets.h"
#include "turn/stun.h"

static struct place place;
static struct flood scene;

enum { WAIT_MS = 60000 };

/* Of requests and their answers. */
struct volume {
    size_t in;
    size_t out;
    unsigned answers;
};

static double factor(struct volume v)
{
    return v.in > 0 ? (double)v.out / (double)v.in : 0;
}

/* Requests without credentials, from a /24 where no client is. */
struct forger {
    int fd;
    uint32_t count;
    struct volume volume;
};

static bool forger_open(struct forger *f, uint8_t prefix)
{
    const uint8_t ip4[4] = {127, 0, prefix, 7};
    struct ct_addr any = ct_addr_ip4(ip4, 0);
    struct ct_addr server = loopback(1, place.port);
    struct sockaddr_storage to;
    socklen_t to_len = socket_address(&to, &server);
    memset(f, 0, sizeof(*f));
    f->fd = socket_at(&any, SOCK_DGRAM);
    return f->fd >= 0 && connect(f->fd, (const struct sockaddr *)&to, to_len) == 0;
}

/* How long the request is; 0: it did not go out. The barrier is longer than its answer, which
 * therefore always comes. */
static size_t ask(struct forger *f, uint16_t method, bool is_barrier)
{
    static const uint8_t padding[400];
    uint8_t message[512];
    uint8_t tid[CT_STUN_TID] = {0};
    struct ct_wr w;
    size_t len = 0;
    f->count++;
    memcpy(tid, &f->count, sizeof(f->count));
    ct_stun_begin(&w, message, sizeof(message), method, CT_STUN_REQUEST, tid);
    if (method == CT_STUN_ALLOCATE) {
        ct_stun_put_u32(&w, CT_ATTR_REQUESTED_TRANSPORT, 17u << 24);
    }
    if (is_barrier) {
        ct_stun_put(&w, CT_ATTR_SOFTWARE, padding, sizeof(padding));
    }
    bool went = ct_stun_end(&w, &len) == CT_OK && send(f->fd, message, len, 0) == (ssize_t)len;
    return went ? len : 0;
}

/* Takes answers in until that of the request that was sent last. */
static bool take_answers(struct forger *f)
{
    uint8_t message[2048];
    uint8_t tid[CT_STUN_TID] = {0};
    memcpy(tid, &f->count, sizeof(f->count));
    for (;;) {
        struct pollfd p = {.fd = f->fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, WAIT_MS) == 1 ? recv(f->fd, message, sizeof(message), 0) : 0;
        if (n < CT_STUN_HEADER) {
            return false;
        }
        if (memcmp(message + CT_STUN_HEADER - CT_STUN_TID, tid, CT_STUN_TID) == 0) {
            return true;
        }
        f->volume.out += (size_t)n;
        f->volume.answers++;
    }
}

/* As fast as the server takes them in: none of them, and no answer, is lost in a socket. */
static bool forge(struct forger *f, uint16_t method, unsigned count)
{
    enum { AT_ONCE = 100 };
    memset(&f->volume, 0, sizeof(f->volume));
    for (unsigned i = 0; i < count; i++) {
        size_t len = ask(f, method, false);
        f->volume.in += len;
        bool is_batch = i % AT_ONCE == AT_ONCE - 1 || i + 1 == count;
        if (len == 0 || (is_batch && (ask(f, CT_STUN_BINDING, true) == 0 || !take_answers(f)))) {
            return false;
        }
    }
    return true;
}

/* The most bytes that the answers may be, with chainturn-answer-bps as it is unless configured:
 * what half of their requests pays for, and what the limit of that many prefixes lets through. */
static double most(struct volume v, unsigned prefixes, uint64_t since_ns)
{
    const double per_s = 1024.0 * (prefixes < 16 ? prefixes : 16);
    double s = (double)(ct_mono_ns() - since_ns) / 1e9;
    return (double)v.in / 2 + 2 * per_s + per_s * s + 1;
}

static const uint16_t methods[2] = {CT_STUN_BINDING, CT_STUN_ALLOCATE};
static const char *const names[2] = {"Binding", "Allocate"};

/* What they come to without the module: each is answered. */
static void forge_at_stock(double factors[2])
{
    enum { COUNT = 3000 };
    struct forger f;
    place_mark(&place);
    REQUIRE(place_configure(&place, ""));
    pid_t server = place_start(&place);
    REQUIRE(server > 0 && place_await(&place, "DB connection success") && forger_open(&f, 9));
    for (size_t i = 0; i < 2; i++) {
        CHECK(forge(&f, methods[i], COUNT));
        CHECK_EQ(f.volume.answers, COUNT);
        factors[i] = factor(f.volume);
        CHECK(factors[i] > 1.0);
    }
    (void)close(f.fd);
    (void)place_stop(server);
}

static void forged_requests_bring_their_victim_no_more_than_they_cost(void)
{
    enum { COUNT = 30000 };
    double stock[2] = {0, 0};
    struct forger f;
    forge_at_stock(stock);
    REQUIRE(flood_open(&scene, &place, "") && forger_open(&f, 9));
    uint64_t began = ct_mono_ns();
    for (size_t i = 0; i < 2; i++) {
        CHECK(forge(&f, methods[i], COUNT));
        CHECK((double)f.volume.out <= most(f.volume, 1, began));
        CHECK(f.volume.answers > 0 && f.volume.answers < COUNT);
        printf("    %s without credentials: %zu bytes in, %zu out, factor %.3f; without the "
               "module %.3f\n",
               names[i], f.volume.in, f.volume.out, factor(f.volume), stock[i]);
        /* what it refills in a while is more than a flood that a slow server drags out */
        CHECK(factor(f.volume) <= 1.0 || ct_mono_ns() - began > 20 * UINT64_C(1000000000));
        struct probe p; /* a client at another address, in the midst of it, is answered */
        CHECK(flood_client(&scene, &p, "alice", "wonderland"));
        probe_close(&p);
    }
    (void)close(f.fd);
    CHECK(flood_close(&scene));
    CHECK(place_await(&place, "unproved_addresses answered="));
}

/* The first requests of all are where answers are longer than what was asked. */
static void small_floods_bring_a_bounded_allowance_more(void)
{
    static const unsigned counts[] = {1, 10, 300};
    REQUIRE(flood_open(&scene, &place, ""));
    uint64_t began = ct_mono_ns();
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct forger f;
        REQUIRE(forger_open(&f, (uint8_t)(20 + i)));
        CHECK(forge(&f, CT_STUN_ALLOCATE, counts[i]));
        CHECK((double)f.volume.out <= most(f.volume, 1, began));
        CHECK(f.volume.answers > 0); /* an honest client's first request is one of these */
        printf("    %u Allocate without credentials: %zu bytes in, %zu out, factor %.2f\n",
               counts[i], f.volume.in, f.volume.out, factor(f.volume));
        (void)close(f.fd);
    }
    CHECK(flood_close(&scene));
}

static void many_prefixes_share_an_allowance(void)
{
    enum { PREFIXES = 200, EACH = 50 };
    struct volume all = {0, 0, 0};
    REQUIRE(flood_open(&scene, &place, ""));
    uint64_t began = ct_mono_ns();
    for (unsigned i = 0; i < PREFIXES; i++) {
        struct forger f;
        REQUIRE(forger_open(&f, (uint8_t)(30 + i)));
        CHECK(forge(&f, CT_STUN_ALLOCATE, EACH));
        all.in += f.volume.in;
        all.out += f.volume.out;
        (void)close(f.fd);
    }
    CHECK((double)all.out <= most(all, PREFIXES, began));
    printf("    %u Allocate of %u prefixes: %zu bytes in, %zu out, factor %.2f\n",
           (unsigned)(PREFIXES * EACH), (unsigned)PREFIXES, all.in, all.out, factor(all));
    CHECK(flood_close(&scene));
}

/* Who brought our nonce back is there: a wrong password is told to him without end. */
static void client_that_returned_a_nonce_is_always_answered(void)
{
    enum { TRIES = 200 };
    struct ct_addr server = loopback(1, place.port);
    struct probe p;
    REQUIRE(flood_open(&scene, &place, "chainturn-answer-bps=100\n"));
    REQUIRE(probe_open(&p, &server, PROBE_UDP));
    for (unsigned i = 0; i < TRIES; i++) {
        CHECK_EQ(probe_allocate(&p, "alice", "a wrong one", PROBE_UDP, 4), 401);
    }
    probe_close(&p);
    CHECK(flood_close(&scene));
}

static void what_a_client_sends_is_smaller_at_the_peer_and_strangers_get_nothing(void)
{
    struct probe p;
    REQUIRE(flood_open(&scene, &place, "") && flood_client(&scene, &p, "alice", "wonderland"));
    struct volume v = {0, 0, 0};
    for (size_t len = 1; len <= 1000; len += 111) {
        char text[1001];
        memset(text, 'x', len);
        text[len] = '\0';
        probe_send(&p, &scene.approved_at, text);
        v.in += len + CT_STUN_HEADER + 12 + 4; /* at the least: header, peer, head of data */
        struct pollfd ready = {.fd = scene.approved, .events = POLLIN};
        char got[2048];
        CHECK(poll(&ready, 1, WAIT_MS) == 1);
        ssize_t n = recv(scene.approved, got, sizeof(got), 0);
        v.out += n > 0 ? (size_t)n : 0;
    }
    CHECK(v.out > 0 && factor(v) < 1.0);
    /* who is refused, and who is let in, is sent nothing back by the relay itself */
    struct ct_addr stranger_at = loopback(3, APPROVED_MIN);
    int stranger = socket_at(&stranger_at, SOCK_DGRAM);
    CHECK_EQ(flood_heard(&scene, &p, stranger, 50), 0);
    CHECK_EQ(flood_heard(&scene, &p, scene.approved, 50), 50);
    CHECK_STR(socket_receive(stranger, 0), "");
    CHECK_STR(socket_receive(scene.approved, 0), "");
    /* it goes to a client who asked for the port, not to whom a stranger names: a Data indication
     * is 40 bytes with one byte in it, and chainturn-uninvited-pps of them a second is the limit */
    printf("    one byte of a peer without a permission: %d at the client\n",
           CT_STUN_HEADER + 12 + 8);
    printf("    Send to a peer: factor %.3f; to whoever sends without being asked: 0\n", factor(v));
    (void)close(stranger);
    probe_close(&p);
    CHECK(flood_close(&scene));
}

static const struct ct_test tests[] = {
    CT_TEST(forged_requests_bring_their_victim_no_more_than_they_cost),
    CT_TEST(small_floods_bring_a_bounded_allowance_more),
    CT_TEST(many_prefixes_share_an_allowance),
    CT_TEST(client_that_returned_a_nonce_is_always_answered),
    CT_TEST(what_a_client_sends_is_smaller_at_the_peer_and_strangers_get_nothing),
};

int main(int argc, char **argv)
{
    return place_begin(&place, argc, argv)
               ? place_end(&place, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])))
               : 2;
}
