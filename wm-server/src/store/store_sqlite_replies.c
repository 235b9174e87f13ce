/* The SQLite store's replies to Idempotency-Keys, and its token buckets. */
#include "store/store_sqlite.h"

#include <string.h>

#include "base/secret.h"

enum { SWEEP = 64 /* rows that are over, removed with each new one: more than come */ };

static ct_err sweep_replies(struct ct_sql *db, uint64_t now_s)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "DELETE FROM replies WHERE key IN"
                        " (SELECT key FROM replies WHERE until <= ? ORDER BY until LIMIT ?)");
    ct_sql_bind_u64(q, 1, now_s);
    ct_sql_bind_u64(q, 2, SWEEP);
    return ct_sql_run(q);
}

/* CT_ERR_NOT_FOUND: nothing is known of the key. */
static ct_err find_reply(struct ct_sql *db, const struct ct_reply_key *key, uint64_t now_s,
                         struct ct_reply *out)
{
    uint8_t body32[32];
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT body, status, answer FROM replies WHERE key = ? AND until > ?");
    ct_sql_bind_blob(q, 1, key->key32, 32);
    ct_sql_bind_u64(q, 2, now_s);
    ct_err err = ct_sql_step(q);
    if (err != CT_OK) {
        return err;
    }
    (void)ct_sql_blob(q, 0, body32, sizeof body32);
    out->status = (unsigned)ct_sql_u64(q, 1);
    ct_sql_text(q, 2, out->body, sizeof out->body);
    out->state = memcmp(body32, key->body32, sizeof body32) != 0 ? CT_REPLY_CONFLICT
                 : out->status == 0                              ? CT_REPLY_UNDER_WAY
                                                                 : CT_REPLY_KEPT;
    return CT_OK;
}

static ct_err claim_reply(struct ct_sql *db, const struct ct_reply_key *key, uint64_t now_s,
                          struct ct_reply *out)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT count(*) FROM replies WHERE party = ? AND until > ?");
    ct_sql_bind_blob(q, 1, key->party16, 16);
    ct_sql_bind_u64(q, 2, now_s);
    ct_err err = ct_sql_step(q);
    if (err != CT_OK) {
        return err;
    }
    if (ct_sql_u64(q, 0) >= CT_REPLIES_OF_PARTY) {
        out->state = CT_REPLY_FULL;
        return CT_OK;
    }
    out->state = CT_REPLY_NEW;
    q = ct_sql_stmt(db, "INSERT OR REPLACE INTO replies (key, party, body, claim, until)"
                        " VALUES (?, ?, ?, ?, ?)");
    ct_sql_bind_blob(q, 1, key->key32, 32);
    ct_sql_bind_blob(q, 2, key->party16, 16);
    ct_sql_bind_blob(q, 3, key->body32, 32);
    ct_sql_bind_blob(q, 4, out->claim16, 16);
    ct_sql_bind_u64(q, 5, now_s + CT_REPLY_CLAIM_S);
    return ct_sql_run(q);
}

ct_err ct_sqlite_reply_begin(struct ct_store *s, const struct ct_reply_key *key, uint64_t now_s,
                             struct ct_reply *out)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_random(out->claim16, sizeof out->claim16);
    if (err == CT_OK) {
        err = ct_sql_begin_quick(db); /* a claim that a power cut forgets has no answer either */
    }
    if (err != CT_OK) {
        return err;
    }
    err = sweep_replies(db, now_s);
    if (err == CT_OK) {
        err = find_reply(db, key, now_s, out);
    }
    if (err == CT_ERR_NOT_FOUND) {
        err = claim_reply(db, key, now_s, out);
    }
    return ct_sql_end(db, err);
}

ct_err ct_sqlite_reply_end(struct ct_store *s, const struct ct_reply_key *key,
                           const uint8_t claim16[16], uint64_t now_s, unsigned status,
                           const char *body)
{
    struct ct_sql *db = ct_store_db(s);
    struct ct_sql_stmt *q;
    ct_err err = status == 0 ? ct_sql_begin_quick(db) : ct_sql_begin(db);
    if (err != CT_OK) {
        return err;
    }
    if (status == 0) {
        q = ct_sql_stmt(db, "DELETE FROM replies WHERE key = ?1 AND claim = ?2 AND status = 0");
    } else {
        q = ct_sql_stmt(db, "UPDATE replies SET status = ?3, answer = ?4, until = ?5"
                            " WHERE key = ?1 AND claim = ?2 AND status = 0");
        ct_sql_bind_u64(q, 3, status);
        ct_sql_bind_text(q, 4, body);
        ct_sql_bind_u64(q, 5, now_s + CT_REPLY_KEPT_S);
    }
    ct_sql_bind_blob(q, 1, key->key32, 32);
    ct_sql_bind_blob(q, 2, claim16, 16);
    return ct_sql_end(db, ct_sql_run(q));
}

/* ---- buckets: a row only for those that are not full ---- */

static ct_err full_at(struct ct_sql *db, const struct ct_bucket *b, uint64_t *us)
{
    struct ct_sql_stmt *q = ct_sql_stmt(db, "SELECT full_at FROM buckets WHERE key = ?");
    ct_sql_bind_blob(q, 1, b->key16, 16);
    ct_err err = ct_sql_step(q);
    *us = err == CT_OK ? ct_sql_u64(q, 0) : 0;
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

static ct_err put_full_at(struct ct_sql *db, const struct ct_bucket *b, uint64_t us)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT OR REPLACE INTO buckets (key, full_at) VALUES (?, ?)");
    ct_sql_bind_blob(q, 1, b->key16, 16);
    ct_sql_bind_u64(q, 2, us);
    return ct_sql_run(q);
}

static ct_err sweep_buckets(struct ct_sql *db, uint64_t now_us)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "DELETE FROM buckets WHERE key IN"
                        " (SELECT key FROM buckets WHERE full_at <= ? ORDER BY full_at LIMIT ?)");
    ct_sql_bind_u64(q, 1, now_us);
    ct_sql_bind_u64(q, 2, SWEEP);
    return ct_sql_run(q);
}

/* CT_ERR_REFUSED: one is empty. */
static ct_err take_all(struct ct_sql *db, const struct ct_bucket *buckets, size_t count,
                       uint64_t now_us, uint32_t *wait_ms)
{
    uint64_t then_us[CT_BUCKETS_MAX];
    uint64_t wait_us = 0;
    ct_err err = count <= CT_BUCKETS_MAX ? sweep_buckets(db, now_us) : CT_ERR_ARG;
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        uint64_t us = 0;
        err = full_at(db, &buckets[i], &us);
        uint64_t wait = ct_bucket_take(&then_us[i], &buckets[i], us, now_us);
        wait_us = wait > wait_us ? wait : wait_us;
    }
    if (err == CT_OK && wait_us > 0) {
        *wait_ms = (uint32_t)((wait_us + 999) / 1000);
        return CT_ERR_REFUSED;
    }
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        err = put_full_at(db, &buckets[i], then_us[i]);
    }
    return err;
}

ct_err ct_sqlite_bucket_take(struct ct_store *s, const struct ct_bucket *buckets, size_t count,
                             uint64_t now_us, uint32_t *wait_ms)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin_quick(db);
    return err != CT_OK ? err : ct_sql_end(db, take_all(db, buckets, count, now_us, wait_ms));
}
