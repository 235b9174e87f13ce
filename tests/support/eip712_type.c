/* A member is a leaf, a struct's hash, or the hash of an array's members. */
#include "eip712_type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi_type.h"
#include "chain/eip712.h"
#include "chain/keccak.h"
#include "vectors.h"

enum { NAMES_MAX = 64, NAME_MAX = 64, DATA_MAX = 32 * 64, TYPE_MAX = 8192 };

/* The names of structs that a type needs, itself first. */
struct names {
    char text[NAMES_MAX][NAME_MAX];
    size_t count;
};

/* "Struct1[3][]" -> "Struct1". */
static void base_name(char out[NAME_MAX], const char *type)
{
    (void)snprintf(out, NAME_MAX, "%.*s", (int)strcspn(type, "["), type);
}

static void collect(struct names *all, const struct ct_json *types, const char *type)
{
    char name[NAME_MAX];
    base_name(name, type);
    const struct ct_json *members = ct_json_get(types, name);
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->text[i], name) == 0) {
            return;
        }
    }
    if (members == NULL || all->count == NAMES_MAX) {
        return;
    }
    memcpy(all->text[all->count++], name, sizeof(name));
    for (size_t i = 0; i < ct_json_count(members); i++) {
        collect(all, types, ct_vectors_text(ct_json_at(members, i), "type"));
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void put_text(struct ct_wr *w, const char *text)
{
    ct_wr_bytes(w, text, strlen(text));
}

bool ct_eip712_type_write(struct ct_wr *w, const struct ct_json *types, const char *name)
{
    struct names all = {.count = 0};
    collect(&all, types, name);
    if (all.count == 0 || all.count == NAMES_MAX) {
        return false;
    }
    qsort(all.text[1], all.count - 1, NAME_MAX, by_name);
    for (size_t n = 0; n < all.count; n++) {
        const struct ct_json *members = ct_json_get(types, all.text[n]);
        put_text(w, all.text[n]);
        for (size_t i = 0; i < ct_json_count(members); i++) {
            put_text(w, i == 0 ? "(" : ",");
            put_text(w, ct_vectors_text(ct_json_at(members, i), "type"));
            put_text(w, " ");
            put_text(w, ct_vectors_text(ct_json_at(members, i), "name"));
        }
        put_text(w, ct_json_count(members) == 0 ? "()" : ")");
    }
    return true;
}

static bool leaf_word(uint8_t out32[32], const char *text, const struct ct_json *value)
{
    struct ct_abi_type *type = ct_abi_type_of(text);
    struct ct_abi_leaf leaf = {.data = NULL};
    bool good = ct_abi_type_is_leaf(type) && ct_abi_leaf_read(&leaf, type, value);
    if (good && leaf.data != NULL) {
        ct_keccak256(out32, leaf.data, leaf.len);
    } else if (good) {
        memcpy(out32, leaf.word, 32);
    }
    free(leaf.data);
    ct_abi_type_free(type);
    return good;
}

static bool member_word(uint8_t out32[32], const struct ct_json *types, const char *type,
                        const struct ct_json *value)
{
    char element[NAME_MAX];
    struct ct_keccak k;
    const char *last = strrchr(type, '[');
    if (last == NULL) {
        return ct_json_has(types, type) ? ct_eip712_data_hash(out32, types, type, value)
                                        : leaf_word(out32, type, value);
    }
    (void)snprintf(element, sizeof(element), "%.*s", (int)(last - type), type);
    bool good = ct_json_is_array(value) &&
                (last[1] == ']' || strtoul(last + 1, NULL, 10) == ct_json_count(value));
    ct_keccak_init(&k);
    for (size_t i = 0; good && i < ct_json_count(value); i++) {
        uint8_t word[32];
        good = member_word(word, types, element, ct_json_at(value, i));
        ct_keccak_update(&k, word, 32);
    }
    ct_keccak_final(&k, out32);
    return good;
}

/* One word a member, behind words; false for more than max. */
static bool member_words(uint8_t (*words)[32], size_t max, const struct ct_json *types,
                         const struct ct_json *members, const struct ct_json *data)
{
    bool good = ct_json_count(members) <= max;
    for (size_t i = 0; good && i < ct_json_count(members); i++) {
        const struct ct_json *m = ct_json_at(members, i);
        good = member_word(words[i], types, ct_vectors_text(m, "type"),
                           ct_json_get(data, ct_vectors_text(m, "name")));
    }
    return good;
}

bool ct_eip712_data_write(struct ct_wr *w, const struct ct_json *types, const char *name,
                          const struct ct_json *data)
{
    uint8_t words[DATA_MAX / 32][32];
    char text[TYPE_MAX];
    uint8_t hash[32];
    const struct ct_json *members = ct_json_get(types, name);
    struct ct_wr type = ct_wr_init(text, sizeof(text));
    if (!ct_eip712_type_write(&type, types, name) || ct_wr_end(&type) != CT_OK ||
        !member_words(words, DATA_MAX / 32, types, members, data)) {
        return false;
    }
    ct_keccak256(hash, text, type.len);
    ct_wr_bytes(w, hash, 32);
    ct_wr_bytes(w, words, 32 * ct_json_count(members));
    return true;
}

bool ct_eip712_data_hash(uint8_t out32[32], const struct ct_json *types, const char *name,
                         const struct ct_json *data)
{
    uint8_t words[DATA_MAX / 32][32];
    char text[TYPE_MAX];
    const struct ct_json *members = ct_json_get(types, name);
    struct ct_wr type = ct_wr_init(text, sizeof(text) - 1);
    if (!ct_eip712_type_write(&type, types, name) || ct_wr_end(&type) != CT_OK ||
        !member_words(words, DATA_MAX / 32, types, members, data)) {
        return false;
    }
    text[type.len] = '\0';
    ct_eip712_struct(out32, text, (const uint8_t(*)[32])words, ct_json_count(members));
    return true;
}

bool ct_eip712_any_domain(uint8_t out32[32], const struct ct_json *domain)
{
    static const char *const members[5][2] = {{"string", "name"},
                                              {"string", "version"},
                                              {"uint256", "chainId"},
                                              {"address", "verifyingContract"},
                                              {"bytes32", "salt"}};
    char type[256] = "EIP712Domain(";
    uint8_t words[5][32];
    size_t count = 0;
    size_t used = strlen(type);
    bool good = true;
    for (size_t i = 0; good && i < 5; i++) {
        const struct ct_json *value = ct_json_get(domain, members[i][1]);
        int64_t number = 0;
        if (value == NULL) {
            continue;
        }
        used += (size_t)snprintf(type + used, sizeof(type) - used, "%s%s %s", count > 0 ? "," : "",
                                 members[i][0], members[i][1]);
        if (ct_json_int(&number, value) == CT_OK && number >= 0) { /* chainId is no text here */
            ct_word_u64(words[count], (uint64_t)number);
        } else {
            good = leaf_word(words[count], members[i][0], value);
        }
        count++;
    }
    (void)snprintf(type + used, sizeof(type) - used, ")");
    ct_eip712_struct(out32, type, (const uint8_t(*)[32])words, count);
    return good;
}
