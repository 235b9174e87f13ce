/* Questions whose answer is waited for: a record, and the list of relays. */
#include "client_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lookup.h"
#include "relays.h"

#define WAIT_MS 30000u /* longer than any look-up's own limits */

struct ct_answer_slot {
    bool is_there;
    ct_err err;
    struct ct_found found;
};

void ct_ask_resolved(struct ct_client *c, const struct ct_found *found, ct_err err, const char *why)
{
    if (c->answer == NULL) {
        return; /* nobody waits any more */
    }
    c->answer->is_there = true;
    c->answer->err = err;
    if (found != NULL) {
        c->answer->found = *found;
    } else {
        (void)ct_client_fail(c, err, "%s", why);
    }
}

void ct_ask_describe(struct ct_client_record *out, const struct ct_found *found)
{
    struct ct_addr addr;
    memset(out, 0, sizeof *out);
    memcpy(out->identity, found->identity, sizeof out->identity);
    ct_addr_text(out->wallet, found->device.wallet20);
    memcpy(out->key32, found->device.key32, sizeof out->key32);
    out->relay = found->device.relay;
    out->expiry_day = found->device.expiry_day;
    out->sequence = found->device.sequence;
    out->k = found->k;
    out->n = found->n;
    out->block = found->block;
    out->timestamp_s = found->block_time_s;
    if (found->relay.index != 0) {
        addr = ct_lane_relayed(&found->relay, found->device.port);
        ct_addr_to_text(out->relayed, &addr);
        if (ct_lane_server(&addr, &found->relay) == CT_OK) {
            ct_addr_to_text(out->relay_address, &addr);
        }
    }
}

ct_err ct_client_resolve(struct ct_client *c, const char *identity, struct ct_client_record *out)
{
    struct ct_answer_slot slot = {.is_there = false};
    uint64_t end_ms = ct_mono_ms() + WAIT_MS;

    c->answer = &slot;
    ct_resolver_ask(c->resolver, identity, true, false, CT_COOKIE_ASK, ct_mono_ms(), ct_wall_s());
    while (!slot.is_there && ct_mono_ms() < end_ms) {
        ct_client_wait(c, 1000);
    }
    c->answer = NULL;
    if (!slot.is_there) {
        return ct_client_fail(c, CT_ERR_CHAIN, "the chain's endpoints do not answer");
    }
    if (slot.err != CT_OK) {
        return slot.err;
    }
    ct_ask_describe(out, &slot.found);
    return CT_OK;
}

/* ---- relays ---- */

struct relays_job {
    struct ct_job job;
    struct relays_answer *answer; /* the asker's, who waits until it is there */
    struct ct_relay *relays;
    uint32_t *rtts;
    size_t count;
    uint64_t time_s;
};

struct relays_answer {
    bool is_there;
    ct_err err;
    struct ct_why why;
    struct ct_client_relay *out;
    size_t cap, count;
};

static void run(struct ct_job *job, struct ct_worker_env *env)
{
    struct relays_job *r = (struct relays_job *)job;
    struct ct_view view;
    job->err = ct_lookup_view(env, &view, &job->why);
    if (job->err == CT_OK) {
        job->err = ct_lookup_relays(env, &view, &r->relays, &r->count, &job->why);
    }
    if (job->err != CT_OK) {
        return;
    }
    r->time_s = view.timestamp_s;
    r->rtts = calloc(r->count + 1, sizeof *r->rtts);
    job->err = r->rtts == NULL
                   ? CT_ERR_NOMEM
                   : ct_relays_measure(r->rtts, r->relays, r->count, r->time_s, &job->why);
}

static void describe(struct ct_client_relay *out, const struct ct_relay *relay, uint32_t rtt_us,
                     uint64_t time_s)
{
    struct ct_addr addr;
    memset(out, 0, sizeof *out);
    out->index = relay->index;
    out->port_min = relay->port_min;
    out->port_max = relay->port_max;
    out->state = ct_record_state_text(relay->state);
    out->is_approved = ct_relay_check(relay, time_s, NULL) == CT_OK;
    if (relay->state == CT_RECORD_APPROVED && !out->is_approved) {
        out->state = "expired";
    }
    out->rtt_us = rtt_us;
    if (ct_lane_server(&addr, relay) == CT_OK) {
        ct_addr_to_text(out->address, &addr);
    }
}

static void done(struct ct_job *job, void *owner)
{
    struct relays_job *r = (struct relays_job *)job;
    struct relays_answer *answer = r->answer;
    (void)owner;
    answer->is_there = true;
    answer->err = job->err;
    answer->why = job->why;
    answer->count = r->count;
    for (size_t i = 0; i < r->count && i < answer->cap && job->err == CT_OK; i++) {
        describe(&answer->out[i], &r->relays[i], r->rtts[i], r->time_s);
    }
    free(r->relays);
    free(r->rtts);
    free(r);
}

ct_err ct_client_relays(struct ct_client *c, struct ct_client_relay *out, size_t cap, size_t *count)
{
    struct relays_answer answer = {.out = out, .cap = cap};
    struct relays_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return ct_client_fail(c, CT_ERR_NOMEM, "out of memory");
    }
    job->job.run = run;
    job->job.done = done;
    job->answer = &answer;
    if (ct_worker_submit(c->worker, &job->job) != CT_OK) {
        free(job);
        return ct_client_fail(c, CT_ERR_SYSTEM, "this host gives no thread");
    }
    while (!answer.is_there) { /* every step of the job has its own limit of time */
        ct_client_wait(c, 1000);
    }
    if (answer.err != CT_OK) {
        return ct_client_fail(c, answer.err, "%s", answer.why.text);
    }
    *count = answer.count;
    return CT_OK;
}
