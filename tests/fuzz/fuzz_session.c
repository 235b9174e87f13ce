/*
 * A call's end in the client: handshake messages and DTLS records from somebody without the PSK.
 * Property: the call never opens and never hands data out, what it sends fits a datagram and is
 * bounded, and a closed call is silent.
 */
/* links: ct_client_inside chainturn ct_kex ct_chain ct_base */
#include "hs_world.h"

#include "session.h"

enum { INPUT, WAIT, PEER, WRITE, CLOSE, SESSION_OPS };

struct run {
    struct hs_world w;
    struct ct_session *session;
    uint64_t now_ms;
    unsigned sent;
    bool is_closed;
};

static struct ct_dtls_env *env; /* shared by all inputs, as by all calls */

static void on_send(void *arg, const uint8_t *datagram, size_t len)
{
    struct run *run = arg;
    HOLDS(datagram != NULL && len > 0 && len <= CT_DTLS_MTU);
    HOLDS(!run->is_closed && ++run->sent < 2000);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    (void)arg;
    (void)data;
    (void)len;
    abort(); /* data from somebody without the PSK */
}

static void on_stream(void *arg, const struct ct_sctp_event *event)
{
    (void)arg;
    (void)event;
    abort();
}

static void start(struct run *run, bool is_dialled, bool streams, const struct ct_rd *hello)
{
    const struct ct_session_io io = {
        .send = on_send, .data = on_data, .stream = on_stream, .arg = run, .streams = streams};
    struct ct_hs_initiator_config config = {.net = run->w.net,
                                            .purpose = CT_HS_CALL,
                                            .identity = run->w.a.party.identity,
                                            .wallet = &run->w.a.wallet,
                                            .key = &run->w.a.key,
                                            .peer = run->w.b.party};
    struct ct_hs_initiator_draw draw;
    struct ct_hs_session session = {.purpose = CT_HS_CALL, .peer = run->w.a.party};
    if (is_dialled) {
        hs_draw(&run->w, &draw, sizeof(draw));
        HOLDS(ct_session_dial(&run->session, env, &io, &config, &draw, run->now_ms) == CT_OK);
        return;
    }
    hs_draw(&run->w, session.psk32, sizeof(session.psk32));
    memset(session.psk_identity, 'a', 32);
    ct_err err = ct_session_answer(&run->session, env, &io, &session, 20, hello->at, hello->left,
                                   run->now_ms);
    HOLDS(err == CT_OK || run->session == NULL);
}

static void input(struct run *run, const struct fuzz_step *step)
{
    uint8_t *exact = malloc(step->len > 0 ? step->len : 1);
    HOLDS(exact != NULL);
    if (step->len > 0) {
        memcpy(exact, step->data, step->len);
    }
    if (step->len >= CT_HS_HEADER_LEN && exact[0] == CT_HS_FIRST_BYTE) {
        memcpy(exact + 4, ct_session_sid16(run->session), 16); /* else it goes nowhere */
    }
    ct_session_input(run->session, exact, step->len, run->now_ms);
    free(exact);
}

static void take(struct run *run, const struct fuzz_step *step)
{
    struct ct_hs_party peer = run->w.b.party;
    switch (step->op % SESSION_OPS) {
    case INPUT:
        input(run, step);
        break;
    case WAIT:
        run->now_ms += 50u * step->len;
        ct_session_tick(run->session, run->now_ms);
        break;
    case PEER:
        if (ct_session_state(run->session) == CT_SESSION_RECHECK) {
            peer.wallet20[0] ^= step->len > 0 ? step->data[0] : 0;
            ct_session_peer(run->session, &peer, run->now_ms);
        }
        break;
    case WRITE:
        HOLDS(ct_session_write(run->session, step->data, step->len, run->now_ms) != CT_OK);
        HOLDS(ct_session_stream_end(run->session, 0, run->now_ms) != CT_OK);
        HOLDS(!ct_session_finish(run->session, run->now_ms));
        break;
    default:
        ct_session_close(run->session);
        break;
    }
    HOLDS(ct_session_state(run->session) != CT_SESSION_OPEN);
    run->is_closed = ct_session_state(run->session) == CT_SESSION_CLOSED;
    (void)ct_session_deadline(run->session, run->now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.now_ms = 1000000};
    struct ct_rd r = ct_rd_init(data, size);
    struct fuzz_step step;
    hs_world_make(&run.w);
    if (env == NULL) {
        HOLDS(ct_dtls_env_new(&env, NULL) == CT_OK);
    }
    uint8_t flags = ct_rd_u8(&r);
    struct ct_rd hello = {NULL, 0, false};
    if ((flags & 2u) != 0 && fuzz_step(&step, &r)) {
        hello = ct_rd_init(step.data, step.len);
    }
    start(&run, (flags & 1u) != 0, (flags & 4u) != 0, &hello);
    for (unsigned i = 0; run.session != NULL && i < 40 && fuzz_step(&step, &r); i++) {
        take(&run, &step);
    }
    ct_session_free(run.session);
    return 0;
}
