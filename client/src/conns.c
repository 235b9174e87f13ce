/* Connections that we make: record, pass, lane and call, one after the other. */
#include "client_private.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "conns.h"

#define CHECK_AFTER_MS 1000u   /* a cached record that gets no answer is read again then */
#define RELAY_WITHIN_MS 10000u /* for the answer to Allocate */

struct ct_conn *ct_conns_find(struct ct_client *c, unsigned id)
{
    for (size_t i = 0; i < CT_CONNS; i++) {
        if (c->conns[i].state != CT_CONN_FREE && c->conns[i].id == id) {
            return &c->conns[i];
        }
    }
    return NULL;
}

struct ct_conn *ct_conn_of_call(struct ct_client *c, unsigned call)
{
    for (size_t i = 0; i < CT_CONNS; i++) {
        if (c->conns[i].state >= CT_CONN_CALLING && c->conns[i].call == call) {
            return &c->conns[i];
        }
    }
    return NULL;
}

struct ct_conn *ct_conn_new(struct ct_client *c, const char *identity)
{
    for (size_t i = 0; i < CT_CONNS; i++) {
        struct ct_conn *conn = &c->conns[i];
        if (conn->state == CT_CONN_FREE) {
            memset(conn, 0, sizeof *conn);
            conn->id = ++c->last_conn == 0 ? ++c->last_conn : c->last_conn;
            conn->lane = CT_LANES;
            conn->stage_ns = ct_mono_ns();
            (void)snprintf(conn->identity, sizeof conn->identity, "%s", identity);
            return conn;
        }
    }
    return NULL;
}

void ct_conn_tell_stage(struct ct_client *c, struct ct_conn *conn, const char *stage)
{
    uint64_t now = ct_mono_ns();
    struct ct_client_event event = {.kind = CT_CLIENT_STAGE,
                                    .call = conn->id,
                                    .peer = conn->identity,
                                    .stage = stage,
                                    .ms = (double)(now - conn->stage_ns) / 1e6};
    conn->stage_ns = now;
    ct_client_tell(c, &event);
}

/* A guest lane that carries nothing any more goes back to its relay. */
void ct_conn_leave_lane(struct ct_client *c, unsigned lane)
{
    if (lane == CT_LANE_HOME || lane >= CT_LANES) {
        return;
    }
    for (size_t i = 0; i < CT_CONNS; i++) {
        if (c->conns[i].state != CT_CONN_FREE && c->conns[i].lane == lane) {
            return;
        }
    }
    ct_lane_release(&c->lanes[lane], ct_mono_ms());
}

void ct_conn_end(struct ct_client *c, struct ct_conn *conn, ct_err err, const char *text)
{
    char peer[64];
    char copy[400];
    struct ct_client_stats stats;
    struct ct_client_event event = {.kind = CT_CLIENT_CLOSED,
                                    .stats = &stats,
                                    .call = conn->id,
                                    .peer = peer,
                                    .incoming = !conn->is_dialled,
                                    .err = err,
                                    .text = copy};
    unsigned lane = conn->lane;
    ct_conn_stats(&stats, &conn->counts);
    memcpy(peer, conn->identity, sizeof peer);
    (void)snprintf(copy, sizeof copy, "%s", text);
    if (err != CT_OK) {
        (void)ct_client_fail(c, err, "%s", copy);
    }
    conn->state = CT_CONN_FREE;
    ct_conn_leave_lane(c, lane);
    ct_client_tell(c, &event);
}

/* ---- dialling ---- */

void ct_conn_call(struct ct_client *c, struct ct_conn *conn, uint64_t now_ms)
{
    struct ct_hs_party party;
    struct ct_addr to = ct_lane_relayed(&conn->found.relay, conn->found.device.port);

    memset(&party, 0, sizeof party);
    memcpy(party.identity, conn->identity, sizeof party.identity);
    memcpy(party.wallet20, conn->found.device.wallet20, sizeof party.wallet20);
    memcpy(party.key32, conn->found.device.key32, sizeof party.key32);
    conn->state = CT_CONN_CALLING;
    conn->check_at_ms = now_ms + CHECK_AFTER_MS;
    ct_err err = ct_calls_dial(c->calls, &conn->call, conn->lane, &to, &party,
                               conn->options.streams, now_ms);
    if (err == CT_ERR_ARG) {
        ct_conn_end(c, conn, err, "a device cannot call itself");
    } else if (err == CT_ERR_STATE) {
        ct_conn_end(c, conn, err, "there is a call with this device already");
    } else if (err != CT_OK) {
        ct_conn_end(c, conn, err, "the call could not be started: too many calls, or no memory");
    }
}

/* The lane to the callee's relay: the home lane when it is there, else a guest allocation. */
static void allocate(struct ct_client *c, struct ct_conn *conn)
{
    struct ct_why why = {.text = ""};
    uint64_t now = ct_mono_ms();
    struct ct_lane *home = &c->lanes[CT_LANE_HOME];
    bool is_plain = conn->options.no_allocation;

    if (!is_plain && home->is_open && home->relay == conn->found.relay.index &&
        ct_alloc_state(&home->alloc) == CT_ALLOC_READY &&
        ct_calls_count(c->calls, CT_LANE_HOME) < CT_ALLOC_PEERS) {
        conn->lane = CT_LANE_HOME;
        ct_conn_tell_stage(c, conn, "allocate");
        ct_conn_call(c, conn, now);
        return;
    }
    for (unsigned i = CT_LANE_HOME + 1; i < CT_LANES; i++) {
        if (c->lanes[i].is_open) {
            continue;
        }
        conn->lane = i;
        conn->state = CT_CONN_ALLOCATING;
        conn->give_up_ms = now + RELAY_WITHIN_MS;
        ct_err err = is_plain ? ct_lane_open_plain(&c->lanes[i], &conn->found.relay,
                                                   conn->found.device.port, &why)
                              : ct_lane_open(&c->lanes[i], &conn->found.relay, &c->pass, 0, 0, NULL,
                                             now, &why);
        if (err != CT_OK) {
            conn->lane = CT_LANES;
            ct_conn_end(c, conn, err, why.text);
        } else if (is_plain) { /* nobody has to be asked */
            ct_conn_tell_stage(c, conn, "allocate");
            ct_conn_call(c, conn, now);
        }
        return;
    }
    ct_conn_end(c, conn, CT_ERR_ROOM, "too many calls at one time");
}

void ct_conn_go_on(struct ct_client *c, struct ct_conn *conn)
{
    bool is_ready = (c->has_pass || conn->options.no_allocation) && c->calls != NULL;
    if (conn->state != CT_CONN_RESOLVING || !conn->has_found || !is_ready) {
        return;
    }
    if (conn->options.move && !conn->has_moved) {
        ct_move_start(c, conn);
    } else {
        allocate(c, conn);
    }
}

static void tell_proof(struct ct_client *c, const struct ct_conn *conn)
{
    struct ct_client_event event = {.kind = CT_CLIENT_PROOF,
                                    .call = conn->id,
                                    .peer = conn->identity,
                                    .cached = conn->is_cached,
                                    .k = conn->found.k,
                                    .n = conn->found.n,
                                    .block = conn->found.block};
    ct_client_tell(c, &event);
}

/* The record read again, since the cached one gets no answer: another place means another try. */
static void rechecked(struct ct_client *c, struct ct_conn *conn, const struct ct_found *found,
                      ct_err err, const char *why)
{
    if (conn->state != CT_CONN_CALLING && conn->state != CT_CONN_ALLOCATING) {
        return;
    }
    if (err == CT_ERR_NOT_FOUND || err == CT_ERR_NOT_APPROVED || err == CT_ERR_AUTH) {
        unsigned old = conn->call;
        conn->call = CT_CALLS_NONE;
        ct_calls_close(c->calls, old);
        ct_conn_end(c, conn, err, why);
        return;
    }
    if (found == NULL || (found->device.port == conn->found.device.port &&
                          found->device.relay == conn->found.device.relay &&
                          memcmp(found->device.key32, conn->found.device.key32, 32) == 0)) {
        return; /* the call goes on until it is answered or given up */
    }
    unsigned old_call = conn->call;
    unsigned old_lane = conn->lane;
    bool is_same_relay = found->relay.index == conn->found.relay.index;
    conn->found = *found;
    conn->call = CT_CALLS_NONE;
    ct_calls_close(c->calls, old_call);
    if (is_same_relay && conn->state == CT_CONN_CALLING) {
        ct_conn_call(c, conn, ct_mono_ms());
        return;
    }
    conn->state = CT_CONN_RESOLVING;
    conn->lane = CT_LANES;
    ct_conn_leave_lane(c, old_lane);
    ct_conn_go_on(c, conn);
}

void ct_conns_resolved(struct ct_client *c, struct ct_conn *conn, const struct ct_found *found,
                       bool is_cached, ct_err err, const char *why)
{
    if (conn->is_checked) {
        rechecked(c, conn, found, err, why);
        return;
    }
    if (found == NULL) {
        ct_conn_end(c, conn, err, why);
        return;
    }
    conn->found = *found;
    conn->has_found = true;
    conn->is_cached = is_cached;
    tell_proof(c, conn);
    ct_conn_tell_stage(c, conn, "resolve");
    if (found->relay.index == 0) {
        char text[200];
        (void)snprintf(text, sizeof text,
                       "%s cannot be called: it has no relay, or its relay is not approved any "
                       "more",
                       conn->identity);
        ct_conn_end(c, conn, CT_ERR_IO, text);
        return;
    }
    ct_conn_go_on(c, conn);
}

void ct_conns_pass(struct ct_client *c, ct_err err, const char *why)
{
    for (size_t i = 0; i < CT_CONNS; i++) {
        struct ct_conn *conn = &c->conns[i];
        if (conn->state == CT_CONN_RESOLVING && err != CT_OK &&
            ((!c->has_pass && !conn->options.no_allocation) || c->calls == NULL)) {
            /* no pass, or no keys to call with */
            ct_conn_end(c, conn, err, why);
        } else if (conn->state == CT_CONN_RESOLVING) {
            conn->stage_ns = ct_mono_ns(); /* waiting for a pass is none of the stages */
            ct_conn_go_on(c, conn);
        }
    }
}

static ct_err check_options(struct ct_client *c, const struct ct_client_dial_options *options)
{
    if (options->move && options->no_allocation) {
        return ct_client_fail(c, CT_ERR_ARG,
                              "a call without an allocation has none that could move");
    }
    return options->move ? ct_move_check(c) : CT_OK;
}

ct_err ct_client_dial(struct ct_client *c, const char *identity, unsigned *out)
{
    return ct_client_dial_with(c, identity, NULL, out);
}

ct_err ct_client_dial_with(struct ct_client *c, const char *identity,
                           const struct ct_client_dial_options *options, unsigned *out)
{
    static const struct ct_client_dial_options none;
    const struct ct_client_dial_options *wanted = options != NULL ? options : &none;
    if (!ct_identity_valid(identity)) {
        return ct_client_fail(c, CT_ERR_ARG,
                              "\"%s\" can be no device's name: 1 to 63 characters out of A-Z a-z "
                              "0-9 . _ : @ -",
                              identity);
    }
    ct_err err = check_options(c, wanted);
    if (err != CT_OK) {
        return err;
    }
    struct ct_conn *conn = ct_conn_new(c, identity);
    if (conn == NULL) {
        return ct_client_fail(c, CT_ERR_ROOM, "too many calls at one time");
    }
    conn->state = CT_CONN_RESOLVING;
    conn->is_dialled = true;
    conn->options = *wanted;
    struct ct_client_event event = {
        .kind = CT_CLIENT_DIALLING,
        .call = conn->id,
        .peer = conn->identity,
        .cached = ct_resolver_cached(c->resolver, identity, ct_wall_s()) != NULL};
    *out = conn->id;
    ct_client_tell(c, &event);
    if ((!c->has_pass && !wanted->no_allocation) || !c->has_keys) {
        ct_device_want_pass(c);
    }
    /* a move is written to the chain: not for a record that may be stale */
    ct_resolver_ask(c->resolver, identity, wanted->move, false, conn->id, ct_mono_ms(),
                    ct_wall_s());
    return CT_OK;
}
