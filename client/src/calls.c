/* All calls of one device: which call a datagram belongs to, who may call, which of two is kept. */
#include "calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "calls_private.h"

#define IDLE_MS 900000u

ct_err ct_calls_new(struct ct_calls **out, const struct ct_calls_config *config)
{
    struct ct_hs_responder_config responder = {
        .net = config->net,
        .purposes = 1u << CT_HS_CALL,
        .identity = config->identity,
        .key = config->key,
        .capacity = (size_t)2 * CT_HS_HALF_OPEN_MAX,
    };
    struct ct_calls *calls = calloc(1, sizeof *calls);
    if (calls == NULL) {
        return CT_ERR_NOMEM;
    }
    calls->config = *config;
    calls->config.idle_ms = config->idle_ms != 0 ? config->idle_ms : IDLE_MS;
    memcpy(calls->identity, config->identity,
           strnlen(config->identity, sizeof calls->identity - 1));
    calls->config.identity = calls->identity;
    memcpy(responder.wallet20, config->wallet20, sizeof responder.wallet20);
    ct_err err = config->random(&responder.cookie_seed, sizeof responder.cookie_seed);
    if (err == CT_OK) {
        err = ct_hs_responder_new(&calls->responder, &responder);
    }
    ct_wipe(&responder.cookie_seed, sizeof responder.cookie_seed);
    if (err != CT_OK) {
        free(calls);
        return err;
    }
    *out = calls;
    return CT_OK;
}

void ct_calls_free(struct ct_calls *calls)
{
    if (calls == NULL) {
        return;
    }
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        if (calls->slots[i].session != NULL) {
            ct_session_close(calls->slots[i].session);
            ct_session_free(calls->slots[i].session);
        }
    }
    ct_hs_responder_free(calls->responder);
    ct_wipe(calls, sizeof *calls);
    free(calls);
}

/* ---- the table ---- */

struct ct_call *ct_calls_find(struct ct_calls *calls, unsigned id)
{
    for (size_t i = 0; i < CT_CALLS_MAX && id != CT_CALLS_NONE; i++) {
        if (calls->slots[i].session != NULL && calls->slots[i].id == id) {
            return &calls->slots[i];
        }
    }
    return NULL;
}

struct ct_call *ct_calls_at(struct ct_calls *calls, unsigned lane, const struct ct_addr *addr)
{
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        struct ct_call *call = &calls->slots[i];
        if (call->session != NULL && call->lane == lane && ct_addr_equal(&call->addr, addr)) {
            return call;
        }
    }
    return NULL;
}

struct ct_call *ct_calls_of_sid(struct ct_calls *calls, const uint8_t sid16[16])
{
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        struct ct_call *call = &calls->slots[i];
        if (call->session != NULL && memcmp(ct_session_sid16(call->session), sid16, 16) == 0) {
            return call;
        }
    }
    return NULL;
}

static void session_sends(void *arg, const uint8_t *datagram, size_t len)
{
    struct ct_call *call = arg;
    const struct ct_calls_config *config = &call->calls->config;
    call->counts.out[config->send(config->arg, call->lane, &call->addr, datagram, len)]++;
}

static void tell(struct ct_call *call, struct ct_call_event *event)
{
    event->call = call->id;
    event->lane = call->lane;
    event->addr = &call->addr;
    call->calls->config.event(call->calls->config.arg, event);
}

static void tell_open(struct ct_call *call)
{
    struct ct_call_event event = {
        .kind = CT_CALL_OPEN,
        .peer = ct_session_identity(call->session),
        .is_dialled = call->is_dialled,
        .streams = ct_session_has_streams(call->session),
        .rtt_ms = ct_session_rtt_ms(call->session),
    };
    call->is_told = true;
    tell(call, &event);
}

/* Of two calls that met, the one kept may be of another kind than the one that was dialled. */
static bool is_as_dialled(const struct ct_call *call)
{
    return !call->is_dialled || call->wants_streams == ct_session_has_streams(call->session);
}

static void tell_content(struct ct_call *call, struct ct_call_event *event)
{
    if (!is_as_dialled(call)) {
        return;
    }
    if (!call->is_told) { /* data right behind the last flight of the handshake */
        tell_open(call);
    }
    if (call->ending == CT_CALL_STAYS) {
        event->peer = ct_session_identity(call->session);
        tell(call, event);
    }
}

static void session_has_data(void *arg, const uint8_t *data, size_t len)
{
    struct ct_call *call = arg;
    struct ct_call_event event = {.kind = CT_CALL_DATA, .data = data, .len = len};
    tell_content(call, &event);
}

static void session_has_stream(void *arg, const struct ct_sctp_event *stream)
{
    struct ct_call *call = arg;
    struct ct_call_event event = {.kind = CT_CALL_STREAM, .stream = stream};
    tell_content(call, &event);
}

struct ct_call *ct_calls_claim(struct ct_calls *calls, struct ct_session_io *io, unsigned lane,
                               const struct ct_addr *addr, bool is_dialled)
{
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        struct ct_call *call = &calls->slots[i];
        if (call->session == NULL) {
            memset(call, 0, sizeof *call);
            call->calls = calls;
            call->id = ++calls->last_id == CT_CALLS_NONE ? ++calls->last_id : calls->last_id;
            call->lane = lane;
            call->addr = *addr;
            call->is_dialled = is_dialled;
            io->send = session_sends;
            io->data = session_has_data;
            io->stream = session_has_stream;
            io->arg = call;
            io->streams = calls->config.streams;
            return call;
        }
    }
    return NULL;
}

/* Frees the slot and tells why; silent for a call whose number another one has taken over. */
static void end(struct ct_call *call, ct_err err, const char *text, bool is_silent)
{
    struct ct_path_counts counts;
    struct ct_call_event event = {
        .kind = CT_CALL_CLOSED, .err = err, .text = text, .counts = &counts};
    struct ct_session *session = call->session;
    char peer[64];

    memcpy(peer, ct_session_identity(session), sizeof peer);
    event.peer = peer;
    event.is_dialled = call->is_dialled;
    ct_session_close(session);
    ct_session_free(session);
    call->session = NULL;
    counts = call->counts;
    if (!is_silent) {
        tell(call, &event);
    }
}

void ct_calls_drop(struct ct_call *call, ct_err err, const char *text, bool is_silent)
{
    end(call, err, text, is_silent);
}

static void ask_again(struct ct_call *call)
{
    struct ct_call_lookup lookup = {.call = call->id, .is_fresh = true};
    struct ct_call_event event = {.kind = CT_CALL_LOOKUP, .lookup = &lookup};
    memcpy(lookup.sid16, ct_session_sid16(call->session), sizeof lookup.sid16);
    memcpy(lookup.identity, ct_session_identity(call->session), sizeof lookup.identity);
    tell(call, &event);
}

void ct_calls_settle(struct ct_call *call)
{
    struct ct_why why = {.text = ""};
    enum ct_session_state state = ct_session_state(call->session);

    if (call->ending == CT_CALL_ENDS) {
        end(call, CT_OK, "", false);
        return;
    }
    if (state >= CT_SESSION_DTLS && state != CT_SESSION_CLOSED && call->is_dialled && !call->rang) {
        struct ct_call_event event = {.kind = CT_CALL_RINGS,
                                      .peer = ct_session_identity(call->session),
                                      .rtt_ms = ct_session_rtt_ms(call->session)};
        call->rang = true;
        tell(call, &event);
    }
    if (state == CT_SESSION_OPEN && !is_as_dialled(call)) {
        end(call, CT_ERR_REFUSED,
            "the other side called at the same time, for the other of datagrams and streams; dial "
            "again",
            false);
        return;
    }
    if (state == CT_SESSION_OPEN && !call->is_told) {
        tell_open(call);
    } else if (state == CT_SESSION_RECHECK && !call->is_asked) {
        call->is_asked = true;
        ask_again(call);
    } else if (state == CT_SESSION_CLOSED) {
        ct_err err = ct_session_failure(call->session, &why);
        end(call, err, why.text, false);
        return;
    }
    if (call->session != NULL && call->ending == CT_CALL_ENDS) {
        end(call, CT_OK, "", false); /* as the application said within an event */
    }
}

/* ---- what the owner does ---- */

ct_err ct_calls_dial(struct ct_calls *calls, unsigned *out, unsigned lane,
                     const struct ct_addr *addr, const struct ct_hs_party *peer, bool streams,
                     uint64_t now_ms)
{
    struct ct_session_io io;
    struct ct_hs_initiator_draw draw;
    struct ct_hs_initiator_config config = {
        .net = calls->config.net,
        .purpose = CT_HS_CALL,
        .identity = calls->identity,
        .wallet = calls->config.wallet,
        .key = calls->config.key,
        .peer = *peer,
    };
    if (ct_calls_at(calls, lane, addr) != NULL) {
        return CT_ERR_STATE;
    }
    struct ct_call *call = ct_calls_claim(calls, &io, lane, addr, true);
    if (call == NULL) {
        return CT_ERR_ROOM;
    }
    call->wants_streams = io.streams = streams;
    ct_err err = calls->config.random(&draw, sizeof draw);
    if (err == CT_OK) {
        err = ct_session_dial(&call->session, calls->config.env, &io, &config, &draw, now_ms);
    }
    ct_wipe(&draw, sizeof draw);
    if (err == CT_OK) {
        *out = call->id;
    }
    return err;
}

void ct_calls_tick(struct ct_calls *calls, uint64_t now_ms)
{
    calls->depth++;
    ct_hs_responder_expire(calls->responder, now_ms);
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        struct ct_call *call = &calls->slots[i];
        if (call->session == NULL) {
            continue;
        }
        ct_session_tick(call->session, now_ms);
        if (ct_session_state(call->session) == CT_SESSION_OPEN &&
            now_ms - ct_session_heard_ms(call->session) >= calls->config.idle_ms) {
            end(call, CT_ERR_TIMEOUT, "the call was idle for too long", false);
        } else {
            ct_calls_settle(call);
        }
    }
    calls->depth--;
}

uint64_t ct_calls_deadline(const struct ct_calls *calls, uint64_t now_ms)
{
    uint64_t deadline = UINT64_MAX;
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        const struct ct_call *call = &calls->slots[i];
        if (call->session == NULL) {
            continue;
        }
        uint64_t next =
            call->ending == CT_CALL_ENDS ? now_ms : ct_session_deadline(call->session, now_ms);
        if (ct_session_state(call->session) == CT_SESSION_OPEN) {
            uint64_t idle = ct_session_heard_ms(call->session) + calls->config.idle_ms;
            next = idle < next ? idle : next;
        }
        deadline = next < deadline ? next : deadline;
    }
    return deadline;
}

ct_err ct_calls_write(struct ct_calls *calls, unsigned id, const void *data, size_t len,
                      uint64_t now_ms)
{
    struct ct_call *call = ct_calls_find(calls, id);
    if (call == NULL || call->ending == CT_CALL_ENDS) {
        return CT_ERR_STATE;
    }
    return ct_session_write(call->session, data, len, now_ms);
}

void ct_calls_close(struct ct_calls *calls, unsigned id)
{
    struct ct_call *call = ct_calls_find(calls, id);
    if (call == NULL) {
        return;
    }
    call->ending = CT_CALL_ENDS;
    if (calls->depth == 0) {
        end(call, CT_OK, "", false);
    }
}

void ct_calls_lane_lost(struct ct_calls *calls, unsigned lane, ct_err err, const char *text)
{
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        if (calls->slots[i].session != NULL && calls->slots[i].lane == lane) {
            end(&calls->slots[i], err, text, false);
        }
    }
}

size_t ct_calls_count(const struct ct_calls *calls, unsigned lane)
{
    size_t count = 0;
    for (size_t i = 0; i < CT_CALLS_MAX; i++) {
        count += calls->slots[i].session != NULL && calls->slots[i].lane == lane;
    }
    return count;
}

bool ct_calls_paths(struct ct_calls *calls, unsigned id, struct ct_path_counts *out)
{
    const struct ct_call *call = ct_calls_find(calls, id);
    if (call != NULL) {
        *out = call->counts;
    }
    return call != NULL;
}
