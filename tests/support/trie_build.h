/* A Merkle-Patricia trie built whole, in memory, to make roots and proofs that a test verifies. */
#ifndef CT_TEST_TRIE_BUILD_H
#define CT_TEST_TRIE_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "chain/trie.h"

struct ct_trie_entry {
    const uint8_t *key; /* all distinct */
    size_t key_len;
    const uint8_t *value; /* not empty */
    size_t value_len;
};

void ct_trie_build_root(uint8_t root32[32], const struct ct_trie_entry *entries, size_t count);

/* The nodes from the root towards key, as eth_getProof gives them; each data is to be freed. */
size_t ct_trie_build_proof(struct ct_span nodes[CT_TRIE_NODES_MAX],
                           const struct ct_trie_entry *entries, size_t count, const uint8_t *key,
                           size_t key_len);

#endif
