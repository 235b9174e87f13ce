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

enum { CONNECTIONS_MAX = 100, PIECE = 65536, FOR_S = 60, KBPS = 20000, VOICE = 160, TICK_MS = 20 };

/* What a minute lets through of saturated connections, which read a piece when they may, and of a
 * voice (50 datagrams a second) in another allocation of the same pass. */
struct beside {
    uint64_t piece_bytes;
    unsigned sent;
    unsigned passed;
    unsigned ended; /* connections */
};

static void read_pieces(struct beside *out, uint64_t next_ms[], unsigned connections, uint64_t ms)
{
    for (unsigned i = 0; i < connections; i++) {
        if (ms < next_ms[i]) {
            continue;
        }
        uint64_t wait_ns = ct_limits_stream(limits, uses[0], PIECE, start + ms * SECOND / 1000);
        bool is_ended = wait_ns == UINT64_MAX;
        out->ended += is_ended;
        out->piece_bytes += is_ended ? 0 : PIECE;
        next_ms[i] = is_ended ? UINT64_MAX : ms + wait_ns / (SECOND / 1000) + TICK_MS;
    }
}

static struct beside streams_beside_a_voice(unsigned connections, unsigned datagram_ms)
{
    struct beside out = {0};
    uint64_t next_ms[CONNECTIONS_MAX] = {0};
    for (uint64_t ms = 0; ms < (uint64_t)FOR_S * 1000; ms++) {
        read_pieces(&out, next_ms, connections, ms);
        if (ms % datagram_ms == 0) {
            out.sent++;
            out.passed += relays(uses[1], VOICE, start + ms * SECOND / 1000);
        }
    }
    return out;
}

static void streams_leave_datagrams_their_share_and_the_cap_holds_for_all(void)
{
    static const unsigned connections[] = {1, 4, 30, CONNECTIONS_MAX};
    const struct ct_limits_config config = {.pass_kbps = KBPS, .pass_pps = 10000};
    for (size_t i = 0; i < sizeof(connections) / sizeof(connections[0]); i++) {
        begin(&config);
        struct beside got = streams_beside_a_voice(connections[i], 20);
        CHECK(got.passed >= got.sent * 95 / 100);
        CHECK_EQ(got.ended, 0);
        uint64_t most = (uint64_t)KBPS * 125 * (FOR_S + 1) + (uint64_t)connections[i] * PIECE;
        CHECK(got.piece_bytes + (uint64_t)got.passed * VOICE <= most);
        if (connections[i] > 1) { /* one waits a tick more than it must */
            CHECK(got.piece_bytes >= most / 10 * 8);
        }
        end();
    }
}

/* As many peers' connections as bring a minute's worth at once. */
static void what_many_connections_bring_at_once_shuts_no_datagrams_out(void)
{
    const struct ct_limits_config config = {.pass_kbps = KBPS};
    unsigned pieces = 0;
    begin(&config);
    while (ct_limits_stream(limits, uses[0], PIECE, start) != UINT64_MAX) {
        pieces++;
    }
    CHECK(pieces > 1000);
    struct beside got = streams_beside_a_voice(0, 20);
    CHECK(got.passed >= got.sent * 95 / 100);
    end();
}

/* Nor is there more for datagrams than the cap because a stream is there. */
static void flood_of_datagrams_beside_a_stream_gets_no_more_than_the_cap(void)
{
    const struct ct_limits_config config = {.pass_pps = 200};
    begin(&config);
    struct beside got = streams_beside_a_voice(1, 1);
    unsigned segments = (unsigned)(got.piece_bytes / 1460);
    CHECK(got.passed + segments <= 200 * (FOR_S + 1) + 2 * PIECE / 1460 + 50);
    CHECK(got.piece_bytes > 0 && got.ended == 0);
    end();
}

static const struct ct_test tests[] = {
    CT_TEST(cap_of_a_pass_is_met_exactly_by_its_allocations_together),
    CT_TEST(cap_of_an_allocation_is_met_exactly),
    CT_TEST(bytes_of_mixed_packets_are_counted_as_they_are),
    CT_TEST(few_packets_of_a_low_cap_are_not_charged_for_more),
    CT_TEST(what_was_paid_for_goes_back_when_an_allocation_ends),
    CT_TEST(most_packets_are_paid_for_before),
    CT_TEST(streams_leave_datagrams_their_share_and_the_cap_holds_for_all),
    CT_TEST(what_many_connections_bring_at_once_shuts_no_datagrams_out),
    CT_TEST(flood_of_datagrams_beside_a_stream_gets_no_more_than_the_cap),
};

CT_TEST_MAIN(tests)
