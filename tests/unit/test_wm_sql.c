/* One connection that writes for many threads at once, and those that read beside it. */
/* links: ct_wmserver ct_kex ct_chain ct_base */
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "ct_test.h"
#include "temp_dir.h"
#include "wm-server/src/store/sql.h"

enum { THREADS = 8, EACH = 60 };

static struct temp_dir dir;
static struct ct_sql *db;
static char path[128];

static bool start(void)
{
    struct ct_why why = {{0}};
    if (!temp_dir_make(&dir)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/test.sqlite", dir.path);
    return ct_sql_open(&db, path, &why) == CT_OK &&
           ct_sql_script(db, "CREATE TABLE t (name INTEGER PRIMARY KEY, by INTEGER NOT NULL)") ==
               CT_OK;
}

static void stop(void)
{
    ct_sql_close(db);
    temp_dir_remove(&dir);
}

static ct_err put(uint64_t name, uint64_t by)
{
    struct ct_sql_stmt *q = ct_sql_stmt(db, "INSERT INTO t (name, by) VALUES (?, ?)");
    ct_sql_bind_u64(q, 1, name);
    ct_sql_bind_u64(q, 2, by);
    return ct_sql_run(q);
}

static uint64_t count_by(struct ct_sql *where, uint64_t by)
{
    struct ct_sql *reader = where;
    uint64_t n = UINT64_MAX;
    if (ct_sql_begin_read(&reader) != CT_OK) {
        return n;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(reader, "SELECT count(*) FROM t WHERE by = ?");
    ct_sql_bind_u64(q, 1, by);
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        n = ct_sql_u64(q, 0);
    }
    return ct_sql_end(reader, err) == CT_OK ? n : UINT64_MAX;
}

/* Each change writes two rows, its own and one that a third of all changes collide at. */
static void *write_many(void *arg)
{
    uint64_t by = (uint64_t)(uintptr_t)arg;
    uint64_t kept = 0;
    for (uint64_t i = 0; i < EACH; i++) {
        ct_err err = by % 2 == 0 ? ct_sql_begin(db) : ct_sql_begin_quick(db);
        if (err != CT_OK) {
            return NULL;
        }
        err = put(1000 * by + i, by);
        if (err == CT_OK && i % 3 == 0) {
            err = put(1000000 + i, 99); /* the first of the threads has it */
        }
        bool good = ct_sql_end(db, err) == CT_OK;
        kept += good;
        if (good && count_by(db, by) != kept) {
            return NULL; /* what was said to be there was not */
        }
    }
    return (void *)(uintptr_t)kept;
}

static void changes_of_many_threads_are_kept_or_undone_one_by_one(void)
{
    pthread_t threads[THREADS];
    uint64_t kept = 0;
    REQUIRE(start());
    for (uintptr_t i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, write_many, (void *)(i + 1)) == 0);
    }
    for (uintptr_t i = 0; i < THREADS; i++) {
        void *said = NULL;
        REQUIRE(pthread_join(threads[i], &said) == 0);
        CHECK(said != NULL);
        CHECK(count_by(db, i + 1) == (uintptr_t)said);
        kept += (uintptr_t)said;
    }
    /* of those that collide one each got through, the others left nothing */
    CHECK(count_by(db, 99) == EACH / 3);
    CHECK(kept == THREADS * (EACH - EACH / 3) + EACH / 3);
    stop();
}

static void reader_sees_what_is_committed_and_nothing_else(void)
{
    REQUIRE(start());
    REQUIRE(ct_sql_begin(db) == CT_OK);
    REQUIRE(put(1, 1) == CT_OK);
    CHECK(count_by(db, 1) == 0); /* neither does it wait */
    REQUIRE(ct_sql_end(db, CT_OK) == CT_OK);
    CHECK(count_by(db, 1) == 1);
    REQUIRE(ct_sql_begin(db) == CT_OK);
    REQUIRE(put(2, 1) == CT_OK);
    CHECK(ct_sql_end(db, CT_ERR_REFUSED) == CT_ERR_REFUSED);
    CHECK(count_by(db, 1) == 1);
    stop();
}

static void reader_cannot_write(void)
{
    struct ct_sql *reader;
    REQUIRE(start());
    reader = db;
    REQUIRE(ct_sql_begin_read(&reader) == CT_OK);
    struct ct_sql_stmt *q = ct_sql_stmt(reader, "INSERT INTO t (name, by) VALUES (1, 1)");
    ct_err err = ct_sql_run(q);
    CHECK(err != CT_OK);
    CHECK(ct_sql_end(reader, err) != CT_OK);
    CHECK(count_by(db, 1) == 0);
    stop();
}

/* A second program, such as wm-admin, on the same file. */
static void change_of_another_program_is_seen_after_a_moment(void)
{
    struct ct_sql *other = NULL;
    struct ct_why why = {{0}};
    REQUIRE(start());
    REQUIRE(ct_sql_open(&other, path, &why) == CT_OK);
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t until_ms = ct_mono_ms() + 30000;
        CHECK(count_by(other, 5) == i);
        REQUIRE(ct_sql_begin(db) == CT_OK);
        REQUIRE(put(i, 5) == CT_OK);
        REQUIRE(ct_sql_end(db, CT_OK) == CT_OK);
        while (count_by(other, 5) == i && ct_mono_ms() < until_ms) {
        }
        CHECK(count_by(other, 5) == i + 1);
    }
    ct_sql_close(other);
    stop();
}

/* Or its log of writes would grow for ever. */
static void snapshot_of_an_idle_reader_ends(void)
{
    struct ct_why why = {{0}};
    struct ct_sql *other = NULL;
    REQUIRE(start());
    REQUIRE(ct_sql_open(&other, path, &why) == CT_OK);
    CHECK(count_by(db, 1) == 0); /* leaves one */
    REQUIRE(ct_sql_begin(db) == CT_OK);
    REQUIRE(put(1, 1) == CT_OK);
    REQUIRE(ct_sql_end(db, CT_OK) == CT_OK);
    CHECK(ct_sql_script(other, "PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE);") ==
          CT_OK);
    char wal[160];
    struct stat st;
    (void)snprintf(wal, sizeof wal, "%s-wal", path);
    CHECK(stat(wal, &st) == 0 && st.st_size == 0);
    ct_sql_close(other);
    stop();
}

static const struct ct_test tests[] = {
    CT_TEST(changes_of_many_threads_are_kept_or_undone_one_by_one),
    CT_TEST(reader_sees_what_is_committed_and_nothing_else),
    CT_TEST(reader_cannot_write),
    CT_TEST(change_of_another_program_is_seen_after_a_moment),
    CT_TEST(snapshot_of_an_idle_reader_ends),
};

CT_TEST_MAIN(tests)
