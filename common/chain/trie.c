/* The proof walk: node by node down the key's nibbles, each node held to the reference above it. */
#include "chain/trie.h"

#include <string.h>

#include "chain/keccak.h"
#include "chain/rlp.h"

const uint8_t ct_trie_empty_root32[32] = {
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
    0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21};

struct walk {
    const uint8_t *key;
    size_t nibbles; /* of the key */
    size_t at;      /* nibbles already followed */
    const struct ct_span *nodes;
    size_t count;
    size_t used;
    struct ct_span node; /* the encoded node that is read now */
    bool done;
    bool found;
    struct ct_span value;
};

static unsigned key_nibble(const struct walk *w, size_t i)
{
    return i % 2 == 0 ? w->key[i / 2] >> 4 : w->key[i / 2] & 15u;
}

/* Takes the next proof node; it must hash to hash32. */
static ct_err next_hashed(struct walk *w, const uint8_t hash32[32])
{
    uint8_t got[32];
    if (w->used == w->count || w->nodes[w->used].len > CT_TRIE_NODE_MAX) {
        return CT_ERR_AUTH;
    }
    w->node = w->nodes[w->used++];
    ct_keccak256(got, w->node.data, w->node.len);
    return memcmp(got, hash32, 32) == 0 ? CT_OK : CT_ERR_AUTH;
}

/* A reference: a hash, a node of less than 32 bytes in place, or nothing. */
static ct_err follow(struct walk *w, const struct ct_rlp_item *ref)
{
    if (ref->is_list) {
        w->node = (struct ct_span){ref->whole, ref->whole_len};
        return ref->whole_len < 32 ? CT_OK : CT_ERR_AUTH;
    }
    if (ref->len == 0) {
        w->done = true; /* the key ends in an empty branch: absent */
        return CT_OK;
    }
    return ref->len == 32 ? next_hashed(w, ref->data) : CT_ERR_AUTH;
}

static void end_with(struct walk *w, const struct ct_rlp_item *value)
{
    w->done = true;
    w->found = true;
    w->value = (struct ct_span){value->data, value->len};
}

static ct_err step_branch(struct walk *w, const struct ct_rlp_item items[17])
{
    if (items[16].is_list) {
        return CT_ERR_AUTH;
    }
    if (w->at == w->nibbles) {
        w->done = true;
        if (items[16].len > 0) {
            end_with(w, &items[16]);
        }
        return CT_OK;
    }
    return follow(w, &items[key_nibble(w, w->at++)]);
}

/* Hex-prefix path (appendix C): flag nibble 0/1 extension, 2/3 leaf; odd flags carry a nibble. */
static ct_err step_short(struct walk *w, const struct ct_rlp_item items[2])
{
    const struct ct_rlp_item *path = &items[0];
    if (path->is_list || path->len == 0 || path->data[0] >> 4 > 3) {
        return CT_ERR_AUTH;
    }
    bool leaf = (path->data[0] & 0x20) != 0;
    bool odd = (path->data[0] & 0x10) != 0;
    size_t len = 2 * (path->len - 1) + odd;
    bool same = len <= w->nibbles - w->at;
    if ((!odd && (path->data[0] & 15) != 0) || (!leaf && len == 0)) {
        return CT_ERR_AUTH;
    }
    for (size_t i = 0; same && i < len; i++) {
        size_t p = i + 2 - odd;
        unsigned nibble = p % 2 == 0 ? path->data[p / 2] >> 4 : path->data[p / 2] & 15u;
        same = nibble == key_nibble(w, w->at + i);
    }
    if (leaf) {
        if (items[1].is_list || items[1].len == 0) {
            return CT_ERR_AUTH;
        }
        w->done = true;
        if (same && len == w->nibbles - w->at) {
            end_with(w, &items[1]);
        }
        return CT_OK;
    }
    if (!items[1].is_list && items[1].len != 32) {
        return CT_ERR_AUTH; /* an extension leads somewhere */
    }
    if (!same) {
        w->done = true; /* another way than the key's: absent */
        return CT_OK;
    }
    w->at += len;
    return follow(w, &items[1]);
}

static ct_err step(struct walk *w)
{
    struct ct_rlp_item items[17];
    size_t count = 0;
    struct ct_rd whole = ct_rd_init(w->node.data, w->node.len);
    struct ct_rd list = ct_rlp_next_list(&whole);
    while (!list.bad && list.left > 0 && count < 17) {
        items[count++] = ct_rlp_next(&list);
    }
    if (ct_rd_end(&list) != CT_OK || ct_rd_end(&whole) != CT_OK) {
        return CT_ERR_AUTH;
    }
    if (count == 17) {
        return step_branch(w, items);
    }
    return count == 2 ? step_short(w, items) : CT_ERR_AUTH;
}

ct_err ct_trie_verify(bool *found, struct ct_span *value, const uint8_t root32[32],
                      const uint8_t *key, size_t key_len, const struct ct_span *nodes, size_t count)
{
    struct walk w = {.key = key, .nibbles = 2 * key_len, .nodes = nodes, .count = count};
    if (count > CT_TRIE_NODES_MAX) {
        return CT_ERR_AUTH;
    }
    if (memcmp(root32, ct_trie_empty_root32, 32) == 0) {
        /* nothing to show; some nodes send the empty root node itself */
        bool plain = count == 0 || (count == 1 && nodes[0].len == 1 && nodes[0].data[0] == 0x80);
        if (plain) {
            *found = false;
        }
        return plain ? CT_OK : CT_ERR_AUTH;
    }
    ct_err err = next_hashed(&w, root32);
    /* an embedded node is shorter than the one around it, a hashed one uses up the list */
    while (err == CT_OK && !w.done) {
        err = step(&w);
    }
    if (err != CT_OK || w.used != w.count) {
        return CT_ERR_AUTH;
    }
    *found = w.found;
    if (w.found) {
        *value = w.value;
    }
    return CT_OK;
}

ct_err ct_trie_account(bool *found, struct ct_account *out, const uint8_t state_root32[32],
                       const uint8_t addr20[20], const struct ct_span *nodes, size_t count)
{
    uint8_t key[32];
    struct ct_span value = {0};
    struct ct_account account;
    bool there = false;
    ct_keccak256(key, addr20, 20);
    ct_err err = ct_trie_verify(&there, &value, state_root32, key, 32, nodes, count);
    if (err != CT_OK) {
        return err;
    }
    if (there) {
        struct ct_rd r = ct_rd_init(value.data, value.len);
        struct ct_rd fields = ct_rlp_next_list(&r);
        account.nonce = ct_rlp_next_u64(&fields);
        struct ct_u256 balance = ct_rlp_next_u256(&fields);
        memcpy(account.balance_wei32, balance.be, 32);
        ct_rlp_next_fixed(&fields, account.storage_root32, 32);
        ct_rlp_next_fixed(&fields, account.code_hash32, 32);
        if (ct_rd_end(&fields) != CT_OK || ct_rd_end(&r) != CT_OK) {
            return CT_ERR_AUTH;
        }
        *out = account;
    }
    *found = there;
    return CT_OK;
}

ct_err ct_trie_storage(uint8_t value32[32], const uint8_t storage_root32[32],
                       const uint8_t slot32[32], const struct ct_span *nodes, size_t count)
{
    uint8_t key[32];
    struct ct_span value = {0};
    struct ct_u256 word = {{0}};
    bool there = false;
    ct_keccak256(key, slot32, 32);
    ct_err err = ct_trie_verify(&there, &value, storage_root32, key, 32, nodes, count);
    if (err != CT_OK) {
        return err;
    }
    if (there) {
        struct ct_rd r = ct_rd_init(value.data, value.len);
        word = ct_rlp_next_u256(&r);
        if (ct_rd_end(&r) != CT_OK) {
            return CT_ERR_AUTH;
        }
        /* a zero word has no leaf on Ethereum; anvil 1.7 keeps one, and it says the same */
    }
    memcpy(value32, word.be, 32);
    return CT_OK;
}
