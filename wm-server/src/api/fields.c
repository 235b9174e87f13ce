/* Readers of JSON members that say which one is wrong. */
#include "api/fields.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"

/* Members of all objects in the value, each name counted once; the reader bounds the depth. */
static size_t members_of(const struct ct_json *value)
{
    size_t count = 0;
    const char *key;
    for (size_t i = 0; (key = ct_json_key_at(value, i)) != NULL; i++) {
        count += 1 + members_of(ct_json_get(value, key));
    }
    for (size_t i = 0; i < ct_json_count(value); i++) {
        count += members_of(ct_json_at(value, i));
    }
    return count;
}

/* In a good document each colon outside of strings belongs to one member. */
static size_t colons_of(const char *text, size_t len)
{
    size_t count = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && text[i] == ':') {
            count++;
        }
    }
    return count;
}

ct_err ct_fields_parse(struct ct_json **out, const char *text, size_t len, struct ct_why *why)
{
    struct ct_json *doc = NULL;
    ct_err err = ct_json_parse(&doc, text, len);
    if (err == CT_OK && !ct_json_is_object(doc)) {
        ct_json_free(doc);
        err = CT_ERR_FORMAT;
    }
    if (err != CT_OK) {
        return ct_why(why, err, "the body is not one JSON object");
    }
    if (members_of(doc) != colons_of(text, len)) {
        ct_json_free(doc); /* the reader keeps the last: another reader might keep the first */
        return ct_why(why, CT_ERR_FORMAT, "a member is there twice");
    }
    *out = doc;
    return CT_OK;
}

ct_err ct_fields_only(const struct ct_json *object, const char *const *names, size_t count,
                      struct ct_why *why)
{
    const char *key;
    for (size_t i = 0; (key = ct_json_key_at(object, i)) != NULL; i++) {
        size_t j = 0;
        while (j < count && strcmp(names[j], key) != 0) {
            j++;
        }
        if (j == count) {
            return ct_why(why, CT_ERR_FORMAT, "there is no member \"%.40s\" here", key);
        }
    }
    return CT_OK;
}

ct_err ct_field_text(const char **out, const struct ct_json *object, const char *name,
                     struct ct_why *why)
{
    const struct ct_json *value = ct_json_get(object, name);
    const char *text = ct_json_text(value);
    if (text == NULL) {
        return ct_why(why, CT_ERR_FORMAT, "%s is %s", name,
                      value == NULL ? "missing" : "not a string");
    }
    *out = text;
    return CT_OK;
}

ct_err ct_field_bytes(void *out, size_t min, size_t max, size_t *len, const struct ct_json *object,
                      const char *name, struct ct_why *why)
{
    const char *text = NULL;
    size_t n = 0;
    ct_err err = ct_field_text(&text, object, name, why);
    if (err != CT_OK) {
        return err;
    }
    if (text == NULL || ct_unbase64url(out, max, &n, text, strlen(text)) != CT_OK || n < min) {
        return ct_why(why, CT_ERR_FORMAT, "%s is not base64url of %zu to %zu bytes", name, min,
                      max);
    }
    if (len != NULL) {
        *len = n;
    }
    return CT_OK;
}

ct_err ct_field_hex(void *out, size_t len, const struct ct_json *object, const char *name,
                    struct ct_why *why)
{
    const char *text = NULL;
    ct_err err = ct_field_text(&text, object, name, why);
    if (err == CT_OK && ct_unhex(out, len, text) != CT_OK) {
        err = ct_why(why, CT_ERR_FORMAT, "%s is not hexadecimal of %zu bytes", name, len);
    }
    return err;
}

ct_err ct_field_number(uint64_t *out, uint64_t max, const struct ct_json *object, const char *name,
                       struct ct_why *why)
{
    int64_t value = 0;
    if (ct_json_int(&value, ct_json_get(object, name)) != CT_OK || value < 0 ||
        (uint64_t)value > max) {
        return ct_why(why, CT_ERR_FORMAT, "%s is not a whole number from 0 to %llu", name,
                      (unsigned long long)max);
    }
    *out = (uint64_t)value;
    return CT_OK;
}

ct_err ct_field_u16(uint16_t *out, const struct ct_json *object, const char *name,
                    struct ct_why *why)
{
    uint64_t value = 0;
    ct_err err = ct_field_number(&value, UINT16_MAX, object, name, why);
    if (err == CT_OK) {
        *out = (uint16_t)value;
    }
    return err;
}
