/* Blocks that enough endpoints agree on and that are still not of now. */
/* links: ct_chain ct_base */
#include "chain/fresh.h"

#include "ct_test.h"

enum { NOW = 1800000000, LIMIT = 120 };

static struct ct_newest newest;
static struct ct_why why;

static ct_err check(uint64_t number, int64_t age_s, uint64_t wall_s)
{
    const struct ct_view view = {
        .number = number, .timestamp_s = (uint64_t)(NOW - age_s), .k = 2, .n = 3};
    return ct_fresh_check(&newest, &view, 100, LIMIT, wall_s, &why);
}

static void begin(void)
{
    newest = (struct ct_newest){0, 0};
}

static void old_block_is_stale(void)
{
    begin();
    CHECK_EQ(check(200, LIMIT, NOW), CT_OK);
    CHECK_EQ(check(200, LIMIT + 1, NOW), CT_ERR_EXPIRED);
    CHECK_EQ(check(201, LIMIT - 1, 0), CT_OK); /* no clock: held to the newest block */
    CHECK_EQ(check(202, -1000, 0), CT_OK);
    CHECK_EQ(check(202, 0, 0), CT_ERR_EXPIRED);
}

static void block_from_the_future_is_refused_and_poisons_nothing(void)
{
    begin();
    CHECK_EQ(check(200, -61, NOW), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "61 s in the future") != NULL);
    CHECK_EQ(newest.timestamp_s, 0);
    CHECK_EQ(check(200, -60, NOW), CT_OK);
    CHECK_EQ(newest.timestamp_s, NOW);       /* not beyond the clock .. */
    CHECK_EQ(check(200, LIMIT, NOW), CT_OK); /* .. so that what follows is not held to it */
}

static void view_of_the_past_is_refused(void)
{
    begin();
    CHECK_EQ(check(1000, 10, NOW), CT_OK);
    CHECK_EQ(check(1000 - CT_FRESH_REORG_BLOCKS, 90, NOW), CT_OK);
    CHECK_EQ(check(1000 - CT_FRESH_REORG_BLOCKS - 1, 90, NOW), CT_ERR_EXPIRED);
    CHECK(strstr(why.text, "fallen behind") != NULL);
    CHECK_EQ(newest.number, 1000);
}

static void number_forged_too_high_does_not_lock_out_the_truth(void)
{
    begin();
    CHECK_EQ(check(UINT64_MAX, 10, NOW), CT_OK);
    CHECK_EQ(check(1000, 9, NOW), CT_OK);
    CHECK_EQ(check(1001, 8, NOW), CT_OK);
}

static void block_below_the_checkpoint_is_refused(void)
{
    begin();
    CHECK_EQ(check(99, 0, NOW), CT_ERR_CHAIN);
    CHECK(strstr(why.text, "checkpoint 100") != NULL);
    CHECK_EQ(check(100, 0, NOW), CT_OK);
}

static const struct ct_test tests[] = {
    CT_TEST(old_block_is_stale),
    CT_TEST(block_from_the_future_is_refused_and_poisons_nothing),
    CT_TEST(view_of_the_past_is_refused),
    CT_TEST(number_forged_too_high_does_not_lock_out_the_truth),
    CT_TEST(block_below_the_checkpoint_is_refused),
};
CT_TEST_MAIN(tests)
