/* One connection that writes, with commits that changes share, and some that read beside it. */
#include "store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operator/metrics.h"
#include "store/sql_reads.h"

#define GROUP_MAX 64u

/* A change that is made and waits for the commit that it shares with others. */
struct ct_sql_member {
    struct ct_sql_member *next;
    bool is_done;
    ct_err err;
};

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

static ct_err attach(struct ct_sql **out, const char *path, const char *pragmas, struct ct_why *why)
{
    struct ct_sql *db = calloc(1, sizeof *db);
    if (db == NULL) {
        (void)ct_why(why, CT_ERR_NOMEM, "out of memory");
        return CT_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&db->lock, NULL);
    (void)pthread_cond_init(&db->committed, NULL);
    ct_err err = ct_conn_open(&db->conn, path, pragmas, why);
    if (err != CT_OK) {
        ct_sql_close(db);
        return err;
    }
    *out = db;
    return CT_OK;
}

ct_err ct_sql_open(struct ct_sql **out, const char *path, struct ct_why *why)
{
    struct ct_sql *db = NULL;
    ct_err err = make_private(path, why);
    if (err == CT_OK) {
        err = attach(&db, path,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
                     why);
    }
    for (size_t i = 0; i < CT_SQL_READERS && err == CT_OK; i++) {
        /* 6 MB keep the inner pages of a million operations and their index, which every read needs
         */
        err = attach(&db->readers[i], path,
                     "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;"
                     "PRAGMA cache_size = -6000;",
                     why);
        if (err == CT_OK) {
            db->readers[i]->is_reader = true;
            db->readers[i]->writer = db;
        }
    }
    if (err != CT_OK) {
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
    for (size_t i = 0; i < CT_SQL_READERS; i++) {
        ct_sql_close(db->readers[i]);
    }
    ct_conn_close(db->conn);
    (void)pthread_cond_destroy(&db->committed);
    (void)pthread_mutex_destroy(&db->lock);
    free(db);
}

ct_err ct_sql_script(struct ct_sql *db, const char *sql)
{
    return ct_conn_script(db->conn, sql);
}

struct ct_sql_stmt *ct_sql_stmt(struct ct_sql *db, const char *literal)
{
    return ct_conn_stmt(db->conn, literal);
}

size_t ct_sql_changes(struct ct_sql *db)
{
    return ct_conn_changes(db->conn);
}

/* ---- changes ---- */

/*
 * Each change is a savepoint in a transaction that others may join: as long as somebody waits for
 * the lock, the commit is left to them, so that one sync of the disk serves all who came while the
 * one before it lasted. None returns before the commit.
 */

/* The commit, or what is left of the transaction undone: everybody in it is told. A grave error
 * ends it by itself; that was `cause` then. */
static void end_group(struct ct_sql *db, ct_err cause)
{
    bool is_there = ct_conn_in_transaction(db->conn);
    ct_err gone = CT_ERR_CLASS(cause) == CT_ERR_CLASS_HOST ? cause : CT_ERR_SYSTEM;
    ct_err err = is_there ? ct_conn_word(db->conn, "COMMIT") : gone;
    if (is_there && err != CT_OK) {
        (void)!ct_conn_word(db->conn, "ROLLBACK");
    }
    for (struct ct_sql_member *m = db->group; m != NULL; m = m->next) {
        m->err = err;
        m->is_done = true;
    }
    db->group = NULL;
    db->group_count = 0;
    db->is_open = false;
    (void)atomic_fetch_add(&db->commits, 1);
    ct_sql_end_idle(db, UINT64_MAX);
    (void)pthread_cond_broadcast(&db->committed);
}

static void take_lock(struct ct_sql *db)
{
    (void)atomic_fetch_add(&db->waiting, 1);
    (void)pthread_mutex_lock(&db->lock);
    (void)atomic_fetch_sub(&db->waiting, 1);
}

/* Nobody goes on with the group: whoever joined it is not to wait for ever. */
static ct_err give_up(struct ct_sql *db, ct_err err)
{
    if (db->is_open) {
        end_group(db, err);
    }
    (void)pthread_mutex_unlock(&db->lock);
    ct_metrics_store(err);
    return err;
}

ct_err ct_sql_begin(struct ct_sql *db)
{
    ct_err err = CT_OK;
    take_lock(db);
    if (!db->is_open) {
        /* IMMEDIATE: a later write never fails because another process wrote in between */
        err = ct_conn_word(db->conn, "BEGIN IMMEDIATE");
        db->is_open = err == CT_OK;
    }
    if (err == CT_OK) {
        err = ct_conn_word(db->conn, "SAVEPOINT one");
    }
    return err == CT_OK ? CT_OK : give_up(db, err);
}

/* In WAL mode NORMAL leaves out the commit's own fsync; the next one at FULL makes up for it. In
 * company it waits with the others. */
ct_err ct_sql_begin_quick(struct ct_sql *db)
{
    ct_err err = CT_OK;
    take_lock(db);
    if (!db->is_open) {
        db->is_quick = true;
        err = ct_sql_script(db, "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
        db->is_open = err == CT_OK;
    }
    if (err == CT_OK) {
        err = ct_conn_word(db->conn, "SAVEPOINT one");
    }
    if (err != CT_OK && db->is_quick) {
        db->is_quick = false;
        (void)!ct_sql_script(db, "ROLLBACK");
        (void)!ct_sql_script(db, "PRAGMA synchronous = FULL");
        db->is_open = false;
    }
    return err == CT_OK ? CT_OK : give_up(db, err);
}

static ct_err end_change(struct ct_sql *db, ct_err err)
{
    struct ct_sql_member self = {.next = db->group};
    ct_err last = !ct_conn_in_transaction(db->conn) ? CT_ERR_SYSTEM : CT_OK;
    if (last == CT_OK && err != CT_OK) {
        last = ct_conn_word(db->conn, "ROLLBACK TO one");
    }
    if (last == CT_OK) {
        last = ct_conn_word(db->conn, "RELEASE one");
    }
    if (last != CT_OK) { /* what is to be undone must not be committed with the others */
        (void)!ct_conn_word(db->conn, "ROLLBACK");
    }
    err = err == CT_OK ? last : err;
    /* cppcheck-suppress autoVariables; it is out of the group before this returns */
    db->group = &self;
    db->group_count++;
    bool is_quick = db->is_quick;
    if (is_quick || last != CT_OK || db->group_count >= GROUP_MAX ||
        atomic_load(&db->waiting) == 0) {
        end_group(db, err);
    }
    while (!self.is_done) {
        (void)pthread_cond_wait(&db->committed, &db->lock);
    }
    if (is_quick) {
        db->is_quick = false;
        last = ct_sql_script(db, "PRAGMA synchronous = FULL");
        err = err == CT_OK ? last : err;
    }
    return err == CT_OK ? self.err : err;
}

ct_err ct_sql_end(struct ct_sql *db, ct_err err)
{
    ct_conn_rest(db->conn);
    err = db->is_reader ? ct_sql_end_read(db, err) : end_change(db, err);
    (void)pthread_mutex_unlock(&db->lock);
    ct_metrics_store(err);
    return err;
}

ct_err ct_sql_end_rows(struct ct_sql *db, ct_err err, size_t rows, size_t *count)
{
    err = ct_sql_end(db, err == CT_ERR_NOT_FOUND ? CT_OK : err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}
