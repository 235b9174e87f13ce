/* Claims about packets that are paid for some at a time: no cap lets a packet more through. */
/* links: ct_relay_policy ct_base */
#include <stdio.h>
#include <string.h>

#include "ct_test.h"
#include "packets/usage.h"

#define SECOND UINT64_C(1000000000)
static const uint64_t start = 1000 * SECOND;

enum { ALLOCATIONS = 3 };

static struct ct_limits *limits;
static struct ct_use *uses[ALLOCATIONS];

static void begin(const struct ct_limits_config *config)
{
    const uint8_t pass16[16] = {7};
    REQUIRE(ct_limits_new(&limits, config) == CT_OK);
    for (unsigned i = 0; i < ALLOCATIONS; i++) {
        REQUIRE(ct_limits_open(limits, &uses[i], i + 1) == CT_OK);
        ct_limits_of_pass(limits, uses[i], pass16, start);
    }
}

static void end(void)
{
    for (unsigned i = 0; i < ALLOCATIONS; i++) {
        ct_limits_close(limits, uses[i], start);
    }
    ct_limits_free(limits);
}

/* As a packet is asked for. */
static bool relays(struct ct_use *use, size_t bytes, uint64_t now_ns)
{
    return ct_limits_prepaid(use, bytes) || ct_limits_relay(limits, use, bytes, now_ns);
}

static unsigned relayed_of_all(unsigned count, size_t bytes, uint64_t now_ns)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        n += relays(uses[i % ALLOCATIONS], bytes, now_ns);
    }
    return n;
}

static void cap_of_a_pass_is_met_exactly_by_its_allocations_together(void)
{
    const struct ct_limits_config config = {.pass_pps = 1000};
    begin(&config);
    CHECK_EQ(relayed_of_all(5000, 100, start), 1000);
    CHECK_EQ(relayed_of_all(5000, 100, start + SECOND / 2), 500);
    CHECK_EQ(relayed_of_all(5000, 100, start + 10 * SECOND), 1000);
    end();
}

static void cap_of_an_allocation_is_met_exactly(void)
{
    const struct ct_limits_config config = {.allocation_pps = 100};
    begin(&config);
    CHECK_EQ(relayed_of_all(3000, 100, start), 300);
    end();
}

/* Small ones behind a large one are not charged as large ones. */
static void bytes_of_mixed_packets_are_counted_as_they_are(void)
{
    static const size_t sizes[] = {1400, 100, 100, 1000, 60, 60, 60, 1400};
    const struct ct_limits_config config = {.pass_kbps = 8000, .allocation_kbps = 80000};
    size_t bytes = 0;
    unsigned refused = 0;
    begin(&config);
    for (unsigned i = 0; refused < 1000; i++) {
        size_t size = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
        if (relays(uses[i % ALLOCATIONS], size, start)) {
            bytes += size;
        } else {
            refused++;
        }
    }
    CHECK(bytes <= 1000000); /* a second's worth at once */
    CHECK(bytes > 1000000 - 60);
    end();
}

static void few_packets_of_a_low_cap_are_not_charged_for_more(void)
{
    const struct ct_limits_config config = {.pass_pps = 10};
    begin(&config);
    CHECK_EQ(relayed_of_all(100, 100, start), 10);
    for (unsigned s = 1; s < 20; s++) {
        CHECK_EQ(relayed_of_all(100, 100, start + s * SECOND), 10);
    }
    end();
}

static void what_was_paid_for_goes_back_when_an_allocation_ends(void)
{
    const struct ct_limits_config config = {.pass_pps = 1000};
    begin(&config);
    for (unsigned i = 1; i < ALLOCATIONS; i++) {
        CHECK(relays(uses[i], 100, start));
        ct_limits_close(limits, uses[i], start);
        uses[i] = NULL;
    }
    unsigned n = 0;
    for (unsigned i = 0; i < 2000; i++) {
        n += relays(uses[0], 100, start);
    }
    CHECK_EQ(n, 1000 - (ALLOCATIONS - 1));
    end();
}

static void most_packets_are_paid_for_before(void)
{
    const struct ct_limits_config config = {.allocation_pps = 100000, .pass_pps = 100000};
    unsigned prepaid = 0;
    begin(&config);
    for (unsigned i = 0; i < 1600; i++) {
        bool was = ct_limits_prepaid(uses[0], 172);
        prepaid += was;
        CHECK(was || ct_limits_relay(limits, uses[0], 172, start));
    }
    CHECK_EQ(prepaid, 1500);
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(cap_of_a_pass_is_met_exactly_by_its_allocations_together),
    CT_TEST(cap_of_an_allocation_is_met_exactly),
    CT_TEST(bytes_of_mixed_packets_are_counted_as_they_are),
    CT_TEST(few_packets_of_a_low_cap_are_not_charged_for_more),
    CT_TEST(what_was_paid_for_goes_back_when_an_allocation_ends),
    CT_TEST(most_packets_are_paid_for_before),
};

CT_TEST_MAIN(tests)
