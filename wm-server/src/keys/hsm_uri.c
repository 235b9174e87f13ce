/* Attributes, a percent-decoded value each. */
#include "keys/hsm_uri.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"

/* Decodes len characters of value; false when they do not fit, or are not RFC 7512's. */
static bool decode(uint8_t *out, size_t cap, size_t *out_len, const char *value, size_t len)
{
    static const char marks[] = "-._~:[]@!$'()*+,=&/|";
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char pair[3] = {0};
        uint8_t byte = (uint8_t)value[i];
        if (value[i] == '%') {
            if (i + 2 >= len) {
                return false;
            }
            memcpy(pair, value + i + 1, 2);
            if (ct_unhex(&byte, 1, pair) != CT_OK) {
                return false;
            }
            i += 2;
        } else if (!isalnum((unsigned char)value[i]) && strchr(marks, value[i]) == NULL) {
            return false;
        }
        if (used == cap) {
            return false;
        }
        out[used++] = byte;
    }
    *out_len = used;
    return used > 0;
}

/* As text: without a NUL in it. */
static bool decode_text(char *out, size_t cap, const char *value, size_t len)
{
    size_t used = 0;
    if (out[0] != '\0' || !decode((uint8_t *)out, cap - 1, &used, value, len)) {
        return false;
    }
    out[used] = '\0';
    return strlen(out) == used;
}

static bool is(const char *name, size_t len, const char *want)
{
    return strlen(want) == len && memcmp(name, want, len) == 0;
}

static ct_err set(struct ct_hsm_uri *uri, const char *name, size_t len, bool in_query,
                  struct ct_why *why)
{
    const char *equals = memchr(name, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - name);
    const char *value = equals == NULL ? name + len : equals + 1;
    size_t value_len = len - (size_t)(value - name);
    bool good = false;
    if (in_query && is(name, name_len, "module-path")) {
        good =
            decode_text(uri->module, sizeof uri->module, value, value_len) && uri->module[0] == '/';
    } else if (!in_query && is(name, name_len, "token")) {
        good = decode_text(uri->token, sizeof uri->token, value, value_len);
    } else if (!in_query && is(name, name_len, "serial")) {
        good = decode_text(uri->serial, sizeof uri->serial, value, value_len);
    } else if (!in_query && is(name, name_len, "object")) {
        good = decode_text(uri->object, sizeof uri->object, value, value_len);
    } else if (!in_query && is(name, name_len, "id")) {
        good = uri->id_len == 0 && decode(uri->id, sizeof uri->id, &uri->id_len, value, value_len);
    } else {
        return ct_why(why, CT_ERR_CONFIG,
                      "a pkcs11: key is named by token, serial, object and id, and by "
                      "?module-path=, not by \"%.*s\"; its PIN is read as a passphrase is",
                      (int)name_len, name);
    }
    return good ? CT_OK
                : ct_why(why, CT_ERR_CONFIG,
                         "\"%.*s\" of the pkcs11: key is empty, too long, given twice or not "
                         "written as RFC 7512 has it%s",
                         (int)name_len, name, in_query ? "; module-path is an absolute path" : "");
}

ct_err ct_hsm_uri_parse(struct ct_hsm_uri *out, const char *text, struct ct_why *why)
{
    struct ct_hsm_uri uri = {.module = ""};
    bool in_query = false;
    if (strncmp(text, "pkcs11:", 7) != 0) {
        return ct_why(why, CT_ERR_CONFIG, "\"%s\" does not begin with pkcs11:", text);
    }
    text += 7;
    while (*text != '\0') {
        size_t len = strcspn(text, in_query ? "&" : ";?");
        ct_err err = set(&uri, text, len, in_query, why);
        if (err != CT_OK) {
            return err;
        }
        text += len;
        in_query = in_query || *text == '?';
        if (*text != '\0' && *++text == '\0') {
            return ct_why(why, CT_ERR_CONFIG, "a pkcs11: key ends with a separator");
        }
    }
    if (uri.object[0] == '\0' && uri.id_len == 0) {
        return ct_why(why, CT_ERR_CONFIG, "a pkcs11: key needs object= or id=");
    }
    *out = uri;
    return CT_OK;
}
