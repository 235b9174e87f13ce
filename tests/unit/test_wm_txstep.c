/* What the wallet manager does with a transaction under way, case by case, and what it offers. */
/* links: ct_wmserver ct_chain ct_base */
#include "ct_test.h"
#include "wm-server/src/tx/fee.h"
#include "wm-server/src/tx/txstep.h"

static const struct ct_tx_rules rules = {
    .confirmations = 3, .repeat_s = 10, .bump_s = 30, .lost_s = 60};

/* Taken by an endpoint a second ago, and the next that the chain waits for. */
static const struct ct_tx_seen sent = {
    .state = CT_TXN_SENT, .is_next = true, .age_s = 1, .quiet_s = 1, .said = CT_NODE_HAS_IT};

static void step_is(const struct ct_tx_seen *seen, enum ct_tx_step want)
{
    enum ct_tx_step got = ct_tx_step(seen, &rules);
    CHECK_STR(ct_tx_step_text(got), ct_tx_step_text(want));
}

static void signed_transaction_is_offered_at_once(void)
{
    struct ct_tx_seen s = sent;
    s.state = CT_TXN_SIGNED;
    s.quiet_s = UINT64_MAX; /* after a restart nobody knows when */
    step_is(&s, CT_TX_OFFER);
    s.state = CT_TXN_SENT;
    step_is(&s, CT_TX_OFFER);
    step_is(&sent, CT_TX_WAIT);
}

static void silent_transaction_is_offered_again_and_then_for_more(void)
{
    struct ct_tx_seen s = sent;
    s.age_s = s.quiet_s = 9;
    step_is(&s, CT_TX_WAIT);
    s.age_s = s.quiet_s = 10;
    step_is(&s, CT_TX_OFFER);
    s.age_s = 30;
    s.quiet_s = 1;
    step_is(&s, CT_TX_BUMP);
    s.is_next = false; /* it waits for another one, not for its fee */
    step_is(&s, CT_TX_WAIT);
    s.is_next = true;
    s.said = CT_NODE_NO_ETHER; /* more would only be refused again */
    step_is(&s, CT_TX_WAIT);
}

static void too_little_is_bumped_without_waiting_long(void)
{
    struct ct_tx_seen s = sent;
    s.said = CT_NODE_REPLACES;
    step_is(&s, CT_TX_BUMP);
    s.said = CT_NODE_FEE_LOW;
    step_is(&s, CT_TX_BUMP);
    s.quiet_s = 0; /* but not in a circle */
    step_is(&s, CT_TX_WAIT);
}

static void what_no_node_takes_is_filled_once(void)
{
    struct ct_tx_seen s = sent;
    s.said = CT_NODE_NEVER;
    step_is(&s, CT_TX_FILL);
    s.is_filler = true;
    step_is(&s, CT_TX_WAIT);
}

static void mined_transaction_waits_for_its_depth(void)
{
    struct ct_tx_seen s = sent;
    s.is_used = s.found = true;
    s.depth = 1;
    step_is(&s, CT_TX_MINED);
    s.state = CT_TXN_MINED;
    s.same_block = true;
    s.depth = 2;
    step_is(&s, CT_TX_WAIT);
    s.same_block = false; /* another block of the same height */
    step_is(&s, CT_TX_MINED);
    s.depth = 3;
    step_is(&s, CT_TX_CLOSE);
    s.depth = 0; /* told by endpoints that are ahead of what is agreed */
    s.is_used = false;
    s.state = CT_TXN_SENT;
    step_is(&s, CT_TX_WAIT);
}

static void vanished_block_puts_it_back(void)
{
    struct ct_tx_seen s = sent;
    s.state = CT_TXN_MINED;
    step_is(&s, CT_TX_PUT_BACK);
    s.is_used = true; /* not proven gone: the receipts may be late */
    step_is(&s, CT_TX_WAIT);
}

static void used_nonce_is_given_up_only_when_no_endpoint_knows_a_receipt(void)
{
    struct ct_tx_seen s = sent;
    s.is_used = true;
    s.unseen_s = 59;
    step_is(&s, CT_TX_WAIT);
    s.unseen_s = 60;
    step_is(&s, CT_TX_LOSE);
    s.disputed = true;
    step_is(&s, CT_TX_WAIT);
    s.disputed = false;
    s.quiet_s = UINT64_MAX; /* never offered again: that would be in vain */
    s.unseen_s = 0;
    step_is(&s, CT_TX_WAIT);
}

/* ---- fees ---- */

static void replacement_offers_an_eighth_more_at_least(void)
{
    struct ct_fee old = {.max_wei = 1000, .tip_wei = 3};
    struct ct_fee now = {.max_wei = 10, .tip_wei = 1};
    struct ct_fee next;
    REQUIRE(ct_fee_bump(&next, &old, &now, 100000) == CT_OK);
    CHECK(next.max_wei == 1125 && next.tip_wei == 4);
    now = (struct ct_fee){.max_wei = 5000, .tip_wei = 700};
    REQUIRE(ct_fee_bump(&next, &old, &now, 100000) == CT_OK);
    CHECK(next.max_wei == 5000 && next.tip_wei == 700);
    for (uint64_t wei = 1; wei < UINT64_C(1) << 62; wei = wei * 3 + 1) {
        old = (struct ct_fee){.max_wei = wei, .tip_wei = wei};
        if (ct_fee_bump(&next, &old, &now, INT64_MAX) == CT_OK) {
            CHECK(next.max_wei - wei >= wei / 8 && next.tip_wei - wei >= wei / 8);
            CHECK(next.tip_wei <= next.max_wei);
        }
    }
}

static void replacement_stays_below_the_cap(void)
{
    struct ct_fee old = {.max_wei = 1000, .tip_wei = 3};
    struct ct_fee now = {.max_wei = 90000, .tip_wei = 80000};
    struct ct_fee next = {0};
    CHECK_EQ(ct_fee_bump(&next, &old, &now, 1124), CT_ERR_REFUSED);
    REQUIRE(ct_fee_bump(&next, &old, &now, 1125) == CT_OK);
    CHECK(next.max_wei == 1125 && next.tip_wei == 1125);
    struct ct_u256 max = ct_u256_from_u64(90000);
    struct ct_u256 tip = ct_u256_from_u64(80000);
    struct ct_fee first = ct_fee_first(&max, &tip, 5000);
    CHECK(first.max_wei == 5000 && first.tip_wei == 5000);
    max.be[0] = 1; /* absurd */
    first = ct_fee_first(&max, &tip, UINT64_MAX);
    CHECK(first.max_wei == INT64_MAX && first.tip_wei == 80000);
}

static const struct ct_test tests[] = {
    CT_TEST(signed_transaction_is_offered_at_once),
    CT_TEST(silent_transaction_is_offered_again_and_then_for_more),
    CT_TEST(too_little_is_bumped_without_waiting_long),
    CT_TEST(what_no_node_takes_is_filled_once),
    CT_TEST(mined_transaction_waits_for_its_depth),
    CT_TEST(vanished_block_puts_it_back),
    CT_TEST(used_nonce_is_given_up_only_when_no_endpoint_knows_a_receipt),
    CT_TEST(replacement_offers_an_eighth_more_at_least),
    CT_TEST(replacement_stays_below_the_cap),
};
CT_TEST_MAIN(tests)
