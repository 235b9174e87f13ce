/* Test vectors of npm packages: JSON files, gzipped or plain, read whole. */
#ifndef CT_TEST_VECTORS_H
#define CT_TEST_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/json.h"

/* path within tests/vectors/node_modules. NULL, and a message, when it cannot be read. */
struct ct_json *ct_vectors_npm(const char *path);
/*
 * Runs holds on each vector of @ethersproject/testcases' file name ("eip712"), prints how many held
 * of how many ("eip712: 1025 of 1025") and the names of the first that do not. True when all held
 * and there are exactly count of them.
 */
bool ct_vectors_ethers(const char *name, size_t count, bool (*holds)(const struct ct_json *one));
/* path of any file, "~/" meaning the source tree. */
struct ct_json *ct_vectors_file(const char *path);
/* The file's bytes, NUL-terminated, to be freed; NULL when it cannot be read. */
char *ct_vectors_read(const char *path, size_t *len);

/* The text member, "" when there is none. */
const char *ct_vectors_text(const struct ct_json *object, const char *key);
/* Hex text ("0x.." of even length, or an odd quantity) of a member, allocated; never NULL. */
uint8_t *ct_vectors_bytes(const struct ct_json *object, const char *key, size_t *len);
/* A number of at most 32 bytes, as a JSON integer or hex text; 0 when there is none. */
struct ct_u256 ct_vectors_number(const struct ct_json *object, const char *key);
uint8_t *ct_vectors_unhex(const char *text, size_t *len);

#endif
