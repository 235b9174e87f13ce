/*
 * The store in a Redis with replicas behind sentinels: what was acknowledged is there after the
 * master was killed, stopped and woken as an old master, or replaced as planned, while requests go
 * on; and a wallet manager works through it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "ct_test.h"
#include "platform.h"
#include "redis_group.h"
#include "scene.h"
#include "wm-server/src/store/store.h"

enum { WRITERS = 3, KEPT_MAX = 200000, FAILOVER_MS = 120000 };

static const char *server;
static struct ct_redis_group group;
static bool is_up;

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static struct ct_redis_place place_of(unsigned replicas)
{
    static const char *sentinels[CT_GROUP_SENTINELS];
    for (size_t i = 0; i < CT_GROUP_SENTINELS; i++) {
        sentinels[i] = group.sentinels[i].address;
    }
    return (struct ct_redis_place){.sentinels = sentinels,
                                   .sentinel_count = CT_GROUP_SENTINELS,
                                   .master = "wm",
                                   .replicas = replicas};
}

static struct ct_store *open_store(unsigned replicas)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    const struct ct_redis_place place = place_of(replicas);
    ct_err err = ct_store_redis_at(&s, &place, &why);
    if (err != CT_OK) {
        printf("    %s\n", why.text);
    }
    return err == CT_OK ? s : NULL;
}

/* ---- requests that go on ---- */

static struct writer {
    pthread_t thread;
    struct ct_store *store;
    unsigned number, failed;
    unsigned kept; /* acknowledged so far */
    char (*ids)[CT_OP_ID];
} writers[WRITERS];
static atomic_bool ending;
static atomic_uint acknowledged;

static void *write_on(void *arg)
{
    struct writer *w = arg;
    while (!atomic_load(&ending) && w->kept < KEPT_MAX) {
        struct ct_op op = {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .payload_len = 4};
        (void)snprintf(op.subject, sizeof op.subject, "w%u-%u-%u", w->number, w->kept, w->failed);
        if (w->store->ops->op_add(w->store, &op) == CT_OK) {
            memcpy(w->ids[w->kept++], op.id, CT_OP_ID);
            (void)atomic_fetch_add(&acknowledged, 1);
        } else {
            w->failed++;
        }
        pause_ms(1);
    }
    return NULL;
}

static bool begin_writing(unsigned replicas)
{
    bool good = true;
    atomic_store(&ending, false);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.number = i, .store = open_store(replicas)};
        writers[i].ids = calloc(KEPT_MAX, sizeof *writers[i].ids);
        good = good && writers[i].store != NULL && writers[i].ids != NULL &&
               pthread_create(&writers[i].thread, NULL, write_on, &writers[i]) == 0;
    }
    return good;
}

/* So many more acknowledged ones. */
static bool await_more(unsigned count)
{
    unsigned from = atomic_load(&acknowledged);
    for (uint64_t until_ms = ct_mono_ms() + FAILOVER_MS; ct_mono_ms() < until_ms; pause_ms(10)) {
        if (atomic_load(&acknowledged) >= from + count) {
            return true;
        }
    }
    return false;
}

static void end_writing(const char *what)
{
    unsigned kept = 0, lost = 0, failed = 0;
    struct ct_op op;
    atomic_store(&ending, true);
    for (unsigned i = 0; i < WRITERS; i++) {
        struct writer *w = &writers[i];
        (void)pthread_join(w->thread, NULL);
        for (unsigned j = 0; j < w->kept; j++) {
            lost += w->store->ops->op_find(w->store, w->ids[j], &op) != CT_OK;
        }
        kept += w->kept;
        failed += w->failed;
        ct_store_free(w->store);
        free(w->ids);
    }
    printf("    %s: %u steps acknowledged, %u refused meanwhile, %u lost\n", what, kept, failed,
           lost);
    CHECK_EQ(lost, 0);
}

/* ---- claims ---- */

static void group_is_up(void)
{
    is_up = ct_redis_group_start(&group);
    REQUIRE(is_up);
    CHECK(ct_redis_group_master(&group) == &group.nodes[0]);
}

static void master_is_found_by_any_sentinel(void)
{
    struct ct_why why = {{0}};
    struct ct_store *s = NULL;
    REQUIRE(is_up);
    const char *const mixed[] = {"127.0.0.1:1", group.nodes[0].address, group.sentinels[2].address};
    const struct ct_redis_place place = {
        .sentinels = mixed, .sentinel_count = 3, .master = "wm", .replicas = 1};
    CHECK_EQ(ct_store_redis_at(&s, &place, &why), CT_OK); /* one is away, one is no sentinel */
    ct_store_free(s);
    s = NULL;
    const char *const none[] = {"127.0.0.1:1"};
    const struct ct_redis_place away = {.sentinels = none, .sentinel_count = 1, .master = "wm"};
    CHECK_EQ(ct_store_redis_at(&s, &away, &why), CT_ERR_AGAIN);
    CHECK(strstr(why.text, "cannot reach the sentinel at 127.0.0.1:1") != NULL);
    const char *const one[] = {group.sentinels[0].address};
    const struct ct_redis_place other = {.sentinels = one, .sentinel_count = 1, .master = "mw"};
    CHECK_EQ(ct_store_redis_at(&s, &other, &why), CT_ERR_AGAIN);
    CHECK(strstr(why.text, "knows no master named mw") != NULL);
    const char *const bad[] = {"localhost"};
    const struct ct_redis_place wrong = {.sentinels = bad, .sentinel_count = 1, .master = "wm"};
    CHECK_EQ(ct_store_redis_at(&s, &wrong, &why), CT_ERR_CONFIG);
    CHECK(s == NULL);
}

static void change_that_too_few_replicas_have_is_not_acknowledged(void)
{
    struct ct_op op = {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .subject = "few"};
    struct ct_op got;
    REQUIRE(is_up);
    struct ct_store *s = open_store(2);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    const struct ct_group_node *replica = &group.nodes[2];
    replica = ct_redis_group_master(&group) == replica ? &group.nodes[1] : replica;
    CHECK_EQ(kill(replica->pid, SIGSTOP), 0);
    struct ct_op more = {.kind = CT_OP_REGISTER, .state = CT_OP_QUEUED, .subject = "more"};
    CHECK_EQ(s->ops->op_add(s, &more), CT_ERR_AGAIN);
    CHECK_EQ(s->ops->op_find(s, op.id, &got), CT_OK); /* reading asks for none */
    CHECK_EQ(kill(replica->pid, SIGCONT), 0);
    CHECK(ct_redis_group_replicas(&group, 2, FAILOVER_MS));
    /* the one that was there already counts only with its replicas, too */
    CHECK_EQ(s->ops->op_add(s, &more), CT_OK);
    ct_store_free(s);
}

static void report(const char *what, uint64_t began_ms)
{
    printf("    %s: another master after %llu ms\n", what,
           (unsigned long long)(ct_mono_ms() - began_ms));
}

/* With one replica's word requests go on as soon as there is another master; that one has most. */
static void acknowledged_work_survives_a_kill_of_the_master(void)
{
    REQUIRE(is_up && begin_writing(1));
    CHECK(await_more(200));
    struct ct_group_node *killed = ct_redis_group_master(&group);
    REQUIRE(killed != NULL);
    uint64_t began_ms = ct_mono_ms();
    ct_redis_node_kill(killed);
    CHECK(ct_redis_group_await(&group, killed, FAILOVER_MS) != NULL);
    report("the master killed", began_ms);
    CHECK(await_more(200));
    end_writing("one of two replicas");
    CHECK(ct_redis_node_restart(&group, killed));
    CHECK(ct_redis_group_replicas(&group, 2, FAILOVER_MS));
}

/*
 * With the word of all replicas, whoever becomes master has it: also when the old one goes on for a
 * while beside the new one. Until all are there again, changes are refused.
 */
static void acknowledged_work_survives_every_failover_when_all_replicas_have_it(void)
{
    char reply[256];
    REQUIRE(is_up && begin_writing(2));
    CHECK(await_more(200));
    struct ct_group_node *old = ct_redis_group_master(&group);
    REQUIRE(old != NULL);
    uint64_t began_ms = ct_mono_ms();
    CHECK_EQ(kill(old->pid, SIGSTOP), 0); /* it wakes up as a master, for a moment */
    struct ct_group_node *next = ct_redis_group_await(&group, old, FAILOVER_MS);
    CHECK(next != NULL);
    report("the master stopped", began_ms);
    CHECK_EQ(kill(old->pid, SIGCONT), 0);
    CHECK(ct_redis_group_replicas(&group, 2, FAILOVER_MS));
    CHECK(await_more(200));
    began_ms = ct_mono_ms();
    CHECK(ct_redis_node_say(&group.sentinels[0], "SENTINEL FAILOVER wm", reply, sizeof reply));
    CHECK(ct_redis_group_await(&group, next, FAILOVER_MS) != NULL);
    report("the master replaced as planned", began_ms);
    CHECK(await_more(200));
    end_writing("all replicas");
    CHECK(ct_redis_group_replicas(&group, 2, FAILOVER_MS));
}

/* By the server itself; asked until it is answered. */
static void wallet_manager_works_through_a_failover(void)
{
    static char line[512];
    static struct device before, during;
    struct ct_wm_operation op;
    struct ct_device record;
    REQUIRE(is_up && platform_start(server, false));
    (void)snprintf(line, sizeof line,
                   "sentinel = %s\nsentinel = %s\nsentinel = %s\nsentinel-master = wm\n"
                   "lease-ms = 1000\n",
                   group.sentinels[0].address, group.sentinels[1].address,
                   group.sentinels[2].address);
    REQUIRE(platform_set("path = wm.sqlite\n", line));
    REQUIRE(platform_set("window-ms = 250", "window-ms = 50"));
    REQUIRE(platform_run());
    REQUIRE(device_new(&before, "before") && device_new(&during, "during"));
    CHECK_EQ(device_ask_registration(&before, &op), CT_OK); /* acknowledged, and then: */
    struct ct_group_node *old = ct_redis_group_master(&group);
    REQUIRE(old != NULL);
    ct_redis_node_kill(old);
    struct ct_wm_operation next;
    ct_err err = CT_ERR_AGAIN;
    for (uint64_t until_ms = ct_mono_ms() + FAILOVER_MS; err != CT_OK && ct_mono_ms() < until_ms;) {
        err = device_try_registration(&during, &next);
    }
    CHECK_EQ(err, CT_OK);
    for (uint64_t until_ms = ct_mono_ms() + FAILOVER_MS; ct_mono_ms() < until_ms; pause_ms(100)) {
        if (device_record(&before, &record) == CT_OK && record.state == CT_RECORD_APPROVED &&
            device_record(&during, &record) == CT_OK && record.state == CT_RECORD_APPROVED) {
            break;
        }
    }
    CHECK(device_record(&before, &record) == CT_OK && record.state == CT_RECORD_APPROVED);
    CHECK(device_record(&during, &record) == CT_OK && record.state == CT_RECORD_APPROVED);
    CHECK_EQ(record.sequence, 1);
    device_close(&before);
    device_close(&during);
    CHECK_EQ(platform_end(SIGTERM), 0);
    platform_stop();
}

static const struct ct_test tests[] = {
    CT_TEST(group_is_up),
    CT_TEST(master_is_found_by_any_sentinel),
    CT_TEST(change_that_too_few_replicas_have_is_not_acknowledged),
    CT_TEST(acknowledged_work_survives_a_kill_of_the_master),
    CT_TEST(acknowledged_work_survives_every_failover_when_all_replicas_have_it),
    CT_TEST(wallet_manager_works_through_a_failover),
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: sentinel_test WM-SERVER\n");
        return 2;
    }
    server = argv[1];
    (void)signal(SIGPIPE, SIG_IGN);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    ct_redis_group_stop(&group);
    return code;
}
