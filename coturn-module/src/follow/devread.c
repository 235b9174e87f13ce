/* Reads the chain's events about devices into the book, and holds them to the proven log. */
#include "follow/devread.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chain/fresh.h"
#include "chain/registry_devices.h"

enum {
    FINAL_DEPTH = 32, /* blocks above this one are read again each time, so that they can vanish */
    SPAN_FIRST = 1000,
    SPAN_MAX = 10000, /* blocks asked for at once; endpoints allow no more */
    READS_AT_ONCE = 16,
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

/* The lie may be in the book, too: who knows how old it is. */
static ct_err hidden(struct ct_devfollow *f, struct ct_why *why)
{
    ct_devbook_clear(f->book);
    return ct_why(why, CT_ERR_QUORUM,
                  "the events of devices that the RPC endpoints tell do not lead to the log's "
                  "head, which is proven: a revocation was hidden or invented; replace the "
                  "endpoints that lie");
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

/* What events are told has to be what the log's hash runs through, entry by entry. */
static ct_err take_entries(struct ct_log_head *head, const struct ct_device_events *events)
{
    for (size_t i = 0; i < events->entry_count; i++) {
        if (ct_log_head_next(head, &events->entries[i]) != CT_OK) {
            return CT_ERR_FORMAT;
        }
    }
    return CT_OK;
}

/* Writes a span that is final into the book. */
static ct_err write_span(struct ct_devfollow *f, const struct ct_view *view, uint64_t to,
                         const struct ct_device_events *events, struct ct_why *why)
{
    struct ct_devbook_mark *mark = ct_devbook_mark(f->book);
    struct ct_log_head head = mark->head;
    struct ct_devbook_change *changes = NULL;
    size_t count = 0;
    if (take_entries(&head, events) != CT_OK) {
        return hidden(f, why);
    }
    ct_err err = append(f, view, events, &changes, &count, why);
    if (err == CT_OK && (err = ct_devbook_write(f->book, changes, count)) != CT_OK) {
        (void)ct_why(why, err, "more than %d devices, or no memory for them", CT_DEVBOOK_MAX);
    }
    if (err == CT_OK) {
        mark->block = to;
        mark->head = head;
        memcpy(mark->hash32, events->last32, 32);
        f->is_unsaved = true;
    }
    free(changes);
    return err;
}

/* Writes what is final into the book, a span at a time. */
static ct_err read_final(struct ct_devfollow *f, const struct ct_view *view, struct ct_why *why)
{
    const struct ct_devbook_mark *mark = ct_devbook_mark(f->book);
    uint64_t end = view->number > FINAL_DEPTH ? view->number - FINAL_DEPTH : 0;
    for (unsigned reads = 0; reads < READS_AT_ONCE; reads++) {
        uint64_t from = mark->block > 0 ? mark->block + 1 : first_block(f);
        uint64_t to = end;
        struct ct_device_events events = {.list = NULL};
        if (from > end) {
            return CT_OK;
        }
        ct_err err = read_span(f, from, &to, mark->hash32, &events, why);
        if (err == CT_ERR_AGAIN) {
            continue;
        }
        if (err == CT_OK) {
            err = write_span(f, view, to, &events, why);
        }
        ct_device_events_free(&events);
        if (err != CT_OK) {
            return err;
        }
    }
    return ct_why(why, CT_ERR_AGAIN, "devices are being read, up to block %" PRIu64, mark->block);
}

/* Changes that may still be undone, and the log's head behind them. */
struct recent {
    struct ct_devbook_change *changes;
    size_t count;
    struct ct_log_head head;
    uint8_t last32[32];
};

static ct_err take_recent(struct ct_devfollow *f, const struct ct_view *view, uint64_t to,
                          const struct ct_device_events *events, struct recent *recent,
                          struct ct_why *why)
{
    if (to == view->number && memcmp(events->last32, view->hash32, 32) != 0) {
        return ct_why(why, CT_ERR_AGAIN, "the chain has changed meanwhile");
    }
    memcpy(recent->last32, events->last32, 32);
    return take_entries(&recent->head, events) == CT_OK
               ? append(f, view, events, &recent->changes, &recent->count, why)
               : hidden(f, why);
}

static ct_err read_spans(struct ct_devfollow *f, const struct ct_view *view, struct recent *recent,
                         struct ct_why *why)
{
    const struct ct_devbook_mark *mark = ct_devbook_mark(f->book);
    uint64_t from = mark->block > 0 ? mark->block + 1 : first_block(f);
    ct_err err = CT_OK;
    for (unsigned reads = 0; err == CT_OK && from <= view->number; reads++) {
        struct ct_device_events events = {.list = NULL};
        uint64_t to = view->number;
        err = read_span(f, from, &to, recent->last32, &events, why);
        if (err == CT_ERR_AGAIN && reads < READS_AT_ONCE) {
            err = CT_OK;
            continue;
        }
        if (err == CT_OK) {
            err = take_recent(f, view, to, &events, recent, why);
        }
        from = to + 1;
        ct_device_events_free(&events);
    }
    return err;
}

/* The blocks between the book and view, which may still vanish. head is proven: unless the entries
 * lead there, something was hidden in them or in the book. */
static ct_err read_recent(struct ct_devfollow *f, const struct ct_view *view,
                          const struct ct_log_head *head, struct ct_why *why)
{
    const struct ct_devbook_mark *mark = ct_devbook_mark(f->book);
    struct recent recent = {.head = mark->head};
    memcpy(recent.last32, mark->hash32, 32);
    ct_err err = read_spans(f, view, &recent, why);
    if (err == CT_OK &&
        (recent.head.count != head->count || memcmp(recent.head.head24, head->head24, 24) != 0)) {
        err = hidden(f, why);
    }
    if (err == CT_OK &&
        (err = ct_devbook_set_recent(f->book, recent.changes, recent.count)) != CT_OK) {
        (void)ct_why(why, err, "more recent changes of devices than there is room for");
    }
    free(recent.changes);
    return err;
}

/*
 * Of a view that is not above the book. What lies in the past has a lower number and an earlier
 * time than when the book was confirmed: then endpoints lag, as they may after a restart. With a
 * later time the book's block is of no chain that goes on, or else a number once forged too high
 * would lock out the truth for good. CT_ERR_EXPIRED, CT_ERR_STATE.
 */
static ct_err check_not_ahead(const struct ct_devbook_mark *mark, const struct ct_view *view,
                              struct ct_why *why)
{
    static const uint8_t zero32[32];
    bool is_past = view->timestamp_s <= mark->confirmed_s + CT_FRESH_AHEAD_S;
    bool is_other = mark->block == view->number && memcmp(mark->hash32, zero32, 32) != 0 &&
                    memcmp(mark->hash32, view->hash32, 32) != 0;
    if (is_other || (mark->block > view->number && !is_past)) {
        return ct_why(why, CT_ERR_STATE, "block %" PRIu64 " was replaced by another", mark->block);
    }
    if (mark->block > view->number) {
        return ct_why(why, CT_ERR_EXPIRED,
                      "the RPC endpoints are behind block %" PRIu64
                      ", up to which devices are known: nothing is confirmed until they are there; "
                      "replace those that are not in step with the chain",
                      mark->block);
    }
    return CT_OK;
}

ct_err ct_devread(struct ct_devfollow *f, const struct ct_view *view,
                  const struct ct_log_head *head, struct ct_why *why)
{
    f->span = f->span > 0 ? f->span : SPAN_FIRST;
    ct_err err = check_not_ahead(ct_devbook_mark(f->book), view, why);
    if (err == CT_OK) {
        err = read_final(f, view, why);
    }
    if (err == CT_OK) {
        err = read_recent(f, view, head, why);
    }
    if (err == CT_ERR_STATE) { /* deeper than FINAL_DEPTH: nothing of the book is certain */
        ct_log(&f->config->log, CT_LOG_WARN, "devices_read_again reason=\"%s\"", why->text);
        ct_devbook_clear(f->book);
        err = CT_ERR_AGAIN;
    }
    return err;
}
