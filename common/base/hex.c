/* Hexadecimal and base64url, both strict. */
#include "base/hex.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void ct_hex(char *out, const void *data, size_t len)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex_digits[at[i] >> 4];
        out[2 * i + 1] = hex_digits[at[i] & 15];
    }
    out[2 * len] = '\0';
}

void ct_hex0x(char *out, const void *data, size_t len)
{
    out[0] = '0';
    out[1] = 'x';
    ct_hex(out + 2, data, len);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

static ct_err unhex_digits(uint8_t *out, const char *text, size_t count)
{
    for (size_t i = 0; i < 2 * count; i++) {
        if (hex_value(text[i]) < 0) {
            return CT_ERR_FORMAT;
        }
    }
    for (size_t i = 0; i < count; i++) {
        unsigned high = (unsigned)hex_value(text[2 * i]);
        out[i] = (uint8_t)(high << 4 | (unsigned)hex_value(text[2 * i + 1]));
    }
    return CT_OK;
}

ct_err ct_unhex_var(void *out, size_t cap, size_t *len, const char *text, size_t text_len)
{
    if (text_len >= 2 && text[0] == '0' && text[1] == 'x') {
        text += 2;
        text_len -= 2;
    }
    if (text_len % 2 != 0) {
        return CT_ERR_FORMAT;
    }
    if (text_len / 2 > cap) {
        return CT_ERR_ROOM;
    }
    ct_err err = unhex_digits(out, text, text_len / 2);
    if (err == CT_OK) {
        *len = text_len / 2;
    }
    return err;
}

ct_err ct_unhex(void *out, size_t len, const char *text)
{
    size_t text_len = strlen(text);
    if (text_len >= 2 && text[0] == '0' && text[1] == 'x') {
        text += 2;
        text_len -= 2;
    }
    return text_len == 2 * len ? unhex_digits(out, text, len) : CT_ERR_FORMAT;
}

void ct_base64url(char *out, const void *data, size_t len)
{
    const uint8_t *at = data;
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)at[i] << 16;
        group |= have > 1 ? (uint32_t)at[i + 1] << 8 : 0;
        group |= have > 2 ? at[i + 2] : 0;
        for (size_t k = 0; k <= have; k++) {
            out[n++] = url_digits[group >> (18 - 6 * k) & 63];
        }
    }
    out[n] = '\0';
}

static int url_value(char c)
{
    const char *at = c != '\0' ? strchr(url_digits, c) : NULL;
    return at != NULL ? (int)(at - url_digits) : -1;
}

ct_err ct_unbase64url(void *out, size_t cap, size_t *len, const char *text, size_t text_len)
{
    size_t rest = text_len % 4;
    size_t bytes = text_len / 4 * 3 + (rest > 0 ? rest - 1 : 0);
    if (rest == 1) {
        return CT_ERR_FORMAT;
    }
    if (bytes > cap) {
        return CT_ERR_ROOM;
    }
    for (size_t i = 0; i < text_len; i++) {
        if (url_value(text[i]) < 0) {
            return CT_ERR_FORMAT;
        }
    }
    /* the bits of the last digit that no byte takes: one encoding per string */
    unsigned spare = rest == 2 ? 0x0f : rest == 3 ? 0x03 : 0;
    if (rest != 0 && ((unsigned)url_value(text[text_len - 1]) & spare) != 0) {
        return CT_ERR_FORMAT;
    }
    uint8_t *at = out;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text_len; i++) {
        bits = bits << 6 | (uint32_t)url_value(text[i]);
        held += 6;
        if (held >= 8) {
            held -= 8;
            *at++ = (uint8_t)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    *len = bytes;
    return CT_OK;
}
