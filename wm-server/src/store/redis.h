/* Redis behind plain types: one script a step of the store, done once however often it is sent. */
#ifndef CT_WM_REDIS_H
#define CT_WM_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "store/store.h"

/* Before each name in Redis; the text of a script that changes, and of one that only reads. */
#define CT_REDIS_PREFIX "chainturn:wm:"
#define CT_REDIS_COMMON                                               \
    "local P='" CT_REDIS_PREFIX "' local call=redis.call "            \
    "if call('GET',P..'id')~=ARGV[1] then "                           \
    "return redis.error_reply('LOST the data of this store is gone')" \
    " end "
/*
 * ARGV[2] names the request: one that is sent again, since its answer was lost, finds the answer of
 * the first. ok() gives and keeps it, for as long as a stalled server may take to read both. With
 * ":ACCOUNT:NUMBER" after the name, it is refused unless that is the number of the account's lease.
 */
#define CT_REDIS_CHANGE                                                           \
    CT_REDIS_COMMON                                                               \
    "local Q,A,N=string.match(ARGV[2],'^(%x+):?(%x*):?(%d*)$') "                  \
    "local again=call('GET',P..'call:'..Q) if again then return again end "       \
    "if A~='' and call('HGET',P..'lease:'..A,'number')~=N then return 'EXPIRED' " \
    "end local function ok(v) call('SET',P..'call:'..Q,v,'EX',600) return v end "
#define CT_REDIS_READ CT_REDIS_COMMON

enum { CT_REDIS_ID = 33 }; /* 32 hexadecimal digits and NUL */

struct ct_redis;   /* a connection, of one thread at a time */
struct ct_redises; /* those of a store */

/*
 * Connects, once for now, waiting 5 s at most for one that is not there yet; makes the store if
 * there is none, and checks its schema: CT_ERR_CONFIG when that is newer than version, or no schema
 * of ours.
 */
CT_MUST_USE ct_err ct_redis_open(struct ct_redises **out, const struct ct_redis_place *place,
                                 unsigned version, struct ct_why *why);
void ct_redis_close(struct ct_redises *all);
/* The calling thread's: the same one each time. Several threads' requests are on their way at once,
 * and one sync of the append-only file serves all that the server has read by then. */
struct ct_redis *ct_redis_mine(struct ct_redises *all);

/* Locks; the script's own arguments follow and are ARGV[3].. there. They are kept by pointer. */
void ct_redis_begin(struct ct_redis *r, const char *script);
/* Right after it, for a script that changes: under this number of the account's lease. */
void ct_redis_fence(struct ct_redis *r, const uint8_t account20[20], uint64_t number);
void ct_redis_text(struct ct_redis *r, const char *text);
void ct_redis_u64(struct ct_redis *r, uint64_t value);
void ct_redis_hex(struct ct_redis *r, const void *data, size_t len);
/*
 * Runs a script that changes. Its answer is a word: OK, STATE, REPLAY or REFUSED, returned as a
 * status code, and an operation's id after it (id may be NULL); or EXPIRED, without one.
 */
CT_MUST_USE ct_err ct_redis_change(struct ct_redis *r, char id[CT_REDIS_ID]);
/* Runs a script that answers with rows of so many columns. */
CT_MUST_USE ct_err ct_redis_read(struct ct_redis *r, size_t columns, size_t *rows);
/* The same for one that also changes something, and bears being done twice. */
CT_MUST_USE ct_err ct_redis_read_kept(struct ct_redis *r, size_t columns, size_t *rows);
/* Unlocks. CT_ERR_SYSTEM instead of CT_OK when a column read was not what it must be. */
CT_MUST_USE ct_err ct_redis_end(struct ct_redis *r, ct_err err);

uint64_t ct_redis_get_u64(struct ct_redis *r, size_t row, size_t column, uint64_t max);
void ct_redis_get_text(struct ct_redis *r, size_t row, size_t column, char *out, size_t cap);
/* Exactly len bytes. */
void ct_redis_get_hex(struct ct_redis *r, size_t row, size_t column, void *out, size_t len);
/* At most cap bytes: how many. */
size_t ct_redis_get_bytes(struct ct_redis *r, size_t row, size_t column, void *out, size_t cap);
bool ct_redis_is_nil(struct ct_redis *r, size_t row, size_t column);

#endif
