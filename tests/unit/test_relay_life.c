/* Claims about what a relay does next on the chain, and what it remembers of itself. */
/* links: ct_coturn_module ct_chain ct_base */
#include <string.h>

#include "base/secret.h"
#include "ct_test.h"
#include "life/life.h"
#include "life/memo.h"
#include "temp_dir.h"

enum { TODAY = 20000 };

static struct ct_life_now listed(void)
{
    return (struct ct_life_now){.chain_read = true,
                                .is_due = true,
                                .is_approved = true,
                                .standing = CT_STANDING_LISTED,
                                .expiry_day = TODAY + 90,
                                .today = TODAY,
                                .renew_days = 14};
}

static struct ct_life_now unlisted(enum ct_standing standing)
{
    struct ct_life_now now = listed();
    now.standing = standing;
    now.is_approved = false;
    return now;
}

static void nothing_is_done_before_the_chain_is_read(void)
{
    for (unsigned bits = 0; bits < 64; bits++) {
        struct ct_life_now now = {.is_due = bits & 1,
                                  .is_leaving = bits & 2,
                                  .is_sent = bits & 4,
                                  .is_withdrawn = bits & 8,
                                  .is_approved = bits & 16,
                                  .standing = bits & 32 ? CT_STANDING_NEW : CT_STANDING_LISTED};
        CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
    }
}

static void unknown_and_changed_relays_enrol_and_revoked_ones_rest(void)
{
    struct ct_life_now now = unlisted(CT_STANDING_NEW);
    CHECK_EQ(ct_life_next(&now), CT_LIFE_ENROL);
    now = unlisted(CT_STANDING_CHANGED);
    CHECK_EQ(ct_life_next(&now), CT_LIFE_ENROL);
    now.is_due = false; /* the pause after a failure */
    CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
    now = unlisted(CT_STANDING_REVOKED);
    CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
    now = listed();
    CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
}

static void listed_relay_renews_in_time_and_once_a_day(void)
{
    struct ct_life_now now = listed();
    now.expiry_day = TODAY + 15;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
    now.expiry_day = TODAY + 14;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_RENEW);
    now.expiry_day = TODAY;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_RENEW);
    now.renewed_day = TODAY; /* and it was given no longer */
    CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
    now.today++;
    now.expiry_day++;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_RENEW);
    now.is_due = false;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
    now.today = now.expiry_day = now.renewed_day = UINT16_MAX; /* no wrap */
    CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
}

static void transaction_under_way_comes_before_any_other(void)
{
    for (unsigned standing = 0; standing <= CT_STANDING_REVOKED; standing++) {
        struct ct_life_now now = unlisted((enum ct_standing)standing);
        now.is_sent = true;
        CHECK_EQ(ct_life_next(&now), CT_LIFE_SETTLE);
        now.is_leaving = true;
        CHECK_EQ(ct_life_next(&now), CT_LIFE_SETTLE);
        now.is_due = false;
        CHECK_EQ(ct_life_next(&now), CT_LIFE_SETTLE);
    }
}

static void who_leaves_withdraws_what_is_approved_and_registers_nothing(void)
{
    struct ct_life_now now = listed();
    now.is_leaving = true;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_WITHDRAW);
    now.is_due = false;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_REST);
    now.is_due = true;
    now.standing = CT_STANDING_CHANGED; /* its older form is approved all the same */
    CHECK_EQ(ct_life_next(&now), CT_LIFE_WITHDRAW);
    now.is_sent = true;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_SETTLE);
    now.is_withdrawn = true;
    CHECK_EQ(ct_life_next(&now), CT_LIFE_GONE);
    for (unsigned standing = 0; standing <= CT_STANDING_REVOKED; standing++) {
        now = unlisted((enum ct_standing)standing);
        now.is_leaving = true;
        CHECK_EQ(ct_life_next(&now), CT_LIFE_GONE);
    }
}

/* ---- what it remembers ---- */

static struct temp_dir temp;
static char path[96];
static const struct ct_memo_owner owner = {.deployment32 = {1}, .addr20 = {2}};

static struct ct_memo a_memo(void)
{
    struct ct_memo memo = {.index = 7, .renewed_day = TODAY};
    memo.sent.call = (struct ct_rg_call){
        .what = CT_RG_REGISTER, .nonce = 3, .fee_wei = 9, .tip_wei = 2, .gas = 100000, .index = 7};
    memo.sent.call.key32[0] = 5;
    memo.sent.mined_block = 11;
    memo.sent.len = 300;
    memset(memo.sent.raw, 0xab, memo.sent.len);
    return memo;
}

static void memo_comes_back_whole_and_for_its_owner_alone(void)
{
    struct ct_why why;
    struct ct_memo in = a_memo();
    struct ct_memo out;
    REQUIRE(ct_memo_save(&in, &owner, path, &why) == CT_OK);
    REQUIRE(ct_memo_load(&out, &owner, path, &why) == CT_OK);
    CHECK_EQ(out.index, 7);
    CHECK_EQ(out.sent.call.nonce, 3);
    CHECK_EQ(out.sent.mined_block, 11);
    CHECK_EQ(out.sent.len, in.sent.len);
    CHECK_MEM(out.sent.raw, in.sent.raw, in.sent.len);
    struct ct_memo_owner other = owner;
    other.addr20[19] = 1;
    CHECK_EQ(ct_memo_load(&out, &other, path, &why), CT_ERR_FORMAT);
    other = owner;
    other.deployment32[0] = 2;
    CHECK_EQ(ct_memo_load(&out, &other, path, &why), CT_ERR_FORMAT);
    in.sent.call.what = 0;
    REQUIRE(ct_memo_save(&in, &owner, path, &why) == CT_OK);
    REQUIRE(ct_memo_load(&out, &owner, path, &why) == CT_OK);
    CHECK_EQ(out.sent.call.what, 0);
    CHECK_EQ(out.sent.len, 0);
}

static void memo_cut_or_changed_is_refused(void)
{
    char file[2048];
    size_t len = 0;
    struct ct_why why;
    struct ct_memo in = a_memo();
    struct ct_memo out;
    REQUIRE(ct_memo_save(&in, &owner, path, &why) == CT_OK);
    REQUIRE(ct_file_read(file, sizeof(file), &len, path, true, &why) == CT_OK);
    for (size_t cut = 0; cut < len; cut++) {
        REQUIRE(ct_file_write(path, file, cut, 0600, &why) == CT_OK);
        CHECK_EQ(ct_memo_load(&out, &owner, path, &why), CT_ERR_FORMAT);
    }
    for (size_t at = 0; at < len; at += 7) {
        file[at] = (char)(file[at] ^ 1);
        REQUIRE(ct_file_write(path, file, len, 0600, &why) == CT_OK);
        CHECK_EQ(ct_memo_load(&out, &owner, path, &why), CT_ERR_FORMAT);
        file[at] = (char)(file[at] ^ 1);
    }
}

static const struct ct_test tests[] = {
    CT_TEST(nothing_is_done_before_the_chain_is_read),
    CT_TEST(unknown_and_changed_relays_enrol_and_revoked_ones_rest),
    CT_TEST(listed_relay_renews_in_time_and_once_a_day),
    CT_TEST(transaction_under_way_comes_before_any_other),
    CT_TEST(who_leaves_withdraws_what_is_approved_and_registers_nothing),
    CT_TEST(memo_comes_back_whole_and_for_its_owner_alone),
    CT_TEST(memo_cut_or_changed_is_refused),
};

int main(void)
{
    if (!temp_dir_make(&temp)) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/memo", temp.path);
    int code = ct_test_main(tests, sizeof(tests) / sizeof(tests[0]));
    temp_dir_remove(&temp);
    return code;
}
