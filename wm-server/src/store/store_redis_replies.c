/* The Redis store's replies to Idempotency-Keys, and its token buckets. */
#include "store/store_redis.h"

#include <string.h>

#include "base/secret.h"

/* A claim that is sent again over a new connection finds itself by its number. */
ct_err ct_redis_reply_begin(struct ct_store *s, const struct ct_reply_key *key, uint64_t now_s,
                            struct ct_reply *out)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    ct_err err = ct_random(out->claim16, sizeof out->claim16);
    if (err != CT_OK) {
        return err;
    }
    /* ARGV: 3 key, 4 party, 5 body, 6 claim, 7 now, 8 claim's end, 9 most of a party */
    ct_redis_begin(r, CT_REDIS_READ
                   "local k=P..'reply:'..ARGV[3] local o=P..'replies-of:'..ARGV[4] "
                   "local h=call('HMGET',k,'body','claim','status','answer') "
                   "if h[1] and h[2]==ARGV[6] then return {{'0','0',''}} end "
                   "if h[1] and h[1]~=ARGV[5] then return {{'3','0',''}} end "
                   "if h[3] then return {{'2',h[3],h[4]}} end "
                   "if h[1] then return {{'1','0',''}} end "
                   "call('ZREMRANGEBYSCORE',o,'-inf',ARGV[7]) "
                   "if call('ZCARD',o)>=tonumber(ARGV[9]) then return {{'4','0',''}} end "
                   "call('HSET',k,'body',ARGV[5],'claim',ARGV[6],'party',ARGV[4]) "
                   "call('EXPIREAT',k,ARGV[8]) call('ZADD',o,ARGV[8],ARGV[3]) "
                   "if call('TTL',o)<tonumber(ARGV[8])-tonumber(ARGV[7]) then "
                   "call('EXPIREAT',o,ARGV[8]) end return {{'0','0',''}}");
    ct_redis_hex(r, key->key32, 32);
    ct_redis_hex(r, key->party16, 16);
    ct_redis_hex(r, key->body32, 32);
    ct_redis_hex(r, out->claim16, 16);
    ct_redis_u64(r, now_s);
    ct_redis_u64(r, now_s + CT_REPLY_CLAIM_S);
    ct_redis_u64(r, CT_REPLIES_OF_PARTY);
    err = ct_redis_read_kept(r, 3, &rows);
    if (err == CT_OK) {
        out->state = (enum ct_reply_state)ct_redis_get_u64(r, 0, 0, CT_REPLY_FULL);
        out->status = (unsigned)ct_redis_get_u64(r, 0, 1, 599);
        ct_redis_get_text(r, 0, 2, out->body, sizeof out->body);
    }
    return ct_redis_end(r, err);
}

ct_err ct_redis_reply_end(struct ct_store *s, const struct ct_reply_key *key,
                          const uint8_t claim16[16], uint64_t now_s, unsigned status,
                          const char *body)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    /* ARGV: 3 key, 4 party, 5 claim, 6 status, 7 answer, 8 its end */
    ct_redis_begin(r, CT_REDIS_READ
                   "local k=P..'reply:'..ARGV[3] local o=P..'replies-of:'..ARGV[4] "
                   "local h=call('HMGET',k,'claim','status') "
                   "if h[1]~=ARGV[5] or h[2] then return {} end "
                   "if ARGV[6]=='0' then call('DEL',k) call('ZREM',o,ARGV[3]) return {} end "
                   "call('HSET',k,'status',ARGV[6],'answer',ARGV[7]) "
                   "call('EXPIREAT',k,ARGV[8]) call('ZADD',o,ARGV[8],ARGV[3]) "
                   "call('EXPIREAT',o,ARGV[8]) return {}");
    ct_redis_hex(r, key->key32, 32);
    ct_redis_hex(r, key->party16, 16);
    ct_redis_hex(r, claim16, 16);
    ct_redis_u64(r, status);
    ct_redis_text(r, body);
    ct_redis_u64(r, now_s + CT_REPLY_KEPT_S);
    return ct_redis_end(r, ct_redis_read_kept(r, 1, &rows));
}

/* One that is taken twice, since an answer was lost, is one too many taken: no harm. */
ct_err ct_redis_bucket_take(struct ct_store *s, const struct ct_bucket *buckets, size_t count,
                            uint64_t now_us, uint32_t *wait_ms)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    uint64_t wait_us = 0;
    if (count > CT_BUCKETS_MAX) {
        return CT_ERR_ARG;
    }
    /* ARGV: 3 now, then key and interval of each; the same rule as ct_bucket_take() */
    ct_redis_begin(r, CT_REDIS_READ
                   "local now=tonumber(ARGV[3]) local wait=0 local to={} "
                   "for i=4,#ARGV,2 do local k=P..'bucket:'..ARGV[i] "
                   "local step=tonumber(ARGV[i+1]) local at=tonumber(call('GET',k) or '0') "
                   "if at<now then at=now end if at>now+60000000 then at=now+60000000 end "
                   "at=at+step if at-now-60000000>wait then wait=at-now-60000000 end "
                   "to[k]=at end "
                   "if wait==0 then for k,at in pairs(to) do "
                   "call('SET',k,string.format('%.0f',at),'PX',math.ceil((at-now)/1000)+1) end end "
                   "return {{string.format('%.0f',wait)}}");
    ct_redis_u64(r, now_us);
    for (size_t i = 0; i < count; i++) {
        ct_redis_hex(r, buckets[i].key16, 16);
        ct_redis_u64(r, ct_bucket_step_us(&buckets[i]));
    }
    ct_err err = ct_redis_read(r, 1, &rows);
    if (err == CT_OK) {
        wait_us = ct_redis_get_u64(r, 0, 0, UINT32_MAX);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK && wait_us > 0) {
        *wait_ms = (uint32_t)((wait_us + 999) / 1000);
        err = CT_ERR_REFUSED;
    }
    return err;
}
