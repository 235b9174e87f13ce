/* The Redis store's operations: each step of theirs is one script. */
#include "store/store_redis.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"

#define COLUMNS "'id','kind','state','subject','wallet','payload','tx','block','reason','created'"
enum { COLUMN_COUNT = 10 };

static void read_op(struct ct_redis *r, size_t row, struct ct_op *out)
{
    memset(out, 0, sizeof *out);
    ct_redis_get_text(r, row, 0, out->id, sizeof out->id);
    out->kind = (enum ct_op_kind)ct_redis_get_u64(r, row, 1, UINT8_MAX);
    out->state = (enum ct_op_state)ct_redis_get_u64(r, row, 2, CT_OP_FAILED);
    ct_redis_get_text(r, row, 3, out->subject, sizeof out->subject);
    ct_redis_get_hex(r, row, 4, out->wallet20, sizeof out->wallet20);
    out->payload_len = ct_redis_get_bytes(r, row, 5, out->payload, sizeof out->payload);
    out->has_tx = !ct_redis_is_nil(r, row, 6);
    if (out->has_tx) {
        ct_redis_get_hex(r, row, 6, out->tx32, sizeof out->tx32);
    }
    out->block = ct_redis_get_u64(r, row, 7, UINT64_MAX);
    ct_redis_get_text(r, row, 8, out->reason, sizeof out->reason);
    out->created_s = ct_redis_get_u64(r, row, 9, UINT64_MAX);
}

ct_err ct_redis_new_id(char id[CT_OP_ID])
{
    uint8_t number[16];
    ct_err err = ct_random(number, sizeof number);
    if (err == CT_OK) {
        ct_hex(id, number, sizeof number);
    }
    return err;
}

ct_err ct_redis_op_add(struct ct_store *s, struct ct_op *op)
{
    struct ct_redis *r = ct_store_server(s);
    char fresh[CT_OP_ID];
    uint64_t now_s = ct_wall_s();
    ct_err err = ct_redis_new_id(fresh);
    if (err != CT_OK) {
        return err;
    }
    /* ARGV: 3 id, 4 kind, 5 state, 6 subject, 7 wallet, 8 payload, 9 time, 10 takes a newer one */
    ct_redis_begin_change(
        s, CT_REDIS_CHANGE CT_REDIS_MAKE
        "local id=call('GET',P..'under-way:'..ARGV[4]..':'..ARGV[6]) "
        "if id then local k=P..'op:'..id local t=call('HMGET',k,'wallet','payload','state') "
        "if t[1]~=ARGV[7] then return 'STATE '..id end "
        "if ARGV[10]~='1' or t[2]==ARGV[8] then return 'OK '..id end "
        "if t[3]=='2' then return 'STATE '..id end "
        "call('HSET',k,'payload',ARGV[8]) return ok('OK '..id) end "
        "make(ARGV[3],ARGV[4],ARGV[5],ARGV[6],ARGV[7],ARGV[8],ARGV[9]) return ok('OK '..ARGV[3])");
    ct_redis_text(r, fresh);
    ct_redis_u64(r, op->kind);
    ct_redis_u64(r, op->state);
    ct_redis_text(r, op->subject);
    ct_redis_hex(r, op->wallet20, 20);
    ct_redis_hex(r, op->payload, op->payload_len);
    ct_redis_u64(r, now_s);
    ct_redis_u64(r, ct_op_takes_newer(op->kind));
    err = ct_redis_end(r, ct_redis_change(r, op->id));
    if (err == CT_OK && strcmp(op->id, fresh) == 0) {
        op->created_s = now_s;
    }
    return err;
}

static ct_err read_one(struct ct_redis *r, struct ct_op *out)
{
    struct ct_op op;
    size_t rows = 0;
    ct_err err = ct_redis_read(r, COLUMN_COUNT, &rows);
    if (err == CT_OK && rows == 0) {
        err = CT_ERR_NOT_FOUND;
    }
    if (err == CT_OK) {
        read_op(r, 0, &op);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = op;
    }
    return err;
}

ct_err ct_redis_op_find(struct ct_store *s, const char *id, struct ct_op *out)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin(r, CT_REDIS_READ
                   "local k=P..'op:'..ARGV[3] if call('EXISTS',k)==0 then return {} end "
                   "return {call('HMGET',k," COLUMNS ")}");
    ct_redis_text(r, id);
    return read_one(r, out);
}

ct_err ct_redis_op_under_way(struct ct_store *s, enum ct_op_kind kind, const char *subject,
                             struct ct_op *out)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin(r, CT_REDIS_READ
                   "local id=call('GET',P..'under-way:'..ARGV[3]..':'..ARGV[4]) "
                   "if not id then return {} end return {call('HMGET',P..'op:'..id," COLUMNS ")}");
    ct_redis_u64(r, kind);
    ct_redis_text(r, subject);
    return read_one(r, out);
}

static ct_err read_ops(struct ct_redis *r, struct ct_op *out, size_t cap, size_t *count)
{
    size_t rows = 0;
    ct_err err = ct_redis_read(r, COLUMN_COUNT, &rows);
    rows = rows < cap ? rows : cap;
    for (size_t i = 0; err == CT_OK && i < rows; i++) {
        read_op(r, i, &out[i]);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}

ct_err ct_redis_op_list(struct ct_store *s, enum ct_op_state state, unsigned kind,
                        struct ct_op *out, size_t cap, size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin(r, CT_REDIS_READ
                   "local rows={} for _,id in ipairs(call('ZRANGEBYSCORE',"
                   "P..'ops:'..ARGV[3]..':'..ARGV[4],'-inf','+inf','LIMIT','0',ARGV[5])) do "
                   "rows[#rows+1]=call('HMGET',P..'op:'..id," COLUMNS ") end return rows");
    ct_redis_u64(r, state);
    ct_redis_u64(r, kind);
    ct_redis_u64(r, cap);
    return read_ops(r, out, cap, count);
}

ct_err ct_redis_op_move(struct ct_store *s, const char *id, enum ct_op_state from,
                        enum ct_op_state to, const void *payload, size_t payload_len,
                        const char *reason)
{
    struct ct_redis *r = ct_store_server(s);
    if (from > CT_OP_SENT) {
        return CT_ERR_STATE; /* done and failed are final */
    }
    /* ARGV: 3 id, 4 from, 5 to, 6 payload, 7 reason */
    ct_redis_begin_change(
        s, CT_REDIS_CHANGE CT_REDIS_MOVES
        "local o=get(ARGV[3]) if o[1]~=ARGV[4] then return 'STATE' end "
        "move(ARGV[3],o,ARGV[5]) call('HSET',P..'op:'..ARGV[3],'reason',ARGV[7]) "
        "if ARGV[6]~='' then call('HSET',P..'op:'..ARGV[3],'payload',ARGV[6]) end "
        "return ok('OK')");
    ct_redis_text(r, id);
    ct_redis_u64(r, from);
    ct_redis_u64(r, to);
    ct_redis_hex(r, payload, payload_len);
    ct_redis_text(r, reason);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_op_of_tx(struct ct_store *s, const uint8_t hash32[32], struct ct_op *out,
                         size_t cap, size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin(r, CT_REDIS_READ
                   "local rows={} for _,id in ipairs(call('ZRANGE',P..'tx-ops:'..ARGV[3],0,-1)) do "
                   "if #rows<tonumber(ARGV[4]) and call('HGET',P..'op:'..id,'state')=='2' then "
                   "rows[#rows+1]=call('HMGET',P..'op:'..id," COLUMNS ") end end return rows");
    ct_redis_hex(r, hash32, 32);
    ct_redis_u64(r, cap);
    return read_ops(r, out, cap, count);
}
