/* The approved relays as one immutable snapshot: looked up without a lock, kept on disk. */
#include "peers/peerset.h"

#include <stdlib.h>
#include <string.h>

#include "chain/sealed.h"

struct ct_peerset {
    struct ct_peerset_origin origin;
    size_t count;
    size_t mask;     /* cells less one; cells are a power of two */
    uint16_t *cells; /* by hash of the address: 1 + its first range; 0: free. Behind the ranges */
    struct ct_peer_range ranges[];
};

/* The contract gives at most 16383 indices, each with an IPv4 and an IPv6 address. */
enum { MAX_RANGES = 2 * 16383, RANGE_SIZE = 22, HEAD_SIZE = 8 + 8 + 8 + 4 };

static int compare(const void *a, const void *b)
{
    const struct ct_peer_range *x = a;
    const struct ct_peer_range *y = b;
    int by_addr = memcmp(x->addr16, y->addr16, 16);
    if (by_addr != 0) {
        return by_addr;
    }
    if (x->port_min != y->port_min) {
        return x->port_min < y->port_min ? -1 : 1;
    }
    if (x->port_max != y->port_max) {
        return x->port_max < y->port_max ? -1 : 1;
    }
    return (x->index > y->index) - (x->index < y->index);
}

/* Addresses differ in few bits, at either end of a word: each has to reach the lowest ones. */
static uint64_t mix(uint64_t word)
{
    word = (word ^ word >> 32) * UINT64_C(0xd6e8feb86659fd93);
    word = (word ^ word >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return word ^ word >> 32;
}

/* The cell of the address, or the free one where it would be; more than half of them are free. */
static size_t find(const struct ct_peerset *set, const uint8_t addr16[16])
{
    uint64_t words[2];
    memcpy(words, addr16, sizeof(words));
    size_t at = (size_t)mix(words[1] ^ mix(words[0])) & set->mask;
    while (set->cells[at] != 0 && memcmp(set->ranges[set->cells[at] - 1].addr16, addr16, 16) != 0) {
        at = (at + 1) & set->mask;
    }
    return at;
}

static size_t bytes_of(size_t count, size_t cells)
{
    return sizeof(struct ct_peerset) + count * sizeof(struct ct_peer_range) +
           cells * sizeof(uint16_t);
}

static struct ct_peerset *make(size_t count)
{
    size_t cells = 2;
    while (cells <= 2 * count) {
        cells *= 2;
    }
    struct ct_peerset *set = calloc(1, bytes_of(count, cells));
    if (set) {
        set->count = count;
        set->mask = cells - 1;
        set->cells = (uint16_t *)(void *)(set->ranges + count);
    }
    return set;
}

static void sort(struct ct_peerset *set)
{
    if (set->count > 0) {
        qsort(set->ranges, set->count, sizeof(set->ranges[0]), compare);
    }
    for (size_t i = 0; i < set->count; i++) {
        uint16_t *cell = &set->cells[find(set, set->ranges[i].addr16)];
        *cell = *cell == 0 ? (uint16_t)(i + 1) : *cell;
    }
}

ct_err ct_peerset_new(struct ct_peerset **out, const struct ct_peer_range *ranges, size_t count,
                      const struct ct_peerset_origin *origin)
{
    if (count > MAX_RANGES) {
        return CT_ERR_ARG;
    }
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].index == 0 || ranges[i].port_min == 0 ||
            ranges[i].port_min > ranges[i].port_max) {
            return CT_ERR_ARG;
        }
    }
    struct ct_peerset *set = make(count);
    if (!set) {
        return CT_ERR_NOMEM;
    }
    set->origin = *origin;
    if (count > 0) {
        memcpy(set->ranges, ranges, count * sizeof(set->ranges[0]));
    }
    sort(set);
    *out = set;
    return CT_OK;
}

void ct_peerset_free(void *set)
{
    free(set);
}

size_t ct_peerset_count(const struct ct_peerset *set)
{
    return set->count;
}

size_t ct_peerset_relays(const struct ct_peerset *set)
{
    uint64_t seen[(UINT16_MAX + 1) / 64] = {0};
    size_t relays = 0;
    for (size_t i = 0; i < set->count; i++) {
        uint64_t *word = &seen[set->ranges[i].index / 64];
        uint64_t bit = UINT64_C(1) << (set->ranges[i].index % 64);
        relays += (*word & bit) == 0;
        *word |= bit;
    }
    return relays;
}

size_t ct_peerset_bytes(const struct ct_peerset *set)
{
    return bytes_of(set->count, set->mask + 1);
}

const struct ct_peerset_origin *ct_peerset_origin(const struct ct_peerset *set)
{
    return &set->origin;
}

uint16_t ct_peerset_index(const struct ct_peerset *set, const uint8_t addr16[16], uint16_t port)
{
    uint16_t cell = set->cells[find(set, addr16)];
    size_t at = cell == 0 ? set->count : cell - 1u;
    /* The contract allows 8 relays on one address. */
    for (; at < set->count && memcmp(set->ranges[at].addr16, addr16, 16) == 0; at++) {
        if (port >= set->ranges[at].port_min && port <= set->ranges[at].port_max) {
            return set->ranges[at].index;
        }
    }
    return 0;
}

bool ct_peerset_equal(const struct ct_peerset *a, const struct ct_peerset *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (compare(&a->ranges[i], &b->ranges[i]) != 0) {
            return false;
        }
    }
    return true;
}

static struct ct_sealed sealed(const uint8_t deployment32[32], const char *path)
{
    return (struct ct_sealed){.magic = {'c', 't', 'r', 'e', 'l', 'a', 'y', '2'},
                              .deployment32 = deployment32,
                              .path = path,
                              .whose = "deployment",
                              .instead = "the set of relays is read from the chain again"};
}

ct_err ct_peerset_save(const struct ct_peerset *set, uint64_t confirmed_s, const char *path,
                       struct ct_why *why)
{
    struct ct_sealed s = sealed(set->origin.deployment32, path);
    struct ct_wr w;
    ct_err err = ct_sealed_begin(&w, &s, HEAD_SIZE + set->count * RANGE_SIZE, why);
    if (err != CT_OK) {
        return err;
    }
    ct_wr_be64(&w, set->origin.block);
    ct_wr_be64(&w, set->origin.log_count);
    ct_wr_be64(&w, confirmed_s);
    ct_wr_be32(&w, (uint32_t)set->count);
    for (size_t i = 0; i < set->count; i++) {
        ct_wr_bytes(&w, set->ranges[i].addr16, 16);
        ct_wr_be16(&w, set->ranges[i].port_min);
        ct_wr_be16(&w, set->ranges[i].port_max);
        ct_wr_be16(&w, set->ranges[i].index);
    }
    return ct_sealed_end(&w, &s, why);
}

static ct_err parse(struct ct_peerset **out, const uint8_t deployment32[32], struct ct_rd *r)
{
    struct ct_peerset_origin origin;
    memcpy(origin.deployment32, deployment32, 32);
    origin.block = ct_rd_be64(r);
    origin.log_count = ct_rd_be64(r);
    origin.confirmed_s = ct_rd_be64(r);
    size_t count = ct_rd_be32(r);
    if (r->bad || count > MAX_RANGES || r->left != count * RANGE_SIZE) {
        return CT_ERR_FORMAT;
    }
    struct ct_peer_range *ranges = calloc(count + 1, sizeof(*ranges));
    if (!ranges) {
        return CT_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        ct_rd_copy(r, ranges[i].addr16, 16);
        ranges[i].port_min = ct_rd_be16(r);
        ranges[i].port_max = ct_rd_be16(r);
        ranges[i].index = ct_rd_be16(r);
    }
    ct_err err = ct_rd_end(r);
    if (err == CT_OK && ct_peerset_new(out, ranges, count, &origin) != CT_OK) {
        err = CT_ERR_FORMAT;
    }
    free(ranges);
    return err;
}

ct_err ct_peerset_load(struct ct_peerset **out, const uint8_t deployment32[32], const char *path,
                       struct ct_why *why)
{
    struct ct_sealed s = sealed(deployment32, path);
    struct ct_rd body;
    uint8_t *bytes = NULL;
    ct_err err =
        ct_sealed_load(&bytes, &body, &s, HEAD_SIZE + (size_t)MAX_RANGES * RANGE_SIZE, why);
    if (err == CT_OK) {
        err = parse(out, deployment32, &body);
        err = err == CT_ERR_FORMAT ? ct_sealed_refuse(&s, why) : err;
    }
    free(bytes);
    return err;
}
