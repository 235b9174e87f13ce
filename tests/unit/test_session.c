/* Claims about calls: two devices in one process, a network that loses, delays and doubles. */
/* links: ct_client_inside chainturn ct_kex ct_turn ct_chain ct_base */
#include "ct_test.h"
#include "two_devices.h"

/* m1, m2 | m3 m4 ClientHello, ServerHello.. | Finished, Finished | data: 3.5 round trips. */
static void first_byte_takes_three_and_a_half_round_trips(void)
{
    set_up(1);
    uint64_t begin = clock_ms;
    a.sends_at_once = true;
    unsigned call = dial(&a, 1);
    run(2000, b_has_data);
    CHECK_EQ(a.opened, 1);
    CHECK_EQ(a.call, call);
    CHECK_EQ(a.rang, 1);
    CHECK_EQ(b.lookups, 1);
    CHECK_EQ(a.opened_ms - begin, 6 * ONE_WAY_MS);
    CHECK_EQ(b.first_data_ms - begin, 7 * ONE_WAY_MS);
    CHECK_EQ(sent_total, 7);
    CHECK_EQ(b.data_len, 5);
    CHECK_MEM(b.data, "first", 5);
    tear_down();
}

static void data_flows_both_ways_and_goodbye_is_heard(void)
{
    set_up(2);
    uint8_t payload[CT_DTLS_DATA_MAX + 1];
    b.echoes = true;
    unsigned call = dial(&a, 1);
    run(2000, both_open);
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 7);
    }
    for (size_t len = 1; len <= CT_DTLS_DATA_MAX; len += 229) {
        REQUIRE(ct_calls_write(a.calls, call, payload, len, clock_ms) == CT_OK);
        run(100, NULL);
        CHECK_EQ(a.data_len, len);
        CHECK_MEM(a.data, payload, len);
    }
    CHECK_EQ(ct_calls_write(a.calls, call, payload, CT_DTLS_DATA_MAX, clock_ms), CT_OK);
    CHECK_EQ(ct_calls_write(a.calls, call, payload, CT_DTLS_DATA_MAX + 1, clock_ms), CT_ERR_ARG);
    CHECK_EQ(ct_calls_write(a.calls, call, payload, 0, clock_ms), CT_ERR_ARG);
    ct_calls_close(a.calls, call);
    CHECK_EQ(a.closed, 1);
    CHECK_EQ(a.close_err, CT_OK);
    run(100, NULL);
    CHECK_EQ(b.closed, 1);
    CHECK_EQ(b.close_err, CT_ERR_IO);
    CHECK(strstr(b.close_text, "phone-7 hung up") != NULL);
    CHECK_EQ(ct_calls_write(a.calls, call, "x", 1, clock_ms), CT_ERR_STATE);
    tear_down();
}

static void a_call_may_be_closed_from_within_its_event(void)
{
    set_up(3);
    a.sends_at_once = true;
    b.hangs_up = true;
    (void)dial(&a, 1);
    run(1000, NULL);
    CHECK_EQ(b.datagrams, 1);
    CHECK_EQ(b.closed, 1);
    CHECK_EQ(b.close_err, CT_OK);
    CHECK_EQ(a.closed, 1);
    tear_down();
}

static void every_single_lost_datagram_is_made_good(void)
{
    for (unsigned lost = 0; lost < 5; lost++) {
        set_up(4 + lost);
        a.sends_at_once = true;
        (void)dial(&a, 1);
        if (lost == 0) {
            drop_next = 0;
        }
        unsigned before = sent_total;
        while (sent_total - before < lost && !b_has_data()) {
            run(1, NULL);
        }
        drop_next = 1;
        run(8000, both_open);
        CHECK(both_open());
        tear_down();
    }
}

static void calls_stand_on_a_bad_network(void)
{
    unsigned failed = 0;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        set_up(seed * 977);
        loss_percent = 20;
        copy_percent = 20;
        jitter_ms = 40;
        (void)dial(&a, 1);
        run(10000, both_open);
        failed += !both_open();
        CHECK(a.opened <= 1 && b.opened <= 1);
        tear_down();
    }
    CHECK(failed <= 2); /* 10 s do not always do at 20 % loss */
}

static void data_survives_reordering_and_copies_once_each(void)
{
    set_up(5);
    unsigned call = dial(&a, 1);
    run(2000, both_open);
    copy_percent = 100;
    jitter_ms = 30;
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(ct_calls_write(a.calls, call, &i, sizeof i, clock_ms), CT_OK);
    }
    run(500, NULL);
    CHECK_EQ(b.datagrams, 50);
    tear_down();
}

static void a_client_hello_that_overtakes_m4_is_held(void)
{
    set_up(6);
    hold_step = 1;
    uint64_t begin = clock_ms;
    a.sends_at_once = true;
    (void)dial(&a, 1);
    run(2000, b_has_data);
    CHECK_EQ(hold_step, 0);
    CHECK_EQ(b.first_data_ms - begin, 7 * ONE_WAY_MS + 5);
    tear_down();
}

static void nobody_there_is_said_in_ten_seconds(void)
{
    set_up(7);
    loss_percent = 100;
    (void)dial(&a, 1);
    run(11000, NULL);
    CHECK_EQ(a.closed, 1);
    CHECK_EQ(a.close_err, CT_ERR_TIMEOUT);
    CHECK(strstr(a.close_text, "sensor-42") != NULL);
    CHECK(sent_total <= 8);
    tear_down();
}

static void an_unknown_caller_gets_no_answer(void)
{
    set_up(8);
    b.is_unknown = true;
    (void)dial(&a, 1);
    run(11000, NULL);
    CHECK_EQ(b.opened, 0);
    CHECK_EQ(a.close_err, CT_ERR_TIMEOUT);
    CHECK_EQ(b.lookups, 1);
    tear_down();
}

static void a_stale_record_of_the_caller_is_read_again(void)
{
    set_up(9);
    b.has_stale = true;
    b.stale = a.party;
    b.stale.key32[0] ^= 1;
    (void)dial(&a, 1);
    run(3000, both_open);
    CHECK(both_open());
    CHECK_EQ(b.lookups, 2);
    tear_down();
}

static void a_stale_wallet_of_the_callee_is_read_again(void)
{
    set_up(10);
    struct ct_hs_party old = b.party;
    old.wallet20[3] ^= 1;
    unsigned call = 0;
    REQUIRE(ct_calls_dial(a.calls, &call, 1, &b.lanes[0], &old, false, clock_ms) == CT_OK);
    run(3000, both_open);
    CHECK(both_open());
    CHECK_EQ(a.lookups, 1);
    tear_down();
}

static void a_callee_that_is_not_the_registered_one_is_refused(void)
{
    set_up(11);
    a.known.wallet20[3] ^= 1; /* what the chain says, twice */
    (void)dial(&a, 1);
    run(3000, NULL);
    CHECK_EQ(a.opened, 0);
    CHECK_EQ(a.close_err, CT_ERR_AUTH);
    tear_down();
}

static void a_caller_with_another_wallet_is_refused(void)
{
    set_up(12);
    struct ct_secret32 secret = {{99}};
    CHECK_EQ(ct_wallet_from_secret(&a.wallet, &secret), CT_OK); /* signs m4 with it */
    (void)dial(&a, 1);
    run(11000, NULL);
    CHECK_EQ(b.opened, 0);
    CHECK_EQ(a.opened, 0);
    tear_down();
}

/* Each dials the other at once; both end with one session, the same. */
static void simultaneous_calls_keep_one_session(void)
{
    for (uint32_t seed = 1; seed <= 40; seed++) {
        set_up(seed * 31);
        unsigned lane = seed % 2; /* guest addresses, and both on their home addresses */
        jitter_ms = 15;
        a.echoes = true;
        unsigned of_a = dial(&a, lane);
        unsigned of_b = dial(&b, lane);
        run(3000, NULL);
        CHECK_EQ(ct_calls_count(a.calls, 0) + ct_calls_count(a.calls, 1), 1);
        CHECK_EQ(ct_calls_count(b.calls, 0) + ct_calls_count(b.calls, 1), 1);
        CHECK_EQ(a.call, of_a); /* under the number that the application knows */
        CHECK_EQ(b.call, of_b);
        CHECK_EQ(a.opened, 1);
        CHECK_EQ(b.opened, 1);
        CHECK_EQ(ct_calls_write(b.calls, of_b, "both", 4, clock_ms), CT_OK);
        run(200, NULL);
        CHECK_EQ(b.data_len, 4);
        tear_down();
    }
}

static void forged_datagrams_change_nothing(void)
{
    set_up(13);
    b.echoes = true;
    unsigned call = dial(&a, 1);
    run(2000, both_open);
    uint8_t junk[300];
    for (unsigned i = 0; i < 2000; i++) {
        (void)dice_random(junk, sizeof junk);
        static const uint8_t firsts[] = {CT_HS_FIRST_BYTE, 20, 21, 22, 23, 63, 0, 64, 255};
        junk[0] = firsts[i % sizeof firsts];
        junk[1] = i % 3 == 0 ? 0xfe : junk[1];
        junk[2] = i % 3 == 0 ? 0xfd : junk[2];
        ct_calls_input(b.calls, 0, &a.lanes[1], CT_PATH_INDICATION, junk, 1 + i % sizeof junk,
                       clock_ms);
    }
    CHECK_EQ(ct_calls_write(a.calls, call, "still", 5, clock_ms), CT_OK);
    run(200, NULL);
    CHECK_EQ(a.datagrams, 1);
    CHECK_EQ(b.opened, 1);
    CHECK_EQ(b.closed, 0);
    tear_down();
}

static void an_idle_call_ends(void)
{
    set_up(14);
    (void)dial(&a, 1);
    run(2000, both_open);
    clock_ms += 899000;
    run(100, NULL);
    CHECK_EQ(a.closed, 0);
    clock_ms += 2000;
    run(100, NULL);
    CHECK_EQ(a.closed, 1);
    CHECK_EQ(a.close_err, CT_ERR_TIMEOUT);
    tear_down();
}

static void a_lost_lane_ends_its_calls(void)
{
    set_up(15);
    (void)dial(&a, 1);
    run(2000, both_open);
    ct_calls_lane_lost(a.calls, 0, CT_ERR_STATE, "gone");
    CHECK_EQ(a.closed, 0);
    ct_calls_lane_lost(a.calls, 1, CT_ERR_STATE, "gone");
    CHECK_EQ(a.closed, 1);
    CHECK_EQ(a.close_err, CT_ERR_STATE);
    tear_down();
}

static void a_peer_that_starts_anew_from_the_same_address_replaces_its_call(void)
{
    set_up(16);
    (void)dial(&a, 1);
    run(2000, both_open);
    ct_calls_free(a.calls); /* its goodbye gets lost */
    land_all();
    start(&a);
    clock_ms += 20000;
    a.opened = b.opened = 0;
    (void)dial(&a, 1);
    run(2000, both_open);
    CHECK(both_open());
    CHECK_EQ(b.closed, 1);
    CHECK_EQ(ct_calls_count(b.calls, 0), 1);
    tear_down();
}

static void what_a_call_sends_and_gets_is_counted_by_path(void)
{
    struct ct_path_counts at_a = {{0}, {0}};
    struct ct_path_counts at_b = {{0}, {0}};
    set_up(17);
    unsigned call = dial(&a, 1);
    run(2000, both_open);
    path = CT_PATH_CHANNEL;
    CHECK_EQ(ct_calls_write(a.calls, call, "one", 3, clock_ms), CT_OK);
    CHECK_EQ(ct_calls_write(a.calls, call, "two", 3, clock_ms), CT_OK);
    run(200, NULL);
    CHECK(ct_calls_paths(a.calls, call, &at_a) && ct_calls_paths(b.calls, b.call, &at_b));
    CHECK(!ct_calls_paths(a.calls, call + 1, &at_a));
    /* m1, m3 with m4 and ClientHello, Finished; m2, ServerHello, Finished */
    CHECK_EQ(at_a.out[CT_PATH_INDICATION], 3);
    CHECK_EQ(at_a.in[CT_PATH_INDICATION], 3);
    CHECK_EQ(at_a.out[CT_PATH_CHANNEL], 2);
    CHECK_EQ(at_a.in[CT_PATH_CHANNEL], 0);
    /* b knows the call from m3 on: without m1 and m2 */
    CHECK_EQ(at_b.in[CT_PATH_INDICATION], 2);
    CHECK_EQ(at_b.out[CT_PATH_INDICATION], 2);
    CHECK_EQ(at_b.in[CT_PATH_CHANNEL], 2);
    CHECK_EQ(at_b.in[CT_PATH_PLAIN] + at_b.out[CT_PATH_NONE], 0);
    tear_down();
}

static const struct ct_test tests[] = {
    CT_TEST(first_byte_takes_three_and_a_half_round_trips),
    CT_TEST(data_flows_both_ways_and_goodbye_is_heard),
    CT_TEST(a_call_may_be_closed_from_within_its_event),
    CT_TEST(every_single_lost_datagram_is_made_good),
    CT_TEST(calls_stand_on_a_bad_network),
    CT_TEST(data_survives_reordering_and_copies_once_each),
    CT_TEST(a_client_hello_that_overtakes_m4_is_held),
    CT_TEST(nobody_there_is_said_in_ten_seconds),
    CT_TEST(an_unknown_caller_gets_no_answer),
    CT_TEST(a_stale_record_of_the_caller_is_read_again),
    CT_TEST(a_stale_wallet_of_the_callee_is_read_again),
    CT_TEST(a_callee_that_is_not_the_registered_one_is_refused),
    CT_TEST(a_caller_with_another_wallet_is_refused),
    CT_TEST(simultaneous_calls_keep_one_session),
    CT_TEST(forged_datagrams_change_nothing),
    CT_TEST(an_idle_call_ends),
    CT_TEST(a_lost_lane_ends_its_calls),
    CT_TEST(a_peer_that_starts_anew_from_the_same_address_replaces_its_call),
    CT_TEST(what_a_call_sends_and_gets_is_counted_by_path),
};
CT_TEST_MAIN(tests)
