/* The SQLite store: its schema, and passes, devices and relays. */
#include "store/store_sqlite.h"

#include <stdlib.h>
#include <string.h>

/*
 * The schema in steps: a file of schema n has the first n of them, and gets the rest when it is
 * opened. A step that was released never changes. Times are seconds since 1970. A subject has at
 * most one operation of a kind under way.
 */
static const char *const steps[] = {
    "CREATE TABLE tokens (jti BLOB PRIMARY KEY, batch TEXT NOT NULL, state INTEGER NOT NULL,"
    " identity TEXT, wallet BLOB, expires INTEGER NOT NULL, used_at INTEGER);"
    "CREATE INDEX tokens_by_identity ON tokens (identity) WHERE identity IS NOT NULL;"
    "CREATE TABLE passes (id BLOB PRIMARY KEY, identity TEXT NOT NULL, wallet BLOB NOT NULL,"
    " renews BLOB, expires INTEGER NOT NULL);"
    "CREATE INDEX passes_by_identity ON passes (identity, expires);"
    "CREATE TABLE devices (identity TEXT PRIMARY KEY, wallet BLOB NOT NULL, key BLOB NOT NULL,"
    " relay INTEGER NOT NULL, port INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    " expiry_day INTEGER NOT NULL, block INTEGER NOT NULL);"
    "CREATE TABLE relays (pending BLOB PRIMARY KEY, owner BLOB NOT NULL, number INTEGER NOT NULL,"
    " checked_at INTEGER NOT NULL, rtt_us INTEGER NOT NULL, verdict TEXT NOT NULL);"
    "CREATE TABLE operations (row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, subject TEXT NOT NULL, wallet BLOB NOT NULL,"
    " payload BLOB NOT NULL, tx BLOB, block INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX operations_under_way ON operations (kind, subject) WHERE state < 3;"
    "CREATE INDEX operations_by_state ON operations (state, row);"
    "CREATE INDEX operations_by_tx ON operations (tx) WHERE tx IS NOT NULL;"
    "CREATE TABLE transactions (hash BLOB PRIMARY KEY, sender BLOB NOT NULL,"
    " nonce INTEGER NOT NULL, raw BLOB NOT NULL, state INTEGER NOT NULL,"
    " block INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL);"
    "CREATE INDEX transactions_sent ON transactions (sender, nonce) WHERE state = 0;"
    "PRAGMA user_version = 1;",

    "CREATE TABLE fundings (jti BLOB PRIMARY KEY, identity TEXT NOT NULL, wallet BLOB NOT NULL,"
    " wei BLOB NOT NULL, gwei INTEGER NOT NULL, operation TEXT NOT NULL, created INTEGER NOT NULL);"
    "CREATE TABLE outflow (span INTEGER NOT NULL, slot INTEGER NOT NULL, gwei INTEGER NOT NULL,"
    " PRIMARY KEY (span, slot)) WITHOUT ROWID;"
    "PRAGMA user_version = 2;",

    "CREATE TABLE replies (key BLOB PRIMARY KEY, party BLOB NOT NULL, body BLOB NOT NULL,"
    " claim BLOB NOT NULL, status INTEGER NOT NULL DEFAULT 0, answer TEXT NOT NULL DEFAULT '',"
    " until INTEGER NOT NULL);"
    "CREATE INDEX replies_by_party ON replies (party);"
    "CREATE INDEX replies_by_end ON replies (until);"
    "CREATE TABLE buckets (key BLOB PRIMARY KEY, full_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX buckets_by_end ON buckets (full_at);"
    "PRAGMA user_version = 3;",

    "ALTER TABLE transactions ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE transactions ADD COLUMN max_fee INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE transactions ADD COLUMN tip INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE transactions ADD COLUMN block_hash BLOB;"
    "ALTER TABLE transactions ADD COLUMN filler INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE transactions ADD COLUMN open INTEGER NOT NULL DEFAULT 0;"
    "UPDATE transactions SET open = 1 WHERE state = 0;"
    "DROP INDEX transactions_sent;"
    "CREATE INDEX transactions_open ON transactions (sender, nonce, attempt) WHERE open = 1;"
    "CREATE INDEX transactions_by_nonce ON transactions (sender, nonce, attempt);"
    "PRAGMA user_version = 4;",

    "CREATE INDEX tokens_by_batch ON tokens (batch, jti);"
    "CREATE TABLE withdrawn_batches (batch TEXT PRIMARY KEY) WITHOUT ROWID;"
    "PRAGMA user_version = 5;",

    "CREATE TABLE relay_watches (number INTEGER PRIMARY KEY, digest BLOB NOT NULL,"
    " strikes INTEGER NOT NULL, passes INTEGER NOT NULL, failing_at INTEGER NOT NULL,"
    " due_at INTEGER NOT NULL, act INTEGER NOT NULL, acted_at INTEGER NOT NULL,"
    " operation TEXT NOT NULL, held_at INTEGER NOT NULL DEFAULT 0);"
    "PRAGMA user_version = 6;",

    "CREATE TABLE relay_tests (row INTEGER PRIMARY KEY, pending BLOB NOT NULL,"
    " tested_at INTEGER NOT NULL, rtt_us INTEGER NOT NULL);"
    "CREATE INDEX relay_tests_by_relay ON relay_tests (pending, row);"
    "PRAGMA user_version = 7;",

    "ALTER TABLE tokens ADD COLUMN count INTEGER NOT NULL DEFAULT 0;" /* of a factory credential */
    "ALTER TABLE tokens ADD COLUMN minted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tokens ADD COLUMN factory BLOB;"
    "CREATE INDEX tokens_factories ON tokens (jti) WHERE count > 0;"
    "PRAGMA user_version = 8;",

    "CREATE TABLE leases (account BLOB PRIMARY KEY, number INTEGER NOT NULL, holder TEXT NOT NULL,"
    " ends_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE place (row INTEGER PRIMARY KEY, chain INTEGER NOT NULL, contract BLOB NOT NULL);"
    "PRAGMA user_version = 9;",

    "CREATE TABLE notes (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 10;",

    "CREATE TABLE IF NOT EXISTS copies (taken INTEGER NOT NULL);" /* an older one's copy has it */
    "PRAGMA user_version = 11;",
};

#define SCHEMA_VERSION (sizeof steps / sizeof steps[0])

static void free_store(struct ct_store *s)
{
    ct_sql_close(ct_store_db(s));
    free(s);
}

static ct_err pass_add(struct ct_store *s, const struct ct_pass_row *pass)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "INSERT INTO passes (id, identity, wallet, renews, expires) VALUES (?, ?, ?, ?, ?)");
    ct_sql_bind_blob(q, 1, pass->id16, 16);
    ct_sql_bind_text(q, 2, pass->identity);
    ct_sql_bind_blob(q, 3, pass->wallet20, 20);
    ct_sql_bind_blob(q, 4, pass->renews16, 16);
    ct_sql_bind_u64(q, 5, pass->expires_s);
    return ct_sql_end(db, ct_sql_run(q));
}

static void read_pass(struct ct_sql_stmt *q, struct ct_pass_row *out)
{
    ct_sql_text(q, 0, out->identity, sizeof out->identity);
    (void)ct_sql_blob(q, 1, out->wallet20, 20);
    (void)ct_sql_blob(q, 2, out->renews16, 16);
    out->expires_s = ct_sql_u64(q, 3);
}

static ct_err pass_find(struct ct_store *s, const uint8_t id16[16], struct ct_pass_row *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT identity, wallet, renews, expires FROM passes WHERE id = ?");
    ct_sql_bind_blob(q, 1, id16, 16);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        memcpy(out->id16, id16, 16);
        read_pass(q, out);
    }
    return ct_sql_end(db, err);
}

static ct_err pass_list(struct ct_store *s, const char *identity, uint64_t now_s,
                        struct ct_pass_row *out, size_t cap, size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    size_t n = 0;
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT identity, wallet, renews, expires, id FROM passes"
                        " WHERE identity = ? AND expires >= ? ORDER BY expires DESC");
    ct_sql_bind_text(q, 1, identity);
    ct_sql_bind_u64(q, 2, now_s);
    while (n < cap && (err = ct_sql_step(q)) == CT_OK) {
        struct ct_pass_row *row = &out[n++];
        read_pass(q, row);
        (void)ct_sql_blob(q, 4, row->id16, 16);
    }
    err = err == CT_ERR_NOT_FOUND ? CT_OK : err;
    if (err == CT_OK) {
        *count = n;
    }
    return ct_sql_end(db, err);
}

static ct_err device_put(struct ct_store *s, const struct ct_device_row *device)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT OR REPLACE INTO devices"
                        " (identity, wallet, key, relay, port, sequence, expiry_day, block)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    ct_sql_bind_text(q, 1, device->identity);
    ct_sql_bind_blob(q, 2, device->wallet20, 20);
    ct_sql_bind_blob(q, 3, device->key32, 32);
    ct_sql_bind_u64(q, 4, device->relay);
    ct_sql_bind_u64(q, 5, device->port);
    ct_sql_bind_u64(q, 6, device->sequence);
    ct_sql_bind_u64(q, 7, device->expiry_day);
    ct_sql_bind_u64(q, 8, device->block);
    return ct_sql_end(db, ct_sql_run(q));
}

static ct_err device_find(struct ct_store *s, const char *identity, struct ct_device_row *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT identity, wallet, key, relay, port, sequence, expiry_day, block"
                        " FROM devices WHERE identity = ?");
    ct_sql_bind_text(q, 1, identity);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        ct_sql_text(q, 0, out->identity, sizeof out->identity);
        (void)ct_sql_blob(q, 1, out->wallet20, 20);
        (void)ct_sql_blob(q, 2, out->key32, 32);
        out->relay = (uint16_t)ct_sql_u64(q, 3);
        out->port = (uint16_t)ct_sql_u64(q, 4);
        out->sequence = (uint16_t)ct_sql_u64(q, 5);
        out->expiry_day = (uint16_t)ct_sql_u64(q, 6);
        out->block = ct_sql_u64(q, 7);
    }
    return ct_sql_end(db, err);
}

static ct_err relay_put(struct ct_store *s, const struct ct_relay_row *relay)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sqlite_change(s);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "INSERT OR REPLACE INTO relays (pending, owner, number, checked_at, rtt_us, verdict)"
            " VALUES (?, ?, ?, ?, ?, ?)");
    ct_sql_bind_blob(q, 1, relay->pending32, 32);
    ct_sql_bind_blob(q, 2, relay->owner20, 20);
    ct_sql_bind_u64(q, 3, relay->index);
    ct_sql_bind_u64(q, 4, relay->checked_s);
    ct_sql_bind_u64(q, 5, relay->rtt_us);
    ct_sql_bind_text(q, 6, relay->verdict);
    return ct_sql_end(db, ct_sql_run(q));
}

static ct_err relay_find(struct ct_store *s, const uint8_t pending32[32], struct ct_relay_row *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "SELECT owner, number, checked_at, rtt_us, verdict FROM relays WHERE pending = ?");
    ct_sql_bind_blob(q, 1, pending32, 32);
    err = ct_sql_step(q);
    if (err == CT_OK) {
        memcpy(out->pending32, pending32, 32);
        (void)ct_sql_blob(q, 0, out->owner20, 20);
        out->index = (uint16_t)ct_sql_u64(q, 1);
        out->checked_s = ct_sql_u64(q, 2);
        out->rtt_us = (uint32_t)ct_sql_u64(q, 3);
        ct_sql_text(q, 4, out->verdict, sizeof out->verdict);
    }
    return ct_sql_end(db, err);
}

static const struct ct_store_ops sqlite_ops = {
    .free = free_store,
    .token_add = ct_sqlite_token_add,
    .factory_add = ct_sqlite_factory_add,
    .token_mint = ct_sqlite_token_mint,
    .token_use = ct_sqlite_token_use,
    .token_withdraw = ct_sqlite_token_withdraw,
    .token_withdraw_one = ct_sqlite_token_withdraw_one,
    .token_withdraw_batch = ct_sqlite_token_withdraw_batch,
    .token_page = ct_sqlite_token_page,
    .pass_add = pass_add,
    .pass_find = pass_find,
    .pass_list = pass_list,
    .device_put = device_put,
    .device_find = device_find,
    .relay_put = relay_put,
    .relay_find = relay_find,
    .relay_watch_put = ct_sqlite_relay_watch_put,
    .relay_watch_find = ct_sqlite_relay_watch_find,
    .relay_watch_hold = ct_sqlite_relay_watch_hold,
    .funding_add = ct_sqlite_funding_add,
    .funding_find = ct_sqlite_funding_find,
    .outflow = ct_sqlite_outflow,
    .reply_begin = ct_sqlite_reply_begin,
    .reply_end = ct_sqlite_reply_end,
    .bucket_take = ct_sqlite_bucket_take,
    .op_add = ct_sqlite_op_add,
    .op_find = ct_sqlite_op_find,
    .op_under_way = ct_sqlite_op_unended,
    .op_list = ct_sqlite_op_list,
    .op_move = ct_sqlite_op_move,
    .op_of_tx = ct_sqlite_op_of_tx,
    .tx_add = ct_sqlite_tx_add,
    .tx_replace = ct_sqlite_tx_replace,
    .tx_mark = ct_sqlite_tx_mark,
    .tx_next = ct_sqlite_tx_next,
    .tx_slot = ct_sqlite_tx_slot,
    .tx_at = ct_sqlite_tx_at,
    .tx_top = ct_sqlite_tx_top,
    .tx_list = ct_sqlite_tx_list,
    .tx_close = ct_sqlite_tx_close,
    .test_add = ct_sqlite_test_add,
    .test_list = ct_sqlite_test_list,
    .counts = ct_sqlite_counts,
    .totals = ct_sqlite_totals,
    .device_page = ct_sqlite_device_page,
    .relay_page = ct_sqlite_relay_page,
    .note_put = ct_sqlite_note_put,
    .note_get = ct_sqlite_note_get,
    .lease_take = ct_sqlite_lease_take,
    .lease_end = ct_sqlite_lease_end,
    .place = ct_sqlite_place,
    .copy_find = ct_sqlite_copy_find,
    .copy_settle = ct_sqlite_copy_settle,
    .share = ct_sqlite_share,
};

static ct_err upgrade(struct ct_sql *db, const char *path, struct ct_why *why)
{
    ct_err err = ct_sql_begin(db);
    if (err != CT_OK) {
        return ct_why(why, err, "the store %s is locked by another program; end that one", path);
    }
    struct ct_sql_stmt *q = ct_sql_stmt(db, "PRAGMA user_version");
    err = ct_sql_step(q);
    uint64_t version = err == CT_OK ? ct_sql_u64(q, 0) : 0;
    if (err == CT_OK && ct_sql_step(q) != CT_ERR_NOT_FOUND) { /* one row, and then it is at rest: */
        err = CT_ERR_SYSTEM;                                  /* tables change under no reader */
    }
    for (uint64_t at = version; at < SCHEMA_VERSION && err == CT_OK; at++) {
        err = ct_sql_script(db, steps[at]);
    }
    err = ct_sql_end(db, err);
    if (err != CT_OK) {
        return ct_why(why, CT_ERR_SYSTEM, "the store %s cannot be used: damaged or no SQLite file",
                      path);
    }
    if (version > SCHEMA_VERSION) {
        return ct_why(
            why, CT_ERR_CONFIG,
            "the store %s has schema %llu, newer than this program's %zu; update wm-server", path,
            (unsigned long long)version, SCHEMA_VERSION);
    }
    return CT_OK;
}

ct_err ct_store_sqlite(struct ct_store **out, const char *path, struct ct_why *why)
{
    struct ct_store_sqlite *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    s->base.ops = &sqlite_ops;
    ct_err err = ct_sql_open(&s->db, path, why);
    if (err == CT_OK) {
        err = upgrade(s->db, path, why);
    }
    if (err != CT_OK) {
        free_store(&s->base);
        return err;
    }
    *out = &s->base;
    return CT_OK;
}

void ct_store_free(struct ct_store *s)
{
    if (s != NULL && s->is_shared) {
        free(s);
    } else if (s != NULL) {
        s->ops->free(s);
    }
}
