/* Tokens in the store: whose they are, who withdrew them, and what is listed of them. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <sys/wait.h>
#include <unistd.h>

#include "wm_rows.h"
#include "wm_store.h"

static void token_is_bound_to_the_first_name_and_wallet(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_use first = use_of(1, "sensor-42", 7);
    struct ct_token_use other_wallet = use_of(1, "sensor-42", 8);
    struct ct_token_use other_name = use_of(1, "sensor-43", 7);
    CHECK_EQ(s->ops->token_add(s, first.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_add(s, first.jti16, "B1", 2000), CT_ERR_STATE);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &other_wallet), CT_ERR_REPLAY);
    s = again(s);
    CHECK_EQ(s->ops->token_use(s, &other_name), CT_ERR_REPLAY);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    ct_store_free(s);
}

static void token_without_a_row_is_bound_too(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_use first = use_of(9, "a", 1);
    struct ct_token_use second = use_of(9, "a", 2);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &second), CT_ERR_REPLAY);
    ct_store_free(s);
}

static void withdrawn_token_admits_nobody(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_use first = use_of(1, "a", 1);
    CHECK_EQ(s->ops->token_use(s, &first), CT_OK);
    CHECK_EQ(s->ops->token_withdraw(s, "a", NULL), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &first), CT_ERR_REFUSED);
    ct_store_free(s);
}

static void tokens_of_all_wallets_but_one_are_withdrawn(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_use lost = use_of(1, "a", 1);
    struct ct_token_use fresh = use_of(2, "a", 2);
    struct ct_token_use other = use_of(3, "b", 1);
    CHECK_EQ(s->ops->token_use(s, &lost), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &fresh), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    CHECK_EQ(s->ops->token_withdraw(s, "a", fresh.wallet20), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &lost), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &fresh), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    ct_store_free(s);
}

static void token_withdrawn_by_its_number_admits_nobody(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_use unused = use_of(1, "a", 1);
    struct ct_token_use used = use_of(2, "b", 2);
    struct ct_token_use without_row = use_of(3, "c", 3);
    struct ct_token_use other = use_of(4, "d", 4);
    CHECK_EQ(s->ops->token_add(s, unused.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &used), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_one(s, unused.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_one(s, used.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_one(s, without_row.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_one(s, without_row.jti16, "B1", 2000), CT_OK);
    s = again(s);
    CHECK_EQ(s->ops->token_use(s, &unused), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &used), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &without_row), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_add(s, without_row.jti16, "B1", 2000), CT_ERR_STATE);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    ct_store_free(s);
}

static void withdrawn_batch_admits_nobody_and_takes_no_more(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_use issued = use_of(1, "a", 1);
    struct ct_token_use used = use_of(2, "b", 2);
    struct ct_token_use without_row = use_of(3, "c", 3);
    struct ct_token_use other = use_of(4, "d", 4);
    (void)snprintf(other.batch, sizeof other.batch, "B11");
    CHECK_EQ(s->ops->token_add(s, issued.jti16, "B1", 2000), CT_OK);
    CHECK_EQ(s->ops->token_use(s, &used), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_batch(s, "B1"), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_batch(s, "B1"), CT_OK);
    s = again(s);
    CHECK_EQ(s->ops->token_use(s, &issued), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &used), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &without_row), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_add(s, without_row.jti16, "B1", 2000), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    ct_store_free(s);
}

static void tokens_are_listed_by_batch_with_who_used_them(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_row rows[8];
    struct ct_token_use used = use_of(2, "sensor-42", 7);
    size_t count = 0;
    for (uint8_t n = 1; n <= 3; n++) {
        struct ct_token_use t = use_of(n, "", 0);
        CHECK_EQ(s->ops->token_add(s, t.jti16, n == 3 ? "B2" : "B1", 2000), CT_OK);
    }
    CHECK_EQ(s->ops->token_use(s, &used), CT_OK);
    CHECK_EQ(s->ops->token_page(s, NULL, NULL, rows, 8, &count), CT_OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(s->ops->token_page(s, "B2", NULL, rows, 8, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK_EQ(rows[0].jti16[0], 3);
    CHECK_EQ(s->ops->token_page(s, "B1", NULL, rows, 1, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK(rows[0].jti16[0] == 1 && rows[0].state == CT_TOKEN_ISSUED && rows[0].used_s == 0);
    CHECK(rows[0].identity[0] == '\0' && rows[0].expires_s == 2000);
    CHECK_STR(rows[0].batch, "B1");
    CHECK_EQ(s->ops->token_page(s, "B1", rows[0].jti16, rows, 8, &count), CT_OK);
    REQUIRE(count == 1);
    CHECK(rows[0].jti16[0] == 2 && rows[0].state == CT_TOKEN_USED && rows[0].used_s == 1000);
    CHECK_STR(rows[0].identity, "sensor-42");
    CHECK_MEM(rows[0].wallet20, used.wallet20, 20);
    CHECK_EQ(s->ops->token_withdraw_batch(s, "B1"), CT_OK);
    CHECK_EQ(s->ops->token_page(s, NULL, NULL, rows, 8, &count), CT_OK);
    REQUIRE(count == 3);
    CHECK(rows[0].state == CT_TOKEN_WITHDRAWN && rows[2].state == CT_TOKEN_ISSUED);
    CHECK(rows[1].state == CT_TOKEN_WITHDRAWN);
    CHECK_STR(rows[1].identity, "sensor-42"); /* still known */
    CHECK_EQ(s->ops->token_page(s, "B3", NULL, rows, 8, &count), CT_OK);
    CHECK_EQ(count, 0);
    ct_store_free(s);
}

/* Tokens 0..19, each asked for with a wallet of this process's own: how many it got. */
static int claim_all(uint8_t wallet)
{
    struct ct_store *s = NULL;
    struct ct_why why = {{0}};
    int won = 0;
    if (open_store(&s, &why) != CT_OK) {
        return 100;
    }
    for (uint8_t n = 0; n < 20; n++) {
        struct ct_token_use use = use_of(n, "a", wallet);
        ct_err err = s->ops->token_use(s, &use);
        if (err != CT_OK && err != CT_ERR_REPLAY) {
            return 100;
        }
        won += err == CT_OK;
    }
    return won;
}

static void one_token_goes_to_one_of_two_processes(void)
{
    ct_store_free(open_new());
    int gate[2];
    pid_t pids[2];
    int won = 0;
    REQUIRE(pipe(gate) == 0);
    for (uint8_t i = 0; i < 2; i++) {
        pids[i] = fork();
        REQUIRE(pids[i] >= 0);
        if (pids[i] == 0) {
            char byte;
            (void)close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until both are there */
            _exit(claim_all((uint8_t)(i + 1)));
        }
    }
    (void)close(gate[0]);
    (void)close(gate[1]);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK(WIFEXITED(status));
        won += WEXITSTATUS(status);
    }
    CHECK_EQ(won, 20);
}

static const struct ct_test tests[] = {
    CT_TEST(token_is_bound_to_the_first_name_and_wallet),
    CT_TEST(token_without_a_row_is_bound_too),
    CT_TEST(withdrawn_token_admits_nobody),
    CT_TEST(tokens_of_all_wallets_but_one_are_withdrawn),
    CT_TEST(token_withdrawn_by_its_number_admits_nobody),
    CT_TEST(withdrawn_batch_admits_nobody_and_takes_no_more),
    CT_TEST(tokens_are_listed_by_batch_with_who_used_them),
    CT_TEST(one_token_goes_to_one_of_two_processes),
};

WM_STORE_MAIN(tests)
