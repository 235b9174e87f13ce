/* What the files of the SQLite store share. */
#ifndef CT_WM_STORE_SQLITE_H
#define CT_WM_STORE_SQLITE_H

#include "store/sql.h"
#include "store/store.h"

struct ct_store_sqlite {
    struct ct_store base; /* first: a struct ct_store * is one of these */
    struct ct_sql *db;
};

static inline struct ct_sql *ct_store_db(struct ct_store *s)
{
    return ((struct ct_store_sqlite *)(void *)s)->db;
}

/* Locks and begins a change; one that the handle's fence refuses is ended at once. */
CT_MUST_USE ct_err ct_sqlite_change(struct ct_store *s);

/* Within a change: the operation under way on a subject, and a new one. */
ct_err ct_sqlite_op_under_way(struct ct_sql *db, enum ct_op_kind kind, const char *subject,
                              struct ct_op *out);
ct_err ct_sqlite_op_insert(struct ct_sql *db, struct ct_op *op);

ct_err ct_sqlite_token_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                           uint64_t expires_s);
ct_err ct_sqlite_factory_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                             uint64_t expires_s, uint32_t count);
ct_err ct_sqlite_token_mint(struct ct_store *s, const struct ct_token_mint *mint);
ct_err ct_sqlite_token_use(struct ct_store *s, const struct ct_token_use *use);
ct_err ct_sqlite_token_withdraw(struct ct_store *s, const char *identity, const uint8_t *except20);
ct_err ct_sqlite_token_withdraw_one(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                                    uint64_t expires_s);
ct_err ct_sqlite_token_withdraw_batch(struct ct_store *s, const char *batch);
ct_err ct_sqlite_token_page(struct ct_store *s, const char *batch, const uint8_t *after16,
                            struct ct_token_row *out, size_t cap, size_t *count);

ct_err ct_sqlite_relay_watch_put(struct ct_store *s, const struct ct_relay_watch *watch);
ct_err ct_sqlite_relay_watch_find(struct ct_store *s, uint16_t index, struct ct_relay_watch *out);
ct_err ct_sqlite_relay_watch_hold(struct ct_store *s, uint16_t index, uint64_t now_s);

ct_err ct_sqlite_funding_add(struct ct_store *s, struct ct_op *op, const struct ct_funding *funding,
                             const struct ct_outflow *most);
ct_err ct_sqlite_funding_find(struct ct_store *s, const uint8_t jti16[16], struct ct_funding *out);
ct_err ct_sqlite_outflow(struct ct_store *s, uint64_t now_s, struct ct_outflow *out);

ct_err ct_sqlite_reply_begin(struct ct_store *s, const struct ct_reply_key *key, uint64_t now_s,
                             struct ct_reply *out);
ct_err ct_sqlite_reply_end(struct ct_store *s, const struct ct_reply_key *key,
                           const uint8_t claim16[16], uint64_t now_s, unsigned status,
                           const char *body);
ct_err ct_sqlite_bucket_take(struct ct_store *s, const struct ct_bucket *buckets, size_t count,
                             uint64_t now_us, uint32_t *wait_ms);

ct_err ct_sqlite_op_add(struct ct_store *s, struct ct_op *op);
ct_err ct_sqlite_op_unended(struct ct_store *s, enum ct_op_kind kind, const char *subject,
                            struct ct_op *out);
ct_err ct_sqlite_op_find(struct ct_store *s, const char *id, struct ct_op *out);
ct_err ct_sqlite_op_list(struct ct_store *s, enum ct_op_state state, unsigned kind,
                         struct ct_op *out, size_t cap, size_t *count);
ct_err ct_sqlite_op_move(struct ct_store *s, const char *id, enum ct_op_state from,
                         enum ct_op_state to, const void *payload, size_t payload_len,
                         const char *reason);
ct_err ct_sqlite_op_of_tx(struct ct_store *s, const uint8_t hash32[32], struct ct_op *out,
                          size_t cap, size_t *count);
ct_err ct_sqlite_tx_add(struct ct_store *s, const struct ct_txn *tx, const char (*ids)[CT_OP_ID],
                        size_t count);
ct_err ct_sqlite_tx_replace(struct ct_store *s, const uint8_t old32[32], const struct ct_txn *tx,
                            const char *reason);
ct_err ct_sqlite_tx_mark(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                         uint64_t block, const uint8_t *block32);
ct_err ct_sqlite_tx_slot(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                         struct ct_txn_slot out[CT_TXN_ATTEMPTS], size_t *count);
ct_err ct_sqlite_tx_at(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                       struct ct_txn *out);
ct_err ct_sqlite_tx_top(struct ct_store *s, const uint8_t sender20[20], uint64_t *nonce);
ct_err ct_sqlite_tx_list(struct ct_store *s, struct ct_txn_row *out, size_t cap, size_t *count);
ct_err ct_sqlite_tx_next(struct ct_store *s, const uint8_t sender20[20], uint64_t after,
                         struct ct_txn *out);
ct_err ct_sqlite_tx_close(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                          uint64_t block, const struct ct_op_end *ends, size_t count);

ct_err ct_sqlite_test_add(struct ct_store *s, const uint8_t pending32[32],
                          const struct ct_relay_test *test);
ct_err ct_sqlite_test_list(struct ct_store *s, const uint8_t pending32[32],
                           struct ct_relay_test out[CT_RELAY_TESTS], size_t *count);
ct_err ct_sqlite_counts(struct ct_store *s, struct ct_store_counts *out);
ct_err ct_sqlite_totals(struct ct_store *s, uint64_t *devices, uint64_t *relays);
ct_err ct_sqlite_device_page(struct ct_store *s, const char *after, struct ct_device_row *out,
                             size_t cap, size_t *count);
ct_err ct_sqlite_relay_page(struct ct_store *s, const uint8_t *after32, struct ct_relay_row *out,
                            size_t cap, size_t *count);

ct_err ct_sqlite_note_put(struct ct_store *s, const char *name, const void *bytes, size_t len);
ct_err ct_sqlite_note_get(struct ct_store *s, const char *name, void *out, size_t cap, size_t *len);

ct_err ct_sqlite_lease_take(struct ct_store *s, const uint8_t account20[20], const char *holder,
                            uint64_t life_ms, uint64_t seen, bool alone, struct ct_lease_row *out);
ct_err ct_sqlite_lease_end(struct ct_store *s, const uint8_t account20[20], uint64_t number);
ct_err ct_sqlite_copy_find(struct ct_store *s, uint64_t *taken_s);
ct_err ct_sqlite_copy_settle(struct ct_store *s);
ct_err ct_sqlite_share(struct ct_store *s, struct ct_store **out);
ct_err ct_sqlite_place(struct ct_store *s, const struct ct_store_place *place,
                       struct ct_store_place *out);

#endif
