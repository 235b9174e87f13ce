/* The device's own place: pass, relay, home allocation and record, brought up and kept. */
#include "client_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "device.h"

#define BACKOFF_MAX_MS 60000u
#define PASS_CHECK_MS 60000u
#define REFRESH_S 60u /* a relay that restarted is noticed by then */

static void tell(struct ct_client *c, enum ct_client_event_kind kind, ct_err err, const char *text)
{
    struct ct_client_event event = {.kind = kind, .err = err, .text = text};
    ct_client_tell(c, &event);
}

void ct_device_tell_place(struct ct_client *c, enum ct_client_event_kind kind,
                          const struct ct_addr *relayed, uint16_t relay)
{
    char text[CT_ADDR_TEXT];
    struct ct_client_event event = {.kind = kind,
                                    .relay = relay,
                                    .relayed = text,
                                    .peer = c->identity,
                                    .road = c->device.is_funded ? "funded" : "sponsored",
                                    .block = c->device.block};
    ct_addr_to_text(text, relayed);
    ct_client_tell(c, &event);
}

static void close_home(struct ct_client *c, const char *text)
{
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];
    if (lane->is_open) {
        if (c->calls != NULL) {
            ct_calls_lane_lost(c->calls, CT_LANE_HOME, CT_ERR_TIMEOUT, text);
        }
        ct_lane_close(lane);
    }
}

/* A job that signs and writes works for HOME as well, and lets go of it when it is over. */
void ct_device_unlock(struct ct_device_machine *d)
{
    if (d->lock >= 0 && !d->is_checking) {
        (void)close(d->lock);
        d->lock = -1;
    }
}

void ct_device_reset(struct ct_device_machine *d, bool is_once)
{
    const int lock = d->lock;
    const bool is_checking = d->is_checking;
    memset(d, 0, sizeof *d);
    d->lock = lock;
    d->is_checking = is_checking;
    d->is_once = is_once;
    d->backoff_ms = CT_DEVICE_BACKOFF_MIN_MS;
}

/* Ends it, or waits and tries again: a device that has been up stays at it. */
void ct_device_failed(struct ct_client *c, ct_err err, const char *text)
{
    struct ct_device_machine *d = &c->device;
    char copy[400];
    (void)snprintf(copy, sizeof copy, "%s", text);
    close_home(c, copy);
    (void)ct_client_fail(c, err, "%s", copy);
    d->to_relay = 0;                         /* wherever it can be, next time */
    if (!d->was_up || err == CT_ERR_MOVED) { /* there, this client is none any more */
        d->state = CT_DEVICE_OFF;
        ct_device_unlock(d);
        ct_move_ended(c, err, copy);
        tell(c, CT_CLIENT_FAILED, err, c->error);
        return;
    }
    d->state = CT_DEVICE_WAITING;
    d->retry_ms = ct_mono_ms() + d->backoff_ms;
    d->backoff_ms = d->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : d->backoff_ms * 2;
    d->is_announced = false;
    ct_move_ended(c, err, copy);
    tell(c, CT_CLIENT_DOWN, err, c->error);
}

/* ---- the allocation ---- */

void ct_device_allocate(struct ct_client *c)
{
    struct ct_device_machine *d = &c->device;
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];
    struct ct_lane_saved saved;
    struct ct_why why = {.text = ""};
    uint64_t now = ct_mono_ms();
    uint32_t rtt_ms = d->relay_rtt_us / 1000 + 1;
    uint32_t refresh_s = c->config.refresh_s != 0 ? c->config.refresh_s : REFRESH_S;

    d->state = CT_DEVICE_ALLOCATING;
    d->resumes = ct_home_load_lane(&c->home, &saved) == CT_OK && saved.relay == d->relay.index;
    ct_home_drop_lane(&c->home); /* taken, or of no use */
    if (d->resumes &&
        ct_lane_open(lane, &d->relay, &c->pass, rtt_ms, refresh_s, &saved, now, NULL) == CT_OK) {
        return;
    }
    d->resumes = false;
    ct_err err = ct_lane_open(lane, &d->relay, &c->pass, rtt_ms, refresh_s, NULL, now, &why);
    if (err != CT_OK) {
        ct_device_failed(c, err, why.text);
    }
}

static void allocating(struct ct_client *c)
{
    struct ct_device_machine *d = &c->device;
    struct ct_why why = {.text = ""};
    ct_err err = ct_lane_check(&c->lanes[CT_LANE_HOME], &why);
    if (err == CT_ERR_AGAIN) {
        return;
    }
    if (err == CT_OK) {
        struct ct_lane_saved saved;
        if (ct_lane_save(&c->lanes[CT_LANE_HOME], &saved) == CT_OK) {
            ct_home_save_lane(&c->home, &saved); /* whoever is killed from here on finds it again */
        }
        d->state = CT_DEVICE_REGISTERING;
        ct_device_register(c);
    } else if (d->resumes) {
        ct_lane_close(&c->lanes[CT_LANE_HOME]); /* what was left is gone: a new one */
        ct_device_allocate(c);
    } else {
        ct_device_distrust_pass(c, ct_alloc_error_code(&c->lanes[CT_LANE_HOME].alloc));
        ct_device_failed(c, err, why.text);
    }
}

void ct_device_lane_moved(struct ct_client *c, uint64_t now_ms)
{
    struct ct_device_machine *d = &c->device;
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];
    struct ct_why why = {.text = ""};
    (void)now_ms;
    if (!lane->is_open || lane->release_by_ms != 0) {
        return;
    }
    if (d->state == CT_DEVICE_ALLOCATING) {
        allocating(c);
        return;
    }
    ct_err err = ct_lane_check(lane, &why);
    if (err == CT_OK || err == CT_ERR_AGAIN) {
        return;
    }
    if (err == CT_ERR_STATE) { /* the relay restarted, or a NAT moved us: again, at once */
        d->is_announced = false;
        close_home(c, why.text);
        tell(c, CT_CLIENT_DOWN, err, why.text);
        ct_device_allocate(c);
    } else {
        ct_device_distrust_pass(c, ct_alloc_error_code(&lane->alloc));
        ct_device_failed(c, err, why.text);
    }
}

/* ---- from outside ---- */

ct_err ct_device_start(struct ct_client *c, const struct ct_client_enrol *enrol, bool is_once)
{
    struct ct_device_machine *d = &c->device;
    struct ct_why why = {.text = ""};
    if (d->state != CT_DEVICE_OFF) {
        return ct_client_fail(c, CT_ERR_STATE, "this client is up or coming up already");
    }
    ct_device_unlock(d);
    ct_device_reset(d, is_once);
    if (enrol != NULL && enrol->identity != NULL) {
        if (!ct_identity_valid(enrol->identity)) {
            return ct_client_fail(c, CT_ERR_ARG,
                                  "\"%s\" can be no device's name: 1 to 63 characters out of A-Z "
                                  "a-z 0-9 . _ : @ -",
                                  enrol->identity);
        }
        (void)snprintf(d->identity, sizeof d->identity, "%s", enrol->identity);
    }
    d->names_road = enrol != NULL && enrol->road != CT_CLIENT_ROAD_KEPT;
    d->is_funded = d->names_road && enrol->road == CT_CLIENT_ROAD_FUNDED;
    if (enrol != NULL && enrol->token != NULL) {
        if (strlen(enrol->token) >= sizeof d->token) {
            return ct_client_fail(c, CT_ERR_AUTH, "the token is too long to be one");
        }
        (void)snprintf(d->token, sizeof d->token, "%s", enrol->token);
    }
    ct_err err = ct_home_make(&c->home, &why); /* for the lock: keys are not made twice */
    if (err == CT_OK && d->lock < 0) {
        err = ct_home_lock(&c->home, &d->lock, &why);
    }
    if (err != CT_OK) {
        return ct_client_fail(c, err, "%s", why.text);
    }
    ct_device_prepare(c);
    return CT_OK;
}

void ct_device_tick(struct ct_client *c, uint64_t now_ms)
{
    struct ct_device_machine *d = &c->device;
    if (d->state == CT_DEVICE_WAITING && now_ms >= d->retry_ms) {
        ct_device_prepare(c);
    }
    if (d->state != CT_DEVICE_UP || d->is_once) {
        return;
    }
    if (now_ms >= d->pass_check_ms) {
        d->pass_check_ms = now_ms + PASS_CHECK_MS;
        if (!ct_pass_is_good(&c->pass, c->bundle.deployment32, ct_wall_s())) {
            ct_device_want_pass(c);
        }
    }
    if (now_ms >= d->record_check_ms && !d->is_checking) {
        d->record_check_ms = now_ms + CT_DEVICE_RECORD_CHECK_MS;
        ct_device_register(c);
    }
    struct ct_lane_saved saved;
    if (now_ms >= d->save_ms) {
        d->save_ms = now_ms + CT_DEVICE_SAVE_MS;
        if (ct_lane_save(&c->lanes[CT_LANE_HOME], &saved) == CT_OK) {
            ct_home_save_lane(&c->home, &saved);
        }
    }
}

uint64_t ct_device_deadline(const struct ct_client *c)
{
    const struct ct_device_machine *d = &c->device;
    if (d->state == CT_DEVICE_WAITING) {
        return d->retry_ms;
    }
    if (d->state != CT_DEVICE_UP || d->is_once) {
        return UINT64_MAX;
    }
    uint64_t next = d->pass_check_ms < d->record_check_ms ? d->pass_check_ms : d->record_check_ms;
    return d->save_ms < next ? d->save_ms : next;
}

void ct_device_stop(struct ct_client *c, uint64_t now_ms)
{
    struct ct_device_machine *d = &c->device;
    if (d->is_once && d->state == CT_DEVICE_UP) {
        struct ct_lane_saved saved;
        if (ct_lane_save(&c->lanes[CT_LANE_HOME], &saved) == CT_OK) {
            ct_home_save_lane(&c->home, &saved); /* it may have lived for long */
        }
        ct_lane_close(&c->lanes[CT_LANE_HOME]); /* stays at the relay, for a listener */
    } else if (c->lanes[CT_LANE_HOME].is_open) {
        ct_home_drop_lane(&c->home);
        ct_lane_release(&c->lanes[CT_LANE_HOME], now_ms);
    }
    d->state = CT_DEVICE_OFF; /* the lock goes with the worker: its jobs may be for HOME */
    ct_wipe(d->token, sizeof d->token);
}
