/* The Redis store's leases, by the server's own clock, and the deployment that it belongs to. */
#include "store/store_redis.h"

#include <stdlib.h>
#include <string.h>

void ct_redis_begin_change(struct ct_store *s, const char *script)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin(r, script);
    if (s->fence.number != 0) {
        ct_redis_fence(r, s->fence.account20, s->fence.number);
    }
}

ct_err ct_redis_share(struct ct_store *s, struct ct_store **out)
{
    struct ct_store_redis *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        return CT_ERR_NOMEM;
    }
    memcpy(copy, s, sizeof *copy);
    *out = &copy->base;
    return CT_OK;
}

/* One that is sent again, since its answer was lost, finds itself as the holder. */
ct_err ct_redis_lease_take(struct ct_store *s, const uint8_t account20[20], const char *holder,
                           uint64_t life_ms, uint64_t seen, bool alone, struct ct_lease_row *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_lease_row row = {.number = 0};
    bool is_own = false;
    size_t rows = 0;
    /* ARGV: 3 account, 4 holder, 5 life, 6 seen, 7 alone; numbers are below 2^53 */
    ct_redis_begin(r, CT_REDIS_READ "local k=P..'lease:'..ARGV[3] local t=call('TIME') "
                                    "local now=tonumber(t[1])*1000+math.floor(tonumber(t[2])/1000) "
                                    "local l=call('HMGET',k,'number','holder','ends') "
                                    "local n,seen=tonumber(l[1] or '0'),tonumber(ARGV[6]) "
                                    "local left=tonumber(l[3] or '0')-now local own=l[2]==ARGV[4] "
                                    "if l[1] and not own and left>0 and ARGV[7]~='1' then "
                                    "return {{'0',l[1],l[2],string.format('%.0f',left)}} end "
                                    "if not own or n<seen then n=math.max(n,seen)+1 end "
                                    "local text=string.format('%.0f',n) "
                                    "call('HSET',k,'number',text,'holder',ARGV[4],"
                                    "'ends',string.format('%.0f',now+tonumber(ARGV[5]))) "
                                    "return {{'1',text,ARGV[4],ARGV[5]}}");
    ct_redis_hex(r, account20, 20);
    ct_redis_text(r, holder);
    ct_redis_u64(r, life_ms);
    ct_redis_u64(r, seen);
    ct_redis_u64(r, alone);
    ct_err err = ct_redis_read_kept(r, 4, &rows);
    if (err == CT_OK && rows != 1) {
        err = CT_ERR_SYSTEM;
    }
    if (err == CT_OK) {
        is_own = ct_redis_get_u64(r, 0, 0, 1) != 0;
        row.number = ct_redis_get_u64(r, 0, 1, UINT64_MAX);
        ct_redis_get_text(r, 0, 2, row.holder, sizeof row.holder);
        row.left_ms = ct_redis_get_u64(r, 0, 3, UINT64_MAX);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = row;
        err = is_own ? CT_OK : CT_ERR_REFUSED;
    }
    return err;
}

ct_err ct_redis_lease_end(struct ct_store *s, const uint8_t account20[20], uint64_t number)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin(r, CT_REDIS_CHANGE "local k=P..'lease:'..ARGV[3] "
                                      "if call('HGET',k,'number')~=ARGV[4] then return 'STATE' end "
                                      "call('HSET',k,'holder','','ends','0') return ok('OK')");
    ct_redis_hex(r, account20, 20);
    ct_redis_u64(r, number);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_place(struct ct_store *s, const struct ct_store_place *place,
                      struct ct_store_place *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_store_place is = {.chain_id = 0};
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ "local k=P..'place' if call('EXISTS',k)==0 then "
                                    "call('HSET',k,'chain',ARGV[3],'contract',ARGV[4]) end "
                                    "return {call('HMGET',k,'chain','contract')}");
    ct_redis_u64(r, place->chain_id);
    ct_redis_hex(r, place->contract20, 20);
    ct_err err = ct_redis_read_kept(r, 2, &rows);
    if (err == CT_OK && rows != 1) {
        err = CT_ERR_SYSTEM;
    }
    if (err == CT_OK) {
        is.chain_id = ct_redis_get_u64(r, 0, 0, UINT64_MAX);
        ct_redis_get_hex(r, 0, 1, is.contract20, 20);
    }
    err = ct_redis_end(r, err);
    if (err != CT_OK) {
        return err;
    }
    *out = is;
    bool same = is.chain_id == place->chain_id &&
                memcmp(is.contract20, place->contract20, sizeof is.contract20) == 0;
    return same ? CT_OK : CT_ERR_STATE;
}
