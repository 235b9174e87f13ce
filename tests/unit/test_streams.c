/* Claims about calls of streams: two devices in one process, a network that loses and delays. */
/* links: ct_client_inside chainturn ct_kex ct_turn ct_chain ct_base */
#include "calls_private.h"
#include "session_private.h"

#include "ct_test.h"
#include "two_devices.h"

#define TEN_MEGABYTES 10000000u
#define PEER_AWAY_MS UINT64_C(30000)

/* What a device writes to a stream, and what it has read from it. */
struct side {
    uint64_t to_write[CT_SCTP_STREAMS], written[CT_SCTP_STREAMS], read[CT_SCTP_STREAMS];
    bool ends[CT_SCTP_STREAMS], has_ended[CT_SCTP_STREAMS], heard_end[CT_SCTP_STREAMS];
    unsigned wrong; /* bytes that are not what the other wrote, or behind the end */
    unsigned writables;
    uint64_t first_ms;
    bool echoes;
    uint8_t echo[70000]; /* what found no room to go back yet */
    size_t echo_len;
};
static struct side side_a, side_b;

static struct side *side_of(const struct device *d)
{
    return d == &a ? &side_a : &side_b;
}

/* Bytes that depend on stream and place, so that what is lost, doubled or moved shows. */
static uint8_t byte_at(unsigned stream, uint64_t place)
{
    uint64_t x = (place + 1) * UINT64_C(0x9e3779b97f4a7c15) + stream;
    return (uint8_t)(x >> 56 ^ x >> 31);
}

/* Writes until all is written or there is no room. */
static void write_on(struct device *d)
{
    struct side *side = side_of(d);
    for (unsigned i = 0; i < CT_SCTP_STREAMS; i++) {
        while (side->written[i] < side->to_write[i]) {
            uint8_t bytes[5000];
            uint64_t left = side->to_write[i] - side->written[i];
            size_t n = left < sizeof bytes ? (size_t)left : sizeof bytes;
            size_t taken = 0;
            for (size_t k = 0; k < n; k++) {
                bytes[k] = byte_at(i, side->written[i] + k);
            }
            ct_err err = ct_calls_stream_write(d->calls, d->call, &taken, i, bytes, n, clock_ms);
            CHECK_EQ(err, CT_OK);
            side->written[i] += taken;
            if (err != CT_OK || taken < n) {
                return;
            }
        }
        if (side->ends[i] && !side->has_ended[i]) {
            side->has_ended[i] = true;
            CHECK_EQ(ct_calls_stream_end(d->calls, d->call, i, clock_ms), CT_OK);
        }
    }
}

/* What came goes back; what finds no room waits, and reading with it. */
static void echo_on(struct device *d)
{
    struct side *side = side_of(d);
    size_t taken = 0;
    CHECK_EQ(
        ct_calls_stream_write(d->calls, d->call, &taken, 0, side->echo, side->echo_len, clock_ms),
        CT_OK);
    side->echo_len -= taken;
    memmove(side->echo, side->echo + taken, side->echo_len);
    CHECK_EQ(ct_calls_stream_pause(d->calls, d->call, side->echo_len > 0), CT_OK);
    if (side->echo_len == 0 && side->heard_end[0] && !side->has_ended[0]) {
        side->has_ended[0] = true;
        CHECK_EQ(ct_calls_stream_end(d->calls, d->call, 0, clock_ms), CT_OK);
    }
}

static void on_stream(struct device *d, const struct ct_call_event *event)
{
    const struct ct_sctp_event *e = event->stream;
    struct side *side = side_of(d);
    if (e->kind == CT_SCTP_DATA) {
        side->first_ms = side->first_ms == 0 ? clock_ms : side->first_ms;
        for (size_t i = 0; i < e->len; i++) {
            side->wrong += side->heard_end[e->stream] ||
                           e->data[i] != byte_at(e->stream, side->read[e->stream] + i);
        }
        side->read[e->stream] += e->len;
        if (side->echoes) {
            CHECK(side->echo_len + e->len <= sizeof side->echo);
            memcpy(side->echo + side->echo_len, e->data, e->len);
            side->echo_len += e->len;
        }
    } else if (e->kind == CT_SCTP_END) {
        side->wrong += side->heard_end[e->stream];
        side->heard_end[e->stream] = true;
    } else {
        side->writables++;
        write_on(d);
    }
    if (side->echoes) {
        echo_on(d);
    }
}

static void set_up_streams(uint32_t seed)
{
    set_up(seed);
    memset(&side_a, 0, sizeof side_a);
    memset(&side_b, 0, sizeof side_b);
    a.on_stream = b.on_stream = on_stream;
}

static void connect_streams(uint32_t seed)
{
    set_up_streams(seed);
    (void)dial_for(&a, 1, true);
    run(5000, both_open);
    CHECK(a.has_streams && b.has_streams);
}

static bool b_has_ten_megabytes(void)
{
    return side_b.read[0] >= TEN_MEGABYTES && side_b.heard_end[0];
}

static bool a_has_all_back(void)
{
    return side_a.heard_end[0];
}

static bool both_closed(void)
{
    return a.closed > 0 && b.closed > 0;
}

static bool a_is_closed(void)
{
    return a.closed > 0;
}

static bool b_has_a_byte(void)
{
    return side_b.first_ms != 0;
}

static void the_first_byte_of_a_stream_costs_no_round_trip_more(void)
{
    set_up_streams(1);
    uint64_t begin = clock_ms;
    side_a.to_write[0] = 5;
    a.on_open = write_on; /* then: so it travels with the cookie */
    (void)dial_for(&a, 1, true);
    run(2000, b_has_a_byte);
    CHECK_EQ(side_b.first_ms - begin, 7 * ONE_WAY_MS);
    CHECK_EQ(side_b.read[0], 5);
    tear_down();
}

static void ten_megabytes_arrive_intact_on_a_bad_network(void)
{
    connect_streams(2);
    loss_percent = 2;
    copy_percent = 2;
    jitter_ms = 3;
    side_a.to_write[0] = TEN_MEGABYTES;
    side_a.ends[0] = true;
    write_on(&a);
    run(1200000, b_has_ten_megabytes);
    CHECK_EQ(side_b.read[0], TEN_MEGABYTES);
    CHECK_EQ(side_b.wrong, 0);
    CHECK(side_b.heard_end[0] && side_a.writables > 0);
    tear_down();
}

static void a_clean_network_is_used_well(void)
{
    connect_streams(3);
    uint64_t begin = clock_ms;
    side_a.to_write[0] = TEN_MEGABYTES;
    side_a.ends[0] = true;
    write_on(&a);
    run(60000, b_has_ten_megabytes);
    CHECK_EQ(side_b.read[0], TEN_MEGABYTES);
    CHECK(clock_ms - begin < 4000); /* 20 Mbit/s over 40 ms */
    tear_down();
}

static void sixteen_streams_both_ways_at_once(void)
{
    connect_streams(4);
    loss_percent = 1;
    for (unsigned i = 0; i < CT_SCTP_STREAMS; i++) {
        side_a.to_write[i] = 30000 + 1000 * i;
        side_b.to_write[i] = 20000 + 777 * i;
        side_a.ends[i] = side_b.ends[i] = true;
    }
    write_on(&a);
    write_on(&b);
    run(60000, NULL);
    for (unsigned i = 0; i < CT_SCTP_STREAMS; i++) {
        CHECK_EQ(side_b.read[i], side_a.to_write[i]);
        CHECK_EQ(side_a.read[i], side_b.to_write[i]);
        CHECK(side_a.heard_end[i] && side_b.heard_end[i]);
    }
    CHECK_EQ(side_a.wrong + side_b.wrong, 0);
    tear_down();
}

static void one_direction_ends_and_the_other_goes_on(void)
{
    connect_streams(5);
    side_b.echoes = true;
    side_a.to_write[0] = 300000;
    side_a.ends[0] = true;
    write_on(&a);
    run(20000, a_has_all_back);
    CHECK_EQ(side_a.read[0], 300000);
    CHECK_EQ(side_a.wrong, 0);
    CHECK_EQ(a.closed + b.closed, 0);
    ct_calls_finish(a.calls, a.call, clock_ms);
    CHECK_EQ(a.closed, 0); /* not before b has acknowledged everything */
    run(2000, both_closed);
    CHECK_EQ(a.close_err, CT_OK);
    CHECK_EQ(b.close_err, CT_ERR_IO);
    CHECK(strstr(b.close_text, "phone-7 hung up") != NULL);
    tear_down();
}

static void the_end_is_heard_behind_all_the_data_on_a_bad_network(void)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        connect_streams(100 + seed);
        loss_percent = 10;
        jitter_ms = 20;
        side_b.echoes = true;
        side_a.to_write[0] = 40000;
        side_a.ends[0] = true;
        write_on(&a);
        run(60000, a_has_all_back);
        CHECK_EQ(side_a.read[0], 40000);
        CHECK_EQ(side_a.wrong + side_b.wrong, 0);
        /* both hang up, as the command does */
        ct_calls_finish(a.calls, a.call, clock_ms);
        ct_calls_finish(b.calls, b.call, clock_ms);
        run(40000, both_closed);
        CHECK(a.close_err == CT_OK || a.close_err == CT_ERR_IO);
        CHECK(b.close_err == CT_OK || b.close_err == CT_ERR_IO);
        tear_down();
    }
}

static void a_reader_that_pauses_stops_the_writer(void)
{
    connect_streams(6);
    CHECK_EQ(ct_calls_stream_pause(b.calls, b.call, true), CT_OK);
    side_a.to_write[0] = TEN_MEGABYTES;
    write_on(&a);
    run(20000, NULL);
    CHECK_EQ(side_b.read[0], 0);
    unsigned before = sent_total;
    run(200000, NULL);
    CHECK(sent_total - before < 1000); /* it asks now and then for the window */
    uint64_t held = side_a.written[0];
    CHECK(held > CT_SCTP_BUFFER && held <= UINT64_C(2) * CT_SCTP_BUFFER);
    CHECK_EQ(a.closed + b.closed, 0);
    CHECK_EQ(ct_calls_stream_pause(b.calls, b.call, false), CT_OK);
    side_a.to_write[0] = held + 100000;
    run(20000, NULL);
    CHECK_EQ(side_b.read[0], held + 100000);
    CHECK_EQ(side_b.wrong, 0);
    tear_down();
}

static void hanging_up_waits_for_what_was_written(void)
{
    connect_streams(7);
    loss_percent = 5;
    side_a.to_write[0] = 200000;
    write_on(&a);
    CHECK_EQ(side_a.written[0], 200000);
    ct_calls_finish(a.calls, a.call, clock_ms);
    size_t taken = 0;
    CHECK_EQ(ct_calls_stream_write(a.calls, a.call, &taken, 0, "x", 1, clock_ms), CT_ERR_STATE);
    run(60000, both_closed);
    CHECK_EQ(side_b.read[0], 200000);
    CHECK_EQ(side_b.wrong, 0);
    CHECK_EQ(a.close_err, CT_OK);
    CHECK_EQ(b.close_err, CT_ERR_IO);
    tear_down();
}

/* b has enough while a still writes: a is told so, and not that all of it has been taken. */
static void a_reader_that_hangs_up_stops_the_writer(void)
{
    connect_streams(17);
    side_a.to_write[0] = TEN_MEGABYTES;
    write_on(&a);
    run(5000, b_has_a_byte);
    CHECK_EQ(ct_calls_stream_end(b.calls, b.call, 0, clock_ms), CT_OK);
    ct_calls_finish(b.calls, b.call, clock_ms);
    run(1000, both_closed);
    CHECK_EQ(b.close_err, CT_OK);
    CHECK_EQ(a.close_err, CT_ERR_REFUSED);
    CHECK(side_a.heard_end[0] && side_b.read[0] < side_a.written[0]);
    CHECK_EQ(side_b.wrong, 0);
    tear_down();
}

static void hanging_up_again_cuts(void)
{
    connect_streams(8);
    CHECK_EQ(ct_calls_stream_pause(b.calls, b.call, true), CT_OK);
    side_a.to_write[0] = 900000; /* more than b takes */
    write_on(&a);
    ct_calls_finish(a.calls, a.call, clock_ms);
    run(1000, NULL);
    CHECK_EQ(a.closed, 0);
    ct_calls_finish(a.calls, a.call, clock_ms);
    CHECK_EQ(a.closed, 1);
    run(1000, NULL);
    CHECK_EQ(b.closed, 0); /* there is data to be read */
    CHECK_EQ(ct_calls_stream_pause(b.calls, b.call, false), CT_OK);
    run(1000, both_closed);
    CHECK(side_b.read[0] > 100000);
    CHECK_EQ(side_b.wrong, 0);
    CHECK_EQ(b.close_err, CT_ERR_IO);
    tear_down();
}

static void a_peer_that_leaves_with_data_under_way_is_told(void)
{
    connect_streams(9);
    side_a.to_write[0] = TEN_MEGABYTES;
    write_on(&a);
    run(200, NULL);
    ct_calls_close(b.calls, b.call);
    run(1000, both_closed);
    CHECK_EQ(a.close_err, CT_ERR_REFUSED);
    CHECK(strstr(a.close_text, "before it had acknowledged everything") != NULL);
    tear_down();
}

static void who_takes_no_streams_says_so(void)
{
    set_up_streams(10);
    ct_calls_free(b.calls);
    b.takes_streams = false;
    start(&b);
    (void)dial_for(&a, 1, true);
    run(3000, a_is_closed);
    CHECK_EQ(a.opened + b.opened, 0);
    CHECK_EQ(a.close_err, CT_ERR_REFUSED);
    CHECK(strstr(a.close_text, "takes no calls of streams") != NULL);
    run(1000, NULL);
    CHECK_EQ(ct_calls_count(b.calls, 0), 0);
    (void)dial(&a, 1);
    run(3000, both_open);
    CHECK(both_open());
    tear_down();
}

static void datagrams_and_streams_do_not_mix(void)
{
    connect_streams(11);
    size_t taken = 0;
    CHECK_EQ(ct_calls_write(a.calls, a.call, "x", 1, clock_ms), CT_ERR_STATE);
    CHECK_EQ(ct_calls_stream_write(a.calls, a.call, &taken, CT_SCTP_STREAMS, "x", 1, clock_ms),
             CT_ERR_ARG);
    CHECK_EQ(ct_calls_stream_end(a.calls, a.call, CT_SCTP_STREAMS, clock_ms), CT_ERR_ARG);
    CHECK_EQ(ct_calls_stream_end(a.calls, a.call, 3, clock_ms), CT_OK);
    CHECK_EQ(ct_calls_stream_end(a.calls, a.call, 3, clock_ms), CT_ERR_STATE);
    CHECK_EQ(ct_calls_stream_write(a.calls, a.call, &taken, 3, "x", 1, clock_ms), CT_ERR_STATE);
    tear_down();
    set_up_streams(12);
    (void)dial(&a, 1);
    run(2000, both_open);
    CHECK(!a.has_streams && !b.has_streams);
    CHECK_EQ(ct_calls_stream_write(a.calls, a.call, &taken, 0, "x", 1, clock_ms), CT_ERR_STATE);
    CHECK_EQ(ct_calls_stream_pause(a.calls, a.call, true), CT_ERR_STATE);
    tear_down();
}

/* The one that is kept may be of the other kind: then its new owner hangs up. */
static void calls_of_two_kinds_that_meet_do_not_confuse(void)
{
    for (uint32_t seed = 1; seed <= 30; seed++) {
        set_up_streams(seed * 37);
        ct_calls_free(a.calls);
        a.takes_streams = true;
        start(&a);
        jitter_ms = 15;
        (void)dial_for(&a, 1, true);
        (void)dial_for(&b, 1, false);
        run(3000, NULL);
        CHECK(a.opened == 0 || a.has_streams);
        CHECK(b.opened == 0 || !b.has_streams || b.closed > 0);
        CHECK(a.closed + b.closed > 0);
        CHECK_EQ(ct_calls_count(a.calls, 0) + ct_calls_count(a.calls, 1),
                 ct_calls_count(b.calls, 0) + ct_calls_count(b.calls, 1));
        tear_down();
    }
}

static void every_lost_datagram_of_the_set_up_is_made_good(void)
{
    for (unsigned lost = 0; lost < 8; lost++) {
        set_up_streams(40 + lost);
        (void)dial_for(&a, 1, true);
        unsigned before = sent_total;
        while (sent_total - before < lost && side_b.first_ms == 0) {
            run(1, NULL);
            if (a.opened > 0 && side_a.to_write[0] == 0) {
                side_a.to_write[0] = 3000;
                write_on(&a);
            }
        }
        loss_percent = 100;
        run(UINT64_C(2) * ONE_WAY_MS, NULL);
        loss_percent = 0;
        run(8000, both_open);
        side_a.to_write[0] = 3000;
        write_on(&a);
        run(8000, NULL);
        CHECK_EQ(side_b.read[0], 3000);
        tear_down();
    }
}

static void a_silent_peer_is_noticed_in_half_a_minute(void)
{
    for (int streams = 0; streams < 2; streams++) {
        set_up_streams(60);
        (void)dial_for(&a, 1, streams == 1);
        run(5000, both_open);
        run(300000, NULL); /* nothing is said, and both are there */
        CHECK_EQ(a.closed + b.closed, 0);
        CHECK_EQ(a.datagrams + b.datagrams, 0); /* the application sees nothing of that */
        loss_percent = 100;
        uint64_t begin = clock_ms;
        run(60000, a_is_closed);
        CHECK_EQ(a.closed, 1);
        CHECK_EQ(a.close_err, CT_ERR_TIMEOUT);
        CHECK(clock_ms - begin <= PEER_AWAY_MS + 1000);
        CHECK(strstr(a.close_text, "30 seconds") != NULL);
        tear_down();
    }
}

static void a_writer_notices_a_silent_peer_too(void)
{
    connect_streams(61);
    side_a.to_write[0] = TEN_MEGABYTES;
    write_on(&a);
    run(100, NULL);
    loss_percent = 100;
    uint64_t begin = clock_ms;
    run(60000, a_is_closed);
    CHECK(clock_ms - begin <= PEER_AWAY_MS + 1000 && a.close_err == CT_ERR_TIMEOUT);
    tear_down();
    set_up_streams(62);
    (void)dial(&a, 1);
    run(5000, both_open);
    loss_percent = 100;
    begin = clock_ms;
    for (int i = 0; i < 60 && a.closed == 0; i++) { /* own data is no sign of the peer */
        (void)!ct_calls_write(a.calls, a.call, "x", 1, clock_ms);
        run(1000, NULL);
    }
    CHECK(clock_ms - begin <= PEER_AWAY_MS + 2000 && a.close_err == CT_ERR_TIMEOUT);
    tear_down();
}

static struct ct_session *session_of(struct device *d)
{
    struct ct_call *call = ct_calls_find(d->calls, d->call);
    return call != NULL ? call->session : NULL;
}

/* A peer that holds the keys and sends what is no SCTP, or no SCTP of a call. */
static void an_authentic_peer_that_sends_garbage_changes_nothing(void)
{
    connect_streams(63);
    uint8_t junk[CT_SCTP_PACKET_MAX];
    for (unsigned i = 0; i < 3000; i++) {
        (void)dice_random(junk, sizeof junk);
        if (i % 2 == 0) { /* a header that is right, and a chunk of each type */
            static const uint8_t head[4] = {0x13, 0x88, 0x13, 0x88};
            memcpy(junk, head, sizeof head);
            junk[12] = (uint8_t)(i / 2);
        }
        struct ct_session *session = session_of(&a);
        REQUIRE(session != NULL);
        (void)!ct_dtls_write(session->dtls, junk, 1 + roll() % sizeof junk);
        if (i % 100 == 0) {
            run(50, NULL);
        }
    }
    run(1000, NULL);
    side_a.to_write[0] = 100000;
    write_on(&a);
    run(5000, NULL);
    CHECK_EQ(side_b.read[0], 100000);
    CHECK_EQ(side_b.wrong + b.closed, 0);
    tear_down();
}

static void two_pairs_in_one_process_do_not_meet(void)
{
    connect_streams(64);
    unsigned first_of_a = a.call;
    unsigned first_of_b = b.call;
    a.opened = b.opened = 0;
    unsigned second = 0;
    REQUIRE(ct_calls_dial(a.calls, &second, 0, &b.lanes[0], &a.known, true, clock_ms) == CT_OK);
    run(5000, both_open);
    CHECK(a.call == second && second != first_of_a && b.call != first_of_b);
    size_t taken = 0;
    CHECK_EQ(ct_calls_stream_write(a.calls, first_of_a, &taken, 5, "1", 1, clock_ms), CT_OK);
    run(1000, NULL);
    CHECK_EQ(side_b.read[5], 1);
    ct_calls_finish(a.calls, first_of_a, clock_ms);
    run(2000, both_closed);
    CHECK_EQ(a.closed, 1);
    side_a.to_write[0] = 50000;
    write_on(&a); /* on the second */
    run(5000, NULL);
    CHECK_EQ(side_b.read[0], 50000);
    tear_down();
}

static const struct ct_test tests[] = {
    CT_TEST(the_first_byte_of_a_stream_costs_no_round_trip_more),
    CT_TEST(ten_megabytes_arrive_intact_on_a_bad_network),
    CT_TEST(a_clean_network_is_used_well),
    CT_TEST(sixteen_streams_both_ways_at_once),
    CT_TEST(one_direction_ends_and_the_other_goes_on),
    CT_TEST(the_end_is_heard_behind_all_the_data_on_a_bad_network),
    CT_TEST(a_reader_that_pauses_stops_the_writer),
    CT_TEST(hanging_up_waits_for_what_was_written),
    CT_TEST(a_reader_that_hangs_up_stops_the_writer),
    CT_TEST(hanging_up_again_cuts),
    CT_TEST(a_peer_that_leaves_with_data_under_way_is_told),
    CT_TEST(who_takes_no_streams_says_so),
    CT_TEST(datagrams_and_streams_do_not_mix),
    CT_TEST(calls_of_two_kinds_that_meet_do_not_confuse),
    CT_TEST(every_lost_datagram_of_the_set_up_is_made_good),
    CT_TEST(a_silent_peer_is_noticed_in_half_a_minute),
    CT_TEST(a_writer_notices_a_silent_peer_too),
    CT_TEST(an_authentic_peer_that_sends_garbage_changes_nothing),
    CT_TEST(two_pairs_in_one_process_do_not_meet),
};
CT_TEST_MAIN(tests)
