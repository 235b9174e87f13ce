/*
 * Where approved devices are reached, as one immutable snapshot: relay index and port.
 *
 * A place is 32 bits. Mixed by a function that can be undone, its upper half says which bucket it
 * is in, so only the lower half is kept, and nothing is lost: 2 MB for a million places, where a
 * table of whole ones takes 8 and is read from memory, not from the processor's cache.
 */
#include "peers/devset.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 65536 };

struct ct_devset {
    uint32_t first[BUCKETS + 1]; /* where in rest a bucket begins; the last one is the count */
    uint16_t rest[];             /* of each bucket, ascending */
};

/* One to one, as each step is. Relays are numbered one after another, and so are their ports. */
static uint32_t mix(uint32_t place)
{
    place ^= place >> 16;
    place *= UINT32_C(0x9e3779b1);
    place ^= place >> 15;
    place *= UINT32_C(0x85ebca77);
    return place ^ place >> 16;
}

/* The first of the n at or above value, or the one behind them; as many steps whatever is there. */
static const uint16_t *at_or_above(const uint16_t *at, size_t n, uint16_t value)
{
    while (n > 0) {
        size_t half = (n + 1) / 2;
        at +=
            half * (size_t)(at[half - 1] < value); /* no branch: half the guesses would be wrong */
        n -= half;
    }
    return at;
}

/* Puts the places into their buckets, which lie one behind the other. */
static void spread(struct ct_devset *set, const uint32_t *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        set->first[(mix(places[i]) >> 16) + 1]++;
    }
    for (size_t b = 0; b < BUCKETS; b++) {
        set->first[b + 1] += set->first[b];
    }
    for (size_t i = count; i-- > 0;) { /* from each bucket's end, which the next one's begin is */
        uint32_t mixed = mix(places[i]);
        set->rest[--set->first[(mixed >> 16) + 1]] = (uint16_t)mixed;
    }
    /* each begin now stands one place too far on */
    memmove(set->first, set->first + 1, BUCKETS * sizeof(set->first[0]));
    set->first[BUCKETS] = (uint32_t)count;
}

static int by_value(const void *a, const void *b)
{
    uint16_t left = *(const uint16_t *)a;
    uint16_t right = *(const uint16_t *)b;
    return (left > right) - (left < right);
}

/* Sorts each bucket and drops what is there twice. */
static void settle(struct ct_devset *set)
{
    uint32_t kept = 0;
    for (size_t b = 0; b < BUCKETS; b++) {
        uint32_t from = set->first[b];
        uint32_t to = set->first[b + 1];
        qsort(set->rest + from, to - from, sizeof(set->rest[0]), by_value);
        set->first[b] = kept;
        for (uint32_t i = from; i < to; i++) {
            if (i == from || set->rest[i] != set->rest[kept - 1]) {
                set->rest[kept++] = set->rest[i];
            }
        }
    }
    set->first[BUCKETS] = kept;
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
    struct ct_devset *set = calloc(1, sizeof(*set) + count * sizeof(set->rest[0]));
    if (!set) {
        return CT_ERR_NOMEM;
    }
    spread(set, places, count);
    settle(set);
    *out = set;
    return CT_OK;
}

void ct_devset_free(void *set)
{
    free(set);
}

bool ct_devset_has(const struct ct_devset *set, uint16_t relay, uint16_t port)
{
    uint32_t mixed = mix(ct_devset_place(relay, port));
    const uint16_t *from = set->rest + set->first[mixed >> 16];
    const uint16_t *to = set->rest + set->first[(mixed >> 16) + 1];
    const uint16_t *at = at_or_above(from, (size_t)(to - from), (uint16_t)mixed);
    return at < to && *at == (uint16_t)mixed;
}

size_t ct_devset_count(const struct ct_devset *set)
{
    return set->first[BUCKETS];
}

size_t ct_devset_bytes(const struct ct_devset *set)
{
    return sizeof(*set) + ct_devset_count(set) * sizeof(set->rest[0]);
}

bool ct_devset_equal(const struct ct_devset *a, const struct ct_devset *b)
{
    return memcmp(a->first, b->first, sizeof(a->first)) == 0 &&
           memcmp(a->rest, b->rest, ct_devset_count(a) * sizeof(a->rest[0])) == 0;
}
