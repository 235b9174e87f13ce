/* Rows in bulk: the tables are the store's own, as its driver makes them. */
#include "wm_seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/keccak.h"
#include "wm-server/src/tx/ops.h"
#include "wm-server/src/store/sql.h"
#include "wm_people.h"

enum { AT_ONCE = 20000 };

static void hash_of(uint8_t out32[32], const char *what, size_t i)
{
    char text[48];
    struct ct_keccak k;
    int n = snprintf(text, sizeof text, "%s %zu", what, i);
    ct_keccak_init(&k);
    ct_keccak_update(&k, text, n > 0 ? (size_t)n : 0);
    ct_keccak_final(&k, out32);
}

/* Steps of splitmix64: the load makes one for each request, so it is to cost next to nothing. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void bench_op_id(char out[CT_OP_ID], size_t i)
{
    const uint64_t half[2] = {mix(2 * i + 1), mix(2 * i + 2)};
    uint8_t bytes[16];
    memcpy(bytes, half, sizeof bytes);
    ct_hex(out, bytes, sizeof bytes);
}

/* What all rows of one device are made of. */
struct row {
    char identity[CT_STORE_IDENTITY];
    char op[CT_OP_ID];
    uint8_t jti32[32]; /* its first half */
    uint8_t key32[32];
    struct ct_op operation; /* its payload */
};

static bool make_row(struct row *r, size_t i)
{
    struct ct_signed_registration s = {.registration = {.expiry_day = 30000, .sequence = 0}};
    memset(r, 0, sizeof *r);
    (void)snprintf(r->identity, sizeof r->identity, "seeded-%07zu", i);
    bench_op_id(r->op, i);
    hash_of(r->jti32, "token", i);
    hash_of(r->key32, "key", i);
    memcpy(s.registration.key32, r->key32, 32);
    s.registration.deadline_s = ct_wall_s() + 86400;
    return ct_identity_hash(s.registration.id_hash32, r->identity) == CT_OK &&
           ct_op_put_registration(&r->operation, &s) == CT_OK;
}

static ct_err put_device(struct ct_sql *db, const struct row *r, size_t i)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT INTO devices"
                        " (identity, wallet, key, relay, port, sequence, expiry_day, block)"
                        " VALUES (?, ?, ?, 1, 50000, 1, 30000, ?)");
    ct_sql_bind_text(q, 1, r->identity);
    ct_sql_bind_blob(q, 2, bench_wallet20(i), 20);
    ct_sql_bind_blob(q, 3, r->key32, 32);
    ct_sql_bind_u64(q, 4, 1000 + i / 64);
    return ct_sql_run(q);
}

static ct_err put_token(struct ct_sql *db, const struct row *r, size_t i)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT INTO tokens (jti, batch, state, identity, wallet, expires, used_at)"
                        " VALUES (?, 'bench', 1, ?, ?, ?, ?)");
    ct_sql_bind_blob(q, 1, r->jti32, 16);
    ct_sql_bind_text(q, 2, r->identity);
    ct_sql_bind_blob(q, 3, bench_wallet20(i), 20);
    ct_sql_bind_u64(q, 4, ct_wall_s() + 86400);
    ct_sql_bind_u64(q, 5, ct_wall_s());
    return ct_sql_run(q);
}

static ct_err put_op(struct ct_sql *db, const struct row *r, size_t i, enum ct_op_state state)
{
    struct ct_sql_stmt *q =
        ct_sql_stmt(db, "INSERT INTO operations (id, kind, state, subject, wallet, payload, tx,"
                        " block, created) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?)");
    uint8_t tx32[32];
    hash_of(tx32, "transaction", i / 64);
    ct_sql_bind_text(q, 1, r->op);
    ct_sql_bind_u64(q, 2, state);
    ct_sql_bind_text(q, 3, r->identity);
    ct_sql_bind_blob(q, 4, bench_wallet20(i), 20);
    ct_sql_bind_blob(q, 5, r->operation.payload, r->operation.payload_len);
    if (state == CT_OP_DONE) {
        ct_sql_bind_blob(q, 6, tx32, sizeof tx32);
    }
    ct_sql_bind_u64(q, 7, state == CT_OP_DONE ? 1000 + i / 64 : 0);
    ct_sql_bind_u64(q, 8, ct_wall_s());
    return ct_sql_run(q);
}

static ct_err put_all(struct ct_sql *db, size_t i, enum ct_op_state state)
{
    struct row r;
    ct_err err = make_row(&r, i) ? put_op(db, &r, i, state) : CT_ERR_FORMAT;
    if (err == CT_OK && state == CT_OP_DONE) {
        err = put_device(db, &r, i);
    }
    return err == CT_OK ? put_token(db, &r, i) : err;
}

static ct_err fill(struct ct_sql *db, size_t from, size_t to, enum ct_op_state state)
{
    ct_err err = CT_OK;
    for (size_t i = from; i < to && err == CT_OK; i++) {
        bool first = (i - from) % AT_ONCE == 0;
        bool last = (i - from) % AT_ONCE == AT_ONCE - 1 || i + 1 == to;
        err = first ? ct_sql_begin(db) : CT_OK;
        if (err == CT_OK) {
            err = put_all(db, i, state);
            err = last || err != CT_OK ? ct_sql_end(db, err) : CT_OK;
        }
    }
    return err;
}

bool bench_seed_sqlite(const char *path, size_t from, size_t to, enum ct_op_state state)
{
    struct ct_why why = {{0}};
    struct ct_store *store = NULL;
    struct ct_sql *db = NULL;
    ct_err err = ct_store_sqlite(&store, path, &why); /* makes the tables */
    ct_store_free(store);
    err = err == CT_OK ? ct_sql_open(&db, path, &why) : err;
    if (err == CT_OK) {
        err = ct_sql_script(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;");
    }
    if (err == CT_OK) {
        err = fill(db, from, to, state);
    }
    if (err == CT_OK) {
        err = ct_sql_script(db, "PRAGMA wal_checkpoint(TRUNCATE);");
    }
    ct_sql_close(db);
    if (err != CT_OK) {
        (void)fprintf(stderr, "bench: seeding failed: %s %s\n", ct_err_text(err), why.text);
    }
    return err == CT_OK;
}
