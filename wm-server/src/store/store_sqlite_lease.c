/* The SQLite store's leases and fences, which one server alone on its file has, too: so that both
 * stores are used in one way. And the deployment that the store belongs to. */
#include "store/store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* ---- handles and their fences ---- */

ct_err ct_sqlite_share(struct ct_store *s, struct ct_store **out)
{
    struct ct_store_sqlite *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        return CT_ERR_NOMEM;
    }
    memcpy(copy, s, sizeof *copy);
    *out = &copy->base;
    return CT_OK;
}

ct_err ct_store_fenced(struct ct_store **out, struct ct_store *s, const uint8_t account20[20])
{
    ct_err err = s->ops->share(s, out);
    if (err == CT_OK) {
        (*out)->is_shared = true;
        (*out)->fence = (struct ct_fence){.number = 0};
        memcpy((*out)->fence.account20, account20, 20);
    }
    return err;
}

static ct_err check_fence(struct ct_sql *db, const struct ct_fence *fence)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT 1 FROM leases WHERE account = ? AND number = ?");
    ct_sql_bind_blob(q, 1, fence->account20, 20);
    ct_sql_bind_u64(q, 2, fence->number);
    ct_err err = ct_sql_step(q);
    return err == CT_ERR_NOT_FOUND ? CT_ERR_EXPIRED : err;
}

ct_err ct_sqlite_change(struct ct_store *s)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    if (err == CT_OK && s->fence.number != 0) {
        err = check_fence(db, &s->fence);
        if (err != CT_OK) {
            return ct_sql_end(db, err);
        }
    }
    return err;
}

/* ---- leases ---- */

static ct_err find(struct ct_sql *db, const uint8_t account20[20], uint64_t now_ms,
                   struct ct_lease_row *out)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "SELECT number, holder, ends_ms FROM leases WHERE account = ?");
    ct_sql_bind_blob(q, 1, account20, 20);
    ct_err err = ct_sql_step(q);
    if (err == CT_OK) {
        out->number = ct_sql_u64(q, 0);
        ct_sql_text(q, 1, out->holder, sizeof out->holder);
        uint64_t ends_ms = ct_sql_u64(q, 2);
        out->left_ms = ends_ms > now_ms ? ends_ms - now_ms : 0;
    }
    return err;
}

static ct_err put(struct ct_sql *db, const uint8_t account20[20], const struct ct_lease_row *row,
                  uint64_t now_ms)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT OR REPLACE INTO leases (account, number, holder, ends_ms)"
                        " VALUES (?, ?, ?, ?)");
    ct_sql_bind_blob(q, 1, account20, 20);
    ct_sql_bind_u64(q, 2, row->number);
    ct_sql_bind_text(q, 3, row->holder);
    ct_sql_bind_u64(q, 4, now_ms + row->left_ms);
    return ct_sql_run(q);
}

ct_err ct_sqlite_lease_take(struct ct_store *s, const uint8_t account20[20], const char *holder,
                            uint64_t life_ms, uint64_t seen, bool alone, struct ct_lease_row *out)
{
    struct ct_sql *db = ct_store_db(s);
    struct ct_lease_row row = {.number = 0};
    uint64_t now_ms = ct_wall_us() / 1000;
    ct_err err = ct_sql_begin(db);
    if (err != CT_OK) {
        return err;
    }
    err = find(db, account20, now_ms, &row);
    bool is_own = err == CT_OK && strcmp(row.holder, holder) == 0;
    if (err == CT_OK && !is_own && row.left_ms > 0 && !alone) {
        *out = row;
        return ct_sql_end(db, CT_ERR_REFUSED);
    }
    if (err == CT_OK || err == CT_ERR_NOT_FOUND) {
        if (!is_own || row.number < seen) {
            row.number = (row.number > seen ? row.number : seen) + 1;
        }
        row.left_ms = life_ms;
        (void)snprintf(row.holder, sizeof row.holder, "%s", holder);
        err = put(db, account20, &row, now_ms);
    }
    err = ct_sql_end(db, err);
    if (err == CT_OK) {
        *out = row;
    }
    return err;
}

ct_err ct_sqlite_lease_end(struct ct_store *s, const uint8_t account20[20], uint64_t number)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "UPDATE leases SET holder = '', ends_ms = 0 WHERE account = ? AND number = ?");
    ct_sql_bind_blob(q, 1, account20, 20);
    ct_sql_bind_u64(q, 2, number);
    err = ct_sql_run(q);
    if (err == CT_OK && ct_sql_changes(db) != 1) {
        err = CT_ERR_STATE;
    }
    return ct_sql_end(db, err);
}

/* ---- the deployment ---- */

static ct_err place_locked(struct ct_sql *db, const struct ct_store_place *place,
                           struct ct_store_place *out)
{
    struct ct_sql_stmt *q = ct_sql_stmt(
        db, "INSERT INTO place (row, chain, contract) VALUES (1, ?, ?) ON CONFLICT DO NOTHING");
    ct_sql_bind_u64(q, 1, place->chain_id);
    ct_sql_bind_blob(q, 2, place->contract20, 20);
    ct_err err = ct_sql_run(q);
    if (err != CT_OK) {
        return err;
    }
    q = ct_sql_stmt(db, "SELECT chain, contract FROM place");
    err = ct_sql_step(q);
    if (err == CT_OK) {
        out->chain_id = ct_sql_u64(q, 0);
        (void)ct_sql_blob(q, 1, out->contract20, 20);
    }
    return err;
}

ct_err ct_sqlite_place(struct ct_store *s, const struct ct_store_place *place,
                       struct ct_store_place *out)
{
    struct ct_sql *db = ct_store_db(s);
    struct ct_store_place is = {.chain_id = 0};
    ct_err err = ct_sql_begin(db);
    if (err == CT_OK) {
        err = ct_sql_end(db, place_locked(db, place, &is));
    }
    if (err != CT_OK) {
        return err;
    }
    *out = is;
    bool same = is.chain_id == place->chain_id &&
                memcmp(is.contract20, place->contract20, sizeof is.contract20) == 0;
    return same ? CT_OK : CT_ERR_STATE;
}

/* ---- copies ---- */

ct_err ct_sqlite_copy_find(struct ct_store *s, uint64_t *taken_s)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    if (err != CT_OK) {
        return err;
    }
    struct ct_sql_stmt *q = ct_sql_stmt(db, "SELECT taken FROM copies ORDER BY taken LIMIT 1");
    err = ct_sql_step(q);
    if (err == CT_OK) {
        *taken_s = ct_sql_u64(q, 0);
    }
    return ct_sql_end(db, err);
}

ct_err ct_sqlite_copy_settle(struct ct_store *s)
{
    struct ct_sql *db = ct_store_db(s);
    ct_err err = ct_sql_begin(db);
    return err != CT_OK ? err : ct_sql_end(db, ct_sql_run(ct_sql_stmt(db, "DELETE FROM copies")));
}
