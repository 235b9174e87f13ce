/*
 * The attacks of tests/model/handshake.pml, each played to its end against the real machines: what
 * the model's intruder does with terms is done here with bytes, by a party with a record of its own
 * (mallory) and, where the model says LEAKED, with bob's X25519 key.
 */
/* links: ct_kex ct_chain ct_base */
#include "ct_test.h"

#include "ct_hs_peer.h"

enum { T0 = 5000, AAD = 52, P1 = 320, P3 = 80, P4 = 145, M3 = CT_HS_M3_LEN };

static const struct ct_hs_source HERE = {{1}};

static struct side alice, bob, mallory;

/* One call of honest parties, its messages kept as they went over the network. */
struct call {
    const struct side *from;
    const struct side *to;
    struct ct_hs_initiator *a;
    uint8_t m1[CT_HS_M1_LEN], m2[CT_HS_M2_LEN], flight[CT_HS_FLIGHT_LEN];
    struct ct_hs_session at_a, at_b;
};

static void set_up(void)
{
    side_init(&alice, "alice");
    side_init(&bob, "bob");
    side_init(&mallory, "mallory");
}

static bool poll_into(struct ct_hs_initiator *a, uint8_t *out, size_t want)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    if (ct_hs_initiator_poll(a, &bytes, &len, T0) != CT_OK || len != want) {
        return false;
    }
    memcpy(out, bytes, len);
    return true;
}

static void call_begins(struct call *c, const struct side *from, const struct side *to)
{
    memset(c, 0, sizeof(*c));
    c->from = from;
    c->to = to;
    c->a = side_calls(from, to, CT_HS_CALL, T0);
    CHECK(poll_into(c->a, c->m1, sizeof(c->m1)));
}

/* m1 into the table of a responder who reads record, and its m2 out. */
static ct_err answer_to(struct ct_hs_responder *table, const uint8_t *m1, const struct side *record,
                        uint8_t m2[CT_HS_M2_LEN])
{
    struct ct_hs_result result;
    struct ct_hs_responder_draw draw;
    ct_err err = ct_hs_responder_input(table, &result, &HERE, m1, CT_HS_M1_LEN, T0);
    if (err == CT_OK) {
        test_draw(&draw, sizeof(draw));
        err = ct_hs_responder_answer(table, &result, m1 + 4, &record->party, &draw, T0);
    }
    if (err == CT_OK) {
        CHECK_EQ(result.len, CT_HS_M2_LEN);
        memcpy(m2, result.bytes, CT_HS_M2_LEN);
    }
    return err;
}

static ct_err call_gets_m2(struct call *c, const uint8_t m2[CT_HS_M2_LEN])
{
    ct_err err = ct_hs_initiator_input(c->a, m2, CT_HS_M2_LEN, T0);
    if (err == CT_OK) {
        CHECK(poll_into(c->a, c->flight, sizeof(c->flight)));
        CHECK_EQ(ct_hs_initiator_session(c->a, &c->at_a), CT_OK);
    }
    return err;
}

/* CT_OK only when a session came of it, which is then in out. */
static ct_err flight_to(struct ct_hs_responder *table, const uint8_t flight[CT_HS_FLIGHT_LEN],
                        struct ct_hs_session *out)
{
    struct ct_hs_result result;
    ct_err err = ct_hs_responder_input(table, &result, &HERE, flight, CT_HS_FLIGHT_LEN, T0);
    CHECK_EQ(result.event, err == CT_OK ? CT_HS_SESSION : CT_HS_DROP);
    if (err == CT_OK) {
        *out = result.session;
    }
    return err;
}

/* ---- what the intruder can do with a key ---- */

static void aad_of(uint8_t aad[AAD], const uint8_t *message)
{
    ct_deployment(aad, NET.chain_id, NET.contract20);
    memcpy(aad + 32, message, 20);
}

static void opens(uint8_t *plain, size_t len, const struct side *owner, const uint8_t *message,
                  size_t header)
{
    uint8_t aad[AAD];
    aad_of(aad, message);
    CHECK_EQ(ct_unseal(plain, &owner->key, aad, AAD, message + header, len + CT_SEAL_OVERHEAD),
             CT_OK);
}

/* Seals plain for the owner's key behind the header of like, with the header's sid. */
static void seals(uint8_t *message, const struct side *owner, const uint8_t *like, size_t header,
                  const uint8_t *plain, size_t len)
{
    uint8_t aad[AAD];
    struct ct_secret32 eph;
    memmove(message, like, header);
    aad_of(aad, message);
    test_draw(&eph, sizeof(eph));
    CHECK_EQ(ct_seal(message + header, owner->party.key32, &eph, aad, AAD, plain, len), CT_OK);
}

/* ---- Lowe's attack ---- */

/*
 * NS in the model: alice calls mallory, who tells bob that alice calls him, with alice's sid, N1,
 * record and ephemeral key; bob's m2 goes back to alice as it is. In 1978 she would have returned
 * N2 to mallory.
 */
static void lowes_relay_ends_at_alice_and_bob_accepts_nothing(void)
{
    struct call c;
    struct ct_hs_session session;
    uint8_t p1[P1], p3[P3] = {0}, p4[P4] = {0}, m1[CT_HS_M1_LEN], m2[CT_HS_M2_LEN];
    uint8_t flight[CT_HS_FLIGHT_LEN], like[20];
    set_up();
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    call_begins(&c, &alice, &mallory);
    opens(p1, sizeof(p1), &mallory, c.m1, 21);
    memset(p1 + 119, 0, sizeof(p1) - 119); /* 113: "alice", then the name of who is called */
    scribe_name(p1 + 119, "bob");
    seals(m1, &bob, c.m1, 21, p1, sizeof(p1));
    REQUIRE(answer_to(at_bob, m1, &alice, m2) == CT_OK);
    CHECK_EQ(call_gets_m2(&c, m2), CT_ERR_AUTH);
    CHECK_EQ(ct_hs_initiator_state(c.a), CT_HS_WAIT);
    CHECK_EQ(ct_hs_initiator_session(c.a, &session), CT_ERR_STATE);
    /* and without N2, which only alice could read, no flight of mallory's is taken: here N1 for it
     */
    memcpy(p3, p1 + 1, 48);
    memcpy(p4, p1 + 1, 48);
    memcpy(like, c.m1, 20);
    like[2] = 3;
    seals(flight, &bob, like, 20, p3, sizeof(p3));
    like[2] = 4;
    seals(flight + M3, &bob, like, 20, p4, sizeof(p4));
    CHECK_EQ(flight_to(at_bob, flight, &session), CT_ERR_AUTH);
    ct_hs_initiator_free(c.a);
    ct_hs_responder_free(at_bob);
}

/* ---- bob's key has leaked ---- */

/* alice calls bob and mallory; all m1 and m2 are exchanged, both flights are out. */
static void alice_calls_both(struct call *to_bob, struct call *to_mallory,
                             struct ct_hs_responder *at_bob)
{
    struct ct_hs_responder *at_mallory = side_listens(&mallory, 1, 8);
    call_begins(to_bob, &alice, &bob);
    call_begins(to_mallory, &alice, &mallory);
    CHECK_EQ(answer_to(at_bob, to_bob->m1, &alice, to_bob->m2), CT_OK);
    CHECK_EQ(answer_to(at_mallory, to_mallory->m1, &alice, to_mallory->m2), CT_OK);
    CHECK_EQ(call_gets_m2(to_bob, to_bob->m2), CT_OK);
    CHECK_EQ(call_gets_m2(to_mallory, to_mallory->m2), CT_OK);
    ct_hs_responder_free(at_mallory);
}

/* UNBOUND in the model: the key that alice signed for mallory, with its signature, put into her
 * call to bob. */
static void a_key_signed_for_mallory_is_refused_by_bob(void)
{
    struct call to_bob, to_mallory;
    struct ct_hs_session session;
    uint8_t p4[P4], meant_for_mallory[P4], flight[CT_HS_FLIGHT_LEN];
    set_up();
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    alice_calls_both(&to_bob, &to_mallory, at_bob);
    opens(p4, P4, &bob, to_bob.flight + M3, 20); /* with bob's stolen key */
    opens(meant_for_mallory, P4, &mallory, to_mallory.flight + M3, 20);
    memcpy(p4 + 48, meant_for_mallory + 48, P4 - 48); /* K_S and signature; sid and N2 stay */
    memcpy(flight, to_bob.flight, sizeof(flight));
    seals(flight + M3, &bob, to_bob.flight + M3, 20, p4, P4);
    CHECK_EQ(flight_to(at_bob, flight, &session), CT_ERR_AUTH);
    /* the forger has not ended the call */
    REQUIRE(flight_to(at_bob, to_bob.flight, &session) == CT_OK);
    CHECK_MEM(session.psk32, to_bob.at_a.psk32, 32);
    ct_hs_initiator_free(to_bob.a);
    ct_hs_initiator_free(to_mallory.a);
    ct_hs_responder_free(at_bob);
}

/* The same with the nonces made equal: mallory answers alice with bob's N2, so that only names and
 * transcript differ. */
static void a_key_signed_for_mallory_under_bobs_n2_is_refused_too(void)
{
    struct call to_bob, to_mallory;
    struct ct_hs_session session;
    uint8_t p2[256], p3[P3], p4[P4], m2[CT_HS_M2_LEN], flight[CT_HS_FLIGHT_LEN];
    set_up();
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    struct ct_hs_responder *at_mallory = side_listens(&mallory, 1, 8);
    call_begins(&to_bob, &alice, &bob);
    call_begins(&to_mallory, &alice, &mallory);
    REQUIRE(answer_to(at_bob, to_bob.m1, &alice, to_bob.m2) == CT_OK);
    REQUIRE(call_gets_m2(&to_bob, to_bob.m2) == CT_OK);
    opens(p3, P3, &bob, to_bob.flight, 20);
    REQUIRE(answer_to(at_mallory, to_mallory.m1, &alice, m2) == CT_OK);
    opens(p2, sizeof(p2), &alice, m2,
          20);                    /* mallory made it; read back here instead of written anew */
    memcpy(p2 + 49, p3 + 16, 32); /* bob's N2 */
    seals(to_mallory.m2, &alice, m2, 20, p2, sizeof(p2));
    REQUIRE(call_gets_m2(&to_mallory, to_mallory.m2) == CT_OK);
    opens(p4, P4, &mallory, to_mallory.flight + M3, 20);
    CHECK_MEM(p4 + 16, p3 + 16, 32);
    memcpy(p4, to_bob.m1 + 4, 16); /* sid of the call to bob */
    memcpy(flight, to_bob.flight, sizeof(flight));
    seals(flight + M3, &bob, to_bob.flight + M3, 20, p4, P4);
    CHECK_EQ(flight_to(at_bob, flight, &session), CT_ERR_AUTH);
    ct_hs_initiator_free(to_bob.a);
    ct_hs_initiator_free(to_mallory.a);
    ct_hs_responder_free(at_bob);
    ct_hs_responder_free(at_mallory);
}

/* NO_HASH in the model: m1 sealed anew with another ephemeral key. bob cannot tell, alice can, by
 * H(m1) in m2. */
static void an_ephemeral_key_put_into_m1_is_noticed_by_alice(void)
{
    struct call c;
    struct ct_secret32 secret;
    struct ct_x25519 theirs;
    uint8_t p1[P1], m1[CT_HS_M1_LEN], m2[CT_HS_M2_LEN];
    set_up();
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    call_begins(&c, &alice, &bob);
    opens(p1, P1, &bob, c.m1, 21);
    seals(m1, &bob, c.m1, 21, p1,
          P1); /* not even the same plaintext, sealed by another, is the same m1 */
    REQUIRE(answer_to(at_bob, m1, &alice, m2) == CT_OK);
    CHECK_EQ(call_gets_m2(&c, m2), CT_ERR_AUTH);
    ct_hs_responder_free(at_bob);
    at_bob = side_listens(&bob, 1, 8);
    test_draw(&secret, sizeof(secret));
    REQUIRE(ct_x25519_from_secret(&theirs, &secret) == CT_OK);
    memcpy(p1 + 81, theirs.public32, 32);
    seals(m1, &bob, c.m1, 21, p1, P1);
    REQUIRE(answer_to(at_bob, m1, &alice, m2) == CT_OK);
    CHECK_EQ(call_gets_m2(&c, m2), CT_ERR_AUTH);
    CHECK_EQ(ct_hs_initiator_state(c.a), CT_HS_WAIT);
    ct_hs_initiator_free(c.a);
    ct_hs_responder_free(at_bob);
}

/*
 * CLAIM_TOO_MUCH in the model, the limit: a thief of bob's key answers alice in his name. What the
 * model says beside it holds too: bob takes nothing that alice sends to the thief.
 */
static void a_thief_of_bobs_key_answers_for_him_and_bob_takes_nothing_of_it(void)
{
    struct call c;
    struct ct_hs_session session;
    uint8_t thiefs_m2[CT_HS_M2_LEN];
    set_up();
    struct ct_hs_responder *thief = side_listens(&bob, 1, 8);
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    call_begins(&c, &alice, &bob);
    REQUIRE(answer_to(thief, c.m1, &alice, thiefs_m2) == CT_OK);
    REQUIRE(answer_to(at_bob, c.m1, &alice, c.m2) == CT_OK);
    CHECK_EQ(call_gets_m2(&c, thiefs_m2), CT_OK);
    CHECK_EQ(flight_to(at_bob, c.flight, &session), CT_ERR_AUTH);
    CHECK_EQ(call_gets_m2(&c, c.m2), CT_ERR_REPLAY); /* bob's own comes too late */
    ct_hs_initiator_free(c.a);
    ct_hs_responder_free(thief);
    ct_hs_responder_free(at_bob);
}

/* FLIGHT_WITH_M4_MADE in the model: what alice signed, sealed anew by the thief. The PSK covers m4
 * as it was sent. */
static void an_m4_sealed_anew_leaves_the_ends_with_different_psks(void)
{
    struct call c;
    struct ct_hs_session session;
    uint8_t p3[P3], p4[P4], flight[CT_HS_FLIGHT_LEN];
    set_up();
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    call_begins(&c, &alice, &bob);
    REQUIRE(answer_to(at_bob, c.m1, &alice, c.m2) == CT_OK);
    REQUIRE(call_gets_m2(&c, c.m2) == CT_OK);
    opens(p3, P3, &bob, c.flight, 20);
    opens(p4, P4, &bob, c.flight + M3, 20);
    memcpy(flight, c.flight, sizeof(flight));
    seals(flight, &bob, c.flight, 20, p3, P3); /* the signature covers m3 */
    CHECK_EQ(flight_to(at_bob, flight, &session), CT_ERR_AUTH);
    memcpy(flight, c.flight, sizeof(flight));
    seals(flight + M3, &bob, c.flight + M3, 20, p4, P4);
    REQUIRE(flight_to(at_bob, flight, &session) == CT_OK);
    CHECK(memcmp(session.psk32, c.at_a.psk32, 32) != 0);
    ct_hs_initiator_free(c.a);
    ct_hs_responder_free(at_bob);
}

/* ---- two calls at once ---- */

/* bytes under the other call's sid: the header is in clear, so anybody can write it. */
static void with_sid_of(uint8_t *out, const uint8_t *bytes, size_t len, const struct call *other)
{
    memcpy(out, bytes, len);
    memcpy(out + 4, other->m1 + 4, 16);
    if (len == CT_HS_FLIGHT_LEN) {
        memcpy(out + M3 + 4, other->m1 + 4, 16);
    }
}

/* Every message of call a where one of b's is awaited, as it is and under b's sid: refused, b goes
 * on. */
static void m2_is_not_the_others(struct call *b, const struct call *a)
{
    uint8_t m2[CT_HS_M2_LEN];
    with_sid_of(m2, a->m2, sizeof(m2), b);
    CHECK_EQ(call_gets_m2(b, a->m2), CT_ERR_AUTH);
    CHECK_EQ(call_gets_m2(b, m2), CT_ERR_AUTH);
    CHECK_EQ(ct_hs_initiator_state(b->a), CT_HS_WAIT);
}

static void flight_is_not_the_others(struct ct_hs_responder *at_b, const struct call *b,
                                     const struct call *a)
{
    uint8_t flight[CT_HS_FLIGHT_LEN];
    struct ct_hs_session session;
    with_sid_of(flight, a->flight, sizeof(flight), b);
    CHECK_EQ(flight_to(at_b, flight, &session), CT_ERR_AUTH);
    memcpy(flight, b->flight, M3); /* b's m3 with a's m4, under b's sid */
    CHECK_EQ(flight_to(at_b, flight, &session), CT_ERR_AUTH);
    memcpy(flight + M3, a->flight + M3, CT_HS_M4_LEN); /* and under its own */
    CHECK(flight_to(at_b, flight, &session) != CT_OK);
    memcpy(flight, a->flight, M3); /* a's m3 with b's m4 */
    memcpy(flight + 4, b->m1 + 4, 16);
    memcpy(flight + M3, b->flight + M3, CT_HS_M4_LEN);
    CHECK_EQ(flight_to(at_b, flight, &session), CT_ERR_AUTH);
}

static void same_at_both_ends(const struct call *c)
{
    CHECK_MEM(c->at_a.psk32, c->at_b.psk32, 32);
    CHECK_MEM(c->at_a.sid16, c->at_b.sid16, 16);
    CHECK_STR(c->at_a.peer.identity, c->to->party.identity);
    CHECK_STR(c->at_b.peer.identity, c->from->party.identity);
}

/* Both calls step by step, at each step the other's messages first; then both stand, and are two.
 */
static void interleave(struct call *one, struct call *two, struct ct_hs_responder *at_one,
                       struct ct_hs_responder *at_two)
{
    REQUIRE(answer_to(at_two, two->m1, two->from, two->m2) == CT_OK);
    REQUIRE(answer_to(at_one, one->m1, one->from, one->m2) == CT_OK);
    m2_is_not_the_others(one, two);
    m2_is_not_the_others(two, one);
    REQUIRE(call_gets_m2(one, one->m2) == CT_OK);
    REQUIRE(call_gets_m2(two, two->m2) == CT_OK);
    flight_is_not_the_others(at_one, one, two);
    flight_is_not_the_others(at_two, two, one);
    REQUIRE(flight_to(at_two, two->flight, &two->at_b) == CT_OK);
    REQUIRE(flight_to(at_one, one->flight, &one->at_b) == CT_OK);
    same_at_both_ends(one);
    same_at_both_ends(two);
    CHECK(memcmp(one->at_a.psk32, two->at_a.psk32, 32) != 0);
}

/* TWICE in the model */
static void two_calls_in_one_direction_do_not_mix(void)
{
    struct call one, two;
    set_up();
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    call_begins(&one, &alice, &bob);
    call_begins(&two, &alice, &bob);
    interleave(&one, &two, at_bob, at_bob);
    ct_hs_initiator_free(one.a);
    ct_hs_initiator_free(two.a);
    ct_hs_responder_free(at_bob);
}

/* BOTH in the model: simultaneous open; of the two sessions both ends keep the same one. */
static void two_calls_that_cross_do_not_mix(void)
{
    struct call ab, ba;
    uint8_t m2[CT_HS_M2_LEN];
    set_up();
    struct ct_hs_responder *at_alice = side_listens(&alice, 1, 8);
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    call_begins(&ab, &alice, &bob);
    call_begins(&ba, &bob, &alice);
    CHECK_EQ(answer_to(at_alice, ab.m1, &bob, m2), CT_ERR_AUTH); /* each m1 back to its sender */
    CHECK_EQ(answer_to(at_bob, ba.m1, &alice, m2), CT_ERR_AUTH);
    interleave(&ab, &ba, at_bob, at_alice);
    /* alice holds ab as caller and ba as callee, bob the other way round */
    const bool alice_keeps_ab = ct_hs_sid_lower(ab.at_a.sid16, ba.at_b.sid16);
    const bool bob_keeps_ab = ct_hs_sid_lower(ab.at_b.sid16, ba.at_a.sid16);
    CHECK_EQ(alice_keeps_ab, bob_keeps_ab);
    CHECK(alice_keeps_ab != ct_hs_sid_lower(ba.at_a.sid16, ab.at_a.sid16));
    ct_hs_initiator_free(ab.a);
    ct_hs_initiator_free(ba.a);
    ct_hs_responder_free(at_alice);
    ct_hs_responder_free(at_bob);
}

/* BOTH, under one sid: a thief of bob's key calls alice with the sid under which she calls bob. */
static void a_call_under_the_sid_of_ones_own_call_stays_apart(void)
{
    struct call c;
    struct scribe s;
    struct ct_hs_session session;
    uint8_t m2[CT_HS_M2_LEN];
    set_up();
    struct ct_hs_responder *at_alice = side_listens(&alice, 1, 8);
    struct ct_hs_responder *at_bob = side_listens(&bob, 1, 8);
    call_begins(&c, &alice, &bob);
    scribe_init(&s, &bob, &alice, CT_HS_CALL);
    s.signer = &mallory.wallet; /* bob's X25519 key is stolen, his wallet is not */
    memcpy(s.sid, c.m1 + 4, 16);
    scribe_m1(&s);
    REQUIRE(answer_to(at_alice, s.m1, &bob, m2) == CT_OK);
    CHECK_EQ(call_gets_m2(&c, m2), CT_ERR_AUTH); /* alice's own m2, to herself */
    scribe_flight(&s, m2, &bob);
    uint8_t flight[CT_HS_FLIGHT_LEN];
    memcpy(flight, s.m3, M3);
    memcpy(flight + M3, s.m4, CT_HS_M4_LEN);
    CHECK_EQ(flight_to(at_alice, flight, &session), CT_ERR_AUTH);
    REQUIRE(answer_to(at_bob, c.m1, &alice, c.m2) == CT_OK);
    REQUIRE(call_gets_m2(&c, c.m2) == CT_OK);
    CHECK_EQ(flight_to(at_alice, c.flight, &session), CT_ERR_AUTH); /* her own flight, to herself */
    REQUIRE(flight_to(at_bob, c.flight, &c.at_b) == CT_OK);
    same_at_both_ends(&c);
    ct_hs_initiator_free(c.a);
    ct_hs_responder_free(at_alice);
    ct_hs_responder_free(at_bob);
}

static const struct ct_test TESTS[] = {
    CT_TEST(lowes_relay_ends_at_alice_and_bob_accepts_nothing),
    CT_TEST(a_key_signed_for_mallory_is_refused_by_bob),
    CT_TEST(a_key_signed_for_mallory_under_bobs_n2_is_refused_too),
    CT_TEST(an_ephemeral_key_put_into_m1_is_noticed_by_alice),
    CT_TEST(a_thief_of_bobs_key_answers_for_him_and_bob_takes_nothing_of_it),
    CT_TEST(an_m4_sealed_anew_leaves_the_ends_with_different_psks),
    CT_TEST(two_calls_in_one_direction_do_not_mix),
    CT_TEST(two_calls_that_cross_do_not_mix),
    CT_TEST(a_call_under_the_sid_of_ones_own_call_stays_apart),
};
CT_TEST_MAIN(TESTS)
