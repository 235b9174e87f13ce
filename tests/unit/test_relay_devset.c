/* Claims about the set of devices' places: what is in it, how large it is, how fast it answers. */
/* links: ct_relay_policy ct_base */
#include <stdlib.h>

#include "base/clock.h"
#include "ct_test.h"
#include "peers/devset.h"

enum { MILLION = 1000000, RELAYS = 10000 };

static void only_what_was_given_is_there(void)
{
    const uint32_t places[] = {ct_devset_place(16383, 65535), ct_devset_place(1, 50000),
                               ct_devset_place(1, 50001), ct_devset_place(1, 50000)};
    struct ct_devset *set = NULL;
    REQUIRE(ct_devset_new(&set, places, 4) == CT_OK);
    CHECK_EQ(ct_devset_count(set), 3); /* two devices claim one place */
    CHECK(ct_devset_has(set, 1, 50000) && ct_devset_has(set, 1, 50001));
    CHECK(ct_devset_has(set, 16383, 65535));
    CHECK(!ct_devset_has(set, 2, 50000) && !ct_devset_has(set, 1, 50002));
    CHECK(!ct_devset_has(set, 1, 49999) && !ct_devset_has(set, 0, 0));
    ct_devset_free(set);
}

static void equal_by_what_is_in_them(void)
{
    const uint32_t places[] = {ct_devset_place(7, 1), ct_devset_place(7, 2), ct_devset_place(9, 1),
                               ct_devset_place(7, 1)};
    struct ct_devset *sets[4] = {NULL};
    REQUIRE(ct_devset_new(&sets[0], places, 3) == CT_OK);
    REQUIRE(ct_devset_new(&sets[1], places + 1, 3) == CT_OK); /* in another order */
    REQUIRE(ct_devset_new(&sets[2], places, 2) == CT_OK);
    REQUIRE(ct_devset_new(&sets[3], NULL, 0) == CT_OK);
    CHECK(ct_devset_equal(sets[0], sets[1]) && !ct_devset_equal(sets[0], sets[2]));
    CHECK(!ct_devset_equal(sets[3], sets[2]) && ct_devset_equal(sets[3], sets[3]));
    for (size_t i = 0; i < 4; i++) {
        ct_devset_free(sets[i]);
    }
}

/* Each port of one relay, and none of its neighbours': whatever bucket they are in. */
static void every_port_of_a_relay_is_told_from_its_neighbours(void)
{
    static uint32_t places[65536];
    struct ct_devset *set = NULL;
    unsigned wrong = 0;
    for (unsigned port = 0; port < 65536; port++) {
        places[port] = ct_devset_place(500, (uint16_t)port);
    }
    REQUIRE(ct_devset_new(&set, places, 65536) == CT_OK);
    CHECK_EQ(ct_devset_count(set), 65536);
    for (unsigned port = 0; port < 65536; port++) {
        wrong += !ct_devset_has(set, 500, (uint16_t)port);
        wrong += ct_devset_has(set, 499, (uint16_t)port) || ct_devset_has(set, 501, (uint16_t)port);
    }
    CHECK_EQ(wrong, 0);
    ct_devset_free(set);
}

/* Ports of one relay among few and many, close together and far apart: each port is asked for. */
static void each_shape_of_a_relays_ports_is_exact(void)
{
    static const struct {
        unsigned count, step, lowest;
    } shapes[] = {{1, 1, 0},      {1, 1, 65535},  {2, 65535, 0},   {2, 256, 255}, {100, 163, 49152},
                  {255, 200, 49}, {256, 200, 49}, {257, 200, 49},  {300, 218, 0}, {5000, 13, 7},
                  {65536, 1, 0},  {40, 256, 200}, {200, 17, 40000}};
    enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]), ALL = 80000 };
    static uint32_t places[ALL];
    static bool there[SHAPES][65536];
    size_t count = 0;
    uint32_t dice = 7;
    for (size_t s = 0; s < SHAPES; s++) {
        for (unsigned i = 0; i < shapes[s].count; i++) {
            dice = dice * 1664525u + 1013904223u;
            unsigned port = shapes[s].lowest + i * shapes[s].step;
            port +=
                port + (dice >> 16) % shapes[s].step <= 65535 ? (dice >> 16) % shapes[s].step : 0;
            REQUIRE(port <= 65535 && count < ALL);
            there[s][port] = true;
            places[count++] = ct_devset_place((uint16_t)(3 * s + 2), (uint16_t)port);
        }
    }
    struct ct_devset *set = NULL;
    unsigned wrong = 0;
    REQUIRE(ct_devset_new(&set, places, count) == CT_OK);
    CHECK_EQ(ct_devset_count(set), count);
    for (size_t s = 0; s < SHAPES; s++) {
        for (unsigned port = 0; port < 65536; port++) {
            ct_devset_expect(set, (uint16_t)(3 * s + 2), (uint16_t)port); /* changes nothing */
            wrong += ct_devset_has(set, (uint16_t)(3 * s + 2), (uint16_t)port) != there[s][port];
            wrong += ct_devset_has(set, (uint16_t)(3 * s + 1), (uint16_t)port);
            wrong += ct_devset_has(set, (uint16_t)(3 * s + 3), (uint16_t)port);
        }
    }
    CHECK_EQ(wrong, 0);
    ct_devset_free(set);
}

static void empty_set_has_nobody(void)
{
    struct ct_devset *set = NULL;
    REQUIRE(ct_devset_new(&set, NULL, 0) == CT_OK);
    for (unsigned relay = 0; relay < 3; relay++) {
        ct_devset_expect(set, (uint16_t)relay,
                         7); /* where there is no memory, the sanitizer says */
        CHECK(!ct_devset_has(set, (uint16_t)relay, 7));
    }
    CHECK_EQ(ct_devset_count(set), 0);
    ct_devset_free(set);
}

static void what_cannot_be_a_set_is_refused(void)
{
    const uint32_t none = ct_devset_place(0, 7);
    struct ct_devset *set = NULL;
    CHECK(ct_devset_new(&set, &none, 1) == CT_ERR_ARG);
    CHECK(ct_devset_new(&set, &none, (size_t)CT_DEVSET_PLACES_MAX + 1) == CT_ERR_ARG);
    CHECK(set == NULL);
}

static void million_devices_fit_and_are_found(void)
{
    struct ct_devset *set = NULL;
    uint32_t *places = malloc(MILLION * sizeof(*places));
    REQUIRE(places != NULL);
    for (unsigned i = 0; i < MILLION; i++) {
        places[i] = ct_devset_place((uint16_t)(1 + i % RELAYS), (uint16_t)(49152 + i / RELAYS));
    }
    ct_err err = ct_devset_new(&set, places, MILLION);
    free(places);
    REQUIRE(err == CT_OK);
    CHECK_EQ(ct_devset_count(set), MILLION);
    CHECK(ct_devset_bytes(set) <= 1u << 20); /* they lie close to each other */
    unsigned found = 0;
    unsigned mixed = 12345;
    uint64_t began = ct_mono_ns();
    for (unsigned i = 0; i < MILLION; i++) {
        mixed = mixed * 1664525u + 1013904223u;
        unsigned which = (mixed >> 4) % (2 * MILLION); /* every other one is not there */
        found +=
            ct_devset_has(set, (uint16_t)(1 + which % RELAYS), (uint16_t)(49152 + which / RELAYS));
    }
    printf("    look-up among a million devices: %.1f ns\n",
           (double)(ct_mono_ns() - began) / MILLION);
    CHECK(found > MILLION * 2 / 5 && found < MILLION * 3 / 5);
    ct_devset_free(set);
}

static const struct ct_test tests[] = {
    CT_TEST(only_what_was_given_is_there),
    CT_TEST(equal_by_what_is_in_them),
    CT_TEST(every_port_of_a_relay_is_told_from_its_neighbours),
    CT_TEST(each_shape_of_a_relays_ports_is_exact),
    CT_TEST(empty_set_has_nobody),
    CT_TEST(what_cannot_be_a_set_is_refused),
    CT_TEST(million_devices_fit_and_are_found),
};

CT_TEST_MAIN(tests)
