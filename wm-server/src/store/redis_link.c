/* Connecting, proving the server durable and the master, asking again, waiting for replicas. */
#include "store/redis_link.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/secret.h"
#include "store/redis_sentinel.h"

enum { RETRY_MS = 5000, FIRST_PAUSE_MS = 10, LAST_PAUSE_MS = 500 };
#define REPLICAS_MS "1000" /* of one wait for them */

/* For connecting, for sending and for receiving. */
static const struct timeval step_time = {.tv_sec = 2};

struct ct_link {
    char address[CT_REDIS_HOST + 10]; /* of the last connection, or the one that is wanted */
    char *password_path, *master, *sentinel_password_path;
    char **sentinels;
    size_t sentinel_count, sentinel; /* the one that is asked first */
    unsigned replicas;
    redisContext *redis; /* NULL: not connected */
    redisReply *reply;
    bool away;                 /* a whole retry was in vain: the next calls try once */
    atomic_uint *age, own_age; /* the latter of one alone */
    unsigned made_at;          /* the age when it connected */
};

/* ---- one command, one reply ---- */

/* hiredis writes with write(2): its SIGPIPE is kept from this thread, and taken if it came. */
struct quiet {
    sigset_t before, pending;
};

static struct quiet begin_quiet(void)
{
    struct quiet q;
    sigset_t sigpipe;
    (void)sigemptyset(&sigpipe);
    (void)sigaddset(&sigpipe, SIGPIPE);
    (void)sigpending(&q.pending);
    (void)pthread_sigmask(SIG_BLOCK, &sigpipe, &q.before);
    return q;
}

static void end_quiet(const struct quiet *q, bool failed)
{
    const struct timespec now = {0};
    sigset_t sigpipe;
    (void)sigemptyset(&sigpipe);
    (void)sigaddset(&sigpipe, SIGPIPE);
    if (failed && sigismember(&q->pending, SIGPIPE) == 0) {
        while (sigtimedwait(&sigpipe, NULL, &now) < 0 && errno == EINTR) {
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &q->before, NULL);
}

static redisReply *exchange(redisContext *redis, size_t count, const char *const *words,
                            const size_t *lens)
{
    struct quiet q = begin_quiet();
    /* hiredis copies the words; its prototype only lacks the const */
    const char **argv = (const char **)(uintptr_t)words;
    redisReply *reply = redisCommandArgv(redis, (int)count, argv, lens);
    end_quiet(&q, reply == NULL);
    return reply;
}

static void disconnect(struct ct_link *l)
{
    if (l->redis != NULL) {
        redisFree(l->redis);
        l->redis = NULL;
    }
}

/* It was good, and is no more: nor are the others that were made before. */
static void lose(struct ct_link *l)
{
    unsigned age = l->made_at;
    (void)atomic_compare_exchange_strong(l->age, &age, age + 1);
    disconnect(l);
}

static void forget_reply(struct ct_link *l)
{
    if (l->reply != NULL) {
        freeReplyObject(l->reply);
        l->reply = NULL;
    }
}

/* Errors that pass by themselves: while the append-only file is read, or a script runs. */
static bool passes(const char *error)
{
    return strncmp(error, "LOADING", 7) == 0 || strncmp(error, "BUSY", 4) == 0;
}

/* Errors of one that is no master any more, or cut off: another may be, elsewhere. */
static bool is_demoted(const char *error)
{
    return strncmp(error, "READONLY", 8) == 0 || strncmp(error, "MASTERDOWN", 10) == 0 ||
           strncmp(error, "NOREPLICAS", 10) == 0;
}

/* Errors of one that has no room: of its memory (OOM), or of its disk (MISCONF). */
static bool is_full(const char *error)
{
    return strncmp(error, "OOM", 3) == 0 || strncmp(error, "MISCONF", 7) == 0;
}

/* On the connection that is there. CT_ERR_AGAIN: lost, or not yet; no error reply stays. */
static ct_err ask(struct ct_link *l, size_t count, const char *const *words, const size_t *lens,
                  struct ct_why *why)
{
    forget_reply(l);
    l->reply = exchange(l->redis, count, words, lens);
    if (l->reply == NULL) {
        ct_err err = l->redis->err == REDIS_ERR_OOM ? CT_ERR_NOMEM : CT_ERR_AGAIN;
        err = ct_why(why, err, "the connection to the Redis at %s was lost: %s", l->address,
                     l->redis->errstr);
        lose(l);
        return err;
    }
    if (l->reply->type != REDIS_REPLY_ERROR) {
        return CT_OK;
    }
    bool demoted = is_demoted(l->reply->str);
    ct_err err = demoted || passes(l->reply->str) ? CT_ERR_AGAIN
                 : is_full(l->reply->str)         ? CT_ERR_FULL
                                                  : CT_ERR_SYSTEM;
    err = ct_why(why, err, "the Redis at %s refuses: %.200s", l->address, l->reply->str);
    forget_reply(l);
    if (demoted) {
        lose(l);
    }
    return err;
}

static ct_err ask_words(struct ct_link *l, size_t count, const char *const *words,
                        struct ct_why *why)
{
    size_t lens[4];
    for (size_t i = 0; i < count; i++) {
        lens[i] = strlen(words[i]);
    }
    return ask(l, count, words, lens, why);
}

/* ---- connecting ---- */

static ct_err dial(struct ct_link *l, struct ct_why *why)
{
    char host[CT_REDIS_HOST];
    uint16_t port = 0;
    if (strncmp(l->address, "unix:/", 6) == 0) {
        l->redis = redisConnectUnixWithTimeout(l->address + 5, step_time);
    } else if (ct_redis_split(host, &port, l->address)) {
        l->redis = redisConnectWithTimeout(host, port, step_time);
    } else {
        return ct_why(why, CT_ERR_CONFIG,
                      "\"%s\" is no address of a Redis; write unix:/path or host:port", l->address);
    }
    if (l->redis == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    if (l->redis->err != 0) {
        return ct_why(why, CT_ERR_AGAIN,
                      "cannot reach the Redis at %s: %s; check that it runs and listens there",
                      l->address, l->redis->errstr);
    }
    (void)fcntl(l->redis->fd, F_SETFD, FD_CLOEXEC);
    if (redisSetTimeout(l->redis, step_time) != REDIS_OK) {
        return ct_why(why, CT_ERR_SYSTEM, "cannot limit the time of %s", l->address);
    }
    return CT_OK;
}

/* The file is read at each connection: the password is kept nowhere, and may be changed there. */
static ct_err read_password(char password[CT_REDIS_PASSWORD], const char *path, struct ct_why *why)
{
    size_t len = 0;
    ct_err err = ct_file_read(password, CT_REDIS_PASSWORD, &len, path, true, why);
    if (err == CT_OK) {
        password[strcspn(password, "\r\n")] = '\0';
    }
    return err == CT_ERR_NOT_FOUND ? CT_ERR_CONFIG : err;
}

/* The first sentinel that answers says where; the next connection begins with it. */
static ct_err find_master(struct ct_link *l, struct ct_why *why)
{
    char password[CT_REDIS_PASSWORD] = "";
    char host[CT_REDIS_HOST];
    uint16_t port = 0;
    bool has_password = l->sentinel_password_path != NULL;
    ct_err err = has_password ? read_password(password, l->sentinel_password_path, why) : CT_OK;
    size_t tries = err == CT_OK ? l->sentinel_count : 0;
    for (size_t i = 0; i < tries; i++) {
        size_t at = (l->sentinel + i) % l->sentinel_count;
        struct quiet q = begin_quiet();
        err = ct_sentinel_master(host, &port, l->sentinels[at], has_password ? password : NULL,
                                 l->master, why);
        end_quiet(&q, err != CT_OK);
        if (err == CT_OK) {
            (void)snprintf(l->address, sizeof l->address,
                           strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
            l->sentinel = at;
            break;
        }
    }
    ct_wipe(password, sizeof password);
    return err;
}

static ct_err log_in(struct ct_link *l, struct ct_why *why)
{
    char password[CT_REDIS_PASSWORD];
    if (l->password_path == NULL) {
        return CT_OK;
    }
    ct_err err = read_password(password, l->password_path, why);
    if (err == CT_OK) {
        const char *const words[] = {"AUTH", password};
        err = ask_words(l, 2, words, why);
    }
    ct_wipe(password, sizeof password);
    if (err == CT_ERR_SYSTEM) {
        return ct_why(why, CT_ERR_CONFIG, "the Redis at %s refuses the password of %s", l->address,
                      l->password_path);
    }
    return err;
}

static bool is_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS;
}

static ct_err require(struct ct_link *l, const char *name, const char *value, struct ct_why *why)
{
    const char *const words[] = {"CONFIG", "GET", name};
    ct_err err = ask_words(l, 3, words, why);
    if (err != CT_OK) {
        ct_why_prefix(why, "cannot see whether it keeps what it acknowledges");
        return err == CT_ERR_SYSTEM ? CT_ERR_CONFIG : err;
    }
    const redisReply *r = l->reply;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || !is_text(r->element[1])) {
        return ct_why(why, CT_ERR_CONFIG, "the Redis at %s does not tell its setting %s",
                      l->address, name);
    }
    if (strcmp(r->element[1]->str, value) != 0) {
        return ct_why(why, CT_ERR_CONFIG,
                      "the Redis at %s has %s %.40s, and could forget used tokens and payments; "
                      "set %s %s",
                      l->address, name, r->element[1]->str, name, value);
    }
    return CT_OK;
}

/* A store must be on disk before it says yes, and may drop nothing to make room. */
static ct_err require_durable(struct ct_link *l, struct ct_why *why)
{
    static const char *const settings[][2] = {{"appendonly", "yes"},
                                              {"appendfsync", "always"},
                                              {"no-appendfsync-on-rewrite", "no"},
                                              {"maxmemory-policy", "noeviction"}};
    ct_err err = CT_OK;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && err == CT_OK; i++) {
        err = require(l, settings[i][0], settings[i][1], why);
    }
    return err;
}

/* A sentinel may not have heard yet, and an old master may have come back as a replica. */
static ct_err require_master(struct ct_link *l, struct ct_why *why)
{
    const char *const words[] = {"ROLE"};
    ct_err err = ask_words(l, 1, words, why);
    if (err != CT_OK) {
        return err;
    }
    const redisReply *r = l->reply;
    bool is_master = r->type == REDIS_REPLY_ARRAY && r->elements > 0 && is_text(r->element[0]) &&
                     strcmp(r->element[0]->str, "master") == 0;
    return is_master ? CT_OK
                     : ct_why(why, CT_ERR_AGAIN, "the Redis at %s is no master", l->address);
}

static ct_err connected(struct ct_link *l, struct ct_why *why)
{
    unsigned age = atomic_load(l->age);
    if (l->redis != NULL && l->made_at == age) {
        return CT_OK;
    }
    disconnect(l);
    l->made_at = age;
    ct_err err = l->sentinel_count > 0 ? find_master(l, why) : CT_OK;
    if (err == CT_OK) {
        err = dial(l, why);
    }
    if (err == CT_OK) {
        err = log_in(l, why);
    }
    if (err == CT_OK && l->sentinel_count > 0) {
        err = require_master(l, why);
    }
    if (err == CT_OK) {
        err = require_durable(l, why);
    }
    if (err != CT_OK) {
        disconnect(l);
    }
    return err;
}

/* ---- calls ---- */

static void pause_ms(uint32_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
}

/*
 * Until so many replicas have what the server had when it answered (WAIT goes by the offset of this
 * connection's last command, whether that wrote or only read). The reply stays.
 */
static ct_err replicated(struct ct_link *l, struct ct_why *why)
{
    char number[12];
    (void)snprintf(number, sizeof number, "%u", l->replicas);
    const char *const words[] = {"WAIT", number, REPLICAS_MS};
    const size_t lens[] = {4, strlen(number), sizeof REPLICAS_MS - 1};
    redisReply *r = exchange(l->redis, 3, words, lens);
    long long have = r != NULL && r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
    if (r != NULL) {
        freeReplyObject(r);
    }
    if (have >= (long long)l->replicas) {
        return CT_OK;
    }
    ct_err err = ct_why(why, CT_ERR_AGAIN,
                        "only %lld replicas of the Redis at %s have the change, and %u must", have,
                        l->address, l->replicas);
    if (r == NULL || l->sentinel_count > 0) { /* perhaps it was cut off, and another is master */
        lose(l);
    }
    return err;
}

static ct_err call(struct ct_link *l, size_t count, const char *const *words, const size_t *lens,
                   bool changes, struct ct_why *why)
{
    uint64_t until_ms = ct_mono_ms() + RETRY_MS;
    uint32_t pause = FIRST_PAUSE_MS;
    for (;;) {
        ct_err err = connected(l, why);
        if (err == CT_OK) {
            err = ask(l, count, words, lens, why);
        }
        if (err == CT_OK && changes && l->replicas > 0) {
            err = replicated(l, why);
        }
        if (err != CT_ERR_AGAIN) {
            l->away = false;
            return err;
        }
        if (l->sentinel_count > 0) { /* what this one said was of no use: another may know better */
            l->sentinel = (l->sentinel + 1) % l->sentinel_count;
        }
        if (l->away || ct_mono_ms() + pause > until_ms) {
            l->away = true;
            return err;
        }
        pause_ms(pause);
        pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
    }
}

ct_err ct_link_call(struct ct_link *l, size_t count, const char *const *words, const size_t *lens,
                    struct ct_why *why)
{
    return call(l, count, words, lens, false, why);
}

ct_err ct_link_change(struct ct_link *l, size_t count, const char *const *words, const size_t *lens,
                      struct ct_why *why)
{
    return call(l, count, words, lens, true, why);
}

const char *ct_link_address(const struct ct_link *l)
{
    return l->address;
}

/* ---- opening and closing ---- */

/* NULL stays NULL; false: no memory. */
static bool copy_text(char **out, const char *text)
{
    *out = text == NULL ? NULL : strdup(text);
    return text == NULL || *out != NULL;
}

static bool copy_place(struct ct_link *l, const struct ct_redis_place *place)
{
    bool good = copy_text(&l->password_path, place->password_path) &&
                copy_text(&l->master, place->master) &&
                copy_text(&l->sentinel_password_path, place->sentinel_password_path);
    l->replicas = place->replicas;
    if (place->address != NULL) { /* a longer one is none */
        (void)snprintf(l->address, sizeof l->address, "%s", place->address);
        return good;
    }
    (void)snprintf(l->address, sizeof l->address, "the sentinels' master");
    l->sentinels = calloc(place->sentinel_count, sizeof *l->sentinels);
    for (size_t i = 0; l->sentinels != NULL && i < place->sentinel_count && good; i++) {
        good = copy_text(&l->sentinels[i], place->sentinels[i]);
        l->sentinel_count = i + 1;
    }
    return good && l->sentinels != NULL;
}

static struct ct_link *new_link(const struct ct_redis_place *place, atomic_uint *age,
                                struct ct_why *why)
{
    struct ct_link *l = calloc(1, sizeof *l);
    if (l == NULL || !copy_place(l, place)) {
        ct_link_close(l);
        (void)ct_why(why, CT_ERR_NOMEM, "out of memory");
        return NULL;
    }
    l->age = age != NULL ? age : &l->own_age;
    return l;
}

ct_err ct_link_new(struct ct_link **out, const struct ct_redis_place *place, atomic_uint *age,
                   struct ct_why *why)
{
    *out = new_link(place, age, why);
    return *out == NULL ? CT_ERR_NOMEM : CT_OK;
}

ct_err ct_link_open(struct ct_link **out, const struct ct_redis_place *place, struct ct_why *why)
{
    static const char *const words[] = {"PING"};
    static const size_t lens[] = {4};
    struct ct_link *l = new_link(place, NULL, why);
    ct_err err = l == NULL ? CT_ERR_NOMEM : ct_link_call(l, 1, words, lens, why);
    if (err != CT_OK) {
        ct_link_close(l);
        return err;
    }
    *out = l;
    return CT_OK;
}

void ct_link_close(struct ct_link *l)
{
    if (l == NULL) {
        return;
    }
    forget_reply(l);
    disconnect(l);
    for (size_t i = 0; i < l->sentinel_count; i++) {
        free(l->sentinels[i]);
    }
    free(l->sentinels);
    free(l->password_path);
    free(l->master);
    free(l->sentinel_password_path);
    free(l);
}

/* ---- replies ---- */

bool ct_link_text(const struct ct_link *l, const char **text, size_t *len)
{
    if (l->reply == NULL || !is_text(l->reply)) {
        return false;
    }
    *text = l->reply->str;
    *len = l->reply->len;
    return true;
}

bool ct_link_table(const struct ct_link *l, size_t columns, size_t *rows)
{
    const redisReply *r = l->reply;
    if (r == NULL || r->type != REDIS_REPLY_ARRAY) {
        return false;
    }
    for (size_t i = 0; i < r->elements; i++) {
        const redisReply *row = r->element[i];
        if (row->type != REDIS_REPLY_ARRAY || row->elements != columns) {
            return false;
        }
        for (size_t j = 0; j < columns; j++) {
            if (!is_text(row->element[j]) && row->element[j]->type != REDIS_REPLY_NIL) {
                return false;
            }
        }
    }
    *rows = r->elements;
    return true;
}

const char *ct_link_cell(const struct ct_link *l, size_t row, size_t column, size_t *len)
{
    const redisReply *cell = l->reply->element[row]->element[column];
    *len = cell->type == REDIS_REPLY_NIL ? 0 : cell->len;
    return cell->type == REDIS_REPLY_NIL ? NULL : cell->str;
}
