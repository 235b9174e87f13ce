/* Claims about a relay in mode devices and a real chain: whoever the contract approves is let in.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "place.h"
#include "platform.h"

/* anvil is the chain; this program is the platform, and its wallet every device's. */
static struct place place;
static struct platform platform;
static pid_t server;
static uint16_t neighbour; /* relay at 127.0.0.2, ports as place.h has them */
static struct client client;

/* The relay's book holds what lies this deep; younger blocks may vanish (devfollow.c). */
enum { FINAL_DEPTH = 32 };

static bool start(void)
{
    static const char *const options = "chainturn-bundle=@/bundle.json\n"
                                       "chainturn-state=@/state\n"
                                       "chainturn-poll-ms=100\n"
                                       "chainturn-allow-private\n"
                                       "chainturn-mode=devices\n";
    place_mark(&place);
    server = place_configure(&place, options) ? place_start(&place) : -1;
    return server > 0 && place_await(&place, "chainturn: started") &&
           client_open(&client, &place, "alice", "wonderland");
}

static bool open_chain(void)
{
    return platform_open(&platform, &place.keys[0], NULL) && place_forget(&place) &&
           place_bundle(&place, ct_chain_bundle(platform.chain));
}

/* Does a packet for that port of the neighbour pass? One with a permission follows it. */
static bool is_admitted(uint16_t port)
{
    struct ct_addr peer_at = loopback(2, port);
    struct ct_addr mark_at = loopback(3, APPROVED_MIN);
    int peer = peer_open(&peer_at);
    int mark = peer_open(&mark_at);
    CHECK(peer >= 0 && mark >= 0 && client_permit(&client, &mark_at));
    client_send(&client, &peer_at, "first");
    client_send(&client, &mark_at, "second");
    CHECK_STR(peer_receive(mark), "second");
    bool admitted = !peer_has_nothing(peer);
    (void)close(peer);
    (void)close(mark);
    return admitted;
}

/* What the relay says once it has a set of that many places, after the last mark. */
static bool await_places(unsigned places)
{
    char line[48];
    (void)snprintf(line, sizeof(line), "device_set places=%u block=", places);
    bool found = place_await(&place, line);
    place_mark(&place);
    return found;
}

static void registered_device_is_admitted_and_its_neighbour_ports_are_not(void)
{
    REQUIRE(start());
    REQUIRE(platform_list(&platform, 2, APPROVED_MIN, APPROVED_MAX, &neighbour) == CT_OK);
    CHECK(await_places(0));
    CHECK(!is_admitted(50000));
    REQUIRE(platform_register(&platform, "door", neighbour, 50000, 0) == CT_OK);
    CHECK(await_places(1));
    CHECK(is_admitted(50000));
    CHECK(!is_admitted(50001));
}

static void device_that_moves_is_admitted_where_it_is(void)
{
    REQUIRE(server > 0 && platform_move(&platform, "door", neighbour, 50001, 1) == CT_OK);
    CHECK(await_places(1));
    CHECK(is_admitted(50001));
    CHECK(!is_admitted(50000));
}

static void device_of_the_funded_road_is_admitted_once_it_is_approved(void)
{
    REQUIRE(server > 0 && platform_add(&platform, "lamp", neighbour, 50002, 0) == CT_OK);
    REQUIRE(platform_register(&platform, "gate", neighbour, 50003, 0) == CT_OK);
    CHECK(await_places(2)); /* door and gate */
    CHECK(!is_admitted(50002) && is_admitted(50003));
    REQUIRE(platform_approve_client(&platform, "lamp") == CT_OK);
    CHECK(await_places(3));
    CHECK(is_admitted(50002));
}

static void revoked_device_is_not_admitted_any_more(void)
{
    REQUIRE(server > 0 && platform_revoke(&platform, "gate") == CT_OK);
    CHECK(await_places(2));
    CHECK(!is_admitted(50003));
    CHECK(is_admitted(50002));
}

static void device_that_became_pending_again_is_not_admitted(void)
{
    REQUIRE(server > 0 && platform_revoke(&platform, "lamp") == CT_OK);
    CHECK(await_places(1));
    REQUIRE(platform_add(&platform, "lamp", neighbour, 50002, 1) == CT_OK);
    CHECK(!is_admitted(50002));
    REQUIRE(platform_approve_client(&platform, "lamp") == CT_OK);
    CHECK(await_places(2));
    CHECK(is_admitted(50002));
}

static void revoked_relay_takes_its_devices_with_it(void)
{
    REQUIRE(server > 0 && platform_revoke_relay(&platform, neighbour) == CT_OK);
    CHECK(place_await(&place, "relay_set relays=0"));
    CHECK(!is_admitted(50001));
    uint16_t again = 0;
    REQUIRE(platform_list(&platform, 2, APPROVED_MIN, APPROVED_MAX, &again) == CT_OK);
    CHECK(place_await(&place, "relay_set relays=1"));
    CHECK(again != neighbour && !is_admitted(50001)); /* its record names the relay of before */
    REQUIRE(platform_move(&platform, "door", again, 50001, 2) == CT_OK);
    CHECK(await_places(2));
    CHECK(is_admitted(50001));
    neighbour = again;
}

/* anvil goes back to a snapshot, and on from there as if nothing had been. */
static bool revert_to(const char *quoted)
{
    char params[80];
    (void)snprintf(params, sizeof(params), "[%s]", quoted);
    char *answer = ct_anvil_call(&platform.anvil, "evm_revert", params);
    bool ok = answer != NULL && strstr(answer, "true") != NULL;
    free(answer);
    return ok;
}

static void registration_whose_block_vanishes_is_undone(void)
{
    char *answer = ct_anvil_call(&platform.anvil, "evm_snapshot", "[]");
    char id[64] = "";
    REQUIRE(server > 0 && answer != NULL);
    const char *result = strstr(answer, "\"result\":");
    REQUIRE(result != NULL && sscanf(result, "\"result\":%63[^,}]", id) == 1);
    free(answer);
    REQUIRE(platform_register(&platform, "ghost", neighbour, 50010, 0) == CT_OK);
    CHECK(await_places(3));
    CHECK(is_admitted(50010));
    REQUIRE(revert_to(id));
    platform_mine(&platform, 3); /* another branch, longer than the one that vanished */
    CHECK(await_places(2));
    CHECK(!is_admitted(50010) && is_admitted(50001));
}

static void restart_without_a_chain_knows_the_devices(void)
{
    REQUIRE(server > 0);
    platform_mine(&platform, FINAL_DEPTH);
    REQUIRE(platform_register(&platform, "late", neighbour, 50004, 0) == CT_OK);
    CHECK(await_places(3));
    CHECK_EQ(place_stop(server), 0);
    client_close(&client);
    REQUIRE(start()); /* a minute has not passed: what was saved is older, and goes on from there */
    CHECK(await_places(3));
    CHECK(is_admitted(50004));
    ct_anvil_stop(&platform.anvil);
    CHECK(place_await(&place, "chain_unreadable"));
    CHECK_EQ(place_stop(server), 0);
    client_close(&client);
    REQUIRE(start());
    CHECK(is_admitted(50004) && is_admitted(50001) && !is_admitted(50003));
    CHECK_EQ(place_stop(server), 0);
    client_close(&client);
}

static const struct ct_test tests[] = {
    CT_TEST(registered_device_is_admitted_and_its_neighbour_ports_are_not),
    CT_TEST(device_that_moves_is_admitted_where_it_is),
    CT_TEST(device_of_the_funded_road_is_admitted_once_it_is_approved),
    CT_TEST(revoked_device_is_not_admitted_any_more),
    CT_TEST(device_that_became_pending_again_is_not_admitted),
    CT_TEST(revoked_relay_takes_its_devices_with_it),
    CT_TEST(registration_whose_block_vanishes_is_undone),
    CT_TEST(restart_without_a_chain_knows_the_devices),
};

int main(int argc, char **argv)
{
    if (!place_begin(&place, argc, argv)) {
        return 2;
    }
    if (!open_chain()) {
        (void)fprintf(stderr, "no chain to test with\n");
        return place_end(&place, 1);
    }
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    platform_close(&platform);
    return place_end(&place, code);
}
