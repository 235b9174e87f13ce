/* Claims about the life of an allocation: made, kept, lost, taken over, given back. */
/* links: ct_turn ct_base */
#include "alloc_bench.h"

static void two_round_trips_allocate(void)
{
    struct bench b;
    char text[CT_ADDR_TEXT];
    set_up(&b, &config);
    uint64_t start = b.now;
    allocate(&b);
    CHECK_EQ(b.now - start, 40);
    CHECK_EQ(b.sent, 2);
    ct_addr_to_text(text, ct_alloc_relayed(&b.a));
    CHECK_STR(text, "198.51.100.11:50000");
    ct_addr_to_text(text, ct_alloc_mapped(&b.a));
    CHECK_STR(text, "192.0.2.9:40000");
    CHECK_EQ(ct_alloc_lifetime_s(&b.a), 600);
    CHECK_EQ(ct_alloc_rtt_us(&b.a), 20000);
    CHECK_EQ(ct_alloc_failure(&b.a, NULL), CT_OK);
}

static void a_wrong_password_is_one_clear_error(void)
{
    struct bench b;
    struct ct_why why;
    struct ct_alloc_config wrong = config;
    wrong.password = "guess";
    set_up(&b, &wrong);
    turn(&b);
    turn(&b);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_FAILED);
    CHECK_EQ(ct_alloc_failure(&b.a, &why), CT_ERR_AUTH);
    CHECK_EQ(ct_alloc_error_code(&b.a), 401);
    CHECK(strstr(why.text, "credentials") != NULL);
    CHECK_EQ(b.sent, 2);
    CHECK(ct_alloc_deadline(&b.a) == UINT64_MAX);
}

static void a_server_that_cannot_sign_is_not_believed(void)
{
    struct bench b;
    struct ct_why why;
    set_up(&b, &config);
    b.relay.is_forger = true;
    run_until(&b, b.now + 60000);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_FAILED);
    CHECK_EQ(ct_alloc_failure(&b.a, &why), CT_ERR_AUTH);
    CHECK(strstr(why.text, "prove") != NULL);
}

static void errors_of_the_server_have_their_own_words(void)
{
    static const struct {
        unsigned code;
        ct_err err;
        const char *word;
    } cases[] = {{403, CT_ERR_REFUSED, "forbids"},    {437, CT_ERR_STATE, "allocate anew"},
                 {441, CT_ERR_AUTH, "other cred"},    {442, CT_ERR_REFUSED, "transport"},
                 {486, CT_ERR_REFUSED, "quota"},      {508, CT_ERR_REFUSED, "no free port"},
                 {300, CT_ERR_REFUSED, "another se"}, {500, CT_ERR_REFUSED, "error 500"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        struct ct_why why;
        set_up(&b, &config);
        b.relay.error = cases[i].code;
        turn(&b);
        turn(&b);
        CHECK_EQ(ct_alloc_failure(&b.a, &why), cases[i].err);
        CHECK(strstr(why.text, cases[i].word) != NULL);
        CHECK_EQ(ct_alloc_error_code(&b.a), cases[i].code);
    }
}

/* RFC 8489 6.2.1: 7 sendings at 0, 1, 3, 7, 15, 31, 63 RTO, and 16 RTO more. */
static void requests_are_repeated_as_the_rfc_says(void)
{
    struct bench b;
    struct ct_why why;
    static const uint64_t at[] = {0, 1, 3, 7, 15, 31, 63};
    set_up(&b, &config);
    b.drops = 100;
    uint64_t start = b.now;
    for (size_t i = 0; i < 7; i++) {
        b.now = start + 500u * at[i];
        if (i > 0) {
            b.now--;
            drain(&b);
            CHECK_EQ(b.sent, i);
            b.now++;
        }
        CHECK_EQ(ct_alloc_deadline(&b.a), b.now);
        drain(&b);
        CHECK_EQ(b.sent, i + 1);
    }
    CHECK_EQ(ct_alloc_deadline(&b.a), start + UINT64_C(500) * (63 + 16));
    b.now = start + UINT64_C(500) * (63 + 16);
    drain(&b);
    CHECK_EQ(ct_alloc_failure(&b.a, &why), CT_ERR_TIMEOUT);
    CHECK(strstr(why.text, "does not answer") != NULL);
}

static void a_measured_round_trip_sets_the_timer(void)
{
    struct bench b;
    struct ct_alloc_config with = config;
    with.rtt_ms = 200;
    set_up(&b, &with);
    drain(&b);
    CHECK_EQ(ct_alloc_deadline(&b.a), b.now + 600); /* srtt + 4 x rttvar, RFC 6298 2.2 */
    with.rtt_ms = 1;
    set_up(&b, &with);
    drain(&b);
    CHECK_EQ(ct_alloc_deadline(&b.a), b.now + 100);
}

static void lost_datagrams_only_cost_time(void)
{
    for (size_t lost = 0; lost < 6; lost++) {
        struct bench b;
        set_up(&b, &config);
        b.drops = lost;
        run_until(&b, b.now + 40000);
        CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
        CHECK_EQ(b.relay.allocations, 1);
    }
}

static void the_allocation_is_refreshed_before_half_its_life(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    uint64_t start = b.now;
    run_until(&b, start + 269000);
    CHECK_EQ(b.relay.refreshes, 0);
    run_until(&b, start + 300000);
    CHECK_EQ(b.relay.refreshes, 1);
    run_until(&b, start + 3600000);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
    CHECK(b.relay.refreshes >= 12);
}

static void refreshing_more_often_notices_a_restart_sooner(void)
{
    struct bench b;
    struct ct_alloc_config with = config;
    with.refresh_ms = 30000;
    set_up(&b, &with);
    allocate(&b);
    run_until(&b, b.now + 100000);
    CHECK_EQ(b.relay.refreshes, 3);
    memset(b.relay.allocs, 0, sizeof b.relay.allocs);
    run_until(&b, b.now + 31000);
    CHECK_EQ(ct_alloc_failure(&b.a, NULL), CT_ERR_STATE);
}

static void a_stale_nonce_costs_one_round_trip(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    memcpy(b.relay.nonce, "nonce2", 7);
    run_until(&b, b.now + 300000);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
    CHECK_EQ(b.relay.refreshes, 1);
    CHECK_EQ(b.relay.challenges, 2);
}

static void a_relay_that_forgot_the_allocation_is_noticed(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    memset(b.relay.allocs, 0, sizeof b.relay.allocs); /* it restarted */
    memcpy(b.relay.nonce, "nonce2", 7);
    run_until(&b, b.now + 300000);
    CHECK_EQ(ct_alloc_failure(&b.a, NULL), CT_ERR_STATE);
}

static void a_nat_that_moves_us_is_noticed_by_the_keepalive(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    uint64_t start = b.now;
    run_until(&b, start + 19000);
    b.relay.mapped_port = 40001;
    memset(b.relay.allocs, 0, sizeof b.relay.allocs); /* none at the new address */
    run_until(&b, start + 25000);
    CHECK_EQ(ct_alloc_failure(&b.a, NULL), CT_ERR_STATE);
}

static void a_silent_relay_fails_when_the_lifetime_is_over(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    b.drops = SIZE_MAX;
    run_until(&b, b.now + 700000);
    CHECK_EQ(ct_alloc_failure(&b.a, NULL), CT_ERR_TIMEOUT);
}

static void release_frees_the_allocation(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    ct_alloc_release(&b.a, b.now);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_RELEASING);
    turn(&b);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_RELEASED);
    CHECK_EQ(b.relay.releases, 1);
    CHECK(fake_relay_find(&b.relay, 1) == NULL);
    CHECK(ct_alloc_deadline(&b.a) == UINT64_MAX);
}

static void release_of_what_was_never_asked_sends_nothing(void)
{
    struct bench b;
    set_up(&b, &config);
    ct_alloc_release(&b.a, b.now);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_RELEASED);
    drain(&b);
    CHECK_EQ(b.sent, 0);
}

static void another_process_goes_on_with_the_allocation(void)
{
    struct bench b;
    struct ct_alloc_saved saved;
    set_up(&b, &config);
    CHECK_EQ(ct_alloc_save(&b.a, &saved), CT_ERR_STATE);
    allocate(&b);
    REQUIRE(ct_alloc_save(&b.a, &saved) == CT_OK);
    struct ct_addr before = *ct_alloc_relayed(&b.a);
    ct_alloc_wipe(&b.a);
    memcpy(b.relay.nonce, "nonce2", 7);
    REQUIRE(ct_alloc_resume(&b.a, &config, &saved, b.now, NULL) == CT_OK);
    turn(&b);
    turn(&b);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
    CHECK(ct_addr_equal(ct_alloc_relayed(&b.a), &before));
    CHECK_EQ(b.relay.allocations, 1);

    memset(b.relay.allocs, 0, sizeof b.relay.allocs);
    REQUIRE(ct_alloc_resume(&b.a, &config, &saved, b.now, NULL) == CT_OK);
    turn(&b);
    turn(&b);
    CHECK_EQ(ct_alloc_failure(&b.a, NULL), CT_ERR_STATE);
}

static void a_renewed_pass_refreshes_at_once(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    REQUIRE(ct_alloc_renew(&b.a, b.now, "user2", "secret") == CT_OK);
    turn(&b);
    CHECK_EQ(b.relay.refreshes, 1);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
}

static void whose_relay_it_is_is_told_to_who_asks(void)
{
    struct bench b;
    size_t len = 0;
    struct ct_alloc_config asks = config;
    set_up(&b, &config);
    b.relay.owner = "nobody asked";
    b.relay.owner_len = 12;
    allocate(&b);
    CHECK_EQ(b.relay.owner_asked, 0);
    (void)ct_alloc_owner(&b.a, &len);
    CHECK_EQ(len, 0);
    asks.asks_owner = true;
    set_up(&b, &asks);
    b.relay.owner = "mine";
    b.relay.owner_len = 4;
    allocate(&b);
    CHECK(b.relay.owner_asked > 0);
    CHECK_MEM(ct_alloc_owner(&b.a, &len), "mine", 4);
    CHECK_EQ(len, 4);
    set_up(&b, &asks);
    b.relay.owner = "mine";
    b.relay.owner_len = 4;
    b.relay.is_forger = true; /* it does not hold the key that it should */
    run_until(&b, b.now + 60000);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_FAILED);
    (void)ct_alloc_owner(&b.a, &len);
    CHECK_EQ(len, 0);
}

static void a_family_of_the_relayed_address_is_asked_for(void)
{
    struct bench b;
    struct ct_alloc_config six = config;
    set_up(&b, &config);
    allocate(&b);
    CHECK_EQ(b.relay.family_asked, 0);
    six.family = 6;
    set_up(&b, &six);
    allocate(&b);
    CHECK_EQ(b.relay.family_asked, 2);
    six.family = 4;
    set_up(&b, &six);
    allocate(&b);
    CHECK_EQ(b.relay.family_asked, 1);
}

static void credentials_that_cannot_be_are_refused(void)
{
    struct ct_alloc a;
    struct ct_alloc_config bad = config;
    char longest[600];
    memset(longest, 'u', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    bad.username = longest;
    CHECK_EQ(ct_alloc_init(&a, &bad, 0, NULL), CT_ERR_ARG);
    bad = config;
    bad.password = "";
    CHECK_EQ(ct_alloc_init(&a, &bad, 0, NULL), CT_ERR_ARG);
    bad = config;
    bad.username = "J\xc3\xbcrgen";
    CHECK_EQ(ct_alloc_init(&a, &bad, 0, NULL), CT_ERR_ARG);
    bad = config;
    bad.seed32 = NULL;
    CHECK_EQ(ct_alloc_init(&a, &bad, 0, NULL), CT_ERR_ARG);
}

static const struct ct_test tests[] = {
    CT_TEST(two_round_trips_allocate),
    CT_TEST(a_wrong_password_is_one_clear_error),
    CT_TEST(a_server_that_cannot_sign_is_not_believed),
    CT_TEST(errors_of_the_server_have_their_own_words),
    CT_TEST(requests_are_repeated_as_the_rfc_says),
    CT_TEST(a_measured_round_trip_sets_the_timer),
    CT_TEST(lost_datagrams_only_cost_time),
    CT_TEST(the_allocation_is_refreshed_before_half_its_life),
    CT_TEST(refreshing_more_often_notices_a_restart_sooner),
    CT_TEST(a_stale_nonce_costs_one_round_trip),
    CT_TEST(a_relay_that_forgot_the_allocation_is_noticed),
    CT_TEST(a_nat_that_moves_us_is_noticed_by_the_keepalive),
    CT_TEST(a_silent_relay_fails_when_the_lifetime_is_over),
    CT_TEST(release_frees_the_allocation),
    CT_TEST(release_of_what_was_never_asked_sends_nothing),
    CT_TEST(another_process_goes_on_with_the_allocation),
    CT_TEST(a_renewed_pass_refreshes_at_once),
    CT_TEST(whose_relay_it_is_is_told_to_who_asks),
    CT_TEST(a_family_of_the_relayed_address_is_asked_for),
    CT_TEST(credentials_that_cannot_be_are_refused),
};
CT_TEST_MAIN(tests)
