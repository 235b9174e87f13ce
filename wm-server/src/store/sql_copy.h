/* A copy of an SQLite file while others write it. */
#ifndef CT_WM_SQL_COPY_H
#define CT_WM_SQL_COPY_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

/*
 * Makes `to`, which must not be there, with mode 0600: all that is committed in `from` now, as one
 * moment; those who write go on. The copy says of itself that it is one, of now_s, is checked whole
 * and on disk before it gets its name. *pages (of 4096 bytes) is its size. CT_ERR_CONFIG,
 * CT_ERR_SYSTEM with the reason.
 */
CT_MUST_USE ct_err ct_sql_copy(const char *from, const char *to, uint64_t now_s, uint64_t *pages,
                               struct ct_why *why);

#endif
