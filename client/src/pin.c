/* Pinning a name: its record is looked up first, and then takes the place of what was pinned. */
#include "client_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookup.h"
#include "pins.h"

struct whoever_answer {
    bool is_there;
    ct_err err;
    struct ct_why why;
    struct ct_found found;
};

struct whoever_job {
    struct ct_job job;
    struct whoever_answer *answer; /* the asker's, who waits until it is there */
    char identity[64];
    struct ct_found found;
};

static void run(struct ct_job *job, struct ct_worker_env *env)
{
    struct whoever_job *w = (struct whoever_job *)job;
    job->err = ct_lookup_whoever(env, w->identity, &w->found, &job->why);
}

static void done(struct ct_job *job, void *owner)
{
    struct whoever_job *w = (struct whoever_job *)job;
    (void)owner;
    w->answer->is_there = true;
    w->answer->err = job->err;
    w->answer->why = job->why;
    w->answer->found = w->found;
    free(w);
}

/* The record of now, whoever the name is pinned to; nothing is kept of it yet. */
static ct_err look_up(struct ct_client *c, const char *identity, struct ct_found *out)
{
    struct whoever_answer answer = {.is_there = false};
    struct whoever_job *w = NULL;
    if (!ct_identity_valid(identity)) {
        return ct_client_fail(c, CT_ERR_ARG,
                              "\"%s\" can be no device's name: 1 to 63 characters out of A-Z a-z "
                              "0-9 . _ : @ -",
                              identity);
    }
    if ((w = calloc(1, sizeof *w)) == NULL) {
        return ct_client_fail(c, CT_ERR_NOMEM, "out of memory");
    }
    w->job.run = run;
    w->job.done = done;
    w->answer = &answer;
    (void)snprintf(w->identity, sizeof w->identity, "%s", identity);
    if (ct_worker_submit(c->worker, &w->job) != CT_OK) {
        free(w);
        return ct_client_fail(c, CT_ERR_SYSTEM, "this host gives no thread");
    }
    while (!answer.is_there) { /* every step of the job has its own limit of time */
        ct_client_wait(c, 1000);
    }
    *out = answer.found;
    return answer.err == CT_OK ? CT_OK : ct_client_fail(c, answer.err, "%s", answer.why.text);
}

/* Takes the place of another pin at once: whoever is killed here has the old one or the new one. */
static ct_err keep(struct ct_client *c, const struct ct_client_record *r)
{
    struct ct_why why = {.text = ""};
    struct ct_pin pin = {.block = r->block, .sequence = (uint16_t)r->sequence};
    (void)snprintf(pin.identity, sizeof pin.identity, "%s", r->identity);
    ct_err err = ct_addr_parse(pin.wallet20, r->wallet);
    if (err == CT_OK) {
        err = ct_pin_save(&c->home, &pin, &why);
    }
    return err == CT_OK ? CT_OK : ct_client_fail(c, err, "%s", why.text);
}

ct_err ct_client_pin(struct ct_client *c, const char *identity, int accepts,
                     struct ct_client_record *out)
{
    struct ct_found found;
    if (!accepts) {
        ct_err err = ct_client_resolve(c, identity, out);
        return err == CT_OK ? keep(c, out) : err;
    }
    ct_err err = look_up(c, identity, &found);
    if (err == CT_OK) {
        ct_ask_describe(out, &found);
        err = keep(c, out);
    }
    if (err == CT_OK) {
        ct_resolver_know(c->resolver, &found); /* not before it is the pinned one */
    }
    return err;
}

ct_err ct_client_unpin(struct ct_client *c, const char *identity)
{
    struct ct_why why = {.text = ""};
    struct ct_pin pin = {.block = 0};
    ct_err err = ct_identity_valid(identity) ? ct_pin_load(&c->home, identity, &pin, &why)
                                             : CT_ERR_NOT_FOUND;
    if (err == CT_ERR_NOT_FOUND) {
        return ct_client_fail(c, err, "%s is not pinned", identity);
    }
    ct_pin_drop(&c->home, identity);
    return CT_OK;
}
