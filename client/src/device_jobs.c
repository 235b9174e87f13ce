/* The device's jobs: keys, pass and relay before an allocation, the record after it. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"

/* ---- the record ---- */

static void announce(struct ct_client *c)
{
    struct ct_device_machine *d = &c->device;
    struct ct_lane_saved saved;
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];

    d->state = CT_DEVICE_UP;
    d->was_up = true;
    d->backoff_ms = CT_DEVICE_BACKOFF_MIN_MS;
    if (ct_lane_save(lane, &saved) == CT_OK) {
        ct_home_save_lane(&c->home, &saved);
    }
    d->save_ms = ct_mono_ms() + CT_DEVICE_SAVE_MS;
    d->record_check_ms = ct_mono_ms() + ct_device_check_ms(c);
    if (!d->is_announced) {
        d->is_announced = true;
        ct_device_tell_place(c, CT_CLIENT_LISTENING, ct_alloc_relayed(&lane->alloc), lane->relay);
    }
    d->to_relay = 0;
    ct_move_ended(c, CT_OK, "");
}

static void tell_step(struct ct_client *c, const struct ct_step *step)
{
    static const uint8_t none[32];
    char hash[67] = "";
    struct ct_client_event event = {.kind = CT_CLIENT_STEP,
                                    .peer = c->identity,
                                    .stage = step->name,
                                    .road = step->is_funded ? "funded" : "sponsored",
                                    .block = step->written.block,
                                    .gas = step->written.gas,
                                    .by_wallet = step->written.by_wallet,
                                    .transaction = hash};
    if (memcmp(step->written.hash32, none, sizeof none) != 0) {
        ct_hex0x(hash, step->written.hash32, 32);
    }
    if (step->name != NULL) {
        ct_client_tell(c, &event);
    }
}

static void end_registration(struct ct_client *c, const struct ct_register *r, bool is_current)
{
    struct ct_device_machine *d = &c->device;
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];

    if ((d->state == CT_DEVICE_REGISTERING && r->job.err != CT_OK) ||
        (d->state == CT_DEVICE_UP && r->job.err == CT_ERR_MOVED)) {
        ct_device_failed(c, r->job.err, r->job.why.text);
    } else if (d->state == CT_DEVICE_UP && r->job.err != CT_OK) {
        ct_log(&c->log, CT_LOG_WARN, "record_check_failed text=\"%s\"", r->job.why.text);
    } else if (is_current && r->job.err == CT_OK) {
        d->block = r->block;
        ct_wipe(d->token, sizeof d->token); /* used: the record is ours */
        if (r->was_written) {
            ct_device_tell_place(c, CT_CLIENT_REGISTERED, ct_alloc_relayed(&lane->alloc),
                                 lane->relay);
        }
        if (d->state == CT_DEVICE_REGISTERING) {
            announce(c);
        }
    }
}

static bool is_at(const struct ct_client *c, const struct ct_register *r)
{
    const struct ct_lane *lane = &c->lanes[CT_LANE_HOME];
    return lane->is_open && ct_alloc_state(&lane->alloc) == CT_ALLOC_READY &&
           lane->relay == r->relay && ct_alloc_relayed(&lane->alloc)->port == r->port;
}

static void registered(struct ct_job *job, void *owner)
{
    struct ct_client *c = owner;
    struct ct_register *r = (struct ct_register *)job;
    struct ct_device_machine *d = &c->device;
    struct ct_lane *lane = &c->lanes[CT_LANE_HOME];
    bool is_current = is_at(c, r);

    if (r->has_new_key) {
        c->key = r->new_key;
        r->has_new_key = false;
    }
    if (job->err == CT_OK) {
        tell_step(c, &r->step);
    }
    if (job->err == CT_OK && is_current && !r->is_over) {
        if (ct_worker_submit(c->worker, job) == CT_OK) {
            return;
        }
        job->err = CT_ERR_SYSTEM;
    }
    d->is_checking = false;
    d->record_check_ms = ct_mono_ms() + ct_device_check_ms(c);
    end_registration(c, r, is_current);
    ct_wipe(r, sizeof *r);
    free(r);
    if (d->state == CT_DEVICE_OFF) {
        ct_device_unlock(d);
    }
    if (!is_current && d->state == CT_DEVICE_REGISTERING && lane->is_open &&
        ct_alloc_state(&lane->alloc) == CT_ALLOC_READY) {
        ct_device_register(c); /* the allocation is another one by now */
    }
}

/* While a rotation may still come to its end, the chain is asked often. */
uint64_t ct_device_check_ms(const struct ct_client *c)
{
    uint64_t age_s = 0;
    return ct_home_has_next_key(&c->home, &age_s) && age_s < (uint64_t)2 * CT_CHANGE_LIFE_S
               ? CT_DEVICE_ROTATION_CHECK_MS
               : CT_DEVICE_RECORD_CHECK_MS;
}

void ct_device_register(struct ct_client *c)
{
    struct ct_device_machine *d = &c->device;
    struct ct_register *r;
    if (d->is_checking) {
        return; /* the tick comes back to it */
    }
    r = calloc(1, sizeof *r);
    if (r == NULL) {
        ct_device_failed(c, CT_ERR_NOMEM, "out of memory");
        return;
    }
    r->job.run = ct_register_run;
    r->job.done = registered;
    r->relay = c->lanes[CT_LANE_HOME].relay;
    r->port = ct_alloc_relayed(&c->lanes[CT_LANE_HOME].alloc)->port;
    r->is_funded = d->is_funded;
    memcpy(r->token, d->token, sizeof r->token);
    d->is_checking = true;
    if (ct_worker_submit(c->worker, &r->job) != CT_OK) {
        d->is_checking = false;
        free(r);
        ct_device_failed(c, CT_ERR_SYSTEM, "this host gives no thread");
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
    return d->is_once && d->to_relay == 0 && d->is_registered && d->record.relay == d->relay.index;
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
        ct_device_failed(c, err, job->why.text);
    } else if (d->state == CT_DEVICE_PREPARING) {
        d->relay = p->relay;
        memcpy(d->token, p->token, sizeof d->token); /* in place of a factory credential */
        d->is_funded = p->is_funded;
        d->relay_rtt_us = p->relay_rtt_us;
        d->is_registered = p->is_registered;
        d->record = p->device;
        d->block = p->block;
        if (is_up_already(c)) {
            struct ct_addr relayed = ct_lane_relayed(&d->relay, d->record.port);
            d->state = CT_DEVICE_OFF;
            ct_device_tell_place(c, CT_CLIENT_LISTENING, &relayed, d->record.relay);
        } else {
            ct_move_release_left(c, &p->left);
            ct_device_allocate(c);
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
    p->is_funded = c->device.is_funded;
    p->names_road = c->device.names_road;
    p->to_relay = only_pass ? 0 : c->device.to_relay;
    if (ct_worker_submit(c->worker, &p->job) != CT_OK) {
        free(p);
        return NULL;
    }
    return p;
}

void ct_device_prepare(struct ct_client *c)
{
    c->device.state = CT_DEVICE_PREPARING;
    if (submit_prepare(c, false) == NULL) {
        ct_device_failed(c, CT_ERR_SYSTEM, "this host gives no thread or memory");
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
