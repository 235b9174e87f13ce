/* The trie whose root the proof target believes: known entries, so that every lie is one. */
#ifndef CT_FUZZ_TRIE_H
#define CT_FUZZ_TRIE_H

#include "chain/keccak.h"
#include "trie_build.h"

enum { FUZZ_TRIE_ENTRIES = 40 };

struct fuzz_trie {
    uint8_t keys[FUZZ_TRIE_ENTRIES][32];
    uint8_t values[FUZZ_TRIE_ENTRIES][40];
    struct ct_trie_entry entries[FUZZ_TRIE_ENTRIES];
    uint8_t root32[32];
};

/* Hashed keys of 32 bytes; values from 1 byte (a node in place) to 40. */
static inline void fuzz_trie_make(struct fuzz_trie *t)
{
    for (size_t i = 0; i < FUZZ_TRIE_ENTRIES; i++) {
        uint8_t n = (uint8_t)i;
        ct_keccak256(t->keys[i], &n, 1);
        for (size_t k = 0; k < sizeof(t->values[i]); k++) {
            t->values[i][k] = (uint8_t)(i + k + 1);
        }
        t->entries[i] = (struct ct_trie_entry){t->keys[i], 32, t->values[i], 1 + i};
    }
    ct_trie_build_root(t->root32, t->entries, FUZZ_TRIE_ENTRIES);
}

#endif
