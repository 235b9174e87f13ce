/* The SQLite store's payments: one a token, and what went out within the hour and the day. */
#include "store/store_sqlite.h"

#include <string.h>

/* Slots of a span's length; so many whole ones before the present one count. */
static const struct span {
    uint64_t length_s, count;
} hour = {60, 60}, day = {3600, 24};

static ct_err span_sum(struct ct_sql *db, const struct span *span, uint64_t now_s, uint64_t *out)
{
    uint64_t slot = now_s / span->length_s;
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT COALESCE(SUM(gwei), 0) FROM outflow WHERE span = ? AND slot >= ?");
    ct_sql_bind_u64(q, 1, span->length_s);
    ct_sql_bind_u64(q, 2, slot > span->count ? slot - span->count : 0);
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        *out = ct_sql_u64(q, 0);
    }
    return err;
}

/* Adds to the present slot and forgets those that count no more. */
static ct_err span_add(struct ct_sql *db, const struct span *span, uint64_t now_s, uint64_t gwei)
{
    uint64_t slot = now_s / span->length_s;
    struct ct_sql_stmt *q = ct_sql_stmt(db, "DELETE FROM outflow WHERE span = ? AND slot < ?");
    ct_sql_bind_u64(q, 1, span->length_s);
    ct_sql_bind_u64(q, 2, slot > span->count ? slot - span->count : 0);
    ct_err err = ct_sql_run(q);
    if (err != CT_OK) {
        return err;
    }
    q = ct_sql_stmt(db, "INSERT INTO outflow (span, slot, gwei) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (span, slot) DO UPDATE SET gwei = gwei + ?3");
    ct_sql_bind_u64(q, 1, span->length_s);
    ct_sql_bind_u64(q, 2, slot);
    ct_sql_bind_u64(q, 3, gwei);
    return ct_sql_run(q);
}

static bool fits(uint64_t sum, uint64_t more, uint64_t most)
{
    return more <= most && sum <= most - more;
}

static ct_err pay_out(struct ct_sql *db, const struct ct_funding *f, const struct ct_outflow *most)
{
    struct ct_outflow sum = {0};
    ct_err err = span_sum(db, &hour, f->created_s, &sum.hour_gwei);
    if (err == CT_OK) {
        err = span_sum(db, &day, f->created_s, &sum.day_gwei);
    }
    if (err == CT_OK && (!fits(sum.hour_gwei, f->gwei, most->hour_gwei) ||
                         !fits(sum.day_gwei, f->gwei, most->day_gwei))) {
        return CT_ERR_REFUSED;
    }
    if (err == CT_OK) {
        err = span_add(db, &hour, f->created_s, f->gwei);
    }
    return err == CT_OK ? span_add(db, &day, f->created_s, f->gwei) : err;
}

static ct_err put_row(struct ct_sql *db, const struct ct_funding *f, const char *op)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT OR REPLACE INTO fundings"
                        " (jti, identity, wallet, wei, gwei, operation, created)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?)");
    ct_sql_bind_blob(q, 1, f->jti16, 16);
    ct_sql_bind_text(q, 2, f->identity);
    ct_sql_bind_blob(q, 3, f->wallet20, 20);
    ct_sql_bind_blob(q, 4, f->wei32, 32);
    ct_sql_bind_u64(q, 5, f->gwei);
    ct_sql_bind_text(q, 6, op);
    ct_sql_bind_u64(q, 7, f->created_s);
    return ct_sql_run(q);
}

/* The payment that the token has, if it has one that did not fail. */
static ct_err paid(struct ct_sql *db, const uint8_t jti16[16], char op[CT_OP_ID])
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT f.operation FROM fundings f JOIN operations o"
                        " ON o.id = f.operation WHERE f.jti = ? AND o.state < 4");
    ct_sql_bind_blob(q, 1, jti16, 16);
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        ct_sql_text(q, 0, op, CT_OP_ID);
    }
    return err;
}

static ct_err add_locked(struct ct_sql *db, struct ct_op *op, const struct ct_funding *f,
                         const struct ct_outflow *most)
{
    struct ct_op there = {0};
    ct_err err = paid(db, f->jti16, op->id);
    if (err != CT_ERR_NOT_FOUND) {
        return err;
    }
    err = ct_sqlite_op_under_way(db, op->kind, op->subject, &there);
    if (err == CT_OK) {
        memcpy(op->id, there.id, sizeof op->id);
        return memcmp(there.wallet20, op->wallet20, 20) != 0 ? CT_ERR_STATE
                                                             : put_row(db, f, op->id);
    }
    if (err == CT_ERR_NOT_FOUND) {
        err = pay_out(db, f, most);
    }
    if (err == CT_OK) {
        err = ct_sqlite_op_insert(db, op);
    }
    return err == CT_OK ? put_row(db, f, op->id) : err;
}

ct_err ct_sqlite_funding_add(struct ct_store *s, struct ct_op *op, const struct ct_funding *funding,
                             const struct ct_outflow *most)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    return err != CT_OK ? err : ct_sql_end(db, add_locked(db, op, funding, most));
}

ct_err ct_sqlite_funding_find(struct ct_store *s, const uint8_t jti16[16], struct ct_funding *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "SELECT identity, wallet, wei, gwei, operation, created FROM fundings WHERE jti = ?");
    ct_sql_bind_blob(q, 1, jti16, 16);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        memcpy(out->jti16, jti16, 16);
        ct_sql_text(q, 0, out->identity, sizeof out->identity);
        (void)ct_sql_blob(q, 1, out->wallet20, 20);
        (void)ct_sql_blob(q, 2, out->wei32, 32);
        out->gwei = ct_sql_u64(q, 3);
        ct_sql_text(q, 4, out->op, sizeof out->op);
        out->created_s = ct_sql_u64(q, 5);
    }
    return ct_sql_end(db, err);
}

ct_err ct_sqlite_outflow(struct ct_store *s, uint64_t now_s, struct ct_outflow *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_outflow sum = {0};
    err = span_sum(db, &hour, now_s, &sum.hour_gwei);
    if (err == CT_OK) {
        err = span_sum(db, &day, now_s, &sum.day_gwei);
    }
    if (err == CT_OK) {
        *out = sum;
    }
    return ct_sql_end(db, err);
}
