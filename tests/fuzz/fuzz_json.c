/*
 * The JSON scanner. Property: of an accepted document every value has one type and one place, is
 * found again under its name and index, and no text holds a NUL; quantities and data write back to
 * the digits that were read.
 */
/* links: ct_chain ct_base */
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "chain/json.h"
#include "fuzz.h"

static void check_text(const struct ct_json *value)
{
    struct ct_u256 number;
    uint8_t bytes[64];
    char again[2 * sizeof(bytes) + 3];
    char quantity[CT_U256_QUANTITY_LEN];
    size_t len = 0;
    const char *text = ct_json_text(value);
    if (text == NULL) {
        return;
    }
    if (ct_json_u256(&number, value) == CT_OK) {
        ct_u256_quantity(quantity, &number);
        HOLDS(strcasecmp(quantity, text) == 0);
    }
    if (ct_json_data(bytes, sizeof(bytes), &len, value) == CT_OK) {
        HOLDS(len == ct_json_data_len(value));
        ct_hex0x(again, bytes, len);
        HOLDS(strcasecmp(again, text) == 0);
    }
    if (ct_json_fixed(bytes, 20, value) == CT_OK) {
        HOLDS(strlen(text) == 42);
    }
}

static void check_value(const struct ct_json *value, unsigned depth)
{
    int64_t number = 0;
    bool truth = false;
    HOLDS(depth <= 32);
    if (ct_json_is_null(value)) {
        return;
    }
    unsigned types = (unsigned)ct_json_is_array(value) + (unsigned)ct_json_is_object(value) +
                     (unsigned)(ct_json_int(&number, value) == CT_OK) +
                     (unsigned)(ct_json_bool(&truth, value) == CT_OK) +
                     (unsigned)(ct_json_text(value) != NULL);
    HOLDS(types <= 1); /* none: a fraction, or a text with a NUL */
    check_text(value);
    for (size_t i = 0; i < ct_json_count(value); i++) {
        check_value(ct_json_at(value, i), depth + 1);
    }
    HOLDS(ct_json_at(value, ct_json_count(value)) == NULL);
    for (size_t i = 0; i < 64 && ct_json_key_at(value, i) != NULL; i++) {
        HOLDS(ct_json_has(value, ct_json_key_at(value, i)));
        check_value(ct_json_get(value, ct_json_key_at(value, i)), depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_json *document = NULL;
    if (ct_json_parse(&document, (const char *)data, size) == CT_OK) {
        HOLDS(document != NULL);
        check_value(document, 0);
        ct_json_free(document);
    } else {
        HOLDS(document == NULL);
    }
    return 0;
}
