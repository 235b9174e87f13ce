/* Numbers below 2^256 as 32 big-endian bytes (an EVM word), and their decimal and "0x" texts. */
#ifndef CT_CHAIN_U256_H
#define CT_CHAIN_U256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

struct ct_u256 {
    uint8_t be[32];
};

struct ct_u256 ct_u256_from_u64(uint64_t value);
/* CT_ERR_ROOM when it does not fit in 64 bits. */
CT_MUST_USE ct_err ct_u256_to_u64(uint64_t *out, const struct ct_u256 *value);
bool ct_u256_is_zero(const struct ct_u256 *value);
/* -1, 0, 1 as memcmp. */
int ct_u256_cmp(const struct ct_u256 *a, const struct ct_u256 *b);
/* CT_ERR_ROOM when the result is not in 0 .. 2^256 - 1. out may be a or b. */
CT_MUST_USE ct_err ct_u256_add(struct ct_u256 *out, const struct ct_u256 *a,
                               const struct ct_u256 *b);
CT_MUST_USE ct_err ct_u256_sub(struct ct_u256 *out, const struct ct_u256 *a,
                               const struct ct_u256 *b);
CT_MUST_USE ct_err ct_u256_mul_u64(struct ct_u256 *out, const struct ct_u256 *a, uint64_t b);
/* out = a / b, *rest (may be NULL) = a % b; CT_ERR_ARG when b is 0. */
CT_MUST_USE ct_err ct_u256_div_u32(struct ct_u256 *out, uint32_t *rest, const struct ct_u256 *a,
                                   uint32_t b);

enum { CT_U256_DECIMAL_LEN = 79, CT_U256_QUANTITY_LEN = 67 }; /* with NUL */

/* Decimal digits without leading zeros, NUL-terminated. */
void ct_u256_decimal(char out[CT_U256_DECIMAL_LEN], const struct ct_u256 *value);
CT_MUST_USE ct_err ct_u256_from_decimal(struct ct_u256 *out, const char *text);
/* A JSON-RPC quantity: "0x0", "0x1f"; no leading zero digit. */
void ct_u256_quantity(char out[CT_U256_QUANTITY_LEN], const struct ct_u256 *value);
/* Strict: "0x" and 1..64 digits without a leading zero (only "0x0" has one). */
CT_MUST_USE ct_err ct_u256_from_quantity(struct ct_u256 *out, const char *text);
CT_MUST_USE ct_err ct_u64_from_quantity(uint64_t *out, const char *text);

/* Wei as ether for people: "1.5", at most 6 decimals, rounded down; out as for decimal + 2. */
void ct_u256_ether(char out[CT_U256_DECIMAL_LEN + 2], const struct ct_u256 *wei);

#endif
