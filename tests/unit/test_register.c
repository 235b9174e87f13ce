/* Claims about the next step towards a device's record: what the chain says decides it. */
/* links: ct_client_inside chainturn ct_wm ct_kex ct_turn ct_chain ct_base */
#include <string.h>

#include "enrol.h"

#include "ct_test.h"

#define TODAY 20000u
#define NOW_S (TODAY * UINT64_C(86400) + 100)

static const uint8_t wallet[20] = {1, 2, 3};
static const uint8_t key[32] = {4, 5, 6};

/* A record of ours, live, for the place that is wanted. */
static struct ct_device record_of(enum ct_record_state state)
{
    struct ct_device record = {
        .state = state, .expiry_day = TODAY + 90, .sequence = 3, .relay = 2, .port = 50001};
    memcpy(record.wallet20, wallet, sizeof wallet);
    memcpy(record.key32, key, sizeof key);
    return record;
}

static enum ct_register_do decide(const struct ct_device *record, bool is_funded)
{
    const struct ct_wanted wanted = {
        .wallet20 = wallet, .key32 = key, .relay = 2, .port = 50001, .is_funded = is_funded};
    return ct_register_decide(record, &wanted, NOW_S);
}

static void a_record_that_is_right_is_left_alone(void)
{
    struct ct_device record = record_of(CT_RECORD_APPROVED);
    CHECK_EQ(decide(&record, false), CT_REGISTER_NOTHING);
    CHECK_EQ(decide(&record, true), CT_REGISTER_NOTHING);
}

static void a_live_record_with_another_place_is_updated_on_either_road(void)
{
    struct ct_device record = record_of(CT_RECORD_APPROVED);
    record.port = 50002;
    CHECK_EQ(decide(&record, false), CT_REGISTER_UPDATE);
    CHECK_EQ(decide(&record, true), CT_REGISTER_UPDATE);
    record.port = 50001;
    record.relay = 1;
    CHECK_EQ(decide(&record, false), CT_REGISTER_UPDATE);
    CHECK_EQ(decide(&record, true), CT_REGISTER_UPDATE);
}

static void a_record_near_its_end_is_renewed_by_its_road_whatever_its_place(void)
{
    struct ct_device record = record_of(CT_RECORD_APPROVED);
    record.port = 50002;
    for (unsigned left = 0; left < 7; left++) {
        record.expiry_day = (uint16_t)(TODAY + left);
        CHECK_EQ(decide(&record, false), CT_REGISTER_SPONSORED);
        CHECK_EQ(decide(&record, true), CT_REGISTER_RENEW);
    }
    record.expiry_day = TODAY + 7;
    CHECK_EQ(decide(&record, true), CT_REGISTER_UPDATE);
}

static void a_renewal_that_was_refused_is_made_by_signature(void)
{
    struct ct_wanted wanted = {.wallet20 = wallet,
                               .key32 = key,
                               .relay = 2,
                               .port = 50001,
                               .is_funded = true,
                               .by_signature = true};
    struct ct_device record = record_of(CT_RECORD_APPROVED);
    record.expiry_day = TODAY + 6;
    CHECK_EQ(ct_register_decide(&record, &wanted, NOW_S), CT_REGISTER_SPONSORED);
    record.expiry_day = TODAY - 1; /* it ended meanwhile: the road is the device's again */
    CHECK_EQ(ct_register_decide(&record, &wanted, NOW_S), CT_REGISTER_ADD);
    record = record_of(CT_RECORD_APPROVED);
    CHECK_EQ(ct_register_decide(&record, &wanted, NOW_S), CT_REGISTER_NOTHING);
}

static void without_a_live_record_the_road_decides(void)
{
    static const enum ct_record_state states[] = {CT_RECORD_NONE, CT_RECORD_REVOKED};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct ct_device record = record_of(states[i]);
        CHECK_EQ(decide(&record, false), CT_REGISTER_SPONSORED);
        CHECK_EQ(decide(&record, true), CT_REGISTER_ADD);
    }
    struct ct_device expired = record_of(CT_RECORD_APPROVED);
    expired.expiry_day = TODAY - 1;
    CHECK_EQ(decide(&expired, false), CT_REGISTER_SPONSORED);
    CHECK_EQ(decide(&expired, true), CT_REGISTER_ADD);
}

static void a_pending_record_of_ours_waits_for_approval_and_is_not_written_twice(void)
{
    struct ct_device record = record_of(CT_RECORD_PENDING);
    CHECK_EQ(decide(&record, true), CT_REGISTER_APPROVE);
    record.port = 50002; /* the allocation was lost since: approved first, moved then */
    CHECK_EQ(decide(&record, true), CT_REGISTER_APPROVE);
    CHECK_EQ(decide(&record, false), CT_REGISTER_SPONSORED); /* who changed to that road */
}

static void a_pending_record_of_others_is_written_over(void)
{
    struct ct_device record = record_of(CT_RECORD_PENDING);
    record.wallet20[0] ^= 1;
    CHECK_EQ(decide(&record, true), CT_REGISTER_ADD);
    record = record_of(CT_RECORD_PENDING);
    record.key32[31] ^= 1;
    CHECK_EQ(decide(&record, true), CT_REGISTER_ADD);
    record = record_of(CT_RECORD_PENDING);
    record.expiry_day = TODAY;
    CHECK_EQ(decide(&record, true), CT_REGISTER_ADD);
}

static void a_live_record_with_another_key_is_never_updated(void)
{
    struct ct_device record = record_of(CT_RECORD_APPROVED);
    record.key32[0] ^= 1; /* an update would leave callers sealing to a key that is lost */
    CHECK_EQ(decide(&record, false), CT_REGISTER_SPONSORED);
    CHECK_EQ(decide(&record, true), CT_REGISTER_SPONSORED);
    record.expiry_day = TODAY + 6; /* nor renewed by addClient, which keeps the key */
    CHECK_EQ(decide(&record, true), CT_REGISTER_SPONSORED);
}

static const struct ct_test tests[] = {
    CT_TEST(a_record_that_is_right_is_left_alone),
    CT_TEST(a_live_record_with_another_place_is_updated_on_either_road),
    CT_TEST(a_record_near_its_end_is_renewed_by_its_road_whatever_its_place),
    CT_TEST(a_renewal_that_was_refused_is_made_by_signature),
    CT_TEST(without_a_live_record_the_road_decides),
    CT_TEST(a_pending_record_of_ours_waits_for_approval_and_is_not_written_twice),
    CT_TEST(a_pending_record_of_others_is_written_over),
    CT_TEST(a_live_record_with_another_key_is_never_updated),
};
CT_TEST_MAIN(tests)
