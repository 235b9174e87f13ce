/* Follows the chain: keeps relay set, WM keys and the relay's own standing current. */
#include "follow/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum {
    RENEWED_MS = 300000,     /* renewals leave no trace in the log: who has expired is looked at */
    REREAD_MS = 6 * 3600000, /* whatever the log says */
    SAVE_MS = 60000,         /* the time of confirmation on disk is at most this much behind */
    REPEAT_MS = 60000,       /* the same failure is told again after this */
};

void ct_follow_tell(struct ct_follow *f, const char *event, const struct ct_why *why)
{
    uint64_t now = ct_mono_ms();
    char line[sizeof(f->told)];
    (void)snprintf(line, sizeof(line), "%s reason=\"%s\"", event, why->text);
    ct_board_failure(f->config->board, line, ct_wall_s());
    if (strcmp(f->told, line) == 0 && now - f->told_ms < REPEAT_MS) {
        return;
    }
    memcpy(f->told, line, sizeof(f->told));
    f->told_ms = now;
    ct_log(&f->config->log, CT_LOG_WARN, "%s", line);
}

static void note_standing(struct ct_follow *f, uint64_t time_s)
{
    uint16_t index = 0;
    enum ct_standing standing = ct_relay_standing(&index, f->config->record, f->known,
                                                  f->relays.list, f->relays.count, time_s);
    bool news = !f->done || standing != f->standing || index != f->index;
    f->standing = standing;
    f->index = index;
    ct_board_standing(f->config->board, standing, index);
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
        ct_log(&f->config->log, CT_LOG_INFO, "relay_differs index=%u", index);
        break;
    case CT_STANDING_NEW:
        ct_log(&f->config->log, CT_LOG_INFO, "relay_not_registered");
        break;
    }
}

static ct_err read_keys(struct ct_follow *f, const struct ct_view *view, struct ct_why *why)
{
    struct ct_wm_key keys[2];
    struct ct_why unsaved;
    ct_err err = ct_registry_wm_keys(f->chain, view, keys, why);
    if (err != CT_OK || !ct_passes_set_keys(f->config->passes, keys)) {
        return err;
    }
    ct_log(&f->config->log, CT_LOG_INFO, "wm_keys current=%" PRIu32 " previous=%" PRIu32,
           keys[0].id, keys[1].id);
    if (ct_passes_save_keys(f->config->passes, f->config->keys_path, &unsaved) != CT_OK) {
        ct_follow_tell(f, "keys_not_saved", &unsaved);
    }
    return CT_OK;
}

/* Entries up to the head of before are in the list already: of them only passes are news. */
static ct_err read_log(struct ct_follow *f, const struct ct_view *view,
                       const struct ct_log_head *head, struct ct_lognews *news)
{
    struct ct_why why = {""};
    news->after = f->done ? f->head.count : 0;
    ct_err err = ct_logfollow_refresh(&f->log, view, head, news, &why);
    f->is_behind = f->is_behind || err == CT_ERR_AGAIN;
    if (err != CT_OK && err != CT_ERR_AGAIN) {
        ct_follow_tell(f, "log_unreadable", &why);
    }
    return err;
}

static bool is_head(const struct ct_follow *f, const struct ct_log_head *head)
{
    return head->count == f->head.count && memcmp(head->head24, f->head.head24, 24) == 0;
}

/* Only what the log names, when it leads to the proven head; else everything. */
static ct_err read_relays(struct ct_follow *f, const struct ct_view *view,
                          const struct ct_log_head *head, struct ct_lognews *news, ct_err of_log,
                          struct ct_why *why)
{
    uint64_t now = ct_mono_ms();
    bool knows_what = of_log == CT_OK && !news->relays_all;
    bool is_full = !f->done || f->at_ms == 0 || now - f->at_ms >= REREAD_MS ||
                   (!is_head(f, head) && !knows_what);
    bool is_due = now - f->renewed_ms >= RENEWED_MS;
    bool any_expired = is_due && ct_relaylist_name_expired(&f->relays, view->timestamp_s, news);
    ct_err err = CT_OK;
    if (is_full || news->keys) {
        err = read_keys(f, view, why);
    }
    if (err == CT_OK && is_full) {
        err = ct_relaylist_read(&f->relays, view, why);
        f->at_ms = err == CT_OK ? now : f->at_ms;
    } else if (err == CT_OK && (!is_head(f, head) || any_expired)) {
        err = ct_relaylist_read_some(&f->relays, view, news, why);
    }
    f->renewed_ms = err == CT_OK && is_due ? now : f->renewed_ms;
    return err;
}

/* Endpoints that serve proofs may serve no events: what else is known holds all the same. */
static void refresh_devices(struct ct_follow *f, const struct ct_view *view,
                            const struct ct_log_head *head)
{
    struct ct_why why = {""};
    ct_err err = ct_devfollow_refresh(&f->devices, view, head, &why);
    f->is_behind = f->is_behind || err == CT_ERR_AGAIN;
    if (err != CT_OK && err != CT_ERR_AGAIN) {
        ct_follow_tell(f, "devices_unreadable", &why);
    }
}

static void confirm(struct ct_follow *f)
{
    struct ct_why why;
    struct ct_sets *sets = f->config->sets;
    uint64_t now = ct_mono_ms();
    atomic_store(&sets->relays.confirmed_s, ct_wall_s());
    ct_snapshot_reap(&sets->relays, &sets->readers);
    if (now - f->saved_ms >= SAVE_MS) {
        f->saved_ms = now;
        if (ct_relaylist_save(&f->relays, &why) != CT_OK) {
            ct_follow_tell(f, "relay_set_not_saved", &why);
        }
    }
}

static ct_err refresh_at(struct ct_follow *f, const struct ct_view *view, struct ct_why *why)
{
    struct ct_log_head head;
    struct ct_lognews news = {.relays_all = false};
    ct_err err = ct_registry_log_head(f->chain, view, &head, why);
    if (err != CT_OK) {
        return err;
    }
    if (!f->done) {
        ct_log(&f->config->log, CT_LOG_INFO, "chain_read block=%" PRIu64 " endpoints=%u of %u",
               view->number, view->k, view->n);
    }
    f->is_behind = false;
    ct_err of_log = read_log(f, view, &head, &news);
    if (of_log == CT_OK) { /* what it revokes is known, up to now */
        atomic_store(&f->config->sets->log_confirmed_s, ct_wall_s());
    }
    err = read_relays(f, view, &head, &news, of_log, why);
    if (err == CT_OK) {
        err = ct_relaylist_publish(&f->relays, view, &head, why);
    }
    if (err != CT_OK) {
        f->at_ms = 0; /* the log's news are spent: everything is read the next time */
        return err;
    }
    note_standing(f, view->timestamp_s);
    ct_board_head(f->config->board, view, head.count);
    f->head = head;
    f->done = true;
    confirm(f);
    if (f->config->devices_path) {
        refresh_devices(f, view, &head);
    }
    return CT_OK;
}

ct_err ct_follow_refresh(struct ct_follow *f, struct ct_why *why)
{
    struct ct_view view;
    ct_err err = ct_chain_view(f->chain, &view, why);
    if (err != CT_OK) {
        return err;
    }
    if (f->done && view.number < f->view_number && view.timestamp_s <= f->view_time_s) {
        return CT_OK; /* endpoints that are a little behind: nothing is news, nothing is confirmed
                       */
    }
    err = refresh_at(f, &view, why);
    if (err == CT_OK) {
        f->view_number = view.number;
        f->view_time_s = view.timestamp_s;
    }
    return err;
}

void ct_follow_reread(struct ct_follow *f)
{
    f->at_ms = 0;
}

static void load_relays(struct ct_follow *f)
{
    struct ct_why why = {""};
    struct ct_peerset *set = NULL;
    struct ct_sets *sets = f->config->sets;
    ct_err err =
        ct_peerset_load(&set, f->config->bundle->deployment32, f->config->relays_path, &why);
    if (err == CT_OK) {
        uint64_t confirmed_s = ct_peerset_origin(set)->confirmed_s;
        ct_log(&f->config->log, CT_LOG_INFO, "relay_set_loaded ranges=%zu confirmed_s=%" PRIu64,
               ct_peerset_count(set), confirmed_s);
        atomic_store(&sets->relays.confirmed_s, confirmed_s);
        (void)ct_snapshot_publish(&sets->relays, &sets->readers, set);
    } else if (err != CT_ERR_NOT_FOUND) {
        ct_log(&f->config->log, CT_LOG_WARN, "relay_set_not_loaded reason=\"%s\"", why.text);
    }
}

void ct_follow_load(struct ct_follow *f)
{
    struct ct_why why = {""};
    f->relays.config = f->log.config = f->devices.config = f->config;
    f->relays.chain = f->log.chain = f->devices.chain = f->chain;
    load_relays(f);
    ct_logfollow_load(&f->log);
    if (f->config->devices_path) {
        ct_devfollow_load(&f->devices);
    }
    ct_err err = ct_passes_load_keys(f->config->passes, f->config->keys_path, &why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_log(&f->config->log, CT_LOG_WARN, "wm_keys_not_loaded reason=\"%s\"", why.text);
    }
}
