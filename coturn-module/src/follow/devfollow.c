/* Follows the chain's events about devices: what is final goes into the book, the rest on top. */
#include "follow/devfollow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chain/registry_devices.h"

enum {
    FINAL_DEPTH = 32, /* blocks above this one are read again each time, so that they can vanish */
    SPAN_FIRST = 1000,
    SPAN_MAX = 10000, /* blocks asked for at once; endpoints allow no more */
    READS_AT_ONCE = 16,
    SAVE_MS = 60000, /* and a millisecond more for each device */
};

static struct ct_device_places places_of(const struct ct_device *device)
{
    return (struct ct_device_places){.relay = device->relay,
                                     .port = device->port,
                                     .backup_relay = device->backup_relay,
                                     .backup_port = device->backup_port,
                                     .expiry_day = device->expiry_day};
}

static void take_record(struct ct_devbook_change *change, const struct ct_device *device)
{
    change->is_gone = device->state != CT_RECORD_APPROVED;
    change->places = places_of(device);
}

/*
 * ClientApproved has no record in it: it is read, proven, as it stands at view. Should it have
 * changed since the event, a later event says the same.
 */
static ct_err read_approved(const struct ct_devfollow *f, const struct ct_view *view,
                            const struct ct_device_events *events,
                            struct ct_devbook_change *changes, struct ct_why *why)
{
    uint8_t ids[CT_CHAIN_SLOTS_MAX][32];
    size_t which[CT_CHAIN_SLOTS_MAX];
    struct ct_device devices[CT_CHAIN_SLOTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < events->count; i++) {
        if (events->list[i].turn == CT_DEVICE_APPROVED) {
            memcpy(ids[n], events->list[i].id_hash32, 32);
            which[n++] = i;
        }
        if (n == 0 || (n < CT_CHAIN_SLOTS_MAX && i + 1 < events->count)) {
            continue;
        }
        ct_err err =
            ct_registry_devices(f->chain, view, (const uint8_t(*)[32])ids, n, devices, why);
        if (err != CT_OK) {
            return err;
        }
        while (n > 0) {
            n--;
            take_record(&changes[which[n]], &devices[n]);
        }
    }
    return CT_OK;
}

/* Appends what happened to devices to *changes, which has *count of them and is allocated anew. */
static ct_err append(const struct ct_devfollow *f, const struct ct_view *view,
                     const struct ct_device_events *events, struct ct_devbook_change **changes,
                     size_t *count, struct ct_why *why)
{
    struct ct_devbook_change *more =
        realloc(*changes, (*count + events->count + 1) * sizeof(*more));
    if (!more) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for the changes of devices");
    }
    *changes = more;
    more += *count;
    memset(more, 0, events->count * sizeof(*more));
    for (size_t i = 0; i < events->count; i++) {
        memcpy(more[i].id, events->list[i].id_hash32, CT_DEVBOOK_ID);
        take_record(&more[i], &events->list[i].device); /* one that is gone has state NONE */
    }
    *count += events->count;
    return read_approved(f, view, events, more, why);
}

/* The contract is not older than the bundle's checkpoint, which deployment sets. */
static uint64_t first_block(const struct ct_devfollow *f)
{
    uint64_t checkpoint = f->config->bundle->checkpoint_number;
    return checkpoint > 0 ? checkpoint : 1;
}

/*
 * Reads events of [from, ..] up to `to` as far as one answer goes; *to is where that ended. The
 * block before has to be the one that was read up to last, by its hash.
 */
static ct_err read_span(struct ct_devfollow *f, uint64_t from, uint64_t *to,
                        const uint8_t before32[32], struct ct_device_events *events,
                        struct ct_why *why)
{
    static const uint8_t zero32[32];
    uint64_t last = *to - from < f->span ? *to : from + f->span - 1;
    ct_err err = ct_registry_device_events(f->chain, from, last, events, why);
    if (err == CT_ERR_CHAIN && f->span > 1) {
        f->span = f->span > 8 ? f->span / 8 : 1; /* endpoints differ in how much they answer */
        return CT_ERR_AGAIN;
    }
    if (err != CT_OK) {
        return err;
    }
    f->span = f->span < SPAN_MAX / 2 ? 2 * f->span : SPAN_MAX;
    *to = last;
    if (memcmp(before32, zero32, 32) != 0 && memcmp(before32, events->before32, 32) != 0) {
        ct_device_events_free(events);
        return ct_why(why, CT_ERR_STATE, "block %" PRIu64 " was replaced by another", from - 1);
    }
    return CT_OK;
}

/* Writes what is final into the book, a span at a time. */
static ct_err read_final(struct ct_devfollow *f, const struct ct_view *view, struct ct_why *why)
{
    struct ct_devbook_mark *mark = ct_devbook_mark(f->book);
    uint64_t end = view->number > FINAL_DEPTH ? view->number - FINAL_DEPTH : 0;
    for (unsigned reads = 0; reads < READS_AT_ONCE; reads++) {
        uint64_t from = mark->block > 0 ? mark->block + 1 : first_block(f);
        uint64_t to = end;
        struct ct_device_events events = {.list = NULL};
        struct ct_devbook_change *changes = NULL;
        size_t count = 0;
        if (from > end) {
            return CT_OK;
        }
        ct_err err = read_span(f, from, &to, mark->hash32, &events, why);
        if (err == CT_ERR_AGAIN) {
            continue;
        }
        if (err == CT_OK) {
            err = append(f, view, &events, &changes, &count, why);
        }
        if (err == CT_OK && (err = ct_devbook_write(f->book, changes, count)) != CT_OK) {
            (void)ct_why(why, err, "more than %d devices, or no memory for them", CT_DEVBOOK_MAX);
        }
        if (err == CT_OK) {
            mark->block = to;
            memcpy(mark->hash32, events.last32, 32);
            f->is_unsaved = true;
        }
        free(changes);
        ct_device_events_free(&events);
        if (err != CT_OK) {
            return err;
        }
    }
    return ct_why(why, CT_ERR_AGAIN, "devices are being read, up to block %" PRIu64, mark->block);
}

/* The blocks between the book and view, which may still vanish. */
static ct_err read_recent(struct ct_devfollow *f, const struct ct_view *view, struct ct_why *why)
{
    const struct ct_devbook_mark *mark = ct_devbook_mark(f->book);
    uint64_t from = mark->block > 0 ? mark->block + 1 : first_block(f);
    struct ct_devbook_change *changes = NULL;
    size_t count = 0;
    uint8_t before32[32];
    ct_err err = CT_OK;
    memcpy(before32, mark->hash32, 32);
    for (unsigned reads = 0; err == CT_OK && from <= view->number; reads++) {
        struct ct_device_events events = {.list = NULL};
        uint64_t to = view->number;
        err = read_span(f, from, &to, before32, &events, why);
        if (err == CT_ERR_AGAIN && reads < READS_AT_ONCE) {
            err = CT_OK;
            continue;
        }
        if (err == CT_OK && to == view->number && memcmp(events.last32, view->hash32, 32) != 0) {
            err = ct_why(why, CT_ERR_AGAIN, "the chain has changed meanwhile");
        }
        if (err == CT_OK) {
            err = append(f, view, &events, &changes, &count, why);
        }
        memcpy(before32, events.last32, 32);
        from = to + 1;
        ct_device_events_free(&events);
    }
    if (err == CT_OK && (err = ct_devbook_set_recent(f->book, changes, count)) != CT_OK) {
        (void)ct_why(why, err, "more recent changes of devices than there is room for");
    }
    free(changes);
    return err;
}

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
    f->span = f->span > 0 ? f->span : SPAN_FIRST;
    if (!f->book && ct_devbook_new(&f->book, f->config->bundle->deployment32) != CT_OK) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for the devices");
    }
    return CT_OK;
}

static ct_err read_all(struct ct_devfollow *f, const struct ct_view *view, struct ct_why *why)
{
    ct_err err = read_final(f, view, why);
    if (err == CT_OK) {
        err = read_recent(f, view, why);
    }
    if (err == CT_ERR_STATE) { /* deeper than FINAL_DEPTH: nothing of the book is certain */
        ct_log(&f->config->log, CT_LOG_WARN, "devices_read_again reason=\"%s\"", why->text);
        ct_devbook_clear(f->book);
        err = CT_ERR_AGAIN;
    }
    return err;
}

ct_err ct_devfollow_refresh(struct ct_devfollow *f, const struct ct_view *view, struct ct_why *why)
{
    uint16_t today = (uint16_t)(view->timestamp_s / 86400);
    bool is_same = f->done && memcmp(f->done32, view->hash32, 32) == 0;
    ct_err err = start(f, why);
    if (err == CT_OK && !is_same) {
        err = read_all(f, view, why);
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
