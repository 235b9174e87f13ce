/* Follows the chain: keeps relay set, WM keys and the relay's own standing current. */
#include "follow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    REREAD_MS = 300000, /* expiry and renewal leave no trace in the log head */
    SAVE_MS = 60000,    /* the time of confirmation on disk is at most this much behind */
    REPEAT_MS = 60000,  /* the same failure is told again after this */
};

void ct_follow_tell(struct ct_follow *f, const char *event, const struct ct_why *why)
{
    uint64_t now = ct_mono_ms();
    if (strncmp(f->told, why->text, sizeof(f->told)) == 0 && now - f->told_ms < REPEAT_MS) {
        return;
    }
    memcpy(f->told, why->text, sizeof(f->told));
    f->told_ms = now;
    ct_log(&f->config->log, CT_LOG_WARN, "%s reason=\"%s\"", event, why->text);
}

/* Appends the relayed addresses of one relay, unless the filter keeps them out. */
static void add_ranges(const struct ct_follow *f, struct ct_peer_range *ranges, size_t *count,
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
        enum ct_verdict verdict = ct_policy_filter(f->config->policy, NULL, &e[i]);
        /* A neighbour on this host has other ports than ours: by the set they are known. */
        if (verdict != CT_VERDICT_ADMIT && verdict != CT_VERDICT_OWN_PORT) {
            ct_log(&f->config->log, CT_LOG_WARN, "relay_left_out index=%u reason=%s", relay->index,
                   ct_verdict_text(verdict));
            continue;
        }
        struct ct_peer_range *range = &ranges[(*count)++];
        memcpy(range->addr16, e[i].addr16, 16);
        range->port_min = relay->port_min;
        range->port_max = relay->port_max;
        range->index = relay->index;
    }
}

static void save_set(struct ct_follow *f, const struct ct_peerset *set)
{
    struct ct_why why;
    f->saved_ms = ct_mono_ms();
    if (ct_peerset_save(set, ct_wall_s(), f->config->relays_path, &why) != CT_OK) {
        ct_follow_tell(f, "relay_set_not_saved", &why);
    }
}

static ct_err publish(struct ct_follow *f, const struct ct_view *view,
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
            add_ranges(f, ranges, &n, &relays[i]);
            live++;
        }
    }
    struct ct_peerset_origin origin = {
        .block = view->number, .log_count = head->count, .confirmed_s = ct_wall_s()};
    memcpy(origin.deployment32, f->config->bundle->deployment32, 32);
    struct ct_peerset *set = NULL;
    ct_err err = ct_peerset_new(&set, ranges, n, &origin);
    free(ranges);
    if (err != CT_OK) {
        return ct_why(why, err, "the set of relays cannot be used: %s", ct_err_text(err));
    }
    const struct ct_peerset *now = ct_snapshot_read(&f->config->sets->relays);
    if (now && ct_peerset_equal(now, set)) {
        ct_peerset_free(set);
        return CT_OK;
    }
    save_set(f, set); /* first: what was in force once is there after a restart */
    if (!ct_snapshot_publish(&f->config->sets->relays, &f->config->sets->readers, set)) {
        ct_peerset_free(set);
        return ct_why(why, CT_ERR_AGAIN, "the sets of relays before this one are still in use");
    }
    ct_log(&f->config->log, CT_LOG_INFO, "relay_set relays=%zu block=%" PRIu64 " log=%" PRIu64,
           live, view->number, head->count);
    return CT_OK;
}

static void note_standing(struct ct_follow *f, const struct ct_relay *relays, size_t count,
                          uint64_t time_s)
{
    uint16_t index = 0;
    enum ct_standing standing = ct_relay_standing(&index, f->config->record, relays, count, time_s);
    bool news = !f->done || standing != f->standing || index != f->index;
    f->standing = standing;
    f->index = index;
    if (!news) {
        return;
    }
    switch (standing) {
    case CT_STANDING_LISTED:
        ct_log(&f->config->log, CT_LOG_INFO, "relay_approved index=%u", index);
        break;
    case CT_STANDING_REVOKED:
        ct_log(&f->config->log, CT_LOG_WARN,
               "relay_revoked index=%u: the platform has taken this relay off the list and only "
               "it can put it back; ask its operator",
               index);
        break;
    case CT_STANDING_CHANGED:
        ct_log(&f->config->log, CT_LOG_INFO, "relay_differs index=%u: registering anew", index);
        break;
    case CT_STANDING_NEW:
        ct_log(&f->config->log, CT_LOG_INFO, "relay_not_registered: registering");
        break;
    }
}

static ct_err reread(struct ct_follow *f, const struct ct_view *view,
                     const struct ct_log_head *head, struct ct_why *why)
{
    struct ct_wm_key keys[2];
    ct_err err = ct_registry_wm_keys(f->chain, view, keys, why);
    uint16_t indices = 0;
    if (err == CT_OK) {
        err = ct_registry_relay_count(f->chain, view, &indices, why);
    }
    if (err != CT_OK) {
        return err;
    }
    if (ct_passes_set_keys(f->config->passes, keys)) {
        ct_log(&f->config->log, CT_LOG_INFO, "wm_keys current=%" PRIu32 " previous=%" PRIu32,
               keys[0].id, keys[1].id);
        struct ct_why unsaved;
        if (ct_passes_save_keys(f->config->passes, f->config->keys_path, &unsaved) != CT_OK) {
            ct_follow_tell(f, "keys_not_saved", &unsaved);
        }
    }
    struct ct_relay *relays = calloc((size_t)indices + 1, sizeof(*relays));
    if (!relays) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for %u relays", indices);
    }
    size_t count = 0;
    err = ct_registry_relays(f->chain, view, relays, indices, &count, why);
    if (err == CT_OK) {
        err = publish(f, view, head, relays, count, why);
    }
    if (err == CT_OK) {
        note_standing(f, relays, count, view->timestamp_s);
        f->head = *head;
        f->at_ms = ct_mono_ms();
        f->done = true;
    }
    free(relays);
    return err;
}

/* Endpoints that serve proofs may serve no events: what else is known holds all the same. */
static void refresh_devices(struct ct_follow *f, const struct ct_view *view)
{
    struct ct_why why = {""};
    ct_err err = ct_devfollow_refresh(&f->devices, view, &why);
    f->is_behind = err == CT_ERR_AGAIN;
    if (err != CT_OK && err != CT_ERR_AGAIN) {
        ct_follow_tell(f, "devices_unreadable", &why);
    }
}

ct_err ct_follow_refresh(struct ct_follow *f, struct ct_why *why)
{
    struct ct_view view;
    struct ct_log_head head;
    ct_err err = ct_chain_view(f->chain, &view, why);
    if (err == CT_OK) {
        err = ct_registry_log_head(f->chain, &view, &head, why);
    }
    if (err != CT_OK) {
        return err;
    }
    bool same = f->done && head.count == f->head.count &&
                memcmp(head.head24, f->head.head24, sizeof(head.head24)) == 0 && f->at_ms != 0 &&
                ct_mono_ms() - f->at_ms < REREAD_MS;
    if (!same) {
        if (!f->done) {
            ct_log(&f->config->log, CT_LOG_INFO, "chain_read block=%" PRIu64 " endpoints=%u of %u",
                   view.number, view.k, view.n);
        }
        err = reread(f, &view, &head, why);
    }
    if (err == CT_OK) {
        atomic_store(&f->config->sets->relays.confirmed_s, ct_wall_s());
        ct_snapshot_reap(&f->config->sets->relays, &f->config->sets->readers);
        if (ct_mono_ms() - f->saved_ms >= SAVE_MS) {
            save_set(f, ct_snapshot_read(&f->config->sets->relays));
        }
    }
    if (err == CT_OK && f->config->devices_path) {
        refresh_devices(f, &view);
    }
    return err;
}

void ct_follow_reread(struct ct_follow *f)
{
    f->at_ms = 0;
}

void ct_follow_load(struct ct_follow *f)
{
    f->devices.config = f->config;
    f->devices.chain = f->chain;
    if (f->config->devices_path) {
        ct_devfollow_load(&f->devices);
    }
    struct ct_why why = {""};
    struct ct_peerset *set = NULL;
    ct_err err =
        ct_peerset_load(&set, f->config->bundle->deployment32, f->config->relays_path, &why);
    if (err == CT_OK) {
        uint64_t confirmed_s = ct_peerset_origin(set)->confirmed_s;
        ct_log(&f->config->log, CT_LOG_INFO, "relay_set_loaded ranges=%zu confirmed_s=%" PRIu64,
               ct_peerset_count(set), confirmed_s);
        atomic_store(&f->config->sets->relays.confirmed_s, confirmed_s);
        (void)ct_snapshot_publish(&f->config->sets->relays, &f->config->sets->readers, set);
    } else if (err != CT_ERR_NOT_FOUND) {
        ct_log(&f->config->log, CT_LOG_WARN, "relay_set_not_loaded reason=\"%s\"", why.text);
    }
    err = ct_passes_load_keys(f->config->passes, f->config->keys_path, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_log(&f->config->log, CT_LOG_WARN, "wm_keys_not_loaded reason=\"%s\"", why.text);
    }
}
