/* The only file that sees hiredis: connecting, proving the server durable, asking again. */
#include "redis_link.h"

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

enum { RETRY_MS = 5000, FIRST_PAUSE_MS = 10, LAST_PAUSE_MS = 500, PASSWORD_MAX = 512 };

/* For connecting, for sending and for receiving. */
static const struct timeval step_time = {.tv_sec = 2};

struct ct_link {
    char *address, *password_path;
    redisContext *redis; /* NULL: not connected */
    redisReply *reply;
    bool away; /* a whole retry was in vain: the next calls try once */
};

/* ---- one command, one reply ---- */

/* hiredis writes with write(2): its SIGPIPE is kept from this thread, and taken if it came. */
static redisReply *exchange(redisContext *redis, size_t count, const char *const *words,
                            const size_t *lens)
{
    const struct timespec now = {0};
    sigset_t sigpipe;
    sigset_t before;
    sigset_t pending;
    (void)sigemptyset(&sigpipe);
    (void)sigaddset(&sigpipe, SIGPIPE);
    (void)sigpending(&pending);
    (void)pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    /* hiredis copies the words; its prototype only lacks the const */
    const char **argv = (const char **)(uintptr_t)words;
    redisReply *reply = redisCommandArgv(redis, (int)count, argv, lens);
    if (reply == NULL && sigismember(&pending, SIGPIPE) == 0) {
        while (sigtimedwait(&sigpipe, NULL, &now) < 0 && errno == EINTR) {
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return reply;
}

static void disconnect(struct ct_link *l)
{
    if (l->redis != NULL) {
        redisFree(l->redis);
        l->redis = NULL;
    }
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
        disconnect(l);
        return err;
    }
    if (l->reply->type != REDIS_REPLY_ERROR) {
        return CT_OK;
    }
    ct_err err = ct_why(why, passes(l->reply->str) ? CT_ERR_AGAIN : CT_ERR_SYSTEM,
                        "the Redis at %s refuses: %.200s", l->address, l->reply->str);
    forget_reply(l);
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

/* Into host and port; false when address is no host:port. */
static bool split(char *host, size_t cap, uint16_t *port, const char *address)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address) {
        return false;
    }
    size_t len = (size_t)(colon - address);
    bool bracketed = address[0] == '[' && address[len - 1] == ']';
    if (bracketed) {
        address++;
        len -= 2;
    }
    char *end = NULL;
    unsigned long number = strtoul(colon + 1, &end, 10);
    if (len == 0 || len >= cap || colon[1] < '1' || colon[1] > '9' || *end != '\0' ||
        number > UINT16_MAX) {
        return false;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return strpbrk(host, bracketed ? "[]/" : "[]/:") == NULL;
}

static ct_err dial(struct ct_link *l, struct ct_why *why)
{
    char host[256];
    uint16_t port = 0;
    if (strncmp(l->address, "unix:/", 6) == 0) {
        l->redis = redisConnectUnixWithTimeout(l->address + 5, step_time);
    } else if (split(host, sizeof host, &port, l->address)) {
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
static ct_err log_in(struct ct_link *l, struct ct_why *why)
{
    char password[PASSWORD_MAX];
    size_t len = 0;
    if (l->password_path == NULL) {
        return CT_OK;
    }
    ct_err err = ct_file_read(password, sizeof password, &len, l->password_path, true, why);
    if (err == CT_OK) {
        password[strcspn(password, "\r\n")] = '\0';
        const char *const words[] = {"AUTH", password};
        err = ask_words(l, 2, words, why);
    }
    ct_wipe(password, sizeof password);
    if (err == CT_ERR_SYSTEM) {
        return ct_why(why, CT_ERR_CONFIG, "the Redis at %s refuses the password of %s", l->address,
                      l->password_path);
    }
    return err == CT_ERR_NOT_FOUND ? CT_ERR_CONFIG : err;
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

static ct_err connected(struct ct_link *l, struct ct_why *why)
{
    if (l->redis != NULL) {
        return CT_OK;
    }
    ct_err err = dial(l, why);
    if (err == CT_OK) {
        err = log_in(l, why);
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

ct_err ct_link_call(struct ct_link *l, size_t count, const char *const *words, const size_t *lens,
                    struct ct_why *why)
{
    uint64_t until_ms = ct_mono_ms() + RETRY_MS;
    uint32_t pause = FIRST_PAUSE_MS;
    for (;;) {
        ct_err err = connected(l, why);
        if (err == CT_OK) {
            err = ask(l, count, words, lens, why);
        }
        if (err != CT_ERR_AGAIN) {
            l->away = false;
            return err;
        }
        if (l->away || ct_mono_ms() + pause > until_ms) {
            l->away = true;
            return err;
        }
        pause_ms(pause);
        pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
    }
}

ct_err ct_link_open(struct ct_link **out, const char *address, const char *password_path,
                    struct ct_why *why)
{
    static const char *const words[] = {"PING"};
    static const size_t lens[] = {4};
    struct ct_link *l = calloc(1, sizeof *l);
    if (l != NULL) {
        l->address = strdup(address);
        l->password_path = password_path == NULL ? NULL : strdup(password_path);
    }
    if (l == NULL || l->address == NULL || (password_path != NULL && l->password_path == NULL)) {
        ct_link_close(l);
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    ct_err err = ct_link_call(l, 1, words, lens, why);
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
    free(l->address);
    free(l->password_path);
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
