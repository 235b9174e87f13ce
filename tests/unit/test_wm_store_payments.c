/* Payments in the store: a token is paid for once, and no more goes out than may. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <sys/wait.h>
#include <unistd.h>

#include "wm_rows.h"
#include "wm_store.h"

static void end_payment(struct ct_store *s, const char *id, enum ct_op_state state)
{
    CHECK_EQ(s->ops->op_move(s, id, CT_OP_QUEUED, state, NULL, 0, ""), CT_OK);
}

static void token_is_paid_for_once(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_funding row = {.gwei = 0};
    struct ct_outflow out = {0};
    struct ct_op op;
    uint8_t jti[16];
    char first[CT_OP_ID];
    char again_id[CT_OP_ID];
    memset(jti, 1, sizeof jti);
    CHECK_EQ(s->ops->funding_find(s, jti, &row), CT_ERR_NOT_FOUND);
    REQUIRE(pay(s, 1, 7, 500, 90000, &plenty, first) == CT_OK);
    CHECK_EQ(pay(s, 1, 7, 500, 90000, &plenty, again_id), CT_OK);
    CHECK_STR(again_id, first);
    CHECK_EQ(s->ops->op_find(s, first, &op), CT_OK);
    CHECK(op.kind == CT_OP_FUND && op.state == CT_OP_QUEUED && op.payload_len == 8);
    s = again(s);
    end_payment(s, first, CT_OP_DONE);
    CHECK_EQ(pay(s, 1, 7, 500, 90000, &plenty, again_id), CT_OK);
    CHECK_STR(again_id, first); /* done, and never again */
    CHECK_EQ(s->ops->outflow(s, 90000, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, 500);
    CHECK_EQ(out.day_gwei, 500);
    REQUIRE(s->ops->funding_find(s, jti, &row) == CT_OK);
    CHECK_STR(row.identity, "a");
    CHECK_STR(row.op, first);
    CHECK(row.gwei == 500 && row.wallet20[19] == 7 && row.wei32[31] == (uint8_t)500 &&
          row.created_s == 90000);
    ct_store_free(s);
}

static void payment_that_failed_is_made_again(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    char first[CT_OP_ID];
    char second[CT_OP_ID];
    REQUIRE(pay(s, 1, 7, 500, 90000, &plenty, first) == CT_OK);
    end_payment(s, first, CT_OP_FAILED);
    REQUIRE(pay(s, 1, 7, 500, 90000, &plenty, second) == CT_OK);
    CHECK(strcmp(first, second) != 0);
    CHECK_EQ(pay(s, 1, 7, 500, 90000, &plenty, first), CT_OK);
    CHECK_STR(first, second);
    ct_store_free(s);
}

static void two_tokens_of_a_name_are_one_payment_at_a_time(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_outflow out = {0};
    char first[CT_OP_ID];
    char other[CT_OP_ID];
    REQUIRE(pay(s, 1, 7, 500, 90000, &plenty, first) == CT_OK);
    CHECK_EQ(pay(s, 2, 7, 500, 90000, &plenty, other), CT_OK);
    CHECK_STR(other, first);
    CHECK_EQ(pay(s, 3, 8, 500, 90000, &plenty, other), CT_ERR_STATE); /* another wallet's turn */
    CHECK_EQ(s->ops->outflow(s, 90000, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, 500);
    end_payment(s, first, CT_OP_DONE);
    CHECK_EQ(pay(s, 2, 7, 500, 90000, &plenty, other), CT_OK);
    CHECK_STR(other, first); /* that was the second token's, too */
    CHECK_EQ(pay(s, 3, 8, 500, 90000, &plenty, other), CT_OK);
    CHECK(strcmp(other, first) != 0);
    ct_store_free(s);
}

static void no_more_goes_out_than_the_hour_and_the_day_allow(void)
{
    const struct ct_outflow most = {.hour_gwei = 1000, .day_gwei = 1500};
    const uint64_t t = UINT64_C(1000) * 3600;
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_outflow out = {0};
    char id[CT_OP_ID];
    CHECK_EQ(pay(s, 1, 7, 1001, t, &most, id), CT_ERR_REFUSED);
    REQUIRE(pay(s, 1, 7, 600, t, &most, id) == CT_OK);
    end_payment(s, id, CT_OP_DONE);
    CHECK_EQ(pay(s, 2, 7, 401, t + 3599, &most, id), CT_ERR_REFUSED);
    s = again(s); /* a restart forgets none of it */
    CHECK_EQ(pay(s, 2, 7, 401, t + 3599, &most, id), CT_ERR_REFUSED);
    REQUIRE(pay(s, 2, 7, 400, t + 3599, &most, id) == CT_OK);
    end_payment(s, id, CT_OP_DONE);
    CHECK_EQ(s->ops->outflow(s, t + 3599, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, 1000);
    CHECK_EQ(pay(s, 3, 7, 501, t + 3661, &most, id), CT_ERR_REFUSED); /* the day's */
    REQUIRE(pay(s, 3, 7, 500, t + 3661, &most, id) == CT_OK);         /* the first is an hour ago */
    end_payment(s, id, CT_OP_DONE);
    CHECK_EQ(pay(s, 4, 7, 1, t + 86400, &most, id), CT_ERR_REFUSED);
    REQUIRE(pay(s, 4, 7, 600, t + 90000, &most, id) == CT_OK);
    CHECK_EQ(s->ops->outflow(s, t + 90000, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, 600);
    CHECK_EQ(out.day_gwei, 1100); /* the first two are a day ago */
    ct_store_free(s);
}

/* Two processes ask for the same twenty tokens at once: each token is paid for by one of them. */
static int pay_all(uint8_t wallet)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    if (open_store(&s, &why) != CT_OK) {
        return 1;
    }
    for (uint8_t n = 0; n < 20; n++) {
        char id[CT_OP_ID];
        if (pay(s, n, wallet, 1, 90000, &plenty, id) != CT_OK) {
            return 1;
        }
        /* the other process may have ended it already */
        (void)!s->ops->op_move(s, id, CT_OP_QUEUED, CT_OP_DONE, NULL, 0, "");
    }
    return 0;
}

static void token_is_paid_for_by_one_of_two_processes(void)
{
    static struct ct_op got[64];
    ct_store_free(open_new());
    int gate[2];
    pid_t pids[2];
    REQUIRE(pipe(gate) == 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            char byte;
            (void)close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until both are there */
            _exit(pay_all(7));
        }
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct ct_store *s = again(NULL);
    REQUIRE(s != NULL);
    struct ct_outflow out = {0};
    size_t count = 0;
    CHECK_EQ(s->ops->op_list(s, CT_OP_DONE, CT_OP_FUND, got, 64, &count), CT_OK);
    CHECK(count > 0 && count <= 20);
    CHECK_EQ(s->ops->outflow(s, 90000, &out), CT_OK);
    CHECK_EQ(out.hour_gwei, count); /* what went out is what was paid, not what was asked for */
    ct_store_free(s);
}

static const struct ct_test tests[] = {
    CT_TEST(token_is_paid_for_once),
    CT_TEST(payment_that_failed_is_made_again),
    CT_TEST(two_tokens_of_a_name_are_one_payment_at_a_time),
    CT_TEST(no_more_goes_out_than_the_hour_and_the_day_allow),
    CT_TEST(token_is_paid_for_by_one_of_two_processes),
};

WM_STORE_MAIN(tests)
