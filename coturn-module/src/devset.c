/* Where approved devices are reached, as one immutable snapshot: relay index and port. */
#include "devset.h"

#include <stdlib.h>

struct ct_devset {
    size_t room;  /* places at most */
    size_t count; /* places */
    size_t mask;  /* cells less one; cells are a power of two */
    uint64_t sum; /* of mixed keys, whatever their order */
    uint32_t cells[];
};

static size_t cells_for(size_t places)
{
    size_t cells = 16;
    while (cells - cells / 5 < places) {
        cells *= 2;
    }
    return cells;
}

ct_err ct_devset_new(struct ct_devset **out, size_t places)
{
    if (places > CT_DEVSET_PLACES_MAX) {
        return CT_ERR_ARG;
    }
    size_t cells = cells_for(places);
    struct ct_devset *set = calloc(1, sizeof(*set) + cells * sizeof(set->cells[0]));
    if (!set) {
        return CT_ERR_NOMEM;
    }
    set->room = cells - cells / 5;
    set->mask = cells - 1;
    *out = set;
    return CT_OK;
}

void ct_devset_free(void *set)
{
    free(set);
}

/* Relays are numbered one after another, and so are their ports: one multiplication alone would
 * leave long runs of cells taken. */
static uint64_t mix(uint32_t key)
{
    uint64_t word = key * UINT64_C(0xd6e8feb86659fd93);
    return (word ^ word >> 32) * UINT64_C(0xd6e8feb86659fd93);
}

/* The cell of key, or the free one where it would be. A relay's index is never 0, nor is a key. */
static size_t find(const struct ct_devset *set, uint32_t key)
{
    size_t at = (size_t)(mix(key) >> 32) & set->mask;
    while (set->cells[at] != 0 && set->cells[at] != key) {
        at = (at + 1) & set->mask;
    }
    return at;
}

bool ct_devset_add(struct ct_devset *set, uint16_t relay, uint16_t port)
{
    uint32_t key = (uint32_t)relay << 16 | port;
    size_t at = find(set, key);
    if (set->cells[at] == key) {
        return true;
    }
    if (set->count == set->room || relay == 0) {
        return false;
    }
    set->cells[at] = key;
    set->count++;
    uint64_t mixed = mix(key);
    set->sum += (mixed ^ mixed >> 29) * UINT64_C(0xbf58476d1ce4e5b9); /* not linear in the key */
    return true;
}

bool ct_devset_has(const struct ct_devset *set, uint16_t relay, uint16_t port)
{
    uint32_t key = (uint32_t)relay << 16 | port;
    return relay != 0 && set->cells[find(set, key)] == key;
}

size_t ct_devset_count(const struct ct_devset *set)
{
    return set->count;
}

size_t ct_devset_bytes(const struct ct_devset *set)
{
    return sizeof(*set) + (set->mask + 1) * sizeof(set->cells[0]);
}

bool ct_devset_equal(const struct ct_devset *a, const struct ct_devset *b)
{
    return a->count == b->count && a->sum == b->sum;
}
