/* The yellow paper's appendix D written down as it stands: c(J, i) and n(J, i) by recursion. */
#include "trie_build.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "chain/keccak.h"
#include "chain/rlp.h"

struct build {
    const struct ct_trie_entry *all;
    const uint8_t *key; /* of the proof, or NULL */
    size_t key_nibbles;
    struct ct_span *nodes; /* of the proof */
    size_t node_count;
};

static unsigned nibble(const uint8_t *key, size_t i)
{
    return i % 2 == 0 ? key[i / 2] >> 4 : key[i / 2] & 15u;
}

/* Entries picked by index, all alike in their first depth nibbles. */
struct part {
    size_t *picked;
    size_t count;
};

static size_t nibbles_of(const struct build *b, size_t entry)
{
    return 2 * b->all[entry].key_len;
}

static size_t common(const struct build *b, const struct part *part, size_t depth)
{
    size_t len = nibbles_of(b, part->picked[0]) - depth;
    const uint8_t *first = b->all[part->picked[0]].key;
    for (size_t i = 1; i < part->count; i++) {
        size_t mine = nibbles_of(b, part->picked[i]) - depth;
        size_t same = 0;
        while (same < len && same < mine &&
               nibble(first, depth + same) == nibble(b->all[part->picked[i]].key, depth + same)) {
            same++;
        }
        len = same;
    }
    return len;
}

static void put_path(struct ct_wr *w, const uint8_t *key, size_t from, size_t len, bool leaf)
{
    uint8_t path[CT_TRIE_NODES_MAX];
    unsigned odd = len % 2;
    path[0] = (uint8_t)((leaf ? 0x20u : 0u) | (odd ? 0x10u | nibble(key, from) : 0u));
    for (size_t i = 0; i < len / 2; i++) {
        path[1 + i] =
            (uint8_t)(nibble(key, from + odd + 2 * i) << 4 | nibble(key, from + odd + 2 * i + 1));
    }
    ct_rlp_bytes(w, path, 1 + len / 2);
}

static size_t encode(struct build *b, const struct part *part, size_t depth, bool on_way,
                     uint8_t **out);

/* A child as its parent holds it: in place when shorter than 32 bytes, else by hash. */
static void put_child(struct build *b, struct ct_wr *w, const struct part *part, size_t depth,
                      bool on_way)
{
    uint8_t *node = NULL;
    uint8_t hash[32];
    if (part->count == 0) {
        ct_rlp_bytes(w, "", 0);
        return;
    }
    size_t place = b->node_count;
    b->node_count += on_way;
    size_t len = encode(b, part, depth, on_way, &node);
    if (len < 32) {
        ct_wr_bytes(w, node, len);
        b->node_count -= on_way; /* it is inside of its parent, and ends the way */
        free(node);
        return;
    }
    ct_keccak256(hash, node, len);
    ct_rlp_bytes(w, hash, 32);
    if (on_way) {
        b->nodes[place] = (struct ct_span){node, len};
    } else {
        free(node);
    }
}

static void put_branch(struct build *b, struct ct_wr *w, const struct part *part, size_t depth,
                       bool on_way)
{
    size_t *picked = malloc((part->count + 1) * sizeof(*picked));
    if (picked == NULL) {
        abort();
    }
    for (unsigned n = 0; n < 16; n++) {
        struct part child = {.picked = picked};
        for (size_t i = 0; i < part->count; i++) {
            size_t e = part->picked[i];
            if (nibbles_of(b, e) > depth && nibble(b->all[e].key, depth) == n) {
                child.picked[child.count++] = e;
            }
        }
        bool way = on_way && depth < b->key_nibbles && nibble(b->key, depth) == n;
        put_child(b, w, &child, depth + 1, way);
    }
    free(picked);
    for (size_t i = 0; i < part->count; i++) {
        const struct ct_trie_entry *e = &b->all[part->picked[i]];
        if (2 * e->key_len == depth) {
            ct_rlp_bytes(w, e->value, e->value_len);
            return;
        }
    }
    ct_rlp_bytes(w, "", 0);
}

/* The key of the proof goes along this extension. */
static bool goes_along(const struct build *b, const uint8_t *key, size_t depth, size_t len)
{
    bool along = b->key_nibbles >= depth + len;
    for (size_t i = 0; along && i < len; i++) {
        along = nibble(b->key, depth + i) == nibble(key, depth + i);
    }
    return along;
}

static size_t encode(struct build *b, const struct part *part, size_t depth, bool on_way,
                     uint8_t **out)
{
    const struct ct_trie_entry *first = &b->all[part->picked[0]];
    size_t cap = 2048 + (part->count == 1 ? first->value_len : 0);
    for (size_t i = 0; i < part->count; i++) {
        cap += b->all[part->picked[i]].value_len;
    }
    uint8_t *buf = malloc(2 * cap);
    if (buf == NULL) {
        abort();
    }
    struct ct_wr w = ct_wr_init(buf, cap);
    size_t shared = part->count > 1 ? common(b, part, depth) : 0;
    if (part->count == 1) {
        put_path(&w, first->key, depth, 2 * first->key_len - depth, true);
        ct_rlp_bytes(&w, first->value, first->value_len);
    } else if (shared > 0) {
        bool way = on_way && goes_along(b, first->key, depth, shared);
        put_path(&w, first->key, depth, shared, false);
        put_child(b, &w, part, depth + shared, way);
    } else {
        put_branch(b, &w, part, depth, on_way);
    }
    struct ct_wr list = ct_wr_init(buf + cap, cap);
    ct_rlp_list_head(&list, w.len);
    ct_wr_bytes(&list, buf, w.len);
    memmove(buf, buf + cap, list.len);
    *out = buf;
    return list.len;
}

static size_t build(struct build *b, uint8_t root32[32], size_t count)
{
    uint8_t *node = NULL;
    if (count == 0) {
        memcpy(root32, ct_trie_empty_root32, 32);
        return 0;
    }
    size_t *picked = malloc(count * sizeof(*picked));
    if (picked == NULL) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        picked[i] = i;
    }
    struct part whole = {picked, count};
    b->node_count = b->nodes != NULL;
    size_t len = encode(b, &whole, 0, b->nodes != NULL, &node);
    ct_keccak256(root32, node, len);
    if (b->nodes != NULL) {
        b->nodes[0] = (struct ct_span){node, len};
    } else {
        free(node);
    }
    free(picked);
    return b->node_count;
}

void ct_trie_build_root(uint8_t root32[32], const struct ct_trie_entry *entries, size_t count)
{
    struct build b = {.all = entries};
    (void)build(&b, root32, count);
}

size_t ct_trie_build_proof(struct ct_span nodes[CT_TRIE_NODES_MAX],
                           const struct ct_trie_entry *entries, size_t count, const uint8_t *key,
                           size_t key_len)
{
    uint8_t root[32];
    struct build b = {.all = entries, .key = key, .key_nibbles = 2 * key_len, .nodes = nodes};
    return build(&b, root, count);
}
