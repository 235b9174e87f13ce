/*
 * Merkle-Patricia proofs. Property: an accepted proof implies the value under the root: for the
 * root of a known trie whatever is proven, value or absence, is true; for a root made of the
 * input's own first node (a lying chain) nothing is read outside of the nodes.
 */
/* links: ct_testchain ct_chain ct_base */
#include "fuzz_trie.h"

#include <string.h>

#include "base/bytes.h"
#include "fuzz.h"

static struct fuzz_trie trie;

/* The nodes: length, 2 bytes, and so many. */
static size_t read_nodes(struct ct_span nodes[CT_TRIE_NODES_MAX], struct ct_rd *r)
{
    size_t count = 0;
    while (r->left > 2 && count < CT_TRIE_NODES_MAX) {
        size_t len = ct_rd_be16(r);
        len = len < r->left ? len : r->left;
        nodes[count++] = (struct ct_span){ct_rd_take(r, len), len};
    }
    return count;
}

static const struct ct_trie_entry *find(const uint8_t *key)
{
    for (size_t i = 0; i < FUZZ_TRIE_ENTRIES; i++) {
        if (memcmp(trie.keys[i], key, 32) == 0) {
            return &trie.entries[i];
        }
    }
    return NULL;
}

static void check_known(const uint8_t *key, const struct ct_span *nodes, size_t count)
{
    bool found = false;
    struct ct_span value = {NULL, 0};
    const struct ct_trie_entry *truth = find(key);
    if (ct_trie_verify(&found, &value, trie.root32, key, 32, nodes, count) == CT_OK) {
        HOLDS(found == (truth != NULL));
        HOLDS(!found ||
              (value.len == truth->value_len && memcmp(value.data, truth->value, value.len) == 0));
    }
}

static bool is_inside(const struct ct_span *value, const struct ct_span *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value->data >= nodes[i].data &&
            value->data + value->len <= nodes[i].data + nodes[i].len) {
            return true;
        }
    }
    return false;
}

static void check_unknown(const uint8_t *key, const struct ct_span *nodes, size_t count)
{
    uint8_t root[32];
    uint8_t word[32];
    bool found = false;
    struct ct_span value = {NULL, 0};
    struct ct_account account;
    if (count == 0) {
        return;
    }
    ct_keccak256(root, nodes[0].data, nodes[0].len);
    for (size_t len = 0; len <= 32; len += 16) {
        found = false;
        if (ct_trie_verify(&found, &value, root, key, len, nodes, count) == CT_OK) {
            HOLDS(!found || is_inside(&value, nodes, count));
        }
    }
    ct_err err = ct_trie_account(&found, &account, root, key, nodes, count);
    HOLDS(err == CT_OK || err == CT_ERR_AUTH);
    err = ct_trie_storage(word, root, key, nodes, count);
    HOLDS(err == CT_OK || err == CT_ERR_AUTH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_span nodes[CT_TRIE_NODES_MAX];
    struct ct_rd r = ct_rd_init(data, size);
    uint8_t which = ct_rd_u8(&r);
    const uint8_t *key = ct_rd_take(&r, 32);
    if (key == NULL) {
        return 0;
    }
    if (trie.entries[0].key == NULL) {
        fuzz_trie_make(&trie);
    }
    key = which < FUZZ_TRIE_ENTRIES ? trie.keys[which] : key;
    size_t count = read_nodes(nodes, &r);
    check_known(key, nodes, count);
    check_unknown(key, nodes, count);
    return 0;
}
