/* The only file that sees SQLite's types: one connection that writes, some that read. */
#include "store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "operator/metrics.h"

#define STATEMENTS 96
#define READERS 4u
#define GROUP_MAX 64u
#define SNAPSHOT_MS 5u

struct ct_sql_stmt {
    const char *literal;
    sqlite3_stmt *stmt;
    sqlite3 *db;
    ct_err bad; /* a bind that failed, told at the step */
    bool in_use;
};

/* A change that is made and waits for the commit that it shares with others. */
struct member {
    struct member *next;
    bool is_done;
    ct_err err;
};

/*
 * Each change is a savepoint in a transaction that others may join: as long as somebody waits for
 * the lock, the commit is left to them, so that one sync of the disk serves all who came while the
 * one before it lasted. None returns before the commit.
 */
struct ct_sql {
    sqlite3 *db;
    pthread_mutex_t lock;
    struct ct_sql_stmt statements[STATEMENTS];
    struct ct_sql *readers[READERS]; /* none in a reader */
    bool is_reader;
    bool is_quick;                /* the change under way */
    bool is_open;                 /* the transaction; a reader's may outlast a read */
    atomic_uint_fast64_t commits; /* so many */
    struct ct_sql *writer;        /* of a reader: */
    uint64_t seen, since_ms;      /* its commits when the transaction began, and when */
    atomic_uint waiting;          /* for the lock */
    struct member *group;         /* made, and not committed yet */
    size_t group_count;
    pthread_cond_t committed;
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
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX; /* the lock is ours */
    if (sqlite3_open_v2(path, &db->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db->db, 5000) != SQLITE_OK || ct_sql_script(db, pragmas) != CT_OK) {
        (void)ct_why(why, CT_ERR_SYSTEM,
                     "cannot use the store %s: %s; is it an SQLite file, and its folder writable?",
                     path, db->db == NULL ? "out of memory" : sqlite3_errmsg(db->db));
        ct_sql_close(db);
        return CT_ERR_SYSTEM;
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
    for (size_t i = 0; i < READERS && err == CT_OK; i++) {
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
    for (size_t i = 0; i < READERS; i++) {
        ct_sql_close(db->readers[i]);
    }
    for (size_t i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(db->statements[i].stmt);
    }
    (void)sqlite3_close(db->db);
    (void)pthread_cond_destroy(&db->committed);
    (void)pthread_mutex_destroy(&db->lock);
    free(db);
}

ct_err ct_sql_script(struct ct_sql *db, const char *sql)
{
    return of_run(db->db, sqlite3_exec(db->db, sql, NULL, NULL, NULL));
}

/* A word of its own, such as COMMIT. */
static ct_err word(struct ct_sql *db, const char *literal)
{
    struct ct_sql_stmt *s = ct_sql_stmt(db, literal);
    ct_err err = ct_sql_run(s);
    if (s != NULL) {
        (void)sqlite3_reset(s->stmt);
    }
    return err;
}

static void rest(struct ct_sql *db)
{
    for (size_t i = 0; i < STATEMENTS && db->statements[i].stmt != NULL; i++) {
        if (db->statements[i].in_use) {
            (void)sqlite3_reset(db->statements[i].stmt);
            db->statements[i].in_use = false;
        }
    }
}

/* ---- reads ---- */

/*
 * A transaction of reading costs more than the reading: it is kept until there is a commit, or for
 * SNAPSHOT_MS, since another program may have written. An idle one is ended, for the log of writes
 * cannot begin anew before.
 */
static void end_snapshot(struct ct_sql *reader)
{
    if (reader->is_open) {
        (void)!word(reader, "COMMIT");
        reader->is_open = false;
    }
}

static void end_idle_snapshots(struct ct_sql *db, uint64_t before_ms)
{
    for (unsigned i = 0; i < READERS; i++) {
        struct ct_sql *reader = db->readers[i];
        if (reader != NULL && pthread_mutex_trylock(&reader->lock) == 0) {
            if (reader->since_ms <= before_ms) {
                end_snapshot(reader);
            }
            (void)pthread_mutex_unlock(&reader->lock);
        }
    }
}

/* The one that is free, from the one that this thread had last on; locked. */
static struct ct_sql *a_reader(struct ct_sql *db)
{
    static _Thread_local unsigned last;
    for (unsigned i = 0; i < READERS; i++) {
        unsigned at = (last + i) % READERS;
        if (pthread_mutex_trylock(&db->readers[at]->lock) == 0) {
            last = at;
            return db->readers[at];
        }
    }
    (void)pthread_mutex_lock(&db->readers[last]->lock);
    return db->readers[last];
}

ct_err ct_sql_begin_read(struct ct_sql **db)
{
    struct ct_sql *reader = a_reader(*db);
    uint64_t commits = atomic_load(&(*db)->commits);
    uint64_t now_ms = ct_mono_ms();
    ct_err err = CT_OK;
    if (reader->is_open && (reader->seen != commits || now_ms - reader->since_ms >= SNAPSHOT_MS)) {
        end_snapshot(reader);
    }
    if (!reader->is_open) {
        err = word(reader, "BEGIN");
        reader->is_open = err == CT_OK;
        reader->seen = commits;
        reader->since_ms = now_ms;
        end_idle_snapshots(*db, now_ms - SNAPSHOT_MS);
    }
    if (err != CT_OK) {
        (void)pthread_mutex_unlock(&reader->lock);
        ct_metrics_store(err);
        return err;
    }
    *db = reader;
    return CT_OK;
}

static ct_err end_read(struct ct_sql *reader, ct_err err)
{
    bool is_refused = err != CT_OK && err != CT_ERR_NOT_FOUND;
    if (is_refused || reader->seen != atomic_load(&reader->writer->commits)) {
        end_snapshot(reader);
    }
    return err;
}

/* ---- changes ---- */

/* The commit, or what is left of the transaction undone: everybody in it is told. A grave error
 * ends it by itself; that was `cause` then. */
static void end_group(struct ct_sql *db, ct_err cause)
{
    bool is_there = sqlite3_get_autocommit(db->db) == 0;
    ct_err gone = CT_ERR_CLASS(cause) == CT_ERR_CLASS_HOST ? cause : CT_ERR_SYSTEM;
    ct_err err = is_there ? word(db, "COMMIT") : gone;
    if (is_there && err != CT_OK) {
        (void)!word(db, "ROLLBACK");
    }
    for (struct member *m = db->group; m != NULL; m = m->next) {
        m->err = err;
        m->is_done = true;
    }
    db->group = NULL;
    db->group_count = 0;
    db->is_open = false;
    (void)atomic_fetch_add(&db->commits, 1);
    end_idle_snapshots(db, UINT64_MAX);
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
        err = word(db, "BEGIN IMMEDIATE");
        db->is_open = err == CT_OK;
    }
    if (err == CT_OK) {
        err = word(db, "SAVEPOINT one");
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
        err = word(db, "SAVEPOINT one");
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
    struct member self = {.next = db->group};
    ct_err last = sqlite3_get_autocommit(db->db) != 0 ? CT_ERR_SYSTEM : CT_OK;
    if (last == CT_OK && err != CT_OK) {
        last = word(db, "ROLLBACK TO one");
    }
    if (last == CT_OK) {
        last = word(db, "RELEASE one");
    }
    if (last != CT_OK) { /* what is to be undone must not be committed with the others */
        (void)!word(db, "ROLLBACK");
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
    rest(db);
    err = db->is_reader ? end_read(db, err) : end_change(db, err);
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

/* ---- statements ---- */

/* A literal has one address in most cases, and its text in all. */
static struct ct_sql_stmt *known(struct ct_sql *db, const char *literal)
{
    for (size_t i = 0; i < STATEMENTS && db->statements[i].stmt != NULL; i++) {
        if (db->statements[i].literal == literal) {
            return &db->statements[i];
        }
    }
    for (size_t i = 0; i < STATEMENTS && db->statements[i].stmt != NULL; i++) {
        if (strcmp(db->statements[i].literal, literal) == 0) {
            return &db->statements[i];
        }
    }
    return NULL;
}

static struct ct_sql_stmt *prepare(struct ct_sql *db, const char *literal)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        struct ct_sql_stmt *s = &db->statements[i];
        if (s->stmt == NULL) {
            s->literal = literal;
            s->db = db->db;
            int code =
                sqlite3_prepare_v3(db->db, literal, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
            return code == SQLITE_OK ? s : NULL;
        }
    }
    return NULL;
}

struct ct_sql_stmt *ct_sql_stmt(struct ct_sql *db, const char *literal)
{
    struct ct_sql_stmt *s = known(db, literal);
    if (s == NULL) {
        s = prepare(db, literal);
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

size_t ct_sql_changes(struct ct_sql *db)
{
    int n = sqlite3_changes(db->db);
    return n < 0 ? 0 : (size_t)n;
}
