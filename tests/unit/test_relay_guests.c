/* Claims about the peers that an allocation need not look up again. */
/* links: ct_relay_policy ct_base */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ct_test.h"
#include "packets/guests.h"
#include "peers/sets.h"

static struct ct_endpoint peer_at(uint8_t host, uint16_t port)
{
    return (struct ct_endpoint){.addr16 = {[10] = 0xff, 0xff, 198, 51, 100, host}, .port = port};
}

static bool knows(const struct ct_guests *guests, struct ct_endpoint who, uint64_t state,
                  uint64_t second)
{
    struct ct_guests_when when = {state, second};
    return ct_guests_has(guests, &who, &when);
}

static void ask(struct ct_guests *guests, struct ct_endpoint who, uint64_t state, uint64_t second)
{
    struct ct_guests_when when = {state, second};
    ct_guests_ask(guests, &who, &when);
}

static void guest_is_known_for_the_rest_of_its_second(void)
{
    struct ct_guests guests = {.came = 0};
    struct ct_endpoint who = peer_at(11, 50000);
    CHECK(!knows(&guests, who, 3, 1000));
    ask(&guests, who, 3, 1000);
    CHECK(!knows(&guests, who, 3, 1000)); /* the server's list may refuse it yet */
    ct_guests_admit(&guests);
    CHECK(knows(&guests, who, 3, 1000));
    CHECK(!knows(&guests, who, 3, 1001));
    CHECK(!knows(&guests, who, 4, 1000));
    CHECK(!knows(&guests, peer_at(11, 50001), 3, 1000));
    CHECK(!knows(&guests, peer_at(12, 50000), 3, 1000));
    ask(&guests, peer_at(12, 50000), 4, 1000);
    ct_guests_admit(&guests);
    CHECK(knows(&guests, peer_at(12, 50000), 4, 1000));
    CHECK(!knows(&guests, who, 4, 1000)); /* let in by what was known before */
}

static void nobody_is_no_guest(void)
{
    struct ct_guests guests = {.came = 0};
    CHECK(!knows(&guests, peer_at(0, 0), 0, 0));
    ct_guests_admit(&guests); /* without anybody having asked */
    CHECK(!knows(&guests, peer_at(0, 0), 0, 0));
    CHECK(!knows(&guests, guests.asked, 0, 0));
    ask(&guests, peer_at(11, 50000), 1, 1);
    ct_guests_admit(&guests);
    ct_guests_admit(&guests); /* nor a second time */
    CHECK_EQ(guests.came, 1);
}

static void the_last_eight_are_known(void)
{
    struct ct_guests guests = {.came = 0};
    for (unsigned i = 0; i < 100; i++) {
        ask(&guests, peer_at((uint8_t)(i * 7), (uint16_t)(50000 + i)), 1, 5);
        ct_guests_admit(&guests);
    }
    for (unsigned i = 0; i < 100; i++) {
        CHECK(knows(&guests, peer_at((uint8_t)(i * 7), (uint16_t)(50000 + i)), 1, 5) == (i >= 92));
    }
}

static void state_is_another_after_each_set_and_each_end_of_an_allocation(void)
{
    static struct ct_sets sets;
    struct ct_endpoint relayed = {.addr16 = {[10] = 0xff, 0xff, 198, 51, 100, 1}, .port = 0};
    struct ct_endpoint allocation = relayed;
    allocation.port = 50000;
    ct_sets_init(&sets, &relayed, 1);
    for (unsigned i = 0; i < 3; i++) {
        struct ct_peerset *set = NULL;
        struct ct_devset *devices = NULL;
        struct ct_peerset_origin origin = {.block = i};
        uint64_t before = ct_sets_state(&sets);
        REQUIRE(ct_peerset_new(&set, NULL, 0, &origin) == CT_OK);
        REQUIRE(ct_snapshot_publish(&sets.relays, &sets.readers, set));
        uint64_t between = ct_sets_state(&sets);
        REQUIRE(ct_devset_new(&devices, NULL, 0) == CT_OK);
        REQUIRE(ct_snapshot_publish(&sets.devices, &sets.readers, devices));
        uint64_t after = ct_sets_state(&sets);
        ct_live_set(&sets.live, &allocation, true); /* who is new was no guest */
        CHECK_EQ(ct_sets_state(&sets), after);
        ct_live_set(&sets.live, &allocation, false);
        CHECK(before < between && between < after && after < ct_sets_state(&sets));
    }
    ct_snapshot_clear(&sets.relays);
    ct_snapshot_clear(&sets.devices);
}

static const struct ct_test tests[] = {
    CT_TEST(guest_is_known_for_the_rest_of_its_second),
    CT_TEST(nobody_is_no_guest),
    CT_TEST(the_last_eight_are_known),
    CT_TEST(state_is_another_after_each_set_and_each_end_of_an_allocation),
};

CT_TEST_MAIN(tests)
