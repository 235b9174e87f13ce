/* One connection to an SQLite file, of one thread at a time: words, scripts, statements prepared
 * once. What a statement can do is in sql.h. */
#ifndef CT_WM_SQL_CONN_H
#define CT_WM_SQL_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "store/sql.h"

struct ct_conn;

/* To a file that is there; CT_ERR_SYSTEM with the reason. */
CT_MUST_USE ct_err ct_conn_open(struct ct_conn **out, const char *path, const char *pragmas,
                                struct ct_why *why);
void ct_conn_close(struct ct_conn *c); /* NULL is fine */
CT_MUST_USE ct_err ct_conn_script(struct ct_conn *c, const char *sql);
/* A statement of its own without parameters, such as COMMIT. */
CT_MUST_USE ct_err ct_conn_word(struct ct_conn *c, const char *literal);
/* A grave error ends a transaction by itself. */
bool ct_conn_in_transaction(const struct ct_conn *c);
/* As ct_sql_stmt(). */
struct ct_sql_stmt *ct_conn_stmt(struct ct_conn *c, const char *literal);
/* Resets what was stepped since the last time. */
void ct_conn_rest(struct ct_conn *c);
size_t ct_conn_changes(const struct ct_conn *c);

#endif
