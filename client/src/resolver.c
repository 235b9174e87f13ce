/* Names to proven records: a cache in memory and on disk, and one look-up at a time for the rest.
 */
#include "resolver.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lookup.h"

#define ENTRIES 128u
#define ASKERS 64u
#define RATION_BURST 20u
#define RATION_EVERY_MS 100u /* one more look-up for strangers */

struct entry {
    char identity[64]; /* "": free */
    struct ct_found found;
    ct_err err; /* CT_OK, or CT_ERR_NOT_FOUND and CT_ERR_NOT_APPROVED: known not to be usable */
    struct ct_why why;
    uint64_t read_s;
};

struct asker {
    char identity[64]; /* "": free */
    uint64_t cookie;
};

struct ct_resolver {
    struct ct_worker *worker;
    struct ct_home home;
    uint8_t deployment32[32];
    ct_resolver_answer *answer;
    void *owner;
    struct entry entries[ENTRIES];
    struct asker askers[ASKERS];
    uint64_t ration_ms; /* look-ups for strangers are paid for up to here */
};

struct look_up_job {
    struct ct_job job;
    struct ct_resolver *resolver;
    char identity[64];
    struct ct_found found;
};

ct_err ct_resolver_new(struct ct_resolver **out, struct ct_worker *worker,
                       const struct ct_home *home, const uint8_t deployment32[32],
                       ct_resolver_answer *answer, void *owner)
{
    struct ct_resolver *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return CT_ERR_NOMEM;
    }
    r->worker = worker;
    r->home = *home;
    memcpy(r->deployment32, deployment32, sizeof r->deployment32);
    r->answer = answer;
    r->owner = owner;
    *out = r;
    return CT_OK;
}

void ct_resolver_free(struct ct_resolver *r)
{
    free(r);
}

/* ---- the cache ---- */

static struct entry *find(struct ct_resolver *r, const char *identity)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        if (strcmp(r->entries[i].identity, identity) == 0) {
            return &r->entries[i];
        }
    }
    return NULL;
}

/* The entry of this name, or else the one that was read longest ago. */
static struct entry *place(struct ct_resolver *r, const char *identity)
{
    struct entry *entry = find(r, identity);
    for (size_t i = 0; i < ENTRIES && entry == NULL; i++) {
        if (r->entries[i].identity[0] == '\0') {
            entry = &r->entries[i];
        }
    }
    if (entry == NULL) {
        entry = &r->entries[0];
        for (size_t i = 1; i < ENTRIES; i++) {
            entry = r->entries[i].read_s < entry->read_s ? &r->entries[i] : entry;
        }
    }
    memset(entry, 0, sizeof *entry);
    memcpy(entry->identity, identity, strnlen(identity, sizeof entry->identity - 1));
    return entry;
}

static bool is_young(uint64_t read_s, uint64_t now_s, uint64_t ttl_s)
{
    return read_s <= now_s && now_s - read_s < ttl_s;
}

const struct ct_found *ct_resolver_cached(struct ct_resolver *r, const char *identity,
                                          uint64_t now_s)
{
    struct ct_found found;
    struct entry *entry = find(r, identity);
    if (identity[0] == '\0' || !ct_identity_valid(identity)) {
        return NULL;
    }
    if (entry == NULL && ct_home_load_found(&r->home, &found, identity, r->deployment32) == CT_OK) {
        entry = place(r, identity);
        entry->found = found;
        entry->read_s = found.read_s;
    }
    return entry != NULL && entry->err == CT_OK && is_young(entry->read_s, now_s, CT_RESOLVER_TTL_S)
               ? &entry->found
               : NULL;
}

/* What was read goes into memory and onto the disk, what is gone goes from both. */
static void learn(struct ct_resolver *r, const struct look_up_job *job)
{
    ct_err err = job->job.err;
    if (err == CT_OK) {
        ct_resolver_know(r, &job->found);
        return;
    }
    if (err != CT_ERR_NOT_FOUND && err != CT_ERR_NOT_APPROVED) {
        return; /* nothing is known better than before */
    }
    struct entry *entry = place(r, job->identity);
    entry->err = err;
    entry->why = job->job.why;
    entry->read_s = ct_wall_s();
    ct_home_drop_found(&r->home, job->identity);
}

void ct_resolver_know(struct ct_resolver *r, const struct ct_found *found)
{
    struct entry *entry = place(r, found->identity);
    entry->err = CT_OK;
    entry->read_s = ct_wall_s();
    entry->found = *found;
    ct_home_save_found(&r->home, found, r->deployment32);
}

/* ---- look-ups ---- */

static void run(struct ct_job *job, struct ct_worker_env *env)
{
    struct look_up_job *look_up = (struct look_up_job *)job;
    job->err = ct_lookup_found(env, look_up->identity, &look_up->found, &job->why);
}

static void done(struct ct_job *job, void *owner)
{
    struct look_up_job *look_up = (struct look_up_job *)job;
    struct ct_resolver *r = look_up->resolver;
    uint64_t cookies[ASKERS];
    size_t count = 0;
    (void)owner;

    learn(r, look_up);
    for (size_t i = 0; i < ASKERS; i++) { /* all first: an answer may make somebody ask anew */
        if (r->askers[i].identity[0] != '\0' &&
            strcmp(r->askers[i].identity, look_up->identity) == 0) {
            r->askers[i].identity[0] = '\0';
            cookies[count++] = r->askers[i].cookie;
        }
    }
    for (size_t i = 0; i < count; i++) {
        r->answer(r->owner, cookies[i], job->err == CT_OK ? &look_up->found : NULL, false, job->err,
                  job->why.text);
    }
    free(job);
}

static bool is_under_way(const struct ct_resolver *r, const char *identity)
{
    for (size_t i = 0; i < ASKERS; i++) {
        if (strcmp(r->askers[i].identity, identity) == 0) {
            return true;
        }
    }
    return false;
}

static ct_err submit(struct ct_resolver *r, const char *identity)
{
    struct look_up_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return CT_ERR_NOMEM;
    }
    job->job.run = run;
    job->job.done = done;
    job->resolver = r;
    memcpy(job->identity, identity, strnlen(identity, sizeof job->identity - 1));
    ct_err err = ct_worker_submit(r->worker, &job->job);
    if (err != CT_OK) {
        free(job);
    }
    return err;
}

/* A bucket of RATION_BURST look-ups that fills by one every RATION_EVERY_MS. */
static bool may_ask(struct ct_resolver *r, uint64_t now_ms)
{
    uint64_t full = (uint64_t)RATION_BURST * RATION_EVERY_MS;
    if (r->ration_ms + full < now_ms) {
        r->ration_ms = now_ms - full;
    }
    if (r->ration_ms + RATION_EVERY_MS > now_ms) {
        return false;
    }
    r->ration_ms += RATION_EVERY_MS;
    return true;
}

static ct_err ask(struct ct_resolver *r, const char *identity, bool is_stranger, uint64_t cookie,
                  uint64_t now_ms)
{
    struct asker *asker = NULL;
    bool is_asked = is_under_way(r, identity);
    for (size_t i = 0; i < ASKERS && asker == NULL; i++) {
        asker = r->askers[i].identity[0] == '\0' ? &r->askers[i] : NULL;
    }
    if (asker == NULL || (is_stranger && !is_asked && !may_ask(r, now_ms))) {
        return CT_ERR_AGAIN;
    }
    if (!is_asked) {
        ct_err err = submit(r, identity);
        if (err != CT_OK) {
            return err;
        }
    }
    memset(asker->identity, 0, sizeof asker->identity);
    memcpy(asker->identity, identity, strnlen(identity, sizeof asker->identity - 1));
    asker->cookie = cookie;
    return CT_OK;
}

void ct_resolver_ask(struct ct_resolver *r, const char *identity, bool is_fresh, bool is_stranger,
                     uint64_t cookie, uint64_t now_ms, uint64_t now_s)
{
    if (!ct_identity_valid(identity)) {
        r->answer(r->owner, cookie, NULL, false, CT_ERR_ARG,
                  "this can be no device's name: 1 to 63 characters out of A-Z a-z 0-9 . _ : @ -");
        return;
    }
    const struct ct_found *found = is_fresh ? NULL : ct_resolver_cached(r, identity, now_s);
    if (found != NULL) {
        struct ct_found copy = *found;
        r->answer(r->owner, cookie, &copy, true, CT_OK, "");
        return;
    }
    const struct entry *entry = is_fresh || !is_stranger ? NULL : find(r, identity);
    if (entry != NULL && entry->err != CT_OK &&
        is_young(entry->read_s, now_s, CT_RESOLVER_NEGATIVE_S)) {
        r->answer(r->owner, cookie, NULL, true, entry->err, entry->why.text);
        return;
    }
    ct_err err = ask(r, identity, is_stranger, cookie, now_ms);
    if (err != CT_OK) {
        r->answer(r->owner, cookie, NULL, false, err, "too many look-ups at one time; try again");
    }
}
