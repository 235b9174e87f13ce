/* Connections once they are under way: lanes that moved, calls that opened, ended or have data. */
#include "client_private.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "conns.h"

/* The pass was refused: revoked, perhaps, or of a contract that the platform has left. Once,
 * another one is asked for, and the chain is looked at for it. */
static bool asks_again(struct ct_conn *conn, unsigned stun_error)
{
    if ((stun_error != 401 && stun_error != 441) || conn->asked_pass) {
        return false;
    }
    conn->asked_pass = true;
    conn->state = CT_CONN_RESOLVING;
    conn->lane = CT_LANES;
    return true;
}

void ct_conns_lane_moved(struct ct_client *c, unsigned lane, uint64_t now_ms)
{
    struct ct_why why = {.text = ""};
    if (lane == CT_LANE_HOME || c->lanes[lane].release_by_ms != 0) {
        return;
    }
    ct_err err = ct_lane_check(&c->lanes[lane], &why);
    if (err == CT_ERR_AGAIN) {
        return;
    }
    unsigned stun_error = ct_alloc_error_code(&c->lanes[lane].alloc);
    bool wants_pass = false;
    if (err != CT_OK) {
        ct_device_distrust_pass(c, stun_error);
    }
    for (size_t i = 0; i < CT_CONNS; i++) {
        struct ct_conn *conn = &c->conns[i];
        if (conn->lane != lane || conn->state != CT_CONN_ALLOCATING) {
            continue;
        }
        if (err == CT_OK) {
            ct_conn_tell_stage(c, conn, "allocate");
            ct_conn_call(c, conn, now_ms);
        } else if (err != CT_OK && asks_again(conn, stun_error)) {
            wants_pass = true;
        } else {
            ct_conn_end(c, conn, err == CT_ERR_STATE ? CT_ERR_IO : err, why.text);
        }
    }
    if (err != CT_OK && c->lanes[lane].is_open) {
        ct_calls_lane_lost(c->calls, lane, CT_ERR_TIMEOUT, why.text);
        ct_lane_close(&c->lanes[lane]);
    }
    if (wants_pass) {
        ct_device_want_pass(c);
    }
}

/* The machine of the allocation asks for longer than anybody waits for a call. */
static void give_up(struct ct_client *c, struct ct_conn *conn)
{
    char at[CT_ADDR_TEXT];
    char text[200];
    struct ct_lane *lane = &c->lanes[conn->lane];

    ct_addr_to_text(at, &lane->server);
    (void)snprintf(text, sizeof text,
                   "relay %u (%s): the relay does not answer; check that UDP to it is not blocked",
                   (unsigned)lane->relay, at);
    ct_lane_close(lane); /* first: there is nobody to give the allocation back to */
    ct_conn_end(c, conn, CT_ERR_TIMEOUT, text);
}

static void opened(struct ct_client *c, const struct ct_call_event *event)
{
    struct ct_conn *conn = ct_conn_of_call(c, event->call);
    uint64_t now = ct_mono_ms();
    if (conn == NULL) {
        conn = ct_conn_new(c, event->peer);
        if (conn == NULL) {
            ct_calls_close(c->calls, event->call);
            return;
        }
        conn->call = event->call;
    } else {
        unsigned old_lane = conn->lane;
        ct_conn_tell_stage(c, conn, "dtls");
        conn->lane = event->lane; /* another one when the peer's simultaneous call was kept */
        ct_conn_leave_lane(c, old_lane);
    }
    conn->state = CT_CONN_OPEN;
    conn->lane = event->lane;
    struct ct_client_event told = {.kind = CT_CLIENT_CONNECTED,
                                   .call = conn->id,
                                   .peer = conn->identity,
                                   .incoming = !conn->is_dialled,
                                   .streams = event->streams,
                                   .rtt_ms = event->rtt_ms};
    ct_client_tell(c, &told);
    /* data flows from now on: in a channel, exempt from the relay's limits for strangers */
    ct_lane_bind(&c->lanes[event->lane], event->addr, now);
}

static void closed(struct ct_client *c, struct ct_conn *conn, const struct ct_call_event *event)
{
    char text[400];
    bool is_unheard = event->err == CT_ERR_TIMEOUT && conn->state == CT_CONN_CALLING;
    (void)snprintf(text, sizeof text, "%s%s", event->text,
                   conn->options.no_allocation && is_unheard
                       ? "; without an allocation only a relay in mode open lets a call through"
                       : "");
    ct_conn_end(c, conn, event->err, text);
}

void ct_conns_call_event(struct ct_client *c, const struct ct_call_event *event)
{
    struct ct_conn *conn = ct_conn_of_call(c, event->call);
    if (event->kind == CT_CALL_OPEN) {
        opened(c, event);
    } else if (conn == NULL) {
        return;
    } else if (event->kind == CT_CALL_RINGS) {
        ct_conn_tell_stage(c, conn, "handshake");
    } else if (event->kind == CT_CALL_DATA) {
        struct ct_client_event told = {.kind = CT_CLIENT_DATA,
                                       .call = conn->id,
                                       .peer = conn->identity,
                                       .incoming = !conn->is_dialled,
                                       .data = event->data,
                                       .len = event->len};
        ct_client_tell(c, &told);
    } else if (event->kind == CT_CALL_STREAM) {
        ct_conns_stream_event(c, conn, event->stream);
    } else if (event->kind == CT_CALL_CLOSED) {
        if (conn->lane < CT_LANES && c->lanes[conn->lane].is_open) {
            ct_lane_forget(&c->lanes[conn->lane], event->addr);
        }
        conn->counts = *event->counts;
        closed(c, conn, event);
    }
}

void ct_conns_tick(struct ct_client *c, uint64_t now_ms)
{
    for (size_t i = 0; i < CT_CONNS; i++) {
        struct ct_conn *conn = &c->conns[i];
        if (conn->state == CT_CONN_CALLING && conn->is_cached && !conn->is_checked &&
            now_ms >= conn->check_at_ms) {
            conn->is_checked = true;
            ct_resolver_ask(c->resolver, conn->identity, true, false, conn->id, now_ms,
                            ct_wall_s());
        }
        if (conn->state == CT_CONN_ALLOCATING && now_ms >= conn->give_up_ms) {
            give_up(c, conn);
        }
    }
}

uint64_t ct_conns_deadline(const struct ct_client *c)
{
    uint64_t deadline = UINT64_MAX;
    for (size_t i = 0; i < CT_CONNS; i++) {
        const struct ct_conn *conn = &c->conns[i];
        if (conn->state == CT_CONN_CALLING && conn->is_cached && !conn->is_checked &&
            conn->check_at_ms < deadline) {
            deadline = conn->check_at_ms;
        }
        if (conn->state == CT_CONN_ALLOCATING && conn->give_up_ms < deadline) {
            deadline = conn->give_up_ms;
        }
    }
    return deadline;
}

/* ---- from outside ---- */

ct_err ct_client_send(struct ct_client *c, unsigned id, const void *data, size_t len)
{
    struct ct_conn *conn = ct_conns_find(c, id);
    if (len == 0 || len > CT_CLIENT_DATAGRAM_MAX) {
        return ct_client_fail(c, CT_ERR_ARG, "a datagram has 1 to %d bytes",
                              CT_CLIENT_DATAGRAM_MAX);
    }
    if (conn == NULL || conn->state != CT_CONN_OPEN ||
        ct_calls_write(c->calls, conn->call, data, len, ct_mono_ms()) != CT_OK) {
        return ct_client_fail(c, CT_ERR_STATE, "there is no such call, or it is not connected");
    }
    return CT_OK;
}

void ct_client_hang_up(struct ct_client *c, unsigned id)
{
    struct ct_conn *conn = ct_conns_find(c, id);
    if (conn == NULL) {
        return;
    }
    if (conn->state >= CT_CONN_CALLING) {
        ct_calls_finish(c->calls, conn->call, ct_mono_ms());
    } else {
        ct_conn_end(c, conn, CT_OK, "");
    }
}

void ct_conn_stats(struct ct_client_stats *out, const struct ct_path_counts *counts)
{
    *out = (struct ct_client_stats){
        .send_indications = counts->out[CT_PATH_INDICATION],
        .data_indications = counts->in[CT_PATH_INDICATION],
        .channel_data_out = counts->out[CT_PATH_CHANNEL],
        .channel_data_in = counts->in[CT_PATH_CHANNEL],
        .plain_out = counts->out[CT_PATH_PLAIN],
        .plain_in = counts->in[CT_PATH_PLAIN],
    };
}

ct_err ct_client_call_stats(struct ct_client *c, unsigned id, struct ct_client_stats *out)
{
    struct ct_path_counts counts = {{0}, {0}};
    struct ct_conn *conn = ct_conns_find(c, id);
    if (conn == NULL) {
        return ct_client_fail(c, CT_ERR_STATE, "there is no such call");
    }
    if (conn->state >= CT_CONN_CALLING) {
        (void)ct_calls_paths(c->calls, conn->call, &counts);
    }
    ct_conn_stats(out, &counts);
    return CT_OK;
}
