/* The SQLite store's rows of repeated tests of relays. */
#include <string.h>

#include "store/store_sqlite.h"

ct_err ct_sqlite_relay_watch_put(struct ct_store *s, const struct ct_relay_watch *watch)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "INSERT INTO relay_watches (number, digest, strikes, passes, failing_at, due_at, act,"
            " acted_at, operation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (number) DO UPDATE SET digest = excluded.digest,"
            " strikes = excluded.strikes, passes = excluded.passes,"
            " failing_at = excluded.failing_at, due_at = excluded.due_at, act = excluded.act,"
            " acted_at = excluded.acted_at, operation = excluded.operation");
    ct_sql_bind_u64(q, 1, watch->index);
    ct_sql_bind_blob(q, 2, watch->digest32, 32);
    ct_sql_bind_u64(q, 3, watch->strikes);
    ct_sql_bind_u64(q, 4, watch->passes);
    ct_sql_bind_u64(q, 5, watch->failing_s);
    ct_sql_bind_u64(q, 6, watch->due_s);
    ct_sql_bind_u64(q, 7, watch->act);
    ct_sql_bind_u64(q, 8, watch->acted_s);
    ct_sql_bind_text(q, 9, watch->op);
    return ct_sql_end(db, ct_sql_run(q));
}

static void read_watch(struct ct_sql_stmt *q, uint16_t index, struct ct_relay_watch *out)
{
    memset(out, 0, sizeof *out);
    out->index = index;
    (void)ct_sql_blob(q, 0, out->digest32, 32);
    out->strikes = (uint32_t)ct_sql_u64(q, 1);
    out->passes = (uint32_t)ct_sql_u64(q, 2);
    out->failing_s = ct_sql_u64(q, 3);
    out->due_s = ct_sql_u64(q, 4);
    out->act = (enum ct_relay_act)ct_sql_u64(q, 5);
    out->acted_s = ct_sql_u64(q, 6);
    ct_sql_text(q, 7, out->op, sizeof out->op);
    out->held_s = ct_sql_u64(q, 8);
}

ct_err ct_sqlite_relay_watch_find(struct ct_store *s, uint16_t index, struct ct_relay_watch *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT digest, strikes, passes, failing_at, due_at, act, acted_at,"
                        " operation, held_at FROM relay_watches WHERE number = ?");
    ct_sql_bind_u64(q, 1, index);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        read_watch(q, index, out);
    }
    return ct_sql_end(db, err);
}

ct_err ct_sqlite_relay_watch_hold(struct ct_store *s, uint16_t index, uint64_t now_s)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "INSERT INTO relay_watches (number, digest, strikes, passes, failing_at, due_at, act,"
            " acted_at, operation, held_at) VALUES (?, zeroblob(32), 0, 0, 0, 0, 0, 0, '', ?)"
            " ON CONFLICT (number) DO UPDATE SET held_at = excluded.held_at");
    ct_sql_bind_u64(q, 1, index);
    ct_sql_bind_u64(q, 2, now_s);
    return ct_sql_end(db, ct_sql_run(q));
}
