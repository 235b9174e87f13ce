/* Vectors are read by the project's own JSON reader: what it refuses would show. */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/hex.h"

enum { FILE_MAX = 64 * 1024 * 1024, NAMED_MAX = 5 };

static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

char *ct_vectors_read(const char *path, size_t *len)
{
    size_t cap = 1 << 16;
    size_t used = 0;
    gzFile file = gzopen(path, "rb"); /* reads plain files as they are */
    if (file == NULL) {
        return NULL;
    }
    char *text = must(malloc(cap));
    int got;
    while ((got = gzread(file, text + used, (unsigned)(cap - used - 1))) > 0) {
        used += (size_t)got;
        if (used + 1 == cap && cap < FILE_MAX) {
            cap *= 2;
            text = must(realloc(text, cap));
        }
    }
    (void)gzclose(file);
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    *len = used;
    return text;
}

struct ct_json *ct_vectors_file(const char *path)
{
    char full[1024];
    size_t len = 0;
    struct ct_json *json = NULL;
    bool home = strncmp(path, "~/", 2) == 0;
    (void)snprintf(full, sizeof(full), "%s%s%s", home ? CT_SOURCE_DIR : "", home ? "/" : "",
                   home ? path + 2 : path);
    char *text = ct_vectors_read(full, &len);
    if (text == NULL || ct_json_parse_many(&json, text, len, SIZE_MAX) != CT_OK) {
        printf("    cannot read %s%s\n", full, text == NULL ? "; run ./run setup" : ": not JSON");
    }
    free(text);
    return json;
}

struct ct_json *ct_vectors_npm(const char *path)
{
    char full[1024];
    (void)snprintf(full, sizeof(full), "%s/%s", CT_VECTORS_DIR, path);
    return ct_vectors_file(full);
}

bool ct_vectors_ethers(const char *name, size_t count, bool (*holds)(const struct ct_json *one))
{
    char path[256];
    size_t held = 0;
    (void)snprintf(path, sizeof(path), "@ethersproject/testcases/testcases/%s.json.gz", name);
    struct ct_json *all = ct_vectors_npm(path);
    for (size_t i = 0; i < ct_json_count(all); i++) {
        const struct ct_json *one = ct_json_at(all, i);
        if (holds(one)) {
            held++;
        } else if (i - held < NAMED_MAX) {
            printf("    does not hold: %s %zu %s\n", name, i, ct_vectors_text(one, "name"));
        }
    }
    bool good = held == count && ct_json_count(all) == count;
    printf("    %s: %zu of %zu\n", name, held, ct_json_count(all));
    ct_json_free(all);
    return good;
}

const char *ct_vectors_text(const struct ct_json *object, const char *key)
{
    const char *text = ct_json_text(ct_json_get(object, key));
    return text != NULL ? text : "";
}

uint8_t *ct_vectors_unhex(const char *text, size_t *len)
{
    char even[8];
    size_t digits = strlen(text);
    uint8_t *out = must(malloc(digits / 2 + 4));
    *len = 0;
    if (digits % 2 == 1 && digits > 2) { /* an odd quantity: its first digit is a byte */
        (void)snprintf(even, sizeof(even), "0%c", text[2]);
        size_t rest = 0;
        if (ct_unhex_var(out, 1, len, even, 2) == CT_OK && digits > 3 &&
            ct_unhex_var(out + 1, digits / 2 + 2, &rest, text + 3, digits - 3) == CT_OK) {
            *len += rest;
        }
        return out;
    }
    if (digits > 0 && ct_unhex_var(out, digits / 2 + 2, len, text, digits) != CT_OK) {
        *len = 0;
    }
    return out;
}

uint8_t *ct_vectors_bytes(const struct ct_json *object, const char *key, size_t *len)
{
    return ct_vectors_unhex(ct_vectors_text(object, key), len);
}

struct ct_u256 ct_vectors_number(const struct ct_json *object, const char *key)
{
    struct ct_u256 out = {{0}};
    int64_t small = 0;
    size_t len = 0;
    if (ct_json_int(&small, ct_json_get(object, key)) == CT_OK) {
        return ct_u256_from_u64((uint64_t)small);
    }
    uint8_t *data = ct_vectors_bytes(object, key, &len);
    if (len <= 32) {
        memcpy(out.be + 32 - len, data, len);
    }
    free(data);
    return out;
}
