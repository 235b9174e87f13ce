/* What the two files of the Redis store share. */
#ifndef CT_WM_STORE_REDIS_H
#define CT_WM_STORE_REDIS_H

#include "redis.h"
#include "store.h"

struct ct_store_redis {
    struct ct_store base; /* first: a struct ct_store * is one of these */
    struct ct_redis *redis;
};

static inline struct ct_redis *ct_store_server(struct ct_store *s)
{
    return ((struct ct_store_redis *)(void *)s)->redis;
}

ct_err ct_redis_op_add(struct ct_store *s, struct ct_op *op);
ct_err ct_redis_op_find(struct ct_store *s, const char *id, struct ct_op *out);
ct_err ct_redis_op_list(struct ct_store *s, enum ct_op_state state, unsigned kind,
                        struct ct_op *out, size_t cap, size_t *count);
ct_err ct_redis_op_move(struct ct_store *s, const char *id, enum ct_op_state from,
                        enum ct_op_state to, const void *payload, size_t payload_len,
                        const char *reason);
ct_err ct_redis_op_of_tx(struct ct_store *s, const uint8_t hash32[32], struct ct_op *out,
                         size_t cap, size_t *count);
ct_err ct_redis_tx_add(struct ct_store *s, const struct ct_txn *tx, const char (*ids)[CT_OP_ID],
                       size_t count);
ct_err ct_redis_tx_next(struct ct_store *s, const uint8_t sender20[20], uint64_t after,
                        struct ct_txn *out);
ct_err ct_redis_tx_close(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                         uint64_t block, const struct ct_op_end *ends, size_t count);

#endif
