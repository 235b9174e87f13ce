/*
 * The responder of the handshake: m1, m3 and m4 from an attacker who knows every public key and
 * carries the datagrams of an honest caller. Property: the only session ever given out is the
 * honest caller's, once, with the PSK that the caller holds; no input ends another handshake, and
 * the table stays within its size.
 */
/* links: ct_kex ct_chain ct_base */
#include "hs_world.h"

/* Steps; byte 0 of those that carry a datagram says from which source. */
enum {
    RAW,      /* a datagram as it is */
    SEALED1,  /* purpose, sid, P1: sealed to B */
    M1,       /* the caller's, with changes */
    FLIGHT,   /* the caller's, with changes; what else is there goes behind it */
    SEALED34, /* purpose, sid, P3, P4: sealed to B */
    WAIT,     /* so many times 50 ms */
    LIE,      /* the next record that is looked up: 1 of another, 2 none */
    TABLE_OPS
};

struct run {
    struct hs_world w;
    struct ct_hs_responder *table;
    struct ct_hs_initiator *caller;
    struct ct_hs_initiator_draw draw;
    uint64_t now_ms;
    unsigned lie;
    unsigned sessions;
};

static void check_session(struct run *run, const struct ct_hs_session *session)
{
    struct ct_hs_session callers;
    HOLDS(++run->sessions == 1);
    HOLDS(ct_hs_initiator_session(run->caller, &callers) == CT_OK);
    HOLDS(memcmp(session->sid16, callers.sid16, 16) == 0 &&
          memcmp(session->psk32, callers.psk32, 32) == 0 && session->purpose == CT_HS_CALL &&
          strcmp(session->peer.identity, "device-a") == 0 &&
          memcmp(session->peer.wallet20, run->w.a.wallet.addr20, 20) == 0);
}

static void answer(struct run *run, const struct ct_hs_claim *claim);

static void take_result(struct run *run, const struct ct_hs_result *result)
{
    struct ct_hs_result copy;
    switch (result->event) {
    case CT_HS_SEND:
        HOLDS(result->len == CT_HS_M2_LEN || result->len == CT_HS_M0_LEN);
        (void)(ct_hs_initiator_input(run->caller, result->bytes, result->len, run->now_ms) ==
               CT_OK);
        break;
    case CT_HS_LOOKUP:
        copy = *result;
        answer(run, &copy.claim);
        break;
    case CT_HS_SESSION:
        check_session(run, &result->session);
        break;
    case CT_HS_DROP:
    case CT_HS_REPEAT:
        break;
    }
}

/* The chain knows A and nobody else; an enrolment brings its own record. */
static void answer(struct run *run, const struct ct_hs_claim *claim)
{
    struct ct_hs_responder_draw draw;
    struct ct_hs_result result;
    struct ct_hs_party record = claim->party;
    HOLDS(claim->party.identity[0] != '\0');
    if (claim->purpose == CT_HS_CALL) {
        record = run->w.a.party;
        record.wallet20[0] ^= (uint8_t)(run->lie == 1);
        if (strcmp(claim->party.identity, record.identity) != 0 || run->lie == 2) {
            ct_hs_responder_refuse(run->table, claim->sid16);
            return;
        }
    }
    run->lie = 0;
    for (unsigned again = 0; again < 2; again++) {
        hs_draw(&run->w, &draw, sizeof(draw));
        ct_err err =
            ct_hs_responder_answer(run->table, &result, claim->sid16, &record, &draw, run->now_ms);
        if (err == CT_OK) {
            HOLDS(result.event == CT_HS_SEND && result.len == CT_HS_M2_LEN);
            take_result(run, &result);
        }
        if (err != CT_ERR_AGAIN) {
            return;
        }
        record = run->w.a.party; /* read afresh */
    }
}

static void input(struct run *run, uint8_t from, const uint8_t *data, size_t len)
{
    struct ct_hs_result result;
    struct ct_hs_source source = {.bytes = {[10] = 0xff, 0xff, 198, 51, 100, from, 0xc3, 0x50}};
    uint8_t *exact = malloc(len > 0 ? len : 1);
    HOLDS(exact != NULL);
    if (len > 0) {
        memcpy(exact, data, len);
    }
    memset(&result, 0, sizeof(result));
    ct_err err = ct_hs_responder_input(run->table, &result, &source, exact, len, run->now_ms);
    HOLDS(err == CT_OK || result.event == CT_HS_DROP);
    if (err == CT_OK) {
        take_result(run, &result);
    }
    free(exact);
    HOLDS(ct_hs_responder_half_open(run->table) <= 16);
}

static void callers(struct run *run, uint8_t from, struct ct_rd *r)
{
    uint8_t datagram[CT_HS_MAX_LEN + 64];
    const uint8_t *bytes = NULL;
    size_t len = 0;
    /* whatever the caller has to say now, at the latest when its timer is over */
    ct_err err = ct_hs_initiator_poll(run->caller, &bytes, &len, run->now_ms);
    uint64_t due_ms = ct_hs_initiator_deadline_ms(run->caller);
    if (err == CT_ERR_AGAIN && due_ms != UINT64_MAX && due_ms > run->now_ms) {
        run->now_ms = due_ms;
        err = ct_hs_initiator_poll(run->caller, &bytes, &len, run->now_ms);
    }
    if (err == CT_OK) {
        HOLDS(len <= CT_HS_MAX_LEN);
        memcpy(datagram, bytes, len);
        (void)hs_alter(datagram, len, r);
        input(run, from, datagram, len);
    }
}

static void sealed(struct run *run, uint8_t from, unsigned op, struct ct_rd *r)
{
    uint8_t plain[CT_HS_P1_LEN];
    uint8_t sid[16];
    uint8_t out[CT_HS_M1_COOKIE_LEN + 64];
    unsigned purpose = ct_rd_u8(r) % 3u;
    ct_rd_copy(r, sid, sizeof(sid));
    if (sid[0] == 0) { /* the caller's own */
        memcpy(sid, ct_hs_initiator_sid16(run->caller), sizeof(sid));
    }
    memset(plain, 0, sizeof(plain));
    if (op == SEALED1) {
        memcpy(plain, r->at, r->left < CT_HS_P1_LEN ? r->left : CT_HS_P1_LEN);
        uint8_t bare[CT_HS_M1_BARE_LEN];
        hs_seal(&run->w, bare, 1, purpose, sid, run->w.b.key.public32, plain, CT_HS_P1_LEN);
        memcpy(out, bare, CT_HS_HEADER_LEN);
        out[CT_HS_HEADER_LEN] = 0; /* no cookie */
        memcpy(out + CT_HS_HEADER_LEN + 1, bare + CT_HS_HEADER_LEN, CT_HS_SEAL1_LEN);
        input(run, from, out, CT_HS_M1_LEN);
        return;
    }
    memcpy(plain, r->at, r->left < 225 ? r->left : 225);
    hs_seal(&run->w, out, 3, purpose, sid, run->w.b.key.public32, plain, CT_HS_P3_LEN);
    hs_seal(&run->w, out + CT_HS_M3_LEN, 4, purpose, sid, run->w.b.key.public32,
            plain + CT_HS_P3_LEN, CT_HS_P4_LEN);
    input(run, from, out, CT_HS_FLIGHT_LEN);
}

static void take(struct run *run, const struct fuzz_step *step)
{
    struct ct_rd r = ct_rd_init(step->data, step->len);
    uint8_t from = step->op % TABLE_OPS == WAIT ? 0 : ct_rd_u8(&r);
    switch (step->op % TABLE_OPS) {
    case RAW:
        input(run, from, r.at, r.left);
        break;
    case SEALED1:
    case SEALED34:
        sealed(run, from, step->op % TABLE_OPS, &r);
        break;
    case M1:
    case FLIGHT:
        callers(run, from, &r);
        break;
    case WAIT:
        run->now_ms += 50u * step->len;
        ct_hs_responder_expire(run->table, run->now_ms);
        break;
    default:
        run->lie = from % 3u;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.now_ms = 1000000};
    struct ct_rd r = ct_rd_init(data, size);
    struct fuzz_step step;
    hs_world_make(&run.w);
    run.table = hs_callee(&run.w, ct_rd_u8(&r) % 8u);
    run.caller = hs_caller(&run.w, &run.draw, run.now_ms);
    for (unsigned i = 0; i < 40 && fuzz_step(&step, &r); i++) {
        take(&run, &step);
    }
    ct_hs_initiator_free(run.caller);
    ct_hs_responder_free(run.table);
    return 0;
}
