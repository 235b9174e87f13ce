/* Taking, renewing and giving back. A server believes in its lease for less long than the store
 * does; should it be stopped in between, the store's check of the number is what holds. */
#include "service/lease.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/secret.h"
#include "operator/metrics.h"

enum { RENEWALS = 4 }; /* in the life of one */

struct ct_lease {
    struct ct_lease_config config;
    pthread_mutex_t lock;
    struct ct_lease_row row; /* as the store last told it */
    bool is_own;
    uint64_t until_ms; /* of the monotonic clock: it is believed until then */
    uint64_t seen;     /* the highest number that was told */
};

ct_err ct_lease_holder(char out[CT_LEASE_HOLDER])
{
    char host[41] = "";
    char digits[17];
    uint8_t number[8];
    ct_err err = ct_random(number, sizeof number);
    if (err != CT_OK) {
        return err;
    }
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
        (void)snprintf(host, sizeof host, "host");
    }
    for (char *c = host; *c != '\0'; c++) { /* it is shown in logs and pages */
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '.';
        *c = plain ? *c : '-';
    }
    ct_hex(digits, number, sizeof number);
    (void)snprintf(out, CT_LEASE_HOLDER, "%s:%ld:%s", host, (long)getpid(), digits);
    return CT_OK;
}

uint32_t ct_lease_period_ms(uint64_t life_ms)
{
    return (uint32_t)(life_ms / RENEWALS);
}

ct_err ct_lease_new(struct ct_lease **out, const struct ct_lease_config *config)
{
    struct ct_lease *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return CT_ERR_NOMEM;
    }
    l->config = *config;
    (void)pthread_mutex_init(&l->lock, NULL);
    *out = l;
    return CT_OK;
}

void ct_lease_free(struct ct_lease *l)
{
    if (l != NULL) {
        (void)pthread_mutex_destroy(&l->lock);
        free(l);
    }
}

static bool leads(const struct ct_lease *l)
{
    return l->is_own && l->config.mono_ms() < l->until_ms;
}

/* ---- one look at the store ---- */

/* What is to be said of a change, the lock being held; true: it was taken. */
static bool note(struct ct_lease *l, ct_err err, const struct ct_lease_row *row, uint64_t asked_ms)
{
    bool was_own = l->is_own;
    uint64_t was = l->row.number;
    if (err != CT_OK && err != CT_ERR_REFUSED) {
        return false; /* what is believed runs out by itself */
    }
    l->row = *row;
    l->is_own = err == CT_OK;
    l->until_ms = asked_ms + l->config.life_ms;
    l->seen = row->number > l->seen ? row->number : l->seen;
    l->config.alone = false; /* that was known of the start */
    if (l->is_own && (!was_own || was != row->number)) {
        ct_log(&l->config.log, CT_LOG_INFO, "lease_taken account=%s number=%llu", l->config.role,
               (unsigned long long)row->number);
        return true;
    }
    if (!l->is_own && (was_own || was != row->number)) {
        ct_log(&l->config.log, was_own ? CT_LOG_WARN : CT_LOG_INFO,
               "%s account=%s number=%llu holder=%s", was_own ? "lease_lost" : "lease_elsewhere",
               l->config.role, (unsigned long long)row->number, row->holder);
    }
    return false;
}

void ct_lease_round(void *lease, struct ct_loop *loop)
{
    struct ct_lease *l = lease;
    struct ct_lease_row row = {.number = 0};
    uint64_t asked_ms = l->config.mono_ms(); /* before: it runs from somewhen after */
    struct ct_store *s = l->config.store;
    (void)loop;
    ct_err err = s->ops->lease_take(s, l->config.account20, l->config.holder, l->config.life_ms,
                                    l->seen, l->config.alone, &row);
    (void)pthread_mutex_lock(&l->lock);
    bool had = leads(l);
    bool taken = note(l, err, &row, asked_ms);
    bool has = leads(l);
    if (taken && l->config.taken != NULL) { /* under the lock: see ct_lease_quiet() */
        l->config.taken(l->config.taken_arg);
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (err != CT_OK && err != CT_ERR_REFUSED) {
        ct_log(&l->config.log, CT_LOG_WARN, "lease_unknown account=%s leads=%s cause=\"%s\"",
               l->config.role, had ? "still" : "no", ct_err_text(err));
    }
    bool is_funder = strcmp(l->config.role, "funder") == 0;
    ct_metrics_set(is_funder ? CT_GAUGE_FUNDER_LEADER : CT_GAUGE_APPROVER_LEADER, has);
    ct_metrics_set(is_funder ? CT_GAUGE_FUNDER_FENCE : CT_GAUGE_APPROVER_FENCE, (double)row.number);
}

void ct_lease_quiet(struct ct_lease *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->config.taken = NULL;
    (void)pthread_mutex_unlock(&l->lock);
}

/* ---- those who work under it ---- */

bool ct_lease_enter(struct ct_lease *l, struct ct_store *handle)
{
    (void)pthread_mutex_lock(&l->lock);
    bool may = leads(l);
    if (may) {
        handle->fence.number = l->row.number;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return may;
}

void ct_lease_end(struct ct_lease *l)
{
    if (l == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    bool was_own = l->is_own;
    l->is_own = false;
    (void)pthread_mutex_unlock(&l->lock);
    if (!was_own) {
        return;
    }
    struct ct_store *s = l->config.store;
    ct_err err = s->ops->lease_end(s, l->config.account20, l->row.number);
    ct_log(&l->config.log, err == CT_OK ? CT_LOG_INFO : CT_LOG_WARN,
           "lease_given_back account=%s number=%llu%s%s", l->config.role,
           (unsigned long long)l->row.number,
           err == CT_OK ? "" : " stored=no cause=", err == CT_OK ? "" : ct_err_text(err));
}

void ct_lease_get(struct ct_lease *l, struct ct_lease_view *out)
{
    (void)pthread_mutex_lock(&l->lock);
    *out = (struct ct_lease_view){.role = l->config.role,
                                  .leads = leads(l),
                                  .known = l->config.mono_ms() < l->until_ms,
                                  .number = l->row.number};
    memcpy(out->account20, l->config.account20, 20);
    memcpy(out->holder, l->row.holder, sizeof out->holder);
    (void)pthread_mutex_unlock(&l->lock);
}

/* "approver: this server, fencing number 7" */
static enum ct_leads words_of(const struct ct_lease_view *v, char *out, size_t cap)
{
    if (v->leads) {
        (void)snprintf(out, cap, "%s: this server, fencing number %llu", v->role,
                       (unsigned long long)v->number);
        return CT_LEADS_SELF;
    }
    if (v->known && v->holder[0] != '\0') {
        (void)snprintf(out, cap, "%s: %s, fencing number %llu", v->role, v->holder,
                       (unsigned long long)v->number);
        return CT_LEADS_OTHER;
    }
    (void)snprintf(
        out, cap,
        "%s: nobody that is known of, so nothing is sent; see the log for lease_unknown, "
        "and check the store",
        v->role);
    return CT_LEADS_NOBODY;
}

enum ct_leads ct_lease_words(struct ct_lease *const *leases, size_t count, char *words, size_t cap)
{
    enum ct_leads worst = CT_LEADS_SELF;
    size_t used = 0;
    words[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        struct ct_lease_view view;
        char one[CT_LEASE_HOLDER + 64];
        ct_lease_get(leases[i], &view);
        enum ct_leads is = words_of(&view, one, sizeof one);
        worst = is < worst ? is : worst;
        int n = snprintf(words + used, cap - used, "%s%s", i == 0 ? "" : "; ", one);
        used += n < 0 ? 0 : (size_t)n;
        used = used < cap ? used : cap - 1;
    }
    return worst;
}
