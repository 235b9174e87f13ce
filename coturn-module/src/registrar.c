/* The relay's life on the chain, on a thread of its own: registers, gets approved, keeps reading.
 */
#include "registrar.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/secret.h"
#include "chain/chain.h"
#include "enrol.h"
#include "record.h"

enum {
    RETRY_MIN_MS = 1000,
    RETRY_MAX_MS = 60000,
    REREAD_MS = 300000, /* expiry and renewal leave no trace in the log head */
    SAVE_MS = 60000,    /* the time of confirmation on disk is at most this much behind */
    REPEAT_MS = 60000,  /* the same failure is told again after this */
    SHOWS_MS = 60000,   /* from the wallet manager's word to the proof */
    SOON_MS = 200,
    BLOCK_MS = 15000, /* longest usual time between blocks */
    TIMEOUT_MS = 5000,
};

struct registrar_reading {
    bool done;
    struct ct_log_head head;
    uint64_t at_ms;
    enum ct_standing standing;
    uint16_t index;
};

struct ct_registrar {
    struct ct_registrar_config config;
    struct ct_chain *chain;
    struct registrar_reading reading;
    uint64_t started_ms;
    uint64_t saved_ms;
    struct ct_enrol_memory memory;
    uint64_t enrol_at_ms; /* not before */
    uint32_t enrol_wait_ms;
    char told[400]; /* the failure told last */
    uint64_t told_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping; /* under lock */
};

static void tell_failure(struct ct_registrar *r, const char *event, const struct ct_why *why)
{
    uint64_t now = ct_mono_ms();
    if (strncmp(r->told, why->text, sizeof(r->told)) == 0 && now - r->told_ms < REPEAT_MS) {
        return;
    }
    memcpy(r->told, why->text, sizeof(r->told));
    r->told_ms = now;
    ct_log(&r->config.log, CT_LOG_WARN, "%s reason=\"%s\"", event, why->text);
}

/* Appends the relayed addresses of one relay, unless the filter keeps them out. */
static void add_ranges(const struct ct_registrar *r, struct ct_peer_range *ranges, size_t *count,
                       const struct ct_relay *relay)
{
    struct ct_endpoint e[2] = {{.port = relay->port_min}, {.port = relay->port_min}};
    memset(e[0].addr16 + 10, 0xff, 2);
    memcpy(e[0].addr16 + 12, relay->relay_ip4, 4);
    memcpy(e[1].addr16, relay->relay_ip6, 16);
    bool there[2] = {ct_relay_has_ip4(relay->relay_ip4), ct_relay_has_ip6(relay->relay_ip6)};
    for (size_t i = 0; i < 2; i++) {
        if (!there[i]) {
            continue;
        }
        enum ct_verdict verdict = ct_policy_filter(r->config.policy, &e[i]);
        /* A neighbour on this host may have other ports than ours: the gate asks again. */
        if (verdict != CT_VERDICT_ADMIT && verdict != CT_VERDICT_OWN_PORT) {
            ct_log(&r->config.log, CT_LOG_WARN, "relay_left_out index=%u reason=%s", relay->index,
                   ct_verdict_text(verdict));
            continue;
        }
        struct ct_peer_range *range = &ranges[(*count)++];
        memcpy(range->addr16, e[i].addr16, 16);
        range->port_min = relay->port_min;
        range->port_max = relay->port_max;
    }
}

static ct_err publish(struct ct_registrar *r, const struct ct_view *view,
                      const struct ct_log_head *head, const struct ct_relay *relays, size_t count,
                      struct ct_why *why)
{
    struct ct_peer_range *ranges = calloc(2 * count + 1, sizeof(*ranges));
    if (!ranges) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for %zu relays", count);
    }
    size_t n = 0;
    size_t live = 0;
    for (size_t i = 0; i < count; i++) {
        struct ct_why unused;
        if (ct_relay_check(&relays[i], view->timestamp_s, &unused) == CT_OK) {
            add_ranges(r, ranges, &n, &relays[i]);
            live++;
        }
    }
    struct ct_peerset_origin origin = {
        .block = view->number, .log_count = head->count, .confirmed_s = ct_wall_s()};
    memcpy(origin.deployment32, r->config.bundle->deployment32, 32);
    struct ct_peerset *set = NULL;
    ct_err err = ct_peerset_new(&set, ranges, n, &origin);
    free(ranges);
    if (err != CT_OK) {
        return ct_why(why, err, "the set of relays cannot be used: %s", ct_err_text(err));
    }
    const struct ct_peerset *now = ct_peerset_current(r->config.slot);
    if (now && ct_peerset_equal(now, set)) {
        ct_peerset_free(set);
        return CT_OK;
    }
    ct_peerset_publish(r->config.slot, set, ct_mono_ms());
    r->saved_ms = 0;
    ct_log(&r->config.log, CT_LOG_INFO, "relay_set relays=%zu block=%" PRIu64 " log=%" PRIu64, live,
           view->number, head->count);
    return CT_OK;
}

static void note_standing(struct ct_registrar *r, const struct ct_relay *relays, size_t count,
                          uint64_t time_s)
{
    uint16_t index = 0;
    enum ct_standing standing = ct_relay_standing(&index, r->config.record, relays, count, time_s);
    bool news = !r->reading.done || standing != r->reading.standing || index != r->reading.index;
    r->reading.standing = standing;
    r->reading.index = index;
    if (!news) {
        return;
    }
    switch (standing) {
    case CT_STANDING_LISTED:
        ct_log(&r->config.log, CT_LOG_INFO, "relay_approved index=%u", index);
        r->enrol_wait_ms = 0;
        break;
    case CT_STANDING_REVOKED:
        ct_log(&r->config.log, CT_LOG_WARN,
               "relay_revoked index=%u: the platform has taken this relay off the list and only "
               "it can put it back; ask its operator",
               index);
        break;
    case CT_STANDING_CHANGED:
        ct_log(&r->config.log, CT_LOG_INFO, "relay_differs index=%u: registering anew", index);
        break;
    case CT_STANDING_NEW:
        ct_log(&r->config.log, CT_LOG_INFO, "relay_not_registered: registering");
        break;
    }
}

static ct_err reread(struct ct_registrar *r, const struct ct_view *view,
                     const struct ct_log_head *head, struct ct_why *why)
{
    struct ct_wm_key keys[2];
    ct_err err = ct_registry_wm_keys(r->chain, view, keys, why);
    uint16_t indices = 0;
    if (err == CT_OK) {
        err = ct_registry_relay_count(r->chain, view, &indices, why);
    }
    if (err != CT_OK) {
        return err;
    }
    if (ct_passes_set_keys(r->config.passes, keys)) {
        ct_log(&r->config.log, CT_LOG_INFO, "wm_keys current=%" PRIu32 " previous=%" PRIu32,
               keys[0].id, keys[1].id);
        struct ct_why unsaved;
        if (ct_passes_save_keys(r->config.passes, r->config.keys_path, &unsaved) != CT_OK) {
            tell_failure(r, "keys_not_saved", &unsaved);
        }
    }
    struct ct_relay *relays = calloc((size_t)indices + 1, sizeof(*relays));
    if (!relays) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for %u relays", indices);
    }
    size_t count = 0;
    err = ct_registry_relays(r->chain, view, relays, indices, &count, why);
    if (err == CT_OK) {
        err = publish(r, view, head, relays, count, why);
    }
    if (err == CT_OK) {
        note_standing(r, relays, count, view->timestamp_s);
        r->reading.head = *head;
        r->reading.at_ms = ct_mono_ms();
        r->reading.done = true;
    }
    free(relays);
    return err;
}

static void save_set(struct ct_registrar *r)
{
    const struct ct_peerset *set = ct_peerset_current(r->config.slot);
    uint64_t now = ct_mono_ms();
    if (!set || (r->saved_ms != 0 && now - r->saved_ms < SAVE_MS)) {
        return;
    }
    struct ct_why why;
    r->saved_ms = now;
    if (ct_peerset_save(set, atomic_load(&r->config.slot->confirmed_s), r->config.relays_path,
                        &why) != CT_OK) {
        tell_failure(r, "relay_set_not_saved", &why);
    }
}

/* Brings set and keys up to date with the newest block that the endpoints agree on. */
static ct_err refresh(struct ct_registrar *r, struct ct_why *why)
{
    struct ct_view view;
    struct ct_log_head head;
    ct_err err = ct_chain_view(r->chain, &view, why);
    if (err == CT_OK) {
        err = ct_registry_log_head(r->chain, &view, &head, why);
    }
    if (err != CT_OK) {
        return err;
    }
    const struct registrar_reading *was = &r->reading;
    bool same = was->done && head.count == was->head.count &&
                memcmp(head.head24, was->head.head24, sizeof(head.head24)) == 0 &&
                was->at_ms != 0 && ct_mono_ms() - was->at_ms < REREAD_MS;
    if (!same) {
        if (!was->done) {
            ct_log(&r->config.log, CT_LOG_INFO, "chain_read block=%" PRIu64 " endpoints=%u of %u",
                   view.number, view.k, view.n);
        }
        err = reread(r, &view, &head, why);
    }
    if (err == CT_OK) {
        atomic_store(&r->config.slot->confirmed_s, ct_wall_s());
        ct_peerset_reap(r->config.slot, ct_mono_ms());
        save_set(r);
    }
    return err;
}

static bool wants_enrolment(const struct ct_registrar *r)
{
    return r->reading.done &&
           (r->reading.standing == CT_STANDING_NEW || r->reading.standing == CT_STANDING_CHANGED) &&
           ct_mono_ms() >= r->enrol_at_ms;
}

static void enrol(struct ct_registrar *r)
{
    struct ct_why why = {""};
    uint64_t now = ct_mono_ms();
    ct_err err = ct_relay_enrol(r->chain, &r->config, r->reading.index, &r->memory, now, &why);
    if (err == CT_OK) {
        r->reading.at_ms = 0; /* read all again, and give the approval's block time to show */
        r->enrol_at_ms = ct_mono_ms() + SHOWS_MS;
        return;
    }
    if (err == CT_ERR_AGAIN) {
        return;
    }
    r->enrol_wait_ms = r->enrol_wait_ms == 0                 ? RETRY_MIN_MS
                       : r->enrol_wait_ms < RETRY_MAX_MS / 2 ? 2 * r->enrol_wait_ms
                                                             : RETRY_MAX_MS;
    r->enrol_at_ms = ct_mono_ms() + r->enrol_wait_ms;
    tell_failure(r, "enrolment_failed", &why);
}

/* false when the thread has to end. */
static bool wait_ms(struct ct_registrar *r, uint32_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&r->lock);
    int waited = 0;
    while (!r->stopping && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&r->wake, &r->lock, &until);
    }
    bool go_on = !r->stopping;
    (void)pthread_mutex_unlock(&r->lock);
    return go_on;
}

/* A contract of just now may lie in blocks too new to be read: that is waited for. */
static bool is_final(const struct ct_registrar *r)
{
    uint64_t depth_ms = r->config.bundle->safety_depth * BLOCK_MS;
    return !ct_peerset_current(r->config.slot) && ct_mono_ms() - r->started_ms >= depth_ms;
}

static void *run(void *arg)
{
    struct ct_registrar *r = arg;
    bool down = false;
    uint32_t pause = 0;
    while (wait_ms(r, pause)) {
        struct ct_why why = {""};
        pause = r->config.poll_ms;
        ct_err err = refresh(r, &why);
        if (err != CT_OK) {
            tell_failure(r, "chain_unreadable", &why);
            if (err == CT_ERR_CHAIN && is_final(r)) {
                r->config.not_our_chain(r->config.arg);
            }
            down = true;
            continue;
        }
        if (down) {
            ct_log(&r->config.log, CT_LOG_INFO, "chain_readable_again");
            r->told[0] = '\0';
            down = false;
        }
        if (wants_enrolment(r)) {
            enrol(r);
            pause = r->config.poll_ms < SOON_MS ? r->config.poll_ms : SOON_MS;
        }
    }
    ct_chain_free(r->chain);
    return NULL;
}

static void load_from_disk(struct ct_registrar *r)
{
    struct ct_why why = {""};
    struct ct_peerset *set = NULL;
    ct_err err = ct_peerset_load(&set, r->config.bundle->deployment32, r->config.relays_path, &why);
    if (err == CT_OK) {
        uint64_t confirmed_s = ct_peerset_origin(set)->confirmed_s;
        ct_log(&r->config.log, CT_LOG_INFO, "relay_set_loaded ranges=%zu confirmed_s=%" PRIu64,
               ct_peerset_count(set), confirmed_s);
        atomic_store(&r->config.slot->confirmed_s, confirmed_s);
        ct_peerset_publish(r->config.slot, set, ct_mono_ms());
    } else if (err != CT_ERR_NOT_FOUND) {
        ct_log(&r->config.log, CT_LOG_WARN, "relay_set_not_loaded reason=\"%s\"", why.text);
    }
    err = ct_passes_load_keys(r->config.passes, r->config.keys_path, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_log(&r->config.log, CT_LOG_WARN, "wm_keys_not_loaded reason=\"%s\"", why.text);
    }
}

/* Signals are the server's: its event loop answers them, not this thread. */
static ct_err start_thread(struct ct_registrar *r)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&r->thread, NULL, run, r);
    if (!failed) {
        (void)pthread_detach(r->thread); /* the process ends without it, see ct_registrar_stop() */
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? CT_ERR_SYSTEM : CT_OK;
}

static ct_err init_waiting(struct ct_registrar *r)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        return CT_ERR_SYSTEM;
    }
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&r->wake, &attr) == 0 && pthread_mutex_init(&r->lock, NULL) == 0;
    (void)pthread_condattr_destroy(&attr);
    return ok ? CT_OK : CT_ERR_SYSTEM;
}

ct_err ct_registrar_start(struct ct_registrar **out, const struct ct_registrar_config *config,
                          struct ct_why *why)
{
    struct ct_registrar *r = calloc(1, sizeof(*r));
    if (!r || init_waiting(r) != CT_OK) {
        free(r);
        return ct_why(why, CT_ERR_NOMEM, "no memory for the registrar");
    }
    r->config = *config;
    r->started_ms = ct_mono_ms();
    struct ct_chain_env env = {.log = config->log, .timeout_ms = TIMEOUT_MS};
    ct_err err = ct_chain_open(&r->chain, config->bundle, &env, why);
    if (err == CT_OK) {
        load_from_disk(r);
        err = start_thread(r);
        if (err != CT_OK) {
            ct_chain_free(r->chain);
            (void)ct_why(why, err, "the registrar's thread could not be started");
        }
    }
    if (err != CT_OK) {
        free(r);
        return err;
    }
    *out = r;
    return CT_OK;
}

void ct_registrar_stop(struct ct_registrar *registrar)
{
    (void)pthread_mutex_lock(&registrar->lock);
    registrar->stopping = true;
    (void)pthread_cond_signal(&registrar->wake);
    (void)pthread_mutex_unlock(&registrar->lock);
}
