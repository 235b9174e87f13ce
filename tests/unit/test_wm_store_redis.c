/* The Redis store when its server dies, forgets, or says nonsense; a real redis-server each time.
 */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "ct_test.h"
#include "redis_server.h"
#include "wm-server/src/store/redis_link.h"
#include "wm-server/src/store/store.h"

static struct ct_redis_server redis;

static struct ct_store *open_at(const char *address)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    if (ct_store_redis(&s, address, NULL, &why) != CT_OK) {
        printf("    %s\n", why.text);
    }
    return s;
}

static struct ct_store *open_new(void)
{
    CHECK(ct_redis_server_say(&redis, "+OK", "FLUSHALL"));
    return open_at(redis.address);
}

/* Is refused with a sentence that holds the text. */
static void refused(const char *address, const char *password_path, const char *text)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    CHECK_EQ(ct_store_redis(&s, address, password_path, &why), CT_ERR_CONFIG);
    CHECK(s == NULL && strstr(why.text, text) != NULL);
    if (s != NULL || strstr(why.text, text) == NULL) {
        printf("    it said: %s\n", why.text);
    }
    ct_store_free(s);
}

static struct ct_op op_of(const char *subject)
{
    struct ct_op op = {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .payload_len = 8};
    (void)snprintf(op.subject, sizeof op.subject, "%s", subject);
    return op;
}

static const struct ct_txn one_tx = {.nonce = 3, .hash32 = {4}, .raw = {2, 1}, .raw_len = 2};
static const struct ct_token_use first_use = {
    .jti16 = {1}, .batch = "B1", .identity = "a", .wallet20 = {1}};
static const struct ct_token_use second_use = {
    .jti16 = {1}, .batch = "B1", .identity = "a", .wallet20 = {2}};

static void acknowledged_work_survives_a_kill_of_the_server(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_op op = op_of("a");
    struct ct_op got;
    struct ct_txn found;
    CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &first_use), CT_OK);
    CHECK_EQ(s->ops->tx_add(s, &one_tx, (const char(*)[CT_OP_ID]) & op.id, 1), CT_OK);
    ct_redis_server_kill(&redis);
    REQUIRE(ct_redis_server_restart(&redis));
    CHECK_EQ(s->ops->op_find(s, op.id, &got), CT_OK); /* on a new connection */
    CHECK(got.state == CT_OP_SENT && memcmp(got.tx32, one_tx.hash32, 32) == 0);
    CHECK_EQ(s->ops->tx_next(s, one_tx.sender20, UINT64_MAX, &found), CT_OK);
    CHECK_MEM(found.raw, one_tx.raw, one_tx.raw_len);
    CHECK_EQ(s->ops->token_use(s, &second_use), CT_ERR_REPLAY);
    ct_store_free(s);
}

static void *add_op(void *arg)
{
    struct ct_store *s = arg;
    struct ct_op op = op_of("waiting");
    return s->ops->op_add(s, &op) == CT_OK ? arg : NULL;
}

static void step_waits_for_a_server_that_restarts(void)
{
    void *done = NULL;
    bool in_time = false;
    /* a step waits for 5 s: a server that took as long to start has shown nothing */
    for (int i = 0; i < 10 && !in_time; i++) {
        struct ct_store *s = open_new();
        REQUIRE(s != NULL);
        pthread_t thread;
        ct_redis_server_kill(&redis);
        uint64_t began_ms = ct_mono_ms();
        REQUIRE(pthread_create(&thread, NULL, add_op, s) == 0);
        CHECK(ct_redis_server_restart(&redis));
        in_time = ct_mono_ms() - began_ms < 4000;
        CHECK_EQ(pthread_join(thread, &done), 0);
        CHECK(!in_time || done == s);
        ct_store_free(s);
    }
    CHECK(in_time);
}

static void server_that_stays_away_is_given_up(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_op got;
    ct_redis_server_kill(&redis);
    uint64_t began_ms = ct_mono_ms();
    CHECK_EQ(s->ops->op_find(s, "x", &got), CT_ERR_AGAIN);
    CHECK(ct_mono_ms() - began_ms < 30000);
    bool once = false; /* known to be away: tried once, not for 5 s */
    for (int i = 0; i < 10 && !once; i++) {
        began_ms = ct_mono_ms();
        CHECK_EQ(s->ops->op_find(s, "x", &got), CT_ERR_AGAIN);
        once = ct_mono_ms() - began_ms < 2000;
    }
    CHECK(once);
    REQUIRE(ct_redis_server_restart(&redis));
    CHECK_EQ(s->ops->op_find(s, "x", &got), CT_ERR_NOT_FOUND);
    ct_store_free(s);
}

static void lost_connection_is_made_again(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_op op = op_of("a");
    CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    CHECK(ct_redis_server_say(&redis, ":1", "CLIENT KILL TYPE normal SKIPME yes"));
    CHECK_EQ(s->ops->op_move(s, op.id, CT_OP_QUEUED, CT_OP_FAILED, NULL, 0, "x"), CT_OK);
    CHECK(ct_redis_server_say(&redis, ":1", "CLIENT KILL TYPE normal SKIPME yes"));
    CHECK_EQ(s->ops->op_move(s, op.id, CT_OP_QUEUED, CT_OP_FAILED, NULL, 0, "x"), CT_ERR_STATE);
    ct_store_free(s);
}

static bool call(struct ct_link *l, size_t count, const char *const *words)
{
    size_t lens[6];
    for (size_t i = 0; i < count; i++) {
        lens[i] = strlen(words[i]);
    }
    return ct_link_call(l, count, words, lens, NULL) == CT_OK;
}

/* A connection keeps the name that it was given for as long as it lives. */
static bool has_name(struct ct_link *l)
{
    static const char *const words[] = {"CLIENT", "GETNAME"};
    const char *text = NULL;
    size_t len = 0;
    return call(l, 2, words) && ct_link_text(l, &text, &len) && len > 0;
}

/* Where one was lost, another may be master by now, and the rest must not go on asking the old one.
 */
static void one_lost_connection_makes_the_others_anew(void)
{
    static const char *const name[] = {"CLIENT", "SETNAME", "old"};
    static const char *const kill_others[] = {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"};
    const struct ct_redis_place place = {.address = redis.address};
    struct ct_link *a = NULL;
    struct ct_link *b = NULL;
    atomic_uint age = 0;
    REQUIRE(ct_link_new(&a, &place, &age, NULL) == CT_OK);
    REQUIRE(ct_link_new(&b, &place, &age, NULL) == CT_OK);
    CHECK(call(a, 3, name) && call(b, 3, name));
    CHECK(has_name(a) && has_name(b));
    CHECK(call(b, 6, kill_others));
    CHECK(has_name(b)); /* nobody knows of it yet */
    CHECK(!has_name(a));
    CHECK(!has_name(b));
    CHECK(call(a, 3, name) && call(b, 3, name)); /* and that was all: these stay */
    CHECK(has_name(a) && has_name(b));
    ct_link_close(a);
    ct_link_close(b);
}

/* The server did it, the connection broke instead of the answer: asked again, it says the same. */
static void step_whose_answer_is_lost_is_done_once(void)
{
    struct ct_redis_thief thief;
    struct ct_op op = op_of("a");
    struct ct_op got[2];
    size_t count = 0;
    ct_store_free(open_new());
    REQUIRE(ct_redis_thief_start(&thief, &redis, "'op-row'"));
    struct ct_store *s = open_at(thief.address);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, 0, got, 2, &count), CT_OK);
    CHECK_EQ(count, 1);
    CHECK_STR(got[0].id, op.id);
    ct_store_free(s);
    ct_redis_thief_stop(&thief);
    REQUIRE(ct_redis_thief_start(&thief, &redis, "'raw',ARGV[6]"));
    s = open_at(thief.address);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->tx_add(s, &one_tx, (const char(*)[CT_OP_ID]) & op.id, 1), CT_OK);
    CHECK_EQ(s->ops->tx_add(s, &one_tx, (const char(*)[CT_OP_ID]) & op.id, 1), CT_ERR_STATE);
    ct_store_free(s);
    ct_redis_thief_stop(&thief);
}

static void server_that_could_forget_is_refused(void)
{
    static const char *const settings[][3] = {{"appendfsync", "everysec", "always"},
                                              {"no-appendfsync-on-rewrite", "yes", "no"},
                                              {"maxmemory-policy", "allkeys-lru", "noeviction"},
                                              {"appendonly", "no", "yes"}};
    ct_store_free(open_new());
    for (size_t i = 0; i < 4; i++) {
        const char *const *w = settings[i];
        CHECK(ct_redis_server_say(&redis, "+OK", "CONFIG SET %s %s", w[0], w[1]));
        refused(redis.address, NULL, w[0]);
        CHECK(ct_redis_server_say(&redis, "+OK", "CONFIG SET %s %s", w[0], w[2]));
    }
}

static void emptied_server_admits_no_used_token(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_op got;
    CHECK_EQ(s->ops->token_use(s, &first_use), CT_OK);
    CHECK(ct_redis_server_say(&redis, "+OK", "FLUSHALL"));
    CHECK_EQ(s->ops->token_use(s, &second_use), CT_ERR_SYSTEM);
    CHECK_EQ(s->ops->op_find(s, "x", &got), CT_ERR_SYSTEM);
    ct_store_free(s);
}

static void other_schemas_are_refused(void)
{
    ct_store_free(open_new());
    CHECK(ct_redis_server_say(&redis, "+OK", "SET chainturn:wm:schema 999"));
    refused(redis.address, NULL, "schema 999");
    CHECK(ct_redis_server_say(&redis, "+OK", "SET chainturn:wm:schema x"));
    refused(redis.address, NULL, "something else");
    CHECK(ct_redis_server_say(&redis, ":1", "DEL chainturn:wm:schema"));
    refused(redis.address, NULL, "something else");
    CHECK(ct_redis_server_say(&redis, ":1", "LPUSH chainturn:wm:schema 1"));
    refused(redis.address, NULL, "something else");
}

#define OLD_TX "4444444444444444444444444444444444444444444444444444444444444444"
#define OLD_SENDER "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
#define OLD_OP "ffeeddccbbaa99887766554433221100"
#define OLD_TOKEN "11111111111111111111111111111111"

/* As a program of schema 1 left it: one attempt a nonce, no sets to list from. */
static void put_old_rows(void)
{
    static const char *const commands[] = {
        "HSET chainturn:wm:tx:" OLD_TX " hash " OLD_TX " sender " OLD_SENDER
        " nonce 0000000000000007 raw 0201 state 0 block 0 created 6",
        "ZADD chainturn:wm:tx-ops:" OLD_TX " 1 " OLD_OP,
        "ZADD chainturn:wm:sent:" OLD_SENDER " 0 0000000000000007:" OLD_TX,
        "SET chainturn:wm:top:" OLD_SENDER " 0000000000000007",
        "SET chainturn:wm:op-row 1",
        "HSET chainturn:wm:op:" OLD_OP " id " OLD_OP " row 1 kind 1 state 2 subject b wallet "
        "0000000000000000000000000000000000000000 payload 0000000000000000 tx " OLD_TX
        " block 0 reason \"\" created 6",
        "ZADD chainturn:wm:ops:2:1 1 " OLD_OP,
        "ZADD chainturn:wm:ops:2:0 1 " OLD_OP,
        "SET chainturn:wm:under-way:1:b " OLD_OP,
        "HSET chainturn:wm:token:" OLD_TOKEN " batch B1 state 1 identity a wallet "
        "0909090909090909090909090909090909090909 expires 9000 used 10",
        "SADD chainturn:wm:tokens-of:a " OLD_TOKEN,
        "DEL chainturn:wm:listed",
        "SET chainturn:wm:schema 1",
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        CHECK(ct_redis_server_say(&redis, strncmp(commands[i], "SET", 3) == 0 ? "+OK" : ":", "%s",
                                  commands[i]));
    }
}

static void older_schema_is_taken_over(void)
{
    struct ct_txn tx = {.nonce = 0};
    struct ct_txn_slot slots[CT_TXN_ATTEMPTS];
    struct ct_op_end end = {.id = OLD_OP, .state = CT_OP_DONE};
    struct ct_token_use again = {.batch = "B1", .identity = "a", .now_s = 20};
    struct ct_token_row tokens[2];
    struct ct_op op;
    uint8_t sender20[20];
    uint64_t top = 0;
    size_t count = 0;
    ct_store_free(open_new());
    put_old_rows();
    struct ct_store *s = open_at(redis.address);
    REQUIRE(s != NULL);
    CHECK(!ct_redis_server_say(&redis, ":1", "INCRBY chainturn:wm:schema 0"));
    memset(sender20, 0xa0, sizeof sender20);
    memset(again.jti16, 0x11, sizeof again.jti16);
    memset(again.wallet20, 9, sizeof again.wallet20);
    CHECK_EQ(s->ops->token_use(s, &again), CT_OK);
    again.wallet20[0] = 8;
    CHECK_EQ(s->ops->token_use(s, &again), CT_ERR_REPLAY);
    CHECK(s->ops->token_page(s, "B1", NULL, tokens, 2, &count) == CT_OK && count == 1);
    CHECK(s->ops->tx_top(s, sender20, &top) == CT_OK && top == 7);
    REQUIRE(s->ops->tx_next(s, sender20, UINT64_MAX, &tx) == CT_OK);
    CHECK(tx.nonce == 7 && tx.hash32[0] == 0x44 && tx.state == CT_TXN_SENT && tx.attempt == 0);
    CHECK(s->ops->tx_slot(s, sender20, 7, slots, &count) == CT_OK && count == 1);
    struct ct_txn dearer = tx;
    memset(dearer.hash32, 0x66, sizeof dearer.hash32);
    dearer.attempt = 1;
    CHECK_EQ(s->ops->tx_replace(s, tx.hash32, &dearer, "the fee rose"), CT_OK);
    CHECK_EQ(s->ops->tx_close(s, dearer.hash32, CT_TXN_CONFIRMED, 12, &end, 1), CT_OK);
    CHECK_EQ(s->ops->tx_next(s, sender20, UINT64_MAX, &tx), CT_ERR_NOT_FOUND);
    CHECK(s->ops->op_find(s, OLD_OP, &op) == CT_OK && op.state == CT_OP_DONE && op.block == 12);
    ct_store_free(s);
}

static void damaged_records_are_no_data(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_device_row d = {.identity = "a", .relay = 7};
    struct ct_device_row got = {.relay = 5};
    static const char *const bad[][2] = {
        {"relay", "65536"}, {"relay", "-1"}, {"relay", "7x"}, {"block", "18446744073709551616"},
        {"key", "00"},      {"key", "zz"},   {"wallet", "00"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(s->ops->device_put(s, &d), CT_OK);
        CHECK(ct_redis_server_say(&redis, ":0", "HSET chainturn:wm:device:a %s %s", bad[i][0],
                                  bad[i][1]));
        CHECK_EQ(s->ops->device_find(s, "a", &got), CT_ERR_SYSTEM);
    }
    CHECK_EQ(s->ops->device_put(s, &d), CT_OK);
    CHECK(ct_redis_server_say(&redis, ":1", "HDEL chainturn:wm:device:a port"));
    CHECK_EQ(s->ops->device_find(s, "a", &got), CT_ERR_SYSTEM);
    CHECK(ct_redis_server_say(&redis, "+OK", "SET chainturn:wm:device:b text"));
    CHECK_EQ(s->ops->device_find(s, "b", &got), CT_ERR_SYSTEM); /* a key of another type */
    CHECK_EQ(got.relay, 5);
    CHECK_EQ(s->ops->device_put(s, &d), CT_OK);
    CHECK_EQ(s->ops->device_find(s, "a", &got), CT_OK);
    CHECK_EQ(got.relay, 7);
    ct_store_free(s);
}

static bool write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool good =
        fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0;
    (void)close(fd);
    return good;
}

static void password_comes_from_a_private_file(void)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    char path[96];
    (void)snprintf(path, sizeof path, "%s/password", redis.dir.path);
    ct_store_free(open_new());
    refused(redis.address, path, path); /* no such file */
    CHECK(ct_redis_server_say(&redis, "+OK", "CONFIG SET requirepass open-sesame"));
    refused(redis.address, NULL, "NOAUTH");
    CHECK(write_file(path, "open-sesam\n", 0600));
    refused(redis.address, path, "refuses the password");
    CHECK(write_file(path, "open-sesame\n", 0644));
    refused(redis.address, path, path);
    CHECK(write_file(path, "open-sesame\n", 0600));
    CHECK_EQ(ct_store_redis(&s, redis.address, path, &why), CT_OK);
    ct_store_free(s);
    ct_redis_server_kill(&redis); /* which forgets its password */
    CHECK(ct_redis_server_restart(&redis));
}

static void addresses_are_of_two_forms(void)
{
    static const char *const bad[] = {"",      "localhost",   "unix:redis.sock", "redis://a:1",
                                      ":6379", "localhost:0", "localhost:65536", "localhost:1x",
                                      "::1:1", "[]:6379",     "localhost:",      "localhost:+1",
                                      "[:6379"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(bad[i], NULL, "unix:/path or host:port");
    }
    struct ct_store *s = open_at(redis.tcp);
    CHECK(s != NULL);
    ct_store_free(s);
}

static const struct ct_test tests[] = {
    CT_TEST(acknowledged_work_survives_a_kill_of_the_server),
    CT_TEST(step_waits_for_a_server_that_restarts),
    CT_TEST(server_that_stays_away_is_given_up),
    CT_TEST(lost_connection_is_made_again),
    CT_TEST(one_lost_connection_makes_the_others_anew),
    CT_TEST(step_whose_answer_is_lost_is_done_once),
    CT_TEST(server_that_could_forget_is_refused),
    CT_TEST(emptied_server_admits_no_used_token),
    CT_TEST(other_schemas_are_refused),
    CT_TEST(older_schema_is_taken_over),
    CT_TEST(damaged_records_are_no_data),
    CT_TEST(password_comes_from_a_private_file),
    CT_TEST(addresses_are_of_two_forms),
};

int main(void)
{
    if (!ct_redis_server_start(&redis)) {
        return 1;
    }
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    ct_redis_server_stop(&redis);
    return code;
}
