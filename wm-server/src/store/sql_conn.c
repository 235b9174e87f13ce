/* The only file that sees SQLite's types, but for sql_copy.c: a connection and its statements. */
#include "store/sql_conn.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENTS 96

struct ct_sql_stmt {
    const char *literal;
    sqlite3_stmt *stmt;
    sqlite3 *db;
    ct_err bad; /* a bind that failed, told at the step */
    bool in_use;
};

struct ct_conn {
    sqlite3 *db;
    struct ct_sql_stmt statements[STATEMENTS];
};

/* ---- codes ---- */

static ct_err of_code(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
        return CT_OK;
    case SQLITE_DONE:
        return CT_ERR_NOT_FOUND;
    case SQLITE_CONSTRAINT:
        return CT_ERR_STATE;
    case SQLITE_NOMEM:
        return CT_ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CT_ERR_AGAIN;
    default:
        return CT_ERR_SYSTEM;
    }
}

static bool is_of_room(sqlite3 *db, int op)
{
    sqlite3_file *file = NULL;
    int cause = 0;
    if (sqlite3_file_control(db, "main", op, &file) != SQLITE_OK || file == NULL ||
        file->pMethods == NULL ||
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &cause) != SQLITE_OK) {
        return false;
    }
    return cause == ENOSPC || cause == EDQUOT || cause == EFBIG;
}

/* Of a step that ran: SQLite has a code for a full disk, but not for a quota or a limit. */
static ct_err of_run(sqlite3 *db, int code)
{
    int extended = (code & 0xff) == SQLITE_IOERR ? sqlite3_extended_errcode(db) : 0;
    bool is_full =
        (code & 0xff) == SQLITE_FULL || extended == SQLITE_IOERR_SHMSIZE ||
        (extended == SQLITE_IOERR_WRITE && (is_of_room(db, SQLITE_FCNTL_FILE_POINTER) ||
                                            is_of_room(db, SQLITE_FCNTL_JOURNAL_POINTER)));
    return is_full ? CT_ERR_FULL : of_code(code);
}

/* ---- the connection ---- */

ct_err ct_conn_open(struct ct_conn **out, const char *path, const char *pragmas, struct ct_why *why)
{
    struct ct_conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)ct_why(why, CT_ERR_NOMEM, "out of memory");
        return CT_ERR_NOMEM;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX; /* the lock is the caller's */
    if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(c->db, 5000) != SQLITE_OK || ct_conn_script(c, pragmas) != CT_OK) {
        (void)ct_why(why, CT_ERR_SYSTEM,
                     "cannot use the store %s: %s; is it an SQLite file, and its folder writable?",
                     path, c->db == NULL ? "out of memory" : sqlite3_errmsg(c->db));
        ct_conn_close(c);
        return CT_ERR_SYSTEM;
    }
    *out = c;
    return CT_OK;
}

void ct_conn_close(struct ct_conn *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(c->statements[i].stmt);
    }
    (void)sqlite3_close(c->db);
    free(c);
}

ct_err ct_conn_script(struct ct_conn *c, const char *sql)
{
    return of_run(c->db, sqlite3_exec(c->db, sql, NULL, NULL, NULL));
}

bool ct_conn_in_transaction(const struct ct_conn *c)
{
    return sqlite3_get_autocommit(c->db) == 0;
}

size_t ct_conn_changes(const struct ct_conn *c)
{
    int n = sqlite3_changes(c->db);
    return n < 0 ? 0 : (size_t)n;
}

/* ---- statements ---- */

/* A literal has one address in most cases, and its text in all. */
static struct ct_sql_stmt *known(struct ct_conn *c, const char *literal)
{
    for (size_t i = 0; i < STATEMENTS && c->statements[i].stmt != NULL; i++) {
        if (c->statements[i].literal == literal) {
            return &c->statements[i];
        }
    }
    for (size_t i = 0; i < STATEMENTS && c->statements[i].stmt != NULL; i++) {
        if (strcmp(c->statements[i].literal, literal) == 0) {
            return &c->statements[i];
        }
    }
    return NULL;
}

static struct ct_sql_stmt *prepare(struct ct_conn *c, const char *literal)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        struct ct_sql_stmt *s = &c->statements[i];
        if (s->stmt == NULL) {
            s->literal = literal;
            s->db = c->db;
            int code =
                sqlite3_prepare_v3(c->db, literal, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
            return code == SQLITE_OK ? s : NULL;
        }
    }
    return NULL;
}

struct ct_sql_stmt *ct_conn_stmt(struct ct_conn *c, const char *literal)
{
    struct ct_sql_stmt *s = known(c, literal);
    if (s == NULL) {
        s = prepare(c, literal);
    } else {
        (void)sqlite3_reset(s->stmt);
        (void)sqlite3_clear_bindings(s->stmt);
    }
    if (s != NULL) {
        s->bad = CT_OK;
        s->in_use = true;
    }
    return s;
}

ct_err ct_conn_word(struct ct_conn *c, const char *literal)
{
    struct ct_sql_stmt *s = ct_conn_stmt(c, literal);
    ct_err err = ct_sql_run(s);
    if (s != NULL) {
        (void)sqlite3_reset(s->stmt);
    }
    return err;
}

void ct_conn_rest(struct ct_conn *c)
{
    for (size_t i = 0; i < STATEMENTS && c->statements[i].stmt != NULL; i++) {
        if (c->statements[i].in_use) {
            (void)sqlite3_reset(c->statements[i].stmt);
            c->statements[i].in_use = false;
        }
    }
}

static void bound(struct ct_sql_stmt *s, int code)
{
    if (code != SQLITE_OK && s->bad == CT_OK) {
        s->bad = code == SQLITE_NOMEM ? CT_ERR_NOMEM : CT_ERR_SYSTEM;
    }
}

void ct_sql_bind_u64(struct ct_sql_stmt *s, int at, uint64_t value)
{
    if (s != NULL) {
        bound(s, value > INT64_MAX ? SQLITE_RANGE
                                   : sqlite3_bind_int64(s->stmt, at, (sqlite3_int64)value));
    }
}

void ct_sql_bind_text(struct ct_sql_stmt *s, int at, const char *text)
{
    if (s != NULL) {
        bound(s, sqlite3_bind_text(s->stmt, at, text, -1, SQLITE_TRANSIENT));
    }
}

void ct_sql_bind_blob(struct ct_sql_stmt *s, int at, const void *data, size_t len)
{
    if (s != NULL) {
        bound(s, sqlite3_bind_blob64(s->stmt, at, data, len, SQLITE_TRANSIENT));
    }
}

ct_err ct_sql_step(struct ct_sql_stmt *s)
{
    if (s == NULL) {
        return CT_ERR_SYSTEM;
    }
    return s->bad != CT_OK ? s->bad : of_run(s->db, sqlite3_step(s->stmt));
}

ct_err ct_sql_run(struct ct_sql_stmt *s)
{
    ct_err err = ct_sql_step(s);
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

uint64_t ct_sql_u64(struct ct_sql_stmt *s, int column)
{
    sqlite3_int64 v = sqlite3_column_int64(s->stmt, column);
    return v < 0 ? 0 : (uint64_t)v;
}

void ct_sql_text(struct ct_sql_stmt *s, int column, char *out, size_t cap)
{
    const unsigned char *text = sqlite3_column_text(s->stmt, column);
    size_t n = text == NULL ? 0 : (size_t)sqlite3_column_bytes(s->stmt, column);
    n = n < cap ? n : cap - 1;
    if (text != NULL && n > 0) {
        memcpy(out, text, n);
    }
    out[n] = '\0';
}

size_t ct_sql_blob(struct ct_sql_stmt *s, int column, void *out, size_t cap)
{
    const void *data = sqlite3_column_blob(s->stmt, column);
    size_t n = data == NULL ? 0 : (size_t)sqlite3_column_bytes(s->stmt, column);
    n = n < cap ? n : cap;
    memset(out, 0, cap);
    if (data != NULL && n > 0) {
        memcpy(out, data, n);
    }
    return n;
}
