/* Configuration files: "key = value" lines, [section] heads, # comments; unknown keys are errors.
 */
#ifndef CT_BASE_CONF_H
#define CT_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

enum ct_conf_type {
    CT_CONF_STRING,
    CT_CONF_U64,
    CT_CONF_BOOL,
    CT_CONF_LIST /* one value a line */
};

struct ct_conf_key {
    const char *name; /* "chain.contract" is key "contract" in section [chain] */
    enum ct_conf_type type;
    bool required;
    size_t offset; /* of a char *, uint64_t, bool or struct ct_conf_list in the target */
    const char *help;
};

struct ct_conf_list {
    char **items;
    size_t count; /* at most 64 */
};

/*
 * Reads path into target by the table (count keys). Strings are allocated; free all of them with
 * ct_conf_free(). An unknown or repeated key, a bad value or a missing required key is
 * CT_ERR_CONFIG, why naming file, line and, for a misspelt key, the likely one.
 */
CT_MUST_USE ct_err ct_conf_read(void *target, const char *path, const struct ct_conf_key *keys,
                                size_t count, struct ct_why *why);
void ct_conf_free(void *target, const struct ct_conf_key *keys, size_t count);

/* The name out of names closest to word (edit distance <= 2 or a third of its length), or NULL. */
const char *ct_conf_suggest(const char *word, const char *const *names, size_t count);

#endif
