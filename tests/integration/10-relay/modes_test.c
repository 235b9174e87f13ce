/* Claims about who is let through without a permission, in each mode of the running relay. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "place.h"
#include "probe.h"

static struct place place;

enum mode { OFF, RELAYS, DEVICES, OPEN, MODES };
static const char *const mode_texts[MODES] = {"off", "relays", "devices", "open"};

/* Peers at the other end of an allocation; see place.h for what the relay knows of them. */
struct peer {
    const char *who;
    uint8_t host;
    uint16_t port;
    bool admitted[MODES];
};

static const struct peer peers[] = {
    {"an approved device", 2, APPROVED_MIN, {false, true, true, true}},
    {"a port of an approved relay without a device",
     2,
     APPROVED_MIN + 1,
     {false, true, false, true}},
    {"the last port of an approved relay", 2, APPROVED_MAX, {false, true, false, true}},
    {"an approved relay's host outside its ports",
     2,
     APPROVED_MAX + 1,
     {false, false, false, true}},
    {"a stranger", 3, APPROVED_MIN, {false, false, false, true}},
    {"a device at an address that is denied", 4, APPROVED_MIN, {false, false, false, false}},
    {"a port of this host that is no relayed one", 1, APPROVED_MIN, {false, false, false, false}},
};
enum { PEERS = sizeof(peers) / sizeof(peers[0]), MARK_HOST = 5 };

/* A server in one mode; two allocations by passes and one by a user of the server's own. */
static struct {
    pid_t server;
    struct client pass;
    struct client other_pass;
    struct client user;
    struct ct_addr
        mark_at; /* a peer with a permission: what it gets, comes after what was before */
    int mark;
    unsigned sent;                    /* Send indications that went out, as this test knows */
    unsigned heard;                   /* Data indications that came in */
    unsigned marks_sent, marks_heard; /* in the mark's channel */
} scene;

static bool open_pass(struct client *c)
{
    struct credential pass;
    return place_pass(&place, &pass, ct_wall_s(), 900) &&
           client_open(c, &place, pass.user, pass.password) &&
           ct_alloc_state(&c->alloc) == CT_ALLOC_READY && client_bind(c, &scene.mark_at);
}

static bool scene_open(enum mode mode)
{
    char extra[512];
    (void)snprintf(extra, sizeof(extra), "%schainturn-mode=%s\n", place_module_on,
                   mode_texts[mode]);
    memset(&scene, 0, sizeof(scene));
    scene.mark_at = loopback(MARK_HOST, APPROVED_MIN);
    scene.mark = peer_open(&scene.mark_at);
    place_mark(&place);
    if (scene.mark < 0 || !place_configure(&place, extra)) {
        return false;
    }
    scene.server = place_start(&place);
    return scene.server > 0 && place_await(&place, "chainturn: started") &&
           open_pass(&scene.pass) && open_pass(&scene.other_pass) &&
           client_open(&scene.user, &place, "alice", "wonderland") &&
           client_bind(&scene.user, &scene.mark_at);
}

static void scene_close(void)
{
    client_close(&scene.pass);
    client_close(&scene.other_pass);
    client_close(&scene.user);
    (void)close(scene.mark);
    CHECK_EQ(place_stop(scene.server), 0);
}

/* The mark is at the end of everything that c has sent so far. */
static void wait_for_mark(struct client *c)
{
    client_send(c, &scene.mark_at, "mark");
    CHECK_STR(peer_receive(scene.mark), "mark");
    scene.marks_sent++;
}

static bool is_reached(const struct peer *peer)
{
    struct ct_addr at = loopback(peer->host, peer->port);
    int fd = peer_open(&at);
    CHECK(fd >= 0);
    client_send(&scene.pass, &at, "from the allocation");
    wait_for_mark(&scene.pass);
    bool reached = !peer_has_nothing(fd);
    scene.sent += reached;
    (void)close(fd);
    return reached;
}

static bool is_heard(const struct peer *peer)
{
    struct ct_addr at = loopback(peer->host, peer->port);
    int fd = peer_open(&at);
    CHECK(fd >= 0);
    peer_send(fd, ct_alloc_relayed(&scene.pass.alloc), "from the peer");
    peer_send(scene.mark, ct_alloc_relayed(&scene.pass.alloc), "mark");
    bool heard = strcmp(client_receive(&scene.pass), "from the peer") == 0;
    if (heard) {
        CHECK_STR(client_receive(&scene.pass), "mark");
    }
    scene.heard += heard;
    scene.marks_heard++;
    (void)close(fd);
    return heard;
}

static void check_peers(enum mode mode)
{
    for (size_t i = 0; i < PEERS; i++) {
        bool reached = is_reached(&peers[i]);
        bool heard = is_heard(&peers[i]);
        if (reached != peers[i].admitted[mode] || heard != peers[i].admitted[mode]) {
            printf("    mode %s, %s: reached %d, heard %d\n", mode_texts[mode], peers[i].who,
                   reached, heard);
        }
        CHECK_EQ(reached, peers[i].admitted[mode]);
        CHECK_EQ(heard, peers[i].admitted[mode]);
    }
}

/* What a sends to b's relayed address comes in at b, if both ends of it are let through. */
static bool reaches(struct client *a, struct client *b)
{
    client_send(a, ct_alloc_relayed(&b->alloc), "neighbour");
    wait_for_mark(a); /* it has left, and waits at b's relayed port */
    peer_send(scene.mark, ct_alloc_relayed(&b->alloc), "mark");
    bool reached = strcmp(client_receive(b), "neighbour") == 0;
    if (reached) {
        CHECK_STR(client_receive(b), "mark");
    }
    return reached;
}

/* Two allocations of one relay: in mode devices only those of passes know each other. */
static void check_neighbours(enum mode mode)
{
    bool by_pass = mode != OFF;
    bool by_user = mode == RELAYS || mode == OPEN;
    CHECK_EQ(reaches(&scene.pass, &scene.other_pass), by_pass);
    CHECK_EQ(reaches(&scene.other_pass, &scene.pass), by_pass);
    CHECK_EQ(reaches(&scene.user, &scene.pass), by_user);
    CHECK_EQ(reaches(&scene.pass, &scene.user), by_user);
}

static void check_mode(enum mode mode)
{
    REQUIRE(scene_open(mode));
    check_peers(mode);
    check_neighbours(mode);
    scene_close();
}

static void mode_off_admits_nobody(void)
{
    check_mode(OFF);
}

static void mode_relays_admits_approved_relays_in_their_ports(void)
{
    check_mode(RELAYS);
}

static void mode_devices_admits_devices_and_passes_and_no_others(void)
{
    check_mode(DEVICES);
}

static void mode_open_admits_whoever_passes_the_filter(void)
{
    check_mode(OPEN);
}

static void allocation_that_was_given_back_is_no_neighbour_any_more(void)
{
    REQUIRE(scene_open(DEVICES));
    struct ct_addr neighbour = *ct_alloc_relayed(&scene.other_pass.alloc);
    client_send(&scene.pass, &neighbour, "while it stands");
    wait_for_mark(&scene.pass);
    CHECK(client_release(&scene.other_pass));
    client_send(&scene.pass, &neighbour, "to nobody");
    wait_for_mark(&scene.pass);
    scene_close();
    CHECK(place_await(&place, "peers verdict=admitted by=send packets=1"));
    CHECK(place_await(&place, "peers verdict=unknown by=send packets=1"));
}

/* It has no lifetime to wait for: the server has closed its sockets when it tells of that. */
static void allocation_whose_connection_ended_is_no_neighbour_any_more(void)
{
    struct credential pass;
    struct probe lost;
    struct ct_addr at = loopback(1, place.port);
    REQUIRE(scene_open(DEVICES) && place_pass(&place, &pass, ct_wall_s(), 900));
    REQUIRE(probe_open(&lost, &at, PROBE_TCP) &&
            probe_allocate(&lost, pass.user, pass.password, PROBE_UDP, 4) == 0);
    client_send(&scene.pass, &lost.relayed, "while it stands");
    wait_for_mark(&scene.pass);
    CHECK_STR(probe_receive(&lost, 60000), "while it stands");
    CHECK(place_await_ports(&place, 3));
    probe_close(&lost);
    CHECK(place_await_ports(&place, 2)); /* the two that are left */
    client_send(&scene.pass, &lost.relayed, "to nobody");
    wait_for_mark(&scene.pass);
    scene_close();
    CHECK(place_await(&place, "peers verdict=admitted by=send packets=1"));
    CHECK(place_await(&place, "peers verdict=unknown by=send packets=1"));
}

static void ends_on_one_relay_talk_in_channels_in_each_mode(void)
{
    for (enum mode mode = OFF; mode < MODES; mode++) {
        REQUIRE(scene_open(mode));
        struct client *a = &scene.pass;
        struct client *b = &scene.other_pass;
        CHECK(client_bind(a, ct_alloc_relayed(&b->alloc)));
        CHECK(client_bind(b, ct_alloc_relayed(&a->alloc)));
        CHECK(reaches(a, b) && reaches(b, a));
        CHECK(client_bind(a, ct_alloc_relayed(&scene.user.alloc)));
        CHECK(client_bind(&scene.user, ct_alloc_relayed(&a->alloc)));
        CHECK(reaches(a, &scene.user) && reaches(&scene.user, a));
        CHECK(client_bind(a, ct_alloc_relayed(&a->alloc))); /* and to itself */
        CHECK(reaches(a, a));
        scene_close();
    }
}

static void every_packet_is_counted_by_how_it_went(void)
{
    char line[96];
    REQUIRE(scene_open(RELAYS));
    check_peers(RELAYS);
    struct ct_addr device = loopback(2, APPROVED_MIN);
    int fd = peer_open(&device);
    REQUIRE(fd >= 0 && client_bind(&scene.pass, &device));
    for (unsigned i = 0; i < 3; i++) {
        client_send(&scene.pass, &device, "in a channel");
        CHECK_STR(peer_receive(fd), "in a channel");
    }
    peer_send(fd, ct_alloc_relayed(&scene.pass.alloc), "and back");
    CHECK_STR(client_receive(&scene.pass), "and back");
    (void)close(fd);
    scene_close();
    (void)snprintf(line, sizeof(line), "relayed by=send packets=%u", scene.sent);
    CHECK(place_await(&place, line));
    (void)snprintf(line, sizeof(line), "relayed by=data packets=%u", scene.heard);
    CHECK(place_await(&place, line));
    (void)snprintf(line, sizeof(line), "relayed by=channel_out packets=%u", scene.marks_sent + 3);
    CHECK(place_await(&place, line));
    (void)snprintf(line, sizeof(line), "relayed by=channel_in packets=%u", scene.marks_heard + 1);
    CHECK(place_await(&place, line));
    /* of the peers above: three ports of the relay, two unknown to it, two that the filter keeps */
    CHECK(place_await(&place, "peers verdict=admitted by=send packets=3"));
    CHECK(place_await(&place, "peers verdict=admitted by=data packets=3"));
    CHECK(place_await(&place, "peers verdict=unknown by=send packets=2"));
    CHECK(place_await(&place, "peers verdict=unknown by=data packets=2"));
    CHECK(place_await(&place, "peers verdict=denied by=send packets=1"));
    CHECK(place_await(&place, "peers verdict=own_port by=data packets=1"));
}

static const struct ct_test tests[] = {
    CT_TEST(mode_off_admits_nobody),
    CT_TEST(mode_relays_admits_approved_relays_in_their_ports),
    CT_TEST(mode_devices_admits_devices_and_passes_and_no_others),
    CT_TEST(mode_open_admits_whoever_passes_the_filter),
    CT_TEST(allocation_that_was_given_back_is_no_neighbour_any_more),
    CT_TEST(allocation_whose_connection_ended_is_no_neighbour_any_more),
    CT_TEST(ends_on_one_relay_talk_in_channels_in_each_mode),
    CT_TEST(every_packet_is_counted_by_how_it_went),
};

int main(int argc, char **argv)
{
    return place_begin(&place, argc, argv)
               ? place_end(&place, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])))
               : 2;
}
