/* Claims about relayed addresses of IPv6 and of both families (RFC 6156, RFC 8656), with passes, in
 * each mode, and without the module. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "scene.h"
#include "sockets.h"

enum { WAIT_MS = 60000, LIFETIME_S = 600 };
static const struct probe_wish wants_ip6 = {.family = 6, .transport = PROBE_UDP};
static const struct probe_wish wants_both = {.both = true, .transport = PROBE_UDP};

/* A peer of either family: what it is, and in which modes it needs no permission. */
static const struct {
    const char *who;
    uint8_t host;
    uint16_t port;
    bool admitted[SCENE_STOCK];
} peers[] = {
    {"device", 2, APPROVED_MIN, {false, true, true, true}},
    {"relay's port", 2, APPROVED_MIN + 1, {false, true, false, true}},
    {"stranger", 3, APPROVED_MIN, {false, false, false, true}},
};

static struct ct_addr peer_at(unsigned family, uint8_t host, uint16_t port)
{
    return family == 6 ? scene_ip6((uint8_t)(0x10 + host), port) : loopback(host, port);
}

/* From the allocation's address of that family to the peer and back, without a permission. */
static bool goes_both_ways(struct probe *p, const struct ct_addr *relayed, unsigned family,
                           uint8_t host, uint16_t port)
{
    struct ct_addr at = peer_at(family, host, port);
    struct ct_addr mark_at = peer_at(family, 5, 40000);
    int peer = socket_at(&at, SOCK_DGRAM);
    int mark = socket_at(&mark_at, SOCK_DGRAM);
    CHECK(peer >= 0 && mark >= 0);
    probe_send(p, &at, "out");
    probe_send_in_channel(p, (uint16_t)(0x4000 + family), "mark");
    CHECK_STR(socket_receive(mark, WAIT_MS), "mark");
    bool out = strcmp(socket_receive(peer, 0), "out") == 0;
    socket_send(peer, relayed, "in");
    socket_send(mark, relayed, "mark");
    bool in = strcmp(probe_receive(p, WAIT_MS), "in") == 0;
    CHECK(!in || strcmp(probe_receive(p, WAIT_MS), "mark") == 0);
    CHECK_EQ(in, out);
    (void)close(peer);
    (void)close(mark);
    return in && out;
}

/* The mark is a peer in a channel: what comes after what is asked about. */
static void bind_marks(struct probe *p, bool with4, bool with6)
{
    struct ct_addr at4 = peer_at(4, 5, 40000);
    struct ct_addr at6 = peer_at(6, 5, 40000);
    CHECK(!with4 || probe_bind(p, &at4, 0x4004) == 0);
    CHECK(!with6 || probe_bind(p, &at6, 0x4006) == 0);
}

static void check_mode(enum scene_mode mode)
{
    struct credential who;
    struct probe p;
    REQUIRE(scene_start(mode, "") && scene_login(&who, 900));
    REQUIRE(scene_allocate(&p, 1, &who, &wants_both) == 0);
    CHECK_EQ(p.relayed.family, 4);
    CHECK_EQ(p.relayed6.family, 6);
    CHECK(p.relayed6.port >= RELAYED_MIN && p.relayed6.port <= RELAYED_MAX);
    bind_marks(&p, true, true);
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        bool admitted = mode != SCENE_STOCK && peers[i].admitted[mode];
        CHECK_EQ(goes_both_ways(&p, &p.relayed, 4, peers[i].host, peers[i].port), admitted);
        CHECK_EQ(goes_both_ways(&p, &p.relayed6, 6, peers[i].host, peers[i].port), admitted);
    }
    /* who asks for a permission, gets it in every mode */
    struct ct_addr stranger = peer_at(6, 3, 40001);
    CHECK_EQ(probe_permit(&p, &stranger), 0);
    probe_send(&p, &stranger, "permitted");
    int fd = socket_at(&stranger, SOCK_DGRAM);
    probe_send(&p, &stranger, "permitted");
    CHECK_STR(socket_receive(fd, WAIT_MS), "permitted");
    (void)close(fd);
    probe_close(&p);
    CHECK(scene_stop());
}

static void both_families_need_permissions_with_the_module_off(void)
{
    check_mode(SCENE_STOCK);
}

static void both_families_of_a_pass_need_permissions_in_mode_off(void)
{
    check_mode(SCENE_OFF);
}

static void both_families_of_a_pass_hear_relays_in_mode_relays(void)
{
    check_mode(SCENE_RELAYS);
}

static void both_families_of_a_pass_hear_devices_in_mode_devices(void)
{
    check_mode(SCENE_DEVICES);
}

static void both_families_of_a_pass_hear_everybody_in_mode_open(void)
{
    check_mode(SCENE_OPEN);
}

/* In mode devices each address of a neighbour's allocation is known, for as long as it stands. */
static void address_that_was_given_back_leaves_the_other_known(void)
{
    struct credential who[2];
    struct probe p, both;
    REQUIRE(scene_start(SCENE_DEVICES, "") && scene_login(&who[0], 900));
    REQUIRE(scene_login(&who[1], 900));
    REQUIRE(scene_allocate(&p, 1, &who[0], &wants_both) == 0);
    REQUIRE(scene_allocate(&both, 1, &who[1], &wants_both) == 0);
    probe_send(&p, &both.relayed, "to its IPv4");
    CHECK_STR(probe_receive(&both, WAIT_MS), "to its IPv4");
    probe_send(&p, &both.relayed6, "to its IPv6");
    CHECK_STR(probe_receive(&both, WAIT_MS), "to its IPv6");
    CHECK_EQ(probe_refresh_family(&both, 6, 0), 0);
    probe_send(&p, &both.relayed6, "to nobody");
    probe_send(&p, &both.relayed, "to its IPv4 still");
    CHECK_STR(probe_receive(&both, WAIT_MS), "to its IPv4 still");
    CHECK_EQ(probe_refresh(&both, LIFETIME_S), 0);
    probe_send(&both, &p.relayed, "and back");
    CHECK_STR(probe_receive(&p, WAIT_MS), "and back");
    CHECK_EQ(probe_refresh(&both, 0), 0);
    probe_send(&p, &both.relayed, "to nobody");
    CHECK_EQ(probe_refresh(&p, LIFETIME_S), 0); /* behind it */
    probe_close(&both);
    probe_close(&p);
    CHECK(scene_stop());
    CHECK(place_await(scene_place(), "peers verdict=unknown by=send packets=2"));
}

static void family_alone_and_families_that_are_not_there_are_told(void)
{
    struct credential who;
    struct probe p;
    struct ct_addr ip4 = peer_at(4, 2, APPROVED_MIN);
    REQUIRE(scene_start(SCENE_RELAYS, "") && scene_login(&who, 900));
    REQUIRE(scene_allocate(&p, 1, &who, &wants_ip6) == 0);
    CHECK_EQ(p.relayed.family, 6);
    CHECK_EQ(probe_permit(&p, &ip4), 443); /* RFC 8656 9.2: another family than the allocation's */
    CHECK_EQ(probe_bind(&p, &ip4, 0x4001), 443);
    CHECK_EQ(probe_refresh_family(&p, 6, LIFETIME_S), 0);
    bind_marks(&p, false, true);
    CHECK(goes_both_ways(&p, &p.relayed, 6, 2, APPROVED_MIN));
    probe_close(&p);
    CHECK(scene_stop());
}

static const struct ct_test tests[] = {
    CT_TEST(both_families_need_permissions_with_the_module_off),
    CT_TEST(both_families_of_a_pass_need_permissions_in_mode_off),
    CT_TEST(both_families_of_a_pass_hear_relays_in_mode_relays),
    CT_TEST(both_families_of_a_pass_hear_devices_in_mode_devices),
    CT_TEST(both_families_of_a_pass_hear_everybody_in_mode_open),
    CT_TEST(address_that_was_given_back_leaves_the_other_known),
    CT_TEST(family_alone_and_families_that_are_not_there_are_told),
};

int main(int argc, char **argv)
{
    int code = scene_open(argc, argv);
    return code == 0 ? scene_close(ct_test_main(tests, sizeof(tests) / sizeof(tests[0]))) : code;
}
