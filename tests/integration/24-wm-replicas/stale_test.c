/*
 * A store's files as they were at an earlier moment, put back by hand, thus without a mark: what
 * was paid since is not paid again, not even where the nonces look alike. And each payment that is
 * settled so is in the audit log.
 */
#include <signal.h>
#include <stdlib.h>

#include "ct_test.h"
#include "paid.h"
#include "scene.h"

enum who { FIRST, RAISED, NEXT, DEVICES };

static const char *server, *admin;
static bool on_redis;
static struct device devices[DEVICES];
static struct ct_wm_operation ops[DEVICES];

static bool asks(enum who who, struct ct_wm_operation *op)
{
    static const char *const names[DEVICES] = {"first", "raised", "next"};
    return paid_ask(&devices[who], names[who], op);
}

static bool shell(const char *command)
{
    char said[1024];
    const char *const argv[] = {"/bin/sh", "-ec", command, NULL};
    bool good = scene_run(said, sizeof said, argv) == 0;
    if (!good) {
        printf("    %s\n", said);
    }
    return good;
}

/* Both with the wallet manager ended. */
static bool keep_files(void)
{
    char sh[600];
    if (!on_redis) {
        (void)snprintf(sh, sizeof sh, "cd %s; rm -rf kept; mkdir kept; cp wm/wm.sqlite* kept",
                       platform.folder);
        return shell(sh);
    }
    ct_redis_server_kill(&platform.redis);
    (void)snprintf(sh, sizeof sh, "cd %s; rm -rf kept; cp -r %s/appendonlydir kept",
                   platform.folder, platform.redis.dir.path);
    return shell(sh) && ct_redis_server_restart(&platform.redis);
}

static bool put_back(void)
{
    char sh[600];
    if (!on_redis) {
        (void)snprintf(sh, sizeof sh, "cd %s; rm wm/wm.sqlite*; cp kept/* wm", platform.folder);
        return shell(sh);
    }
    ct_redis_server_kill(&platform.redis);
    (void)snprintf(sh, sizeof sh, "cd %s; rm -r %s/appendonlydir; cp -r kept %s/appendonlydir",
                   platform.folder, platform.redis.dir.path, platform.redis.dir.path);
    return shell(sh) && ct_redis_server_restart(&platform.redis);
}

/* The lines of the audit log that say so of that operation. */
static unsigned lines(const char *what, const char *operation)
{
    static char text[1 << 18];
    char path[160], event[80];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "%s/wm/audit.log", platform.folder);
    (void)snprintf(event, sizeof event, "\"%s\"", what);
    if (!scene_read(text, sizeof text, path)) {
        return UINT32_MAX;
    }
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        count += strstr(line, event) != NULL && strstr(line, operation) != NULL;
    }
    return count;
}

/* Nothing was sent by this account when the files were kept. */
static void first_payment_is_not_made_again_from_files_of_before_it(void)
{
    struct ct_wm_operation op = {.id = ""};
    REQUIRE(paid_platform(server, on_redis) && platform_run());
    REQUIRE(paid_ether(false) && asks(FIRST, &ops[FIRST]));
    REQUIRE(paid_await(&devices[FIRST], &ops[FIRST], CT_WM_QUEUED));
    REQUIRE(platform_end(SIGTERM) == 0 && keep_files());
    REQUIRE(paid_ether(true) && platform_run());
    op = ops[FIRST];
    CHECK(paid_is_done(&devices[FIRST], &op));
    CHECK_EQ(lines("funding_paid", ops[FIRST].id), 1);

    REQUIRE(platform_end(SIGTERM) == 0 && put_back() && platform_run());
    CHECK(scene_says(platform.log, "payments_found=1 payments_left=0", PAID_WAIT_MS));
    op = ops[FIRST];
    CHECK(paid_is_done(&devices[FIRST], &op));
    CHECK_EQ(paid_count(&devices[FIRST]), 1);
}

static void payment_that_a_restore_settled_is_in_the_audit_log(void)
{
    REQUIRE(platform.pid > 0);
    CHECK_EQ(lines("funding_paid", ops[FIRST].id), 2); /* by each of the two stores */
    CHECK_EQ(lines("store_restored", "\"found\":\"1\""), 1);
}

/* The files know the nonce, but not the dearer attempt that was mined at it. */
static void payment_is_not_made_again_from_files_of_before_a_higher_fee(void)
{
    struct ct_wm_operation op = {.id = ""};
    REQUIRE(platform.pid > 0);
    REQUIRE(asks(RAISED, &ops[RAISED]));
    REQUIRE(paid_await(&devices[RAISED], &ops[RAISED], CT_WM_SENT));
    REQUIRE(platform_end(SIGTERM) == 0 && keep_files());
    /* no block takes it at its fee */
    CHECK(platform_call("anvil_setNextBlockBaseFeePerGas", "[\"0x174876e800\"]"));
    platform_mine();
    REQUIRE(platform_run() && scene_await(platform.log, "replaced account=funder"));
    op = ops[RAISED];
    CHECK(paid_is_done(&devices[RAISED], &op));

    REQUIRE(platform_end(SIGTERM) == 0 && put_back() && platform_run());
    op = ops[RAISED];
    CHECK(paid_is_done(&devices[RAISED], &op));
    CHECK(asks(NEXT, &ops[NEXT]) && paid_is_done(&devices[NEXT], &ops[NEXT])); /* it works on */
    CHECK(ops[NEXT].id[0] != '\0');
    CHECK_EQ(paid_count(&devices[FIRST]), 1);
    CHECK_EQ(paid_count(&devices[RAISED]), 1);
    CHECK_EQ(paid_count(&devices[NEXT]), 1);
    CHECK_EQ(lines("funding_paid", ops[RAISED].id), 2);
}

static void audit_log_holds_after_all_of_it(void)
{
    REQUIRE(platform.pid > 0);
    CHECK_EQ(platform_end(SIGTERM), 0);
    CHECK(platform_audit_holds(admin));
}

static const struct ct_test tests[] = {
    CT_TEST(first_payment_is_not_made_again_from_files_of_before_it),
    CT_TEST(payment_that_a_restore_settled_is_in_the_audit_log),
    CT_TEST(payment_is_not_made_again_from_files_of_before_a_higher_fee),
    CT_TEST(audit_log_holds_after_all_of_it),
};

int main(int argc, char **argv)
{
    on_redis = argc == 4 && strcmp(argv[3], "--redis") == 0;
    if (argc != 3 && !on_redis) {
        (void)fprintf(stderr, "usage: stale_test WM-SERVER WM-ADMIN [--redis]\n");
        return 2;
    }
    server = argv[1];
    admin = argv[2];
    (void)signal(SIGPIPE, SIG_IGN);
    int code = ct_test_main(tests, sizeof tests / sizeof tests[0]);
    for (size_t i = 0; i < DEVICES; i++) {
        device_close(&devices[i]);
    }
    platform_stop();
    return code;
}
