/* The device's own place: pass, relay, home allocation and record, brought up and kept. */
#include "client_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"

#define BACKOFF_MIN_MS 2000u
#define BACKOFF_MAX_MS 60000u
#define PASS_CHECK_MS 60000u
#define RECORD_CHECK_MS 3600000u
#define REFRESH_S 60u   /* a relay that restarted is noticed by then */
#define SAVE_MS 120000u /* how often allocation.json follows the allocation's life */

static void prepare(struct ct_client *c);

static void tell(struct ct_client *c, enum ct_client_event_kind kind, ct_err err, const char *text)
{
    struct ct_client_event event = {.kind = kind, .err = err, .text = text};
    ct_client_tell(c, &event);
}

static void tell_place(struct ct_client *c, enum ct_client_event_kind kind,
                       const struct ct_addr *relayed, uint16_t relay)
{
    char text[CT_ADDR_TEXT];
    struct ct_client_event event = {.kind = kind,
                                    .relay = relay,
                                    .relayed = text,
                                    .peer = c->identity,
                                    .block = c->device.block};
    ct_addr_to_text(text, relayed);
    ct_client_tell(c, &event);
}

static void close_home(struct ct_client *c, const char *text)
{
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];
    if (lane->is_open) {
        if (c->calls != NULL) {
            ct_calls_lane_lost(c->calls, CT_LANE_HOME, CT_ERR_IO, text);
        }
        ct_lane_close(lane);
    }
}

/* Ends it, or waits and tries again: a device that has been up stays at it. */
static void failed(struct ct_client *c, ct_err err, const char *text)
{
    struct ct_device_machine *d = &c->device;
    char copy[400];
    (void)snprintf(copy, sizeof copy, "%s", text);
    close_home(c, copy);
    (void)ct_client_fail(c, err, "%s", copy);
    if (!d->was_up) {
        d->state = CT_DEVICE_OFF;
        tell(c, CT_CLIENT_FAILED, err, c->error);
        return;
    }
    d->state = CT_DEVICE_WAITING;
    d->retry_ms = ct_mono_ms() + d->backoff_ms;
    d->backoff_ms = d->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : d->backoff_ms * 2;
    d->is_announced = false;
    tell(c, CT_CLIENT_DOWN, err, c->error);
}

/* ---- the record ---- */

static void announce(struct ct_client *c)
{
    struct ct_device_machine *d = &c->device;
    struct ct_lane_saved saved;
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];

    d->state = CT_DEVICE_UP;
    d->was_up = true;
    d->backoff_ms = BACKOFF_MIN_MS;
    if (ct_lane_save(lane, &saved) == CT_OK) {
        ct_home_save_lane(&c->home, &saved);
    }
    d->save_ms = ct_mono_ms() + SAVE_MS;
    if (!d->is_announced) {
        d->is_announced = true;
        tell_place(c, CT_CLIENT_LISTENING, ct_alloc_relayed(&lane->alloc), lane->relay);
    }
}

static void registered(struct ct_job *job, void *owner)
{
    struct ct_client *c = owner;
    struct ct_register *r = (struct ct_register *)job;
    struct ct_device_machine *d = &c->device;
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];
    bool is_current = lane->is_open && ct_alloc_state(&lane->alloc) == CT_ALLOC_READY &&
                      ct_alloc_relayed(&lane->alloc)->port == r->port;

    d->is_checking = false;
    d->record_check_ms = ct_mono_ms() + RECORD_CHECK_MS;
    if (d->state == CT_DEVICE_REGISTERING && job->err != CT_OK) {
        failed(c, job->err, job->why.text);
    } else if (d->state == CT_DEVICE_UP && job->err != CT_OK) {
        ct_log(&c->log, CT_LOG_WARN, "record_check_failed text=\"%s\"", job->why.text);
    } else if (is_current && job->err == CT_OK) {
        d->block = r->block;
        ct_wipe(d->token, sizeof d->token); /* used: the record is ours */
        if (r->was_written) {
            tell_place(c, CT_CLIENT_REGISTERED, ct_alloc_relayed(&lane->alloc), lane->relay);
        }
        if (d->state == CT_DEVICE_REGISTERING) {
            announce(c);
        }
    }
    ct_wipe(r->token, sizeof r->token);
    free(job);
}

static void register_place(struct ct_client *c)
{
    struct ct_device_machine *d = &c->device;
    struct ct_register *r;
    if (d->is_checking) {
        return; /* the tick comes back to it */
    }
    r = calloc(1, sizeof *r);
    if (r == NULL) {
        failed(c, CT_ERR_NOMEM, "out of memory");
        return;
    }
    r->job.run = ct_register_run;
    r->job.done = registered;
    r->relay = c->lanes[CT_LANE_HOME].relay;
    r->port = ct_alloc_relayed(&c->lanes[CT_LANE_HOME].alloc)->port;
    memcpy(r->token, d->token, sizeof r->token);
    d->is_checking = true;
    if (ct_worker_submit(c->worker, &r->job) != CT_OK) {
        d->is_checking = false;
        free(r);
        failed(c, CT_ERR_SYSTEM, "this host gives no thread");
    }
}

/* ---- the allocation ---- */

static void allocate(struct ct_client *c)
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
        failed(c, err, why.text);
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
        d->state = CT_DEVICE_REGISTERING;
        register_place(c);
    } else if (d->resumes) {
        ct_lane_close(&c->lanes[CT_LANE_HOME]); /* what was left is gone: a new one */
        allocate(c);
    } else {
        ct_device_distrust_pass(c, ct_alloc_error_code(&c->lanes[CT_LANE_HOME].alloc));
        failed(c, err, why.text);
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
        allocate(c);
    } else {
        ct_device_distrust_pass(c, ct_alloc_error_code(&lane->alloc));
        failed(c, err, why.text);
    }
}

/* ---- preparation and the pass ---- */

static void take_pass(struct ct_client *c, const struct ct_prepare *p)
{
    uint64_t now = ct_mono_ms();
    bool is_new = !c->has_pass || memcmp(c->pass.pass175, p->pass.pass175, CT_PASS_LEN) != 0;
    c->pass = p->pass;
    c->has_pass = true;
    for (size_t i = 0; i < CT_LANES && is_new; i++) {
        if (c->lanes[i].is_open && c->lanes[i].release_by_ms == 0) {
            (void)!ct_lane_renew(&c->lanes[i], &c->pass, now);
        }
    }
}

/* A record that stands and names an approved relay is good enough for a process that ends. */
static bool is_up_already(const struct ct_client *c)
{
    const struct ct_device_machine *d = &c->device;
    return d->is_once && d->is_registered && d->record.relay == d->relay.index;
}

static void prepared(struct ct_job *job, void *owner)
{
    struct ct_client *c = owner;
    struct ct_prepare *p = (struct ct_prepare *)job;
    struct ct_device_machine *d = &c->device;
    ct_err err = job->err;

    if (err == CT_OK) {
        err = ct_client_take_keys(c, p->identity, &p->wallet, &p->key);
    }
    if (err == CT_OK) {
        take_pass(c, p);
    }
    if (p->only_pass) {
        c->is_passing = false;
        d->is_renewing = false;
        ct_conns_pass(c, err, job->why.text);
    } else if (err != CT_OK) {
        failed(c, err, job->why.text);
    } else if (d->state == CT_DEVICE_PREPARING) {
        d->relay = p->relay;
        d->relay_rtt_us = p->relay_rtt_us;
        d->is_registered = p->is_registered;
        d->record = p->device;
        d->block = p->block;
        if (is_up_already(c)) {
            struct ct_addr relayed = ct_lane_relayed(&d->relay, d->record.port);
            d->state = CT_DEVICE_OFF;
            tell_place(c, CT_CLIENT_LISTENING, &relayed, d->record.relay);
        } else {
            allocate(c);
        }
    }
    ct_wipe(p, sizeof *p);
    free(p);
}

static struct ct_prepare *submit_prepare(struct ct_client *c, bool only_pass)
{
    struct ct_prepare *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->job.run = ct_prepare_run;
    p->job.done = prepared;
    p->only_pass = only_pass;
    memcpy(p->identity, c->device.identity, sizeof p->identity);
    memcpy(p->token, c->device.token, sizeof p->token);
    if (ct_worker_submit(c->worker, &p->job) != CT_OK) {
        free(p);
        return NULL;
    }
    return p;
}

static void prepare(struct ct_client *c)
{
    c->device.state = CT_DEVICE_PREPARING;
    if (submit_prepare(c, false) == NULL) {
        failed(c, CT_ERR_SYSTEM, "this host gives no thread or memory");
    }
}

void ct_device_want_pass(struct ct_client *c)
{
    if (c->is_passing) {
        return;
    }
    c->is_passing = true;
    if (submit_prepare(c, true) == NULL) {
        c->is_passing = false;
        ct_conns_pass(c, CT_ERR_SYSTEM, "this host gives no thread or memory");
    }
}

void ct_device_distrust_pass(struct ct_client *c, unsigned stun_error)
{
    if (stun_error == 401 || stun_error == 441) {
        ct_home_drop_pass(&c->home);
        c->has_pass = false;
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
    memset(d, 0, sizeof *d);
    d->lock = -1;
    d->is_once = is_once;
    d->backoff_ms = BACKOFF_MIN_MS;
    if (enrol != NULL && enrol->identity != NULL) {
        if (!ct_identity_valid(enrol->identity)) {
            return ct_client_fail(c, CT_ERR_ARG,
                                  "\"%s\" can be no device's name: 1 to 63 characters out of A-Z "
                                  "a-z 0-9 . _ : @ -",
                                  enrol->identity);
        }
        (void)snprintf(d->identity, sizeof d->identity, "%s", enrol->identity);
    }
    if (enrol != NULL && enrol->token != NULL) {
        if (strlen(enrol->token) >= sizeof d->token) {
            return ct_client_fail(c, CT_ERR_AUTH, "the token is too long to be one");
        }
        (void)snprintf(d->token, sizeof d->token, "%s", enrol->token);
    }
    if (!is_once) {
        ct_err err = ct_home_lock(&c->home, &d->lock, &why);
        if (err != CT_OK && access(c->home.dir, F_OK) == 0) {
            return ct_client_fail(c, err, "%s", why.text);
        }
    }
    prepare(c);
    return CT_OK;
}

void ct_device_tick(struct ct_client *c, uint64_t now_ms)
{
    struct ct_device_machine *d = &c->device;
    if (d->state == CT_DEVICE_WAITING && now_ms >= d->retry_ms) {
        prepare(c);
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
        d->record_check_ms = now_ms + RECORD_CHECK_MS;
        register_place(c);
    }
    struct ct_lane_saved saved;
    if (now_ms >= d->save_ms) {
        d->save_ms = now_ms + SAVE_MS;
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
        ct_lane_close(&c->lanes[CT_LANE_HOME]); /* stays at the relay, for a listener */
    } else if (c->lanes[CT_LANE_HOME].is_open) {
        ct_home_drop_lane(&c->home);
        ct_lane_release(&c->lanes[CT_LANE_HOME], now_ms);
    }
    if (d->lock >= 0) {
        (void)close(d->lock);
        d->lock = -1;
    }
    d->state = CT_DEVICE_OFF;
    ct_wipe(d->token, sizeof d->token);
}
