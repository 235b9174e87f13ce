/* What the files of the Redis store share. */
#ifndef CT_WM_STORE_REDIS_H
#define CT_WM_STORE_REDIS_H

#include "store/redis.h"
#include "store/store.h"

struct ct_store_redis {
    struct ct_store base; /* first: a struct ct_store * is one of these */
    struct ct_redises *redises;
};

static inline struct ct_redis *ct_store_server(struct ct_store *s)
{
    return ct_redis_mine(((struct ct_store_redis *)(void *)s)->redises);
}

/* ct_redis_begin() for a script that changes, under the handle's fence. */
void ct_redis_begin_change(struct ct_store *s, const char *script);

/*
 * For scripts: get() gives what move() needs of an operation: state, kind, row, subject; make()
 * adds one. A script changes nothing before it has checked everything, since Redis takes nothing
 * back.
 */
#define CT_REDIS_MOVES                                                         \
    "local function get(id) "                                                  \
    "return call('HMGET',P..'op:'..id,'state','kind','row','subject') end "    \
    "local function move(id,o,to) "                                            \
    "for _,kind in ipairs({'0',o[2]}) do "                                     \
    "call('ZREM',P..'ops:'..o[1]..':'..kind,id) "                              \
    "call('ZADD',P..'ops:'..to..':'..kind,o[3],id) end "                       \
    "if tonumber(to)>2 then call('DEL',P..'under-way:'..o[2]..':'..o[4]) end " \
    "call('HSET',P..'op:'..id,'state',to) end "
#define CT_REDIS_MAKE                                                                         \
    "local function make(id,kind,state,subject,wallet,payload,time) "                         \
    "local row=call('INCR',P..'op-row') "                                                     \
    "call('HSET',P..'op:'..id,'id',id,'row',row,'kind',kind,'state',state,'subject',subject," \
    "'wallet',wallet,'payload',payload,'block','0','reason','','created',time) "              \
    "call('ZADD',P..'ops:'..state..':0',row,id) "                                             \
    "call('ZADD',P..'ops:'..state..':'..kind,row,id) "                                        \
    "if tonumber(state)<3 then call('SET',P..'under-way:'..kind..':'..subject,id) end end "

ct_err ct_redis_token_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                          uint64_t expires_s);
ct_err ct_redis_factory_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                            uint64_t expires_s, uint32_t count);
ct_err ct_redis_token_mint(struct ct_store *s, const struct ct_token_mint *mint);
ct_err ct_redis_token_use(struct ct_store *s, const struct ct_token_use *use);
ct_err ct_redis_token_withdraw(struct ct_store *s, const char *identity, const uint8_t *except20);
ct_err ct_redis_token_withdraw_one(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                                   uint64_t expires_s);
ct_err ct_redis_token_withdraw_batch(struct ct_store *s, const char *batch);
ct_err ct_redis_token_page(struct ct_store *s, const char *batch, const uint8_t *after16,
                           struct ct_token_row *out, size_t cap, size_t *count);

ct_err ct_redis_relay_watch_put(struct ct_store *s, const struct ct_relay_watch *watch);
ct_err ct_redis_relay_watch_find(struct ct_store *s, uint16_t index, struct ct_relay_watch *out);
ct_err ct_redis_relay_watch_hold(struct ct_store *s, uint16_t index, uint64_t now_s);

ct_err ct_redis_funding_add(struct ct_store *s, struct ct_op *op, const struct ct_funding *funding,
                            const struct ct_outflow *most);
ct_err ct_redis_funding_find(struct ct_store *s, const uint8_t jti16[16], struct ct_funding *out);
ct_err ct_redis_outflow(struct ct_store *s, uint64_t now_s, struct ct_outflow *out);

ct_err ct_redis_reply_begin(struct ct_store *s, const struct ct_reply_key *key, uint64_t now_s,
                            struct ct_reply *out);
ct_err ct_redis_reply_end(struct ct_store *s, const struct ct_reply_key *key,
                          const uint8_t claim16[16], uint64_t now_s, unsigned status,
                          const char *body);
ct_err ct_redis_bucket_take(struct ct_store *s, const struct ct_bucket *buckets, size_t count,
                            uint64_t now_us, uint32_t *wait_ms);

/* A new operation's id. CT_ERR_SYSTEM. */
ct_err ct_redis_new_id(char id[CT_OP_ID]);
ct_err ct_redis_op_add(struct ct_store *s, struct ct_op *op);
ct_err ct_redis_op_under_way(struct ct_store *s, enum ct_op_kind kind, const char *subject,
                             struct ct_op *out);
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
ct_err ct_redis_tx_replace(struct ct_store *s, const uint8_t old32[32], const struct ct_txn *tx,
                           const char *reason);
ct_err ct_redis_tx_mark(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                        uint64_t block, const uint8_t *block32);
ct_err ct_redis_tx_slot(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                        struct ct_txn_slot out[CT_TXN_ATTEMPTS], size_t *count);
ct_err ct_redis_tx_at(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                      struct ct_txn *out);
ct_err ct_redis_tx_top(struct ct_store *s, const uint8_t sender20[20], uint64_t *nonce);
ct_err ct_redis_tx_list(struct ct_store *s, struct ct_txn_row *out, size_t cap, size_t *count);
ct_err ct_redis_tx_next(struct ct_store *s, const uint8_t sender20[20], uint64_t after,
                        struct ct_txn *out);
ct_err ct_redis_tx_close(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                         uint64_t block, const struct ct_op_end *ends, size_t count);

ct_err ct_redis_test_add(struct ct_store *s, const uint8_t pending32[32],
                         const struct ct_relay_test *test);
ct_err ct_redis_test_list(struct ct_store *s, const uint8_t pending32[32],
                          struct ct_relay_test out[CT_RELAY_TESTS], size_t *count);
ct_err ct_redis_counts(struct ct_store *s, struct ct_store_counts *out);
ct_err ct_redis_totals(struct ct_store *s, uint64_t *devices, uint64_t *relays);
ct_err ct_redis_device_page(struct ct_store *s, const char *after, struct ct_device_row *out,
                            size_t cap, size_t *count);
ct_err ct_redis_relay_page(struct ct_store *s, const uint8_t *after32, struct ct_relay_row *out,
                           size_t cap, size_t *count);

ct_err ct_redis_note_put(struct ct_store *s, const char *name, const void *bytes, size_t len);
ct_err ct_redis_note_get(struct ct_store *s, const char *name, void *out, size_t cap, size_t *len);

ct_err ct_redis_lease_take(struct ct_store *s, const uint8_t account20[20], const char *holder,
                           uint64_t life_ms, uint64_t seen, bool alone, struct ct_lease_row *out);
ct_err ct_redis_lease_end(struct ct_store *s, const uint8_t account20[20], uint64_t number);
ct_err ct_redis_place(struct ct_store *s, const struct ct_store_place *place,
                      struct ct_store_place *out);
ct_err ct_redis_share(struct ct_store *s, struct ct_store **out);

/* Puts devices, relays and tokens that an earlier version wrote into the lists that pages are read
 * from. */
ct_err ct_redis_list_all(struct ct_store *s);

#endif
