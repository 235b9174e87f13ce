/* Configuration files by a table of keys; nothing is skipped in silence. */
#include "base/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

enum { FILE_MAX = 64 * 1024, LIST_MAX = 64, NAME_MAX_LEN = 64 };

struct reader {
    void *target;
    const char *path;
    const struct ct_conf_key *keys;
    size_t count;
    unsigned line;
    char section[NAME_MAX_LEN];
    bool *seen;
    struct ct_why *why;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance of two words of at most NAME_MAX_LEN characters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1];
    size_t a_len = smaller(strlen(a), NAME_MAX_LEN);
    size_t b_len = smaller(strlen(b), NAME_MAX_LEN);
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = smaller(change, smaller(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *ct_conf_suggest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = 0;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, names[i]);
        if (best == NULL || d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    size_t limit = strlen(word) / 3;
    return best != NULL && best_distance <= (limit > 2 ? limit : 2) ? best : NULL;
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r')) {
        text[--len] = '\0';
    }
    return text;
}

static ct_err unknown_key(struct reader *r, const char *name)
{
    const char *names[64];
    size_t count = smaller(r->count, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < count; i++) {
        names[i] = r->keys[i].name;
    }
    const char *likely = ct_conf_suggest(name, names, count);
    if (likely != NULL) {
        return ct_why(r->why, CT_ERR_CONFIG, "%s:%u: there is no key %s; did you mean %s?", r->path,
                      r->line, name, likely);
    }
    return ct_why(r->why, CT_ERR_CONFIG,
                  "%s:%u: there is no key %s; the manual page lists the keys", r->path, r->line,
                  name);
}

static ct_err add_item(struct reader *r, struct ct_conf_list *list, const char *value)
{
    if (list->count == LIST_MAX) {
        return ct_why(r->why, CT_ERR_CONFIG, "%s:%u: more than %d values", r->path, r->line,
                      (int)LIST_MAX);
    }
    char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (items == NULL) {
        return CT_ERR_NOMEM;
    }
    list->items = items;
    items[list->count] = strdup(value);
    if (items[list->count] == NULL) {
        return CT_ERR_NOMEM;
    }
    list->count++;
    return CT_OK;
}

static ct_err set_number(struct reader *r, uint64_t *out, const char *name, const char *value)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0) {
        return ct_why(r->why, CT_ERR_CONFIG, "%s:%u: %s needs a whole number, not \"%s\"", r->path,
                      r->line, name, value);
    }
    *out = number;
    return CT_OK;
}

static ct_err set_value(struct reader *r, const struct ct_conf_key *key, const char *value)
{
    void *field = (char *)r->target + key->offset;
    if (value[0] == '\0') {
        return ct_why(r->why, CT_ERR_CONFIG, "%s:%u: %s has no value", r->path, r->line, key->name);
    }
    switch (key->type) {
    case CT_CONF_STRING: {
        char *copy = strdup(value);
        if (copy == NULL) {
            return CT_ERR_NOMEM;
        }
        free(*(char **)field);
        *(char **)field = copy;
        return CT_OK;
    }
    case CT_CONF_U64:
        return set_number(r, field, key->name, value);
    case CT_CONF_BOOL:
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
            return ct_why(r->why, CT_ERR_CONFIG, "%s:%u: %s is yes or no, not \"%s\"", r->path,
                          r->line, key->name, value);
        }
        *(bool *)field = value[0] == 'y';
        return CT_OK;
    case CT_CONF_LIST:
        return add_item(r, field, value);
    }
    return CT_ERR_ARG;
}

static ct_err take_pair(struct reader *r, char *line, char *equals)
{
    *equals = '\0';
    const char *key_name = trim(line);
    const char *value = trim(equals + 1);
    char name[2 * NAME_MAX_LEN + 2];
    (void)snprintf(name, sizeof(name), "%s%s%.*s", r->section, r->section[0] != '\0' ? "." : "",
                   (int)NAME_MAX_LEN, key_name);
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->keys[i].name, name) != 0) {
            continue;
        }
        if (r->seen[i] && r->keys[i].type != CT_CONF_LIST) {
            return ct_why(r->why, CT_ERR_CONFIG, "%s:%u: %s was given before; keep one", r->path,
                          r->line, name);
        }
        r->seen[i] = true;
        return set_value(r, &r->keys[i], value);
    }
    return unknown_key(r, name);
}

static ct_err take_line(struct reader *r, char *line)
{
    line = trim(line);
    if (line[0] == '\0' || line[0] == '#') {
        return CT_OK;
    }
    size_t len = strlen(line);
    if (line[0] == '[' && line[len - 1] == ']' && len - 2 < sizeof(r->section)) {
        memcpy(r->section, line + 1, len - 2);
        r->section[len - 2] = '\0';
        return CT_OK;
    }
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        return ct_why(r->why, CT_ERR_CONFIG, "%s:%u: expected key = value, [section] or # comment",
                      r->path, r->line);
    }
    return take_pair(r, line, equals);
}

static ct_err take_lines(struct reader *r, char *text)
{
    ct_err err = CT_OK;
    for (char *line = text; err == CT_OK && line != NULL;) {
        char *next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        r->line++;
        err = take_line(r, line);
        line = next;
    }
    for (size_t i = 0; err == CT_OK && i < r->count; i++) {
        if (r->keys[i].required && !r->seen[i]) {
            err = ct_why(r->why, CT_ERR_CONFIG, "%s: %s is missing (%s)", r->path, r->keys[i].name,
                         r->keys[i].help);
        }
    }
    return err;
}

ct_err ct_conf_read(void *target, const char *path, const struct ct_conf_key *keys, size_t count,
                    struct ct_why *why)
{
    size_t len = 0;
    char *text = malloc(FILE_MAX);
    bool *seen = calloc(count > 0 ? count : 1, sizeof(*seen));
    ct_err err = CT_ERR_NOMEM;
    if (text != NULL && seen != NULL) {
        err = ct_file_read(text, FILE_MAX, &len, path, false, why);
    }
    if (err == CT_OK && strlen(text) != len) {
        err = ct_why(why, CT_ERR_CONFIG, "%s holds a zero byte: not a configuration", path);
    }
    if (err == CT_OK) {
        struct reader r = {.target = target, .path = path, .keys = keys, .count = count};
        r.seen = seen;
        r.why = why;
        err = take_lines(&r, text);
    }
    free(text);
    free(seen);
    return err;
}

void ct_conf_free(void *target, const struct ct_conf_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *field = (char *)target + keys[i].offset;
        if (keys[i].type == CT_CONF_STRING) {
            free(*(char **)field);
            *(char **)field = NULL;
        } else if (keys[i].type == CT_CONF_LIST) {
            struct ct_conf_list *list = field;
            for (size_t k = 0; k < list->count; k++) {
                free(list->items[k]);
            }
            free(list->items);
            *list = (struct ct_conf_list){0};
        }
    }
}
