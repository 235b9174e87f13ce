/* The Redis store when its server dies, forgets, or says nonsense; a real redis-server each time.
 */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "ct_test.h"
#include "redis_server.h"
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

static void older_schema_is_taken_over(void)
{
    ct_store_free(open_new());
    CHECK(ct_redis_server_say(&redis, "+OK", "SET chainturn:wm:schema 1"));
    ct_store_free(open_at(redis.address));
    CHECK(!ct_redis_server_say(&redis, ":1", "INCRBY chainturn:wm:schema 0"));
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
