/* Every approved device's places: a sorted list that changes are merged into. */
#include "peers/devbook.h"

#include <stdlib.h>
#include <string.h>

#include "peers/devbook_private.h"

struct ct_devbook_entry *ct_devbook_entries(const struct ct_devbook *book)
{
    return (struct ct_devbook_entry *)(void *)(book->file + CT_DEVBOOK_HEAD);
}

ct_err ct_devbook_reserve(struct ct_devbook *book, size_t cap)
{
    if (cap <= book->cap && book->file) {
        return CT_OK;
    }
    size_t size = CT_DEVBOOK_HEAD + cap * sizeof(struct ct_devbook_entry) + CT_DEVBOOK_SUM;
    uint8_t *file = realloc(book->file, size);
    if (!file) {
        return CT_ERR_NOMEM;
    }
    book->file = file;
    book->cap = cap;
    return CT_OK;
}

ct_err ct_devbook_new(struct ct_devbook **out, const uint8_t deployment32[32])
{
    struct ct_devbook *book = calloc(1, sizeof(*book));
    if (!book || ct_devbook_reserve(book, 64) != CT_OK) {
        free(book);
        return CT_ERR_NOMEM;
    }
    memcpy(book->deployment32, deployment32, 32);
    *out = book;
    return CT_OK;
}

void ct_devbook_free(struct ct_devbook *book)
{
    if (book) {
        free(book->file);
        free(book->recent);
        free(book);
    }
}

size_t ct_devbook_count(const struct ct_devbook *book)
{
    return book->count;
}

struct ct_devbook_mark *ct_devbook_mark(struct ct_devbook *book)
{
    return &book->mark;
}

void ct_devbook_clear(struct ct_devbook *book)
{
    book->count = 0;
    book->recent_count = 0;
    memset(&book->mark, 0, sizeof(book->mark));
}

/* ---- changes ---- */

static int compare(const void *a, const void *b)
{
    const struct ct_devbook_change *x = a;
    const struct ct_devbook_change *y = b;
    int by_id = memcmp(x->id, y->id, CT_DEVBOOK_ID);
    return by_id != 0 ? by_id : (x->order > y->order) - (x->order < y->order);
}

/* Sorted by id, one for each: the last. */
static size_t settle(struct ct_devbook_change *changes, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        changes[i].order = i;
    }
    if (count > 1) {
        qsort(changes, count, sizeof(*changes), compare);
    }
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || memcmp(changes[i].id, changes[i + 1].id, CT_DEVBOOK_ID) != 0) {
            changes[kept++] = changes[i];
        }
    }
    return kept;
}

static void put16(uint8_t at[2], uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t at[2])
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* Who has no place is not in the book. */
static bool is_nowhere(const struct ct_devbook_change *change)
{
    return change->is_gone || (change->places.relay == 0 && change->places.backup_relay == 0);
}

static void put_entry(struct ct_devbook_entry *out, const struct ct_devbook_change *change)
{
    const struct ct_device_places *p = &change->places;
    memset(out, 0, sizeof(*out));
    memcpy(out->id, change->id, CT_DEVBOOK_ID);
    put16(out->places, p->relay);
    put16(out->places + 2, p->port);
    put16(out->places + 4, p->backup_relay);
    put16(out->places + 6, p->backup_port);
    put16(out->expiry_day, p->expiry_day);
    out->is_gone = is_nowhere(change);
}

/* The first entry from `from` on whose id is not lower. */
static size_t find(const struct ct_devbook *book, size_t from, const uint8_t id[CT_DEVBOOK_ID])
{
    const struct ct_devbook_entry *entries = ct_devbook_entries(book);
    size_t low = from;
    size_t high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(entries[middle].id, id, CT_DEVBOOK_ID) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct ct_devbook *book, size_t at, const uint8_t id[CT_DEVBOOK_ID])
{
    return at < book->count && memcmp(ct_devbook_entries(book)[at].id, id, CT_DEVBOOK_ID) == 0;
}

/* Those about devices that are in the book are written there; the others come first in changes. */
static size_t overwrite(struct ct_devbook *book, struct ct_devbook_change *changes, size_t count,
                        bool write)
{
    size_t added = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        at = find(book, at, changes[i].id);
        if (!is_at(book, at, changes[i].id)) {
            if (write && !is_nowhere(&changes[i])) {
                changes[added] = changes[i];
            }
            added += !is_nowhere(&changes[i]);
        } else if (write) {
            put_entry(&ct_devbook_entries(book)[at], &changes[i]);
        }
    }
    return added;
}

static void drop_gone(struct ct_devbook *book)
{
    struct ct_devbook_entry *entries = ct_devbook_entries(book);
    size_t kept = 0;
    for (size_t i = 0; i < book->count; i++) {
        /* the first count entries are written;
         * NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch) */
        if (!entries[i].is_gone) {
            if (kept != i) {
                entries[kept] = entries[i];
            }
            kept++;
        }
    }
    book->count = kept;
}

/* From the end on, so that nothing is needed beside the list. */
static void merge(struct ct_devbook *book, const struct ct_devbook_change *added, size_t count)
{
    struct ct_devbook_entry *entries = ct_devbook_entries(book);
    size_t old = book->count;
    size_t to = old + count;
    book->count = to;
    while (count > 0) {
        if (old > 0 && memcmp(entries[old - 1].id, added[count - 1].id, CT_DEVBOOK_ID) > 0) {
            entries[--to] = entries[--old];
        } else {
            put_entry(&entries[--to], &added[--count]);
        }
    }
}

ct_err ct_devbook_write(struct ct_devbook *book, struct ct_devbook_change *changes, size_t count)
{
    count = settle(changes, count);
    size_t added = overwrite(book, changes, count, false);
    if (book->count + added > CT_DEVBOOK_MAX) {
        return CT_ERR_ROOM;
    }
    size_t need = book->count + added;
    if (need > book->cap && ct_devbook_reserve(book, need + need / 16 + 64) != CT_OK) {
        return CT_ERR_NOMEM;
    }
    (void)overwrite(book, changes, count, true);
    drop_gone(book);
    merge(book, changes, added);
    return CT_OK;
}

void ct_devbook_expire(struct ct_devbook *book, uint16_t today)
{
    struct ct_devbook_entry *entries = ct_devbook_entries(book);
    for (size_t i = 0; i < book->count; i++) {
        entries[i].is_gone = get16(entries[i].expiry_day) < today;
    }
    drop_gone(book);
}

ct_err ct_devbook_set_recent(struct ct_devbook *book, struct ct_devbook_change *changes,
                             size_t count)
{
    count = settle(changes, count);
    if (count > CT_DEVBOOK_RECENT_MAX) {
        return CT_ERR_ROOM;
    }
    struct ct_devbook_entry *recent = calloc(count + 1, sizeof(*recent));
    if (!recent) {
        return CT_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        put_entry(&recent[i], &changes[i]);
    }
    free(book->recent);
    book->recent = recent;
    book->recent_count = count;
    return CT_OK;
}

/* ---- the set ---- */

static size_t count_places(const struct ct_devbook_entry *entries, size_t count)
{
    size_t places = 0;
    for (size_t i = 0; i < count; i++) {
        places += get16(entries[i].places) != 0;
        places += get16(entries[i].places + 4) != 0;
    }
    return places;
}

/* Returns how many: 2 at most. */
static size_t put_places(uint32_t *out, const struct ct_devbook_entry *entry, uint16_t today)
{
    size_t count = 0;
    for (size_t i = 0; i < 8; i += 4) {
        uint16_t relay = get16(entry->places + i);
        if (relay != 0 && !entry->is_gone && get16(entry->expiry_day) >= today) {
            out[count++] = ct_devset_place(relay, get16(entry->places + i + 2));
        }
    }
    return count;
}

ct_err ct_devbook_places(struct ct_devset **out, const struct ct_devbook *book, uint16_t today)
{
    const struct ct_devbook_entry *entries = ct_devbook_entries(book);
    size_t at = 0;
    size_t count = 0;
    uint32_t *places = malloc(
        (count_places(entries, book->count) + count_places(book->recent, book->recent_count) + 1) *
        sizeof(*places));
    if (!places) {
        return CT_ERR_NOMEM;
    }
    /* what a recent change is about is that change's matter; both lists are sorted */
    for (size_t i = 0; i < book->count; i++) {
        int order = 1;
        while (at < book->recent_count &&
               (order = memcmp(book->recent[at].id, entries[i].id, CT_DEVBOOK_ID)) < 0) {
            at++;
        }
        if (at == book->recent_count || order != 0) {
            count += put_places(places + count, &entries[i], today);
        }
    }
    for (size_t i = 0; i < book->recent_count; i++) {
        count += put_places(places + count, &book->recent[i], today);
    }
    ct_err err = ct_devset_new(out, places, count);
    free(places);
    return err;
}
