/* The audit log: what was done with keys, money and admission, one line each, on disk before it is
 * acknowledged, each line chained to the one before it. */
#ifndef CT_WM_AUDIT_H
#define CT_WM_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "operator/audit_link.h"
#include "base/why.h"

struct ct_audit;

/*
 * Opens the log at path, made with mode 0600 if absent, and goes on after its last line; a line
 * that a crash cut short is dropped, which a line says. Several processes may write one log. When
 * it is longer than rotate_bytes it is renamed to path.N, N being the number of its last line in 12
 * digits, and the chain goes on in a new file. CT_ERR_CONFIG: the end of it is no audit log's.
 */
CT_MUST_USE ct_err ct_audit_open(struct ct_audit **out, const char *path, uint64_t rotate_bytes,
                                 struct ct_why *why);
void ct_audit_close(struct ct_audit *a); /* NULL is fine */

/*
 * Writes a line; it is on disk after the next ct_audit_sync(). Any thread. CT_ERR_SYSTEM, or
 * CT_ERR_FULL: it could not be written, and what it was to tell of must not happen. With NULL for a
 * both succeed.
 */
CT_MUST_USE ct_err ct_audit_add(struct ct_audit *a, const char *what,
                                const struct ct_audit_field *fields, size_t count);
CT_MUST_USE ct_err ct_audit_sync(struct ct_audit *a); /* of all threads at once */
/* Both. */
CT_MUST_USE ct_err ct_audit(struct ct_audit *a, const char *what,
                            const struct ct_audit_field *fields, size_t count);
/* Its last line. */
struct ct_audit_link ct_audit_head(struct ct_audit *a);

#endif
