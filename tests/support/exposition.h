/* A strict reader of Prometheus' text format 0.0.4: what a scraper could take two ways is refused.
 */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPOSITION_SAMPLES = 2000, EXPOSITION_KEY = 160 };

struct exposition {
    struct {
        char key[EXPOSITION_KEY]; /* name{label="value",..} as written */
        double value;
    } sample[EXPOSITION_SAMPLES];
    size_t count;
    char family[EXPOSITION_KEY], type[16];
    char seen[256][EXPOSITION_KEY]; /* families that are over */
    size_t families;
    char why[200];
};

static inline bool exposition_fail(struct exposition *x, const char *what, const char *line)
{
    (void)snprintf(x->why, sizeof x->why, "%s: %.120s", what, line);
    return false;
}

static inline size_t exposition_name(const char *at, bool is_label)
{
    size_t n = 0;
    while (isalnum((unsigned char)at[n]) || at[n] == '_' || (!is_label && at[n] == ':')) {
        n++;
    }
    return n > 0 && !isdigit((unsigned char)at[0]) ? n : 0;
}

/* "# HELP name text" then "# TYPE name type", once a family. */
static inline bool exposition_comment(struct exposition *x, const char *line)
{
    bool is_help = strncmp(line, "# HELP ", 7) == 0;
    if (!is_help && strncmp(line, "# TYPE ", 7) != 0) {
        return exposition_fail(x, "a comment that is neither HELP nor TYPE", line);
    }
    size_t n = exposition_name(line + 7, false);
    if (n == 0 || line[7 + n] != ' ' || line[8 + n] == '\0') {
        return exposition_fail(x, "no name, or nothing after it", line);
    }
    if (is_help) {
        for (size_t i = 0; i < x->families; i++) {
            if (strlen(x->seen[i]) == n && strncmp(x->seen[i], line + 7, n) == 0) {
                return exposition_fail(x, "a family twice", line);
            }
        }
        (void)snprintf(x->family, sizeof x->family, "%.*s", (int)n, line + 7);
        memcpy(x->seen[x->families++ % 256], x->family, sizeof x->family);
        x->type[0] = '\0';
        return true;
    }
    (void)snprintf(x->type, sizeof x->type, "%s", line + 8 + n);
    bool known = strcmp(x->type, "counter") == 0 || strcmp(x->type, "gauge") == 0 ||
                 strcmp(x->type, "histogram") == 0;
    return (known && strlen(x->family) == n && strncmp(x->family, line + 7, n) == 0) ||
           exposition_fail(x, "a type of another family, or an unknown one", line);
}

/* Labels from '{' on; past '}' in *end. */
static inline bool exposition_labels(const char *at, const char **end)
{
    do {
        at++;
        size_t n = exposition_name(at, true);
        at += n;
        if (n == 0 || at[0] != '=' || at[1] != '"') {
            return false;
        }
        for (at += 2; *at != '"'; at++) {
            if (*at == '\0' || (*at == '\\' && strchr("\\\"n", *++at) == NULL)) {
                return false;
            }
        }
        at++;
    } while (*at == ',');
    *end = at + 1;
    return *at == '}';
}

static inline bool exposition_sample(struct exposition *x, const char *line)
{
    size_t n = exposition_name(line, false);
    size_t f = strlen(x->family);
    const char *at = line + n;
    const char *rest = line + f;
    if (n < f || f == 0 || strncmp(line, x->family, f) != 0 || x->type[0] == '\0') {
        return exposition_fail(x, "a sample outside its family", line);
    }
    bool suffix =
        strcmp(x->type, "histogram") == 0 && ((n == f + 7 && strncmp(rest, "_bucket", 7) == 0) ||
                                              (n == f + 4 && strncmp(rest, "_sum", 4) == 0) ||
                                              (n == f + 6 && strncmp(rest, "_count", 6) == 0));
    if (strcmp(x->type, "histogram") == 0 ? !suffix : n != f) {
        return exposition_fail(x, "a sample that its type does not have", line);
    }
    if (*at == '{' && !exposition_labels(at, &at)) {
        return exposition_fail(x, "labels that do not parse", line);
    }
    char *end = NULL;
    double value = strtod(at + 1, &end);
    if (*at != ' ' || isspace((unsigned char)at[1]) || end == at + 1 || *end != '\0' ||
        (at[1] == '+' && !isinf(value))) {
        return exposition_fail(x, "no number after one space", line);
    }
    if (strcmp(x->type, "counter") == 0 && !(value >= 0)) {
        return exposition_fail(x, "a counter below zero", line);
    }
    size_t key = (size_t)(at - line);
    for (size_t i = 0; i < x->count; i++) {
        if (strlen(x->sample[i].key) == key && strncmp(x->sample[i].key, line, key) == 0) {
            return exposition_fail(x, "a sample twice", line);
        }
    }
    if (x->count == EXPOSITION_SAMPLES || key >= EXPOSITION_KEY) {
        return exposition_fail(x, "too many or too long", line);
    }
    (void)snprintf(x->sample[x->count].key, EXPOSITION_KEY, "%.*s", (int)key, line);
    x->sample[x->count++].value = value;
    return true;
}

/* The whole text; false with the reason in x->why. */
static inline bool exposition_read(struct exposition *x, const char *text)
{
    char line[400];
    memset(x, 0, sizeof *x);
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        if (end == NULL || (size_t)(end - text) >= sizeof line) {
            return exposition_fail(x, "no end of line", text);
        }
        (void)snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
        if (!(line[0] == '#' ? exposition_comment(x, line) : exposition_sample(x, line))) {
            return false;
        }
        text = end + 1;
    }
    return x->count > 0;
}

/* The value of a sample, or -1. */
static inline double exposition_get(const struct exposition *x, const char *key)
{
    for (size_t i = 0; i < x->count; i++) {
        if (strcmp(x->sample[i].key, key) == 0) {
            return x->sample[i].value;
        }
    }
    return -1;
}

#endif
