/* Claims about clients that move to another address (RFC 8016), with passes and without the module.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "scene.h"
#include "sockets.h"

enum { CHANNEL = 0x4001, WAIT_MS = 60000, LIFETIME_S = 600 };
static const struct probe_wish to_move = {.to_move = true, .transport = PROBE_UDP};

/* A client at another address, with the credentials and nothing else. */
static bool open_at(struct probe *p, uint8_t host, const struct credential *who)
{
    struct ct_addr from = loopback(host, 0);
    struct ct_addr to = scene_server(4);
    if (!probe_open_from(p, &from, &to, PROBE_UDP)) {
        return false;
    }
    p->user = who->user;
    p->password = who->password;
    return true;
}

static bool reaches(struct probe *p, int peer)
{
    probe_send_in_channel(p, CHANNEL, "out");
    bool out = strcmp(socket_receive(peer, WAIT_MS), "out") == 0;
    socket_send(peer, &p->relayed, "in");
    return out && strcmp(probe_receive(p, WAIT_MS), "in") == 0;
}

/* Again and again, so that the new address comes up at each of the relay's threads. */
static void check_moves(enum scene_mode mode)
{
    enum { MOVES = 12 };
    struct credential who;
    struct probe at[2];
    struct ct_addr peer_at = loopback(2, APPROVED_MIN);
    REQUIRE(scene_start(mode, ""));
    int peer = socket_at(&peer_at, SOCK_DGRAM);
    REQUIRE(peer >= 0 && scene_login(&who, 900));
    REQUIRE(scene_allocate(&at[0], 1, &who, &to_move) == 0);
    CHECK(at[0].ticket[0] != '\0');
    CHECK_EQ(probe_bind(&at[0], &peer_at, CHANNEL), 0);
    for (unsigned i = 0; i < MOVES; i++) {
        struct probe *old = &at[i % 2];
        struct probe *moved = &at[(i + 1) % 2];
        REQUIRE(open_at(moved, (uint8_t)(6 + i), &who));
        CHECK_EQ(probe_move(moved, old, LIFETIME_S), 0);
        CHECK(strcmp(moved->ticket, old->ticket) != 0 && moved->ticket[0] != '\0');
        CHECK_EQ(moved->lifetime_s, LIFETIME_S);
        CHECK(reaches(moved, peer));
        CHECK_STR(probe_receive(old, 0), ""); /* nothing goes there any more */
        CHECK_EQ(probe_refresh(moved, LIFETIME_S), 0);
        probe_close(old);
    }
    CHECK_EQ(probe_refresh(&at[MOVES % 2], 0), 0);
    probe_close(&at[MOVES % 2]);
    (void)close(peer);
    CHECK(scene_stop());
}

static void moved_client_keeps_allocation_and_channels_with_the_module_off(void)
{
    check_moves(SCENE_STOCK);
}

static void moved_client_keeps_them_with_a_pass_in_mode_devices(void)
{
    check_moves(SCENE_DEVICES);
}

static void moved_client_keeps_them_with_a_pass_in_mode_off(void)
{
    check_moves(SCENE_OFF);
}

/* Until nobody knows any more who is revoked, which passes that have no session are told. */
static bool await_old_log(void)
{
    uint64_t until = ct_mono_ms() + WAIT_MS;
    int code = 0;
    while (code == 0 && ct_mono_ms() < until) {
        struct credential fresh;
        struct probe p;
        code = scene_login(&fresh, 900) ? scene_allocate(&p, 1, &fresh, &to_move) : -1;
        (void)probe_receive(&p, 500);
        probe_close(&p);
    }
    return code == 401;
}

/* Its session is new at each thread; what it is let in for is the allocation that stands. */
static void who_is_in_moves_while_the_log_is_too_old_and_nobody_else_comes_in(void)
{
    enum { MOVES = 12 };
    struct credential who;
    struct probe at[2], more;
    struct ct_addr peer_at = loopback(2, APPROVED_MIN);
    REQUIRE(scene_start(SCENE_OFF, "chainturn-poll-ms=5000\nchainturn-max-age=15\n"));
    int peer = socket_at(&peer_at, SOCK_DGRAM);
    REQUIRE(peer >= 0 && scene_login(&who, 900));
    REQUIRE(scene_allocate(&at[0], 1, &who, &to_move) == 0);
    CHECK_EQ(probe_bind(&at[0], &peer_at, CHANNEL), 0);
    REQUIRE(await_old_log());
    for (unsigned i = 0; i < MOVES; i++) {
        struct probe *old = &at[i % 2];
        struct probe *moved = &at[(i + 1) % 2];
        REQUIRE(open_at(moved, (uint8_t)(6 + i), &who));
        CHECK_EQ(probe_move(moved, old, LIFETIME_S), 0);
        CHECK(reaches(moved, peer));
        CHECK_EQ(probe_refresh(moved, LIFETIME_S), 0);
        probe_close(old);
    }
    for (uint8_t host = 20; host < 26; host++) { /* at each thread */
        CHECK_EQ(scene_allocate(&more, host, &who, &to_move), 508);
        probe_close(&more);
    }
    CHECK(await_old_log());
    probe_close(&at[MOVES % 2]);
    (void)close(peer);
    CHECK(scene_stop());
}

static void moved_allocation_is_a_neighbour_still(void)
{
    struct credential who[2];
    struct probe p, other, moved;
    REQUIRE(scene_start(SCENE_DEVICES, ""));
    REQUIRE(scene_login(&who[0], 900) && scene_login(&who[1], 900));
    REQUIRE(scene_allocate(&p, 1, &who[0], &to_move) == 0);
    REQUIRE(scene_allocate(&other, 1, &who[1], &to_move) == 0);
    REQUIRE(open_at(&moved, 6, &who[0]) && probe_move(&moved, &p, LIFETIME_S) == 0);
    probe_send(&moved, &other.relayed, "from where it is now");
    CHECK_STR(probe_receive(&other, WAIT_MS), "from where it is now");
    probe_send(&other, &moved.relayed, "and back");
    CHECK_STR(probe_receive(&moved, WAIT_MS), "and back");
    probe_close(&p);
    probe_close(&moved);
    probe_close(&other);
    CHECK(scene_stop());
}

static void ticket_alone_takes_nothing_over(void)
{
    struct credential owner, thief;
    struct probe p, t;
    char once[sizeof(p.ticket)];
    REQUIRE(scene_start(SCENE_DEVICES, ""));
    REQUIRE(scene_login(&owner, 900) && scene_login(&thief, 900));
    REQUIRE(scene_allocate(&p, 1, &owner, &to_move) == 0);
    for (unsigned i = 0; i < 6; i++) { /* at each thread */
        REQUIRE(open_at(&t, (uint8_t)(20 + i), &thief));
        CHECK_EQ(probe_move(&t, &p, LIFETIME_S), 441);
        probe_close(&t);
        struct credential guess = owner;
        guess.password[0] = guess.password[0] == 'A' ? 'B' : 'A';
        REQUIRE(open_at(&t, (uint8_t)(30 + i), &guess));
        CHECK_EQ(probe_move(&t, &p, LIFETIME_S), 401);
        probe_close(&t);
    }
    CHECK_EQ(probe_refresh(&p, LIFETIME_S), 0); /* it is where it was */
    (void)snprintf(once, sizeof(once), "%s", p.ticket);
    REQUIRE(open_at(&t, 6, &owner));
    CHECK_EQ(probe_move(&t, &p, LIFETIME_S), 0);
    struct probe late;
    REQUIRE(open_at(&late, 7, &owner));
    (void)snprintf(p.ticket, sizeof(p.ticket), "%s", once);
    int code = probe_move(&late, &p, LIFETIME_S); /* a ticket is good for one move */
    CHECK(code >= 400);
    CHECK_EQ(probe_refresh(&t, LIFETIME_S), 0);
    probe_close(&p);
    probe_close(&t);
    probe_close(&late);
    CHECK(scene_stop());
}

static void moving_is_no_way_around_the_quota(void)
{
    struct credential who, other;
    struct probe p, moved, second;
    REQUIRE(scene_start(SCENE_RELAYS, "user-quota=1\n"));
    REQUIRE(scene_login(&who, 900) && scene_login(&other, 900));
    REQUIRE(scene_allocate(&p, 1, &who, &to_move) == 0);
    CHECK_EQ(scene_allocate(&second, 1, &who, &to_move), 486);
    probe_close(&second);
    for (uint8_t host = 6; host < 12; host++) {
        REQUIRE(open_at(&moved, host, &who));
        CHECK_EQ(probe_move(&moved, &p, LIFETIME_S), 0);
        probe_close(&p);
        CHECK_EQ(scene_allocate(&second, 1, &who, &to_move), 486);
        probe_close(&second);
        p = moved;
    }
    CHECK_EQ(scene_allocate(&second, 1, &other, &to_move), 0); /* others are not concerned */
    probe_close(&second);
    CHECK_EQ(probe_refresh(&p, 0), 0);
    probe_close(&p);
    int code = 486;
    uint64_t until = ct_mono_ms() + WAIT_MS;
    while (code == 486 && ct_mono_ms() < until) { /* it ends a second after it was given back */
        code = scene_allocate(&p, 1, &who, &to_move);
        probe_close(&p);
    }
    CHECK_EQ(code, 0);
    CHECK(scene_stop());
}

/* A pass that renews another, shown from where the device is now. */
static void renewing_pass_moves_the_allocation_and_keeps_it(void)
{
    struct credential old, renewed;
    uint8_t id16[16];
    uint8_t unused16[16];
    struct probe p, moved;
    struct ct_addr peer_at = loopback(2, APPROVED_MIN);
    REQUIRE(scene_start(SCENE_DEVICES, "user-quota=1\n"));
    int peer = socket_at(&peer_at, SOCK_DGRAM);
    REQUIRE(place_pass_renewing(scene_place(), &old, NULL, id16));
    REQUIRE(place_pass_renewing(scene_place(), &renewed, id16, unused16));
    REQUIRE(scene_allocate(&p, 1, &old, &to_move) == 0);
    CHECK_EQ(probe_bind(&p, &peer_at, CHANNEL), 0);
    REQUIRE(open_at(&moved, 6, &renewed));
    CHECK_EQ(probe_move(&moved, &p, LIFETIME_S), 0);
    CHECK_EQ(moved.lifetime_s, LIFETIME_S);
    CHECK(reaches(&moved, peer));
    struct probe again;
    REQUIRE(open_at(&again, 7, &old));
    CHECK_EQ(probe_move(&again, &moved, LIFETIME_S), 441); /* it was given over for good */
    CHECK_EQ(scene_allocate(&p, 1, &renewed, &to_move), 486);
    probe_close(&p);
    probe_close(&again);
    probe_close(&moved);
    (void)close(peer);
    CHECK(scene_stop());
}

/* What the answer tells is so: before, the time ran on from when the allocation was made. */
static void moved_allocation_outlives_the_old_pass_and_an_expired_pass_moves_nothing(void)
{
    enum { LEFT_S = 12 }; /* to allocate and to move */
    struct credential old, renewed, expired;
    uint8_t id16[16];
    uint8_t unused16[16];
    struct probe p, moved, late, later;
    struct ct_addr peer_at = loopback(2, APPROVED_MIN);
    REQUIRE(scene_start(SCENE_RELAYS, ""));
    int peer = socket_at(&peer_at, SOCK_DGRAM);
    REQUIRE(place_pass_short(scene_place(), &old, LEFT_S, id16));
    REQUIRE(place_pass_renewing(scene_place(), &renewed, id16, unused16));
    REQUIRE(scene_login(&expired, LEFT_S));
    uint64_t until_s = ct_wall_s() + LEFT_S + 1;
    REQUIRE(scene_allocate(&p, 1, &old, &to_move) == 0);
    CHECK(p.lifetime_s <= LEFT_S);
    REQUIRE(open_at(&moved, 6, &renewed));
    CHECK_EQ(probe_move(&moved, &p, LIFETIME_S), 0);
    CHECK_EQ(probe_bind(&moved, &peer_at, CHANNEL), 0);
    REQUIRE(scene_allocate(&late, 1, &expired, &to_move) == 0);
    bool stands = true;
    while (stands && ct_wall_s() <= until_s) {
        stands = reaches(&moved, peer);
        (void)probe_receive(&moved, 100);
    }
    CHECK(stands && reaches(&moved, peer));
    CHECK_EQ(probe_refresh(&moved, LIFETIME_S), 0);
    REQUIRE(open_at(&later, 7, &expired));
    int code = probe_move(&later, &late, LIFETIME_S);
    CHECK(code == 401 || code == 404 || code == 437);
    probe_close(&p);
    probe_close(&moved);
    probe_close(&late);
    probe_close(&later);
    (void)close(peer);
    CHECK(scene_stop());
}

static const struct ct_test tests[] = {
    CT_TEST(moved_client_keeps_allocation_and_channels_with_the_module_off),
    CT_TEST(moved_client_keeps_them_with_a_pass_in_mode_devices),
    CT_TEST(moved_client_keeps_them_with_a_pass_in_mode_off),
    CT_TEST(who_is_in_moves_while_the_log_is_too_old_and_nobody_else_comes_in),
    CT_TEST(moved_allocation_is_a_neighbour_still),
    CT_TEST(ticket_alone_takes_nothing_over),
    CT_TEST(moving_is_no_way_around_the_quota),
    CT_TEST(renewing_pass_moves_the_allocation_and_keeps_it),
    CT_TEST(moved_allocation_outlives_the_old_pass_and_an_expired_pass_moves_nothing),
};

int main(int argc, char **argv)
{
    int code = scene_open(argc, argv);
    return code == 0 ? scene_close(ct_test_main(tests, sizeof(tests) / sizeof(tests[0]))) : code;
}
