/*
 * The initiator of the handshake: m0 and m2 from an attacker who knows every public key and carries
 * the datagrams of an honest callee. Property: a session stands only after an m2 that names the
 * call's sid, N1, H(m1), B and B's record; after the callee's own m2 both ends hold the same PSK;
 * what is sent is counted, and a failed call is silent.
 */
/* links: ct_kex ct_chain ct_base */
#include "hs_world.h"

#include "kex/kdf.h"

enum {
    RAW,     /* a datagram as it is */
    M0,      /* a cookie, under the call's sid */
    M2,      /* the callee's answer to the last m1, with changes */
    SEALED2, /* flags, P2: sealed to A; flag bits 0 to 3: sid, N1, H(m1), R_B are the right ones */
    WAIT,    /* so many times 50 ms */
    PEER,    /* the record read afresh: 0 B's, else another */
    CONFIRM,
    CALL_OPS
};

struct run {
    struct hs_world w;
    struct ct_hs_initiator *caller;
    struct ct_hs_initiator_draw draw;
    struct ct_hs_responder *callee;
    uint64_t now_ms;
    uint8_t m1[CT_HS_M1_COOKIE_LEN]; /* as it was sent last */
    size_t m1_len;
    uint8_t flight[CT_HS_FLIGHT_LEN];
    bool is_ready, has_flight;
    unsigned sent;
};

static void hash_m1(const struct run *run, uint8_t out32[32])
{
    size_t field = 1u + run->m1[CT_HS_HEADER_LEN];
    const struct ct_piece pieces[] = {{run->m1, CT_HS_HEADER_LEN},
                                      {run->m1 + CT_HS_HEADER_LEN + field, CT_HS_SEAL1_LEN}};
    HOLDS(ct_sha256(out32, pieces, 2) == CT_OK);
}

static void poll(struct run *run)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    while (ct_hs_initiator_poll(run->caller, &bytes, &len, run->now_ms) == CT_OK) {
        HOLDS(ct_hs_initiator_state(run->caller) != CT_HS_FAILED && ++run->sent <= 64);
        if (bytes[2] == 1) {
            HOLDS(len == CT_HS_M1_LEN || len == CT_HS_M1_COOKIE_LEN);
            memcpy(run->m1, bytes, len);
            run->m1_len = len;
        } else {
            HOLDS(len == CT_HS_FLIGHT_LEN);
            memcpy(run->flight, bytes, len);
            run->has_flight = true;
        }
    }
}

/* Is this the plaintext of an m2 that may be believed? Read by the offsets of docs/protocol.md. */
static bool is_true(const struct run *run, const uint8_t *p2)
{
    uint8_t want[32];
    hash_m1(run, want);
    return p2[0] == 1 && memcmp(p2 + 1, run->draw.sid16, 16) == 0 &&
           memcmp(p2 + 17, run->draw.n1_32, 32) == 0 && memcmp(p2 + 145, want, 32) == 0 &&
           ct_hs_record(want, run->w.deployment32, &run->w.b.party) == CT_OK &&
           memcmp(p2 + 81, want, 32) == 0 &&
           memcmp(p2 + 177,
                  "\x08"
                  "device-b",
                  9) == 0;
}

/* plain: of the m2 that is given in, as far as anybody but the callee made it. */
static void input(struct run *run, const uint8_t *data, size_t len, const uint8_t *plain)
{
    enum ct_hs_state before = ct_hs_initiator_state(run->caller);
    uint8_t *exact = malloc(len > 0 ? len : 1);
    HOLDS(exact != NULL);
    if (len > 0) {
        memcpy(exact, data, len);
    }
    ct_err err = ct_hs_initiator_input(run->caller, exact, len, run->now_ms);
    free(exact);
    enum ct_hs_state after = ct_hs_initiator_state(run->caller);
    /* only B knows what a P2 must name: it alone can spoil its own call, with an unusable key */
    HOLDS(err == CT_OK || err == CT_ERR_AGAIN || before == after ||
          (after == CT_HS_FAILED && plain != NULL && is_true(run, plain)));
    if (before == CT_HS_WAIT && after == CT_HS_READY) {
        HOLDS(plain == NULL || is_true(run, plain));
        run->is_ready = true;
    }
    poll(run);
}

static void callees(struct run *run, struct ct_rd *r)
{
    struct ct_hs_source source = {.bytes = {[10] = 0xff, 0xff, 198, 51, 100, 11, 0xc3, 0x50}};
    struct ct_hs_result result;
    struct ct_hs_responder_draw draw;
    uint8_t m2[CT_HS_M2_LEN];
    if (run->m1_len == 0 || ct_hs_responder_input(run->callee, &result, &source, run->m1,
                                                  run->m1_len, run->now_ms) != CT_OK) {
        return;
    }
    if (result.event == CT_HS_LOOKUP) {
        struct ct_hs_claim claim = result.claim;
        hs_draw(&run->w, &draw, sizeof(draw));
        HOLDS(ct_hs_responder_answer(run->callee, &result, claim.sid16, &run->w.a.party, &draw,
                                     run->now_ms) == CT_OK);
    }
    if (result.event != CT_HS_SEND) {
        return;
    }
    if (result.len != sizeof(m2)) {
        input(run, result.bytes, result.len, NULL); /* m0 */
        return;
    }
    memcpy(m2, result.bytes, sizeof(m2));
    bool was_waiting = ct_hs_initiator_state(run->caller) == CT_HS_WAIT;
    bool is_altered = hs_alter(m2, sizeof(m2), r);
    input(run, m2, sizeof(m2), NULL);
    HOLDS(!is_altered || !was_waiting || ct_hs_initiator_state(run->caller) == CT_HS_WAIT ||
          memcmp(m2, result.bytes, sizeof(m2)) == 0 ||
          ct_hs_initiator_state(run->caller) == CT_HS_FAILED);
    if (was_waiting && run->is_ready && run->has_flight) { /* now both hold the same */
        struct ct_hs_session mine;
        HOLDS(ct_hs_responder_input(run->callee, &result, &source, run->flight, CT_HS_FLIGHT_LEN,
                                    run->now_ms) == CT_OK);
        HOLDS(result.event == CT_HS_SESSION &&
              ct_hs_initiator_session(run->caller, &mine) == CT_OK &&
              memcmp(mine.psk32, result.session.psk32, 32) == 0);
    }
}

static void sealed(struct run *run, struct ct_rd *r)
{
    uint8_t plain[CT_HS_P2_LEN] = {0};
    uint8_t m2[CT_HS_M2_LEN];
    uint8_t flags = ct_rd_u8(r);
    memcpy(plain, r->at, r->left < sizeof(plain) ? r->left : sizeof(plain));
    if ((flags & 1u) != 0) {
        memcpy(plain + 1, run->draw.sid16, 16);
    }
    if ((flags & 2u) != 0) {
        memcpy(plain + 17, run->draw.n1_32, 32);
    }
    if ((flags & 4u) != 0 && run->m1_len > 0) {
        hash_m1(run, plain + 145);
    }
    if ((flags & 8u) != 0) {
        HOLDS(ct_hs_record(plain + 81, run->w.deployment32, &run->w.b.party) == CT_OK);
    }
    hs_seal(&run->w, m2, 2, CT_HS_CALL, run->draw.sid16, run->w.a.key.public32, plain,
            sizeof(plain));
    input(run, m2, sizeof(m2), plain);
}

static void reread(struct run *run, struct ct_rd *r)
{
    struct ct_hs_party peer = run->w.b.party;
    peer.wallet20[0] ^= ct_rd_u8(r);
    if (ct_hs_initiator_state(run->caller) == CT_HS_RECHECK) {
        ct_err err = ct_hs_initiator_peer(run->caller, &peer, run->now_ms);
        HOLDS((err == CT_OK) == (ct_hs_initiator_state(run->caller) == CT_HS_READY));
    }
    poll(run);
}

static void take(struct run *run, const struct fuzz_step *step)
{
    uint8_t m0[CT_HS_M0_LEN];
    struct ct_rd r = ct_rd_init(step->data, step->len);
    switch (step->op % CALL_OPS) {
    case RAW:
        input(run, step->data, step->len, NULL);
        break;
    case M0:
        ct_hs_header_write(m0, 0, CT_HS_CALL, run->draw.sid16);
        ct_rd_copy(&r, m0 + CT_HS_HEADER_LEN, CT_HS_COOKIE_LEN);
        input(run, m0, sizeof(m0), NULL);
        break;
    case M2:
        callees(run, &r);
        break;
    case SEALED2:
        sealed(run, &r);
        break;
    case WAIT:
        run->now_ms += 50u * step->len;
        poll(run);
        break;
    case PEER:
        reread(run, &r);
        break;
    default:
        ct_hs_initiator_confirm(run->caller);
        poll(run);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.now_ms = 1000000};
    struct ct_rd r = ct_rd_init(data, size);
    struct fuzz_step step;
    hs_world_make(&run.w);
    run.callee = hs_callee(&run.w, 0);
    run.caller = hs_caller(&run.w, &run.draw, run.now_ms);
    poll(&run);
    for (unsigned i = 0; i < 40 && fuzz_step(&step, &r); i++) {
        take(&run, &step);
    }
    ct_hs_initiator_free(run.caller);
    ct_hs_responder_free(run.callee);
    return 0;
}
