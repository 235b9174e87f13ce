/* Types by recursive descent; leaves through the words of common/chain/abi. */
#include "abi_type.h"

#include <stdlib.h>
#include <string.h>

#include "chain/abi.h"
#include "chain/key.h"
#include "vectors.h"

static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static bool take(const char **at, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*at, word, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

static size_t take_number(const char **at, size_t absent)
{
    char *end = NULL;
    if (**at < '0' || **at > '9') {
        return absent;
    }
    size_t value = strtoul(*at, &end, 10);
    *at = end;
    return value;
}

static struct ct_abi_type parse(const char **at);

static struct ct_abi_type parse_tuple(const char **at)
{
    struct ct_abi_type type = {.kind = CT_ABI_TUPLE};
    while (!take(at, ")")) {
        if (type.count > 0 && !take(at, ",")) {
            abort();
        }
        type.parts = must(realloc(type.parts, (type.count + 1) * sizeof(type)));
        type.parts[type.count++] = parse(at);
    }
    return type;
}

static struct ct_abi_type parse_simple(const char **at)
{
    struct ct_abi_type type = {.kind = CT_ABI_UINT};
    bool unsigned_one = **at == 'u';
    if (take(at, "tuple(") || take(at, "(")) {
        return parse_tuple(at);
    }
    if (take(at, "uint") || take(at, "int")) {
        type.kind = unsigned_one ? CT_ABI_UINT : CT_ABI_INT;
        type.size = take_number(at, 256) / 8;
    } else if (take(at, "address")) {
        type.kind = CT_ABI_ADDRESS;
    } else if (take(at, "bool")) {
        type.kind = CT_ABI_BOOL;
    } else if (take(at, "string")) {
        type.kind = CT_ABI_STRING;
    } else if (take(at, "bytes")) {
        type.size = take_number(at, 0);
        type.kind = type.size > 0 ? CT_ABI_FIXED : CT_ABI_BYTES;
    } else {
        abort();
    }
    return type;
}

static struct ct_abi_type parse(const char **at)
{
    struct ct_abi_type type = parse_simple(at);
    while (take(at, "[")) {
        struct ct_abi_type array = {.kind = **at == ']' ? CT_ABI_LIST : CT_ABI_ARRAY, .count = 1};
        array.size = take_number(at, 0);
        array.parts = must(malloc(sizeof(type)));
        array.parts[0] = type;
        type = array;
        if (!take(at, "]")) {
            abort();
        }
    }
    return type;
}

struct ct_abi_type *ct_abi_type_of(const char *text)
{
    struct ct_abi_type *type = must(malloc(sizeof(*type)));
    *type = parse(&text);
    if (*text != '\0') {
        abort();
    }
    return type;
}

struct ct_abi_type *ct_abi_type_list(const struct ct_json *texts)
{
    struct ct_abi_type *all = must(calloc(1, sizeof(*all)));
    all->kind = CT_ABI_TUPLE;
    all->count = ct_json_count(texts);
    all->parts = must(calloc(all->count + 1, sizeof(*all)));
    for (size_t i = 0; i < all->count; i++) {
        const char *text = ct_json_text(ct_json_at(texts, i));
        all->parts[i] = parse(&text);
    }
    return all;
}

static void free_parts(struct ct_abi_type *type)
{
    for (size_t i = 0; i < type->count; i++) {
        free_parts(&type->parts[i]);
    }
    free(type->parts);
}

void ct_abi_type_free(struct ct_abi_type *type)
{
    if (type != NULL) {
        free_parts(type);
        free(type);
    }
}

bool ct_abi_type_is_leaf(const struct ct_abi_type *type)
{
    return type->kind < CT_ABI_TUPLE;
}

bool ct_abi_type_is_dynamic(const struct ct_abi_type *type)
{
    bool dynamic =
        type->kind == CT_ABI_BYTES || type->kind == CT_ABI_STRING || type->kind == CT_ABI_LIST;
    for (size_t i = 0; i < type->count; i++) {
        dynamic = dynamic || ct_abi_type_is_dynamic(&type->parts[i]);
    }
    return dynamic;
}

size_t ct_abi_type_head(const struct ct_abi_type *type)
{
    size_t size = 0;
    if (type->elsewhere) {
        return 0;
    }
    if (ct_abi_type_is_leaf(type) || ct_abi_type_is_dynamic(type)) {
        return 32;
    }
    for (size_t i = 0; i < type->count; i++) {
        size += ct_abi_type_head(&type->parts[i]);
    }
    return type->kind == CT_ABI_ARRAY ? size * type->size : size;
}

const struct ct_json *ct_abi_unwrap(const struct ct_json *value)
{
    return ct_json_is_object(value) ? ct_json_get(value, "value") : value;
}

/* A signed number in decimal or hexadecimal, in two's complement of 32 bytes. */
static bool read_number(uint8_t be[32], const char *text)
{
    struct ct_u256 value = {{0}};
    struct ct_u256 most;
    bool negative = text[0] == '-';
    size_t len = 0;
    text += negative ? 1 : 0;
    if (strncmp(text, "0x", 2) == 0) {
        uint8_t *data = ct_vectors_unhex(text, &len);
        if (len > 0 && len <= 32) {
            memcpy(value.be + 32 - len, data, len);
        }
        free(data);
        if (len == 0 || len > 32) {
            return false;
        }
    } else if (ct_u256_from_decimal(&value, text) != CT_OK) {
        return false;
    }
    if (negative && !ct_u256_is_zero(&value)) { /* 2^256 - value = (2^256 - 1 - value) + 1 */
        struct ct_u256 one = ct_u256_from_u64(1);
        memset(most.be, 0xff, 32);
        if (ct_u256_sub(&value, &most, &value) != CT_OK ||
            ct_u256_add(&value, &value, &one) != CT_OK) {
            return false;
        }
    }
    memcpy(be, value.be, 32);
    return true;
}

static bool read_word(struct ct_abi_leaf *out, const struct ct_abi_type *type,
                      const struct ct_json *value)
{
    struct ct_wr w = ct_wr_init(out->word, 32);
    uint8_t be[32];
    bool truth = false;
    const char *text = ct_json_text(value);
    if (type->kind == CT_ABI_BOOL) {
        ct_abi_put_bool(&w, ct_json_bool(&truth, value) == CT_OK && truth);
        return ct_json_bool(&truth, value) == CT_OK;
    }
    if (text == NULL) {
        return false;
    }
    if (type->kind == CT_ABI_ADDRESS) {
        bool good = ct_addr_parse(be, text) == CT_OK;
        ct_abi_put_address(&w, be);
        return good;
    }
    if (type->kind == CT_ABI_FIXED) {
        bool good = ct_json_fixed(be, type->size, value) == CT_OK;
        ct_abi_put_fixed(&w, be, type->size);
        return good;
    }
    if (!read_number(be, text)) {
        return false;
    }
    if (type->kind == CT_ABI_INT) { /* cut, then the sign fills the word */
        memset(be, be[32 - type->size] >= 0x80 ? 0xff : 0, 32 - type->size);
        ct_wr_bytes(&w, be, 32);
    } else {
        ct_abi_put_uint_be(&w, be + 32 - type->size, type->size);
    }
    return true;
}

bool ct_abi_leaf_read(struct ct_abi_leaf *out, const struct ct_abi_type *type,
                      const struct ct_json *value)
{
    struct ct_abi_leaf leaf = {.data = NULL};
    value = ct_abi_unwrap(value);
    const char *text = ct_json_text(value);
    bool good = true;
    if (type->kind == CT_ABI_STRING) {
        good = text != NULL;
        leaf.len = good ? strlen(text) : 0;
        leaf.data = must(malloc(leaf.len + 1));
        memcpy(leaf.data, good ? text : "", leaf.len + 1);
    } else if (type->kind == CT_ABI_BYTES) {
        good = text != NULL && strncmp(text, "0x", 2) == 0 && strlen(text) % 2 == 0;
        leaf.data = ct_vectors_unhex(good ? text : "0x", &leaf.len);
    } else {
        good = read_word(&leaf, type, value);
    }
    if (!good) {
        free(leaf.data);
        return false;
    }
    *out = leaf;
    return true;
}
