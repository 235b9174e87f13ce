/* The only file that sees SQLite's types. */
#include "sql.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics.h"

#define STATEMENTS 96

struct ct_sql_stmt {
    const char *literal;
    sqlite3_stmt *stmt;
    sqlite3 *db;
    ct_err bad; /* a bind that failed, told at the step */
};

struct ct_sql {
    sqlite3 *db;
    pthread_mutex_t lock;
    struct ct_sql_stmt statements[STATEMENTS];
    bool is_quick; /* the change under way */
};

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

/* SQLite makes its file by the process's mask; the store holds names of devices, so 0600. */
static ct_err make_private(const char *path, struct ct_why *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "cannot open the store %s: %s; check its folder and owner", path,
                      strerror(errno));
    }
    (void)close(fd);
    return CT_OK;
}

ct_err ct_sql_open(struct ct_sql **out, const char *path, struct ct_why *why)
{
    ct_err err = make_private(path, why);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&db->lock, NULL);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX;
    if (sqlite3_open_v2(path, &db->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db->db, 5000) != SQLITE_OK ||
        ct_sql_script(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                          "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;") != CT_OK) {
        err = ct_why(why, CT_ERR_SYSTEM,
                     "cannot use the store %s: %s; is it an SQLite file, and its folder writable?",
                     path, db->db == NULL ? "out of memory" : sqlite3_errmsg(db->db));
        ct_sql_close(db);
        return err;
    }
    *out = db;
    return CT_OK;
}

void ct_sql_close(struct ct_sql *db)
{
    if (db == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(db->statements[i].stmt);
    }
    (void)sqlite3_close(db->db);
    (void)pthread_mutex_destroy(&db->lock);
    free(db);
}

ct_err ct_sql_script(struct ct_sql *db, const char *sql)
{
    return of_code(sqlite3_exec(db->db, sql, NULL, NULL, NULL));
}

ct_err ct_sql_begin(struct ct_sql *db)
{
    (void)pthread_mutex_lock(&db->lock);
    /* IMMEDIATE: a later write never fails because another process wrote in between */
    ct_err err = ct_sql_script(db, "BEGIN IMMEDIATE");
    if (err != CT_OK) {
        (void)pthread_mutex_unlock(&db->lock);
        ct_metrics_store(err);
    }
    return err;
}

/* In WAL mode NORMAL leaves out the commit's own fsync; the next one at FULL makes up for it. */
ct_err ct_sql_begin_quick(struct ct_sql *db)
{
    (void)pthread_mutex_lock(&db->lock);
    ct_err err = ct_sql_script(db, "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
    db->is_quick = err == CT_OK;
    if (err != CT_OK) {
        (void)!ct_sql_script(db, "PRAGMA synchronous = FULL");
        (void)pthread_mutex_unlock(&db->lock);
    }
    return err;
}

ct_err ct_sql_end(struct ct_sql *db, ct_err err)
{
    for (size_t i = 0; i < STATEMENTS && db->statements[i].stmt != NULL; i++) {
        (void)sqlite3_reset(db->statements[i].stmt);
    }
    ct_err last = ct_sql_script(db, err == CT_OK ? "COMMIT" : "ROLLBACK");
    if (err == CT_OK && last != CT_OK) {
        (void)!ct_sql_script(db, "ROLLBACK");
        err = last;
    }
    if (db->is_quick) {
        db->is_quick = false;
        last = ct_sql_script(db, "PRAGMA synchronous = FULL");
        err = err == CT_OK ? last : err;
    }
    (void)pthread_mutex_unlock(&db->lock);
    ct_metrics_store(err);
    return err;
}

struct ct_sql_stmt *ct_sql_stmt(struct ct_sql *db, const char *literal)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        struct ct_sql_stmt *s = &db->statements[i];
        if (s->stmt != NULL && strcmp(s->literal, literal) == 0) {
            (void)sqlite3_reset(s->stmt);
            (void)sqlite3_clear_bindings(s->stmt);
            s->bad = CT_OK;
            return s;
        }
        if (s->stmt == NULL) {
            int code =
                sqlite3_prepare_v3(db->db, literal, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
            s->literal = literal;
            s->db = db->db;
            s->bad = CT_OK;
            return code == SQLITE_OK ? s : NULL;
        }
    }
    return NULL;
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
    return s->bad != CT_OK ? s->bad : of_code(sqlite3_step(s->stmt));
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

size_t ct_sql_changes(struct ct_sql *db)
{
    int n = sqlite3_changes(db->db);
    return n < 0 ? 0 : (size_t)n;
}
