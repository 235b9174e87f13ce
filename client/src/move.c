/* dial --move: the home allocation goes to the callee's relay, the record follows, and the call is
 * made from there. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "conns.h"
#include "device.h"

/* One process holds the home: this one if it listens, and whoever has the lock otherwise. */
ct_err ct_move_check(struct ct_client *c)
{
    struct ct_device_machine *d = &c->device;
    struct ct_why why = {.text = ""};
    if (d->state == CT_DEVICE_UP) {
        return CT_OK;
    }
    if (d->state != CT_DEVICE_OFF) {
        return ct_client_fail(c, CT_ERR_STATE,
                              "the device is coming up or moving already; call again when it is "
                              "there");
    }
    if (d->lock >= 0 || access(c->home.dir, F_OK) != 0) {
        return CT_OK; /* a home that is none fails with its own sentence */
    }
    ct_err err = ct_home_lock(&c->home, &d->lock, &why);
    if (err == CT_ERR_STATE) {
        return ct_client_fail(c, err, "%s, or call without --move", why.text);
    }
    return err == CT_OK ? CT_OK : ct_client_fail(c, err, "%s", why.text);
}

static struct ct_lane *spare_lane(struct ct_client *c)
{
    for (size_t i = CT_LANE_HOME + 1; i < CT_LANES; i++) {
        if (!c->lanes[i].is_open) {
            return &c->lanes[i];
        }
    }
    return NULL;
}

/* The old allocation is given back beside the new one's Allocate. */
static ct_err leave(struct ct_client *c)
{
    struct ct_lane *home = &c->lanes[CT_LANE_HOME];
    struct ct_lane *spare = spare_lane(c);
    if (!home->is_open) {
        return CT_OK;
    }
    if (spare == NULL) {
        return CT_ERR_ROOM;
    }
    if (c->calls != NULL) {
        ct_calls_lane_lost(c->calls, CT_LANE_HOME, CT_ERR_IO, "the device moved to another relay");
    }
    *spare = *home;
    memset(home, 0, sizeof *home);
    home->fd = -1;
    ct_home_drop_lane(&c->home);
    ct_lane_release(spare, ct_mono_ms());
    return CT_OK;
}

/* What another process left at a relay that is not the one to move to. */
void ct_move_release_left(struct ct_client *c, const struct ct_relay *left)
{
    struct ct_lane_saved saved;
    struct ct_lane *spare = spare_lane(c);
    uint64_t now_ms = ct_mono_ms();
    if (left->index == 0 || spare == NULL || ct_home_load_lane(&c->home, &saved) != CT_OK ||
        saved.relay != left->index) {
        return;
    }
    ct_home_drop_lane(&c->home);
    if (ct_lane_open(spare, left, &c->pass, 0, 0, &saved, now_ms, NULL) == CT_OK) {
        ct_lane_release(spare, now_ms);
    }
}

void ct_move_start(struct ct_client *c, struct ct_conn *conn)
{
    struct ct_device_machine *d = &c->device;
    uint16_t relay = conn->found.relay.index;
    struct ct_lane *home = &c->lanes[CT_LANE_HOME];
    conn->state = CT_CONN_MOVING;
    if (d->state == CT_DEVICE_UP && home->is_open && home->relay == relay) {
        ct_move_ended(c, CT_OK, "");
        return;
    }
    if (d->state != CT_DEVICE_UP && d->state != CT_DEVICE_OFF) {
        ct_conn_end(c, conn, CT_ERR_STATE, "the device is coming up or moving already");
        return;
    }
    if (d->state == CT_DEVICE_OFF) {
        ct_err err = ct_move_check(c); /* a move that failed meanwhile has let go of the lock */
        if (err != CT_OK) {
            ct_conn_end(c, conn, err, c->error);
            return;
        }
        ct_device_reset(d, true); /* the home stays there for the next listener */
    } else if (leave(c) != CT_OK) {
        ct_conn_end(c, conn, CT_ERR_ROOM, "too many calls at one time to move");
        return;
    }
    d->is_announced = false;
    d->to_relay = relay;
    ct_device_prepare(c);
}

/* The home has come to its place, or has not: who waits for it goes on, or ends. */
void ct_move_ended(struct ct_client *c, ct_err err, const char *text)
{
    for (size_t i = 0; i < CT_CONNS; i++) {
        struct ct_conn *conn = &c->conns[i];
        if (conn->state != CT_CONN_MOVING) {
            continue;
        }
        if (err != CT_OK) {
            ct_conn_end(c, conn, err, text);
            continue;
        }
        conn->has_moved = true;
        conn->state = CT_CONN_RESOLVING;
        ct_conn_tell_stage(c, conn, "move");
        ct_conn_go_on(c, conn);
    }
}
