/*
 * Where approved devices are reached, as one immutable snapshot: relay index and port.
 *
 * What is small stays in a processor's cache, and a read of memory costs more than all else here.
 * So each relay's ports, counted from its lowest, are kept in the smaller of two forms: a bit for
 * each up to the highest; or the lower byte of each that is there, sorted, behind a list that says
 * for each upper byte where those of it end.
 */
#include "peers/devset.h"

#include <stdlib.h>
#include <string.h>

enum form { NONE, BITS, BYTES, BYTES_MANY }; /* of many the list's entries take two bytes */
enum { MANY = 256 };

/* Of one relay. */
struct span {
    uint32_t at : 30; /* where in data its own begin */
    uint32_t form : 2;
    uint16_t port; /* the lowest, */
    uint16_t more; /* and how many there are beyond it, to the highest */
};

struct ct_devset {
    size_t count;
    size_t relays; /* one more than the highest index */
    size_t bytes;  /* of data */
    uint8_t *data; /* behind the spans */
    struct span spans[];
};

/* ---- made ---- */

/* By one byte after another, the lowest first; spare is as large as list, which has it at last. */
static void sort(uint32_t *list, uint32_t *spare, size_t count)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        size_t at[257] = {0};
        for (size_t i = 0; i < count; i++) {
            at[(list[i] >> shift & 0xff) + 1]++;
        }
        for (size_t b = 0; b < 255; b++) {
            at[b + 1] += at[b];
        }
        for (size_t i = 0; i < count; i++) {
            spare[at[list[i] >> shift & 0xff]++] = list[i];
        }
        uint32_t *sorted = spare;
        spare = list;
        list = sorted;
    }
}

static size_t drop_doubles(uint32_t *sorted, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || sorted[i] != sorted[kept - 1]) {
            sorted[kept++] = sorted[i];
        }
    }
    return kept;
}

/* How many of these, which are sorted, are of the first one's relay. */
static size_t same_relay(const uint32_t *places, size_t count)
{
    size_t n = 0;
    while (n < count && places[n] >> 16 == places[0] >> 16) {
        n++;
    }
    return n;
}

static unsigned offset_of(const uint32_t *places, size_t i)
{
    return places[i] - places[0];
}

/* Entries of the list of upper bytes. */
static size_t list_len(unsigned more)
{
    return more / 256 + 1;
}

static enum form form_of(size_t *size, const uint32_t *places, size_t count)
{
    unsigned more = offset_of(places, count - 1);
    enum form form = count < MANY ? BYTES : BYTES_MANY;
    size_t bits = more / 8 + 1;
    size_t bytes = list_len(more) * (form == BYTES ? 1 : 2) + count;
    *size = bits <= bytes ? bits : bytes;
    return bits <= bytes ? BITS : form;
}

static struct ct_devset *make(const uint32_t *places, size_t count)
{
    struct ct_devset sizes = {.count = count,
                              .relays = count > 0 ? (places[count - 1] >> 16) + 1 : 0};
    for (size_t i = 0, n = 0; i < count; i += n) {
        size_t size = 0;
        n = same_relay(places + i, count - i);
        (void)form_of(&size, places + i, n);
        sizes.bytes += size;
    }
    struct ct_devset *set = calloc(1, ct_devset_bytes(&sizes));
    if (set) {
        *set = sizes;
        set->data = (uint8_t *)(set->spans + set->relays);
    }
    return set;
}

static void put_bits(uint8_t *to, const uint32_t *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[offset_of(places, i) / 8] |= (uint8_t)(1u << offset_of(places, i) % 8);
    }
}

static void put_bytes(uint8_t *to, enum form form, const uint32_t *places, size_t count)
{
    size_t len = list_len(offset_of(places, count - 1));
    size_t entry = form == BYTES ? 1 : 2;
    size_t i = 0;
    for (size_t high = 0; high < len; high++) {
        for (; i < count && offset_of(places, i) / 256 == high; i++) {
            to[len * entry + i] = (uint8_t)offset_of(places, i);
        }
        to[high * entry] = (uint8_t)i;
        if (form == BYTES_MANY) {
            to[high * entry + 1] = (uint8_t)(i >> 8);
        }
    }
}

static void fill(struct ct_devset *set, const uint32_t *places)
{
    size_t used = 0;
    for (size_t i = 0, n = 0; i < set->count; i += n) {
        size_t size = 0;
        n = same_relay(places + i, set->count - i);
        enum form form = form_of(&size, places + i, n);
        set->spans[places[i] >> 16] = (struct span){.at = (uint32_t)used & 0x3fffffff,
                                                    .form = form,
                                                    .port = (uint16_t)places[i],
                                                    .more = (uint16_t)offset_of(places + i, n - 1)};
        if (form == BITS) {
            put_bits(set->data + used, places + i, n);
        } else {
            put_bytes(set->data + used, form, places + i, n);
        }
        used += size;
    }
}

ct_err ct_devset_new(struct ct_devset **out, const uint32_t *places, size_t count)
{
    if (count > CT_DEVSET_PLACES_MAX) {
        return CT_ERR_ARG;
    }
    for (size_t i = 0; i < count; i++) {
        if (places[i] >> 16 == 0) {
            return CT_ERR_ARG;
        }
    }
    uint32_t *work = malloc((2 * count + 1) * sizeof(*work));
    if (!work) {
        return CT_ERR_NOMEM;
    }
    if (count > 0) {
        memcpy(work, places, count * sizeof(*work));
        sort(work, work + count, count);
    }
    struct ct_devset *set = make(work, drop_doubles(work, count));
    if (set) {
        fill(set, work);
        *out = set;
    }
    free(work);
    return set ? CT_OK : CT_ERR_NOMEM;
}

void ct_devset_free(void *set)
{
    free(set);
}

/* ---- asked ---- */

static size_t entry_of(const uint8_t *list, enum form form, size_t i)
{
    return form == BYTES ? list[i] : (size_t)(list[2 * i] | list[2 * i + 1] << 8);
}

static bool is_among_bytes(const uint8_t *at, enum form form, unsigned more, unsigned offset)
{
    size_t high = offset / 256;
    size_t from = high > 0 ? entry_of(at, form, high - 1) : 0;
    size_t to = entry_of(at, form, high);
    const uint8_t *low = at + list_len(more) * (form == BYTES ? 1 : 2);
    bool found = false;
    while (to - from > 16) { /* read through when they are few: no guess of a branch is wrong */
        size_t middle = from + (to - from) / 2;
        bool is_above = low[middle] <= (uint8_t)offset;
        from = is_above ? middle : from;
        to = is_above ? to : middle;
    }
    for (size_t i = from; i < to; i++) {
        found |= low[i] == (uint8_t)offset;
    }
    return found;
}

bool ct_devset_has(const struct ct_devset *set, uint16_t relay, uint16_t port)
{
    if (relay >= set->relays || set->spans[relay].form == NONE) {
        return false;
    }
    const struct span *span = &set->spans[relay];
    const uint8_t *at = set->data + span->at;
    unsigned offset = (uint16_t)(port - span->port);
    if (offset > span->more) {
        return false;
    }
    return span->form == BITS ? (at[offset / 8] >> offset % 8 & 1) != 0
                              : is_among_bytes(at, span->form, span->more, offset);
}

void ct_devset_expect(const struct ct_devset *set, uint16_t relay, uint16_t port)
{
    if (relay >= set->relays) {
        return;
    }
    const struct span *span = &set->spans[relay];
    unsigned offset = (uint16_t)(port - span->port);
    if (offset > span->more) {
        return;
    }
    const uint8_t *at = set->data + span->at;
    const uint8_t *low = at + list_len(span->more);
    __builtin_prefetch(at + (span->form == BITS ? offset / 8 : offset / 256));
    if (span->form == BYTES) { /* in one of the first lines, mostly */
        __builtin_prefetch(low);
        __builtin_prefetch(low + 64);
    }
}

size_t ct_devset_count(const struct ct_devset *set)
{
    return set->count;
}

size_t ct_devset_bytes(const struct ct_devset *set)
{
    return sizeof(*set) + set->relays * sizeof(set->spans[0]) + set->bytes;
}

bool ct_devset_equal(const struct ct_devset *a, const struct ct_devset *b)
{
    return a->count == b->count && a->relays == b->relays && a->bytes == b->bytes &&
           memcmp(a->spans, b->spans, ct_devset_bytes(a) - sizeof(*a)) == 0;
}
