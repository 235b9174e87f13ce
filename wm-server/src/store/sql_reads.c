/* Snapshots to read in, kept from one read to the next. */
#include "store/sql_reads.h"

#include "base/clock.h"
#include "operator/metrics.h"

#define SNAPSHOT_MS 5u

/*
 * A transaction of reading costs more than the reading: it is kept until there is a commit, or for
 * SNAPSHOT_MS, since another program may have written. An idle one is ended, for the log of writes
 * cannot begin anew before.
 */
static void end_snapshot(struct ct_sql *reader)
{
    if (reader->is_open) {
        (void)!ct_conn_word(reader->conn, "COMMIT");
        reader->is_open = false;
    }
}

void ct_sql_end_idle(struct ct_sql *db, uint64_t before_ms)
{
    for (unsigned i = 0; i < CT_SQL_READERS; i++) {
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
    for (unsigned i = 0; i < CT_SQL_READERS; i++) {
        unsigned at = (last + i) % CT_SQL_READERS;
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
        err = ct_conn_word(reader->conn, "BEGIN");
        reader->is_open = err == CT_OK;
        reader->seen = commits;
        reader->since_ms = now_ms;
        ct_sql_end_idle(*db, now_ms - SNAPSHOT_MS);
    }
    if (err != CT_OK) {
        (void)pthread_mutex_unlock(&reader->lock);
        ct_metrics_store(err);
        return err;
    }
    *db = reader;
    return CT_OK;
}

ct_err ct_sql_end_read(struct ct_sql *reader, ct_err err)
{
    bool is_refused = err != CT_OK && err != CT_ERR_NOT_FOUND;
    if (is_refused || reader->seen != atomic_load(&reader->writer->commits)) {
        end_snapshot(reader);
    }
    return err;
}
