/* Any ABI type, read from its text, and a value of it out of a vector's JSON, as words or bytes. */
#ifndef CT_TEST_ABI_TYPE_H
#define CT_TEST_ABI_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/json.h"

enum ct_abi_kind {
    CT_ABI_UINT,
    CT_ABI_INT,
    CT_ABI_ADDRESS,
    CT_ABI_BOOL,
    CT_ABI_FIXED, /* bytesN */
    CT_ABI_BYTES,
    CT_ABI_STRING,
    CT_ABI_TUPLE,
    CT_ABI_ARRAY, /* T[k] */
    CT_ABI_LIST,  /* T[] */
};

struct ct_abi_type {
    enum ct_abi_kind kind;
    size_t size;               /* bytes of UINT, INT, FIXED; elements of ARRAY */
    struct ct_abi_type *parts; /* of a TUPLE its members; of ARRAY and LIST one, the element's */
    size_t count;
    bool elsewhere; /* a member that takes no part in its tuple's encoding: an indexed one */
};

/* "tuple(uint56,bytes)[3][]"; aborts on what is no type: a vector is wrong, or this file is. */
struct ct_abi_type *ct_abi_type_of(const char *text);
/* The tuple of a JSON list of such texts. */
struct ct_abi_type *ct_abi_type_list(const struct ct_json *texts);
void ct_abi_type_free(struct ct_abi_type *type);

bool ct_abi_type_is_dynamic(const struct ct_abi_type *type);
/* Is it one word, or bytes or string; the other kinds are made of such. */
bool ct_abi_type_is_leaf(const struct ct_abi_type *type);
/* Bytes in the head: 32 for what is dynamic. */
size_t ct_abi_type_head(const struct ct_abi_type *type);

struct ct_abi_leaf {
    uint8_t word[32]; /* of a static kind */
    uint8_t *data;    /* of bytes and string, to be freed; else NULL */
    size_t len;
};

/*
 * Numbers are "12", "-12", "0x0c" or "-0x0c", cut to the type's width as a compiler casts them;
 * {"type": .., "value": ..} means its value. False when the JSON is nothing of this type.
 */
bool ct_abi_leaf_read(struct ct_abi_leaf *out, const struct ct_abi_type *type,
                      const struct ct_json *value);
/* The value within such a wrapping, or the value itself. */
const struct ct_json *ct_abi_unwrap(const struct ct_json *value);

#endif
