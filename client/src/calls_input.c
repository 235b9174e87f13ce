/* The datagrams of calls: to the call they belong to, or to the table of those that ring. */
#include "calls.h"

#include <string.h>

#include "base/secret.h"
#include "calls_private.h"

#define SIMULTANEOUS_MS CT_HS_LIFE_MS
#define DTLS_HANDSHAKE 22u
#define DTLS_CLIENT_HELLO 1u

/* IPv4 as ::ffff:a.b.c.d, the port, and the lane as what else tells paths apart. */
static struct ct_hs_source source_of(unsigned lane, const struct ct_addr *from)
{
    struct ct_hs_source source = {{0}};
    if (from->family == 4) {
        source.bytes[10] = source.bytes[11] = 0xff;
        memcpy(source.bytes + 12, from->ip, 4);
    } else {
        memcpy(source.bytes, from->ip, 16);
    }
    source.bytes[16] = (uint8_t)(from->port >> 8);
    source.bytes[17] = (uint8_t)from->port;
    source.bytes[18] = (uint8_t)(lane >> 8);
    source.bytes[19] = (uint8_t)lane;
    return source;
}

static unsigned source_to(struct ct_addr *out, const struct ct_hs_source *source)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *bytes = source->bytes;
    uint16_t port = (uint16_t)(bytes[16] << 8 | bytes[17]);
    *out = memcmp(bytes, mapped, sizeof mapped) == 0 ? ct_addr_ip4(bytes + 12, port)
                                                     : ct_addr_ip6(bytes, port);
    return (unsigned)bytes[18] << 8 | bytes[19];
}

static uint32_t answered_in(const struct ct_calls *calls, const uint8_t sid16[16], uint64_t now_ms)
{
    for (size_t i = 0; i < sizeof calls->answers / sizeof calls->answers[0]; i++) {
        const struct ct_calls_answer *answer = &calls->answers[i];
        if (answer->sent_ms != 0 && memcmp(answer->sid16, sid16, 16) == 0) {
            uint64_t rtt = now_ms - answer->sent_ms;
            return rtt == 0 ? 1 : (uint32_t)rtt;
        }
    }
    return 0;
}

/*
 * Two devices that call each other at once: the handshake with the lower sid is kept, by both. The
 * other side is authentic here, since its m4 has been checked. False: the new one goes.
 */
static bool is_kept(struct ct_calls *calls, const struct ct_hs_session *session, uint64_t now_ms,
                    struct ct_call *inherits)
{
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        struct ct_call *call = &calls->slots[i];
        if (call->session == NULL || !call->is_dialled ||
            strcmp(ct_session_identity(call->session), session->peer.identity) != 0 ||
            now_ms - ct_session_born_ms(call->session) > SIMULTANEOUS_MS) {
            continue;
        }
        if (ct_hs_sid_lower(ct_session_sid16(call->session), session->sid16)) {
            return false;
        }
        if (call->is_told) {
            ct_calls_drop(call, CT_ERR_REFUSED, "replaced by the call that the peer made at once",
                          false);
        } else {
            *inherits = *call; /* the application dialled, and is connected under this number */
            ct_calls_drop(call, CT_OK, "", true);
        }
    }
    return true;
}

static void open_session(struct ct_calls *calls, const struct ct_hs_result *result, uint64_t now_ms)
{
    struct ct_addr addr;
    struct ct_session_io io;
    struct ct_call inherits = {.id = CT_CALLS_NONE};
    unsigned lane = source_to(&addr, &result->source);

    if (!is_kept(calls, &result->session, now_ms, &inherits)) {
        return;
    }
    struct ct_call *old = ct_calls_at(calls, lane, &addr);
    if (old != NULL) {
        ct_calls_drop(old, CT_ERR_IO, "the peer called anew", false);
    }
    struct ct_call *call = ct_calls_claim(calls, &io, lane, &addr, inherits.id != CT_CALLS_NONE);
    if (call == NULL) {
        return;
    }
    if (inherits.id != CT_CALLS_NONE) {
        call->id = inherits.id;
        call->wants_streams = inherits.wants_streams;
        call->rang = true;
    }
    if (ct_session_answer(&call->session, calls->config.env, &io, &result->session,
                          answered_in(calls, result->session.sid16, now_ms), result->rest,
                          result->rest_len, now_ms) == CT_OK) {
        ct_calls_settle(call);
    }
}

static void look_up(struct ct_calls *calls, const struct ct_hs_claim *claim, bool is_fresh)
{
    struct ct_call_lookup lookup = {.call = CT_CALLS_NONE, .is_fresh = is_fresh};
    struct ct_call_event event = {.kind = CT_CALL_LOOKUP, .lookup = &lookup};
    memcpy(lookup.sid16, claim->sid16, sizeof lookup.sid16);
    memcpy(lookup.identity, claim->party.identity, sizeof lookup.identity);
    calls->config.event(calls->config.arg, &event);
}

static void send_result(struct ct_calls *calls, const struct ct_hs_result *result)
{
    struct ct_addr to;
    unsigned lane = source_to(&to, &result->source);
    (void)calls->config.send(calls->config.arg, lane, &to, result->bytes, result->len);
}

static void respond(struct ct_calls *calls, unsigned lane, const struct ct_addr *from,
                    const uint8_t *datagram, size_t len, uint64_t now_ms)
{
    struct ct_hs_result result = {.event = CT_HS_DROP};
    struct ct_hs_source source = source_of(lane, from);
    struct ct_call *call;

    if (ct_hs_responder_input(calls->responder, &result, &source, datagram, len, now_ms) != CT_OK) {
        return;
    }
    switch (result.event) {
    case CT_HS_SEND:
        send_result(calls, &result);
        break;
    case CT_HS_LOOKUP:
        look_up(calls, &result.claim, false);
        break;
    case CT_HS_SESSION:
        open_session(calls, &result, now_ms);
        break;
    case CT_HS_REPEAT:
        call = ct_calls_of_sid(calls, result.session.sid16);
        if (call != NULL && result.rest_len > 0) {
            ct_session_input(call->session, result.rest, result.rest_len, now_ms);
            ct_calls_settle(call);
        }
        break;
    case CT_HS_DROP:
        break;
    }
    ct_wipe(&result.session, sizeof result.session);
}

/* An unencrypted one: record type, epoch 0, and the message's type behind the record's header. */
static bool is_client_hello(const uint8_t *datagram, size_t len)
{
    return len > 13 && datagram[0] == DTLS_HANDSHAKE && datagram[3] == 0 && datagram[4] == 0 &&
           datagram[13] == DTLS_CLIENT_HELLO;
}

static void take(struct ct_calls *calls, unsigned lane, const struct ct_addr *from,
                 const uint8_t *datagram, size_t len, uint64_t now_ms)
{
    struct ct_call *call = ct_calls_at(calls, lane, from);
    if (datagram[0] == CT_HS_FIRST_BYTE) {
        if (len < 20) {
            return;
        }
        if (datagram[2] != 0 && datagram[2] != 2) { /* m1, m3: somebody calls us */
            respond(calls, lane, from, datagram, len, now_ms);
            return;
        }
        if (call == NULL || memcmp(ct_session_sid16(call->session), datagram + 4, 16) != 0) {
            return;
        }
    } else if (call == NULL || ct_session_state(call->session) < CT_SESSION_DTLS ||
               (ct_session_is_dialled(call->session) && is_client_hello(datagram, len))) {
        /* a ClientHello that has overtaken m4: held there */
        respond(calls, lane, from, datagram, len, now_ms);
        return;
    }
    ct_session_input(call->session, datagram, len, now_ms);
    ct_calls_settle(call);
}

void ct_calls_input(struct ct_calls *calls, unsigned lane, const struct ct_addr *from,
                    enum ct_path path, const uint8_t *datagram, size_t len, uint64_t now_ms)
{
    if (len == 0) {
        return;
    }
    calls->depth++;
    struct ct_call *call = ct_calls_at(calls, lane, from);
    if (call != NULL) {
        call->counts.in[path]++;
    }
    take(calls, lane, from, datagram, len, now_ms);
    if (call == NULL && (call = ct_calls_at(calls, lane, from)) != NULL) {
        call->counts.in[path]++; /* the m3 that made it one */
    }
    calls->depth--;
}

static void answer(struct ct_calls *calls, const struct ct_call_lookup *lookup,
                   const struct ct_hs_party *record, uint64_t now_ms)
{
    struct ct_hs_result result = {.event = CT_HS_DROP};
    struct ct_hs_responder_draw draw;

    if (record == NULL || calls->config.random(&draw, sizeof draw) != CT_OK) {
        ct_hs_responder_refuse(calls->responder, lookup->sid16);
        return;
    }
    ct_err err =
        ct_hs_responder_answer(calls->responder, &result, lookup->sid16, record, &draw, now_ms);
    ct_wipe(&draw, sizeof draw);
    if (err == CT_OK && result.event == CT_HS_SEND) {
        struct ct_calls_answer *sent = &calls->answers[calls->next_answer++ % 16];
        memcpy(sent->sid16, lookup->sid16, sizeof sent->sid16);
        sent->sent_ms = now_ms;
        send_result(calls, &result);
    } else if (err == CT_ERR_AGAIN && !lookup->is_fresh) {
        struct ct_hs_claim claim = {.purpose = CT_HS_CALL, .party = *record};
        memcpy(claim.sid16, lookup->sid16, sizeof claim.sid16);
        look_up(calls, &claim, true);
    } else if (err == CT_ERR_AGAIN) {
        ct_hs_responder_refuse(calls->responder, lookup->sid16);
    }
}

void ct_calls_record(struct ct_calls *calls, const struct ct_call_lookup *lookup,
                     const struct ct_hs_party *record, uint64_t now_ms)
{
    calls->depth++;
    if (lookup->call == CT_CALLS_NONE) {
        answer(calls, lookup, record, now_ms);
    } else {
        struct ct_call *call = ct_calls_find(calls, lookup->call);
        if (call != NULL) {
            ct_session_peer(call->session, record, now_ms);
            ct_calls_settle(call);
        }
    }
    calls->depth--;
}
