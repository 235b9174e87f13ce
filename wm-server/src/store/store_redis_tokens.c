/* The Redis store's tokens: issued, bound to whom they admitted, withdrawn by one or by batch. */
#include "store/store_redis.h"

#include <string.h>

/* Of the number ARGV[3] and the batch ARGV[4]. */
#define LIST_TOKEN                        \
    "call('ZADD',P..'tokens',0,ARGV[3]) " \
    "call('ZADD',P..'tokens-in:'..ARGV[4],0,ARGV[3]) "

ct_err ct_redis_token_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                          uint64_t expires_s)
{
    return ct_redis_factory_add(s, jti16, batch, expires_s, 0);
}

ct_err ct_redis_factory_add(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                            uint64_t expires_s, uint32_t count)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(
        s, CT_REDIS_CHANGE
        "local k=P..'token:'..ARGV[3] "
        "if call('SISMEMBER',P..'withdrawn-batches',ARGV[4])==1 then return 'REFUSED' end "
        "if call('EXISTS',k)==1 then return 'STATE' end "
        "call('HSET',k,'batch',ARGV[4],'state','0','expires',ARGV[5]) "
        "if ARGV[6]~='0' then call('HSET',k,'count',ARGV[6],'minted','0') end " LIST_TOKEN
        "return ok('OK')");
    ct_redis_hex(r, jti16, 16);
    ct_redis_text(r, batch);
    ct_redis_u64(r, expires_s);
    ct_redis_u64(r, count);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

/* Is the factory credential f withdrawn? */
#define FACTORY_GOOD "if call('HGET',P..'token:'..f,'state')=='2' then return 'REFUSED' end "

ct_err ct_redis_token_mint(struct ct_store *s, const struct ct_token_mint *mint)
{
    struct ct_redis *r = ct_store_server(s);
    /* a credential that another host issued gets its row now */
    ct_redis_begin(
        r, CT_REDIS_CHANGE
        "local k=P..'token:'..ARGV[3] local f=ARGV[5] local fk=P..'token:'..f "
        "if call('SISMEMBER',P..'withdrawn-batches',ARGV[4])==1 then return 'REFUSED' "
        "end " FACTORY_GOOD
        "local state=call('HGET',k,'state') if state=='2' then return 'REFUSED' end "
        "if state then return 'OK' end "
        "if tonumber(call('HGET',fk,'minted') or '0')>=tonumber(ARGV[6]) then return 'STATE' end "
        "if call('EXISTS',fk)==0 then "
        "call('HSET',fk,'batch',ARGV[4],'state','0','expires',ARGV[7]) "
        "call('ZADD',P..'tokens',0,f) call('ZADD',P..'tokens-in:'..ARGV[4],0,f) end "
        "call('HSET',fk,'count',ARGV[6]) call('HINCRBY',fk,'minted',1) "
        "call('HSET',k,'batch',ARGV[4],'state','0','expires',ARGV[7],'factory',f) " LIST_TOKEN
        "return ok('OK')");
    ct_redis_hex(r, mint->jti16, 16);
    ct_redis_text(r, mint->batch);
    ct_redis_hex(r, mint->factory16, 16);
    ct_redis_u64(r, mint->count);
    ct_redis_u64(r, mint->expires_s);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_token_use(struct ct_store *s, const struct ct_token_use *use)
{
    static const uint8_t none[16];
    struct ct_redis *r = ct_store_server(s);
    /* a token signed elsewhere with the same key has no row yet; states: 0 issued, 1 used */
    ct_redis_begin_change(
        s, CT_REDIS_CHANGE
        "local k=P..'token:'..ARGV[3] "
        "if call('SISMEMBER',P..'withdrawn-batches',ARGV[4])==1 then return 'REFUSED' end "
        "local f=ARGV[8] " FACTORY_GOOD "local t=call('HMGET',k,'state','identity','wallet') "
        "if t[1]=='1' then "
        "if t[2]==ARGV[5] and t[3]==ARGV[6] then return 'OK' end return 'REPLAY' end "
        "if t[1] and t[1]~='0' then return 'REFUSED' end "
        "if not t[1] then call('HSET',k,'batch',ARGV[4],'expires','0') "
        "if f~='' then call('HSET',k,'factory',f) end " LIST_TOKEN "end "
        "call('HSET',k,'state','1','identity',ARGV[5],'wallet',ARGV[6],'used',ARGV[7]) "
        "call('SADD',P..'tokens-of:'..ARGV[5],ARGV[3]) return ok('OK')");
    ct_redis_hex(r, use->jti16, 16);
    ct_redis_text(r, use->batch);
    ct_redis_text(r, use->identity);
    ct_redis_hex(r, use->wallet20, 20);
    ct_redis_u64(r, use->now_s);
    ct_redis_hex(r, use->factory16, memcmp(use->factory16, none, sizeof none) == 0 ? 0 : 16);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_token_withdraw(struct ct_store *s, const char *identity, const uint8_t *except20)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s, CT_REDIS_CHANGE
                          "for _,jti in ipairs(call('SMEMBERS',P..'tokens-of:'..ARGV[3])) do "
                          "local k=P..'token:'..jti if call('HGET',k,'wallet')~=ARGV[4] then "
                          "call('HSET',k,'state','2') end end return ok('OK')");
    ct_redis_text(r, identity);
    ct_redis_hex(r, except20, except20 == NULL ? 0 : 20);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_token_withdraw_one(struct ct_store *s, const uint8_t jti16[16], const char *batch,
                                   uint64_t expires_s)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s, CT_REDIS_CHANGE
                          "local k=P..'token:'..ARGV[3] "
                          "if call('EXISTS',k)==0 then "
                          "call('HSET',k,'batch',ARGV[4],'expires',ARGV[5]) " LIST_TOKEN "end "
                          "call('HSET',k,'state','2') return ok('OK')");
    ct_redis_hex(r, jti16, 16);
    ct_redis_text(r, batch);
    ct_redis_u64(r, expires_s);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_token_withdraw_batch(struct ct_store *s, const char *batch)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s, CT_REDIS_CHANGE
                          "call('SADD',P..'withdrawn-batches',ARGV[3]) return ok('OK')");
    ct_redis_text(r, batch);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

static void read_token(struct ct_redis *r, size_t row, struct ct_token_row *out)
{
    *out = (struct ct_token_row){.state = CT_TOKEN_ISSUED};
    ct_redis_get_hex(r, row, 0, out->jti16, 16);
    ct_redis_get_text(r, row, 1, out->batch, sizeof out->batch);
    out->state = (enum ct_token_state)ct_redis_get_u64(r, row, 2, CT_TOKEN_WITHDRAWN);
    out->expires_s = ct_redis_get_u64(r, row, 3, UINT64_MAX);
    if (!ct_redis_is_nil(r, row, 4)) {
        ct_redis_get_text(r, row, 4, out->identity, sizeof out->identity);
        ct_redis_get_hex(r, row, 5, out->wallet20, 20);
        out->used_s = ct_redis_get_u64(r, row, 6, UINT64_MAX);
    }
    if (!ct_redis_is_nil(r, row, 7)) {
        out->count = (uint32_t)ct_redis_get_u64(r, row, 7, UINT32_MAX);
        out->minted = (uint32_t)ct_redis_get_u64(r, row, 8, UINT32_MAX);
    }
    if (!ct_redis_is_nil(r, row, 9)) {
        ct_redis_get_hex(r, row, 9, out->factory16, 16);
    }
}

ct_err ct_redis_token_page(struct ct_store *s, const char *batch, const uint8_t *after16,
                           struct ct_token_row *out, size_t cap, size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    cap = cap < CT_STORE_PAGE ? cap : CT_STORE_PAGE;
    ct_redis_begin(
        r, CT_REDIS_READ
        "local from=ARGV[3]=='' and '-' or '('..ARGV[3] "
        "local list=ARGV[5]=='' and 'tokens' or 'tokens-in:'..ARGV[5] local rows={} "
        "for _,jti in ipairs(call('ZRANGEBYLEX',P..list,from,'+','LIMIT','0',ARGV[4])) "
        "do local row=call('HMGET',P..'token:'..jti,'batch','state','expires',"
        "'identity','wallet','used','count','minted','factory') "
        "if call('SISMEMBER',P..'withdrawn-batches',row[1])==1 then row[2]='2' end "
        "if row[9] and call('HGET',P..'token:'..row[9],'state')=='2' then row[2]='2' end "
        "table.insert(row,1,jti) rows[#rows+1]=row end return rows");
    ct_redis_hex(r, after16, after16 == NULL ? 0 : 16);
    ct_redis_u64(r, cap);
    ct_redis_text(r, batch == NULL ? "" : batch);
    ct_err err = ct_redis_read(r, 10, &rows);
    rows = rows < cap ? rows : cap;
    for (size_t i = 0; err == CT_OK && i < rows; i++) {
        read_token(r, i, &out[i]);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}
