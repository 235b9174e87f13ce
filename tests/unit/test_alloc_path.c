/* Claims about an allocation and those who write on its path: forged answers, and what fits. */
/* links: ct_turn ct_base */
#include "alloc_bench.h"

static void answers_that_nobody_asked_for_are_dropped(void)
{
    struct bench b;
    struct ct_alloc_got got;
    uint8_t saved[2048];
    size_t len;
    set_up(&b, &config);
    turn(&b);
    drain(&b);
    REQUIRE(b.inbox_count == 1);
    len = b.inbox_len[0];
    memcpy(saved, b.inbox[0], len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        saved[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(ct_alloc_input(&b.a, b.now, saved, len, &got) != CT_OK);
        CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_ASKING);
        saved[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK_EQ(ct_alloc_input(&b.a, b.now, saved, len, &got), CT_OK);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
    CHECK_EQ(ct_alloc_input(&b.a, b.now, saved, len, &got), CT_ERR_FORMAT); /* a second time */
    CHECK_EQ(ct_alloc_input(&b.a, b.now, "\x40\x00\x00\x01x", 5, &got), CT_ERR_FORMAT);
}

static void transaction_ids_differ_and_hang_on_the_seed(void)
{
    struct bench a;
    struct bench b;
    uint8_t other[32] = {43};
    struct ct_alloc_config with = config;
    set_up(&a, &config);
    with.seed32 = other;
    set_up(&b, &with);
    CHECK(memcmp(a.a.control.tid, b.a.control.tid, CT_STUN_TID) != 0);
    uint8_t first[CT_STUN_TID];
    memcpy(first, a.a.control.tid, sizeof first);
    turn(&a);
    CHECK(memcmp(a.a.control.tid, first, CT_STUN_TID) != 0);
}

static void two_438s_with_the_same_new_nonce_do_not_kill_a_healthy_allocation(void)
{
    struct bench b;
    struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
    struct ct_addr other = ct_addr_ip4(peer_ip, 51001);
    set_up(&b, &config);
    allocate(&b);
    memcpy(b.relay.nonce, "nonce2", 7);
    REQUIRE(ct_alloc_bind(&b.a, b.now, &peer) == CT_OK);
    REQUIRE(ct_alloc_permit(&b.a, b.now, &other) == CT_OK);
    turn(&b); /* both went out with nonce1 */
    CHECK_EQ(b.relay.challenges, 3);
    turn(&b);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
    CHECK_EQ(ct_alloc_peer_state(&b.a, &peer), CT_ALLOC_PEER_READY);
    CHECK_EQ(ct_alloc_peer_state(&b.a, &other), CT_ALLOC_PEER_READY);
    CHECK_EQ(b.relay.challenges, 3);
}

/* An error answer to txn as somebody on the path can write it. */
static ct_err forge(struct bench *b, const struct ct_alloc_txn *txn, unsigned code,
                    const char *nonce)
{
    uint8_t buf[1024];
    size_t len = 0;
    struct ct_wr w;
    struct ct_alloc_got got;
    ct_stun_begin(&w, buf, sizeof buf, txn->method, CT_STUN_ERROR, txn->tid);
    ct_stun_put_error(&w, code, "no");
    if (nonce != NULL) {
        ct_stun_put_text(&w, CT_ATTR_REALM, "test.example");
        ct_stun_put_text(&w, CT_ATTR_NONCE, nonce);
    }
    if (ct_stun_end(&w, &len) != CT_OK) {
        return CT_ERR_ROOM;
    }
    return ct_alloc_input(&b->a, b->now, buf, len, &got);
}

/* The allocation, with a Refresh under way that the relay has not seen yet. */
static void until_refresh(struct bench *b)
{
    set_up(b, &config);
    allocate(b);
    REQUIRE(ct_alloc_renew(&b->a, b->now, "user", "secret") == CT_OK);
    b->drops = 1;
    drain(b);
    CHECK_EQ(b->a.control.method, CT_STUN_REFRESH);
}

static void an_unsigned_error_does_not_end_an_allocation_that_stands(void)
{
    static const unsigned codes[] = {300, 400, 403, 437, 441, 486, 500};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct bench b;
        until_refresh(&b);
        CHECK_EQ(forge(&b, &b.a.control, codes[i], NULL), CT_ERR_AUTH);
        CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
        CHECK_EQ(ct_alloc_error_code(&b.a), 401); /* the one that began it */
        run_until(&b, b.now + 2000);
        CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
        CHECK_EQ(b.relay.refreshes, 1);
    }
}

static void a_challenge_that_is_no_news_does_not_end_an_allocation_that_stands(void)
{
    struct bench b;
    until_refresh(&b);
    CHECK_EQ(forge(&b, &b.a.control, 401, "nonce1"), CT_OK);
    CHECK_EQ(forge(&b, &b.a.control, 438, "nonce1"), CT_OK);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
    run_until(&b, b.now + 2000);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
    CHECK_EQ(b.relay.refreshes, 1);
}

static void forged_nonces_without_end_do_not_end_an_allocation_that_stands(void)
{
    struct bench b;
    char nonce[16];
    until_refresh(&b);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(nonce, sizeof nonce, "forged%d", i);
        CHECK_EQ(forge(&b, &b.a.control, 438, nonce), CT_OK);
        if (b.a.control.tries == 0) {
            b.drops = 1;
            drain(&b);
        }
    }
    CHECK_EQ(b.a.control.challenges, 4);
    run_until(&b, b.now + 20000);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
    CHECK_EQ(b.relay.refreshes, 1);
}

static void an_unsigned_error_is_the_cause_when_nothing_better_comes(void)
{
    static const struct {
        unsigned code;
        const char *nonce;
        ct_err err;
    } cases[] = {{437, NULL, CT_ERR_STATE}, {441, NULL, CT_ERR_AUTH}, {401, "nonce1", CT_ERR_AUTH}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        until_refresh(&b);
        (void)forge(&b, &b.a.control, cases[i].code, cases[i].nonce);
        b.drops = SIZE_MAX;
        run_until(&b, b.now + 100000);
        CHECK_EQ(ct_alloc_failure(&b.a, NULL), cases[i].err);
        CHECK_EQ(ct_alloc_error_code(&b.a), cases[i].code);
    }
}

static void a_first_allocate_believes_an_unsigned_error_at_once(void)
{
    struct bench b;
    set_up(&b, &config);
    turn(&b);
    drain(&b);
    CHECK_EQ(forge(&b, &b.a.control, 437, NULL), CT_OK);
    CHECK_EQ(ct_alloc_failure(&b.a, NULL), CT_ERR_STATE);
}

static void a_forged_binding_answer_does_not_rewrite_the_mapped_address(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    struct ct_addr before = *ct_alloc_mapped(&b.a);
    uint64_t start = b.now;
    b.relay.mapped_port = 40001; /* the allocation itself is where it was */
    run_until(&b, start + 30000);
    CHECK(ct_addr_equal(ct_alloc_mapped(&b.a), &before));
    CHECK_EQ(b.relay.refreshes, 1); /* it was a reason to look */
    run_until(&b, start + 90000);
    CHECK_EQ(b.relay.refreshes, 1); /* once */
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
}

static void the_longest_texts_fit_a_datagram(void)
{
    struct bench b;
    struct ct_alloc_saved saved;
    struct ct_alloc_config with = config;
    static char username[509], software[64];
    uint8_t ip6[16] = {0x20, 1};
    struct ct_addr peer = ct_addr_ip6(ip6, 51000);
    uint8_t out[CT_ALLOC_DATAGRAM];
    size_t len = 0;
    memset(username, 'u', sizeof username - 1);
    memset(software, 's', sizeof software - 1);
    with.username = username;
    with.software = software;
    with.lifetime_s = 600;
    memset(&saved, 0, sizeof saved);
    memset(saved.realm, 'r', sizeof saved.realm - 1);
    memset(saved.nonce, 'n', sizeof saved.nonce - 1);
    set_up(&b, &with);
    REQUIRE(ct_alloc_resume(&b.a, &with, &saved, b.now, NULL) == CT_OK);
    CHECK_EQ(ct_alloc_poll(&b.a, b.now, out, sizeof out, &len), CT_OK);
    b.a.state = CT_ALLOC_READY;
    b.a.expires_ms = b.a.refresh_ms = b.a.keepalive_next_ms = UINT64_MAX;
    REQUIRE(ct_alloc_bind(&b.a, b.now, &peer) == CT_OK);
    CHECK_EQ(ct_alloc_poll(&b.a, b.now, out, sizeof out, &len), CT_OK);
    CHECK(len > 2048);
}

static void what_proves_no_address_is_as_long_as_its_answer(void)
{
    struct bench b;
    struct ct_stun m;
    struct ct_alloc_config with = config;
    uint8_t out[CT_ALLOC_DATAGRAM];
    size_t len = 0;
    with.software = "chainturn";
    set_up(&b, &with);
    REQUIRE(ct_alloc_poll(&b.a, b.now, out, sizeof out, &len) == CT_OK);
    CHECK(len >= 76); /* a 401 of chainturn's relay: realm and nonce, no version */
    REQUIRE(ct_stun_parse(&m, out, len) == CT_OK);
    REQUIRE(m.software.len >= strlen("chainturn"));
    CHECK_MEM(m.software.at, "chainturn ", strlen("chainturn "));
    b.now += 1000000; /* the answer to the repeated one */
    turn(&b);
    REQUIRE(ct_alloc_poll(&b.a, b.now, out, sizeof out, &len) == CT_OK);
    REQUIRE(ct_stun_parse(&m, out, len) == CT_OK);
    CHECK(m.nonce.len > 0);
    CHECK_EQ(m.software.len, strlen("chainturn")); /* with a nonce there is no need */
}

static void a_request_that_does_not_fit_fails_and_does_not_spin(void)
{
    struct bench b;
    uint8_t out[24];
    size_t len = 0;
    set_up(&b, &config);
    CHECK_EQ(ct_alloc_poll(&b.a, b.now, out, sizeof out, &len), CT_ERR_AGAIN);
    CHECK_EQ(ct_alloc_failure(&b.a, NULL), CT_ERR_ROOM);
    CHECK(ct_alloc_deadline(&b.a) == UINT64_MAX);
}

static void a_lifetime_beyond_an_hour_is_not_relied_on(void)
{
    struct bench b;
    set_up(&b, &config);
    b.relay.lifetime_s = UINT32_MAX;
    allocate(&b);
    CHECK_EQ(ct_alloc_lifetime_s(&b.a), 3600);
    run_until(&b, b.now + 1800000);
    CHECK_EQ(b.relay.refreshes, 1);
}

static const struct ct_test tests[] = {
    CT_TEST(answers_that_nobody_asked_for_are_dropped),
    CT_TEST(transaction_ids_differ_and_hang_on_the_seed),
    CT_TEST(two_438s_with_the_same_new_nonce_do_not_kill_a_healthy_allocation),
    CT_TEST(an_unsigned_error_does_not_end_an_allocation_that_stands),
    CT_TEST(a_challenge_that_is_no_news_does_not_end_an_allocation_that_stands),
    CT_TEST(forged_nonces_without_end_do_not_end_an_allocation_that_stands),
    CT_TEST(an_unsigned_error_is_the_cause_when_nothing_better_comes),
    CT_TEST(a_first_allocate_believes_an_unsigned_error_at_once),
    CT_TEST(a_forged_binding_answer_does_not_rewrite_the_mapped_address),
    CT_TEST(the_longest_texts_fit_a_datagram),
    CT_TEST(what_proves_no_address_is_as_long_as_its_answer),
    CT_TEST(a_request_that_does_not_fit_fails_and_does_not_spin),
    CT_TEST(a_lifetime_beyond_an_hour_is_not_relied_on),
};
CT_TEST_MAIN(tests)
