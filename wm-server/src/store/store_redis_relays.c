/* The Redis store's rows of repeated tests of relays. */
#include <string.h>

#include "store/store_redis.h"

ct_err ct_redis_relay_watch_put(struct ct_store *s, const struct ct_relay_watch *watch)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s, CT_REDIS_CHANGE
                          "local k=P..'relay-watch:'..ARGV[3] "
                          "call('HSET',k,'digest',ARGV[4],'strikes',ARGV[5],'passes',ARGV[6],"
                          "'failing',ARGV[7],'due',ARGV[8],'act',ARGV[9],'acted',ARGV[10],"
                          "'op',ARGV[11]) call('HSETNX',k,'held','0') return ok('OK')");
    ct_redis_u64(r, watch->index);
    ct_redis_hex(r, watch->digest32, 32);
    ct_redis_u64(r, watch->strikes);
    ct_redis_u64(r, watch->passes);
    ct_redis_u64(r, watch->failing_s);
    ct_redis_u64(r, watch->due_s);
    ct_redis_u64(r, watch->act);
    ct_redis_u64(r, watch->acted_s);
    ct_redis_text(r, watch->op);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

static void read_watch(struct ct_redis *r, uint16_t index, struct ct_relay_watch *out)
{
    memset(out, 0, sizeof *out);
    out->index = index;
    ct_redis_get_hex(r, 0, 0, out->digest32, 32);
    out->strikes = (uint32_t)ct_redis_get_u64(r, 0, 1, UINT32_MAX);
    out->passes = (uint32_t)ct_redis_get_u64(r, 0, 2, UINT32_MAX);
    out->failing_s = ct_redis_get_u64(r, 0, 3, UINT64_MAX);
    out->due_s = ct_redis_get_u64(r, 0, 4, UINT64_MAX);
    out->act = (enum ct_relay_act)ct_redis_get_u64(r, 0, 5, CT_RELAY_REINSTATING);
    out->acted_s = ct_redis_get_u64(r, 0, 6, UINT64_MAX);
    ct_redis_get_text(r, 0, 7, out->op, sizeof out->op);
    out->held_s = ct_redis_get_u64(r, 0, 8, UINT64_MAX);
}

ct_err ct_redis_relay_watch_find(struct ct_store *s, uint16_t index, struct ct_relay_watch *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_relay_watch row;
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ
                   "local k=P..'relay-watch:'..ARGV[3] "
                   "if call('EXISTS',k)==0 then return {} end "
                   "return {call('HMGET',k,'digest','strikes','passes','failing','due','act',"
                   "'acted','op','held')}");
    ct_redis_u64(r, index);
    ct_err err = ct_redis_read(r, 9, &rows);
    err = err == CT_OK && rows == 0 ? CT_ERR_NOT_FOUND : err;
    if (err == CT_OK) {
        read_watch(r, index, &row);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = row;
    }
    return err;
}

ct_err ct_redis_relay_watch_hold(struct ct_store *s, uint16_t index, uint64_t now_s)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(
        s,
        CT_REDIS_CHANGE "local k=P..'relay-watch:'..ARGV[3] "
                        "if call('EXISTS',k)==0 then call('HSET',k,'digest',string.rep('0',64),"
                        "'strikes','0','passes','0','failing','0','due','0','act','0','acted','0',"
                        "'op','') end call('HSET',k,'held',ARGV[4]) return ok('OK')");
    ct_redis_u64(r, index);
    ct_redis_u64(r, now_s);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}
