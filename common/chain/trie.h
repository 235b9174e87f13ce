/* Merkle-Patricia proofs (yellow paper, appendix D): is this value, or nothing, under that key? */
#ifndef CT_CHAIN_TRIE_H
#define CT_CHAIN_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "chain/span.h"

enum {
    CT_TRIE_NODES_MAX = 65,       /* 64 nibbles and the root */
    CT_TRIE_NODE_MAX = 1024 * 64, /* bytes of one node; a branch of hashes has 532 */
};

/* The root of a trie without entries: keccak256(0x80). */
extern const uint8_t ct_trie_empty_root32[32];

/*
 * Follows key (bytes; for state and storage tries keccak256 of the address or slot, made by the
 * caller) through nodes, root first. Every node must be the one its parent names by hash or holds
 * in place, and none may be left over. What a hash from an agreed block vouches for is not
 * questioned further: only what the walk needs is checked of a node's form.
 *
 * CT_OK        *found true and *value set (into nodes), or *found false: absence is proven
 * CT_ERR_AUTH  the nodes prove neither
 */
CT_MUST_USE ct_err ct_trie_verify(bool *found, struct ct_span *value, const uint8_t root32[32],
                                  const uint8_t *key, size_t key_len, const struct ct_span *nodes,
                                  size_t count);

struct ct_account {
    uint64_t nonce;
    uint8_t balance_wei32[32]; /* big-endian */
    uint8_t storage_root32[32];
    uint8_t code_hash32[32];
};

/*
 * The account addr20 in the state root32. An absent one is CT_OK with *found false. CT_ERR_AUTH as
 * above, or for a value that is not a canonical account.
 */
CT_MUST_USE ct_err ct_trie_account(bool *found, struct ct_account *out,
                                   const uint8_t state_root32[32], const uint8_t addr20[20],
                                   const struct ct_span *nodes, size_t count);
/* The word in slot32; absence gives the zero word, as the EVM reads it. */
CT_MUST_USE ct_err ct_trie_storage(uint8_t value32[32], const uint8_t storage_root32[32],
                                   const uint8_t slot32[32], const struct ct_span *nodes,
                                   size_t count);

#endif
