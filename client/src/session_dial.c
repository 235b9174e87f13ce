/* A call that we make: m1, m2, and m3 and m4 with the ClientHello, until the keys stand. */
#include <string.h>

#include "base/secret.h"
#include "session_private.h"

/* Sends what the handshake has due: m1, or m3 and m4 with the ClientHello behind them. */
void ct_session_send_handshake(struct ct_session *s, uint64_t now_ms)
{
    const uint8_t *bytes;
    size_t len;
    uint8_t flight[CT_HS_FLIGHT_LEN + CT_HS_HELD_MAX];

    ct_err err = ct_hs_initiator_poll(s->hs, &bytes, &len, now_ms);
    if (err == CT_ERR_AGAIN) {
        return;
    }
    if (err != CT_OK) {
        ct_session_fail(s, CT_ERR_TIMEOUT,
                        s->state == CT_SESSION_DTLS
                            ? "stopped answering during the handshake; try again"
                            : "does not answer on its registered address; is it listening?");
        return;
    }
    if (s->state != CT_SESSION_DTLS || len > CT_HS_FLIGHT_LEN) {
        s->asked_ms = now_ms;
        s->asked++;
        s->io.send(s->io.arg, bytes, len);
        return;
    }
    memcpy(flight, bytes, len);
    memcpy(flight + len, s->hello, s->hello_len);
    s->io.send(s->io.arg, flight, len + s->hello_len);
}

ct_err ct_session_dial(struct ct_session **out, struct ct_dtls_env *env,
                       const struct ct_session_io *io, const struct ct_hs_initiator_config *config,
                       const struct ct_hs_initiator_draw *draw, uint64_t now_ms)
{
    struct ct_session *s = ct_session_new(env, io, config->peer.identity, now_ms);
    if (s == NULL) {
        return CT_ERR_NOMEM;
    }
    s->is_dialled = true;
    s->state = CT_SESSION_HANDSHAKE;
    ct_err err = ct_hs_initiator_new(&s->hs, config, draw, now_ms);
    if (err != CT_OK) {
        ct_session_free(s);
        return err;
    }
    memcpy(s->sid16, ct_hs_initiator_sid16(s->hs), sizeof s->sid16);
    ct_session_send_handshake(s, now_ms);
    *out = s;
    return CT_OK;
}

/* After m2 was taken: the keys stand, or the peer's record has to be read again. */
static void look_at_handshake(struct ct_session *s, uint64_t now_ms)
{
    struct ct_hs_session keys;
    enum ct_hs_state state = ct_hs_initiator_state(s->hs);

    if (state == CT_HS_RECHECK) {
        s->state = CT_SESSION_RECHECK;
    } else if (state == CT_HS_FAILED) {
        ct_session_fail(s, CT_ERR_AUTH,
                        "answered with a key or wallet that is not the registered one");
    } else if (state == CT_HS_READY && s->dtls == NULL) {
        ct_err err = ct_hs_initiator_session(s->hs, &keys);
        if (err == CT_OK) {
            err = ct_session_start_dtls(s, &keys, true, now_ms);
            ct_wipe(&keys, sizeof keys);
        }
        if (err != CT_OK) {
            ct_session_fail(s, err, "could not be called: this host cannot start DTLS");
            return;
        }
    }
    if (s->state != CT_SESSION_CLOSED) {
        ct_session_send_handshake(s, now_ms); /* m1 with a cookie, or the flight */
    }
}

void ct_session_take_handshake(struct ct_session *s, const uint8_t *datagram, size_t len,
                               uint64_t now_ms)
{
    if (s->hs == NULL || s->state > CT_SESSION_RECHECK) {
        return;
    }
    ct_err err = ct_hs_initiator_input(s->hs, datagram, len, now_ms);
    if (err != CT_OK && err != CT_ERR_AGAIN) {
        return;
    }
    if (s->asked == 1) {
        uint64_t rtt = now_ms - s->asked_ms;
        s->rtt_ms = (uint32_t)(rtt == 0 ? 1 : rtt);
    }
    look_at_handshake(s, now_ms);
}

void ct_session_peer(struct ct_session *s, const struct ct_hs_party *peer, uint64_t now_ms)
{
    if (s->state != CT_SESSION_RECHECK) {
        return;
    }
    if (peer == NULL) {
        ct_session_fail(s, CT_ERR_CHAIN,
                        "changed its record, and the chain could not be read again");
        return;
    }
    s->state = CT_SESSION_HANDSHAKE;
    if (ct_hs_initiator_peer(s->hs, peer, now_ms) != CT_OK) {
        ct_session_fail(s, CT_ERR_AUTH,
                        "answered with a key or wallet that is not the registered one");
        return;
    }
    look_at_handshake(s, now_ms);
}
