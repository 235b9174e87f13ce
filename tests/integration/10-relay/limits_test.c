/* Claims about what the running relay gives to strangers, floods and greedy clients: not much. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "place.h"
#include "probe.h"
#include "sockets.h"
#include "turn/stun.h"

static struct place place;

enum { MARK_CHANNEL = 0x4ffe, CHANNEL = 0x4000, WAIT_MS = 3000 };

/* A server with some limit, two peers: an approved relay's, and one with a channel for the mark. */
static struct {
    pid_t server;
    struct ct_addr approved_at;
    struct ct_addr mark_at;
    int approved;
    int mark;
} scene;

static bool scene_open(const char *limits)
{
    char extra[512];
    (void)snprintf(extra, sizeof(extra), "%s%s", place_module_on, limits);
    scene.approved_at = loopback(2, APPROVED_MIN);
    scene.mark_at = loopback(5, APPROVED_MIN);
    scene.approved = socket_at(&scene.approved_at, SOCK_DGRAM);
    scene.mark = socket_at(&scene.mark_at, SOCK_DGRAM);
    place_mark(&place);
    scene.server = place_configure(&place, extra) ? place_start(&place) : -1;
    return scene.server > 0 && scene.approved >= 0 && scene.mark >= 0 &&
           place_await(&place, "chainturn: started");
}

static void scene_close(void)
{
    (void)close(scene.approved);
    (void)close(scene.mark);
    CHECK_EQ(place_stop(scene.server), 0);
}

static bool open_client(struct probe *p, const char *user, const char *password)
{
    struct ct_addr server = loopback(1, place.port);
    return probe_open(p, &server, PROBE_UDP) &&
           probe_allocate(p, user, password, PROBE_UDP, 4) == 0 &&
           probe_bind(p, &scene.mark_at, MARK_CHANNEL) == 0;
}

/* How many of these datagrams of a peer's come in at the client, one behind the other. */
static unsigned heard(struct probe *p, int peer, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        socket_send(peer, &p->relayed, "flood");
        if (i % 20 == 19) { /* the sockets on the way hold a few hundred */
            probe_pump(p, 1);
        }
    }
    socket_send(scene.mark, &p->relayed, "mark");
    return probe_until_mark(p, WAIT_MS);
}

static void permission_makes_a_list_of_who_may_come(void)
{
    struct probe p;
    struct probe other;
    struct ct_addr friend_at = loopback(6, APPROVED_MIN);
    int friend_fd = socket_at(&friend_at, SOCK_DGRAM);
    REQUIRE(scene_open("") && open_client(&p, "alice", "wonderland") &&
            open_client(&other, "alice", "wonderland"));
    CHECK_EQ(heard(&p, scene.approved, 1), 1);
    CHECK_EQ(heard(&p, friend_fd, 1), 0);
    CHECK_EQ(probe_permit(&p, &friend_at), 0);
    CHECK_EQ(heard(&p, scene.approved, 1), 0);
    CHECK_EQ(heard(&p, friend_fd, 1), 1);
    CHECK_EQ(heard(&other, scene.approved, 1), 1);
    CHECK_EQ(probe_bind(&p, &scene.approved_at, CHANNEL), 0);
    CHECK_EQ(heard(&p, scene.approved, 1), 1);
    probe_close(&p);
    probe_close(&other);
    (void)close(friend_fd);
    scene_close();
    CHECK(place_await(&place, "peers verdict=invite_only by=data packets=1"));
}

static void flood_without_permission_is_thinned_and_a_channel_is_exempt(void)
{
    struct probe p;
    REQUIRE(scene_open("chainturn-uninvited-pps=50\n") && open_client(&p, "alice", "wonderland"));
    unsigned came = heard(&p, scene.approved, 600);
    CHECK(came >= 50 && came <= 110); /* what a second or less of the flood refills */
    CHECK_EQ(probe_bind(&p, &scene.approved_at, CHANNEL), 0);
    CHECK_EQ(heard(&p, scene.approved, 600), 600);
    probe_close(&p);
    scene_close();
    CHECK(place_await(&place, "peers verdict=uninvited_rate by=data packets="));
}

static void source_is_limited_over_all_allocations(void)
{
    struct probe p;
    struct probe other;
    REQUIRE(scene_open("chainturn-uninvited-pps=0\nchainturn-source-pps=60\n") &&
            open_client(&p, "alice", "wonderland") && open_client(&other, "alice", "wonderland"));
    unsigned first = heard(&p, scene.approved, 300);
    unsigned second = heard(&other, scene.approved, 300);
    CHECK(first >= 60 && first <= 130);
    CHECK(second <= 70);
    probe_close(&p);
    probe_close(&other);
    scene_close();
    CHECK(place_await(&place, "peers verdict=source_rate by=data packets="));
}

/* How many of these datagrams the peer gets, sent in a channel as fast as it goes. */
static unsigned reached(struct probe *p, unsigned count)
{
    char text[1001];
    unsigned came = 0;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (unsigned i = 0; i < count; i++) {
        probe_send_in_channel(p, CHANNEL, text);
        while (socket_receive(scene.approved, i % 20 == 19 ? 2 : 0)[0] != '\0') {
            came++;
        }
    }
    while (socket_receive(scene.approved, 300)[0] != '\0') {
        came++;
    }
    return came;
}

static void allocation_relays_no_more_than_its_cap(void)
{
    struct probe p;
    REQUIRE(scene_open("chainturn-allocation-kbps=1000\n") &&
            open_client(&p, "alice", "wonderland"));
    CHECK_EQ(probe_bind(&p, &scene.approved_at, CHANNEL), 0);
    unsigned came = reached(&p, 1000); /* 1,000,000 bytes; 125,000 a second may pass */
    CHECK(came >= 120 && came <= 400);
    probe_close(&p);
    scene_close();
    CHECK(place_await(&place, "capped by=channel_out packets="));
}

static void allocations_of_one_pass_share_its_cap(void)
{
    struct probe first;
    struct probe second;
    struct probe of_other_pass;
    struct credential pass;
    struct credential other;
    REQUIRE(place_pass(&place, &pass, ct_wall_s(), 900) &&
            place_pass(&place, &other, ct_wall_s(), 900));
    REQUIRE(scene_open("chainturn-pass-pps=200\n") &&
            open_client(&first, pass.user, pass.password) &&
            open_client(&second, pass.user, pass.password) &&
            open_client(&of_other_pass, other.user, other.password));
    CHECK_EQ(probe_bind(&first, &scene.approved_at, CHANNEL), 0);
    CHECK_EQ(probe_bind(&second, &scene.approved_at, CHANNEL), 0);
    CHECK_EQ(probe_bind(&of_other_pass, &scene.approved_at, CHANNEL), 0);
    unsigned by_first = reached(&first, 150);
    unsigned by_second = reached(&second, 1000);
    unsigned by_other = reached(&of_other_pass, 150);
    CHECK(by_first >= 145); /* a datagram may get lost */
    CHECK(by_second >= 50 && by_second <= 450);
    CHECK(by_other >= 145);
    probe_close(&first);
    probe_close(&second);
    probe_close(&of_other_pass);
    scene_close();
}

/* ---- amplification ---- */

struct volume {
    size_t in;
    size_t out;
};

/* Requests without credentials from one socket, as fast as the server takes them in. */
static struct volume flood_with_requests(uint16_t method, unsigned count)
{
    struct ct_addr any = loopback(7, 0);
    struct ct_addr server = loopback(1, place.port);
    struct volume v = {0, 0};
    struct sockaddr_storage to;
    socklen_t to_len = socket_address(&to, &server);
    int fd = socket_at(&any, SOCK_DGRAM);
    uint8_t message[2048];
    CHECK(fd >= 0);
    for (unsigned i = 0; i < count; i++) {
        uint8_t tid[CT_STUN_TID] = {0};
        struct ct_wr w;
        size_t len = 0;
        memcpy(tid, &i, sizeof(i));
        ct_stun_begin(&w, message, sizeof(message), method, CT_STUN_REQUEST, tid);
        if (method == CT_STUN_ALLOCATE) {
            ct_stun_put_u32(&w, CT_ATTR_REQUESTED_TRANSPORT, 17u << 24);
        }
        CHECK(ct_stun_end(&w, &len) == CT_OK);
        if (sendto(fd, message, len, 0, (const struct sockaddr *)&to, to_len) == (ssize_t)len) {
            v.in += len;
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        while (poll(&p, 1, i + 1 == count ? 300 : 0) == 1) {
            ssize_t n = recv(fd, message, sizeof(message), 0);
            v.out += n > 0 ? (size_t)n : 0;
        }
    }
    (void)close(fd);
    return v;
}

static double factor(struct volume v)
{
    return v.in > 0 ? (double)v.out / (double)v.in : 0;
}

enum { FLOOD = 30000 };

static void forged_requests_bring_their_victim_no_more_than_they_cost(void)
{
    static const uint16_t methods[2] = {CT_STUN_BINDING, CT_STUN_ALLOCATE};
    static const char *const names[2] = {"Binding", "Allocate"};
    struct volume stock[2];
    place_mark(&place);
    REQUIRE(place_configure(&place, ""));
    pid_t server = place_start(&place);
    REQUIRE(server > 0 && place_await(&place, "DB connection success"));
    for (size_t i = 0; i < 2; i++) {
        stock[i] = flood_with_requests(methods[i], FLOOD / 10);
    }
    (void)place_stop(server);
    REQUIRE(scene_open(""));
    for (size_t i = 0; i < 2; i++) {
        struct volume ours = flood_with_requests(methods[i], FLOOD);
        printf("    %s without credentials: %zu bytes in, %zu out, factor %.3f; without the "
               "module %.3f\n",
               names[i], ours.in, ours.out, factor(ours), factor(stock[i]));
        CHECK(factor(ours) <= 1.0);
        CHECK(ours.out > 0);
        CHECK(factor(stock[i]) > 1.0);
    }
    /* a client at another address, in the midst of it, is answered */
    struct probe p;
    REQUIRE(open_client(&p, "alice", "wonderland"));
    probe_close(&p);
    scene_close();
    CHECK(place_await(&place, "unproved_addresses answered="));
}

static void what_a_client_sends_is_smaller_at_the_peer_and_strangers_get_nothing(void)
{
    struct probe p;
    REQUIRE(scene_open("") && open_client(&p, "alice", "wonderland"));
    struct volume v = {0, 0};
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
    CHECK_EQ(heard(&p, stranger, 50), 0);
    CHECK_EQ(heard(&p, scene.approved, 50), 50);
    CHECK_STR(socket_receive(stranger, 0), "");
    CHECK_STR(socket_receive(scene.approved, 0), "");
    printf("    Send to a peer: factor %.3f; to whoever sends without being asked: 0\n", factor(v));
    (void)close(stranger);
    probe_close(&p);
    scene_close();
}

static const struct ct_test tests[] = {
    CT_TEST(permission_makes_a_list_of_who_may_come),
    CT_TEST(flood_without_permission_is_thinned_and_a_channel_is_exempt),
    CT_TEST(source_is_limited_over_all_allocations),
    CT_TEST(allocation_relays_no_more_than_its_cap),
    CT_TEST(allocations_of_one_pass_share_its_cap),
    CT_TEST(forged_requests_bring_their_victim_no_more_than_they_cost),
    CT_TEST(what_a_client_sends_is_smaller_at_the_peer_and_strangers_get_nothing),
};

int main(int argc, char **argv)
{
    return place_begin(&place, argc, argv)
               ? place_end(&place, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])))
               : 2;
}
