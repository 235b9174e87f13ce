/*
 * Claims about the handshake when one end, or whoever stands between, is dishonest: each attack is
 * played against the real machines by an initiator that can lie in any field (ct_hs_peer.h).
 */
/* links: ct_kex ct_chain ct_base */
#include "ct_test.h"

#include "ct_hs_peer.h"

enum { T0 = 5000, FLIGHT = CT_HS_FLIGHT_LEN };

static const struct ct_hs_source HERE = {{1}};

static struct side alice, bob, mallory;

static void set_up(void)
{
    side_init(&alice, "alice");
    side_init(&bob, "bob");
    side_init(&mallory, "mallory");
}

static ct_err input(struct ct_hs_responder *table, struct ct_hs_result *result, const uint8_t *data,
                    size_t len)
{
    return ct_hs_responder_input(table, result, &HERE, data, len, T0);
}

static ct_err answer(struct ct_hs_responder *table, struct ct_hs_result *result,
                     const uint8_t sid16[16], const struct ct_hs_party *record)
{
    struct ct_hs_responder_draw draw;
    test_draw(&draw, sizeof(draw));
    return ct_hs_responder_answer(table, result, sid16, record, &draw, T0);
}

/* The scribe's m1, m3 and m4 against bob, who reads record; the last status, result kept. */
static ct_err play(struct scribe *s, struct ct_hs_result *result, enum ct_hs_purpose purpose,
                   const struct ct_hs_party *record, const struct side *opener)
{
    uint8_t flight[FLIGHT];
    struct ct_hs_responder *table = side_listens(s->b, 1u << purpose, 8);
    scribe_m1(s);
    ct_err err = input(table, result, s->m1, sizeof(s->m1));
    if (err == CT_OK) {
        err = answer(table, result, s->sid, record);
    }
    if (err == CT_OK) {
        scribe_flight(s, result->bytes, opener);
        memcpy(flight, s->m3, sizeof(s->m3));
        memcpy(flight + sizeof(s->m3), s->m4, sizeof(s->m4));
        err = input(table, result, flight, sizeof(flight));
    }
    ct_hs_responder_free(table);
    return err;
}

static void the_honest_scribe_is_accepted(void)
{
    struct scribe s;
    struct ct_hs_result result;
    set_up();
    scribe_init(&s, &alice, &bob, CT_HS_CALL);
    CHECK_EQ(play(&s, &result, CT_HS_CALL, &alice.party, &alice), CT_OK);
    CHECK_EQ(result.event, CT_HS_SESSION);
}

/* ---- signatures ---- */

static ct_err play_altered(void (*alter)(struct scribe *))
{
    struct scribe s;
    struct ct_hs_result result;
    set_up();
    scribe_init(&s, &alice, &bob, CT_HS_CALL);
    alter(&s);
    ct_err err = play(&s, &result, CT_HS_CALL, &alice.party, &alice);
    CHECK(err == CT_OK || result.event == CT_HS_DROP);
    return err;
}

static void by_another_wallet(struct scribe *s)
{
    s->signer = &mallory.wallet;
}
static void for_another_responder(struct scribe *s)
{
    s->signed_responder = "carol";
}
static void for_no_responder(struct scribe *s)
{
    s->signed_responder = "";
}
static void as_another_initiator(struct scribe *s)
{
    s->signed_initiator = "carol";
}
static void over_another_key(struct scribe *s)
{
    s->signed_ks[0] ^= 1;
}
static void over_another_n1(struct scribe *s)
{
    s->signed_n1[0] ^= 1;
}
static void under_another_label(struct scribe *s)
{
    s->label = "enrol device";
}
static void with_a_high_s(struct scribe *s)
{
    s->high_s = true;
}
static void with_v_0_or_1(struct scribe *s)
{
    s->raw_v = true;
}
static void with_unknown_suites_only(struct scribe *s)
{
    s->suites = 0xfe;
}
static void with_padding_that_is_not_zero(struct scribe *s)
{
    s->padding = 1;
}
static void with_more_suites_than_known(struct scribe *s)
{
    s->suites = 0xff;
}

static void a_signature_that_is_not_bound_to_all_of_it_is_refused(void)
{
    CHECK_EQ(play_altered(by_another_wallet), CT_ERR_AUTH);
    CHECK_EQ(play_altered(for_another_responder), CT_ERR_AUTH);
    CHECK_EQ(play_altered(for_no_responder), CT_ERR_AUTH);
    CHECK_EQ(play_altered(as_another_initiator), CT_ERR_AUTH);
    CHECK_EQ(play_altered(over_another_key), CT_ERR_AUTH);
    CHECK_EQ(play_altered(over_another_n1), CT_ERR_AUTH);
    CHECK_EQ(play_altered(under_another_label), CT_ERR_AUTH);
}

static void a_signature_in_another_form_is_refused(void)
{
    CHECK_EQ(play_altered(with_a_high_s), CT_ERR_AUTH);
    CHECK_EQ(play_altered(with_v_0_or_1), CT_ERR_AUTH);
}

static void m1_that_is_not_canonical_or_offers_no_known_suite_is_refused(void)
{
    CHECK_EQ(play_altered(with_unknown_suites_only), CT_ERR_REFUSED);
    CHECK_EQ(play_altered(with_padding_that_is_not_zero), CT_ERR_FORMAT);
    CHECK_EQ(play_altered(with_more_suites_than_known), CT_OK);
}

static void a_call_m1_with_an_enrolment_inside_is_refused(void)
{
    struct scribe s;
    struct ct_hs_result result;
    set_up();
    scribe_init(&s, &alice, &bob, CT_HS_ENROL_DEVICE);
    scribe_m1(&s);
    struct ct_hs_responder *table = side_listens(&bob, 7, 8);
    s.m1[3] = CT_HS_CALL; /* the header is associated data */
    CHECK_EQ(input(table, &result, s.m1, sizeof(s.m1)), CT_ERR_AUTH);
    s.m1[3] = CT_HS_ENROL_RELAY;
    CHECK_EQ(input(table, &result, s.m1, sizeof(s.m1)), CT_ERR_AUTH);
    s.m1[3] = CT_HS_ENROL_DEVICE;
    CHECK_EQ(input(table, &result, s.m1, sizeof(s.m1)), CT_OK);
    ct_hs_responder_free(table);
}

/* ---- identities ---- */

static void who_claims_another_name_cannot_read_the_answer(void)
{
    struct scribe s;
    struct ct_hs_result result;
    struct ct_hs_party record;
    set_up();
    /* mallory says "alice"; bob reads alice's record, which does not match mallory's R_A */
    scribe_init(&s, &mallory, &bob, CT_HS_CALL);
    s.id_a_in_m1 = "alice";
    scribe_m1(&s);
    struct ct_hs_responder *table = side_listens(&bob, 1, 8);
    REQUIRE(input(table, &result, s.m1, sizeof(s.m1)) == CT_OK);
    CHECK_STR(result.claim.party.identity, "alice");
    CHECK_EQ(answer(table, &result, s.sid, &alice.party), CT_ERR_AGAIN);
    CHECK_EQ(answer(table, &result, s.sid, &alice.party), CT_ERR_AUTH);
    ct_hs_responder_free(table);
    /* the caller hands in the record of another name */
    table = side_listens(&bob, 1, 8);
    record = mallory.party;
    REQUIRE(input(table, &result, s.m1, sizeof(s.m1)) == CT_OK);
    CHECK_EQ(answer(table, &result, s.sid, &record), CT_ERR_AGAIN);
    ct_hs_responder_free(table);
}

static void a_stolen_x25519_key_without_the_wallet_is_not_enough(void)
{
    struct scribe s;
    struct ct_hs_result result;
    struct side thief;
    set_up();
    thief = alice;
    thief.wallet = mallory.wallet; /* has alice's key, not her wallet */
    scribe_init(&s, &thief, &bob, CT_HS_CALL);
    CHECK_EQ(play(&s, &result, CT_HS_CALL, &alice.party, &thief), CT_ERR_AUTH);
    CHECK_EQ(result.event, CT_HS_DROP);
}

static void a_message_for_somebody_else_is_refused(void)
{
    struct scribe s;
    struct ct_hs_result result;
    set_up();
    struct ct_hs_responder *table = side_listens(&mallory, 1, 8);
    scribe_init(&s, &alice, &bob, CT_HS_CALL);
    scribe_m1(&s);
    CHECK_EQ(input(table, &result, s.m1, sizeof(s.m1)), CT_ERR_AUTH); /* not mallory's key */
    /* sealed to mallory's key, but meant for bob: what a thief of nothing re-seals */
    scribe_init(&s, &alice, &mallory, CT_HS_CALL);
    s.id_b_in_m1 = "bob";
    scribe_m1(&s);
    CHECK_EQ(input(table, &result, s.m1, sizeof(s.m1)), CT_ERR_AUTH);
    ct_hs_responder_free(table);
}

/*
 * Lowe's attack: alice calls mallory, who re-seals m1 to bob as if it were alice calling bob. Bob's
 * m2 can be opened by alice alone; mallory passes it on and hopes that alice returns N2.
 *
 *     alice --m1--> mallory --m1'--> bob
 *     alice <--------- m2 ---------- bob
 */
static void lowes_attack_is_refused_by_the_initiator(void)
{
    struct scribe relayed;
    struct ct_hs_result result;
    const uint8_t *m1 = NULL;
    size_t len = 0;
    uint8_t aad[52], p1[320];
    set_up();
    struct ct_hs_initiator *a = side_calls(&alice, &mallory, CT_HS_CALL, T0);
    struct ct_hs_responder *table = side_listens(&bob, 1, 8);
    REQUIRE(ct_hs_initiator_poll(a, &m1, &len, T0) == CT_OK);
    scribe_init(&relayed, &alice, &bob, CT_HS_CALL);
    memcpy(relayed.sid, m1 + 4, 16);
    memcpy(aad, relayed.deployment32, 32);
    memcpy(aad + 32, m1, 20);
    REQUIRE(ct_unseal(p1, &mallory.key, aad, sizeof(aad), m1 + 21, 368) == CT_OK);
    memcpy(relayed.n1, p1 + 17, 32); /* alice's own N1, which she will look for in m2 */
    scribe_m1(&relayed);
    REQUIRE(input(table, &result, relayed.m1, sizeof(relayed.m1)) == CT_OK);
    REQUIRE(answer(table, &result, relayed.sid, &alice.party) == CT_OK);
    CHECK_EQ(ct_hs_initiator_input(a, result.bytes, result.len, T0), CT_ERR_AUTH);
    CHECK_EQ(ct_hs_initiator_state(a), CT_HS_WAIT);
    ct_hs_initiator_free(a);
    ct_hs_responder_free(table);
}

static void messages_reflected_to_their_sender_are_refused(void)
{
    struct ct_hs_result result;
    const uint8_t *bytes = NULL;
    uint8_t m1[CT_HS_M1_LEN], m2[CT_HS_M2_LEN], flight[FLIGHT];
    size_t len = 0;
    set_up();
    struct ct_hs_initiator *a = side_calls(&alice, &bob, CT_HS_CALL, T0);
    struct ct_hs_responder *at_alice = side_listens(&alice, 1, 8);
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    REQUIRE(ct_hs_initiator_poll(a, &bytes, &len, T0) == CT_OK);
    memcpy(m1, bytes, sizeof(m1));
    CHECK_EQ(input(at_alice, &result, m1, sizeof(m1)), CT_ERR_AUTH);
    CHECK_EQ(ct_hs_initiator_input(a, m1, sizeof(m1), T0), CT_ERR_STATE);
    REQUIRE(input(at_bob, &result, m1, sizeof(m1)) == CT_OK);
    REQUIRE(answer(at_bob, &result, m1 + 4, &alice.party) == CT_OK);
    memcpy(m2, result.bytes, sizeof(m2));
    CHECK_EQ(input(at_bob, &result, m2, sizeof(m2)), CT_ERR_STATE);
    REQUIRE(ct_hs_initiator_input(a, m2, sizeof(m2), T0) == CT_OK);
    REQUIRE(ct_hs_initiator_poll(a, &bytes, &len, T0) == CT_OK);
    memcpy(flight, bytes, sizeof(flight));
    CHECK_EQ(ct_hs_initiator_input(a, flight, sizeof(flight), T0), CT_ERR_STATE);
    CHECK_EQ(input(at_alice, &result, flight, sizeof(flight)), CT_ERR_NOT_FOUND);
    ct_hs_initiator_free(a);
    ct_hs_responder_free(at_alice);
    ct_hs_responder_free(at_bob);
}

static void nobody_calls_himself(void)
{
    struct scribe s;
    struct ct_hs_result result;
    struct ct_hs_initiator *a = NULL;
    struct ct_hs_initiator_draw draw;
    set_up();
    struct ct_hs_initiator_config config = {.net = NET,
                                            .identity = "alice",
                                            .wallet = &alice.wallet,
                                            .key = &alice.key,
                                            .peer = alice.party};
    test_draw(&draw, sizeof(draw));
    CHECK_EQ(ct_hs_initiator_new(&a, &config, &draw, T0), CT_ERR_ARG);
    scribe_init(&s, &alice, &alice, CT_HS_CALL);
    scribe_m1(&s);
    struct ct_hs_responder *table = side_listens(&alice, 1, 8);
    CHECK_EQ(input(table, &result, s.m1, sizeof(s.m1)), CT_ERR_REPLAY);
    ct_hs_responder_free(table);
}

static void another_deployment_is_refused(void)
{
    struct scribe s;
    struct ct_hs_result result;
    set_up();
    struct ct_hs_responder *table = side_listens(&bob, 1, 8);
    scribe_init(&s, &alice, &bob, CT_HS_CALL);
    ct_deployment(s.deployment32, NET.chain_id + 1, NET.contract20);
    scribe_m1(&s);
    CHECK_EQ(input(table, &result, s.m1, sizeof(s.m1)), CT_ERR_AUTH);
    ct_hs_responder_free(table);
}

/* ---- enrolment ---- */

static void an_enrolment_without_wallet_or_key_is_refused(void)
{
    struct scribe s;
    struct ct_hs_result result;
    struct side nobody;
    set_up();
    nobody = alice;
    memset(nobody.party.wallet20, 0, 20);
    scribe_init(&s, &nobody, &bob, CT_HS_ENROL_DEVICE);
    CHECK_EQ(play(&s, &result, CT_HS_ENROL_DEVICE, &nobody.party, &alice), CT_ERR_FORMAT);
    nobody = alice;
    memset(nobody.party.key32, 0, 32);
    scribe_init(&s, &nobody, &bob, CT_HS_ENROL_DEVICE);
    CHECK_EQ(play(&s, &result, CT_HS_ENROL_DEVICE, &nobody.party, &alice), CT_ERR_FORMAT);
}

static void an_enrolment_is_signed_by_the_wallet_it_names(void)
{
    struct scribe s;
    struct ct_hs_result result;
    struct side liar;
    set_up();
    liar = alice;
    memcpy(liar.party.wallet20, bob.wallet.addr20, 20); /* names bob's wallet, signs with her own */
    scribe_init(&s, &liar, &bob, CT_HS_ENROL_DEVICE);
    CHECK_EQ(play(&s, &result, CT_HS_ENROL_DEVICE, &liar.party, &alice), CT_ERR_AUTH);
    CHECK_EQ(result.event, CT_HS_DROP);
}

static void keys_of_low_order_are_refused(void)
{
    static const uint8_t zeros[32];
    struct scribe s;
    struct ct_hs_result result;
    struct side weak;
    struct ct_hs_initiator *a = NULL;
    struct ct_hs_initiator_draw draw;
    set_up();
    /* a record with a key that anybody can agree with */
    weak = alice;
    memcpy(weak.party.key32, zeros, 32);
    scribe_init(&s, &weak, &bob, CT_HS_CALL);
    CHECK_EQ(play(&s, &result, CT_HS_CALL, &weak.party, &alice), CT_ERR_AUTH);
    weak.party.key32[0] = 1;
    struct ct_hs_initiator_config config = {
        .net = NET, .identity = "bob", .wallet = &bob.wallet, .key = &bob.key, .peer = weak.party};
    test_draw(&draw, sizeof(draw));
    CHECK_EQ(ct_hs_initiator_new(&a, &config, &draw, T0), CT_ERR_AUTH);
}

static const struct ct_test TESTS[] = {
    CT_TEST(the_honest_scribe_is_accepted),
    CT_TEST(a_signature_that_is_not_bound_to_all_of_it_is_refused),
    CT_TEST(a_signature_in_another_form_is_refused),
    CT_TEST(m1_that_is_not_canonical_or_offers_no_known_suite_is_refused),
    CT_TEST(a_call_m1_with_an_enrolment_inside_is_refused),
    CT_TEST(who_claims_another_name_cannot_read_the_answer),
    CT_TEST(a_stolen_x25519_key_without_the_wallet_is_not_enough),
    CT_TEST(a_message_for_somebody_else_is_refused),
    CT_TEST(lowes_attack_is_refused_by_the_initiator),
    CT_TEST(messages_reflected_to_their_sender_are_refused),
    CT_TEST(nobody_calls_himself),
    CT_TEST(another_deployment_is_refused),
    CT_TEST(an_enrolment_without_wallet_or_key_is_refused),
    CT_TEST(an_enrolment_is_signed_by_the_wallet_it_names),
    CT_TEST(keys_of_low_order_are_refused),
};
CT_TEST_MAIN(TESTS)
