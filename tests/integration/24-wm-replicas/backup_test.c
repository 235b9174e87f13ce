/*
 * The SQLite store copied while the server works, and put back later: what was paid in between is
 * not paid again, what was not is.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "paid.h"
#include "platform.h"
#include "scene.h"
#include "wm-server/src/store/store.h"

enum { DEVICES = 10 };
enum who { EARLY, SENT, QUEUED, LATER, NEXT, LEFT, POOLED, AFTER, USED, SPENT };

static const char *server, *admin;
static struct device devices[DEVICES];
static char copy[3][160];

static const char *at(const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", platform.folder, name);
    return path;
}

static int backup(const char *to, char *said, size_t cap)
{
    const char *const argv[] = {admin,         "store", "backup", "--config",
                                platform.conf, "--out", to,       NULL};
    return scene_run(said, cap, argv);
}

/* The copy in the store's place, as a person would: with the server ended. */
static bool put_back(const char *from)
{
    char sh[600];
    (void)snprintf(sh, sizeof sh,
                   "cd %s/wm && rm -f wm.sqlite-wal wm.sqlite-shm && cp %s wm.sqlite",
                   platform.folder, from);
    const char *const argv[] = {"/bin/sh", "-c", sh, NULL};
    char said[512];
    return scene_run(said, sizeof said, argv) == 0;
}

static bool asks(enum who who, struct ct_wm_operation *op)
{
    static const char *const names[DEVICES] = {"early", "sent",   "queued", "later", "next",
                                               "left",  "pooled", "after",  "used",  "spent"};
    return paid_ask(&devices[who], names[who], op);
}

static bool is_paid(enum who who, struct ct_wm_operation *op)
{
    return paid_is_done(&devices[who], op);
}

static bool await_state(enum who who, struct ct_wm_operation *op, int state)
{
    return paid_await(&devices[who], op, state);
}

static unsigned payments(enum who who)
{
    return paid_count(&devices[who]);
}

static void copy_is_made_while_the_server_works(void)
{
    static char said[4096];
    struct stat is;
    struct ct_why why = {{0}};
    struct ct_store *s = NULL;
    struct ct_wm_operation early = {.id = ""}, sent = {.id = ""}, queued = {.id = ""};
    uint64_t taken_s = 0;
    REQUIRE(paid_platform(server, false));
    (void)snprintf(copy[0], sizeof copy[0], "%s", at("first.sqlite"));
    (void)snprintf(copy[1], sizeof copy[1], "%s", at("second.sqlite"));
    (void)snprintf(copy[2], sizeof copy[2], "%s", at("third.sqlite"));
    REQUIRE(platform_run());
    REQUIRE(asks(EARLY, &early) && is_paid(EARLY, &early));
    REQUIRE(asks(SENT, &sent) && await_state(SENT, &sent, CT_WM_SENT));
    /* no block takes it at its fee, and for a higher one, or another, the ether is lacking */
    CHECK(platform_call("anvil_setNextBlockBaseFeePerGas", "[\"0x174876e800\"]"));
    REQUIRE(paid_ether(false));
    REQUIRE(asks(QUEUED, &queued) && await_state(QUEUED, &queued, CT_WM_QUEUED));
    CHECK_EQ(backup(copy[0], said, sizeof said), 0);
    CHECK(strstr(said, "checked") != NULL);
    CHECK(stat(copy[0], &is) == 0 && (is.st_mode & 0777) == 0600);
    CHECK(access(at("first.sqlite.part"), F_OK) != 0);
    CHECK(backup(copy[0], said, sizeof said) != 0); /* nothing is written over */
    CHECK(strstr(said, "File exists") != NULL);
    CHECK(backup(at("none/copy"), said, sizeof said) != 0);
    REQUIRE(ct_store_sqlite(&s, copy[0], &why) == CT_OK);
    struct ct_op op;
    CHECK(s->ops->op_find(s, early.id, &op) == CT_OK && op.state == CT_OP_DONE);
    CHECK(s->ops->op_find(s, sent.id, &op) == CT_OK && op.state == CT_OP_SENT);
    CHECK(s->ops->op_find(s, queued.id, &op) == CT_OK && op.state == CT_OP_QUEUED);
    CHECK(s->ops->copy_find(s, &taken_s) == CT_OK && taken_s + 3600 > ct_wall_s());
    ct_store_free(s);
}

/* Meanwhile one is paid by an attempt that the copy does not know, one is paid, one asks. */
static void what_was_paid_after_the_copy_is_not_paid_again(void)
{
    struct ct_wm_operation op = {.id = ""}, next = {.id = ""};
    REQUIRE(platform.pid > 0);
    CHECK(paid_ether(true));
    CHECK(scene_await(platform.log, "replaced account=funder"));
    CHECK(asks(SENT, &op) && is_paid(SENT, &op));
    CHECK(asks(QUEUED, &op) && is_paid(QUEUED, &op));
    /* dearer than later on: who asks again with a token that is new to the store gets what lacks */
    CHECK(platform_call("anvil_setNextBlockBaseFeePerGas", "[\"0x2540be400\"]"));
    platform_mine();
    CHECK(asks(LATER, &op) && is_paid(LATER, &op));
    CHECK_EQ(platform_end(SIGTERM), 0);
    CHECK(platform_call("anvil_setNextBlockBaseFeePerGas", "[\"0x3b9aca00\"]"));
    platform_mine();

    REQUIRE(put_back(copy[0]));
    REQUIRE(platform_run());
    CHECK(scene_says(platform.log, "payments_found=2 payments_left=0", PAID_WAIT_MS));
    CHECK(scene_says(platform.log, "store_is_a_copy", 1));
    CHECK(asks(EARLY, &op) && is_paid(EARLY, &op));
    CHECK(asks(SENT, &op) && is_paid(SENT, &op));
    CHECK(asks(QUEUED, &op) && is_paid(QUEUED, &op));
    CHECK(asks(LATER, &op) && is_paid(LATER, &op));
    CHECK(asks(NEXT, &next) && is_paid(NEXT, &next)); /* it works on */
    CHECK(next.id[0] != '\0');
    /* long enough for a payment that was lost to be sent again */
    for (int i = 0; i < 30; i++) {
        platform_mine();
        paid_pause(PAID_STEP_MS);
    }
    CHECK_EQ(payments(EARLY), 1);
    CHECK_EQ(payments(SENT), 1);
    CHECK_EQ(payments(QUEUED), 1);
    CHECK_EQ(payments(LATER), 1);
    CHECK_EQ(payments(NEXT), 1);
}

static void what_was_not_paid_is_paid_after_the_copy_is_put_back(void)
{
    static char said[4096];
    struct ct_wm_operation op = {.id = ""};
    REQUIRE(platform.pid > 0);
    REQUIRE(paid_ether(false));
    REQUIRE(asks(LEFT, &op) && await_state(LEFT, &op, CT_WM_QUEUED));
    CHECK_EQ(backup(copy[1], said, sizeof said), 0);
    CHECK_EQ(platform_end(SIGTERM), 0);
    REQUIRE(paid_ether(true) && put_back(copy[1]));
    REQUIRE(platform_run());
    CHECK(scene_says(platform.log, "payments_found=0 payments_left=1", PAID_WAIT_MS));
    CHECK(is_paid(LEFT, &op));
    CHECK_EQ(payments(LEFT), 1);
}

static void payments_under_way_that_the_copy_does_not_know_are_awaited(void)
{
    static char said[8192];
    const char *const argv[] = {platform.server, "run", "--config", platform.conf, NULL};
    struct ct_wm_operation op = {.id = ""};
    REQUIRE(platform.pid > 0);
    REQUIRE(asks(POOLED, &op) && await_state(POOLED, &op, CT_WM_SENT));
    CHECK_EQ(platform_end(SIGKILL), 1000 + SIGKILL);
    REQUIRE(put_back(copy[1]));
    CHECK(scene_run(said, sizeof said, argv) != 0);
    CHECK(strstr(said, "start again when it is") != NULL);
    platform_mine();
    REQUIRE(platform_run());
    CHECK(asks(POOLED, &op) && is_paid(POOLED, &op));
    CHECK(asks(AFTER, &op) && is_paid(AFTER, &op));
    CHECK_EQ(payments(POOLED), 1);
    CHECK_EQ(payments(LEFT), 1);
    CHECK_EQ(payments(AFTER), 1);
    CHECK_EQ(platform_end(SIGTERM), 0);
}

/* No mark on it: by the nonces, then. */
static void file_copied_by_hand_is_noticed_by_the_nonces(void)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    struct ct_wm_operation op = {.id = ""};
    REQUIRE(platform.conf[0] != '\0' && ct_store_sqlite(&s, copy[1], &why) == CT_OK);
    CHECK_EQ(s->ops->copy_settle(s), CT_OK);
    ct_store_free(s);
    REQUIRE(put_back(copy[1]));
    REQUIRE(platform_run());
    CHECK(scene_says(platform.log, "payments_found=1 payments_left=0", PAID_WAIT_MS));
    CHECK(!scene_says(platform.log, "store_is_a_copy", 1));
    CHECK(asks(LEFT, &op) && is_paid(LEFT, &op));
    CHECK_EQ(payments(LEFT), 1);
    CHECK_EQ(platform_end(SIGTERM), 0);
}

/* Both had sent something, and had some ether, when they asked; the second spends after the copy.
 */
static void wallet_in_use_is_paid_what_it_was_not_and_one_of_unknown_ether_is_told(void)
{
    static char said[4096];
    struct ct_wm_operation used = {.id = ""}, spent = {.id = ""};
    struct ct_why why = {{0}};
    REQUIRE(platform.conf[0] != '\0' && platform.pid == 0 && platform_run() && paid_ether(false));
    REQUIRE(device_new(&devices[USED], "used") && device_new(&devices[SPENT], "spent"));
    REQUIRE(platform_make_used(&devices[USED].wallet, 1, 1000));
    REQUIRE(platform_make_used(&devices[SPENT].wallet, 1, 1000));
    platform_mine();
    REQUIRE(asks(USED, &used) && await_state(USED, &used, CT_WM_QUEUED));
    REQUIRE(asks(SPENT, &spent) && spent.id[0] != '\0');
    CHECK_EQ(backup(copy[2], said, sizeof said), 0);
    CHECK_EQ(platform_end(SIGTERM), 0);
    REQUIRE(platform_make_used(&devices[SPENT].wallet, 2, 500));
    REQUIRE(paid_ether(true) && put_back(copy[2]) && platform_run());
    CHECK(scene_says(platform.log, "payments_found=0 payments_left=1 payments_failed=1",
                     PAID_WAIT_MS));
    CHECK(is_paid(USED, &used));
    CHECK_EQ(payments(USED), 1);
    CHECK_EQ(ct_wm_operation_get(devices[SPENT].wm, &spent, spent.id, &why), CT_OK);
    CHECK(spent.state == CT_WM_FAILED && strstr(spent.reason, "ask again") != NULL);
    CHECK_EQ(payments(SPENT), 0);
    CHECK(asks(SPENT, &spent) && spent.id[0] != '\0' && is_paid(SPENT, &spent));
    CHECK_EQ(payments(SPENT), 1);
    CHECK_EQ(platform_end(SIGTERM), 0);
}

static const struct ct_test tests[] = {
    CT_TEST(copy_is_made_while_the_server_works),
    CT_TEST(what_was_paid_after_the_copy_is_not_paid_again),
    CT_TEST(what_was_not_paid_is_paid_after_the_copy_is_put_back),
    CT_TEST(payments_under_way_that_the_copy_does_not_know_are_awaited),
    CT_TEST(file_copied_by_hand_is_noticed_by_the_nonces),
    CT_TEST(wallet_in_use_is_paid_what_it_was_not_and_one_of_unknown_ether_is_told),
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: backup_test WM-SERVER WM-ADMIN\n");
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
