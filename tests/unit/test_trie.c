/* Proofs: ethereum's trie vectors by way of a builder, anvil's own, and each of their bits flipped.
 */
/* links: ct_testchain ct_chain ct_base */
#include "chain/trie.h"

#include <stdlib.h>

#include "base/hex.h"
#include "chain/header.h"
#include "chain/keccak.h"
#include "ct_test.h"
#include "trie_build.h"
#include "vectors.h"

enum { ENTRIES_MAX = 256 };

struct store {
    struct ct_trie_entry entries[ENTRIES_MAX];
    size_t count;
};

static uint8_t *text_bytes(const char *text, size_t *len)
{
    if (text[0] == '0' && text[1] == 'x') {
        return ct_vectors_unhex(text, len);
    }
    *len = strlen(text);
    uint8_t *out = malloc(*len + 1);
    memcpy(out, text, *len + 1);
    return out;
}

static void drop(struct store *s, size_t i)
{
    free((void *)(uintptr_t)s->entries[i].key);
    free((void *)(uintptr_t)s->entries[i].value);
    s->entries[i] = s->entries[--s->count];
}

/* Sets or, with value NULL, removes. */
static void put(struct store *s, const char *key, const char *value, bool secure)
{
    struct ct_trie_entry e = {0};
    size_t len = 0;
    uint8_t *bytes = text_bytes(key, &len);
    uint8_t *hash = malloc(32);
    if (secure) {
        ct_keccak256(hash, bytes, len);
        free(bytes);
        bytes = hash;
        len = 32;
    } else {
        free(hash);
    }
    e.key = bytes;
    e.key_len = len;
    for (size_t i = s->count; i-- > 0;) {
        if (s->entries[i].key_len == len && memcmp(s->entries[i].key, bytes, len) == 0) {
            drop(s, i);
        }
    }
    if (value == NULL) {
        free(bytes);
        return;
    }
    e.value = text_bytes(value, &e.value_len);
    s->entries[s->count++] = e;
}

static void check_key(const struct store *s, const uint8_t root32[32], const uint8_t *key,
                      size_t key_len, const struct ct_trie_entry *want)
{
    struct ct_span nodes[CT_TRIE_NODES_MAX];
    struct ct_span value = {0};
    bool found = false;
    size_t n = s->count > 0 ? ct_trie_build_proof(nodes, s->entries, s->count, key, key_len) : 0;
    CHECK_EQ(ct_trie_verify(&found, &value, root32, key, key_len, nodes, n), CT_OK);
    CHECK_EQ(found, want != NULL);
    if (found && want != NULL) {
        CHECK_EQ(value.len, want->value_len);
        CHECK_MEM(value.data, want->value, want->value_len);
    }
    for (size_t cut = 0; s->count > 0 && cut < n; cut++) { /* fewer nodes prove nothing */
        CHECK_EQ(ct_trie_verify(&found, &value, root32, key, key_len, nodes, cut), CT_ERR_AUTH);
    }
    for (size_t i = 0; i < n; i++) {
        free((void *)(uintptr_t)nodes[i].data);
    }
}

static void check_store(struct store *s, const struct ct_json *vector)
{
    uint8_t want[32];
    uint8_t root[32];
    CHECK_EQ(ct_json_fixed(want, 32, ct_json_get(vector, "root")), CT_OK);
    ct_trie_build_root(root, s->entries, s->count);
    CHECK_MEM(root, want, 32);
    for (size_t i = 0; i < s->count; i++) {
        const struct ct_trie_entry *e = &s->entries[i];
        uint8_t other[64] = {0};
        check_key(s, root, e->key, e->key_len, e);
        memcpy(other, e->key, e->key_len);
        for (size_t at = 0; at < e->key_len; at++) { /* absent neighbours, at every depth */
            other[at] ^= 0x11;
            bool taken = false;
            for (size_t j = 0; j < s->count; j++) {
                taken = taken || (s->entries[j].key_len == e->key_len &&
                                  memcmp(s->entries[j].key, other, e->key_len) == 0);
            }
            if (!taken) {
                check_key(s, root, other, e->key_len, NULL);
            }
            other[at] ^= 0x11;
        }
    }
    while (s->count > 0) {
        drop(s, 0);
    }
}

/* "in" is a list of [key, value or null] in order, or an object in any order. */
static void fill(struct store *s, const struct ct_json *in, bool secure)
{
    const char *key;
    for (size_t i = 0; i < ct_json_count(in); i++) {
        const struct ct_json *pair = ct_json_at(in, i);
        put(s, ct_json_text(ct_json_at(pair, 0)), ct_json_text(ct_json_at(pair, 1)), secure);
    }
    for (size_t i = 0; (key = ct_json_key_at(in, i)) != NULL; i++) {
        put(s, key, ct_json_text(ct_json_get(in, key)), secure);
    }
}

static void ethereum_tests_roots_and_proofs_hold(void)
{
    static const struct {
        const char *file;
        size_t count;
        bool secure;
    } files[] = {{"trietest", 3, false},
                 {"trieanyorder", 7, false},
                 {"trietest_secureTrie", 3, true},
                 {"trieanyorder_secureTrie", 7, true},
                 {"hex_encoded_securetrie_test", 3, true}};
    for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
        char path[128];
        const char *name;
        (void)snprintf(path, sizeof(path), "ethereum-tests/TrieTests/%s.json", files[f].file);
        struct ct_json *all = ct_vectors_npm(path);
        REQUIRE(all != NULL);
        size_t count = 0;
        int before = ct_test_failures;
        for (; (name = ct_json_key_at(all, count)) != NULL; count++) {
            struct store store = {.count = 0};
            const struct ct_json *vector = ct_json_get(all, name);
            fill(&store, ct_json_get(vector, "in"), files[f].secure);
            check_store(&store, vector);
        }
        printf("    %s: %zu of %zu\n", files[f].file,
               ct_test_failures == before ? count : (size_t)0, files[f].count);
        CHECK_EQ(count, files[f].count);
        ct_json_free(all);
    }
}

struct proof {
    struct ct_span nodes[CT_TRIE_NODES_MAX];
    size_t count;
};

static void read_proof(struct proof *out, const struct ct_json *list)
{
    out->count = ct_json_count(list);
    for (size_t i = 0; i < out->count; i++) {
        out->nodes[i].data =
            ct_vectors_unhex(ct_json_text(ct_json_at(list, i)), &out->nodes[i].len);
    }
}

static void free_proof(struct proof *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free((void *)(uintptr_t)p->nodes[i].data);
    }
}

/* Flips every bit, cuts every node at every length, drops, doubles and appends nodes. */
static void check_every_change(const uint8_t root32[32], const uint8_t key32[32], struct proof *p)
{
    struct ct_span value;
    bool found = false;
    for (size_t n = 0; n < p->count; n++) {
        uint8_t *data = (uint8_t *)(uintptr_t)p->nodes[n].data;
        size_t len = p->nodes[n].len;
        for (size_t bit = 0; bit < 8 * len; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK_EQ(ct_trie_verify(&found, &value, root32, key32, 32, p->nodes, p->count),
                     CT_ERR_AUTH);
            data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t cut = 0; cut < len; cut++) {
            p->nodes[n].len = cut;
            CHECK_EQ(ct_trie_verify(&found, &value, root32, key32, 32, p->nodes, p->count),
                     CT_ERR_AUTH);
        }
        p->nodes[n].len = len;
    }
    for (size_t n = 0; n < p->count; n++) {
        CHECK_EQ(ct_trie_verify(&found, &value, root32, key32, 32, p->nodes, n), CT_ERR_AUTH);
        p->nodes[p->count] = p->nodes[n];
        CHECK_EQ(ct_trie_verify(&found, &value, root32, key32, 32, p->nodes, p->count + 1),
                 CT_ERR_AUTH);
    }
}

static struct ct_json *text_member(const struct ct_json *object, const char *key, size_t index)
{
    struct ct_json *out = NULL;
    const struct ct_json *value = ct_json_get(object, key);
    const char *text = ct_json_text(ct_json_is_array(value) ? ct_json_at(value, index) : value);
    if (text == NULL || ct_json_parse(&out, text, strlen(text)) != CT_OK) {
        return NULL;
    }
    return out;
}

static void check_slots(const struct ct_json *proof, const uint8_t storage_root32[32])
{
    const struct ct_json *slots = ct_json_get(proof, "storageProof");
    size_t present = 0;
    for (size_t i = 0; i < ct_json_count(slots); i++) {
        const struct ct_json *one = ct_json_at(slots, i);
        struct proof nodes;
        struct ct_u256 want;
        uint8_t slot[32];
        uint8_t got[32];
        uint8_t key[32];
        read_proof(&nodes, ct_json_get(one, "proof"));
        CHECK_EQ(ct_json_fixed(slot, 32, ct_json_get(one, "key")), CT_OK);
        CHECK_EQ(ct_json_u256(&want, ct_json_get(one, "value")), CT_OK);
        CHECK_EQ(ct_trie_storage(got, storage_root32, slot, nodes.nodes, nodes.count), CT_OK);
        CHECK_MEM(got, want.be, 32);
        present += !ct_u256_is_zero(&want);
        ct_keccak256(key, slot, 32);
        check_every_change(storage_root32, key, &nodes);
        slot[0] ^= 0x40; /* the proof of one slot is none of another */
        ct_err err = ct_trie_storage(got, storage_root32, slot, nodes.nodes, nodes.count);
        CHECK(err == CT_ERR_AUTH || memcmp(got, want.be, 32) != 0 || ct_u256_is_zero(&want));
        free_proof(&nodes);
    }
    CHECK_EQ(present, 5);
    CHECK_EQ(ct_json_count(slots), 7); /* a stored zero (anvil keeps those) and an absent slot */
}

static void anvil_proofs_hold_and_no_changed_bit_does(void)
{
    struct ct_json *all = ct_vectors_file("~/tests/vectors/anvil/proofs.json");
    REQUIRE(all != NULL);
    const struct ct_json *a = ct_json_get(all, "a");
    struct ct_json *block = text_member(a, "blocks", 3);
    struct ct_json *proof = text_member(a, "proofs", 3);
    struct ct_json *absent = text_member(a, "absent", 0);
    struct ct_header header;
    struct ct_account account;
    struct proof nodes;
    uint8_t addr[20];
    uint8_t key[32];
    bool found = false;
    REQUIRE(block != NULL && proof != NULL && absent != NULL);
    REQUIRE(ct_header_read(&header, block, NULL) == CT_OK);

    read_proof(&nodes, ct_json_get(proof, "accountProof"));
    CHECK_EQ(ct_json_fixed(addr, 20, ct_json_get(proof, "address")), CT_OK);
    CHECK_EQ(ct_trie_account(&found, &account, header.state_root32, addr, nodes.nodes, nodes.count),
             CT_OK);
    CHECK(found);
    uint8_t code_hash[32];
    CHECK_EQ(ct_json_fixed(code_hash, 32, ct_json_get(all, "code_hash")), CT_OK);
    CHECK_MEM(account.code_hash32, code_hash, 32);
    ct_keccak256(key, addr, 20);
    check_every_change(header.state_root32, key, &nodes);
    free_proof(&nodes);
    check_slots(proof, account.storage_root32);

    read_proof(&nodes, ct_json_get(absent, "accountProof"));
    CHECK_EQ(ct_json_fixed(addr, 20, ct_json_get(absent, "address")), CT_OK);
    CHECK_EQ(ct_trie_account(&found, &account, header.state_root32, addr, nodes.nodes, nodes.count),
             CT_OK);
    CHECK(!found);
    ct_keccak256(key, addr, 20);
    check_every_change(header.state_root32, key, &nodes);
    free_proof(&nodes);

    ct_json_free(absent);
    ct_json_free(proof);
    ct_json_free(block);
    ct_json_free(all);
}

static void empty_trie_needs_no_nodes_and_takes_no_others(void)
{
    static const uint8_t key[32] = {1};
    static const uint8_t empty[] = {0x80};
    static const uint8_t other[] = {0xc0};
    uint8_t root[32];
    struct ct_span value;
    struct ct_span node = {empty, 1};
    bool found = true;
    ct_keccak256(root, empty, 1);
    CHECK_MEM(root, ct_trie_empty_root32, 32);
    CHECK_EQ(ct_trie_verify(&found, &value, root, key, 32, NULL, 0), CT_OK);
    CHECK(!found);
    CHECK_EQ(ct_trie_verify(&found, &value, root, key, 32, &node, 1), CT_OK);
    node.data = other;
    CHECK_EQ(ct_trie_verify(&found, &value, root, key, 32, &node, 1), CT_ERR_AUTH);
}

/* A node that hashes right and is nonsense: the walk must refuse, whatever the root says. */
static void check_node(const uint8_t *node, size_t len)
{
    static const uint8_t key[32] = {0x12, 0x34};
    uint8_t root[32];
    struct ct_span value;
    struct ct_span span = {node, len};
    bool found = false;
    ct_keccak256(root, node, len);
    CHECK_EQ(ct_trie_verify(&found, &value, root, key, 32, &span, 1), CT_ERR_AUTH);
}

static void malformed_nodes_are_refused_though_their_hash_is_right(void)
{
    static const uint8_t string[] = {0x83, 1, 2, 3};
    static const uint8_t empty_list[] = {0xc0};
    static const uint8_t three[] = {0xc3, 1, 2, 3};
    static const uint8_t bad_flag[] = {0xc3, 0x40, 0x01, 0x02};
    static const uint8_t flag_4[] = {0xc2, 0x40, 0x01};
    static const uint8_t even_with_nibble[] = {0xc3, 0x81, 0x81, 0x01};
    static const uint8_t empty_path[] = {0xc2, 0x80, 0x01};
    static const uint8_t empty_extension[] = {0xc2, 0x00, 0x01};
    static const uint8_t leaf_without_value[] = {0xc2, 0x20, 0x80};
    static const uint8_t leaf_with_list[] = {0xc3, 0x20, 0xc1, 0x01};
    static const uint8_t extension_to_nothing[] = {0xc2, 0x11, 0x80};
    static const uint8_t trailing[] = {0xc2, 0x20, 0x01, 0x00};
    check_node(string, sizeof(string));
    check_node(empty_list, sizeof(empty_list));
    check_node(three, sizeof(three));
    check_node(bad_flag, sizeof(bad_flag));
    check_node(flag_4, sizeof(flag_4));
    check_node(even_with_nibble, sizeof(even_with_nibble));
    check_node(empty_path, sizeof(empty_path));
    check_node(empty_extension, sizeof(empty_extension));
    check_node(leaf_without_value, sizeof(leaf_without_value));
    check_node(leaf_with_list, sizeof(leaf_with_list));
    check_node(extension_to_nothing, sizeof(extension_to_nothing));
    check_node(trailing, sizeof(trailing));
}

static const struct ct_test tests[] = {
    CT_TEST(ethereum_tests_roots_and_proofs_hold),
    CT_TEST(anvil_proofs_hold_and_no_changed_bit_does),
    CT_TEST(empty_trie_needs_no_nodes_and_takes_no_others),
    CT_TEST(malformed_nodes_are_refused_though_their_hash_is_right),
};
CT_TEST_MAIN(tests)
