/* Bytes as text and back: hexadecimal and base64url without padding (RFC 4648 5), both strict. */
#ifndef CT_BASE_HEX_H
#define CT_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>

/* out has room for 2 * len + 1 characters; lower case, NUL-terminated. */
void ct_hex(char *out, const void *data, size_t len);
/* "0x" and the digits; out has room for 2 * len + 3. */
void ct_hex0x(char *out, const void *data, size_t len);
/* Exactly 2 * len digits of either case, "0x" before them optional, nothing after. */
CT_MUST_USE ct_err ct_unhex(void *out, size_t len, const char *text);
/* As above for any even number of digits up to 2 * cap; text_len without NUL. */
CT_MUST_USE ct_err ct_unhex_var(void *out, size_t cap, size_t *len, const char *text,
                                size_t text_len);

#define CT_BASE64URL_LEN(n) (((n)*4 + 2) / 3)
/* out has room for CT_BASE64URL_LEN(len) + 1. */
void ct_base64url(char *out, const void *data, size_t len);
/* Refuses padding, other alphabets, non-zero trailing bits and an impossible length. */
CT_MUST_USE ct_err ct_unbase64url(void *out, size_t cap, size_t *len, const char *text,
                                  size_t text_len);

#endif
