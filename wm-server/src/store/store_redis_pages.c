/* The Redis store as those see it who look on: counts, tests of relays, rows page by page. */
#include "store/store_redis.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"

enum { LIST_STEPS_MAX = 10000000 };

ct_err ct_redis_counts(struct ct_store *s, struct ct_store_counts *out)
{
    struct ct_redis *r = ct_store_server(s);
    struct ct_store_counts c = {0};
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ
                   "local row={} local oldest=0 for state=0,2 do "
                   "local k=P..'ops:'..state..':0' row[#row+1]=tostring(call('ZCARD',k)) "
                   "local id=call('ZRANGE',k,0,0)[1] if id then "
                   "local t=tonumber(call('HGET',P..'op:'..id,'created')) "
                   "if t and (oldest==0 or t<oldest) then oldest=t end end end "
                   "row[#row+1]=string.format('%.0f',oldest) "
                   "local n={['0']=0,['3']=0,['4']=0} "
                   "for _,sender in ipairs(call('SMEMBERS',P..'senders')) do "
                   "for _,m in ipairs(call('ZRANGE',P..'sent:'..sender,0,-1)) do "
                   "local st=call('HGET',P..'tx:'..string.sub(m,18),'state') "
                   "if n[st] then n[st]=n[st]+1 end end end "
                   "for _,st in ipairs({'3','0','4'}) do row[#row+1]=tostring(n[st]) end "
                   "return {row}");
    ct_err err = ct_redis_read(r, 7, &rows);
    if (err == CT_OK && rows == 1) {
        uint64_t *const to[] = {&c.checking,  &c.queued,  &c.sent,    &c.oldest_s,
                                &c.tx_signed, &c.tx_sent, &c.tx_mined};
        for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
            *to[i] = ct_redis_get_u64(r, 0, i, UINT64_MAX);
        }
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *out = c;
    }
    return err;
}

ct_err ct_redis_totals(struct ct_store *s, uint64_t *devices, uint64_t *relays)
{
    struct ct_redis *r = ct_store_server(s);
    uint64_t totals[2] = {0};
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ "return {{tostring(call('ZCARD',P..'devices')),"
                                    "tostring(call('ZCARD',P..'relays'))}}");
    ct_err err = ct_redis_read(r, 2, &rows);
    if (err == CT_OK && rows == 1) {
        totals[0] = ct_redis_get_u64(r, 0, 0, UINT64_MAX);
        totals[1] = ct_redis_get_u64(r, 0, 1, UINT64_MAX);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *devices = totals[0];
        *relays = totals[1];
    }
    return err;
}

static void read_device(struct ct_redis *r, size_t row, struct ct_device_row *out)
{
    ct_redis_get_text(r, row, 0, out->identity, sizeof out->identity);
    ct_redis_get_hex(r, row, 1, out->wallet20, 20);
    ct_redis_get_hex(r, row, 2, out->key32, 32);
    out->relay = (uint16_t)ct_redis_get_u64(r, row, 3, UINT16_MAX);
    out->port = (uint16_t)ct_redis_get_u64(r, row, 4, UINT16_MAX);
    out->sequence = (uint16_t)ct_redis_get_u64(r, row, 5, UINT16_MAX);
    out->expiry_day = (uint16_t)ct_redis_get_u64(r, row, 6, UINT16_MAX);
    out->block = ct_redis_get_u64(r, row, 7, UINT64_MAX);
}

static void read_relay(struct ct_redis *r, size_t row, struct ct_relay_row *out)
{
    ct_redis_get_hex(r, row, 0, out->pending32, 32);
    ct_redis_get_hex(r, row, 1, out->owner20, 20);
    out->index = (uint16_t)ct_redis_get_u64(r, row, 2, UINT16_MAX);
    out->checked_s = ct_redis_get_u64(r, row, 3, UINT64_MAX);
    out->rtt_us = (uint32_t)ct_redis_get_u64(r, row, 4, UINT32_MAX);
    ct_redis_get_text(r, row, 5, out->verdict, sizeof out->verdict);
}

/* Names out of a list, after ARGV[3] or from the first when that is empty, ARGV[4] of them. */
#define CT_REDIS_PAGE(list)                             \
    CT_REDIS_READ                                       \
    "local from=ARGV[3]=='' and '-' or '('..ARGV[3] "   \
    "local names=call('ZRANGEBYLEX',P..'" list "',from" \
    ",'+','LIMIT','0',ARGV[4]) local rows={} "

ct_err ct_redis_device_page(struct ct_store *s, const char *after, struct ct_device_row *out,
                            size_t cap, size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    cap = cap < CT_STORE_PAGE ? cap : CT_STORE_PAGE;
    ct_redis_begin(
        r,
        CT_REDIS_PAGE(
            "devices") "for _,name in ipairs(names) do "
                       "rows[#rows+1]=call('HMGET',P..'device:'..name,"
                       "'identity','wallet','key','relay','port','sequence','expiry-day','block') "
                       "end return rows");
    ct_redis_text(r, after == NULL ? "" : after);
    ct_redis_u64(r, cap);
    ct_err err = ct_redis_read(r, 8, &rows);
    rows = rows < cap ? rows : cap;
    for (size_t i = 0; err == CT_OK && i < rows; i++) {
        read_device(r, i, &out[i]);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}

ct_err ct_redis_relay_page(struct ct_store *s, const uint8_t *after32, struct ct_relay_row *out,
                           size_t cap, size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    cap = cap < CT_STORE_PAGE ? cap : CT_STORE_PAGE;
    ct_redis_begin(
        r, CT_REDIS_PAGE(
               "relays") "for _,name in ipairs(names) do local row=call('HMGET',P..'relay:'..name,"
                         "'owner','number','checked','rtt-us','verdict') table.insert(row,1,name) "
                         "rows[#rows+1]=row end return rows");
    ct_redis_hex(r, after32, after32 == NULL ? 0 : 32);
    ct_redis_u64(r, cap);
    ct_err err = ct_redis_read(r, 6, &rows);
    rows = rows < cap ? rows : cap;
    for (size_t i = 0; err == CT_OK && i < rows; i++) {
        read_relay(r, i, &out[i]);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}

ct_err ct_redis_test_add(struct ct_store *s, const uint8_t pending32[32],
                         const struct ct_relay_test *test)
{
    struct ct_redis *r = ct_store_server(s);
    ct_redis_begin_change(s,
                          CT_REDIS_CHANGE "local k=P..'tests:'..ARGV[3] "
                                          "call('LPUSH',k,ARGV[4]..':'..ARGV[5]) "
                                          "call('LTRIM',k,0,tonumber(ARGV[6])-1) return ok('OK')");
    ct_redis_hex(r, pending32, 32);
    ct_redis_u64(r, test->at_s);
    ct_redis_u64(r, test->rtt_us);
    ct_redis_u64(r, CT_RELAY_TESTS);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_test_list(struct ct_store *s, const uint8_t pending32[32],
                          struct ct_relay_test out[CT_RELAY_TESTS], size_t *count)
{
    struct ct_redis *r = ct_store_server(s);
    size_t rows = 0;
    ct_redis_begin(
        r, CT_REDIS_READ
        "local rows={} for _,t in ipairs(call('LRANGE',P..'tests:'..ARGV[3],0,ARGV[4]-1)) "
        "do local at,rtt=string.match(t,'^(%d+):(%d+)$') "
        "table.insert(rows,1,{at or 'none',rtt or 'none'}) end return rows");
    ct_redis_hex(r, pending32, 32);
    ct_redis_u64(r, CT_RELAY_TESTS);
    ct_err err = ct_redis_read(r, 2, &rows);
    rows = rows < CT_RELAY_TESTS ? rows : CT_RELAY_TESTS;
    for (size_t i = 0; err == CT_OK && i < rows; i++) {
        out[i].at_s = ct_redis_get_u64(r, i, 0, UINT64_MAX);
        out[i].rtt_us = (uint32_t)ct_redis_get_u64(r, i, 1, UINT32_MAX);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        *count = rows;
    }
    return err;
}

/* One step of a walk over all names, at most a thousand or so; *cursor is "0" after the last. */
static ct_err list_some(struct ct_redis *r, char cursor[24])
{
    char next[24] = "0";
    size_t rows = 0;
    ct_redis_begin(r, CT_REDIS_READ
                   "if call('GET',P..'listed')=='2' then return {{'0'}} end "
                   "local got=call('SCAN',ARGV[3],'COUNT','1000') "
                   "for _,k in ipairs(got[2]) do "
                   "for what,list in pairs({device='devices',relay='relays',"
                   "token='tokens'}) do "
                   "local head=P..what..':' if string.sub(k,1,#head)==head then "
                   "call('ZADD',P..list,0,string.sub(k,#head+1)) "
                   "if what=='token' then "
                   "call('ZADD',P..'tokens-in:'..(call('HGET',k,'batch') or ''),0,"
                   "string.sub(k,#head+1)) end end end end "
                   "if got[1]=='0' then call('SET',P..'listed','2') end return {{got[1]}}");
    ct_redis_text(r, cursor);
    ct_err err = ct_redis_read(r, 1, &rows);
    if (err == CT_OK && rows == 1) {
        ct_redis_get_text(r, 0, 0, next, sizeof next);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        memcpy(cursor, next, sizeof next);
    }
    return err;
}

ct_err ct_redis_list_all(struct ct_store *s)
{
    char cursor[24] = "0";
    ct_err err = CT_OK;
    for (unsigned i = 0; i < LIST_STEPS_MAX && err == CT_OK; i++) {
        err = list_some(ct_store_server(s), cursor);
        if (strcmp(cursor, "0") == 0) {
            break;
        }
    }
    return err;
}
