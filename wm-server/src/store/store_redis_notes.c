/* The Redis store's notes: what a watcher wants to know again after a restart. */
#include "store/store_redis.h"

#include <string.h>

ct_err ct_redis_note_put(struct ct_store *s, const char *name, const void *bytes, size_t len)
{
    struct ct_redis *r = ct_store_server(s);
    if (len > CT_STORE_NOTE) {
        return CT_ERR_ARG;
    }
    /* ARGV: 3 name, 4 bytes; twice is as good as once */
    ct_redis_begin(r, CT_REDIS_COMMON "call('SET',P..'note:'..ARGV[3],ARGV[4]) return 'OK'");
    ct_redis_text(r, name);
    ct_redis_hex(r, bytes, len);
    return ct_redis_end(r, ct_redis_change(r, NULL));
}

ct_err ct_redis_note_get(struct ct_store *s, const char *name, void *out, size_t cap, size_t *len)
{
    struct ct_redis *r = ct_store_server(s);
    uint8_t bytes[CT_STORE_NOTE];
    size_t rows = 0;
    size_t n = 0;
    ct_redis_begin(r, CT_REDIS_READ
                   "local v=call('GET',P..'note:'..ARGV[3]) if v then return {{v}} end return {}");
    ct_redis_text(r, name);
    ct_err err = ct_redis_read(r, 1, &rows);
    if (err == CT_OK && rows == 0) {
        err = CT_ERR_NOT_FOUND;
    }
    if (err == CT_OK) {
        n = ct_redis_get_bytes(r, 0, 0, bytes, sizeof bytes);
    }
    err = ct_redis_end(r, err);
    if (err == CT_OK) {
        memcpy(out, bytes, n < cap ? n : cap);
        *len = n;
    }
    return err;
}
