/* Was a wallet paid: by what it was when that was promised, and what it is. */
/* links: ct_wmserver ct_chain ct_base */
#include "ct_test.h"
#include "wm-server/src/tx/paid.h"

enum { DUE = 1000 };

/* The wallet had that nonce and balance, and has those now. */
static enum ct_paid of(uint64_t nonce_before, uint64_t before, uint64_t nonce, uint64_t has)
{
    const struct ct_op_before p = {
        .is_known = true, .nonce = nonce_before, .wei = ct_u256_from_u64(before)};
    const struct ct_u256 wei = ct_u256_from_u64(has), due = ct_u256_from_u64(DUE);
    return ct_paid_of(&due, &p, nonce, &wei);
}

static enum ct_paid of_earlier_version(uint64_t nonce, uint64_t has)
{
    const struct ct_op_before p = {.is_known = false};
    const struct ct_u256 wei = ct_u256_from_u64(has), due = ct_u256_from_u64(DUE);
    return ct_paid_of(&due, &p, nonce, &wei);
}

static void wallet_that_sent_nothing_meanwhile_is_paid_when_it_has_as_much_more(void)
{
    CHECK_EQ(of(0, 0, 0, 0), CT_PAID_NOT);
    CHECK_EQ(of(0, 0, 0, DUE - 1), CT_PAID_NOT);
    CHECK_EQ(of(0, 0, 0, DUE), CT_PAID_DONE);
    CHECK_EQ(of(5, 0, 5, 0), CT_PAID_NOT);
    CHECK_EQ(of(5, 3000, 5, 3000), CT_PAID_NOT); /* what it had is no payment */
    CHECK_EQ(of(5, 3000, 5, 3000 + DUE - 1), CT_PAID_NOT);
    CHECK_EQ(of(5, 3000, 5, 3000 + DUE), CT_PAID_DONE);
}

static void wallet_that_spent_meanwhile_was_paid_if_it_had_nothing_before_else_nobody_knows(void)
{
    CHECK_EQ(of(5, 3000, 6, 3000 + DUE), CT_PAID_DONE);
    CHECK_EQ(of(5, 3000, 6, 3000 + DUE - 1), CT_PAID_UNKNOWN);
    CHECK_EQ(of(5, 3000, 6, 0), CT_PAID_UNKNOWN);
    CHECK_EQ(of(0, 1, 1, 0), CT_PAID_UNKNOWN);
    CHECK_EQ(of(6, 3000, 5, 3000), CT_PAID_UNKNOWN); /* an older block than at the promise */
    CHECK_EQ(of(0, 0, 1, 0), CT_PAID_DONE);          /* what it spent, it was given */
}

static void promise_of_an_earlier_version_is_never_kept_twice(void)
{
    CHECK_EQ(of_earlier_version(0, 0), CT_PAID_NOT);
    CHECK_EQ(of_earlier_version(0, DUE - 1), CT_PAID_NOT);
    CHECK_EQ(of_earlier_version(0, DUE), CT_PAID_DONE);
    CHECK_EQ(of_earlier_version(1, 0), CT_PAID_DONE);
}

static const struct ct_test tests[] = {
    CT_TEST(wallet_that_sent_nothing_meanwhile_is_paid_when_it_has_as_much_more),
    CT_TEST(wallet_that_spent_meanwhile_was_paid_if_it_had_nothing_before_else_nobody_knows),
    CT_TEST(promise_of_an_earlier_version_is_never_kept_twice),
};
CT_TEST_MAIN(tests)
