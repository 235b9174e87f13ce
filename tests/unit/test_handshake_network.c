/* Claims about the handshake on a bad network: cuts, flips, other orders, repetitions, losses. */
/* links: ct_kex ct_chain ct_base */
#include "hs_run.h"

static void every_cut_and_flip_of_m1_is_refused(void)
{
    struct run r;
    start(&r);
    for (size_t len = 0; len < r.m1_len; len++) {
        CHECK(input(&r, r.m1, len) != CT_OK);
    }
    CHECK_EQ(input(&r, r.m1, r.m1_len + 1), CT_ERR_FORMAT);
    for (size_t bit = 0; bit < 8 * r.m1_len; bit++) {
        r.m1[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        CHECK(input(&r, r.m1, r.m1_len) != CT_OK);
        CHECK_EQ(r.result.event, CT_HS_DROP);
        r.m1[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CHECK_EQ(ct_hs_responder_half_open(r.b), 0);
    CHECK_EQ(input(&r, r.m1, r.m1_len), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_LOOKUP);
    end(&r);
}

static void every_cut_and_flip_of_m2_is_refused(void)
{
    struct run r;
    uint8_t longer[CT_HS_M2_LEN + 1] = {0};
    until_m2(&r);
    for (size_t len = 0; len < CT_HS_M2_LEN; len++) {
        CHECK(ct_hs_initiator_input(r.a, r.m2, len, T0) != CT_OK);
    }
    memcpy(longer, r.m2, CT_HS_M2_LEN);
    CHECK_EQ(ct_hs_initiator_input(r.a, longer, sizeof(longer), T0), CT_ERR_FORMAT);
    for (size_t bit = 0; bit < (size_t)8 * CT_HS_M2_LEN; bit++) {
        r.m2[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        CHECK(ct_hs_initiator_input(r.a, r.m2, CT_HS_M2_LEN, T0) != CT_OK);
        r.m2[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CHECK_EQ(ct_hs_initiator_state(r.a), CT_HS_WAIT);
    CHECK_EQ(ct_hs_initiator_input(r.a, r.m2, CT_HS_M2_LEN, T0), CT_OK);
    CHECK_EQ(ct_hs_initiator_state(r.a), CT_HS_READY);
    end(&r);
}

static void every_cut_and_flip_of_the_flight_is_refused(void)
{
    struct run r;
    until_flight(&r);
    for (size_t len = 0; len < CT_HS_FLIGHT_LEN; len++) {
        CHECK(input(&r, r.flight, len) != CT_OK);
    }
    for (size_t bit = 0; bit < (size_t)8 * CT_HS_FLIGHT_LEN; bit++) {
        r.flight[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        CHECK(input(&r, r.flight, CT_HS_FLIGHT_LEN) != CT_OK);
        CHECK_EQ(r.result.event, CT_HS_DROP);
        r.flight[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CHECK_EQ(ct_hs_responder_half_open(r.b), 1); /* a forger cannot end it */
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SESSION);
    end(&r);
}

static void messages_out_of_order_are_refused(void)
{
    struct run r, other;
    until_flight(&other);
    r = other;
    r.b = side_listens(&bob, 1, 8); /* saw nothing yet */
    CHECK_EQ(input(&r, other.flight, CT_HS_FLIGHT_LEN), CT_ERR_NOT_FOUND);
    CHECK_EQ(input(&r, other.m2, CT_HS_M2_LEN), CT_ERR_STATE);
    CHECK_EQ(input(&r, other.flight + CT_HS_M3_LEN, CT_HS_M4_LEN), CT_ERR_STATE);
    ct_hs_responder_free(r.b);
    /* m4 before m3, m3 twice, m3 alone */
    uint8_t swapped[CT_HS_FLIGHT_LEN];
    memcpy(swapped, other.flight + CT_HS_M3_LEN, CT_HS_M4_LEN);
    memcpy(swapped + CT_HS_M4_LEN, other.flight, CT_HS_M3_LEN);
    CHECK(input(&other, swapped, sizeof(swapped)) != CT_OK);
    memcpy(swapped, other.flight, CT_HS_M3_LEN);
    memcpy(swapped + CT_HS_M3_LEN, other.flight, CT_HS_M3_LEN);
    CHECK_EQ(input(&other, swapped, sizeof(swapped)), CT_ERR_FORMAT);
    CHECK_EQ(input(&other, other.flight, CT_HS_M3_LEN), CT_ERR_FORMAT);
    CHECK_EQ(input(&other, other.flight, CT_HS_FLIGHT_LEN), CT_OK);
    end(&other);
}

static void a_flight_before_the_answer_is_refused(void)
{
    struct run r;
    struct scribe s;
    start(&r);
    REQUIRE(input(&r, r.m1, r.m1_len) == CT_OK);
    scribe_init(&s, &alice, &bob, CT_HS_CALL);
    memcpy(s.sid, r.m1 + 4, 16);
    uint8_t flight[CT_HS_FLIGHT_LEN] = {0x0c, 1, 3, 0};
    memcpy(flight + 4, s.sid, 16);
    memcpy(flight + 148, flight, 20);
    flight[150] = 4;
    CHECK_EQ(input(&r, flight, sizeof(flight)), CT_ERR_STATE);
    end(&r);
}

static void repeated_messages_get_the_same_bytes(void)
{
    struct run r;
    uint8_t again[CT_HS_FLIGHT_LEN];
    start(&r);
    CHECK_EQ(input(&r, r.m1, r.m1_len), CT_OK);
    CHECK_EQ(input(&r, r.m1, r.m1_len), CT_OK); /* while the record is being read */
    CHECK_EQ(r.result.event, CT_HS_DROP);
    CHECK_EQ(ct_hs_responder_half_open(r.b), 1);
    CHECK_EQ(answer(&r, &alice.party), CT_OK);
    memcpy(r.m2, r.result.bytes, CT_HS_M2_LEN);
    CHECK_EQ(input(&r, r.m1, r.m1_len), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SEND);
    CHECK_MEM(r.result.bytes, r.m2, CT_HS_M2_LEN);
    CHECK_EQ(answer(&r, &alice.party), CT_ERR_STATE);

    CHECK_EQ(ct_hs_initiator_input(r.a, r.m2, CT_HS_M2_LEN, T0 + 1), CT_OK);
    REQUIRE(poll_into(r.a, r.flight, T0 + 1) == CT_HS_FLIGHT_LEN);
    CHECK_EQ(poll_into(r.a, again, T0 + 2), 0);
    CHECK_EQ(ct_hs_initiator_input(r.a, r.m2, CT_HS_M2_LEN, T0 + 2), CT_OK);
    REQUIRE(poll_into(r.a, again, T0 + 2) == CT_HS_FLIGHT_LEN);
    CHECK_MEM(again, r.flight, CT_HS_FLIGHT_LEN);

    memcpy(r.flight + CT_HS_FLIGHT_LEN, HELLO, sizeof(HELLO));
    CHECK_EQ(input(&r, r.flight, sizeof(r.flight)), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SESSION);
    CHECK_EQ(input(&r, r.flight, sizeof(r.flight)), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_REPEAT); /* no second session */
    CHECK_EQ(r.result.rest_len, sizeof(HELLO));
    CHECK_EQ(input(&r, r.m1, r.m1_len), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SEND);
    CHECK_MEM(r.result.bytes, r.m2, CT_HS_M2_LEN);
    end(&r);
}

static void another_message_under_a_taken_sid_is_refused(void)
{
    struct run r;
    struct scribe s;
    until_flight(&r);
    scribe_init(&s, &alice, &bob, CT_HS_CALL);
    memcpy(s.sid, r.m1 + 4, 16);
    scribe_m1(&s);
    CHECK_EQ(input(&r, s.m1, 389), CT_ERR_REPLAY);
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    r.flight[100] ^= 1;
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_ERR_REPLAY);
    r.m2[100] ^= 1;
    CHECK_EQ(ct_hs_initiator_input(r.a, r.m2, CT_HS_M2_LEN, T0), CT_ERR_REPLAY);
    end(&r);
}

static void messages_from_another_source_are_refused(void)
{
    struct run r;
    until_flight(&r);
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &ELSEWHERE, r.m1, r.m1_len, T0), CT_ERR_REPLAY);
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &ELSEWHERE, r.flight, CT_HS_FLIGHT_LEN, T0),
             CT_ERR_REPLAY);
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    end(&r);
}

static void a_handshake_is_forgotten_after_ten_seconds(void)
{
    struct run r;
    until_flight(&r);
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &HERE, r.flight, CT_HS_FLIGHT_LEN, T0 + 10000),
             CT_ERR_NOT_FOUND);
    CHECK_EQ(ct_hs_responder_half_open(r.b), 0);
    end(&r);
}

static void a_replay_after_ten_seconds_leads_nowhere(void)
{
    struct run r;
    struct ct_hs_responder_draw draw;
    until_flight(&r);
    REQUIRE(input(&r, r.flight, CT_HS_FLIGHT_LEN) == CT_OK);
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &HERE, r.m1, r.m1_len, T0 + 10000), CT_OK);
    REQUIRE(r.result.event == CT_HS_LOOKUP);
    test_draw(&draw, sizeof(draw));
    CHECK_EQ(ct_hs_responder_answer(r.b, &r.result, r.m1 + 4, &alice.party, &draw, T0 + 10000),
             CT_OK);
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &HERE, r.flight, CT_HS_FLIGHT_LEN, T0 + 10001),
             CT_ERR_AUTH);
    CHECK_EQ(r.result.event, CT_HS_DROP);
    end(&r);
}

static void a_refused_handshake_stays_refused(void)
{
    struct run r;
    until_flight(&r);
    ct_hs_responder_refuse(r.b, r.m1 + 4);
    CHECK_EQ(ct_hs_responder_half_open(r.b), 0);
    CHECK_EQ(input(&r, r.m1, r.m1_len), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_DROP);
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_ERR_STATE);
    CHECK_EQ(input(&r, HELLO, sizeof(HELLO)), CT_ERR_NOT_FOUND);
    end(&r);
}

static void m1_is_sent_again_at_doubled_intervals_until_ten_seconds(void)
{
    static const uint64_t AT[] = {0, 100, 300, 700, 1500, 3100, 6300};
    struct run r;
    uint8_t again[CT_HS_MAX_LEN];
    start(&r); /* the one at 0 */
    for (size_t i = 1; i < sizeof(AT) / sizeof(AT[0]); i++) {
        CHECK_EQ(ct_hs_initiator_deadline_ms(r.a), T0 + AT[i]);
        CHECK_EQ(poll_into(r.a, again, T0 + AT[i] - 1), 0);
        REQUIRE(poll_into(r.a, again, T0 + AT[i]) == CT_HS_M1_LEN);
        CHECK_MEM(again, r.m1, CT_HS_M1_LEN);
    }
    const uint8_t *bytes = NULL;
    size_t len = 0;
    CHECK_EQ(ct_hs_initiator_deadline_ms(r.a), T0 + 10000);
    CHECK_EQ(ct_hs_initiator_poll(r.a, &bytes, &len, T0 + 9999), CT_ERR_AGAIN);
    CHECK_EQ(ct_hs_initiator_poll(r.a, &bytes, &len, T0 + 10000), CT_ERR_TIMEOUT);
    CHECK_EQ(ct_hs_initiator_state(r.a), CT_HS_FAILED);
    struct ct_hs_session session;
    CHECK_EQ(ct_hs_initiator_session(r.a, &session), CT_ERR_STATE);
    end(&r);
}

static void the_flight_is_sent_again_until_confirmed(void)
{
    struct run r;
    uint8_t again[CT_HS_FLIGHT_LEN];
    until_flight(&r); /* m2 after 40 ms: 3 x 40 = 120 */
    CHECK_EQ(ct_hs_initiator_deadline_ms(r.a), T0 + 40 + 120);
    REQUIRE(poll_into(r.a, again, T0 + 160) == CT_HS_FLIGHT_LEN);
    CHECK_MEM(again, r.flight, CT_HS_FLIGHT_LEN);
    CHECK_EQ(ct_hs_initiator_deadline_ms(r.a), T0 + 160 + 240);
    ct_hs_initiator_confirm(r.a);
    CHECK_EQ(poll_into(r.a, again, T0 + 400), 0);
    end(&r);
}

static void a_late_m2_is_refused(void)
{
    struct run r;
    until_m2(&r);
    CHECK_EQ(ct_hs_initiator_input(r.a, r.m2, CT_HS_M2_LEN, T0 + 10000), CT_ERR_EXPIRED);
    end(&r);
}

static const struct ct_test tests[] = {
    CT_TEST(every_cut_and_flip_of_m1_is_refused),
    CT_TEST(every_cut_and_flip_of_m2_is_refused),
    CT_TEST(every_cut_and_flip_of_the_flight_is_refused),
    CT_TEST(messages_out_of_order_are_refused),
    CT_TEST(a_flight_before_the_answer_is_refused),
    CT_TEST(repeated_messages_get_the_same_bytes),
    CT_TEST(another_message_under_a_taken_sid_is_refused),
    CT_TEST(messages_from_another_source_are_refused),
    CT_TEST(a_handshake_is_forgotten_after_ten_seconds),
    CT_TEST(a_replay_after_ten_seconds_leads_nowhere),
    CT_TEST(a_refused_handshake_stays_refused),
    CT_TEST(m1_is_sent_again_at_doubled_intervals_until_ten_seconds),
    CT_TEST(the_flight_is_sent_again_until_confirmed),
    CT_TEST(a_late_m2_is_refused),
};
CT_TEST_MAIN(tests)
