/* The one file that sees json-c: it is strict only when told, and takes numbers that do not fit. */
#include "chain/json.h"

#include <limits.h>
#include <string.h>

#include <json-c/json.h>

#include "base/hex.h"

/*
 * json-c takes up to 750 bytes for a value whose text has three. A proof of 64 slots has some 4,200
 * values, a receipt with all the events that are read some 16,000.
 */
enum { DEPTH_MAX = 32, VALUES_MAX = 16384 };

static struct json_object *inner(const struct ct_json *value)
{
    return (struct json_object *)(uintptr_t)value; /* json-c's readers take no const */
}

static const struct ct_json *outer(struct json_object *object)
{
    return (const struct ct_json *)(const void *)object;
}

static bool is(const struct ct_json *value, enum json_type type)
{
    return value != NULL && json_object_get_type(inner(value)) == type;
}

/*
 * What json-c 0.16 takes even when it is strict and RFC 8259 does not: 'single quotes', NaN,
 * Infinity, comments, control characters in strings. And more values than fit in memory.
 */
static bool is_beyond_json(const char *text, size_t len, size_t values_max)
{
    static const char outside[] = "{}[]:,\"0123456789+-.eEtrufalsn \t\r\n";
    bool in_string = false;
    size_t values = 0;
    for (size_t i = 0; i < len; i++) {
        if (in_string ? (unsigned char)text[i] < 0x20
                      : text[i] == '\0' || strchr(outside, text[i]) == NULL) {
            return true;
        }
        if (in_string && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && (text[i] == '{' || text[i] == '[' || text[i] == ',')) {
            values++;
        }
    }
    return values > values_max;
}

ct_err ct_json_parse(struct ct_json **out, const char *text, size_t len)
{
    return ct_json_parse_many(out, text, len, VALUES_MAX);
}

ct_err ct_json_parse_many(struct ct_json **out, const char *text, size_t len, size_t values_max)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL && text[len - 1] != '\0') {
        len--;
    }
    if (len == 0 || len > INT_MAX || is_beyond_json(text, len, values_max)) {
        return CT_ERR_FORMAT;
    }
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL) {
        return CT_ERR_NOMEM;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(tokener, text, (int)len);
    bool good = json_tokener_get_error(tokener) == json_tokener_success &&
                json_tokener_get_parse_end(tokener) == len && root != NULL;
    json_tokener_free(tokener);
    if (!good) {
        json_object_put(root);
        return CT_ERR_FORMAT;
    }
    *out = (struct ct_json *)(void *)root;
    return CT_OK;
}

void ct_json_free(struct ct_json *document)
{
    json_object_put(inner(document));
}

bool ct_json_is_null(const struct ct_json *value)
{
    return value == NULL;
}

bool ct_json_is_array(const struct ct_json *value)
{
    return is(value, json_type_array);
}

bool ct_json_is_object(const struct ct_json *value)
{
    return is(value, json_type_object);
}

bool ct_json_has(const struct ct_json *object, const char *key)
{
    return ct_json_is_object(object) && json_object_object_get_ex(inner(object), key, NULL);
}

const struct ct_json *ct_json_get(const struct ct_json *object, const char *key)
{
    struct json_object *member = NULL;
    if (!ct_json_is_object(object) || !json_object_object_get_ex(inner(object), key, &member)) {
        return NULL;
    }
    return outer(member);
}

size_t ct_json_count(const struct ct_json *array)
{
    return ct_json_is_array(array) ? json_object_array_length(inner(array)) : 0;
}

const struct ct_json *ct_json_at(const struct ct_json *array, size_t index)
{
    return index < ct_json_count(array) ? outer(json_object_array_get_idx(inner(array), index))
                                        : NULL;
}

const char *ct_json_key_at(const struct ct_json *object, size_t index)
{
    if (!ct_json_is_object(object)) {
        return NULL;
    }
    struct json_object_iterator at = json_object_iter_begin(inner(object));
    struct json_object_iterator end = json_object_iter_end(inner(object));
    while (!json_object_iter_equal(&at, &end)) {
        if (index-- == 0) {
            return json_object_iter_peek_name(&at);
        }
        json_object_iter_next(&at);
    }
    return NULL;
}

const char *ct_json_text(const struct ct_json *string)
{
    if (!is(string, json_type_string)) {
        return NULL;
    }
    const char *text = json_object_get_string(inner(string));
    size_t len = (size_t)json_object_get_string_len(inner(string));
    return strlen(text) == len ? text : NULL;
}

ct_err ct_json_int(int64_t *out, const struct ct_json *number)
{
    if (!is(number, json_type_int)) {
        return CT_ERR_FORMAT;
    }
    *out = json_object_get_int64(inner(number));
    return CT_OK;
}

ct_err ct_json_bool(bool *out, const struct ct_json *value)
{
    if (!is(value, json_type_boolean)) {
        return CT_ERR_FORMAT;
    }
    *out = json_object_get_boolean(inner(value));
    return CT_OK;
}

ct_err ct_json_u64(uint64_t *out, const struct ct_json *value)
{
    const char *text = ct_json_text(value);
    return text != NULL ? ct_u64_from_quantity(out, text) : CT_ERR_FORMAT;
}

ct_err ct_json_u256(struct ct_u256 *out, const struct ct_json *value)
{
    const char *text = ct_json_text(value);
    return text != NULL ? ct_u256_from_quantity(out, text) : CT_ERR_FORMAT;
}

/* The digits of a data string, or NULL. */
static const char *digits_of(const struct ct_json *value, size_t *count)
{
    const char *text = ct_json_text(value);
    if (text == NULL || text[0] != '0' || text[1] != 'x') {
        return NULL;
    }
    *count = strlen(text + 2);
    return *count % 2 == 0 ? text + 2 : NULL;
}

ct_err ct_json_data(void *out, size_t cap, size_t *len, const struct ct_json *value)
{
    size_t count = 0;
    const char *digits = digits_of(value, &count);
    if (digits == NULL) {
        return CT_ERR_FORMAT;
    }
    if (count == 0) {
        *len = 0;
        return CT_OK;
    }
    if (count / 2 > cap) {
        return CT_ERR_ROOM;
    }
    return ct_unhex_var(out, cap, len, digits - 2,
                        count + 2); /* with its 0x: a second is refused */
}

ct_err ct_json_fixed(void *out, size_t len, const struct ct_json *value)
{
    size_t count = 0;
    const char *digits = digits_of(value, &count);
    if (digits == NULL || count != 2 * len) {
        return CT_ERR_FORMAT;
    }
    size_t got = 0;
    return ct_unhex_var(out, len, &got, digits - 2, count + 2);
}

size_t ct_json_data_len(const struct ct_json *value)
{
    size_t count = 0;
    return digits_of(value, &count) != NULL ? count / 2 : 0;
}
