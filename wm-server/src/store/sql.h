/* SQLite behind plain types: statements prepared once, bound, stepped; one lock around a change,
 * none around a read. */
#ifndef CT_WM_SQL_H
#define CT_WM_SQL_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"

struct ct_sql;
struct ct_sql_stmt;

/*
 * Opens path, made with mode 0600 if absent, in WAL mode with full synchronisation: what was
 * committed survives a power cut. Another process that writes is waited for, 5 s at most.
 */
CT_MUST_USE ct_err ct_sql_open(struct ct_sql **out, const char *path, struct ct_why *why);
void ct_sql_close(struct ct_sql *db);

/* Several statements without parameters, for schemas. */
CT_MUST_USE ct_err ct_sql_script(struct ct_sql *db, const char *sql);

/* One writer at a time: lock and begin; end commits when err is CT_OK, else rolls back. Changes
 * that came while others were committed share the next commit. */
CT_MUST_USE ct_err ct_sql_begin(struct ct_sql *db);
/* For what only reads: *db becomes a connection that sees what was committed through this struct
 * ct_sql until now, and by other programs 5 ms ago, and waits for no writer; end with it. */
CT_MUST_USE ct_err ct_sql_begin_read(struct ct_sql **db);
/* The same for a change that a power cut may undo: it survives a kill, and waits for no disk. */
CT_MUST_USE ct_err ct_sql_begin_quick(struct ct_sql *db);
ct_err ct_sql_end(struct ct_sql *db, ct_err err);
/* After rows were stepped through, the last step having given err: that there are no more is no
 * error, and *count is set when all went well. */
ct_err ct_sql_end_rows(struct ct_sql *db, ct_err err, size_t rows, size_t *count);

/* The statement of this literal, reset and unbound; between begin and end only. NULL: see end. */
struct ct_sql_stmt *ct_sql_stmt(struct ct_sql *db, const char *literal);
void ct_sql_bind_u64(struct ct_sql_stmt *s, int at, uint64_t value); /* at counts from 1 */
void ct_sql_bind_text(struct ct_sql_stmt *s, int at, const char *text);
void ct_sql_bind_blob(struct ct_sql_stmt *s, int at, const void *data, size_t len);
/* CT_OK: a row is there. CT_ERR_NOT_FOUND: no more rows. CT_ERR_STATE: a constraint refused. */
CT_MUST_USE ct_err ct_sql_step(struct ct_sql_stmt *s);
/* Steps a statement that gives no rows: CT_OK when it ran. */
CT_MUST_USE ct_err ct_sql_run(struct ct_sql_stmt *s);
uint64_t ct_sql_u64(struct ct_sql_stmt *s, int column); /* column counts from 0 */
void ct_sql_text(struct ct_sql_stmt *s, int column, char *out, size_t cap);
/* The bytes of the column, cut to cap; the length of what was copied. */
size_t ct_sql_blob(struct ct_sql_stmt *s, int column, void *out, size_t cap);
/* Rows that the last change touched. */
size_t ct_sql_changes(struct ct_sql *db);

#endif
