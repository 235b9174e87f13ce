/* Which block is agreed on, for every way in which some endpoints lie, lag or run ahead. */
/* links: ct_chain ct_base */
#include "chain/quorum.h"

#include "ct_test.h"

static struct ct_header header(uint64_t number, uint8_t fork)
{
    struct ct_header h = {.number = number};
    h.hash32[0] = fork;
    h.hash32[1] = (uint8_t)number;
    return h;
}

static struct ct_quorum_answer head(uint64_t number, uint8_t fork)
{
    return (struct ct_quorum_answer){.has_head = true, .head = header(number, fork)};
}

static uint64_t target(const struct ct_quorum_answer *a, size_t n, unsigned k, uint64_t depth,
                       unsigned attempt)
{
    uint64_t number = UINT64_MAX;
    return ct_quorum_target(&number, a, n, k, depth, attempt) == CT_OK ? number : UINT64_MAX;
}

static void stale_endpoint_drags_nobody_back(void)
{
    struct ct_quorum_answer a[3] = {head(100, 1), head(7, 1), head(100, 1)};
    size_t agreed = 9;
    uint32_t support = 0;
    CHECK_EQ(target(a, 3, 2, 0, 0), 100);
    CHECK_EQ(ct_quorum_agree(&agreed, &support, a, 3, 2, 100), CT_OK);
    CHECK_EQ(agreed, 0);
    CHECK_EQ(support, 5);
}

static void endpoint_that_runs_ahead_pulls_nobody_along(void)
{
    struct ct_quorum_answer a[3] = {head(100, 1), head(999999, 2), head(100, 1)};
    CHECK_EQ(target(a, 3, 2, 0, 0), 100);
}

static void one_block_apart_settles_on_the_lower(void)
{
    struct ct_quorum_answer a[3] = {head(101, 1), head(100, 1), head(100, 1)};
    size_t agreed = 0;
    CHECK_EQ(target(a, 3, 2, 0, 0), 100);
    CHECK_EQ(ct_quorum_agree(&agreed, NULL, a, 3, 2, 100), CT_OK);
    CHECK_EQ(agreed, 1);
}

static void all_apart_go_down_head_by_head(void)
{
    struct ct_quorum_answer a[3] = {head(102, 9), head(101, 1), head(100, 1)};
    CHECK_EQ(target(a, 3, 2, 0, 0), 101);
    CHECK_EQ(target(a, 3, 2, 0, 1), 100);
    CHECK_EQ(target(a, 3, 2, 0, 2), 99);
    CHECK(target(a, 3, 2, 0, 3) == UINT64_MAX);
    size_t agreed = 0;
    CHECK_EQ(ct_quorum_agree(&agreed, NULL, a, 3, 2, 100), CT_ERR_QUORUM);
    a[1].has_block = true; /* asked for block 100, it shows the same */
    a[1].block = header(100, 1);
    CHECK_EQ(ct_quorum_agree(&agreed, NULL, a, 3, 2, 100), CT_OK);
}

static void forged_head_finds_no_second_voice(void)
{
    for (size_t liar = 0; liar < 3; liar++) {
        struct ct_quorum_answer a[3] = {head(50, 1), head(50, 1), head(50, 1)};
        size_t agreed = 9;
        uint32_t support = 0;
        a[liar] = head(50, 66);
        CHECK_EQ(ct_quorum_agree(&agreed, &support, a, 3, 2, 50), CT_OK);
        CHECK(agreed != liar);
        CHECK((support & 1u << liar) == 0);
    }
}

static void no_majority_is_no_quorum(void)
{
    struct ct_quorum_answer a[3] = {head(50, 1), head(50, 2), head(50, 3)};
    size_t agreed = 9;
    CHECK_EQ(ct_quorum_agree(&agreed, NULL, a, 3, 2, 50), CT_ERR_QUORUM);
    a[1].has_head = false;
    a[2].has_head = false;
    CHECK(target(a, 3, 2, 0, 0) == UINT64_MAX);
    CHECK_EQ(agreed, 9);
}

static void safety_depth_is_taken_off_and_stops_at_genesis(void)
{
    struct ct_quorum_answer a[3] = {head(100, 1), head(100, 1), head(3, 1)};
    CHECK_EQ(target(a, 3, 2, 10, 0), 90);
    CHECK_EQ(target(a, 3, 2, 10, 1), 89);
    CHECK_EQ(target(a, 3, 2, 10, 3), 0);
}

static void single_endpoint_agrees_with_itself(void)
{
    struct ct_quorum_answer a[1] = {head(100, 1)};
    size_t agreed = 9;
    CHECK_EQ(target(a, 1, 1, 0, 0), 100);
    CHECK_EQ(ct_quorum_agree(&agreed, NULL, a, 1, 1, 100), CT_OK);
}

/* With f < k and f <= n - k liars, whatever they say, the number lies between honest heads. */
static void target_lies_between_honest_heads(void)
{
    static const uint64_t lies[] = {0, 99, 100, 101, 102, 1000000};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        for (size_t j = 0; j < sizeof(lies) / sizeof(lies[0]); j++) {
            struct ct_quorum_answer a[5] = {head(100, 1), head(101, 1), head(101, 1),
                                            head(lies[i], 2), head(lies[j], 3)};
            uint64_t number = target(a, 5, 3, 0, 0);
            CHECK(number >= 100 && number <= 101);
        }
    }
}

/* Two blocks of one height are on their way, the third endpoint is a liar far behind. */
static void race_at_the_tip_does_not_fall_back_to_the_liar(void)
{
    struct ct_quorum_answer a[3] = {head(300, 1), head(300, 2), head(7, 3)};
    size_t agreed = 9;
    CHECK_EQ(target(a, 3, 2, 0, 0), 300);
    CHECK_EQ(target(a, 3, 2, 0, 1), 299);
    CHECK_EQ(target(a, 3, 2, 0, 2), 298);
    CHECK_EQ(target(a, 3, 2, 0, 3), 7);
    CHECK(target(a, 3, 2, 0, 4) == UINT64_MAX);
    for (size_t i = 0; i < 2; i++) {
        a[i].has_block = true;
        a[i].block = header(299, 1);
    }
    CHECK_EQ(ct_quorum_agree(&agreed, NULL, a, 3, 2, 299), CT_OK);
    CHECK_EQ(agreed, 0);
    a[0].head.number = a[1].head.number = 1; /* nothing is below genesis */
    CHECK_EQ(target(a, 3, 2, 0, 1), 0);
    CHECK(target(a, 3, 2, 0, 2) == UINT64_MAX);
}

static const struct ct_test tests[] = {
    CT_TEST(stale_endpoint_drags_nobody_back),
    CT_TEST(endpoint_that_runs_ahead_pulls_nobody_along),
    CT_TEST(one_block_apart_settles_on_the_lower),
    CT_TEST(all_apart_go_down_head_by_head),
    CT_TEST(forged_head_finds_no_second_voice),
    CT_TEST(no_majority_is_no_quorum),
    CT_TEST(safety_depth_is_taken_off_and_stops_at_genesis),
    CT_TEST(single_endpoint_agrees_with_itself),
    CT_TEST(target_lies_between_honest_heads),
    CT_TEST(race_at_the_tip_does_not_fall_back_to_the_liar),
};
CT_TEST_MAIN(tests)
