/* One call: handshake, then DTLS, with every timer of it; datagrams and time in, datagrams out. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "session_private.h"

#define FIRST_IS_DTLS(byte) ((byte) >= 20 && (byte) <= 63) /* RFC 7983 */

static void send_dtls(void *arg, const uint8_t *datagram, size_t len)
{
    struct ct_session *s = arg;
    if (!s->is_gathering) {
        s->io.send(s->io.arg, datagram, len);
    } else if (s->hello_len + len <= sizeof s->hello) {
        memcpy(s->hello + s->hello_len, datagram, len);
        s->hello_len += len;
    }
}

static void drop_machines(struct ct_session *s)
{
    ct_hs_initiator_free(s->hs);
    s->hs = NULL;
    ct_sctp_free(s->sctp);
    s->sctp = NULL;
    ct_dtls_free(s->dtls);
    s->dtls = NULL;
    ct_wipe(&s->life, sizeof s->life);
}

void ct_session_fail(struct ct_session *s, ct_err err, const char *text)
{
    if (s->state == CT_SESSION_CLOSED) {
        return;
    }
    s->state = CT_SESSION_CLOSED;
    s->failure = err == CT_OK ? CT_OK : ct_why(&s->why, err, "%s %s", s->identity, text);
    if (s->dtls != NULL) {
        ct_dtls_close(s->dtls);
    }
    drop_machines(s);
}

struct ct_session *ct_session_new(struct ct_dtls_env *env, const struct ct_session_io *io,
                                  const char *identity, uint64_t now_ms)
{
    struct ct_session *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->env = env;
        s->io = *io;
        s->born_ms = now_ms;
        s->heard_ms = now_ms;
        memcpy(s->identity, identity, strnlen(identity, sizeof s->identity - 1));
    }
    return s;
}

ct_err ct_session_start_dtls(struct ct_session *s, const struct ct_hs_session *session,
                             bool is_client, uint64_t now_ms)
{
    uint8_t offer[CT_SCTP_INIT_LEN];
    struct ct_dtls_config config = {
        .is_client = is_client,
        .repeats_hello = is_client,
        .identity = session->psk_identity,
        .psk32 = session->psk32,
        .rtt_ms = s->rtt_ms,
        .send = send_dtls,
        .offer = offer,
        .answer = ct_session_streams_answer,
        .arg = s,
    };
    ct_err err = CT_OK;
    if (is_client && s->io.streams) {
        err = ct_session_streams_offer(s, offer, now_ms);
        config.offer_len = sizeof offer;
    }
    if (err == CT_OK) {
        err = ct_dtls_new(&s->dtls, s->env, &config);
    }
    if (err != CT_OK) {
        return err;
    }
    s->state = CT_SESSION_DTLS;
    s->is_gathering = is_client;
    err = ct_dtls_start(s->dtls);
    s->is_gathering = false;
    return err;
}

/* ---- the responder ---- */

ct_err ct_session_answer(struct ct_session **out, struct ct_dtls_env *env,
                         const struct ct_session_io *io, const struct ct_hs_session *session,
                         uint32_t rtt_ms, const void *rest, size_t rest_len, uint64_t now_ms)
{
    struct ct_session *s = ct_session_new(env, io, session->peer.identity, now_ms);
    if (s == NULL) {
        return CT_ERR_NOMEM;
    }
    s->rtt_ms = rtt_ms;
    memcpy(s->sid16, session->sid16, sizeof s->sid16);
    ct_err err = ct_session_start_dtls(s, session, false, now_ms);
    if (err != CT_OK) {
        ct_session_free(s);
        return err;
    }
    *out = s;
    if (rest_len > 0) {
        ct_session_input(s, rest, rest_len, now_ms);
    }
    return CT_OK;
}

/* ---- both ---- */

void ct_session_free(struct ct_session *s)
{
    if (s != NULL) {
        drop_machines(s);
        ct_wipe(s, sizeof *s);
        free(s);
    }
}

static void read_data(struct ct_session *s, uint64_t now_ms)
{
    uint8_t data[CT_DTLS_MTU];
    size_t len = 0;
    ct_err err = CT_ERR_AGAIN;
    while (s->state == CT_SESSION_OPEN && !s->is_gone &&
           (err = ct_dtls_read(s->dtls, data, sizeof data, &len)) == CT_OK) {
        s->life.heard_ms = now_ms;
        if (s->sctp != NULL) {
            ct_session_streams_input(s, data, len, now_ms);
        } else if (!ct_session_life_takes(s, data, len, now_ms)) {
            s->heard_ms = now_ms;
            s->io.data(s->io.arg, data, len);
        }
    }
    ct_wipe(data, sizeof data);
    if (err == CT_ERR_IO && s->sctp != NULL) {
        ct_session_streams_gone(s, now_ms);
    } else if (err == CT_ERR_IO) {
        ct_session_fail(s, CT_ERR_IO, "hung up");
    } else if (err != CT_ERR_AGAIN && err != CT_OK) {
        ct_session_fail(s, CT_ERR_AUTH, "broke the encrypted channel");
    }
}

/* The DTLS handshake is done. */
static void open_call(struct ct_session *s, uint64_t now_ms)
{
    if (ct_session_streams_agree(s) != CT_OK) {
        return;
    }
    if (ct_session_life_begin(s, now_ms) != CT_OK) {
        ct_session_fail(s, CT_ERR_SYSTEM, "could not be called: this host cannot derive keys");
        return;
    }
    s->state = CT_SESSION_OPEN;
    s->heard_ms = now_ms;
}

static void take_dtls(struct ct_session *s, const uint8_t *datagram, size_t len, uint64_t now_ms)
{
    if (s->dtls == NULL || s->is_gone) {
        return;
    }
    s->clock_ms = now_ms;
    if (ct_dtls_input(s->dtls, datagram, len) != CT_OK) {
        ct_session_fail(s, CT_ERR_AUTH,
                        "failed the DTLS handshake: its session key is another one");
        return;
    }
    if (s->hs != NULL && ct_dtls_is_answered(s->dtls)) {
        ct_hs_initiator_confirm(s->hs); /* m3 and m4 have arrived */
        ct_hs_initiator_free(s->hs);
        s->hs = NULL;
    }
    if (s->state == CT_SESSION_DTLS && ct_dtls_is_open(s->dtls)) {
        open_call(s, now_ms);
    }
    if (s->state == CT_SESSION_OPEN) {
        read_data(s, now_ms);
    }
}

void ct_session_input(struct ct_session *s, const uint8_t *datagram, size_t len, uint64_t now_ms)
{
    if (len == 0 || s->state == CT_SESSION_CLOSED) {
        return;
    }
    if (datagram[0] == CT_HS_FIRST_BYTE) {
        ct_session_take_handshake(s, datagram, len, now_ms);
    } else if (FIRST_IS_DTLS(datagram[0])) {
        take_dtls(s, datagram, len, now_ms);
    }
}

void ct_session_tick(struct ct_session *s, uint64_t now_ms)
{
    bool is_setting_up = s->state < CT_SESSION_OPEN;
    if (s->hs != NULL) {
        ct_session_send_handshake(s, now_ms);
    }
    if (is_setting_up && now_ms - s->born_ms >= CT_HS_LIFE_MS) {
        ct_session_fail(s, CT_ERR_TIMEOUT, "did not complete the handshake within 10 seconds");
    }
    if (s->dtls != NULL && ct_dtls_timeout_ms(s->dtls) == 0 && ct_dtls_timeout(s->dtls) != CT_OK) {
        ct_session_fail(s, CT_ERR_TIMEOUT,
                        "stopped answering during the DTLS handshake; try again");
    }
    if (s->state == CT_SESSION_OPEN) {
        ct_session_life_tick(s, now_ms);
        ct_session_streams_tick(s, now_ms);
    }
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t ct_session_deadline(const struct ct_session *s, uint64_t now_ms)
{
    uint64_t deadline = s->state < CT_SESSION_OPEN ? s->born_ms + CT_HS_LIFE_MS : UINT64_MAX;
    if (s->state == CT_SESSION_CLOSED) {
        return UINT64_MAX;
    }
    if (s->hs != NULL && ct_hs_initiator_deadline_ms(s->hs) < deadline) {
        deadline = ct_hs_initiator_deadline_ms(s->hs);
    }
    uint32_t left = s->dtls != NULL ? ct_dtls_timeout_ms(s->dtls) : UINT32_MAX;
    if (left != UINT32_MAX) {
        deadline = min_u64(deadline, now_ms + left);
    }
    if (s->state == CT_SESSION_OPEN) {
        deadline = min_u64(deadline, ct_session_life_deadline(s));
        deadline = min_u64(deadline, ct_session_streams_deadline(s, now_ms));
    }
    return deadline;
}

ct_err ct_session_write(struct ct_session *s, const void *data, size_t len, uint64_t now_ms)
{
    if (s->state != CT_SESSION_OPEN || s->sctp != NULL) {
        return CT_ERR_STATE;
    }
    ct_err err = ct_dtls_write(s->dtls, data, len);
    if (err == CT_OK) {
        s->heard_ms = now_ms;
    }
    return err;
}

void ct_session_close(struct ct_session *s)
{
    if (s->state == CT_SESSION_OPEN) {
        ct_dtls_close(s->dtls);
    }
    s->state = CT_SESSION_CLOSED;
    drop_machines(s);
}

enum ct_session_state ct_session_state(const struct ct_session *s)
{
    return s->state;
}

ct_err ct_session_failure(const struct ct_session *s, struct ct_why *why)
{
    return s->failure == CT_OK ? CT_OK : ct_why(why, s->failure, "%s", s->why.text);
}

const uint8_t *ct_session_sid16(const struct ct_session *s)
{
    return s->sid16;
}

const char *ct_session_identity(const struct ct_session *s)
{
    return s->identity;
}

bool ct_session_is_dialled(const struct ct_session *s)
{
    return s->is_dialled;
}

uint32_t ct_session_rtt_ms(const struct ct_session *s)
{
    return s->rtt_ms;
}

uint64_t ct_session_born_ms(const struct ct_session *s)
{
    return s->born_ms;
}

uint64_t ct_session_heard_ms(const struct ct_session *s)
{
    return s->heard_ms;
}
