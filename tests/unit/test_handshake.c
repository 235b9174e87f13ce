/*
 * Claims about the handshake when both ends are honest and the network is not: cuts, flips, losses,
 * repetitions, other orders, load. (Dishonest ends: test_handshake_attacks.c.)
 */
/* links: ct_kex ct_chain ct_base */
#include "ct_test.h"

#include "ct_hs_peer.h"
#include "base/hex.h"
#include "kex/handshake_wire.h"

enum { T0 = 1000000 };

static const uint64_t PERIOD = CT_HS_COOKIE_MS;

static const struct ct_hs_source HERE = {{1, 2, 3}};
static const struct ct_hs_source ELSEWHERE = {{9}};
static const struct ct_hs_source NOWHERE;
/* A DTLS record's header and the first byte of a ClientHello. */
static const uint8_t HELLO[] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4};

/* Another address each; none of two shares its first 64 bits. */
static struct ct_hs_source source_no(unsigned i)
{
    struct ct_hs_source source = {{0x20, 1, (uint8_t)(i >> 8), (uint8_t)i, 7}};
    return source;
}

static struct side alice, bob;

/* One call up to some message, with the bytes kept. */
struct run {
    struct ct_hs_initiator *a;
    struct ct_hs_responder *b;
    struct ct_hs_result result;
    uint8_t m1[CT_HS_M1_COOKIE_LEN];
    size_t m1_len;
    uint8_t m2[CT_HS_M2_LEN];
    uint8_t flight[CT_HS_FLIGHT_LEN + sizeof(HELLO)];
};

static size_t poll_into(struct ct_hs_initiator *a, uint8_t *out, uint64_t now_ms)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    if (ct_hs_initiator_poll(a, &bytes, &len, now_ms) != CT_OK) {
        return 0;
    }
    memcpy(out, bytes, len);
    return len;
}

static ct_err input(struct run *r, const uint8_t *data, size_t len)
{
    return ct_hs_responder_input(r->b, &r->result, &HERE, data, len, T0);
}

static ct_err answer(struct run *r, const struct ct_hs_party *record)
{
    struct ct_hs_responder_draw draw;
    uint8_t sid16[16];
    memcpy(sid16, r->m1 + 4, 16);
    test_draw(&draw, sizeof(draw));
    return ct_hs_responder_answer(r->b, &r->result, sid16, record, &draw, T0);
}

static void start_as(struct run *r, enum ct_hs_purpose purpose)
{
    memset(r, 0, sizeof(*r));
    side_init(&alice, "alice");
    side_init(&bob, purpose == CT_HS_CALL ? "bob" : CT_HS_WM_IDENTITY);
    r->a = side_calls(&alice, &bob, purpose, T0);
    r->b = side_listens(&bob, 1u << purpose, 128);
    r->m1_len = poll_into(r->a, r->m1, T0);
}

static void start(struct run *r)
{
    start_as(r, CT_HS_CALL);
}

static void until_m2(struct run *r)
{
    start(r);
    CHECK_EQ(input(r, r->m1, r->m1_len), CT_OK);
    CHECK_EQ(r->result.event, CT_HS_LOOKUP);
    CHECK_EQ(answer(r, &alice.party), CT_OK);
    CHECK_EQ(r->result.event, CT_HS_SEND);
    CHECK_EQ(r->result.len, CT_HS_M2_LEN);
    memcpy(r->m2, r->result.bytes, CT_HS_M2_LEN);
}

static void until_flight(struct run *r)
{
    until_m2(r);
    CHECK_EQ(ct_hs_initiator_input(r->a, r->m2, CT_HS_M2_LEN, T0 + 40), CT_OK);
    CHECK_EQ(poll_into(r->a, r->flight, T0 + 40), CT_HS_FLIGHT_LEN);
    memcpy(r->flight + CT_HS_FLIGHT_LEN, HELLO, sizeof(HELLO));
}

static void end(struct run *r)
{
    ct_hs_initiator_free(r->a);
    ct_hs_responder_free(r->b);
}

/* ---- the whole ---- */

static void both_ends_get_the_same_session(void)
{
    struct run r;
    struct ct_hs_session mine;
    char sid[33];
    until_flight(&r);
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SESSION);
    CHECK_EQ(r.result.rest_len, 0);
    REQUIRE(ct_hs_initiator_session(r.a, &mine) == CT_OK);
    CHECK_MEM(mine.psk32, r.result.session.psk32, 32);
    CHECK_MEM(mine.sid16, r.m1 + 4, 16);
    ct_hex(sid, r.m1 + 4, 16);
    CHECK_STR(mine.psk_identity, sid);
    CHECK_STR(r.result.session.psk_identity, sid);
    CHECK_STR(mine.peer.identity, "bob");
    CHECK_STR(r.result.session.peer.identity, "alice");
    CHECK_MEM(r.result.session.peer.wallet20, alice.wallet.addr20, 20);
    CHECK_EQ(r.result.session.purpose, CT_HS_CALL);
    CHECK_EQ(ct_hs_initiator_state(r.a), CT_HS_READY);
    ct_hs_initiator_confirm(r.a);
    CHECK_EQ(ct_hs_initiator_state(r.a), CT_HS_DONE);
    CHECK(ct_hs_initiator_deadline_ms(r.a) == UINT64_MAX);
    CHECK_EQ(ct_hs_initiator_session(r.a, &mine), CT_OK);
    end(&r);
}

static void messages_have_the_sizes_of_the_protocol(void)
{
    struct run r;
    until_flight(&r);
    CHECK_EQ(r.m1_len, 389);
    CHECK_EQ(r.m1[0], 0x0c);
    CHECK_EQ(r.m1[20], 0);
    CHECK_EQ(CT_HS_M0_LEN, 52);
    CHECK_EQ(CT_HS_M1_COOKIE_LEN, 421);
    CHECK_EQ(CT_HS_M2_LEN, 324);
    CHECK(CT_HS_M2_LEN < r.m1_len); /* an answer never amplifies */
    CHECK_EQ(CT_HS_M3_LEN, 148);
    CHECK_EQ(CT_HS_M4_LEN, 213);
    CHECK_EQ(CT_HS_FLIGHT_LEN, 361);
    CHECK_EQ(r.flight[2], 3);
    CHECK_EQ(r.flight[148 + 2], 4);
    end(&r);
}

static void an_initiator_written_from_the_text_is_understood(void)
{
    struct run r;
    struct scribe s;
    uint8_t flight[CT_HS_FLIGHT_LEN];
    for (int purpose = 0; purpose < 3; purpose++) {
        start_as(&r, (enum ct_hs_purpose)purpose);
        scribe_init(&s, &alice, &bob, (enum ct_hs_purpose)purpose);
        scribe_m1(&s);
        memcpy(r.m1, s.m1, 389);
        REQUIRE(input(&r, s.m1, 389) == CT_OK && r.result.event == CT_HS_LOOKUP);
        CHECK_STR(r.result.claim.party.identity, "alice");
        REQUIRE(answer(&r, &alice.party) == CT_OK);
        scribe_flight(&s, r.result.bytes, &alice);
        memcpy(flight, s.m3, 148);
        memcpy(flight + 148, s.m4, 213);
        REQUIRE(input(&r, flight, sizeof(flight)) == CT_OK);
        CHECK_EQ(r.result.event, CT_HS_SESSION);
        CHECK_MEM(r.result.session.psk32, s.psk, 32);
        end(&r);
    }
}

static void client_hello_behind_the_flight_is_handed_on(void)
{
    struct run r;
    until_flight(&r);
    CHECK_EQ(input(&r, r.flight, sizeof(r.flight)), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_SESSION);
    REQUIRE(r.result.rest_len == sizeof(HELLO));
    CHECK_MEM(r.result.rest, HELLO, sizeof(HELLO));
    end(&r);
}

static void what_is_behind_the_flight_must_be_dtls(void)
{
    struct run r;
    until_flight(&r);
    for (unsigned first = 0; first < 256; first++) {
        if (first >= 20 && first <= 63) {
            continue;
        }
        r.flight[CT_HS_FLIGHT_LEN] = (uint8_t)first;
        CHECK_EQ(input(&r, r.flight, sizeof(r.flight)), CT_ERR_FORMAT);
    }
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    end(&r);
}

static void client_hello_that_overtakes_m4_is_held(void)
{
    struct run r;
    uint8_t huge[CT_HS_HELD_MAX + 1];
    memset(huge, 0, sizeof(huge));
    memcpy(huge, HELLO, sizeof(HELLO));
    until_flight(&r);
    CHECK_EQ(ct_hs_responder_input(r.b, &r.result, &ELSEWHERE, HELLO, sizeof(HELLO), T0),
             CT_ERR_NOT_FOUND);
    CHECK_EQ(input(&r, huge, sizeof(huge)), CT_ERR_FORMAT);
    CHECK_EQ(input(&r, HELLO, sizeof(HELLO)), CT_OK);
    CHECK_EQ(r.result.event, CT_HS_DROP);
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    REQUIRE(r.result.rest_len == sizeof(HELLO));
    CHECK_MEM(r.result.rest, HELLO, sizeof(HELLO));
    end(&r);
}

/* ---- cuts and flips ---- */

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

/* ---- orders and repetitions ---- */

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

/* ---- time ---- */

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

/* ---- records ---- */

static void a_record_that_does_not_match_is_read_once_more_then_refused(void)
{
    struct run r;
    struct ct_hs_party old;
    start(&r);
    REQUIRE(input(&r, r.m1, r.m1_len) == CT_OK);
    old = alice.party;
    old.wallet20[0] ^= 1;
    CHECK_EQ(answer(&r, &old), CT_ERR_AGAIN);
    CHECK_EQ(answer(&r, &alice.party), CT_OK);
    end(&r);

    start(&r);
    REQUIRE(input(&r, r.m1, r.m1_len) == CT_OK);
    old = alice.party;
    old.key32[31] ^= 1;
    CHECK_EQ(answer(&r, &old), CT_ERR_AGAIN);
    CHECK_EQ(answer(&r, &old), CT_ERR_AUTH);
    CHECK_EQ(ct_hs_responder_half_open(r.b), 0);
    CHECK_EQ(answer(&r, &alice.party), CT_ERR_STATE);
    end(&r);
}

static void the_initiator_reads_the_peer_once_more_then_fails(void)
{
    for (int fresh = 0; fresh < 2; fresh++) {
        struct run r;
        struct side stale;
        until_m2(&r);
        ct_hs_initiator_free(r.a);
        ct_hs_responder_free(r.b);
        /* bob registered again with another wallet; alice still has the old record */
        stale = bob;
        stale.party.wallet20[5] ^= 1;
        r.a = side_calls(&alice, &stale, CT_HS_CALL, T0);
        r.b = side_listens(&bob, 1, 8);
        r.m1_len = poll_into(r.a, r.m1, T0);
        REQUIRE(input(&r, r.m1, r.m1_len) == CT_OK && answer(&r, &alice.party) == CT_OK);
        memcpy(r.m2, r.result.bytes, CT_HS_M2_LEN);
        CHECK_EQ(ct_hs_initiator_input(r.a, r.m2, CT_HS_M2_LEN, T0), CT_ERR_AGAIN);
        CHECK_EQ(ct_hs_initiator_state(r.a), CT_HS_RECHECK);
        CHECK_EQ(poll_into(r.a, r.flight, T0 + 5000), 0);
        if (fresh) {
            CHECK_EQ(ct_hs_initiator_peer(r.a, &bob.party, T0), CT_OK);
            REQUIRE(poll_into(r.a, r.flight, T0) == CT_HS_FLIGHT_LEN);
            CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
            CHECK_EQ(r.result.event, CT_HS_SESSION);
        } else {
            CHECK_EQ(ct_hs_initiator_peer(r.a, &stale.party, T0), CT_ERR_AUTH);
            CHECK_EQ(ct_hs_initiator_state(r.a), CT_HS_FAILED);
        }
        end(&r);
    }
}

/* ---- enrolment ---- */

static void enrolment_carries_wallet_and_key(void)
{
    struct run r;
    for (int purpose = CT_HS_ENROL_DEVICE; purpose <= CT_HS_ENROL_RELAY; purpose++) {
        start_as(&r, (enum ct_hs_purpose)purpose);
        REQUIRE(input(&r, r.m1, r.m1_len) == CT_OK && r.result.event == CT_HS_LOOKUP);
        CHECK_EQ((int)r.result.claim.purpose, purpose);
        CHECK_MEM(&r.result.claim.party, &alice.party, sizeof(alice.party));
        struct ct_hs_party claimed = r.result.claim.party;
        REQUIRE(answer(&r, &claimed) == CT_OK);
        REQUIRE(ct_hs_initiator_input(r.a, r.result.bytes, CT_HS_M2_LEN, T0) == CT_OK);
        REQUIRE(poll_into(r.a, r.flight, T0) == CT_HS_FLIGHT_LEN);
        CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
        CHECK_EQ(r.result.event, CT_HS_SESSION);
        CHECK_EQ((int)r.result.session.purpose, purpose);
        end(&r);
    }
}

static void a_purpose_that_is_not_served_is_refused(void)
{
    struct run r;
    start_as(&r, CT_HS_ENROL_DEVICE);
    ct_hs_responder_free(r.b);
    r.b = side_listens(&bob, 1u << CT_HS_CALL | 1u << CT_HS_ENROL_RELAY, 8);
    CHECK_EQ(input(&r, r.m1, r.m1_len), CT_ERR_REFUSED);
    end(&r);
}

static void the_previous_key_is_still_served(void)
{
    struct run r;
    struct side next;
    start_as(&r, CT_HS_ENROL_DEVICE);
    side_init(&next, CT_HS_WM_IDENTITY);
    ct_hs_responder_free(r.b);
    struct ct_hs_responder_config config = {.net = NET,
                                            .purposes = 1u << CT_HS_ENROL_DEVICE,
                                            .identity = CT_HS_WM_IDENTITY,
                                            .key = &next.key,
                                            .previous = &bob.key,
                                            .capacity = 8};
    memcpy(config.wallet20, bob.party.wallet20, 20);
    REQUIRE(ct_hs_responder_new(&r.b, &config) == CT_OK);
    REQUIRE(input(&r, r.m1, r.m1_len) == CT_OK && answer(&r, &alice.party) == CT_OK);
    CHECK_EQ(ct_hs_initiator_input(r.a, r.result.bytes, CT_HS_M2_LEN, T0), CT_OK);
    REQUIRE(poll_into(r.a, r.flight, T0) == CT_HS_FLIGHT_LEN);
    CHECK_EQ(input(&r, r.flight, CT_HS_FLIGHT_LEN), CT_OK);
    end(&r);
}

/* ---- load ---- */

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

/* ---- one source among many ---- */

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

/* ---- what is held ---- */

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

/* ---- two at once ---- */

static void simultaneous_calls_give_two_sessions_and_both_ends_keep_the_same(void)
{
    struct run ab, ba;
    struct side keep;
    until_flight(&ab);
    REQUIRE(input(&ab, ab.flight, CT_HS_FLIGHT_LEN) == CT_OK);
    keep = alice;
    memset(&ba, 0, sizeof(ba));
    ba.a = side_calls(&bob, &keep, CT_HS_CALL, T0);
    ba.b = side_listens(&keep, 1, 8);
    ba.m1_len = poll_into(ba.a, ba.m1, T0);
    REQUIRE(input(&ba, ba.m1, ba.m1_len) == CT_OK && answer(&ba, &bob.party) == CT_OK);
    REQUIRE(ct_hs_initiator_input(ba.a, ba.result.bytes, CT_HS_M2_LEN, T0) == CT_OK);
    REQUIRE(poll_into(ba.a, ba.flight, T0) == CT_HS_FLIGHT_LEN);
    REQUIRE(input(&ba, ba.flight, CT_HS_FLIGHT_LEN) == CT_OK);
    CHECK(memcmp(ab.result.session.psk32, ba.result.session.psk32, 32) != 0);
    const uint8_t *one = ab.result.session.sid16;
    const uint8_t *two = ba.result.session.sid16;
    CHECK(ct_hs_sid_lower(one, two) != ct_hs_sid_lower(two, one));
    CHECK(!ct_hs_sid_lower(one, one));
    end(&ab);
    end(&ba);
}

static const struct ct_test TESTS[] = {
    CT_TEST(both_ends_get_the_same_session),
    CT_TEST(messages_have_the_sizes_of_the_protocol),
    CT_TEST(an_initiator_written_from_the_text_is_understood),
    CT_TEST(client_hello_behind_the_flight_is_handed_on),
    CT_TEST(what_is_behind_the_flight_must_be_dtls),
    CT_TEST(client_hello_that_overtakes_m4_is_held),
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
    CT_TEST(a_record_that_does_not_match_is_read_once_more_then_refused),
    CT_TEST(the_initiator_reads_the_peer_once_more_then_fails),
    CT_TEST(enrolment_carries_wallet_and_key),
    CT_TEST(a_purpose_that_is_not_served_is_refused),
    CT_TEST(the_previous_key_is_still_served),
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
    CT_TEST(simultaneous_calls_give_two_sessions_and_both_ends_keep_the_same),
};
CT_TEST_MAIN(TESTS)
