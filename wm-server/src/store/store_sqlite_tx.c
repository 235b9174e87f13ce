/* The SQLite store's transactions: each nonce with its attempts, and the operations that ride on
 * it.
 */
#include "store/store_sqlite.h"

#include <string.h>

#define COLUMNS \
    "nonce, hash, raw, created, state, attempt, max_fee, tip, block, block_hash, sender, filler"

static void read_tx(struct ct_sql_stmt *q, struct ct_txn *out)
{
    out->nonce = ct_sql_u64(q, 0);
    (void)ct_sql_blob(q, 1, out->hash32, 32);
    out->raw_len = ct_sql_blob(q, 2, out->raw, sizeof out->raw);
    out->created_s = ct_sql_u64(q, 3);
    out->state = (enum ct_txn_state)ct_sql_u64(q, 4);
    out->attempt = (uint32_t)ct_sql_u64(q, 5);
    out->max_fee_wei = ct_sql_u64(q, 6);
    out->tip_wei = ct_sql_u64(q, 7);
    out->block = ct_sql_u64(q, 8);
    memset(out->block32, 0, sizeof out->block32);
    (void)ct_sql_blob(q, 9, out->block32, sizeof out->block32);
    (void)ct_sql_blob(q, 10, out->sender20, 20);
    out->is_filler = ct_sql_u64(q, 11) != 0;
}

static ct_err insert(struct ct_sql *db, const struct ct_txn *tx)
{
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "INSERT INTO transactions (hash, sender, nonce, raw, state, created, attempt, max_fee,"
            " tip, filler, open) VALUES (?, ?, ?, ?, 3, ?, ?, ?, ?, ?, 1)");
    ct_sql_bind_blob(q, 1, tx->hash32, 32);
    ct_sql_bind_blob(q, 2, tx->sender20, 20);
    ct_sql_bind_u64(q, 3, tx->nonce);
    ct_sql_bind_blob(q, 4, tx->raw, tx->raw_len);
    ct_sql_bind_u64(q, 5, tx->created_s);
    ct_sql_bind_u64(q, 6, tx->attempt);
    ct_sql_bind_u64(q, 7, tx->max_fee_wei);
    ct_sql_bind_u64(q, 8, tx->tip_wei);
    ct_sql_bind_u64(q, 9, tx->is_filler);
    return ct_sql_run(q);
}

ct_err ct_sqlite_tx_add(struct ct_store *s, const struct ct_txn *tx, const char (*ids)[CT_OP_ID],
                        size_t count)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    err = insert(db, tx);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        struct ct_sql_stmt *q = ct_sql_stmt(
            db, "UPDATE operations SET state = 2, reason = '', tx = ? WHERE id = ? AND state = 1");
        ct_sql_bind_blob(q, 1, tx->hash32, 32);
        ct_sql_bind_text(q, 2, ids[i]);
        err = ct_sql_run(q);
        if (err == CT_OK && ct_sql_changes(db) != 1) {
            err = CT_ERR_STATE;
        }
    }
    return ct_sql_end(db, err);
}

/* Is it open, and the newest attempt of its nonce? */
static ct_err is_newest(struct ct_sql *db, const uint8_t hash32[32])
{
    uint8_t newest[32];
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT n.hash FROM transactions o JOIN transactions n"
                        " ON n.sender = o.sender AND n.nonce = o.nonce"
                        " WHERE o.hash = ? AND o.open = 1 ORDER BY n.attempt DESC LIMIT 1");
    ct_sql_bind_blob(q, 1, hash32, 32);
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        (void)ct_sql_blob(q, 0, newest, sizeof newest);
        err = memcmp(newest, hash32, 32) == 0 ? CT_OK : CT_ERR_STATE;
    }
    return err == CT_ERR_NOT_FOUND ? CT_ERR_STATE : err;
}

static ct_err replace_locked(struct ct_sql *db, const uint8_t old32[32], const struct ct_txn *tx,
                             const char *reason)
{
    ct_err err = is_newest(db, old32);
    if (err == CT_OK) {
        err = insert(db, tx);
    }
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        reason == NULL
            ? ct_sql_stmt(db, "UPDATE operations SET tx = ?1 WHERE tx = ?2 AND state = 2")
            : ct_sql_stmt(db,
                          "UPDATE operations SET tx = ?1, reason = ?3 WHERE tx = ?2 AND state = 2");
    ct_sql_bind_blob(q, 1, tx->hash32, 32);
    ct_sql_bind_blob(q, 2, old32, 32);
    if (reason != NULL) {
        ct_sql_bind_text(q, 3, reason);
    }
    return ct_sql_run(q);
}

ct_err ct_sqlite_tx_replace(struct ct_store *s, const uint8_t old32[32], const struct ct_txn *tx,
                            const char *reason)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    return err != CT_OK ? err : ct_sql_end(db, replace_locked(db, old32, tx, reason));
}

ct_err ct_sqlite_tx_mark(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                         uint64_t block, const uint8_t *block32)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "UPDATE transactions SET state = ?, block = ?, block_hash = ?"
                        " WHERE hash = ? AND open = 1");
    ct_sql_bind_u64(q, 1, state);
    ct_sql_bind_u64(q, 2, block);
    ct_sql_bind_blob(q, 3, block32, block32 == NULL ? 0 : 32);
    ct_sql_bind_blob(q, 4, hash32, 32);
    err = ct_sql_run(q);
    if (err == CT_OK && ct_sql_changes(db) != 1) {
        err = CT_ERR_STATE;
    }
    return ct_sql_end(db, err);
}

static ct_err read_one(struct ct_sql *db, struct ct_sql_stmt *q, struct ct_txn *out)
{
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        read_tx(q, out);
    }
    return ct_sql_end(db, err);
}

ct_err ct_sqlite_tx_next(struct ct_store *s, const uint8_t sender20[20], uint64_t after,
                         struct ct_txn *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "SELECT " COLUMNS " FROM transactions WHERE open = 1 AND sender = ? AND nonce >= ?"
            " ORDER BY nonce, attempt DESC LIMIT 1");
    ct_sql_bind_blob(q, 1, sender20, 20);
    ct_sql_bind_u64(q, 2, after == UINT64_MAX ? 0 : after + 1);
    return read_one(db, q, out);
}

ct_err ct_sqlite_tx_slot(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                         struct ct_txn_slot out[CT_TXN_ATTEMPTS], size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    size_t n = 0;
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT hash, filler FROM transactions WHERE sender = ? AND"
                        " nonce = ? ORDER BY attempt DESC");
    ct_sql_bind_blob(q, 1, sender20, 20);
    ct_sql_bind_u64(q, 2, nonce);
    while (n < CT_TXN_ATTEMPTS && (err = ct_sql_step(q)) == CT_OK) {
        (void)ct_sql_blob(q, 0, out[n].hash32, 32);
        out[n++].is_filler = ct_sql_u64(q, 1) != 0;
    }
    return ct_sql_end_rows(db, err, n, count);
}

ct_err ct_sqlite_tx_at(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                       struct ct_txn *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT " COLUMNS " FROM transactions WHERE sender = ? AND nonce = ?"
                        " ORDER BY state IN (1, 5) DESC, attempt DESC LIMIT 1");
    ct_sql_bind_blob(q, 1, sender20, 20);
    ct_sql_bind_u64(q, 2, nonce);
    return read_one(db, q, out);
}

ct_err ct_sqlite_tx_top(struct ct_store *s, const uint8_t sender20[20], uint64_t *nonce)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "SELECT nonce FROM transactions WHERE sender = ? ORDER BY nonce DESC LIMIT 1");
    ct_sql_bind_blob(q, 1, sender20, 20);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        *nonce = ct_sql_u64(q, 0);
    }
    return ct_sql_end(db, err);
}

ct_err ct_sqlite_tx_list(struct ct_store *s, struct ct_txn_row *out, size_t cap, size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    size_t n = 0;
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db,
        "SELECT sender, hash, nonce, created, max_fee, tip, block, state, MAX(attempt)"
        " FROM transactions WHERE open = 1 GROUP BY sender, nonce ORDER BY sender, nonce LIMIT ?");
    ct_sql_bind_u64(q, 1, cap);
    while (n < cap && (err = ct_sql_step(q)) == CT_OK) {
        struct ct_txn_row *row = &out[n++];
        (void)ct_sql_blob(q, 0, row->sender20, 20);
        (void)ct_sql_blob(q, 1, row->hash32, 32);
        row->nonce = ct_sql_u64(q, 2);
        row->created_s = ct_sql_u64(q, 3);
        row->max_fee_wei = ct_sql_u64(q, 4);
        row->tip_wei = ct_sql_u64(q, 5);
        row->block = ct_sql_u64(q, 6);
        row->state = (enum ct_txn_state)ct_sql_u64(q, 7);
        row->attempt = (uint32_t)ct_sql_u64(q, 8);
    }
    return ct_sql_end_rows(db, err, n, count);
}

static ct_err op_end(struct ct_sql *db, const struct ct_op_end *end, const uint8_t hash32[32],
                     uint64_t block)
{
    /* one that is to be sent again forgets its transaction */
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "UPDATE operations SET state = ?1, reason = ?2, block = ?3,"
                        " tx = CASE WHEN ?1 = 1 THEN NULL ELSE ?5 END WHERE id = ?4 AND state = 2");
    ct_sql_bind_u64(q, 1, end->state);
    ct_sql_bind_text(q, 2, end->reason);
    ct_sql_bind_u64(q, 3, block);
    ct_sql_bind_text(q, 4, end->id);
    ct_sql_bind_blob(q, 5, hash32, 32);
    return ct_sql_run(q);
}

static ct_err close_locked(struct ct_sql *db, const uint8_t hash32[32], enum ct_txn_state state,
                           uint64_t block)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "UPDATE transactions SET state = ?, block = ? WHERE hash = ? AND open = 1");
    ct_sql_bind_u64(q, 1, state);
    ct_sql_bind_u64(q, 2, block);
    ct_sql_bind_blob(q, 3, hash32, 32);
    ct_err err = ct_sql_run(q);
    if (err == CT_OK && ct_sql_changes(db) != 1) {
        return CT_ERR_STATE;
    }
    if (err != CT_OK) {
        return err;
    }
    q = ct_sql_stmt(
        db, "UPDATE transactions SET open = 0, state = CASE WHEN hash = ?1 THEN state ELSE 2 END"
            " WHERE open = 1 AND (sender, nonce) ="
            " (SELECT sender, nonce FROM transactions WHERE hash = ?1)");
    ct_sql_bind_blob(q, 1, hash32, 32);
    return ct_sql_run(q);
}

ct_err ct_sqlite_tx_close(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                          uint64_t block, const struct ct_op_end *ends, size_t count)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    err = close_locked(db, hash32, state, block);
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = op_end(db, &ends[i], hash32, block);
    }
    return ct_sql_end(db, err);
}
