/* The SQLite store as those see it who look on: counts, tests of relays, rows page by page. */
#include "store/store_sqlite.h"

#include <string.h>

static ct_err number_of(struct ct_sql *db, const char *literal, uint64_t *out)
{
    struct ct_sql_stmt *q = ct_sql_stmt(db, literal);
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        *out = ct_sql_u64(q, 0);
    }
    return err;
}

/* How many are in that state, and when the oldest of them was asked for. */
static ct_err count_state(struct ct_sql *db, enum ct_op_state state, uint64_t *count,
                          uint64_t *oldest_s)
{
    struct ct_sql_stmt *q = ct_sql_stmt(db, "SELECT count(*) FROM operations WHERE state = ?");
    ct_sql_bind_u64(q, 1, state);
    ct_err err = ct_sql_step(q);
    if (err != CT_OK) {
        return err;
    }
    *count = ct_sql_u64(q, 0);
    q = ct_sql_stmt(db, "SELECT created FROM operations WHERE state = ? ORDER BY row LIMIT 1");
    ct_sql_bind_u64(q, 1, state);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        uint64_t created_s = ct_sql_u64(q, 0);
        *oldest_s = *oldest_s == 0 || created_s < *oldest_s ? created_s : *oldest_s;
    }
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

static ct_err count_operations(struct ct_sql *db, struct ct_store_counts *out)
{
    ct_err err = count_state(db, CT_OP_CHECKING, &out->checking, &out->oldest_s);
    if (err == CT_OK) {
        err = count_state(db, CT_OP_QUEUED, &out->queued, &out->oldest_s);
    }
    if (err == CT_OK) {
        err = count_state(db, CT_OP_SENT, &out->sent, &out->oldest_s);
    }
    return err;
}

/* Nonces whose newest attempt is in that state; SQLite takes the state from the row of the maximum.
 */
static ct_err count_txs(struct ct_sql *db, enum ct_txn_state state, uint64_t *out)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT count(*) FROM (SELECT state AS s, MAX(attempt) FROM transactions"
                        " WHERE open = 1 GROUP BY sender, nonce) WHERE s = ?");
    ct_sql_bind_u64(q, 1, state);
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        *out = ct_sql_u64(q, 0);
    }
    return err;
}

ct_err ct_sqlite_counts(struct ct_store *s, struct ct_store_counts *out)
{
    struct ct_sql *db = ct_store_db(s);
    struct ct_store_counts c = {0};
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    err = count_operations(db, &c);
    if (err == CT_OK) {
        err = count_txs(db, CT_TXN_SIGNED, &c.tx_signed);
    }
    if (err == CT_OK) {
        err = count_txs(db, CT_TXN_SENT, &c.tx_sent);
    }
    if (err == CT_OK) {
        err = count_txs(db, CT_TXN_MINED, &c.tx_mined);
    }
    err = ct_sql_end(db, err);
    if (err == CT_OK) {
        *out = c;
    }
    return err;
}

ct_err ct_sqlite_totals(struct ct_store *s, uint64_t *devices, uint64_t *relays)
{
    struct ct_sql *db = ct_store_db(s);
    uint64_t d = 0;
    uint64_t r = 0;
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    err = number_of(db, "SELECT count(*) FROM devices", &d);
    if (err == CT_OK) {
        err = number_of(db, "SELECT count(*) FROM relays", &r);
    }
    err = ct_sql_end(db, err);
    if (err == CT_OK) {
        *devices = d;
        *relays = r;
    }
    return err;
}

static void read_device(struct ct_sql_stmt *q, struct ct_device_row *out)
{
    *out = (struct ct_device_row){.relay = (uint16_t)ct_sql_u64(q, 3),
                                  .port = (uint16_t)ct_sql_u64(q, 4),
                                  .sequence = (uint16_t)ct_sql_u64(q, 5),
                                  .expiry_day = (uint16_t)ct_sql_u64(q, 6),
                                  .block = ct_sql_u64(q, 7)};
    ct_sql_text(q, 0, out->identity, sizeof out->identity);
    (void)ct_sql_blob(q, 1, out->wallet20, 20);
    (void)ct_sql_blob(q, 2, out->key32, 32);
}

static void read_relay(struct ct_sql_stmt *q, struct ct_relay_row *out)
{
    *out = (struct ct_relay_row){.index = (uint16_t)ct_sql_u64(q, 2),
                                 .checked_s = ct_sql_u64(q, 3),
                                 .rtt_us = (uint32_t)ct_sql_u64(q, 4)};
    (void)ct_sql_blob(q, 0, out->pending32, 32);
    (void)ct_sql_blob(q, 1, out->owner20, 20);
    ct_sql_text(q, 5, out->verdict, sizeof out->verdict);
}

ct_err ct_sqlite_device_page(struct ct_store *s, const char *after, struct ct_device_row *out,
                             size_t cap, size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    size_t n = 0;
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    cap = cap < CT_STORE_PAGE ? cap : CT_STORE_PAGE;
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT identity, wallet, key, relay, port, sequence, expiry_day, block"
                        " FROM devices WHERE identity > ? ORDER BY identity LIMIT ?");
    ct_sql_bind_text(q, 1, after == NULL ? "" : after);
    ct_sql_bind_u64(q, 2, cap);
    while (n < cap && (err = ct_sql_step(q)) == CT_OK) {
        read_device(q, &out[n++]);
    }
    return ct_sql_end_rows(db, err, n, count);
}

ct_err ct_sqlite_relay_page(struct ct_store *s, const uint8_t *after32, struct ct_relay_row *out,
                            size_t cap, size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    size_t n = 0;
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    cap = cap < CT_STORE_PAGE ? cap : CT_STORE_PAGE;
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT pending, owner, number, checked_at, rtt_us, verdict FROM relays"
                        " WHERE pending > ? ORDER BY pending LIMIT ?");
    /* no blob is before the empty one; NULL would be no value at all */
    ct_sql_bind_blob(q, 1, after32 == NULL ? (const void *)"" : after32, after32 == NULL ? 0 : 32);
    ct_sql_bind_u64(q, 2, cap);
    while (n < cap && (err = ct_sql_step(q)) == CT_OK) {
        read_relay(q, &out[n++]);
    }
    return ct_sql_end_rows(db, err, n, count);
}

static ct_err drop_old_tests(struct ct_sql *db, const uint8_t pending32[32])
{
    struct ct_sql_stmt *q = ct_sql_stmt(db, "DELETE FROM relay_tests WHERE pending = ?1 AND row <="
                                            " (SELECT row FROM relay_tests WHERE pending = ?1"
                                            " ORDER BY row DESC LIMIT 1 OFFSET ?2)");
    ct_sql_bind_blob(q, 1, pending32, 32);
    ct_sql_bind_u64(q, 2, CT_RELAY_TESTS);
    return ct_sql_run(q);
}

ct_err ct_sqlite_test_add(struct ct_store *s, const uint8_t pending32[32],
                          const struct ct_relay_test *test)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT INTO relay_tests (pending, tested_at, rtt_us) VALUES (?, ?, ?)");
    ct_sql_bind_blob(q, 1, pending32, 32);
    ct_sql_bind_u64(q, 2, test->at_s);
    ct_sql_bind_u64(q, 3, test->rtt_us);
    err = ct_sql_run(q);
    return ct_sql_end(db, err == CT_OK ? drop_old_tests(db, pending32) : err);
}

ct_err ct_sqlite_test_list(struct ct_store *s, const uint8_t pending32[32],
                           struct ct_relay_test out[CT_RELAY_TESTS], size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    size_t n = 0;
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT tested_at, rtt_us FROM relay_tests WHERE pending = ? ORDER BY row");
    ct_sql_bind_blob(q, 1, pending32, 32);
    while (n < CT_RELAY_TESTS && (err = ct_sql_step(q)) == CT_OK) {
        out[n++] = (struct ct_relay_test){ct_sql_u64(q, 0), (uint32_t)ct_sql_u64(q, 1)};
    }
    return ct_sql_end_rows(db, err, n, count);
}
