/* Claims about a responder whom many ask at once: cookies, what one source may ask, what is held.
 */
/* links: ct_kex ct_chain ct_base */
#include "hs_run.h"

/* One more m1 under a sid of its own, from the source of that number. */
static ct_err another(struct run *r, unsigned source, uint64_t now_ms)
{
    uint8_t m1[CT_HS_MAX_LEN];
    const struct ct_hs_source from = source_no(source);
    struct ct_hs_initiator *other = side_calls(&alice, &bob, CT_HS_CALL, now_ms);
    size_t len = poll_into(other, m1, now_ms);
    ct_hs_initiator_free(other);
    return ct_hs_responder_input(r->b, &r->result, &from, m1, len, now_ms);
}

static void beyond_64_half_open_a_cookie_is_demanded_and_works(void)
{
    struct run r;
    uint8_t m1[CT_HS_MAX_LEN], m0[CT_HS_M0_LEN];
    start(&r);
    for (unsigned i = 0; i < 64; i++) {
        CHECK_EQ(another(&r, i, T0 - 1000), CT_OK);
        CHECK_EQ(r.result.event, CT_HS_LOOKUP);
    }
    CHECK_EQ(ct_hs_responder_half_open(r.b), 64);
    REQUIRE(input(&r, r.m1, r.m1_len) == CT_OK && r.result.event == CT_HS_SEND);
    REQUIRE(r.result.len == CT_HS_M0_LEN);
    memcpy(m0, r.result.bytes, CT_HS_M0_LEN);
    CHECK_EQ(ct_hs_responder_half_open(r.b), 64); /* nothing is kept */

    for (size_t len = 0; len < CT_HS_M0_LEN; len++) {
        CHECK(ct_hs_initiator_input(r.a, m0, len, T0 + 1) != CT_OK);
    }
    CHECK_EQ(ct_hs_initiator_input(r.a, m0, CT_HS_M0_LEN, T0 + 1), CT_OK);
    size_t len = poll_into(r.a, m1, T0 + 1);
    REQUIRE(len == CT_HS_M1_COOKIE_LEN);
    CHECK_MEM(m1 + 53, r.m1 + 21, 368); /* the same m1 */
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &ELSEWHERE, m1, len, T0), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SEND); /* another m0: the cookie is bound to the source */
    m1[30] ^= 1;
    CHECK_EQ(input(&r, m1, len), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SEND);
    m1[30] ^= 1;
    CHECK_EQ(input(&r, m1, len), CT_OK);
    REQUIRE(r.result.event == CT_HS_LOOKUP);

    REQUIRE(answer(&r, &alice.party) == CT_OK);
    REQUIRE(ct_hs_initiator_input(r.a, r.result.bytes, CT_HS_M2_LEN, T0 + 2) == CT_OK);
    REQUIRE(poll_into(r.a, r.flight, T0 + 2) == CT_HS_FLIGHT_LEN);
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SESSION);
    end(&r);
}

static void a_responder_over_http_never_asks_for_a_cookie(void)
{
    struct run r;
    start(&r);
    ct_hs_responder_free(r.b);
    struct ct_hs_responder_config config = {.net = NET,
                                            .purposes = 1,
                                            .identity = bob.party.identity,
                                            .key = &bob.key,
                                            .capacity = 128,
                                            .half_open_max = SIZE_MAX};
    REQUIRE(ct_hs_responder_new(&r.b, &config) == CT_OK);
    for (unsigned i = 0; i < 70; i++) {
        CHECK_EQ(another(&r, i, T0 + 20u * i), CT_OK);
        CHECK_EQ(r.result.event, CT_HS_LOOKUP);
    }
    end(&r);
}

static void a_cookie_holds_for_two_periods_of_its_key(void)
{
    struct ct_secret32 seed;
    uint8_t hash32[32] = {7}, cookie32[32];
    test_draw(&seed, sizeof(seed));
    REQUIRE(ct_hs_cookie(cookie32, &seed, 10, &HERE, hash32) == CT_OK);
    CHECK(ct_hs_cookie_valid(cookie32, &seed, 10 * PERIOD, &HERE, hash32));
    CHECK(ct_hs_cookie_valid(cookie32, &seed, 12 * PERIOD - 1, &HERE, hash32));
    CHECK(!ct_hs_cookie_valid(cookie32, &seed, 12 * PERIOD, &HERE, hash32));
    CHECK(!ct_hs_cookie_valid(cookie32, &seed, 10 * PERIOD - 1, &HERE, hash32));
    CHECK(!ct_hs_cookie_valid(cookie32, &seed, 10 * PERIOD, &ELSEWHERE, hash32));
    hash32[0] = 8;
    CHECK(!ct_hs_cookie_valid(cookie32, &seed, 10 * PERIOD, &HERE, hash32));
}

static void forged_m0_is_answered_at_once_three_times_at_most(void)
{
    struct run r;
    uint8_t m0[CT_HS_M0_LEN] = {0x0c, 1, 0, 0};
    start(&r);
    memcpy(m0 + 4, r.m1 + 4, 16);
    for (int i = 0; i < 4; i++) {
        m0[30] = (uint8_t)i;
        CHECK_EQ(ct_hs_initiator_input(r.a, m0, sizeof(m0), T0), CT_OK);
        CHECK_EQ(poll_into(r.a, r.m1, T0), i < 3 ? CT_HS_M1_COOKIE_LEN : 0);
    }
    CHECK_EQ(ct_hs_initiator_input(r.a, m0, sizeof(m0), T0), CT_ERR_REPLAY); /* held already */
    end(&r);
}

static void forged_m0s_do_not_keep_out_the_responders_own_cookie(void)
{
    struct run r;
    uint8_t m0[CT_HS_M0_LEN] = {0x0c, 1, 0, 0};
    start(&r);
    memcpy(m0 + 4, r.m1 + 4, 16);
    for (int i = 0; i < 9; i++) {
        m0[30] = (uint8_t)i;
        CHECK_EQ(ct_hs_initiator_input(r.a, m0, sizeof(m0), T0), CT_OK);
        (void)poll_into(r.a, r.m1, T0);
    }
    memset(m0 + 20, 0xcc, 32);
    CHECK_EQ(ct_hs_initiator_input(r.a, m0, sizeof(m0), T0 + 50), CT_OK);
    REQUIRE(poll_into(r.a, r.m1, ct_hs_initiator_deadline_ms(r.a)) == CT_HS_M1_COOKIE_LEN);
    CHECK_MEM(r.m1 + 21, m0 + 20, 32);
    end(&r);
}

static void the_same_m0_again_does_not_restart_the_schedule(void)
{
    struct run r;
    uint8_t m0[CT_HS_M0_LEN] = {0x0c, 1, 0, 0};
    start(&r);
    memcpy(m0 + 4, r.m1 + 4, 16);
    REQUIRE(ct_hs_initiator_input(r.a, m0, sizeof(m0), T0) == CT_OK);
    REQUIRE(poll_into(r.a, r.m1, T0) == CT_HS_M1_COOKIE_LEN);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(ct_hs_initiator_input(r.a, m0, sizeof(m0), T0 + 1), CT_ERR_REPLAY);
        CHECK_EQ(poll_into(r.a, r.m1, T0 + 1), 0);
    }
    end(&r);
}

static void one_source_does_not_fill_the_table(void)
{
    struct run r;
    start(&r);
    for (unsigned i = 0; i < 200; i++) {
        CHECK_EQ(another(&r, 1, T0), i < 8 ? CT_OK : CT_ERR_AGAIN);
    }
    CHECK_EQ(ct_hs_responder_half_open(r.b), 8);
    CHECK_EQ(another(&r, 2, T0), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_LOOKUP);
    CHECK_EQ(another(&r, 1, T0 + 10000), CT_OK);
    end(&r);
}

static void many_ports_of_one_address_do_not_fill_the_table(void)
{
    struct run r;
    uint8_t m1[CT_HS_MAX_LEN];
    start(&r); /* capacity 128 */
    for (unsigned v = 4; v <= 6; v += 2) {
        size_t taken = 0;
        for (unsigned i = 0; i < 60; i++) {
            struct ct_hs_source from = source_no(9);
            if (v == 4) {
                const uint8_t ip4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 1};
                memcpy(from.bytes, ip4, sizeof(ip4));
                from.bytes[17] = (uint8_t)i;
            } else {
                from.bytes[15] = (uint8_t)i; /* one network of IPv6 */
            }
            struct ct_hs_initiator *other = side_calls(&alice, &bob, CT_HS_CALL, T0 + v * 1000);
            size_t len = poll_into(other, m1, T0 + v * 1000);
            taken +=
                ct_hs_responder_input(r.b, &r.result, &from, m1, len, T0 + v * 1000) == CT_OK &&
                r.result.event == CT_HS_LOOKUP;
            ct_hs_initiator_free(other);
        }
        CHECK_EQ(taken, 32);
    }
    end(&r);
}

static void refused_handshakes_do_not_fill_the_table(void)
{
    struct run r;
    start(&r);
    for (unsigned i = 0; i < 300; i++) {
        CHECK_EQ(another(&r, i, T0 + 20u * i), CT_OK);
        REQUIRE(r.result.event == CT_HS_LOOKUP);
        ct_hs_responder_refuse(r.b, r.result.claim.sid16);
    }
    CHECK_EQ(ct_hs_responder_half_open(r.b), 0);
    end(&r);
}

static void refused_handshakes_do_not_free_their_source(void)
{
    struct run r;
    start(&r);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(another(&r, 1, T0), i < 8 ? CT_OK : CT_ERR_AGAIN);
        ct_hs_responder_refuse(r.b, r.result.claim.sid16);
    }
    end(&r);
}

static void complete_handshakes_do_not_fill_the_table(void)
{
    struct run r;
    start(&r);
    ct_hs_responder_free(r.b);
    r.b = side_listens(&bob, 1, 2);
    for (int i = 0; i < 20; i++) {
        struct ct_hs_initiator *a = side_calls(&alice, &bob, CT_HS_CALL, T0);
        r.m1_len = poll_into(a, r.m1, T0);
        REQUIRE(input(&r, r.m1, r.m1_len) == CT_OK && answer(&r, &alice.party) == CT_OK);
        REQUIRE(ct_hs_initiator_input(a, r.result.bytes, CT_HS_M2_LEN, T0) == CT_OK);
        REQUIRE(poll_into(a, r.flight, T0) == CT_HS_FLIGHT_LEN);
        CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
        CHECK_EQ(r.result.event, CT_HS_SESSION);
        ct_hs_initiator_free(a);
    }
    end(&r);
}

static void look_ups_without_end_are_not_made(void)
{
    struct run r;
    size_t lookups = 0;
    const uint64_t second = T0 + 1000 - T0 % 1000;
    start(&r);
    for (unsigned i = 0; i < 200; i++) {
        lookups += another(&r, i, second + i) == CT_OK;
        ct_hs_responder_refuse(r.b, r.result.claim.sid16);
    }
    CHECK_EQ(lookups, CT_HS_LOOKUPS_MAX);
    CHECK_EQ(another(&r, 200, second + 1000), CT_OK);
    end(&r);
}

static void only_a_client_hello_is_held(void)
{
    static const struct {
        size_t at;
        uint8_t value;
    } OTHERS[] = {{0, 20}, {0, 23}, {1, 3}, {2, 0xfc}, {13, 2}, {13, 0}};
    struct run r;
    uint8_t record[sizeof(HELLO)];
    until_flight(&r);
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        memcpy(record, HELLO, sizeof(HELLO));
        record[OTHERS[i].at] = OTHERS[i].value;
        CHECK_EQ(input(&r, record, sizeof(record)), CT_ERR_FORMAT);
    }
    for (size_t len = 1; len <= 13; len++) {
        CHECK_EQ(input(&r, HELLO, len), CT_ERR_FORMAT);
    }
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    CHECK_EQ(r.result.rest_len, 0);
    end(&r);
}

static void a_forged_client_hello_does_not_keep_out_the_one_that_is_meant(void)
{
    struct run r;
    uint8_t forged[sizeof(HELLO) + 100];
    memset(forged, 9, sizeof(forged));
    memcpy(forged, HELLO, 14);
    until_flight(&r);
    CHECK_EQ(input(&r, forged, sizeof(forged)), CT_OK);
    CHECK_EQ(input(&r, HELLO, sizeof(HELLO)), CT_OK);
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    REQUIRE(r.result.rest_len == sizeof(HELLO));
    CHECK_MEM(r.result.rest, HELLO, sizeof(HELLO));
    end(&r);
}

static void nothing_is_held_for_an_unknown_source(void)
{
    struct run r;
    struct ct_hs_responder_draw draw;
    start(&r);
    test_draw(&draw, sizeof(draw));
    REQUIRE(ct_hs_responder_input(r.b, &r.result, &NOWHERE, r.m1, r.m1_len, T0) == CT_OK);
    REQUIRE(answer(&r, &alice.party) == CT_OK);
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &NOWHERE, HELLO, sizeof(HELLO), T0),
             CT_ERR_NOT_FOUND);
    end(&r);
}

static void a_full_table_drops_and_recovers(void)
{
    struct run r;
    uint8_t m1[CT_HS_MAX_LEN];
    start(&r);
    ct_hs_responder_free(r.b);
    r.b = side_listens(&bob, 1, 2);
    for (int i = 0; i < 2; i++) {
        struct ct_hs_initiator *other = side_calls(&alice, &bob, CT_HS_CALL, T0);
        CHECK_EQ(input(&r, m1, poll_into(other, m1, T0)), CT_OK);
        ct_hs_initiator_free(other);
    }
    CHECK_EQ(input(&r, r.m1, r.m1_len), CT_ERR_AGAIN);
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &HERE, r.m1, r.m1_len, T0 + 10000), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_LOOKUP);
    end(&r);
}

static const struct ct_test tests[] = {
    CT_TEST(beyond_64_half_open_a_cookie_is_demanded_and_works),
    CT_TEST(a_responder_over_http_never_asks_for_a_cookie),
    CT_TEST(a_cookie_holds_for_two_periods_of_its_key),
    CT_TEST(forged_m0_is_answered_at_once_three_times_at_most),
    CT_TEST(forged_m0s_do_not_keep_out_the_responders_own_cookie),
    CT_TEST(the_same_m0_again_does_not_restart_the_schedule),
    CT_TEST(one_source_does_not_fill_the_table),
    CT_TEST(many_ports_of_one_address_do_not_fill_the_table),
    CT_TEST(refused_handshakes_do_not_fill_the_table),
    CT_TEST(refused_handshakes_do_not_free_their_source),
    CT_TEST(complete_handshakes_do_not_fill_the_table),
    CT_TEST(look_ups_without_end_are_not_made),
    CT_TEST(only_a_client_hello_is_held),
    CT_TEST(a_forged_client_hello_does_not_keep_out_the_one_that_is_meant),
    CT_TEST(nothing_is_held_for_an_unknown_source),
    CT_TEST(a_full_table_drops_and_recovers),
};
CT_TEST_MAIN(tests)
