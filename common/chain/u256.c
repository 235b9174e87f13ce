/* Arithmetic on 32 big-endian bytes; small and plain, since prices and balances are all it does. */
#include "chain/u256.h"

#include <string.h>

struct ct_u256 ct_u256_from_u64(uint64_t value)
{
    struct ct_u256 out = {{0}};
    for (size_t i = 0; i < 8; i++) {
        out.be[31 - i] = (uint8_t)(value >> (8 * i));
    }
    return out;
}

ct_err ct_u256_to_u64(uint64_t *out, const struct ct_u256 *value)
{
    for (size_t i = 0; i < 24; i++) {
        if (value->be[i] != 0) {
            return CT_ERR_ROOM;
        }
    }
    uint64_t v = 0;
    for (size_t i = 24; i < 32; i++) {
        v = v << 8 | value->be[i];
    }
    *out = v;
    return CT_OK;
}

bool ct_u256_is_zero(const struct ct_u256 *value)
{
    uint8_t any = 0;
    for (size_t i = 0; i < 32; i++) {
        any |= value->be[i];
    }
    return any == 0;
}

int ct_u256_cmp(const struct ct_u256 *a, const struct ct_u256 *b)
{
    int order = memcmp(a->be, b->be, 32);
    return order < 0 ? -1 : order > 0;
}

ct_err ct_u256_add(struct ct_u256 *out, const struct ct_u256 *a, const struct ct_u256 *b)
{
    struct ct_u256 sum;
    unsigned carry = 0;
    for (size_t i = 32; i-- > 0;) {
        unsigned v = (unsigned)a->be[i] + b->be[i] + carry;
        sum.be[i] = (uint8_t)v;
        carry = v >> 8;
    }
    if (carry != 0) {
        return CT_ERR_ROOM;
    }
    *out = sum;
    return CT_OK;
}

ct_err ct_u256_sub(struct ct_u256 *out, const struct ct_u256 *a, const struct ct_u256 *b)
{
    if (ct_u256_cmp(a, b) < 0) {
        return CT_ERR_ROOM;
    }
    struct ct_u256 rest;
    unsigned borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        unsigned v = 0x100u + a->be[i] - b->be[i] - borrow;
        rest.be[i] = (uint8_t)v;
        borrow = v < 0x100u;
    }
    *out = rest;
    return CT_OK;
}

/* value = value * factor + add, factor and add below 2^32; false when it does not fit. */
static bool mul_add(struct ct_u256 *value, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (size_t i = 32; i-- > 0;) {
        uint64_t v = (uint64_t)value->be[i] * factor + carry;
        value->be[i] = (uint8_t)v;
        carry = v >> 8;
    }
    return carry == 0;
}

ct_err ct_u256_mul_u64(struct ct_u256 *out, const struct ct_u256 *a, uint64_t b)
{
    struct ct_u256 low = *a;
    struct ct_u256 high = *a;
    if (!mul_add(&low, (uint32_t)b, 0)) {
        return CT_ERR_ROOM;
    }
    /* a * (b >> 32) << 32, in two steps of 16 bits */
    if (!mul_add(&high, (uint32_t)(b >> 32), 0) || !mul_add(&high, 0x10000u, 0) ||
        !mul_add(&high, 0x10000u, 0)) {
        return CT_ERR_ROOM;
    }
    return ct_u256_add(out, &low, &high);
}

/* value = value / by, by not 0; gives what is left over. */
static uint32_t divide(struct ct_u256 *value, uint32_t by)
{
    uint64_t left = 0;
    for (size_t i = 0; i < 32; i++) {
        left = left << 8 | value->be[i];
        value->be[i] = (uint8_t)(left / by);
        left %= by;
    }
    return (uint32_t)left;
}

ct_err ct_u256_div_u32(struct ct_u256 *out, uint32_t *rest, const struct ct_u256 *a, uint32_t b)
{
    if (b == 0) {
        return CT_ERR_ARG;
    }
    *out = *a;
    uint32_t left = divide(out, b);
    if (rest != NULL) {
        *rest = left;
    }
    return CT_OK;
}

void ct_u256_decimal(char out[CT_U256_DECIMAL_LEN], const struct ct_u256 *value)
{
    char digits[CT_U256_DECIMAL_LEN];
    size_t at = sizeof(digits) - 1;
    struct ct_u256 left = *value;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + divide(&left, 10));
    } while (!ct_u256_is_zero(&left));
    memcpy(out, digits + at, sizeof(digits) - at);
}

ct_err ct_u256_from_decimal(struct ct_u256 *out, const char *text)
{
    struct ct_u256 value = {{0}};
    size_t len = strlen(text);
    if (len == 0 || len >= CT_U256_DECIMAL_LEN || (text[0] == '0' && len > 1)) {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return CT_ERR_FORMAT;
        }
        if (!mul_add(&value, 10, (uint32_t)(text[i] - '0'))) {
            return CT_ERR_ROOM;
        }
    }
    *out = value;
    return CT_OK;
}

void ct_u256_quantity(char out[CT_U256_QUANTITY_LEN], const struct ct_u256 *value)
{
    size_t at = 0;
    out[at++] = '0';
    out[at++] = 'x';
    bool begun = false;
    for (size_t i = 0; i < 64; i++) {
        unsigned digit = i % 2 == 0 ? value->be[i / 2] >> 4 : value->be[i / 2] & 15u;
        begun = begun || digit != 0 || i == 63;
        if (begun) {
            out[at++] = "0123456789abcdef"[digit];
        }
    }
    out[at] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

ct_err ct_u256_from_quantity(struct ct_u256 *out, const char *text)
{
    struct ct_u256 value = {{0}};
    size_t len = strlen(text);
    if (len < 3 || len > 66 || text[0] != '0' || text[1] != 'x' || (text[2] == '0' && len > 3)) {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 2; i < len; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0 || !mul_add(&value, 16, (uint32_t)digit)) {
            return CT_ERR_FORMAT;
        }
    }
    *out = value;
    return CT_OK;
}

ct_err ct_u64_from_quantity(uint64_t *out, const char *text)
{
    struct ct_u256 value;
    ct_err err = ct_u256_from_quantity(&value, text);
    if (err != CT_OK) {
        return err;
    }
    return ct_u256_to_u64(out, &value) == CT_OK ? CT_OK : CT_ERR_FORMAT;
}

void ct_u256_ether(char out[CT_U256_DECIMAL_LEN + 2], const struct ct_u256 *wei)
{
    struct ct_u256 whole = *wei;
    (void)divide(&whole, 1000000);
    (void)divide(&whole, 1000000);
    uint32_t millionths = divide(&whole, 1000000);
    ct_u256_decimal(out, &whole);
    size_t len = strlen(out);
    if (millionths == 0) {
        return;
    }
    out[len] = '.'; /* whole has 60 digits at most: seven more fit */
    for (size_t i = 6; i > 0; i--) {
        out[len + i] = (char)('0' + millionths % 10);
        millionths /= 10;
    }
    len += 7;
    while (out[len - 1] == '0') {
        len--;
    }
    out[len] = '\0';
}
