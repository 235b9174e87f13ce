/* Test vectors of npm packages: JSON files, gzipped or plain, read whole. */
#ifndef CT_TEST_VECTORS_H
#define CT_TEST_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "chain/json.h"

/* path within tests/vectors/node_modules. NULL, and a message, when it cannot be read. */
struct ct_json *ct_vectors_npm(const char *path);
/* path of any file, "~/" meaning the source tree. */
struct ct_json *ct_vectors_file(const char *path);
/* The file's bytes, NUL-terminated, to be freed; NULL when it cannot be read. */
char *ct_vectors_read(const char *path, size_t *len);

/* The text member, "" when there is none. */
const char *ct_vectors_text(const struct ct_json *object, const char *key);
/* Hex text ("0x.." of even length, or an odd quantity) of a member, allocated; never NULL. */
uint8_t *ct_vectors_bytes(const struct ct_json *object, const char *key, size_t *len);
uint8_t *ct_vectors_unhex(const char *text, size_t *len);

#endif
