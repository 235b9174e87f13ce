/* Operations in the store: one of a kind for a subject, found again, there after a kill. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wm_rows.h"
#include "wm_store.h"
#include "wm-server/src/tx/held.h"

static void operation_under_way_is_found_again(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_op first = op_of("a", 1, 1);
    struct ct_op same = op_of("a", 1, 1);
    struct ct_op newer = op_of("a", 1, 2);
    struct ct_op foreign = op_of("a", 2, 1);
    struct ct_op got;
    CHECK_EQ(s->ops->op_add(s, &first), CT_OK);
    CHECK_EQ(strlen(first.id), 32);
    CHECK_EQ(s->ops->op_add(s, &same), CT_OK);
    CHECK_STR(same.id, first.id);
    CHECK_EQ(s->ops->op_add(s, &newer), CT_OK);
    CHECK_STR(newer.id, first.id);
    CHECK_EQ(s->ops->op_find(s, first.id, &got), CT_OK);
    CHECK_EQ(got.payload[0], 2); /* not sent yet: it takes the newer one */
    CHECK_EQ(s->ops->op_add(s, &foreign), CT_ERR_STATE);
    CHECK_EQ(s->ops->op_find(s, "nothing", &got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->op_under_way(s, CT_OP_REGISTER, "a", &got), CT_OK);
    CHECK_STR(got.id, first.id);
    CHECK_EQ(s->ops->op_under_way(s, CT_OP_REVOKE_DEVICE, "a", &got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->op_under_way(s, CT_OP_REGISTER, "b", &got), CT_ERR_NOT_FOUND);
    ct_store_free(s);
}

static void operation_moves_only_from_the_state_it_is_in(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_op op = op_of("a", 1, 1);
    struct ct_op got;
    CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    CHECK_EQ(s->ops->op_move(s, op.id, CT_OP_CHECKING, CT_OP_FAILED, NULL, 0, "x"), CT_ERR_STATE);
    CHECK_EQ(s->ops->op_move(s, op.id, CT_OP_QUEUED, CT_OP_FAILED, NULL, 0, "because"), CT_OK);
    CHECK_EQ(s->ops->op_find(s, op.id, &got), CT_OK);
    CHECK_EQ(got.state, CT_OP_FAILED);
    CHECK_STR(got.reason, "because");
    CHECK_EQ(s->ops->op_under_way(s, CT_OP_REGISTER, "a", &got), CT_ERR_NOT_FOUND);
    struct ct_op next = op_of("a", 2, 1); /* the name is free again */
    CHECK_EQ(s->ops->op_add(s, &next), CT_OK);
    CHECK(strcmp(next.id, op.id) != 0);
    ct_store_free(s);
}

static void operations_are_listed_oldest_first(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_op got[3];
    size_t count = 0;
    for (int i = 0; i < 12; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", 12 - i);
        struct ct_op op = op_of(name, 1, 1);
        op.kind = i == 0 ? CT_OP_REVOKE_DEVICE : CT_OP_REGISTER;
        CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    }
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, 0, got, 3, &count), CT_OK);
    REQUIRE(count == 3);
    CHECK_STR(got[0].subject, "12");
    CHECK_STR(got[2].subject, "10");
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, CT_OP_REGISTER, got, 2, &count), CT_OK);
    REQUIRE(count == 2);
    CHECK_STR(got[0].subject, "11");
    CHECK_STR(got[1].subject, "10");
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, CT_OP_REVOKE_PASS, got, 2, &count), CT_OK);
    CHECK_EQ(count, 0);
    ct_store_free(s);
}

/* The child dies by SIGKILL at once after the store said yes. */
static void acknowledged_work_survives_a_kill(void)
{
    struct ct_op a = op_of("a", 1, 1);
    struct ct_txn tx = tx_of(3);
    struct ct_txn found;
    struct ct_op got;
    ct_store_free(open_new());
    int pipe_fds[2];
    REQUIRE(pipe(pipe_fds) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct ct_store *s = NULL;
        struct ct_why why = {{0}};
        bool good = open_store(&s, &why) == CT_OK && s->ops->op_add(s, &a) == CT_OK &&
                    write(pipe_fds[1], a.id, CT_OP_ID) == CT_OP_ID &&
                    s->ops->tx_add(s, &tx, (const char(*)[CT_OP_ID]) & a.id, 1) == CT_OK;
        (void)raise(good ? SIGKILL : SIGTERM);
        _exit(1);
    }
    int status = 0;
    (void)close(pipe_fds[1]);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK_EQ(read(pipe_fds[0], a.id, CT_OP_ID), CT_OP_ID);
    (void)close(pipe_fds[0]);
    struct ct_store *s = again(NULL);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->op_find(s, a.id, &got), CT_OK);
    CHECK(got.state == CT_OP_SENT && memcmp(got.tx32, tx.hash32, 32) == 0);
    CHECK_EQ(s->ops->tx_next(s, tx.sender20, UINT64_MAX, &found), CT_OK);
    CHECK_MEM(found.raw, tx.raw, 100);
    ct_store_free(s);
}

static void two_processes_write_at_once(void)
{
    ct_store_free(open_new());
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            struct ct_store *s = NULL;
            struct ct_why why = {{0}};
            int bad = open_store(&s, &why) != CT_OK;
            for (int n = 0; n < 20 && !bad; n++) {
                char name[16];
                (void)snprintf(name, sizeof name, "%d-%d", i, n);
                struct ct_op op = op_of(name, 1, 1);
                bad = s->ops->op_add(s, &op) != CT_OK;
            }
            _exit(bad);
        }
    }
    for (int i = 0; i < 2; i++) {
        int status = 1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, 0);
    }
    struct ct_store *s = again(NULL);
    REQUIRE(s != NULL);
    static struct ct_op got[64];
    size_t count = 0;
    CHECK_EQ(s->ops->op_list(s, CT_OP_QUEUED, CT_OP_REGISTER, got, 64, &count), CT_OK);
    CHECK_EQ(count, 40);
    ct_store_free(s);
}

/* Registrations that wait for revocations of their names, more than a batch: who comes behind them
 * does not wait with them. */
static void held_operations_hold_up_nobody_behind_them(void)
{
    enum { BATCH = 8, HELD = 20 };
    static struct ct_op next[BATCH];
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    for (int i = 0; i < HELD + 2; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        struct ct_op revocation = op_of(name, 1, 1);
        struct ct_op op = op_of(name, 1, 1);
        revocation.kind = CT_OP_REVOKE_DEVICE;
        if (i < HELD) {
            CHECK_EQ(s->ops->op_add(s, &revocation), CT_OK);
        }
        CHECK_EQ(s->ops->op_add(s, &op), CT_OK);
    }
    REQUIRE(ct_ops_next(s, CT_OP_REGISTER, next, BATCH) == 2);
    CHECK_STR(next[0].subject, "20");
    CHECK_STR(next[1].subject, "21");
    CHECK_EQ(ct_ops_next(s, CT_OP_REVOKE_DEVICE, next, BATCH), BATCH);
    CHECK_EQ(ct_ops_next(s, CT_OP_REVOKE_PASS, next, BATCH), 0);
    ct_store_free(s);
}

static const struct ct_test tests[] = {
    CT_TEST(operation_under_way_is_found_again),
    CT_TEST(operation_moves_only_from_the_state_it_is_in),
    CT_TEST(operations_are_listed_oldest_first),
    CT_TEST(held_operations_hold_up_nobody_behind_them),
    CT_TEST(acknowledged_work_survives_a_kill),
    CT_TEST(two_processes_write_at_once),
};

WM_STORE_MAIN(tests)
