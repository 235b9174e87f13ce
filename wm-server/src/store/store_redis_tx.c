/* The Redis store's transactions: each nonce with its attempts, and the operations that ride on it.
 */
#include "store/store_redis.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                              \
    "'nonce','hash','created','raw','state','attempt','max-fee','tip','block','block-hash'," \
    "'sender','filler'"
enum { COLUMN_COUNT = 12 };

/*
 * slot(): the attempts of a nonce, the oldest first; a transaction of an older program is its own
 * only one. keep(): writes one and makes it the newest: ARGV from `at` on are hash, sender, nonce,
 * raw, time, attempt, fee, tip, filler.
 */
#define SLOTS                                                                                  \
    "local function is_open(s) return s=='0' or s=='3' or s=='4' end "                         \
    "local function slot(h,sender,nonce) "                                                     \
    "local all=call('LRANGE',P..'slot:'..sender..':'..nonce,0,-1) "                            \
    "if #all==0 and h then return {h} end return all end "                                     \
    "local function keep(at,old) local h,sender,nonce=ARGV[at],ARGV[at+1],ARGV[at+2] "         \
    "call('HSET',P..'tx:'..h,'hash',h,'sender',sender,'nonce',nonce,'raw',ARGV[at+3],'state'," \
    "'3','block','0','created',ARGV[at+4],'attempt',ARGV[at+5],'max-fee',ARGV[at+6],'tip',"    \
    "ARGV[at+7],'filler',ARGV[at+8]) local k=P..'slot:'..sender..':'..nonce "                  \
    "if old then call('ZREM',P..'sent:'..sender,nonce..':'..old) "                             \
    "if call('EXISTS',k)==0 then call('RPUSH',k,old) end end "                                 \
    "call('ZADD',P..'sent:'..sender,0,nonce..':'..h) call('RPUSH',k,h) "                       \
    "call('SADD',P..'senders',sender) local top=call('GET',P..'top:'..sender) "                \
    "if not top or top<nonce then call('SET',P..'top:'..sender,nonce) end end "

/* Sixteen digits, so that the order of the text is that of the number. */
struct nonce_text {
    char text[17];
};

static struct nonce_text nonce_text(uint64_t nonce)
{
    struct nonce_text t;
    (void)snprintf(t.text, sizeof t.text, "%016llx", (unsigned long long)nonce);
    return t;
}

static void put_tx(struct ct_redis *r, const struct ct_txn *tx, const struct nonce_text *nonce)
{
    ct_redis_hex(r, tx->hash32, 32);
    ct_redis_hex(r, tx->sender20, 20);
    ct_redis_text(r, nonce->text);
    ct_redis_hex(r, tx->raw, tx->raw_len);
    ct_redis_u64(r, tx->created_s);
    ct_redis_u64(r, tx->attempt);
    ct_redis_u64(r, tx->max_fee_wei);
    ct_redis_u64(r, tx->tip_wei);
    ct_redis_u64(r, tx->is_filler);
}

ct_err ct_redis_tx_add(struct ct_store *s, const struct ct_txn *tx, const char (*ids)[CT_OP_ID],
                       size_t count)
{
    struct ct_redis *r = ct_store_server(s);
    const struct nonce_text nonce = nonce_text(tx->nonce);
    /* ARGV: 3.. the transaction, 12.. operations */
    ct_redis_begin_change(
        s, CT_REDIS_CHANGE CT_REDIS_MOVES SLOTS
        "local h=ARGV[3] if call('EXISTS',P..'tx:'..h)==1 then return 'STATE' end "
        "local all={} for i=12,#ARGV do local id=ARGV[i] "
        "if all[id] then return 'STATE' end all[id]=get(id) "
        "if all[id][1]~='1' then return 'STATE' end end "
        "keep(3,nil) "
        "for id,o in pairs(all) do move(id,o,'2') "
        "call('HSET',P..'op:'..id,'reason','','tx',h) "
        "call('ZADD',P..'tx-ops:'..h,o[3],id) end return ok('OK')");
    put_tx(r, tx, &nonce);
    for (size_t i = 0; i < count; i++) {
        ct_redis_text(r, ids[i]);
    }
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_tx_replace(struct ct_store *s, const uint8_t old32[32], const struct ct_txn *tx,
                           const char *reason)
{
    struct ct_redis *r = ct_store_server(s);
    const struct nonce_text nonce = nonce_text(tx->nonce);
    /* ARGV: 3.. the transaction, 12 old, 13 is there a reason, 14 reason */
    ct_redis_begin_change(
        s, CT_REDIS_CHANGE CT_REDIS_MOVES SLOTS
        "local h,old=ARGV[3],ARGV[12] "
        "if call('EXISTS',P..'tx:'..h)==1 then return 'STATE' end "
        "local t=call('HMGET',P..'tx:'..old,'state','sender','nonce') "
        "if not is_open(t[1]) or t[2]~=ARGV[4] or t[3]~=ARGV[5] or "
        "not call('ZSCORE',P..'sent:'..t[2],t[3]..':'..old) then return 'STATE' end "
        "keep(3,old) "
        "for _,id in ipairs(call('ZRANGE',P..'tx-ops:'..old,0,-1)) do local o=get(id) "
        "if o[1]=='2' then call('HSET',P..'op:'..id,'tx',h) "
        "if ARGV[13]=='1' then call('HSET',P..'op:'..id,'reason',ARGV[14]) end "
        "call('ZADD',P..'tx-ops:'..h,o[3],id) end end "
        "call('DEL',P..'tx-ops:'..old) return ok('OK')");
    put_tx(r, tx, &nonce);
    ct_redis_hex(r, old32, 32);
    ct_redis_u64(r, reason != NULL);
    ct_redis_text(r, reason != NULL ? reason : "");
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_tx_mark(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                        uint64_t block, const uint8_t *block32)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s, CT_REDIS_CHANGE SLOTS
                          "local k=P..'tx:'..ARGV[3] "
                          "if not is_open(call('HGET',k,'state')) then return 'STATE' end "
                          "call('HSET',k,'state',ARGV[4],'block',ARGV[5]) "
                          "if ARGV[6]=='' then call('HDEL',k,'block-hash') "
                          "else call('HSET',k,'block-hash',ARGV[6]) end return ok('OK')");
    ct_redis_hex(r, hash32, 32);
    ct_redis_u64(r, state);
    ct_redis_u64(r, block);
    ct_redis_hex(r, block32, block32 == NULL ? 0 : 32);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

static uint64_t number_or_0(struct ct_redis *r, size_t row, size_t column, uint64_t max)
{
    return ct_redis_is_nil(r, row, column) ? 0 : ct_redis_get_u64(r, row, column, max);
}

static uint64_t get_nonce(struct ct_redis *r, size_t row, size_t column)
{
    uint8_t bytes[8];
    uint64_t nonce = 0;
    ct_redis_get_hex(r, row, column, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        nonce = nonce << 8 | bytes[i];
    }
    return nonce;
}

/* Unlocks. Into out only what is whole: the bytes of the transaction come last. */
static ct_err read_tx(struct ct_redis *r, struct ct_txn *out)
{
    struct ct_txn_row row = {.nonce = get_nonce(r, 0, 0)};
    uint8_t block32[32] = {0};
    ct_redis_get_hex(r, 0, 1, row.hash32, sizeof row.hash32);
    row.created_s = ct_redis_get_u64(r, 0, 2, UINT64_MAX);
    row.state = (enum ct_txn_state)ct_redis_get_u64(r, 0, 4, CT_TXN_FAILED);
    row.attempt = (uint32_t)number_or_0(r, 0, 5, UINT32_MAX);
    row.max_fee_wei = number_or_0(r, 0, 6, UINT64_MAX);
    row.tip_wei = number_or_0(r, 0, 7, UINT64_MAX);
    row.block = number_or_0(r, 0, 8, UINT64_MAX);
    if (!ct_redis_is_nil(r, 0, 9)) {
        ct_redis_get_hex(r, 0, 9, block32, sizeof block32);
    }
    ct_redis_get_hex(r, 0, 10, row.sender20, sizeof row.sender20);
    bool is_filler = number_or_0(r, 0, 11, 1) != 0;
    size_t len = ct_redis_get_bytes(r, 0, 3, out->raw, sizeof out->raw);
    ct_err err = ct_redis_end(r, CT_OK);
    if (err != CT_OK) {
        return err;
    }
    memcpy(out->sender20, row.sender20, sizeof out->sender20);
    memcpy(out->hash32, row.hash32, sizeof out->hash32);
    memcpy(out->block32, block32, sizeof block32);
    out->nonce = row.nonce;
    out->created_s = row.created_s;
    out->state = row.state;
    out->attempt = row.attempt;
    out->max_fee_wei = row.max_fee_wei;
    out->tip_wei = row.tip_wei;
    out->block = row.block;
    out->is_filler = is_filler;
    out->raw_len = len;
    return CT_OK;
}

static ct_err read_one(struct ct_redis *r, struct ct_txn *out)
{
    size_t rows = 0;
    ct_err err = ct_redis_read(r, COLUMN_COUNT, &rows);
    if (err == CT_OK && rows == 0) {
        err = CT_ERR_NOT_FOUND;
    }
    return err == CT_OK ? read_tx(r, out) : ct_redis_end(r, err);
}

ct_err ct_redis_tx_next(struct ct_store *s, const uint8_t sender20[20], uint64_t after,
                        struct ct_txn *out)
{
    struct ct_redis *r = ct_store_server(s);
    const struct nonce_text from = nonce_text(after == UINT64_MAX ? 0 : after + 1);
    ct_redis_begin(r,
                   CT_REDIS_READ "local m=call('ZRANGEBYLEX',P..'sent:'..ARGV[3],'['..ARGV[4],'+',"
                                 "'LIMIT','0','1')[1] if not m then return {} end "
                                 "return {call('HMGET',P..'tx:'..string.sub(m,18)," COLUMNS ")}");
    ct_redis_hex(r, sender20, 20);
    ct_redis_text(r, from.text);
    return read_one(r, out);
}

ct_err ct_redis_tx_slot(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                        struct ct_txn_slot out[CT_TXN_ATTEMPTS], size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    const struct nonce_text at = nonce_text(nonce);
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ SLOTS
                   "local m=call('ZRANGEBYLEX',P..'sent:'..ARGV[3],'['..ARGV[4]..':',"
                   "'['..ARGV[4]..';')[1] "
                   "local all=slot(m and string.sub(m,18),ARGV[3],ARGV[4]) local rows={} "
                   "for i=#all,1,-1 do if #rows<tonumber(ARGV[5]) then rows[#rows+1]={all[i],"
                   "call('HGET',P..'tx:'..all[i],'filler')} end "
                   "end return rows");
    ct_redis_hex(r, sender20, 20);
    ct_redis_text(r, at.text);
    ct_redis_u64(r, CT_TXN_ATTEMPTS);
    ct_err err = ct_redis_read(r, 2, &rows);
    rows = rows < CT_TXN_ATTEMPTS ? rows : CT_TXN_ATTEMPTS;
    for (size_t i = 0; err == CT_OK && i < rows; i++) {
        ct_redis_get_hex(r, i, 0, out[i].hash32, 32);
        out[i].is_filler = number_or_0(r, i, 1, 1) != 0;
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}

ct_err ct_redis_tx_at(struct ct_store *s, const uint8_t sender20[20], uint64_t nonce,
                      struct ct_txn *out)
{
    struct ct_redis *r = ct_store_server(s);
    const struct nonce_text at = nonce_text(nonce);
    ct_redis_begin(r, CT_REDIS_READ SLOTS
                   "local m=call('ZRANGEBYLEX',P..'sent:'..ARGV[3],'['..ARGV[4]..':',"
                   "'['..ARGV[4]..';')[1] "
                   "local all=slot(m and string.sub(m,18),ARGV[3],ARGV[4]) local h=all[#all] "
                   "for _,one in ipairs(all) do local s=call('HGET',P..'tx:'..one,'state') "
                   "if s=='1' or s=='5' then h=one end end "
                   "if not h then return {} end return {call('HMGET',P..'tx:'..h," COLUMNS ")}");
    ct_redis_hex(r, sender20, 20);
    ct_redis_text(r, at.text);
    return read_one(r, out);
}

ct_err ct_redis_tx_top(struct ct_store *s, const uint8_t sender20[20], uint64_t *nonce)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    uint64_t top = 0;
    ct_redis_begin(r, CT_REDIS_READ
                   "local top=call('GET',P..'top:'..ARGV[3]) "
                   "if not top then local m=call('ZREVRANGE',P..'sent:'..ARGV[3],0,0)[1] "
                   "top=m and string.sub(m,1,16) end if not top then return {} end return {{top}}");
    ct_redis_hex(r, sender20, 20);
    ct_err err = ct_redis_read(r, 1, &rows);
    if (err == CT_OK && rows == 0) {
        err = CT_ERR_NOT_FOUND;
    }
    if (err == CT_OK) {
        top = get_nonce(r, 0, 0);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *nonce = top;
    }
    return err;
}

ct_err ct_redis_tx_list(struct ct_store *s, struct ct_txn_row *out, size_t cap, size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ
                   "local senders=call('SMEMBERS',P..'senders') table.sort(senders) local rows={} "
                   "for _,sender in ipairs(senders) do for _,m in ipairs(call('ZRANGE',"
                   "P..'sent:'..sender,0,tonumber(ARGV[3])-1)) do "
                   "if #rows<tonumber(ARGV[3]) then rows[#rows+1]=call('HMGET',"
                   "P..'tx:'..string.sub(m,18),'nonce','hash','created','state','attempt',"
                   "'max-fee','tip','block','sender') end end end return rows");
    ct_redis_u64(r, cap);
    ct_err err = ct_redis_read(r, 9, &rows);
    rows = rows < cap ? rows : cap;
    for (size_t i = 0; err == CT_OK && i < rows; i++) {
        struct ct_txn_row *row = &out[i];
        row->nonce = get_nonce(r, i, 0);
        ct_redis_get_hex(r, i, 1, row->hash32, sizeof row->hash32);
        row->created_s = ct_redis_get_u64(r, i, 2, UINT64_MAX);
        row->state = (enum ct_txn_state)ct_redis_get_u64(r, i, 3, CT_TXN_FAILED);
        row->attempt = (uint32_t)number_or_0(r, i, 4, UINT32_MAX);
        row->max_fee_wei = number_or_0(r, i, 5, UINT64_MAX);
        row->tip_wei = number_or_0(r, i, 6, UINT64_MAX);
        row->block = number_or_0(r, i, 7, UINT64_MAX);
        ct_redis_get_hex(r, i, 8, row->sender20, sizeof row->sender20);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}

ct_err ct_redis_tx_close(struct ct_store *s, const uint8_t hash32[32], enum ct_txn_state state,
                         uint64_t block, const struct ct_op_end *ends, size_t count)
{
    struct ct_redis *r = ct_store_server(s);
    /* ARGV: 3 hash, 4 state, 5 block, 6.. id, state, reason of each operation. One that is to be
     * sent again forgets its transaction. */
    ct_redis_begin_change(
        s, CT_REDIS_CHANGE CT_REDIS_MOVES SLOTS
        "local h=ARGV[3] local t=call('HMGET',P..'tx:'..h,'state','sender','nonce') "
        "if not is_open(t[1]) then return 'STATE' end "
        "local all=slot(h,t[2],t[3]) "
        "for _,one in ipairs(all) do local k=P..'tx:'..one "
        "if is_open(call('HGET',k,'state')) then call('HSET',k,'state','2') end "
        "call('ZREM',P..'sent:'..t[2],t[3]..':'..one) end "
        "call('HSET',P..'tx:'..h,'state',ARGV[4],'block',ARGV[5]) "
        "for i=6,#ARGV,3 do local id=ARGV[i] local o=get(id) if o[1]=='2' then "
        "local tx=call('HGET',P..'op:'..id,'tx') move(id,o,ARGV[i+1]) "
        "call('HSET',P..'op:'..id,'reason',ARGV[i+2],'block',ARGV[5]) "
        "if ARGV[i+1]=='1' then "
        "call('HDEL',P..'op:'..id,'tx') call('ZREM',P..'tx-ops:'..tx,id) "
        "else call('HSET',P..'op:'..id,'tx',h) end "
        "end end return ok('OK')");
    ct_redis_hex(r, hash32, 32);
    ct_redis_u64(r, state);
    ct_redis_u64(r, block);
    for (size_t i = 0; i < count; i++) {
        ct_redis_text(r, ends[i].id);
        ct_redis_u64(r, ends[i].state);
        ct_redis_text(r, ends[i].reason);
    }
    return ct_redis_end(r, ct_redis_change(r, NULL));
}
