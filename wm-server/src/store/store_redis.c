/* The Redis store: its keys, and passes, devices and relays. */
#include "store/store_redis.h"

#include <stdlib.h>
#include <string.h>

/*
 * Schema 7 (1 had no payments, 2 no replies and buckets, 3 one attempt a nonce, 4 no batches, 5 no
 * repeated tests of relays, 6 no leases). All names begin with CT_REDIS_PREFIX; bytes are
 * lower-case hexadecimal digits, numbers decimal, times seconds since 1970.
 *
 *   schema, id                      this number; the store's own, so that an emptied one is known
 *   call:REQUEST                    answer of a change, kept ten minutes for one that asks again
 *   token:JTI                       hash: batch state identity wallet expires used
 *   tokens-of:IDENTITY              set of JTI
 *   tokens, tokens-in:BATCH         sorted sets of JTI, by its bytes
 *   withdrawn-batches               set of BATCH
 *   pass:ID                         hash: id identity wallet renews expires
 *   passes-of:IDENTITY              sorted set of ID by expires
 *   device:IDENTITY                 hash: identity wallet key relay port sequence expiry-day block
 *   relay:PENDING                   hash: owner number checked rtt-us verdict
 *   relay-watch:INDEX               hash: digest strikes passes failing due act acted op held
 *   tests:PENDING                   list of "seconds:microseconds", the newest first
 *   devices, relays                 sorted sets of IDENTITY and PENDING, by their bytes
 *   listed                          2 once all of these, and all tokens, are in such sets
 *   funding:JTI                     hash: identity wallet wei gwei operation created
 *   outflow:SPAN                    hash: gwei by slot; slots are SPAN seconds long
 *   reply:KEY                       hash: party body claim, and once answered status answer
 *   replies-of:PARTY                sorted set of KEY by end
 *   bucket:KEY                      the microsecond in which the bucket will be full
 *   op-row                          the last number given to an operation, which is their order
 *   op:ID                           hash: id row kind state subject wallet payload tx block reason
 *                                   created
 *   ops:STATE:KIND                  sorted set of ID by row; KIND 0 is any
 *   under-way:KIND:SUBJECT          ID of the operation that is neither done nor failed
 *   tx:HASH                         hash: hash sender nonce raw state block created attempt max-fee
 *                                   tip block-hash filler
 *   tx-ops:HASH                     sorted set of ID by row
 *   sent:SENDER                     sorted set of NONCE:HASH, the nonce in 16 digits: the newest
 *                                   attempt of each nonce that is open
 *   slot:SENDER:NONCE               list of HASH: the attempts of a nonce, in their order
 *   top:SENDER, senders             the highest nonce ever kept; set of SENDER
 *   lease:ACCOUNT                   hash: number holder ends (milliseconds since 1970)
 *   place                           hash: chain contract
 *   note:NAME                       bytes
 */
#define SCHEMA_VERSION 7

static void free_store(struct ct_store *s)
{
    ct_redis_close(((struct ct_store_redis *)(void *)s)->redises);
    free(s);
}

static ct_err pass_add(struct ct_store *s, const struct ct_pass_row *pass)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s, CT_REDIS_CHANGE
                          "local k=P..'pass:'..ARGV[3] "
                          "if call('EXISTS',k)==1 then return 'STATE' end "
                          "call('HSET',k,'id',ARGV[3],'identity',ARGV[4],'wallet',ARGV[5],"
                          "'renews',ARGV[6],'expires',ARGV[7]) "
                          "call('ZADD',P..'passes-of:'..ARGV[4],ARGV[7],ARGV[3]) return ok('OK')");
    ct_redis_hex(r, pass->id16, 16);
    ct_redis_text(r, pass->identity);
    ct_redis_hex(r, pass->wallet20, 20);
    ct_redis_hex(r, pass->renews16, 16);
    ct_redis_u64(r, pass->expires_s);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

#define PASS_COLUMNS "'id','identity','wallet','renews','expires'"

static void read_pass(struct ct_redis *r, size_t row, struct ct_pass_row *out)
{
    ct_redis_get_hex(r, row, 0, out->id16, 16);
    ct_redis_get_text(r, row, 1, out->identity, sizeof out->identity);
    ct_redis_get_hex(r, row, 2, out->wallet20, 20);
    ct_redis_get_hex(r, row, 3, out->renews16, 16);
    out->expires_s = ct_redis_get_u64(r, row, 4, UINT64_MAX);
}

/* One row into row 0 of the reply; CT_ERR_NOT_FOUND when there is none. */
static ct_err read_one(struct ct_redis *r, size_t columns)
{
    size_t rows = 0;
    ct_err err = ct_redis_read(r, columns, &rows);
    return err == CT_OK && rows == 0 ? CT_ERR_NOT_FOUND : err;
}

static ct_err pass_find(struct ct_store *s, const uint8_t id16[16], struct ct_pass_row *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_pass_row row;
    ct_redis_begin(r, CT_REDIS_READ
                   "local k=P..'pass:'..ARGV[3] if call('EXISTS',k)==0 then return {} end "
                   "return {call('HMGET',k," PASS_COLUMNS ")}");
    ct_redis_hex(r, id16, 16);
    ct_err err = read_one(r, 5);
    if (err == CT_OK) {
        read_pass(r, 0, &row);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = row;
    }
    return err;
}

static ct_err pass_list(struct ct_store *s, const char *identity, uint64_t now_s,
                        struct ct_pass_row *out, size_t cap, size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ
                   "local rows={} for _,id in ipairs(call('ZREVRANGEBYSCORE',"
                   "P..'passes-of:'..ARGV[3],'+inf',ARGV[4],'LIMIT','0',ARGV[5])) do "
                   "rows[#rows+1]=call('HMGET',P..'pass:'..id," PASS_COLUMNS ") end return rows");
    ct_redis_text(r, identity);
    ct_redis_u64(r, now_s);
    ct_redis_u64(r, cap);
    ct_err err = ct_redis_read(r, 5, &rows);
    rows = rows < cap ? rows : cap;
    for (size_t i = 0; err == CT_OK && i < rows; i++) {
        read_pass(r, i, &out[i]);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}

static ct_err device_put(struct ct_store *s, const struct ct_device_row *device)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s, CT_REDIS_CHANGE
                          "call('HSET',P..'device:'..ARGV[3],'identity',ARGV[3],'wallet',ARGV[4],"
                          "'key',ARGV[5],'relay',ARGV[6],'port',ARGV[7],'sequence',ARGV[8],"
                          "'expiry-day',ARGV[9],'block',ARGV[10]) "
                          "call('ZADD',P..'devices',0,ARGV[3]) return ok('OK')");
    ct_redis_text(r, device->identity);
    ct_redis_hex(r, device->wallet20, 20);
    ct_redis_hex(r, device->key32, 32);
    ct_redis_u64(r, device->relay);
    ct_redis_u64(r, device->port);
    ct_redis_u64(r, device->sequence);
    ct_redis_u64(r, device->expiry_day);
    ct_redis_u64(r, device->block);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

static ct_err device_find(struct ct_store *s, const char *identity, struct ct_device_row *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_device_row row;
    ct_redis_begin(r, CT_REDIS_READ
                   "local k=P..'device:'..ARGV[3] if call('EXISTS',k)==0 then return {} end "
                   "return {call('HMGET',k,'identity','wallet','key','relay','port','sequence',"
                   "'expiry-day','block')}");
    ct_redis_text(r, identity);
    ct_err err = read_one(r, 8);
    if (err == CT_OK) {
        ct_redis_get_text(r, 0, 0, row.identity, sizeof row.identity);
        ct_redis_get_hex(r, 0, 1, row.wallet20, 20);
        ct_redis_get_hex(r, 0, 2, row.key32, 32);
        row.relay = (uint16_t)ct_redis_get_u64(r, 0, 3, UINT16_MAX);
        row.port = (uint16_t)ct_redis_get_u64(r, 0, 4, UINT16_MAX);
        row.sequence = (uint16_t)ct_redis_get_u64(r, 0, 5, UINT16_MAX);
        row.expiry_day = (uint16_t)ct_redis_get_u64(r, 0, 6, UINT16_MAX);
        row.block = ct_redis_get_u64(r, 0, 7, UINT64_MAX);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = row;
    }
    return err;
}

static ct_err relay_put(struct ct_store *s, const struct ct_relay_row *relay)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s, CT_REDIS_CHANGE
                          "call('HSET',P..'relay:'..ARGV[3],'owner',ARGV[4],'number',ARGV[5],"
                          "'checked',ARGV[6],'rtt-us',ARGV[7],'verdict',ARGV[8]) "
                          "call('ZADD',P..'relays',0,ARGV[3]) return ok('OK')");
    ct_redis_hex(r, relay->pending32, 32);
    ct_redis_hex(r, relay->owner20, 20);
    ct_redis_u64(r, relay->index);
    ct_redis_u64(r, relay->checked_s);
    ct_redis_u64(r, relay->rtt_us);
    ct_redis_text(r, relay->verdict);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

static ct_err relay_find(struct ct_store *s, const uint8_t pending32[32], struct ct_relay_row *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_relay_row row;
    ct_redis_begin(r, CT_REDIS_READ
                   "local k=P..'relay:'..ARGV[3] if call('EXISTS',k)==0 then return {} end "
                   "return {call('HMGET',k,'owner','number','checked','rtt-us','verdict')}");
    ct_redis_hex(r, pending32, 32);
    ct_err err = read_one(r, 5);
    if (err == CT_OK) {
        memcpy(row.pending32, pending32, 32);
        ct_redis_get_hex(r, 0, 0, row.owner20, 20);
        row.index = (uint16_t)ct_redis_get_u64(r, 0, 1, UINT16_MAX);
        row.checked_s = ct_redis_get_u64(r, 0, 2, UINT64_MAX);
        row.rtt_us = (uint32_t)ct_redis_get_u64(r, 0, 3, UINT32_MAX);
        ct_redis_get_text(r, 0, 4, row.verdict, sizeof row.verdict);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = row;
    }
    return err;
}

/* Its files are copied by hand, and show it only by the accounts' nonces. */
static ct_err copy_find(struct ct_store *s, uint64_t *taken_s)
{
    (void)s;
    (void)taken_s;
    return CT_ERR_NOT_FOUND;
}

static ct_err copy_settle(struct ct_store *s)
{
    (void)s;
    return CT_OK;
}

static const struct ct_store_ops redis_ops = {
    .free = free_store,
    .token_add = ct_redis_token_add,
    .factory_add = ct_redis_factory_add,
    .token_mint = ct_redis_token_mint,
    .token_use = ct_redis_token_use,
    .token_withdraw = ct_redis_token_withdraw,
    .token_withdraw_one = ct_redis_token_withdraw_one,
    .token_withdraw_batch = ct_redis_token_withdraw_batch,
    .token_page = ct_redis_token_page,
    .pass_add = pass_add,
    .pass_find = pass_find,
    .pass_list = pass_list,
    .device_put = device_put,
    .device_find = device_find,
    .relay_put = relay_put,
    .relay_find = relay_find,
    .relay_watch_put = ct_redis_relay_watch_put,
    .relay_watch_find = ct_redis_relay_watch_find,
    .relay_watch_hold = ct_redis_relay_watch_hold,
    .funding_add = ct_redis_funding_add,
    .funding_find = ct_redis_funding_find,
    .outflow = ct_redis_outflow,
    .reply_begin = ct_redis_reply_begin,
    .reply_end = ct_redis_reply_end,
    .bucket_take = ct_redis_bucket_take,
    .op_add = ct_redis_op_add,
    .op_find = ct_redis_op_find,
    .op_under_way = ct_redis_op_under_way,
    .op_list = ct_redis_op_list,
    .op_move = ct_redis_op_move,
    .op_of_tx = ct_redis_op_of_tx,
    .tx_add = ct_redis_tx_add,
    .tx_replace = ct_redis_tx_replace,
    .tx_mark = ct_redis_tx_mark,
    .tx_next = ct_redis_tx_next,
    .tx_slot = ct_redis_tx_slot,
    .tx_at = ct_redis_tx_at,
    .tx_top = ct_redis_tx_top,
    .tx_list = ct_redis_tx_list,
    .tx_close = ct_redis_tx_close,
    .test_add = ct_redis_test_add,
    .test_list = ct_redis_test_list,
    .counts = ct_redis_counts,
    .totals = ct_redis_totals,
    .device_page = ct_redis_device_page,
    .relay_page = ct_redis_relay_page,
    .note_put = ct_redis_note_put,
    .note_get = ct_redis_note_get,
    .lease_take = ct_redis_lease_take,
    .lease_end = ct_redis_lease_end,
    .place = ct_redis_place,
    .copy_find = copy_find,
    .copy_settle = copy_settle,
    .share = ct_redis_share,
};

ct_err ct_store_redis(struct ct_store **out, const char *address, const char *password_path,
                      struct ct_why *why)
{
    const struct ct_redis_place place = {.address = address, .password_path = password_path};
    return ct_store_redis_at(out, &place, why);
}

ct_err ct_store_redis_at(struct ct_store **out, const struct ct_redis_place *place,
                         struct ct_why *why)
{
    struct ct_store_redis *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    s->base.ops = &redis_ops;
    s->base.reads_wait = true;
    ct_err err = ct_redis_open(&s->redises, place, SCHEMA_VERSION, why);
    if (err == CT_OK) {
        err = ct_redis_list_all(&s->base);
        err = err == CT_OK
                  ? CT_OK
                  : ct_why(why, err, "the store in the Redis failed: %s", ct_err_text(err));
    }
    if (err != CT_OK) {
        free_store(&s->base);
        return err;
    }
    *out = &s->base;
    return CT_OK;
}
