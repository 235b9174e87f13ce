/* The SQLite store's operations: what was acknowledged survives a crash. */
#include "store/store_sqlite.h"

#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"

#define COLUMNS "id, kind, state, subject, wallet, payload, tx, block, reason, created"

static void read_op(struct ct_sql_stmt *q, struct ct_op *out)
{
    ct_sql_text(q, 0, out->id, sizeof out->id);
    out->kind = (enum ct_op_kind)ct_sql_u64(q, 1);
    out->state = (enum ct_op_state)ct_sql_u64(q, 2);
    ct_sql_text(q, 3, out->subject, sizeof out->subject);
    (void)ct_sql_blob(q, 4, out->wallet20, sizeof out->wallet20);
    out->payload_len = ct_sql_blob(q, 5, out->payload, sizeof out->payload);
    out->has_tx = ct_sql_blob(q, 6, out->tx32, sizeof out->tx32) == sizeof out->tx32;
    out->block = ct_sql_u64(q, 7);
    ct_sql_text(q, 8, out->reason, sizeof out->reason);
    out->created_s = ct_sql_u64(q, 9);
}

ct_err ct_sqlite_op_insert(struct ct_sql *db, struct ct_op *op)
{
    uint8_t id[16];
    ct_err err = ct_random(id, sizeof id);
    if (err != CT_OK) {
        return err;
    }
    ct_hex(op->id, id, sizeof id);
    op->created_s = ct_wall_s();
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "INSERT INTO operations (id, kind, state, subject, wallet, payload, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)");
    ct_sql_bind_text(q, 1, op->id);
    ct_sql_bind_u64(q, 2, op->kind);
    ct_sql_bind_u64(q, 3, op->state);
    ct_sql_bind_text(q, 4, op->subject);
    ct_sql_bind_blob(q, 5, op->wallet20, 20);
    ct_sql_bind_blob(q, 6, op->payload, op->payload_len);
    ct_sql_bind_u64(q, 7, op->created_s);
    return ct_sql_run(q);
}

static ct_err op_payload(struct ct_sql *db, const char *id, const void *payload, size_t len)
{
    struct ct_sql_stmt *q = ct_sql_stmt(db, "UPDATE operations SET payload = ? WHERE id = ?");
    ct_sql_bind_blob(q, 1, payload, len);
    ct_sql_bind_text(q, 2, id);
    return ct_sql_run(q);
}

ct_err ct_sqlite_op_under_way(struct ct_sql *db, enum ct_op_kind kind, const char *subject,
                              struct ct_op *out)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT " COLUMNS " FROM operations WHERE kind = ? AND subject = ?"
                        " AND state < 3");
    ct_sql_bind_u64(q, 1, kind);
    ct_sql_bind_text(q, 2, subject);
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        read_op(q, out);
    }
    return err;
}

ct_err ct_sqlite_op_unended(struct ct_store *s, enum ct_op_kind kind, const char *subject,
                            struct ct_op *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    return err != CT_OK ? err : ct_sql_end(db, ct_sqlite_op_under_way(db, kind, subject, out));
}

static ct_err op_add_locked(struct ct_sql *db, struct ct_op *op)
{
    struct ct_op there = {0};
    ct_err err = ct_sqlite_op_under_way(db, op->kind, op->subject, &there);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_sqlite_op_insert(db, op);
    }
    if (err != CT_OK) {
        return err;
    }
    memcpy(op->id, there.id, sizeof op->id);
    bool same = there.payload_len == op->payload_len &&
                memcmp(there.payload, op->payload, op->payload_len) == 0;
    if (memcmp(there.wallet20, op->wallet20, 20) != 0) {
        return CT_ERR_STATE;
    }
    if (!ct_op_takes_newer(op->kind) || same) {
        return CT_OK;
    }
    return there.state == CT_OP_SENT ? CT_ERR_STATE
                                     : op_payload(db, there.id, op->payload, op->payload_len);
}

ct_err ct_sqlite_op_add(struct ct_store *s, struct ct_op *op)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    return err != CT_OK ? err : ct_sql_end(db, op_add_locked(db, op));
}

ct_err ct_sqlite_op_find(struct ct_store *s, const char *id, struct ct_op *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(db, "SELECT " COLUMNS " FROM operations WHERE id = ?");
    ct_sql_bind_text(q, 1, id);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        read_op(q, out);
    }
    return ct_sql_end(db, err);
}

/* Rows of a bound statement; running out of them is no error. */
static ct_err read_ops(struct ct_sql_stmt *q, struct ct_op *out, size_t cap, size_t *count)
{
    size_t n = 0;
    ct_err err = CT_OK;
    while (n < cap && (err = ct_sql_step(q)) == CT_OK) {
        read_op(q, &out[n++]);
    }
    if (err == CT_OK || err == CT_ERR_NOT_FOUND) {
        *count = n;
        return CT_OK;
    }
    return err;
}

ct_err ct_sqlite_op_list(struct ct_store *s, enum ct_op_state state, unsigned kind,
                         struct ct_op *out, size_t cap, size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(db, "SELECT " COLUMNS " FROM operations WHERE state = ?1"
                                            " AND (?2 = 0 OR kind = ?2) ORDER BY row LIMIT ?3");
    ct_sql_bind_u64(q, 1, state);
    ct_sql_bind_u64(q, 2, kind);
    ct_sql_bind_u64(q, 3, cap);
    return ct_sql_end(db, read_ops(q, out, cap, count));
}

ct_err ct_sqlite_op_move(struct ct_store *s, const char *id, enum ct_op_state from,
                         enum ct_op_state to, const void *payload, size_t payload_len,
                         const char *reason)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "UPDATE operations SET state = ?, reason = ? WHERE id = ? AND state = ?");
    ct_sql_bind_u64(q, 1, to);
    ct_sql_bind_text(q, 2, reason);
    ct_sql_bind_text(q, 3, id);
    ct_sql_bind_u64(q, 4, from);
    err = ct_sql_run(q);
    if (err == CT_OK && ct_sql_changes(db) != 1) {
        err = CT_ERR_STATE;
    }
    if (err == CT_OK && payload_len > 0) {
        err = op_payload(db, id, payload, payload_len);
    }
    return ct_sql_end(db, err);
}

ct_err ct_sqlite_op_of_tx(struct ct_store *s, const uint8_t hash32[32], struct ct_op *out,
                          size_t cap, size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "SELECT " COLUMNS " FROM operations WHERE tx = ? AND state = 2 ORDER BY row");
    ct_sql_bind_blob(q, 1, hash32, 32);
    return ct_sql_end(db, read_ops(q, out, cap, count));
}
