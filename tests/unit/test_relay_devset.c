/* Claims about the set of devices' places: what is in it, how large it is, how fast it answers. */
/* links: ct_relay_policy ct_base */
#include "base/clock.h"
#include "ct_test.h"
#include "devset.h"

enum { MILLION = 1000000, RELAYS = 10000 };

static void only_what_was_added_is_there(void)
{
    struct ct_devset *set = NULL;
    REQUIRE(ct_devset_new(&set, 3) == CT_OK);
    CHECK(!ct_devset_has(set, 1, 50000));
    CHECK(ct_devset_add(set, 1, 50000) && ct_devset_add(set, 16383, 65535) &&
          ct_devset_add(set, 1, 50001));
    CHECK(ct_devset_add(set, 1, 50000)); /* two devices that claim one place */
    CHECK_EQ(ct_devset_count(set), 3);
    CHECK(ct_devset_has(set, 1, 50000) && ct_devset_has(set, 1, 50001));
    CHECK(ct_devset_has(set, 16383, 65535));
    CHECK(!ct_devset_has(set, 2, 50000) && !ct_devset_has(set, 1, 50002));
    CHECK(!ct_devset_has(set, 0, 0) && !ct_devset_add(set, 0, 7));
    struct ct_devset *same = NULL;
    REQUIRE(ct_devset_new(&same, 900) == CT_OK);
    CHECK(ct_devset_add(same, 16383, 65535) && ct_devset_add(same, 1, 50001));
    CHECK(!ct_devset_equal(set, same));
    CHECK(ct_devset_add(same, 1, 50000) && ct_devset_equal(set, same));
    CHECK(ct_devset_add(set, 1, 7) && ct_devset_add(same, 1, 8) && !ct_devset_equal(set, same));
    ct_devset_free(same);
    ct_devset_free(set);
}

static void full_set_takes_no_more_and_still_answers(void)
{
    struct ct_devset *set = NULL;
    REQUIRE(ct_devset_new(&set, 1) == CT_OK);
    uint16_t n = 0;
    while (ct_devset_add(set, 7, (uint16_t)(n + 1))) {
        n++;
    }
    CHECK(n >= 1 && n < 100);
    CHECK(ct_devset_has(set, 7, n) && !ct_devset_has(set, 7, (uint16_t)(n + 1)));
    ct_devset_free(set);
    CHECK(ct_devset_new(&set, (size_t)CT_DEVSET_PLACES_MAX + 1) == CT_ERR_ARG);
}

static void million_devices_fit_and_are_found(void)
{
    struct ct_devset *set = NULL;
    REQUIRE(ct_devset_new(&set, MILLION) == CT_OK);
    for (unsigned i = 0; i < MILLION; i++) {
        REQUIRE(ct_devset_add(set, (uint16_t)(1 + i % RELAYS), (uint16_t)(49152 + i / RELAYS)));
    }
    CHECK_EQ(ct_devset_count(set), MILLION);
    CHECK(ct_devset_bytes(set) <= 16u << 20);
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
    CT_TEST(only_what_was_added_is_there),
    CT_TEST(full_set_takes_no_more_and_still_answers),
    CT_TEST(million_devices_fit_and_are_found),
};

CT_TEST_MAIN(tests)
