/* Factory credentials in the store: exchanged as often as they say, withdrawn with their tokens. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include <sys/wait.h>
#include <unistd.h>

#include "wm_rows.h"
#include "wm_store.h"

/* Of credential 0xf0, for three names. */
static struct ct_token_mint mint_of(uint8_t number)
{
    struct ct_token_mint mint = {.batch = "B1", .count = 3, .expires_s = 2000};
    memset(mint.jti16, number, sizeof mint.jti16);
    memset(mint.factory16, 0xf0, sizeof mint.factory16);
    (void)snprintf(mint.identity, sizeof mint.identity, "acme-%u", number);
    return mint;
}

static struct ct_token_use minted_use_of(uint8_t number)
{
    struct ct_token_use use = use_of(number, "acme", number);
    memset(use.factory16, 0xf0, sizeof use.factory16);
    return use;
}

static void factory_credential_is_exchanged_as_often_as_it_says(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_row rows[8];
    struct ct_token_mint mint = mint_of(1);
    size_t count = 0;
    CHECK_EQ(s->ops->factory_add(s, mint.factory16, "B1", 2000, 3), CT_OK);
    CHECK_EQ(s->ops->factory_add(s, mint.factory16, "B1", 2000, 3), CT_ERR_STATE);
    for (uint8_t n = 1; n <= 3; n++) {
        mint = mint_of(n);
        CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK);
        CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK); /* again: not counted */
    }
    mint = mint_of(4);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_ERR_STATE);
    s = again(s);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_ERR_STATE);
    mint = mint_of(2);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK);
    struct ct_token_use use = minted_use_of(2);
    CHECK_EQ(s->ops->token_use(s, &use), CT_OK);
    CHECK_EQ(s->ops->token_page(s, "B1", NULL, rows, 8, &count), CT_OK);
    REQUIRE(count == 4);
    CHECK(rows[0].state == CT_TOKEN_ISSUED && rows[0].count == 0 && rows[0].expires_s == 2000);
    CHECK_MEM(rows[0].factory16, mint.factory16, 16);
    CHECK(rows[1].state == CT_TOKEN_USED && rows[3].count == 3 && rows[3].minted == 3);
    CHECK_MEM(rows[3].jti16, mint.factory16, 16);
    ct_store_free(s);
}

static void withdrawn_factory_credential_takes_its_tokens_with_it(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_row rows[8];
    struct ct_token_mint mint = mint_of(1);
    struct ct_token_mint next = mint_of(2);
    struct ct_token_use unused = minted_use_of(1);
    struct ct_token_use other = use_of(9, "b", 2);
    size_t count = 0;
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK); /* issued by another host: no row */
    CHECK_EQ(s->ops->token_withdraw_one(s, mint.factory16, "B1", 2000), CT_OK);
    s = again(s);
    CHECK_EQ(s->ops->token_use(s, &unused), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_mint(s, &next), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &other), CT_OK);
    CHECK_EQ(s->ops->token_page(s, NULL, NULL, rows, 8, &count), CT_OK);
    REQUIRE(count == 3);
    CHECK(rows[0].state == CT_TOKEN_WITHDRAWN && rows[1].state == CT_TOKEN_USED);
    CHECK(rows[2].state == CT_TOKEN_WITHDRAWN && rows[2].minted == 1);
    ct_store_free(s);
}

static void withdrawn_batch_stops_its_factory_credentials(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_mint mint = mint_of(1);
    struct ct_token_mint next = mint_of(2);
    struct ct_token_use unused = minted_use_of(1);
    CHECK_EQ(s->ops->factory_add(s, mint.factory16, "B1", 2000, 3), CT_OK);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_OK);
    CHECK_EQ(s->ops->token_withdraw_batch(s, "B1"), CT_OK);
    CHECK_EQ(s->ops->token_mint(s, &next), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_mint(s, &mint), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->token_use(s, &unused), CT_ERR_REFUSED);
    CHECK_EQ(s->ops->factory_add(s, next.jti16, "B1", 2000, 3), CT_ERR_REFUSED);
    ct_store_free(s);
}

/* Two processes ask for thirty names each of a credential for forty. */
static void two_processes_exchange_no_more_than_the_count(void)
{
    enum { EACH = 30, MANY = 40 };
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_token_row row;
    uint8_t before[16];
    size_t count = 0;
    unsigned good = 0;
    ct_store_free(s);
    pid_t child = fork();
    struct ct_why why = {{0}};
    REQUIRE(child >= 0 && open_store(&s, &why) == CT_OK);
    for (unsigned n = 1; n <= EACH; n++) {
        struct ct_token_mint mint = mint_of((uint8_t)(child == 0 ? n + EACH : n));
        mint.count = MANY;
        good += s->ops->token_mint(s, &mint) == CT_OK;
    }
    if (child == 0) {
        ct_store_free(s);
        _exit((int)good);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK_EQ(good + (unsigned)WEXITSTATUS(status), MANY);
    memset(before, 0xef, sizeof before);
    CHECK_EQ(s->ops->token_page(s, NULL, before, &row, 1, &count), CT_OK);
    CHECK(count == 1 && row.minted == MANY && row.count == MANY);
    ct_store_free(s);
}

static const struct ct_test tests[] = {
    CT_TEST(factory_credential_is_exchanged_as_often_as_it_says),
    CT_TEST(withdrawn_factory_credential_takes_its_tokens_with_it),
    CT_TEST(withdrawn_batch_stops_its_factory_credentials),
    CT_TEST(two_processes_exchange_no_more_than_the_count),
};

WM_STORE_MAIN(tests)
