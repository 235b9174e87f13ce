/* What the store notes of passes, devices and relays. */
/* links: ct_wmserver ct_testredis ct_chain ct_base */
#include "wm_store.h"

static void pass_is_found_with_its_owner(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_pass_row row = {.id16 = {1}, .identity = "a", .wallet20 = {2}, .expires_s = 100};
    struct ct_pass_row got = {0};
    size_t count = 9;
    CHECK_EQ(s->ops->pass_add(s, &row), CT_OK);
    CHECK_EQ(s->ops->pass_find(s, row.id16, &got), CT_OK);
    CHECK_STR(got.identity, "a");
    CHECK_MEM(got.wallet20, row.wallet20, 20);
    CHECK_EQ(got.expires_s, 100);
    CHECK_EQ(s->ops->pass_find(s, row.renews16, &got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->pass_list(s, "a", 100, &got, 1, &count), CT_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(s->ops->pass_list(s, "a", 101, &got, 1, &count), CT_OK);
    CHECK_EQ(count, 0);
    ct_store_free(s);
}

static void device_and_relay_are_replaced_and_found(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_device_row d = {.identity = "a", .relay = 1, .port = 50000, .sequence = 1};
    struct ct_device_row d_got = {0};
    struct ct_relay_row r = {.pending32 = {3}, .rtt_us = 800, .verdict = "passed"};
    struct ct_relay_row r_got = {0};
    CHECK_EQ(s->ops->device_put(s, &d), CT_OK);
    d.sequence = 2;
    CHECK_EQ(s->ops->device_put(s, &d), CT_OK);
    CHECK_EQ(s->ops->device_find(s, "a", &d_got), CT_OK);
    CHECK_EQ(d_got.sequence, 2);
    CHECK_EQ(s->ops->device_find(s, "b", &d_got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->relay_put(s, &r), CT_OK);
    CHECK_EQ(s->ops->relay_find(s, r.pending32, &r_got), CT_OK);
    CHECK_STR(r_got.verdict, "passed");
    ct_store_free(s);
}

static void tests_of_a_relay_are_kept_and_a_hold_survives_them(void)
{
    struct ct_store *s = open_new();
    REQUIRE(s != NULL);
    struct ct_relay_watch w = {.index = 7,
                               .digest32 = {9},
                               .strikes = 3,
                               .failing_s = 1000,
                               .due_s = 1600,
                               .act = CT_RELAY_REVOKED,
                               .acted_s = 1500,
                               .op = "00112233445566778899aabbccddeeff"};
    struct ct_relay_watch got = {0};
    CHECK_EQ(s->ops->relay_watch_find(s, 7, &got), CT_ERR_NOT_FOUND);
    CHECK_EQ(s->ops->relay_watch_put(s, &w), CT_OK);
    CHECK_EQ(s->ops->relay_watch_hold(s, 7, 1550), CT_OK);
    w.strikes = 0;
    w.passes = 2;
    w.held_s = 1; /* not what a put says */
    CHECK_EQ(s->ops->relay_watch_put(s, &w), CT_OK);
    s = again(s);
    REQUIRE(s != NULL);
    CHECK_EQ(s->ops->relay_watch_find(s, 7, &got), CT_OK);
    CHECK(got.index == 7 && got.strikes == 0 && got.passes == 2 && got.failing_s == 1000);
    CHECK(got.due_s == 1600 && got.act == CT_RELAY_REVOKED && got.acted_s == 1500);
    CHECK_EQ(got.held_s, 1550);
    CHECK_STR(got.op, w.op);
    CHECK_MEM(got.digest32, w.digest32, 32);
    CHECK_EQ(s->ops->relay_watch_hold(s, 8, 5), CT_OK); /* one that was never tested */
    CHECK_EQ(s->ops->relay_watch_find(s, 8, &got), CT_OK);
    CHECK(got.held_s == 5 && got.act == CT_RELAY_LEFT && got.op[0] == '\0');
    ct_store_free(s);
}

static const struct ct_test tests[] = {
    CT_TEST(pass_is_found_with_its_owner),
    CT_TEST(device_and_relay_are_replaced_and_found),
    CT_TEST(tests_of_a_relay_are_kept_and_a_hold_survives_them),
};

WM_STORE_MAIN(tests)
