/* The SQLite store's notes: what a watcher wants to know again after a restart. */
#include "store/store_sqlite.h"

ct_err ct_sqlite_note_put(struct ct_store *s, const char *name, const void *bytes, size_t len)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = len > CT_STORE_NOTE ? CT_ERR_ARG : ct_sql_begin_quick(db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT OR REPLACE INTO notes (name, bytes) VALUES (?, ?)");
    ct_sql_bind_text(q, 1, name);
    ct_sql_bind_blob(q, 2, bytes, len);
    return ct_sql_end(db, ct_sql_run(q));
}

ct_err ct_sqlite_note_get(struct ct_store *s, const char *name, void *out, size_t cap, size_t *len)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT bytes, length(bytes) FROM notes WHERE name = ?");
    ct_sql_bind_text(q, 1, name);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        (void)ct_sql_blob(q, 0, out, cap);
        *len = (size_t)ct_sql_u64(q, 1);
    }
    return ct_sql_end(db, err);
}
