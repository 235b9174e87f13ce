/* The copy by SQLite's own backup, which this file and sql_conn.c alone see. */
#include "store/sql_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4096 };

static ct_err failed(sqlite3 *db, const char *path, struct ct_why *why)
{
    return ct_why(why, CT_ERR_SYSTEM, "cannot copy to %s: %s", path,
                  db == NULL ? "out of memory" : sqlite3_errmsg(db));
}

/* In one step: one snapshot of the write-ahead log, which writers do not wait for. */
static ct_err copy_pages(sqlite3 *to, sqlite3 *from, const char *path, uint64_t *pages,
                         struct ct_why *why)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (b == NULL) {
        return failed(to, path, why);
    }
    int code = sqlite3_backup_step(b, -1);
    int count = sqlite3_backup_pagecount(b);
    *pages = count < 0 ? 0 : (uint64_t)count;
    int end = sqlite3_backup_finish(b);
    return code == SQLITE_DONE && end == SQLITE_OK ? CT_OK : failed(to, path, why);
}

/* One file, marked, and read through once. */
static ct_err finish(sqlite3 *db, const char *path, uint64_t now_s, struct ct_why *why)
{
    char sql[200];
    sqlite3_stmt *q = NULL;
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA journal_mode = DELETE;"
                   "CREATE TABLE IF NOT EXISTS copies (taken INTEGER NOT NULL);"
                   "INSERT INTO copies (taken) VALUES (%llu);",
                   (unsigned long long)now_s);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return failed(db, path, why);
    }
    bool good = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &q, NULL) == SQLITE_OK &&
                sqlite3_step(q) == SQLITE_ROW &&
                strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
    (void)sqlite3_finalize(q);
    return good ? CT_OK
                : ct_why(why, CT_ERR_SYSTEM, "the copy %s is damaged; check the disk and the store",
                         path);
}

static ct_err copy_into(const char *from, const char *path, uint64_t now_s, uint64_t *pages,
                        struct ct_why *why)
{
    sqlite3 *source = NULL;
    sqlite3 *copy = NULL;
    ct_err err = CT_OK;
    if (sqlite3_open_v2(from, &source, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(source, 5000) != SQLITE_OK) {
        err = ct_why(why, CT_ERR_CONFIG, "cannot open the store %s: %s", from,
                     source == NULL ? "out of memory" : sqlite3_errmsg(source));
    } else if (sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        err = failed(copy, path, why);
    }
    if (err == CT_OK) {
        err = copy_pages(copy, source, path, pages, why);
    }
    if (err == CT_OK) {
        err = finish(copy, path, now_s, why);
    }
    (void)sqlite3_close(copy);
    (void)sqlite3_close(source);
    return err;
}

static bool sync_file(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

static bool sync_folder(const char *path)
{
    char folder[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 1 : (int)(slash - path + 1);
    (void)snprintf(folder, sizeof folder, "%.*s", len, slash == NULL ? "." : path);
    return sync_file(folder, O_RDONLY | O_DIRECTORY);
}

ct_err ct_sql_copy(const char *from, const char *to, uint64_t now_s, uint64_t *pages,
                   struct ct_why *why)
{
    char part[PATH_ROOM];
    int n = snprintf(part, sizeof part, "%s.part", to);
    if (n < 0 || (size_t)n >= sizeof part) {
        return ct_why(why, CT_ERR_CONFIG, "the name %s is too long", to);
    }
    (void)unlink(part); /* of a copy that was cut short */
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ct_why(why, CT_ERR_CONFIG, "cannot make %s: %s", part, strerror(errno));
    }
    (void)close(fd);
    ct_err err = copy_into(from, part, now_s, pages, why);
    /* link() and not rename(): what is there is never written over */
    if (err == CT_OK && (!sync_file(part, O_RDONLY) || link(part, to) != 0 || !sync_folder(to))) {
        err = ct_why(why, CT_ERR_CONFIG, "cannot make %s: %s", to, strerror(errno));
    }
    (void)unlink(part);
    return err;
}
