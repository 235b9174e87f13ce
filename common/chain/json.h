/* JSON text in, read-only values out; the one file that sees json-c. Numbers come only as strings.
 */
#ifndef CT_CHAIN_JSON_H
#define CT_CHAIN_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "chain/u256.h"

struct ct_json; /* a value within a document, or the document itself; borrowed but for parse */

/* Strict JSON, at most 32 deep, nothing after it, at most 16384 values. CT_ERR_FORMAT,
 * CT_ERR_NOMEM.
 */
CT_MUST_USE ct_err ct_json_parse(struct ct_json **out, const char *text, size_t len);
/* As above with another bound, for text that is trusted with the memory: 750 bytes a value. */
CT_MUST_USE ct_err ct_json_parse_many(struct ct_json **out, const char *text, size_t len,
                                      size_t values_max);
void ct_json_free(struct ct_json *document);

/* Readers give NULL, 0 or CT_ERR_FORMAT for a NULL value, a missing member or another type. */
bool ct_json_is_null(const struct ct_json *value); /* also for NULL itself */
bool ct_json_is_array(const struct ct_json *value);
bool ct_json_is_object(const struct ct_json *value);
const struct ct_json *ct_json_get(const struct ct_json *object, const char *key);
bool ct_json_has(const struct ct_json *object, const char *key); /* true for null, too */
size_t ct_json_count(const struct ct_json *array);
const struct ct_json *ct_json_at(const struct ct_json *array, size_t index);
/* Member names, in the order of the text; NULL past the end. */
const char *ct_json_key_at(const struct ct_json *object, size_t index);
const char *ct_json_text(const struct ct_json *string); /* refuses embedded NUL */
/* A JSON integer: for ids, error codes and settings, never for quantities. */
CT_MUST_USE ct_err ct_json_int(int64_t *out, const struct ct_json *number);
CT_MUST_USE ct_err ct_json_bool(bool *out, const struct ct_json *value);

/* Ethereum's: quantities ("0x1f", no leading zeros) and data ("0x", an even number of digits). */
CT_MUST_USE ct_err ct_json_u64(uint64_t *out, const struct ct_json *value);
CT_MUST_USE ct_err ct_json_u256(struct ct_u256 *out, const struct ct_json *value);
CT_MUST_USE ct_err ct_json_fixed(void *out, size_t len, const struct ct_json *value);
CT_MUST_USE ct_err ct_json_data(void *out, size_t cap, size_t *len, const struct ct_json *value);
/* Bytes of a data string, 0 when it is none. */
size_t ct_json_data_len(const struct ct_json *value);

#endif
