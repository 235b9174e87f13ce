/* Follows the chain's events about devices: the set that relay threads read, and the disk. */
#include "follow/devfollow.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "follow/devread.h"

enum { SAVE_MS = 60000 }; /* and a millisecond more for each device */

static ct_err publish(struct ct_devfollow *f, uint16_t today, uint64_t block, struct ct_why *why)
{
    struct ct_devset *set = NULL;
    struct ct_sets *sets = f->config->sets;
    ct_err err = ct_devbook_places(&set, f->book, today);
    if (err != CT_OK) {
        return ct_why(why, err, "the set of devices cannot be used: %s", ct_err_text(err));
    }
    const struct ct_devset *now = ct_snapshot_read(&sets->devices);
    if (now && ct_devset_equal(now, set)) {
        ct_devset_free(set);
        return CT_OK;
    }
    size_t places = ct_devset_count(set);
    if (!ct_snapshot_publish(&sets->devices, &sets->readers, set)) {
        ct_devset_free(set);
        return ct_why(why, CT_ERR_AGAIN, "the sets of devices before this one are still in use");
    }
    ct_log(&f->config->log, CT_LOG_INFO, "device_set places=%zu block=%" PRIu64, places, block);
    return CT_OK;
}

static void save(struct ct_devfollow *f)
{
    struct ct_why why = {""};
    uint64_t now = ct_mono_ms();
    uint64_t every = SAVE_MS + ct_devbook_count(f->book);
    if (!f->is_unsaved || (f->saved_ms != 0 && now - f->saved_ms < every)) {
        return;
    }
    f->saved_ms = now;
    if (ct_devbook_save(f->book, f->config->devices_path, &why) == CT_OK) {
        f->is_unsaved = false;
    } else {
        ct_log(&f->config->log, CT_LOG_WARN, "device_set_not_saved reason=\"%s\"", why.text);
    }
}

static ct_err start(struct ct_devfollow *f, struct ct_why *why)
{
    if (!f->book && ct_devbook_new(&f->book, f->config->bundle->deployment32) != CT_OK) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for the devices");
    }
    return CT_OK;
}

ct_err ct_devfollow_refresh(struct ct_devfollow *f, const struct ct_view *view,
                            const struct ct_log_head *head, struct ct_why *why)
{
    uint16_t today = (uint16_t)(view->timestamp_s / 86400);
    bool is_same = f->done && memcmp(f->done32, view->hash32, 32) == 0;
    ct_err err = start(f, why);
    if (err == CT_OK && !is_same) {
        err = ct_devread(f, view, head, why);
        if (err == CT_OK && f->day != today) {
            ct_devbook_expire(f->book, today);
        }
        if (err == CT_OK) {
            err = publish(f, today, view->number, why);
        }
    }
    if (err != CT_OK) {
        return err;
    }
    f->is_unsaved = f->is_unsaved || !is_same;
    f->done = true;
    f->day = today;
    memcpy(f->done32, view->hash32, 32);
    ct_devbook_mark(f->book)->confirmed_s = ct_wall_s();
    atomic_store(&f->config->sets->devices.confirmed_s, ct_wall_s());
    ct_snapshot_reap(&f->config->sets->devices, &f->config->sets->readers);
    save(f);
    return CT_OK;
}

void ct_devfollow_load(struct ct_devfollow *f)
{
    struct ct_why why = {""};
    ct_err err =
        ct_devbook_load(&f->book, f->config->bundle->deployment32, f->config->devices_path, &why);
    if (err == CT_OK) {
        uint64_t confirmed_s = ct_devbook_mark(f->book)->confirmed_s;
        err = publish(f, (uint16_t)(ct_wall_s() / 86400), ct_devbook_mark(f->book)->block, &why);
        atomic_store(&f->config->sets->devices.confirmed_s, confirmed_s);
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_log(&f->config->log, CT_LOG_WARN, "device_set_not_loaded reason=\"%s\"", why.text);
    }
}
