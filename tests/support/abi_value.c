/* Head and tail, both ways; a tail stands where the one before it ended, or it is refused. */
#include "abi_value.h"

#include <stdlib.h>
#include <string.h>

#include "chain/abi.h"

/* The members that a value of this type has: a tuple's, or an array's elements. */
static size_t member_count(const struct ct_abi_type *type, const struct ct_json *values)
{
    return type->kind == CT_ABI_TUPLE   ? type->count
           : type->kind == CT_ABI_ARRAY ? type->size
                                        : ct_json_count(values);
}

static const struct ct_abi_type *member(const struct ct_abi_type *type, size_t i)
{
    return &type->parts[type->kind == CT_ABI_TUPLE ? i : 0];
}

static size_t frame_head(const struct ct_abi_type *type, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += ct_abi_type_head(member(type, i));
    }
    return size;
}

static bool write_frame(struct ct_wr *w, const struct ct_abi_type *type,
                        const struct ct_json *values);

/* What stands in the tail of a dynamic value, and of a static one in its head. */
static bool write_value(struct ct_wr *w, const struct ct_abi_type *type,
                        const struct ct_json *value)
{
    struct ct_abi_leaf leaf;
    if (!ct_abi_type_is_leaf(type)) {
        return write_frame(w, type, ct_abi_unwrap(value));
    }
    if (!ct_abi_leaf_read(&leaf, type, value)) {
        return false;
    }
    if (leaf.data != NULL) {
        ct_abi_put_bytes(w, leaf.data, leaf.len);
    } else {
        ct_wr_bytes(w, leaf.word, 32);
    }
    free(leaf.data);
    return true;
}

static bool write_frame(struct ct_wr *w, const struct ct_abi_type *type,
                        const struct ct_json *values)
{
    size_t count = member_count(type, values);
    size_t tail = frame_head(type, count);
    bool good = ct_json_is_array(values) && ct_json_count(values) == count;
    if (type->kind == CT_ABI_LIST) {
        ct_abi_put_u64(w, count);
    }
    for (size_t i = 0; good && i < count; i++) {
        const struct ct_json *value = ct_json_at(values, i);
        if (member(type, i)->elsewhere) {
            continue;
        }
        if (ct_abi_type_is_dynamic(member(type, i))) {
            struct ct_wr size = ct_wr_init(NULL, 0);
            ct_abi_put_u64(w, tail);
            good = write_value(&size, member(type, i), value);
            tail += size.len;
        } else {
            good = write_value(w, member(type, i), value);
        }
    }
    for (size_t i = 0; good && i < count; i++) {
        if (ct_abi_type_is_dynamic(member(type, i)) && !member(type, i)->elsewhere) {
            good = write_value(w, member(type, i), ct_json_at(values, i));
        }
    }
    return good;
}

bool ct_abi_value_write(struct ct_wr *w, const struct ct_abi_type *tuple,
                        const struct ct_json *values)
{
    return write_frame(w, tuple, values);
}

/* The bytes of a number that its type leaves unused: zero, or the sign of an int. */
static bool number_fits(const struct ct_abi_type *type, const uint8_t be[32])
{
    uint8_t fill = type->kind == CT_ABI_INT && be[32 - type->size] >= 0x80 ? 0xff : 0;
    for (size_t i = 0; i < 32 - type->size; i++) {
        if (be[i] != fill) {
            return false;
        }
    }
    return true;
}

/* Reads the next word with the reader of its kind; word32 gets it as it would be written again. */
static void read_word(uint8_t word32[32], const struct ct_abi_type *type, struct ct_rd *r)
{
    struct ct_wr w = ct_wr_init(word32, 32);
    uint8_t part[32];
    if (type->kind == CT_ABI_ADDRESS) {
        ct_abi_get_address(r, part);
        ct_abi_put_address(&w, part);
    } else if (type->kind == CT_ABI_BOOL) {
        ct_abi_put_bool(&w, ct_abi_get_bool(r));
    } else if (type->kind == CT_ABI_FIXED) {
        ct_abi_get_fixed(r, part, type->size);
        ct_abi_put_fixed(&w, part, type->size);
    } else if (type->kind == CT_ABI_UINT && type->size == 8) {
        ct_abi_put_u64(&w, ct_abi_get_u64(r));
    } else {
        struct ct_u256 number = ct_abi_get_u256(r);
        r->bad = r->bad || !number_fits(type, number.be);
        ct_abi_put_u256(&w, &number);
    }
}

static bool holds_leaf(const struct ct_abi_type *type, const struct ct_json *value, struct ct_rd *r)
{
    struct ct_abi_leaf want;
    uint8_t word[32];
    bool same;
    if (!ct_abi_leaf_read(&want, type, value)) {
        return false;
    }
    if (want.data != NULL) {
        size_t len = 0;
        const uint8_t *data = ct_abi_get_bytes(r, &len);
        same = !r->bad && len == want.len && memcmp(data, want.data, len) == 0;
    } else {
        read_word(word, type, r);
        same = !r->bad && memcmp(word, want.word, 32) == 0;
    }
    free(want.data);
    return same;
}

static bool holds_frame(const struct ct_abi_type *type, const struct ct_json *values,
                        struct ct_rd *r);

static bool holds_value(const struct ct_abi_type *type, const struct ct_json *value,
                        struct ct_rd *r)
{
    return ct_abi_type_is_leaf(type) ? holds_leaf(type, value, r)
                                     : holds_frame(type, ct_abi_unwrap(value), r);
}

/* Reads the frame at r and leaves r behind its last tail. */
static bool holds_frame(const struct ct_abi_type *type, const struct ct_json *values,
                        struct ct_rd *r)
{
    size_t count = member_count(type, values);
    if (ct_json_count(values) != count ||
        (type->kind == CT_ABI_LIST && ct_abi_get_u64(r) != count)) {
        return false;
    }
    const struct ct_rd base = *r;
    size_t head_len = frame_head(type, count);
    struct ct_rd head = ct_rd_init(ct_rd_take(r, head_len), r->bad ? 0 : head_len);
    for (size_t i = 0; !r->bad && i < count; i++) {
        const struct ct_abi_type *part = member(type, i);
        const struct ct_json *value = ct_json_at(values, i);
        bool dynamic = ct_abi_type_is_dynamic(part);
        if (part->elsewhere) {
            continue;
        }
        if (dynamic) {
            ct_abi_get_offset(&head, &base, r);
        }
        if (head.bad || !holds_value(part, value, dynamic ? r : &head)) {
            return false;
        }
    }
    return !r->bad && ct_rd_end(&head) == CT_OK;
}

bool ct_abi_value_holds(const struct ct_abi_type *tuple, const struct ct_json *values,
                        const uint8_t *data, size_t len)
{
    struct ct_rd r = ct_rd_init(data, len);
    return holds_frame(tuple, values, &r) && ct_rd_end(&r) == CT_OK;
}

/* The bytes of a leaf without padding. */
static bool pack_leaf(struct ct_wr *w, const struct ct_abi_type *type, const struct ct_json *value,
                      bool fill)
{
    struct ct_abi_leaf leaf;
    if (!ct_abi_leaf_read(&leaf, type, value)) {
        return false;
    }
    size_t size = type->kind == CT_ABI_ADDRESS ? 20 : type->kind == CT_ABI_BOOL ? 1 : type->size;
    if (leaf.data != NULL) {
        ct_wr_bytes(w, leaf.data, leaf.len);
    } else if (fill) {
        ct_wr_bytes(w, leaf.word, 32);
    } else {
        ct_wr_bytes(w, leaf.word + (type->kind == CT_ABI_FIXED ? 0 : 32 - size), size);
    }
    free(leaf.data);
    return true;
}

static bool pack(struct ct_wr *w, const struct ct_abi_type *type, const struct ct_json *value,
                 bool fill)
{
    bool good = true;
    if (ct_abi_type_is_leaf(type)) {
        return pack_leaf(w, type, value, fill);
    }
    for (size_t i = 0; good && i < member_count(type, value); i++) {
        good = pack(w, member(type, i), ct_json_at(value, i), true);
    }
    return good;
}

bool ct_abi_value_pack(struct ct_wr *w, const struct ct_abi_type *type, const struct ct_json *value)
{
    return pack(w, type, value, false);
}
