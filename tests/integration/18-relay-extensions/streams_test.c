/* Claims about TCP relays (RFC 6062) with passes, in each mode, and without the module. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "scene.h"
#include "sockets.h"
#include "streams.h"

enum { WAIT_MS = STREAM_WAIT_MS, BULK = STREAM_BULK };

static void check_data(const struct probe *control, const struct credential *who, int peer)
{
    struct probe data;
    CHECK_EQ(stream_take(&data, control, who->user, who->password), 0);
    CHECK(stream_carries(data.fd, peer, BULK));
    CHECK(stream_carries(peer, data.fd, BULK));
    probe_close(&data);
}

/* To a peer that listens: by the client's own request, in every mode. */
static void connects(struct probe *control, const struct credential *who)
{
    struct ct_addr at = loopback(3, 45000);
    int listener = socket_listen(&at);
    CHECK(listener >= 0);
    CHECK_EQ(probe_connect(control, &at), 0);
    struct pollfd p = {.fd = listener, .events = POLLIN};
    CHECK_EQ(poll(&p, 1, WAIT_MS), 1);
    int peer = accept(listener, NULL, NULL);
    check_data(control, who, peer);
    (void)close(peer);
    (void)close(listener);
}

static const struct {
    uint8_t host;
    uint16_t port;
    bool admitted[SCENE_STOCK];
} peers[] = {
    {2, APPROVED_MIN, {false, true, true, true}},      /* a device's port */
    {2, APPROVED_MIN + 1, {false, true, false, true}}, /* another of that relay's */
    {3, APPROVED_MIN, {false, false, false, true}},    /* a stranger */
};

static void check_mode(enum scene_mode mode)
{
    struct credential who;
    struct probe control;
    REQUIRE(scene_start(mode, "") && scene_login(&who, 900));
    REQUIRE(scene_allocate(&control, 1, &who, &stream_wish) == 0);
    connects(&control, &who);
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        struct ct_addr from = loopback(peers[i].host, peers[i].port);
        bool admitted = mode != SCENE_STOCK && peers[i].admitted[mode];
        int peer = stream_come(&control, &from);
        CHECK_EQ(peer >= 0, admitted);
        if (peer >= 0) {
            check_data(&control, &who, peer);
        }
        (void)close(peer);
    }
    struct ct_addr stranger = loopback(3, 0);
    CHECK_EQ(probe_permit(&control, &stranger), 0);
    int peer = stream_come(&control, &stranger);
    CHECK(peer >= 0); /* with a permission, in every mode */
    (void)close(peer);
    probe_close(&control);
    CHECK(scene_stop());
}

static void peers_need_a_permission_with_the_module_off(void)
{
    check_mode(SCENE_STOCK);
}

static void peers_of_a_pass_need_a_permission_in_mode_off(void)
{
    check_mode(SCENE_OFF);
}

static void relays_connect_to_a_pass_in_mode_relays(void)
{
    check_mode(SCENE_RELAYS);
}

static void devices_connect_to_a_pass_in_mode_devices(void)
{
    check_mode(SCENE_DEVICES);
}

static void everybody_connects_to_a_pass_in_mode_open(void)
{
    check_mode(SCENE_OPEN);
}

/* The connection of which data is the other end: to its client, or it was ended. */
static bool is_announced(struct probe *client, struct probe *data)
{
    uint64_t until = ct_mono_ms() + WAIT_MS;
    struct pollfd fds[2] = {{.fd = client->fd, .events = POLLIN},
                            {.fd = data->fd, .events = POLLIN}};
    while (client->attempts == 0 && !data->is_over && ct_mono_ms() < until) {
        (void)poll(fds, 2, WAIT_MS);
        probe_pump(client, 0);
        probe_pump(data, 0);
    }
    CHECK_EQ(probe_refresh(client, 600), 0); /* what there was to be told comes before */
    return client->attempts > 0;
}

/* Two clients of one relay: a's Connect comes to b as a ConnectionAttempt, if a is known there. */
static bool neighbours(const struct credential *a, const struct credential *b)
{
    struct probe from, to, data[2] = {{.fd = -1}, {.fd = -1}};
    if (scene_allocate(&from, 1, a, &stream_wish) != 0 ||
        scene_allocate(&to, 1, b, &stream_wish) != 0) {
        return false;
    }
    bool is_let_in = probe_connect(&from, &to.relayed) == 0 &&
                     stream_take(&data[0], &from, a->user, a->password) == 0 &&
                     is_announced(&to, &data[0]);
    CHECK_EQ(to.attempts, is_let_in);
    if (is_let_in) {
        CHECK_EQ(stream_take(&data[1], &to, b->user, b->password), 0);
        CHECK(stream_carries(data[0].fd, data[1].fd, BULK));
        CHECK(stream_carries(data[1].fd, data[0].fd, BULK));
        probe_close(&data[1]);
    }
    probe_close(&data[0]);
    probe_close(&from);
    probe_close(&to);
    return is_let_in;
}

static void passes_of_one_relay_are_neighbours_over_tcp_and_users_are_not(void)
{
    struct credential a, b, user;
    REQUIRE(scene_start(SCENE_DEVICES, ""));
    REQUIRE(scene_login(&a, 900) && scene_login(&b, 900));
    (void)snprintf(user.user, sizeof(user.user), "alice");
    (void)snprintf(user.password, sizeof(user.password), "wonderland");
    CHECK(neighbours(&a, &b));
    CHECK(!neighbours(&user, &a));
    CHECK(scene_stop());
}

static void connection_is_nobody_elses(void)
{
    struct credential who, thief;
    struct probe control, data;
    struct ct_addr from = loopback(2, APPROVED_MIN);
    REQUIRE(scene_start(SCENE_RELAYS, ""));
    REQUIRE(scene_login(&who, 900) && scene_login(&thief, 900));
    REQUIRE(scene_allocate(&control, 1, &who, &stream_wish) == 0);
    int peer = stream_come(&control, &from);
    REQUIRE(peer >= 0);
    CHECK(stream_take(&data, &control, thief.user, thief.password) != 0);
    CHECK(data.is_over && !stream_carries(peer, data.fd, 1));
    probe_close(&data);
    probe_close(&control);
    (void)close(peer);
    CHECK(scene_stop());
}

static void no_tcp_relay_holds_for_passes(void)
{
    struct credential who;
    struct probe control;
    REQUIRE(scene_start(SCENE_RELAYS, "no-tcp-relay\n") && scene_login(&who, 900));
    CHECK_EQ(scene_allocate(&control, 1, &who, &stream_wish), 442); /* RFC 6062 */
    probe_close(&control);
    CHECK(scene_stop());
}

static const struct ct_test tests[] = {
    CT_TEST(peers_need_a_permission_with_the_module_off),
    CT_TEST(peers_of_a_pass_need_a_permission_in_mode_off),
    CT_TEST(relays_connect_to_a_pass_in_mode_relays),
    CT_TEST(devices_connect_to_a_pass_in_mode_devices),
    CT_TEST(everybody_connects_to_a_pass_in_mode_open),
    CT_TEST(passes_of_one_relay_are_neighbours_over_tcp_and_users_are_not),
    CT_TEST(connection_is_nobody_elses),
    CT_TEST(no_tcp_relay_holds_for_passes),
};

int main(int argc, char **argv)
{
    int code = scene_open(argc, argv);
    return code == 0 ? scene_close(ct_test_main(tests, sizeof(tests) / sizeof(tests[0]))) : code;
}
