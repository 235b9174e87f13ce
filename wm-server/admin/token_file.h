/* A file of tokens, one a line, as wm-admin token issue writes it. */
#ifndef CT_WM_TOKEN_FILE_H
#define CT_WM_TOKEN_FILE_H

#include <stddef.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "kex/token.h"

/* One line, without its end; not NUL-terminated there. */
typedef ct_err admin_token_line(void *arg, const char *line, size_t len, struct ct_why *why);

/*
 * Calls each for the lines that are not empty, until one fails. The file is private, of at most max
 * bytes, and wiped from memory afterwards. CT_ERR_CONFIG: there is none.
 */
CT_MUST_USE ct_err admin_token_file(const char *path, size_t max, admin_token_line *each, void *arg,
                                    struct ct_why *why);

/* A line that is a token or a factory credential. CT_ERR_FORMAT, with its sentence. */
CT_MUST_USE ct_err admin_token_parse(struct ct_token *out, const char *line, size_t len,
                                     struct ct_why *why);

#endif
