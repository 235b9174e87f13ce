/*
 * Claims about the handshake when both ends are honest: what it gives, records, enrolment. (A bad
 * network: test_handshake_network.c; load: _load.c; dishonest ends: _attacks.c; the model:
 * _model.c.)
 */
/* links: ct_kex ct_chain ct_base */
#include "hs_run.h"

#include "base/hex.h"

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

static const struct ct_test tests[] = {
    CT_TEST(both_ends_get_the_same_session),
    CT_TEST(messages_have_the_sizes_of_the_protocol),
    CT_TEST(an_initiator_written_from_the_text_is_understood),
    CT_TEST(client_hello_behind_the_flight_is_handed_on),
    CT_TEST(what_is_behind_the_flight_must_be_dtls),
    CT_TEST(client_hello_that_overtakes_m4_is_held),
    CT_TEST(a_record_that_does_not_match_is_read_once_more_then_refused),
    CT_TEST(the_initiator_reads_the_peer_once_more_then_fails),
    CT_TEST(enrolment_carries_wallet_and_key),
    CT_TEST(a_purpose_that_is_not_served_is_refused),
    CT_TEST(the_previous_key_is_still_served),
    CT_TEST(simultaneous_calls_give_two_sessions_and_both_ends_keep_the_same),
};
CT_TEST_MAIN(tests)
