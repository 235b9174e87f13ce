/* The SQLite store's tokens: issued, bound to whom they admitted, withdrawn by one or by batch. */
#include "store/store_sqlite.h"

#include <string.h>

/* CT_ERR_REFUSED: the batch was withdrawn, and with it every token that names it. */
static ct_err batch_good(struct ct_sql *db, const char *batch)
{
    struct ct_sql_stmt *q = ct_sql_stmt(db, "SELECT 1 FROM withdrawn_batches WHERE batch = ?");
    ct_sql_bind_text(q, 1, batch);
    ct_err err = ct_sql_step(q);
    return err == CT_OK ? CT_ERR_REFUSED : err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

ct_err ct_sqlite_token_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                           uint64_t expires_s)
{
    return ct_sqlite_factory_add(s, jti16, batch, expires_s, 0);
}

ct_err ct_sqlite_factory_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                             uint64_t expires_s, uint32_t count)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    if (err != CT_OK) {
        return err;
    }
    err = batch_good(db, batch);
    if (err != CT_OK) {
        return ct_sql_end(db, err);
    }
    struct ct_sql_stmt *q = ct_sql_stmt(db, "INSERT INTO tokens (jti, batch, state, expires, count)"
                                            " VALUES (?, ?, 0, ?, ?)");
    ct_sql_bind_blob(q, 1, jti16, 16);
    ct_sql_bind_text(q, 2, batch);
    ct_sql_bind_u64(q, 3, expires_s);
    ct_sql_bind_u64(q, 4, count);
    return ct_sql_end(db, ct_sql_run(q));
}

/* CT_ERR_REFUSED: the factory credential was withdrawn. CT_ERR_NOT_FOUND: not known here. */
static ct_err factory_good(struct ct_sql *db, const uint8_t factory16[16], uint64_t *minted)
{
    struct ct_sql_stmt *q = ct_sql_stmt(db, "SELECT state, minted FROM tokens WHERE jti = ?");
    ct_sql_bind_blob(q, 1, factory16, 16);
    ct_err err = ct_sql_step(q);
    *minted = err == CT_OK ? ct_sql_u64(q, 1) : 0;
    return err == CT_OK && ct_sql_u64(q, 0) == CT_TOKEN_WITHDRAWN ? CT_ERR_REFUSED : err;
}

/* A credential that another host issued gets its row now. */
static ct_err factory_count(struct ct_sql *db, const struct ct_token_mint *mint)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT INTO tokens (jti, batch, state, expires, count, minted)"
                        " VALUES (?1, ?2, 0, ?3, ?4, 1) ON CONFLICT (jti)"
                        " DO UPDATE SET minted = minted + 1, count = ?4");
    ct_sql_bind_blob(q, 1, mint->factory16, 16);
    ct_sql_bind_text(q, 2, mint->batch);
    ct_sql_bind_u64(q, 3, mint->expires_s);
    ct_sql_bind_u64(q, 4, mint->count);
    return ct_sql_run(q);
}

static ct_err token_mint_locked(struct ct_sql *db, const struct ct_token_mint *mint)
{
    uint64_t minted = 0;
    ct_err err = batch_good(db, mint->batch);
    if (err == CT_OK) {
        err = factory_good(db, mint->factory16, &minted);
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(db, "SELECT state FROM tokens WHERE jti = ?");
    ct_sql_bind_blob(q, 1, mint->jti16, 16);
    err = ct_sql_step(q);
    if (err != CT_ERR_NOT_FOUND) {
        return err == CT_OK && ct_sql_u64(q, 0) == CT_TOKEN_WITHDRAWN ? CT_ERR_REFUSED : err;
    }
    if (minted >= mint->count) {
        return CT_ERR_STATE;
    }
    if ((err = factory_count(db, mint)) != CT_OK) {
        return err;
    }
    q = ct_sql_stmt(db, "INSERT INTO tokens (jti, batch, state, expires, factory)"
                        " VALUES (?, ?, 0, ?, ?)");
    ct_sql_bind_blob(q, 1, mint->jti16, 16);
    ct_sql_bind_text(q, 2, mint->batch);
    ct_sql_bind_u64(q, 3, mint->expires_s);
    ct_sql_bind_blob(q, 4, mint->factory16, 16);
    return ct_sql_run(q);
}

ct_err ct_sqlite_token_mint(struct ct_store *s, const struct ct_token_mint *mint)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    return err != CT_OK ? err : ct_sql_end(db, token_mint_locked(db, mint));
}

static bool is_minted(const struct ct_token_use *use)
{
    static const uint8_t none[16];
    return memcmp(use->factory16, none, sizeof none) != 0;
}

static ct_err token_bind(struct ct_sql *db, const struct ct_token_use *use)
{
    /* a token signed elsewhere with the same key has no row yet */
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT INTO tokens (jti, batch, state, identity, wallet, expires, used_at,"
                        " factory) VALUES (?1, ?2, 1, ?3, ?4, 0, ?5, ?6) ON CONFLICT (jti)"
                        " DO UPDATE SET state = 1, identity = ?3, wallet = ?4, used_at = ?5");
    ct_sql_bind_blob(q, 1, use->jti16, 16);
    ct_sql_bind_text(q, 2, use->batch);
    ct_sql_bind_text(q, 3, use->identity);
    ct_sql_bind_blob(q, 4, use->wallet20, 20);
    ct_sql_bind_u64(q, 5, use->now_s);
    if (is_minted(use)) {
        ct_sql_bind_blob(q, 6, use->factory16, 16);
    }
    return ct_sql_run(q);
}

static ct_err token_use_locked(struct ct_sql *db, const struct ct_token_use *use)
{
    uint64_t minted = 0;
    ct_err err = batch_good(db, use->batch);
    if (err == CT_OK && is_minted(use)) {
        err = factory_good(db, use->factory16, &minted);
        err = err == CT_ERR_NOT_FOUND ? CT_OK : err;
    }
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT state, identity, wallet FROM tokens WHERE jti = ?");
    ct_sql_bind_blob(q, 1, use->jti16, 16);
    err = ct_sql_step(q);
    if (err == CT_ERR_NOT_FOUND) {
        return token_bind(db, use);
    }
    if (err != CT_OK) {
        return err;
    }
    char identity[CT_STORE_IDENTITY];
    uint8_t wallet[20];
    uint64_t state = ct_sql_u64(q, 0);
    ct_sql_text(q, 1, identity, sizeof identity);
    (void)ct_sql_blob(q, 2, wallet, sizeof wallet);
    if (state == CT_TOKEN_ISSUED) {
        return token_bind(db, use);
    }
    if (state != CT_TOKEN_USED) {
        return CT_ERR_REFUSED;
    }
    bool same = strcmp(identity, use->identity) == 0 && memcmp(wallet, use->wallet20, 20) == 0;
    return same ? CT_OK : CT_ERR_REPLAY;
}

ct_err ct_sqlite_token_use(struct ct_store *s, const struct ct_token_use *use)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    return err != CT_OK ? err : ct_sql_end(db, token_use_locked(db, use));
}

ct_err ct_sqlite_token_withdraw(struct ct_store *s, const char *identity, const uint8_t *except20)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "UPDATE tokens SET state = 2 WHERE identity = ? AND wallet <> ?");
    ct_sql_bind_text(q, 1, identity);
    ct_sql_bind_blob(q, 2, except20 == NULL ? (const void *)"" : except20,
                     except20 == NULL ? 0 : 20);
    return ct_sql_end(db, ct_sql_run(q));
}

ct_err ct_sqlite_token_withdraw_one(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                                    uint64_t expires_s)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT INTO tokens (jti, batch, state, expires) VALUES (?, ?, 2, ?)"
                        " ON CONFLICT (jti) DO UPDATE SET state = 2");
    ct_sql_bind_blob(q, 1, jti16, 16);
    ct_sql_bind_text(q, 2, batch);
    ct_sql_bind_u64(q, 3, expires_s);
    return ct_sql_end(db, ct_sql_run(q));
}

ct_err ct_sqlite_token_withdraw_batch(struct ct_store *s, const char *batch)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT OR IGNORE INTO withdrawn_batches (batch) VALUES (?)");
    ct_sql_bind_text(q, 1, batch);
    return ct_sql_end(db, ct_sql_run(q));
}

static void read_token(struct ct_sql_stmt *q, struct ct_token_row *out)
{
    *out = (struct ct_token_row){.state = ct_sql_u64(q, 2) == CT_TOKEN_ISSUED ? CT_TOKEN_ISSUED
                                          : ct_sql_u64(q, 2) == CT_TOKEN_USED ? CT_TOKEN_USED
                                                                              : CT_TOKEN_WITHDRAWN,
                                 .expires_s = ct_sql_u64(q, 5),
                                 .used_s = ct_sql_u64(q, 6),
                                 .count = (uint32_t)ct_sql_u64(q, 7),
                                 .minted = (uint32_t)ct_sql_u64(q, 8)};
    (void)ct_sql_blob(q, 0, out->jti16, 16);
    (void)ct_sql_blob(q, 9, out->factory16, 16);
    ct_sql_text(q, 1, out->batch, sizeof out->batch);
    ct_sql_text(q, 3, out->identity, sizeof out->identity);
    (void)ct_sql_blob(q, 4, out->wallet20, 20);
}

#define TOKEN_COLUMNS                                                                \
    "SELECT jti, batch,"                                                             \
    " CASE WHEN batch IN (SELECT batch FROM withdrawn_batches) OR factory IN"        \
    " (SELECT jti FROM tokens WHERE count > 0 AND state = 2) THEN 2 ELSE state END," \
    " identity, wallet, expires, used_at, count, minted, factory FROM tokens"

ct_err ct_sqlite_token_page(struct ct_store *s, const char *batch, const uint8_t *after16,
                            struct ct_token_row *out, size_t cap, size_t *count)
{
    struct ct_sql *db = ct_store_db(s);
    size_t n = 0;
    ct_err err = ct_sql_begin_read(&db);
    if (err != CT_OK) {
        return err;
    }
    cap = cap < CT_STORE_PAGE ? cap : CT_STORE_PAGE;
    struct ct_sql_stmt *q =
        batch == NULL
            ? ct_sql_stmt(db, TOKEN_COLUMNS " WHERE jti > ?1 ORDER BY jti LIMIT ?2")
            : ct_sql_stmt(db, TOKEN_COLUMNS " WHERE jti > ?1 AND batch = ?3 ORDER BY jti LIMIT ?2");
    /* no blob is before the empty one; NULL would be no value at all */
    ct_sql_bind_blob(q, 1, after16 == NULL ? (const void *)"" : after16, after16 == NULL ? 0 : 16);
    ct_sql_bind_u64(q, 2, cap);
    if (batch != NULL) {
        ct_sql_bind_text(q, 3, batch);
    }
    while (n < cap && (err = ct_sql_step(q)) == CT_OK) {
        read_token(q, &out[n++]);
    }
    return ct_sql_end_rows(db, err, n, count);
}
