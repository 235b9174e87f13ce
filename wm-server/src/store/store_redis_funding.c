/* The Redis store's payments: one a token, and what went out within the hour and the day. */
#include "store/store_redis.h"

#include <string.h>

/* sum(): the present slot of a span and `count` whole ones before it; old(): those that count no
 * more. Numbers here are below 2^53, which Lua keeps exactly. */
#define SPANS                                                                                  \
    "local function sum(span,count,now) local least=math.floor(now/span)-count local n=0 "     \
    "local all=call('HGETALL',P..'outflow:'..span) "                                           \
    "for i=1,#all,2 do if tonumber(all[i])>=least then n=n+tonumber(all[i+1]) end end return " \
    "n end "

ct_err ct_redis_funding_add(struct ct_store *s, struct ct_op *op, const struct ct_funding *f,
                            const struct ct_outflow *most)
{
    struct ct_redis *r = ct_store_server(s);
    char fresh[CT_OP_ID];
    ct_err err = ct_redis_new_id(fresh);
    if (err != CT_OK) {
        return err;
    }
    /* ARGV: 3 jti, 4 identity, 5 wallet, 6 wei, 7 gwei, 8 most an hour, 9 most a day, 10 time,
     * 11 id, 12 kind, 13 payload */
    ct_redis_begin_change(
        s, CT_REDIS_CHANGE CT_REDIS_MAKE SPANS
        "local k=P..'funding:'..ARGV[3] local now=tonumber(ARGV[10]) "
        "local id=call('HGET',k,'operation') "
        "if id and call('HGET',P..'op:'..id,'state')~='4' then return 'OK '..id end "
        "local function put(id) call('HSET',k,'identity',ARGV[4],'wallet',ARGV[5],'wei',ARGV[6],"
        "'gwei',ARGV[7],'operation',id,'created',ARGV[10]) return ok('OK '..id) end "
        "id=call('GET',P..'under-way:'..ARGV[12]..':'..ARGV[4]) "
        "if id then if call('HGET',P..'op:'..id,'wallet')~=ARGV[5] then return 'STATE '..id end "
        "return put(id) end "
        "local more=tonumber(ARGV[7]) "
        "if sum(60,60,now)+more>tonumber(ARGV[8]) or sum(3600,24,now)+more>tonumber(ARGV[9]) then "
        "return 'REFUSED '..ARGV[11] end "
        "for _,span in ipairs({{60,60},{3600,24}}) do local o=P..'outflow:'..span[1] "
        "local slot=math.floor(now/span[1]) "
        "for _,at in ipairs(call('HKEYS',o)) do "
        "if tonumber(at)<slot-span[2] then call('HDEL',o,at) end end "
        "call('HINCRBY',o,string.format('%d',slot),ARGV[7]) end "
        "make(ARGV[11],ARGV[12],'1',ARGV[4],ARGV[5],ARGV[13],ARGV[10]) return put(ARGV[11])");
    ct_redis_hex(r, f->jti16, 16);
    ct_redis_text(r, f->identity);
    ct_redis_hex(r, f->wallet20, 20);
    ct_redis_hex(r, f->wei32, 32);
    ct_redis_u64(r, f->gwei);
    ct_redis_u64(r, most->hour_gwei);
    ct_redis_u64(r, most->day_gwei);
    ct_redis_u64(r, f->created_s);
    ct_redis_text(r, fresh);
    ct_redis_u64(r, op->kind);
    ct_redis_hex(r, op->payload, op->payload_len);
    return ct_redis_end(r, ct_redis_change(r, op->id));
}

ct_err ct_redis_funding_find(struct ct_store *s, const uint8_t jti16[16], struct ct_funding *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_funding row;
    size_t rows = 0;
    ct_redis_begin(
        r, CT_REDIS_READ
        "local k=P..'funding:'..ARGV[3] if call('EXISTS',k)==0 then return {} end "
        "return {call('HMGET',k,'identity','wallet','wei','gwei','operation','created')}");
    ct_redis_hex(r, jti16, 16);
    ct_err err = ct_redis_read(r, 6, &rows);
    if (err == CT_OK && rows == 0) {
        err = CT_ERR_NOT_FOUND;
    }
    if (err == CT_OK) {
        memcpy(row.jti16, jti16, 16);
        ct_redis_get_text(r, 0, 0, row.identity, sizeof row.identity);
        ct_redis_get_hex(r, 0, 1, row.wallet20, 20);
        ct_redis_get_hex(r, 0, 2, row.wei32, 32);
        row.gwei = ct_redis_get_u64(r, 0, 3, UINT64_MAX);
        ct_redis_get_text(r, 0, 4, row.op, sizeof row.op);
        row.created_s = ct_redis_get_u64(r, 0, 5, UINT64_MAX);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = row;
    }
    return err;
}

ct_err ct_redis_outflow(struct ct_store *s, uint64_t now_s, struct ct_outflow *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_outflow sum = {0};
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ SPANS "local now=tonumber(ARGV[3]) "
                                          "return {{string.format('%.0f',sum(60,60,now)),"
                                          "string.format('%.0f',sum(3600,24,now))}}");
    ct_redis_u64(r, now_s);
    ct_err err = ct_redis_read(r, 2, &rows);
    if (err == CT_OK && rows != 1) {
        err = CT_ERR_SYSTEM;
    }
    if (err == CT_OK) {
        sum.hour_gwei = ct_redis_get_u64(r, 0, 0, UINT64_MAX);
        sum.day_gwei = ct_redis_get_u64(r, 0, 1, UINT64_MAX);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = sum;
    }
    return err;
}
