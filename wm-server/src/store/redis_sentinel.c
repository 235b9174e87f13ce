/* One question to one sentinel. hiredis has no client of its own for that; this and redis_link.c
 * alone see it. */
#include "store/redis_sentinel.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* For connecting, for sending and for receiving. */
static const struct timeval step_time = {.tv_sec = 1};

static bool port_of(uint16_t *port, const char *text)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '1' || text[0] > '9' || *end != '\0' || number > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

bool ct_redis_split(char host[CT_REDIS_HOST], uint16_t *port, const char *address)
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
    if (len == 0 || len >= CT_REDIS_HOST || !port_of(port, colon + 1)) {
        return false;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    return strpbrk(host, bracketed ? "[]/" : "[]/:") == NULL;
}

/* host and port out of the answer; nil: there is no such master. */
static ct_err read_answer(char host[CT_REDIS_HOST], uint16_t *port, const redisReply *r,
                          const char *sentinel, const char *master, struct ct_why *why)
{
    if (r->type == REDIS_REPLY_NIL) {
        return ct_why(why, CT_ERR_AGAIN, "the sentinel at %s knows no master named %s", sentinel,
                      master);
    }
    if (r->type == REDIS_REPLY_ERROR) {
        return ct_why(why, CT_ERR_AGAIN, "the sentinel at %s refuses: %.200s", sentinel, r->str);
    }
    bool good =
        r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
        r->element[0]->type == REDIS_REPLY_STRING && r->element[1]->type == REDIS_REPLY_STRING &&
        r->element[0]->len > 0 && r->element[0]->len < CT_REDIS_HOST &&
        strlen(r->element[0]->str) == r->element[0]->len && port_of(port, r->element[1]->str);
    if (!good) {
        return ct_why(why, CT_ERR_AGAIN, "what answers at %s is no sentinel", sentinel);
    }
    memcpy(host, r->element[0]->str, r->element[0]->len + 1);
    return CT_OK;
}

static ct_err ask(redisContext *redis, char host[CT_REDIS_HOST], uint16_t *port,
                  const char *sentinel, const char *password, const char *master,
                  struct ct_why *why)
{
    if (password != NULL) {
        redisReply *r = redisCommand(redis, "AUTH %s", password);
        bool good = r != NULL && r->type == REDIS_REPLY_STATUS;
        if (r != NULL) {
            freeReplyObject(r);
        }
        if (!good) {
            return ct_why(why, CT_ERR_AGAIN, "the sentinel at %s refuses its password", sentinel);
        }
    }
    redisReply *r = redisCommand(redis, "SENTINEL get-master-addr-by-name %s", master);
    if (r == NULL) {
        return ct_why(why, CT_ERR_AGAIN, "the sentinel at %s does not answer: %s", sentinel,
                      redis->errstr);
    }
    ct_err err = read_answer(host, port, r, sentinel, master, why);
    freeReplyObject(r);
    return err;
}

ct_err ct_sentinel_master(char host[CT_REDIS_HOST], uint16_t *port, const char *sentinel,
                          const char *password, const char *master, struct ct_why *why)
{
    char at[CT_REDIS_HOST];
    uint16_t at_port = 0;
    if (!ct_redis_split(at, &at_port, sentinel)) {
        return ct_why(why, CT_ERR_CONFIG, "\"%s\" is no address of a sentinel; write host:port",
                      sentinel);
    }
    redisContext *redis = redisConnectWithTimeout(at, at_port, step_time);
    if (redis == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    if (redis->err != 0) {
        ct_err err = ct_why(why, CT_ERR_AGAIN, "cannot reach the sentinel at %s: %s", sentinel,
                            redis->errstr);
        redisFree(redis);
        return err;
    }
    (void)fcntl(redis->fd, F_SETFD, FD_CLOEXEC);
    ct_err err = redisSetTimeout(redis, step_time) == REDIS_OK
                     ? ask(redis, host, port, sentinel, password, master, why)
                     : ct_why(why, CT_ERR_SYSTEM, "cannot limit the time of %s", sentinel);
    redisFree(redis);
    return err;
}
