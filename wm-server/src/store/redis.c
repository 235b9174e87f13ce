/* Scripts on Redis: their arguments as text, their answers checked, one at a time a connection. */
#include "store/redis.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/secret.h"
#include "operator/metrics.h"
#include "store/redis_link.h"

/* A transaction's close has three words for each of 64 operations; its bytes are 16 KiB. */
enum { WORDS = 256, ARENA = 40 * 1024, OWN_WORDS = 5, LINKS = 16 };

struct ct_redis {
    pthread_mutex_t lock;
    struct ct_link *link;
    char id[CT_REDIS_ID];           /* of the store, drawn when it was made */
    char request[CT_REDIS_ID + 64]; /* its name, and the fence */
    const char *words[WORDS];
    size_t lens[WORDS];
    size_t count;
    char arena[ARENA]; /* numbers and hexadecimal digits of the arguments */
    size_t used;
    ct_err bad; /* an argument or a column that was none, told at the end */
};

struct ct_redises {
    atomic_uint age; /* of the links */
    struct ct_redis of[LINKS];
};

struct ct_redis *ct_redis_mine(struct ct_redises *all)
{
    static atomic_uint threads;
    static _Thread_local unsigned number; /* from 1 on; 0: none yet */
    if (number == 0) {
        number = atomic_fetch_add(&threads, 1) % LINKS + 1;
    }
    return &all->of[number - 1];
}

static void spoil(struct ct_redis *r, ct_err err)
{
    r->bad = r->bad == CT_OK ? err : r->bad;
}

static void word(struct ct_redis *r, const char *text, size_t len)
{
    if (r->count == WORDS) {
        spoil(r, CT_ERR_ARG);
        return;
    }
    r->words[r->count] = text;
    r->lens[r->count++] = len;
}

void ct_redis_begin(struct ct_redis *r, const char *script)
{
    uint8_t number[16];
    (void)pthread_mutex_lock(&r->lock);
    r->count = 0;
    r->used = 0;
    r->bad = ct_random(number, sizeof number);
    if (r->bad == CT_OK) {
        ct_hex(r->request, number, sizeof number);
    }
    word(r, "EVAL", 4);
    word(r, script, strlen(script));
    word(r, "0", 1);
    word(r, r->id, strlen(r->id));
    word(r, r->request, strlen(r->request));
}

void ct_redis_fence(struct ct_redis *r, const uint8_t account20[20], uint64_t number)
{
    char account[2 * 20 + 1];
    ct_hex(account, account20, 20);
    size_t len = strlen(r->request);
    (void)snprintf(r->request + len, sizeof r->request - len, ":%s:%llu", account,
                   (unsigned long long)number);
    r->lens[OWN_WORDS - 1] = strlen(r->request);
}

void ct_redis_text(struct ct_redis *r, const char *text)
{
    word(r, text, strlen(text));
}

void ct_redis_u64(struct ct_redis *r, uint64_t value)
{
    char *at = r->arena + r->used;
    int n = snprintf(at, ARENA - r->used, "%llu", (unsigned long long)value);
    if (n < 0 || (size_t)n >= ARENA - r->used) {
        spoil(r, CT_ERR_ARG);
        return;
    }
    r->used += (size_t)n + 1;
    word(r, at, (size_t)n);
}

void ct_redis_hex(struct ct_redis *r, const void *data, size_t len)
{
    if (len > (ARENA - r->used - 1) / 2) {
        spoil(r, CT_ERR_ARG);
        return;
    }
    char *at = r->arena + r->used;
    ct_hex(at, data, len);
    r->used += 2 * len + 1;
    word(r, at, 2 * len);
}

static ct_err run(struct ct_redis *r, bool changes)
{
    if (r->bad != CT_OK) {
        return r->bad;
    }
    return changes ? ct_link_change(r->link, r->count, r->words, r->lens, NULL)
                   : ct_link_call(r->link, r->count, r->words, r->lens, NULL);
}

/* "WORD", or "WORD id" with 32 digits. */
static ct_err answer_of(const char *text, size_t len, char id[CT_REDIS_ID])
{
    static const struct {
        const char *word;
        ct_err err;
    } answers[] = {{"OK", CT_OK},
                   {"STATE", CT_ERR_STATE},
                   {"REPLAY", CT_ERR_REPLAY},
                   {"REFUSED", CT_ERR_REFUSED}};
    if (len == 7 && memcmp(text, "EXPIRED", 7) == 0) {
        return CT_ERR_EXPIRED;
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        size_t n = strlen(answers[i].word);
        if (len < n || memcmp(text, answers[i].word, n) != 0) {
            continue;
        }
        if (id == NULL && len == n) {
            return answers[i].err;
        }
        if (id != NULL && len == n + CT_REDIS_ID && text[n] == ' ') {
            memcpy(id, text + n + 1, CT_REDIS_ID - 1);
            id[CT_REDIS_ID - 1] = '\0';
            return answers[i].err;
        }
    }
    return CT_ERR_SYSTEM;
}

ct_err ct_redis_change(struct ct_redis *r, char id[CT_REDIS_ID])
{
    const char *text = NULL;
    size_t len = 0;
    ct_err err = run(r, true);
    if (err != CT_OK) {
        return err;
    }
    return ct_link_text(r->link, &text, &len) ? answer_of(text, len, id) : CT_ERR_SYSTEM;
}

static ct_err read_rows(struct ct_redis *r, size_t columns, size_t *rows, bool changes)
{
    ct_err err = run(r, changes);
    if (err != CT_OK) {
        return err;
    }
    return ct_link_table(r->link, columns, rows) ? CT_OK : CT_ERR_SYSTEM;
}

ct_err ct_redis_read(struct ct_redis *r, size_t columns, size_t *rows)
{
    return read_rows(r, columns, rows, false);
}

ct_err ct_redis_read_kept(struct ct_redis *r, size_t columns, size_t *rows)
{
    return read_rows(r, columns, rows, true);
}

ct_err ct_redis_end(struct ct_redis *r, ct_err err)
{
    err = err == CT_OK ? r->bad : err;
    (void)pthread_mutex_unlock(&r->lock);
    ct_metrics_store(err);
    return err;
}

/* ---- columns ---- */

static const char *cell(struct ct_redis *r, size_t row, size_t column, size_t *len)
{
    const char *text = ct_link_cell(r->link, row, column, len);
    if (text == NULL) {
        spoil(r, CT_ERR_SYSTEM);
        return "";
    }
    return text;
}

bool ct_redis_is_nil(struct ct_redis *r, size_t row, size_t column)
{
    size_t len = 0;
    return ct_link_cell(r->link, row, column, &len) == NULL;
}

uint64_t ct_redis_get_u64(struct ct_redis *r, size_t row, size_t column, uint64_t max)
{
    size_t len = 0;
    const char *text = cell(r, row, column, &len);
    uint64_t value = 0;
    bool good = len > 0;
    for (size_t i = 0; i < len && good; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        good = digit <= 9 && value <= (UINT64_MAX - digit) / 10;
        value = good ? value * 10 + digit : 0;
    }
    if (!good || value > max) {
        spoil(r, CT_ERR_SYSTEM);
        return 0;
    }
    return value;
}

void ct_redis_get_text(struct ct_redis *r, size_t row, size_t column, char *out, size_t cap)
{
    size_t len = 0;
    const char *text = cell(r, row, column, &len);
    if (len >= cap || memchr(text, '\0', len) != NULL) {
        spoil(r, CT_ERR_SYSTEM);
        len = 0;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

size_t ct_redis_get_bytes(struct ct_redis *r, size_t row, size_t column, void *out, size_t cap)
{
    size_t len = 0;
    size_t got = 0;
    const char *text = cell(r, row, column, &len);
    memset(out, 0, cap);
    if (ct_unhex_var(out, cap, &got, text, len) != CT_OK) {
        spoil(r, CT_ERR_SYSTEM);
        return 0;
    }
    return got;
}

void ct_redis_get_hex(struct ct_redis *r, size_t row, size_t column, void *out, size_t len)
{
    if (ct_redis_get_bytes(r, row, column, out, len) != len) {
        spoil(r, CT_ERR_SYSTEM);
    }
}

/* ---- the store as a whole ---- */

/*
 * The first to come gives the store its schema and its id; the others find them. A later schema has
 * all that an earlier one had, so an older store only gets its number.
 */
static const char open_script[] =
    "local P='" CT_REDIS_PREFIX "' local call=redis.call "
    "if call('EXISTS',P..'schema',P..'id')==0 then call('MSET',P..'schema',ARGV[2],P..'id',ARGV[1])"
    " end local n=tonumber(call('MGET',P..'schema')[1] or '') "
    "if n and n>0 and n<tonumber(ARGV[2]) and call('EXISTS',P..'id')==1 then "
    "call('SET',P..'schema',ARGV[2]) end "
    "return {call('MGET',P..'schema',P..'id')}";

static ct_err check_schema(struct ct_redis *r, unsigned version, struct ct_why *why)
{
    char number[24];
    size_t rows = 0;
    (void)snprintf(number, sizeof number, "%u", version);
    const char *const words[OWN_WORDS] = {"EVAL", open_script, "0", r->id, number};
    const size_t lens[OWN_WORDS] = {4, sizeof open_script - 1, 1, CT_REDIS_ID - 1, strlen(number)};
    ct_err err = ct_link_change(r->link, OWN_WORDS, words, lens, why);
    if (err != CT_OK) {
        return err;
    }
    const char *address = ct_link_address(r->link);
    uint64_t schema = 0;
    char id[CT_REDIS_ID] = "";
    bool good = ct_link_table(r->link, 2, &rows) && rows == 1;
    if (good) {
        schema = ct_redis_get_u64(r, 0, 0, UINT64_MAX);
        ct_redis_get_text(r, 0, 1, id, sizeof id);
    }
    if (!good || r->bad != CT_OK || schema == 0 || strlen(id) != CT_REDIS_ID - 1) {
        return ct_why(why, CT_ERR_CONFIG,
                      "the Redis at %s holds something else under " CT_REDIS_PREFIX
                      "; give wm-server a Redis of its own",
                      address);
    }
    if (schema > version) {
        return ct_why(
            why, CT_ERR_CONFIG,
            "the store in the Redis at %s has schema %llu, newer than this program's %u; update "
            "wm-server",
            address, (unsigned long long)schema, version);
    }
    memcpy(r->id, id, sizeof id);
    return CT_OK;
}

static ct_err make(struct ct_redises *all, const struct ct_redis_place *place, unsigned version,
                   struct ct_why *why)
{
    struct ct_redis *first = ct_redis_mine(all);
    uint8_t id[16];
    ct_err err = ct_random(id, sizeof id);
    for (size_t i = 0; i < LINKS && err == CT_OK; i++) {
        err = ct_link_new(&all->of[i].link, place, &all->age, why);
    }
    if (err == CT_OK) {
        ct_hex(first->id, id, sizeof id);
        err = check_schema(first, version, why);
    }
    for (size_t i = 0; i < LINKS && err == CT_OK; i++) {
        memmove(all->of[i].id, first->id, sizeof first->id);
    }
    return err;
}

ct_err ct_redis_open(struct ct_redises **out, const struct ct_redis_place *place, unsigned version,
                     struct ct_why *why)
{
    struct ct_redises *all = calloc(1, sizeof *all);
    if (all == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < LINKS; i++) {
        (void)pthread_mutex_init(&all->of[i].lock, NULL);
    }
    ct_err err = make(all, place, version, why);
    if (err != CT_OK) {
        ct_redis_close(all);
        return err;
    }
    *out = all;
    return CT_OK;
}

void ct_redis_close(struct ct_redises *all)
{
    for (size_t i = 0; all != NULL && i < LINKS; i++) {
        ct_link_close(all->of[i].link);
        (void)pthread_mutex_destroy(&all->of[i].lock);
    }
    free(all);
}
