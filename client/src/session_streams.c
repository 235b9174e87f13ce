/* A call of streams: SCTP packets as DTLS records, the first two of them in the hellos. */
#include "session_private.h"

#define LAST_WORDS_MS \
    3000u /* for SHUTDOWN to be answered: with many losses nobody is there to do so */

/* ---- the hellos ---- */

ct_err ct_session_streams_offer(struct ct_session *s, uint8_t out[CT_SCTP_INIT_LEN],
                                uint64_t now_ms)
{
    ct_err err = ct_sctp_new(&s->sctp, true, s->rtt_ms, now_ms);
    return err != CT_OK ? err : ct_sctp_offer(s->sctp, out);
}

size_t ct_session_streams_answer(void *arg, const uint8_t *offer, size_t len, uint8_t *out,
                                 size_t cap)
{
    struct ct_session *s = arg;
    size_t out_len = 0;
    if (!s->io.streams || s->sctp != NULL || cap < CT_SCTP_INIT_ACK_MAX ||
        ct_sctp_new(&s->sctp, false, s->rtt_ms, s->clock_ms) != CT_OK) {
        return 0;
    }
    if (ct_sctp_answer(s->sctp, out, &out_len, offer, len) != CT_OK) {
        ct_sctp_free(s->sctp);
        s->sctp = NULL;
        return 0;
    }
    return out_len;
}

ct_err ct_session_streams_agree(struct ct_session *s)
{
    size_t len = 0;
    const uint8_t *hello = ct_dtls_hello(s->dtls, &len);
    if (s->is_dialled && s->sctp != NULL && len == 0) {
        ct_session_fail(s, CT_ERR_REFUSED, "takes no calls of streams, only of datagrams");
        return CT_ERR_REFUSED;
    }
    if (s->is_dialled && s->sctp != NULL && ct_sctp_check_init_ack(hello, len) != CT_OK) {
        ct_session_fail(s, CT_ERR_REFUSED, "set up streams in a way that is not the protocol's");
        return CT_ERR_REFUSED;
    }
    if (!s->is_dialled && s->sctp == NULL && len > 0) {
        ct_session_fail(s, CT_ERR_REFUSED, "wanted a call of streams, which are not taken here");
        return CT_ERR_REFUSED;
    }
    return CT_OK;
}

/* ---- packets and events ---- */

static void send_packets(struct ct_session *s)
{
    uint8_t packet[CT_SCTP_PACKET_MAX];
    size_t len = 0;
    if (s->is_dialled && !s->is_accepted) {
        return; /* INIT again: it is in the ClientHello */
    }
    while (s->state == CT_SESSION_OPEN && ct_sctp_poll(s->sctp, packet, &len) == CT_OK) {
        if (!s->is_gone) {
            (void)!ct_dtls_write(s->dtls, packet, len);
        }
    }
}

static void take_event(struct ct_session *s, const struct ct_sctp_event *event, uint64_t now_ms)
{
    bool is_ours = ct_sctp_is_finishing(s->sctp);
    switch (event->kind) {
    case CT_SCTP_DOWN:
        ct_session_fail(s, is_ours ? CT_OK : CT_ERR_IO, "hung up");
        break;
    case CT_SCTP_LOST:
        ct_session_fail(s, CT_ERR_REFUSED, event->text);
        break;
    case CT_SCTP_DATA:
    case CT_SCTP_END:
        s->heard_ms = now_ms;
        s->io.stream(s->io.arg, event);
        break;
    case CT_SCTP_WRITABLE:
        s->io.stream(s->io.arg, event);
        break;
    }
}

/* The peer has said goodbye and nothing of it is left to be read. */
static void end_cut(struct ct_session *s)
{
    bool is_ours = ct_sctp_is_finishing(s->sctp);
    if (ct_sctp_is_dry(s->sctp)) {
        ct_session_fail(s, is_ours ? CT_OK : CT_ERR_IO, "hung up");
    } else {
        ct_session_fail(s, CT_ERR_REFUSED, "hung up before it had acknowledged everything");
    }
}

static void pump(struct ct_session *s, uint64_t now_ms)
{
    struct ct_sctp_event event;
    send_packets(s);
    while (s->state == CT_SESSION_OPEN && ct_sctp_next(s->sctp, &event) == CT_OK) {
        take_event(s, &event, now_ms);
    }
    if (s->state == CT_SESSION_OPEN && s->is_gone && !ct_sctp_is_paused(s->sctp)) {
        end_cut(s);
    }
    if (s->state == CT_SESSION_OPEN) {
        send_packets(s); /* a window that was read empty opens */
    }
}

void ct_session_streams_input(struct ct_session *s, const uint8_t *data, size_t len,
                              uint64_t now_ms)
{
    ct_sctp_input(s->sctp, data, len, now_ms);
    pump(s, now_ms);
}

void ct_session_streams_gone(struct ct_session *s, uint64_t now_ms)
{
    s->is_gone = true;
    pump(s, now_ms);
}

/* Both sides have had everything: the last words may have got lost. */
static void look_at_end(struct ct_session *s, uint64_t now_ms)
{
    if (!ct_sctp_is_done(s->sctp)) {
        return;
    }
    if (s->done_ms == 0) {
        s->done_ms = now_ms + LAST_WORDS_MS;
    } else if (now_ms >= s->done_ms) {
        end_cut(s);
    }
}

void ct_session_streams_tick(struct ct_session *s, uint64_t now_ms)
{
    size_t len = 0;
    if (s->state != CT_SESSION_OPEN || s->sctp == NULL) {
        return;
    }
    if (s->is_dialled && !s->is_accepted) {
        /* only now: what the application has written since the call is open goes with the cookie */
        s->is_accepted = true;
        const uint8_t *answer = ct_dtls_hello(s->dtls, &len);
        (void)!ct_sctp_accept(s->sctp, answer, len);
    }
    ct_sctp_tick(s->sctp, now_ms);
    pump(s, now_ms);
    if (s->state == CT_SESSION_OPEN) {
        look_at_end(s, now_ms);
    }
}

uint64_t ct_session_streams_deadline(const struct ct_session *s, uint64_t now_ms)
{
    if (s->sctp == NULL) {
        return UINT64_MAX;
    }
    return s->is_dialled && !s->is_accepted ? now_ms : ct_sctp_deadline(s->sctp, now_ms);
}

/* ---- from outside ---- */

static bool has_open_streams(const struct ct_session *s)
{
    return s->state == CT_SESSION_OPEN && s->sctp != NULL;
}

ct_err ct_session_stream_write(struct ct_session *s, size_t *taken, unsigned stream,
                               const void *data, size_t len, uint64_t now_ms)
{
    if (!has_open_streams(s)) {
        return CT_ERR_STATE;
    }
    ct_err err = ct_sctp_write(s->sctp, taken, stream, data, len, now_ms);
    if (err == CT_OK && *taken > 0) {
        s->heard_ms = now_ms;
    }
    send_packets(s);
    return err;
}

ct_err ct_session_stream_end(struct ct_session *s, unsigned stream, uint64_t now_ms)
{
    if (!has_open_streams(s)) {
        return CT_ERR_STATE;
    }
    ct_err err = ct_sctp_end(s->sctp, stream, now_ms);
    send_packets(s);
    return err;
}

ct_err ct_session_stream_pause(struct ct_session *s, bool is_paused)
{
    if (!has_open_streams(s)) {
        return CT_ERR_STATE;
    }
    ct_sctp_pause(s->sctp, is_paused);
    return CT_OK;
}

bool ct_session_finish(struct ct_session *s, uint64_t now_ms)
{
    if (!has_open_streams(s)) {
        return false;
    }
    ct_sctp_finish(s->sctp, now_ms);
    send_packets(s);
    return true;
}

bool ct_session_has_streams(const struct ct_session *s)
{
    return s->sctp != NULL;
}
