/* One handshake between two honest ends, up to some message, with the bytes kept. */
#ifndef CT_TEST_HS_RUN_H
#define CT_TEST_HS_RUN_H

#include "ct_test.h"

#include "ct_hs_peer.h"
#include "kex/handshake_wire.h"

enum { T0 = 1000000 };

static const uint64_t PERIOD = CT_HS_COOKIE_MS;

static const struct ct_hs_source HERE = {{1, 2, 3}};

static const struct ct_hs_source ELSEWHERE = {{9}};

static const struct ct_hs_source NOWHERE;

/* A DTLS record's header and the first byte of a ClientHello. */
static const uint8_t HELLO[] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4};

/* Another address each; none of two shares its first 64 bits. */
static inline struct ct_hs_source source_no(unsigned i)
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

static inline size_t poll_into(struct ct_hs_initiator *a, uint8_t *out, uint64_t now_ms)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    if (ct_hs_initiator_poll(a, &bytes, &len, now_ms) != CT_OK) {
        return 0;
    }
    memcpy(out, bytes, len);
    return len;
}

static inline ct_err input(struct run *r, const uint8_t *data, size_t len)
{
    return ct_hs_responder_input(r->b, &r->result, &HERE, data, len, T0);
}

static inline ct_err answer(struct run *r, const struct ct_hs_party *record)
{
    struct ct_hs_responder_draw draw;
    uint8_t sid16[16];
    memcpy(sid16, r->m1 + 4, 16);
    test_draw(&draw, sizeof(draw));
    return ct_hs_responder_answer(r->b, &r->result, sid16, record, &draw, T0);
}

static inline void start_as(struct run *r, enum ct_hs_purpose purpose)
{
    memset(r, 0, sizeof(*r));
    side_init(&alice, "alice");
    side_init(&bob, purpose == CT_HS_CALL ? "bob" : CT_HS_WM_IDENTITY);
    r->a = side_calls(&alice, &bob, purpose, T0);
    r->b = side_listens(&bob, 1u << purpose, 128);
    r->m1_len = poll_into(r->a, r->m1, T0);
}

static inline void start(struct run *r)
{
    start_as(r, CT_HS_CALL);
}

static inline void until_m2(struct run *r)
{
    start(r);
    CHECK_EQ(input(r, r->m1, r->m1_len), CT_OK);
    CHECK_EQ(r->result.event, CT_HS_LOOKUP);
    CHECK_EQ(answer(r, &alice.party), CT_OK);
    CHECK_EQ(r->result.event, CT_HS_SEND);
    CHECK_EQ(r->result.len, CT_HS_M2_LEN);
    memcpy(r->m2, r->result.bytes, CT_HS_M2_LEN);
}

static inline void until_flight(struct run *r)
{
    until_m2(r);
    CHECK_EQ(ct_hs_initiator_input(r->a, r->m2, CT_HS_M2_LEN, T0 + 40), CT_OK);
    CHECK_EQ(poll_into(r->a, r->flight, T0 + 40), CT_HS_FLIGHT_LEN);
    memcpy(r->flight + CT_HS_FLIGHT_LEN, HELLO, sizeof(HELLO));
}

static inline void end(struct run *r)
{
    ct_hs_initiator_free(r->a);
    ct_hs_responder_free(r->b);
}

#endif
