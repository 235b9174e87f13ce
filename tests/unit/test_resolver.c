/* Claims about the resolver and the worker under it: caching, rationing, and ending in time. */
/* links: ct_client_inside chainturn ct_kex ct_turn ct_chain ct_base */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "resolver.h"

#include "ct_test.h"
#include "temp_dir.h"

/* Endpoints that refuse at once: whatever is not cached fails as trouble with the chain. */
static const char bundle_text[] =
    "{\"chainturn\":1,\"chain_id\":\"31337\","
    "\"contract\":\"0x00000000000000000000000000000000000c0de0\","
    "\"code_hash\":\"0x1111111111111111111111111111111111111111111111111111111111111111\","
    "\"rpc\":[\"http://127.0.0.1:9\",\"http://127.0.0.1:9/b\",\"http://127.0.0.1:9/c\"],"
    "\"quorum\":2,\"checkpoint\":{\"number\":\"0x0\",\"hash\":"
    "\"0x2222222222222222222222222222222222222222222222222222222222222222\"},\"max_head_age_s\":"
    "120,\"safety_depth\":0,"
    "\"wm\":{\"handshake\":\"http://127.0.0.1:9\",\"tls\":\"https://127.0.0.1:9\"}}";

static struct temp_dir dir;
static struct ct_worker_env env;
static struct ct_worker *worker;
static struct ct_resolver *resolver;

static struct {
    unsigned count, cached, found;
    uint64_t cookies[200];
    ct_err err;
} answers;

static void on_answer(void *owner, uint64_t cookie, const struct ct_found *found, bool is_cached,
                      ct_err err, const char *why)
{
    (void)owner;
    (void)why;
    answers.cookies[answers.count++] = cookie;
    answers.cached += is_cached;
    answers.found += found != NULL;
    answers.err = err;
}

static void set_up(void)
{
    struct ct_why why = {.text = ""};
    memset(&env, 0, sizeof env);
    memset(&answers, 0, sizeof answers);
    CHECK(temp_dir_make(&dir));
    CHECK_EQ(ct_home_init(&env.home, dir.path, &why), CT_OK);
    CHECK_EQ(ct_home_make(&env.home, &why), CT_OK);
    CHECK_EQ(ct_bundle_parse(&env.bundle, bundle_text, strlen(bundle_text), &why), CT_OK);
    CHECK_STR(why.text, "");
    CHECK_EQ(ct_worker_new(&worker, &env), CT_OK);
    CHECK_EQ(
        ct_resolver_new(&resolver, worker, &env.home, env.bundle.deployment32, on_answer, NULL),
        CT_OK);
}

static void tear_down(void)
{
    CHECK(ct_worker_free(worker, -1));
    ct_resolver_free(resolver);
    temp_dir_remove(&dir);
}

static void wait_answers(unsigned count)
{
    struct pollfd fd = {.fd = ct_worker_fd(worker), .events = POLLIN};
    while (answers.count < count && poll(&fd, 1, 60000) > 0) {
        ct_worker_collect(worker, NULL);
    }
    CHECK_EQ(answers.count, count);
}

static void ask(const char *identity, bool is_fresh, bool is_stranger, uint64_t cookie)
{
    ct_resolver_ask(resolver, identity, is_fresh, is_stranger, cookie, ct_mono_ms(), ct_wall_s());
}

static void keep(const char *identity, uint64_t read_s)
{
    struct ct_found found = {.block = 5, .k = 2, .n = 3};
    (void)snprintf(found.identity, sizeof found.identity, "%s", identity);
    found.device.state = CT_RECORD_APPROVED;
    found.relay.state = CT_RECORD_APPROVED;
    found.read_s = read_s;
    ct_home_save_found(&env.home, &found, env.bundle.deployment32);
}

static void a_young_record_is_answered_without_the_chain(void)
{
    set_up();
    keep("door-7", ct_wall_s() - 10);
    CHECK(ct_resolver_cached(resolver, "door-7", ct_wall_s()) != NULL);
    ask("door-7", false, false, 1);
    CHECK_EQ(answers.count, 1); /* at once */
    CHECK_EQ(answers.cached, 1);
    CHECK_EQ(answers.found, 1);
    tear_down();
}

static void an_old_record_is_not_believed(void)
{
    set_up();
    keep("door-7", ct_wall_s() - CT_RESOLVER_TTL_S);
    CHECK(ct_resolver_cached(resolver, "door-7", ct_wall_s()) == NULL);
    ask("door-7", false, false, 1);
    wait_answers(1);
    CHECK_EQ(answers.found, 0);
    CHECK_EQ(answers.err, CT_ERR_CHAIN);
    tear_down();
}

static void a_fresh_one_is_read_whatever_the_cache_says(void)
{
    set_up();
    keep("door-7", ct_wall_s());
    ask("door-7", true, false, 1);
    wait_answers(1);
    CHECK_EQ(answers.err, CT_ERR_CHAIN);
    /* an outage takes nothing out of the cache */
    CHECK(ct_resolver_cached(resolver, "door-7", ct_wall_s()) != NULL);
    tear_down();
}

static void a_name_that_can_be_none_is_refused_without_the_chain(void)
{
    set_up();
    ask("no body!", false, false, 1);
    CHECK_EQ(answers.count, 1);
    CHECK_EQ(answers.err, CT_ERR_ARG);
    CHECK(ct_resolver_cached(resolver, "", ct_wall_s()) == NULL);
    tear_down();
}

static void askers_of_one_name_share_a_look_up_and_each_is_answered(void)
{
    set_up();
    for (uint64_t i = 1; i <= 5; i++) {
        ask("door-7", false, false, i);
    }
    wait_answers(5);
    for (uint64_t i = 1; i <= 5; i++) {
        CHECK_EQ(answers.cookies[i - 1], i);
    }
    tear_down();
}

static void look_ups_for_strangers_are_rationed(void)
{
    set_up();
    uint64_t now_ms = ct_mono_ms() + 1000000;
    char name[16];
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof name, "caller-%u", i);
        ct_resolver_ask(resolver, name, false, true, i, now_ms, ct_wall_s());
    }
    CHECK_EQ(answers.count, 20); /* beyond the burst: refused at once */
    CHECK_EQ(answers.err, CT_ERR_AGAIN);
    ct_resolver_ask(resolver, "caller-40", false, true, 40, now_ms + 100, ct_wall_s());
    CHECK_EQ(answers.count, 20); /* one more a tenth of a second later */
    ct_resolver_ask(resolver, "own", false, false, 41, now_ms, ct_wall_s());
    CHECK_EQ(answers.count, 20); /* our own calls are not rationed */
    wait_answers(42);
    tear_down();
}

/* ---- the worker ---- */

struct stuck {
    struct ct_job job;
    int began; /* a pipe: the job says that it runs */
    int end;   /* and one that the test closes */
};

static void run_stuck(struct ct_job *job, struct ct_worker_env *worker_env)
{
    struct stuck *stuck = (struct stuck *)job;
    char byte;
    (void)worker_env;
    (void)!write(stuck->began, "", 1);
    (void)!read(stuck->end, &byte, 1);
}

static void never_done(struct ct_job *job, void *owner)
{
    (void)owner;
    free(job);
    CHECK(false);
}

static void a_stuck_look_up_does_not_hold_up_the_end(void)
{
    int end[2];
    int begun[2];
    char byte;
    set_up();
    REQUIRE(pipe(end) == 0 && pipe(begun) == 0);
    struct stuck *stuck = calloc(1, sizeof *stuck);
    REQUIRE(stuck != NULL);
    stuck->job.run = run_stuck;
    stuck->job.done = never_done;
    stuck->end = end[0];
    stuck->began = begun[1];
    REQUIRE(ct_worker_submit(worker, &stuck->job) == CT_OK);
    REQUIRE(read(begun[0], &byte, 1) == 1);
    CHECK(!ct_worker_free(worker, -1)); /* returns, though the job does not */
    ct_resolver_free(resolver);
    temp_dir_remove(&dir);
    (void)close(end[1]); /* the thread goes on, and cleans up by itself */
}

static const struct ct_test tests[] = {
    CT_TEST(a_young_record_is_answered_without_the_chain),
    CT_TEST(an_old_record_is_not_believed),
    CT_TEST(a_fresh_one_is_read_whatever_the_cache_says),
    CT_TEST(a_name_that_can_be_none_is_refused_without_the_chain),
    CT_TEST(askers_of_one_name_share_a_look_up_and_each_is_answered),
    CT_TEST(look_ups_for_strangers_are_rationed),
    CT_TEST(a_stuck_look_up_does_not_hold_up_the_end),
};
CT_TEST_MAIN(tests)
