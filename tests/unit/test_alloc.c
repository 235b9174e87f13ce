/* Claims about the allocation machine, against a TURN server without sockets, under a fake clock.
 */
/* links: ct_turn ct_base */
#include <string.h>

#include "turn/alloc.h"

#include "ct_test.h"
#include "fake_relay.h"

/*
 *   struct ct_alloc --poll--> wire --> struct fake_relay --to_client--> inbox --input--> ct_alloc
 *
 * The inbox holds answers until the next turn(); `drops` of the machine's datagrams get lost.
 */
struct bench {
    struct ct_alloc a;
    struct fake_relay relay;
    uint64_t now;
    uint8_t inbox[16][2048];
    size_t inbox_len[16];
    size_t inbox_count;
    uint8_t peer_got[2048];
    size_t peer_got_len;
    struct ct_addr peer_to;
    size_t drops;
    size_t sent;
    struct ct_alloc_got got;
    uint8_t got_data[2048];
};

static const uint8_t seed[32] = {42};
static const struct ct_alloc_config config = {
    .username = "user", .password = "secret", .seed32 = seed};

static void into_inbox(void *arg, unsigned client, const uint8_t *bytes, size_t len)
{
    struct bench *b = arg;
    (void)client;
    if (b->inbox_count < 16) {
        memcpy(b->inbox[b->inbox_count], bytes, len);
        b->inbox_len[b->inbox_count++] = len;
    }
}

static void into_peer(void *arg, const struct ct_addr *from, const struct ct_addr *to,
                      const uint8_t *bytes, size_t len)
{
    struct bench *b = arg;
    (void)from;
    b->peer_to = *to;
    memcpy(b->peer_got, bytes, len);
    b->peer_got_len = len;
}

static void set_up(struct bench *b, const struct ct_alloc_config *with)
{
    memset(b, 0, sizeof *b);
    b->now = 1000000;
    b->relay = (struct fake_relay){.ip4 = {198, 51, 100, 11},
                                   .password = "secret",
                                   .nonce = "nonce1",
                                   .next_port = 50000,
                                   .lifetime_s = 600,
                                   .mapped_port = 40000,
                                   .to_client = into_inbox,
                                   .to_peer = into_peer,
                                   .arg = b};
    CHECK_EQ(ct_alloc_init(&b->a, with, b->now, NULL), CT_OK);
}

static void drain(struct bench *b)
{
    uint8_t out[CT_ALLOC_DATAGRAM];
    size_t len = 0;
    while (ct_alloc_poll(&b->a, b->now, out, sizeof out, &len) == CT_OK) {
        b->sent++;
        if (b->drops > 0) {
            b->drops--;
        } else {
            fake_relay_input(&b->relay, 1, out, len);
        }
    }
}

/* Sends what is due, brings the answers back 20 ms later. */
static void turn(struct bench *b)
{
    drain(b);
    b->now += 20;
    size_t count = b->inbox_count;
    b->inbox_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct ct_alloc_got got;
        if (ct_alloc_input(&b->a, b->now, b->inbox[i], b->inbox_len[i], &got) == CT_OK &&
            got.kind == CT_ALLOC_DATA) {
            b->got = got;
            memcpy(b->got_data, got.data, got.len);
        }
    }
}

static void run_until(struct bench *b, uint64_t end)
{
    while (b->now < end) {
        turn(b);
        uint64_t next = ct_alloc_deadline(&b->a);
        if (next > b->now && b->inbox_count == 0) {
            b->now = next < end ? next : end;
        }
    }
}

static void allocate(struct bench *b)
{
    turn(b);
    turn(b);
    CHECK_EQ(ct_alloc_state(&b->a), CT_ALLOC_READY);
}

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

static const uint8_t peer_ip[4] = {198, 51, 100, 12};

static void data_goes_by_send_and_then_by_channel(void)
{
    struct bench b;
    uint8_t out[256];
    size_t len = 0;
    struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
    set_up(&b, &config);
    CHECK_EQ(ct_alloc_wrap(&b.a, out, sizeof out, &len, &peer, "x", 1), CT_ERR_STATE);
    allocate(&b);
    REQUIRE(ct_alloc_wrap(&b.a, out, sizeof out, &len, &peer, "one", 3) == CT_OK);
    CHECK(ct_stun_is(out, len));
    fake_relay_input(&b.relay, 1, out, len);
    CHECK_EQ(b.peer_got_len, 3);
    CHECK_MEM(b.peer_got, "one", 3);
    CHECK(ct_addr_equal(&b.peer_to, &peer));

    REQUIRE(ct_alloc_bind(&b.a, b.now, &peer) == CT_OK);
    CHECK_EQ(ct_alloc_peer_state(&b.a, &peer), CT_ALLOC_PEER_ASKING);
    REQUIRE(ct_alloc_wrap(&b.a, out, sizeof out, &len, &peer, "two", 3) == CT_OK);
    CHECK(ct_stun_is(out, len)); /* not confirmed yet */
    turn(&b);
    CHECK_EQ(ct_alloc_peer_state(&b.a, &peer), CT_ALLOC_PEER_READY);
    REQUIRE(ct_alloc_wrap(&b.a, out, sizeof out, &len, &peer, "three", 5) == CT_OK);
    CHECK(ct_channel_is(out, len));
    CHECK_EQ(len, 9);
    fake_relay_input(&b.relay, 1, out, len);
    CHECK_MEM(b.peer_got, "three", 5);
}

static void data_comes_by_indication_and_by_channel(void)
{
    struct bench b;
    struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
    set_up(&b, &config);
    allocate(&b);
    for (int bound = 0; bound < 2; bound++) {
        memset(&b.got, 0, sizeof b.got);
        fake_relay_inbound(&b.relay, &peer, ct_alloc_relayed(&b.a), (const uint8_t *)"ping", 4);
        turn(&b);
        CHECK_EQ(b.got.kind, CT_ALLOC_DATA);
        CHECK_EQ(b.got.len, 4);
        CHECK_MEM(b.got_data, "ping", 4);
        CHECK(ct_addr_equal(&b.got.peer, &peer));
        REQUIRE(ct_alloc_bind(&b.a, b.now, &peer) == CT_OK);
        turn(&b);
    }
    CHECK_EQ(b.relay.binds, 1); /* asking again is harmless */
}

static void permissions_and_channels_are_renewed(void)
{
    struct bench b;
    struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
    struct ct_addr other = ct_addr_ip4(peer_ip, 51001);
    set_up(&b, &config);
    CHECK_EQ(ct_alloc_permit(&b.a, b.now, &peer), CT_ERR_STATE);
    allocate(&b);
    REQUIRE(ct_alloc_permit(&b.a, b.now, &peer) == CT_OK);
    REQUIRE(ct_alloc_bind(&b.a, b.now, &other) == CT_OK);
    run_until(&b, b.now + 1000000);
    CHECK_EQ(b.relay.permissions, 5); /* every 240 s of 300 */
    CHECK_EQ(b.relay.binds, 5);
    ct_alloc_forget(&b.a, &peer);
    CHECK_EQ(ct_alloc_peer_state(&b.a, &peer), CT_ALLOC_PEER_NONE);
    run_until(&b, b.now + 1000000);
    CHECK_EQ(b.relay.permissions, 5);
}

static void a_refused_peer_leaves_the_allocation_alone(void)
{
    struct bench b;
    struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
    set_up(&b, &config);
    allocate(&b);
    b.relay.refuses_peers = true;
    REQUIRE(ct_alloc_bind(&b.a, b.now, &peer) == CT_OK);
    turn(&b);
    CHECK_EQ(ct_alloc_peer_state(&b.a, &peer), CT_ALLOC_PEER_REFUSED);
    CHECK_EQ(ct_alloc_error_code(&b.a), 403);
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
}

static void the_table_of_peers_is_bounded(void)
{
    struct bench b;
    set_up(&b, &config);
    allocate(&b);
    for (uint16_t i = 0; i <= CT_ALLOC_PEERS; i++) {
        struct ct_addr peer = ct_addr_ip4(peer_ip, (uint16_t)(1000 + i));
        CHECK_EQ(ct_alloc_permit(&b.a, b.now, &peer), i < CT_ALLOC_PEERS ? CT_OK : CT_ERR_ROOM);
    }
}

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

/* ---- two requests at once, and those who listen on the path ---- */

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

/* ---- channels that end ---- */

static void a_channel_whose_renewal_was_refused_does_not_stay_bound(void)
{
    for (int silent = 0; silent < 2; silent++) {
        struct bench b;
        uint8_t out[256];
        size_t len = 0;
        struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
        set_up(&b, &config);
        allocate(&b);
        REQUIRE(ct_alloc_bind(&b.a, b.now, &peer) == CT_OK);
        turn(&b);
        CHECK_EQ(ct_alloc_peer_state(&b.a, &peer), CT_ALLOC_PEER_READY);
        uint16_t number = b.a.peers[0].channel;
        b.now += 240000;
        if (silent) { /* no answer to this one request, and time goes by */
            b.a.refresh_ms = b.a.keepalive_next_ms = UINT64_MAX;
            b.drops = 7;
        }
        b.relay.refuses_peers = true;
        run_until(&b, b.now + 30000);
        CHECK_EQ(ct_alloc_peer_state(&b.a, &peer), CT_ALLOC_PEER_REFUSED);
        REQUIRE(ct_alloc_wrap(&b.a, out, sizeof out, &len, &peer, "x", 1) == CT_OK);
        CHECK(ct_stun_is(out, len));
        b.relay.refuses_peers = false;
        REQUIRE(ct_alloc_bind(&b.a, b.now, &peer) == CT_OK);
        turn(&b);
        CHECK_EQ(b.a.peers[0].channel, number);
        REQUIRE(ct_alloc_wrap(&b.a, out, sizeof out, &len, &peer, "x", 1) == CT_OK);
        CHECK(ct_channel_is(out, len));
    }
}

static uint16_t bind_one(struct bench *b, const struct ct_addr *peer)
{
    size_t i = 0;
    CHECK_EQ(ct_alloc_bind(&b->a, b->now, peer), CT_OK);
    turn(b);
    while (i < CT_ALLOC_PEERS && !ct_addr_equal(&b->a.peers[i].addr, peer)) {
        i++;
    }
    return i < CT_ALLOC_PEERS ? b->a.peers[i].channel : 0;
}

static void a_peer_bound_again_does_not_get_another_channel_number(void)
{
    struct bench b;
    struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
    struct ct_addr other = ct_addr_ip4(peer_ip, 51001);
    set_up(&b, &config);
    allocate(&b);
    uint16_t first = bind_one(&b, &peer);
    ct_alloc_forget(&b.a, &peer);
    uint16_t second = bind_one(&b, &other);
    CHECK(first != second);
    CHECK_EQ(bind_one(&b, &peer), first);
    ct_alloc_forget(&b.a, &peer);
    ct_alloc_forget(&b.a, &other);
    CHECK_EQ(bind_one(&b, &other), second);
    CHECK_EQ(bind_one(&b, &peer), first);
}

static void the_numbers_of_channels_do_not_run_out(void)
{
    struct bench b;
    uint16_t first = 0;
    set_up(&b, &config);
    allocate(&b);
    for (uint32_t i = 0; i < 4100; i++) {
        struct ct_addr peer = ct_addr_ip4(peer_ip, (uint16_t)(1000 + i));
        b.relay.allocs[0].channel_count = 0;
        uint16_t number = bind_one(&b, &peer);
        CHECK(number >= CT_CHANNEL_MIN && number <= CT_CHANNEL_MAX);
        first = i == 0 ? number : first;
        CHECK(i == 0 || i >= 4096 || number != first);
        ct_alloc_forget(&b.a, &peer);
    }
    CHECK_EQ(ct_alloc_state(&b.a), CT_ALLOC_READY);
}

static void a_forgotten_number_is_not_given_to_another_peer_for_15_minutes(void)
{
    struct bench b;
    struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
    struct ct_addr other = ct_addr_ip4(peer_ip, 51001);
    set_up(&b, &config);
    allocate(&b);
    uint16_t first = bind_one(&b, &peer);
    ct_alloc_forget(&b.a, &peer);
    uint64_t gone = b.now;
    run_until(&b, gone + 880000);
    b.a.next_channel = first; /* as if all the others had had their turn */
    CHECK(bind_one(&b, &other) != first);
    ct_alloc_forget(&b.a, &other);
    run_until(&b, gone + 920000);
    b.a.next_channel = first;
    struct ct_addr third = ct_addr_ip4(peer_ip, 51002);
    CHECK_EQ(bind_one(&b, &third), first);
}

/* ---- bounds ---- */

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

static void a_release_sends_nothing_for_peers(void)
{
    struct bench b;
    struct ct_addr peer = ct_addr_ip4(peer_ip, 51000);
    set_up(&b, &config);
    allocate(&b);
    REQUIRE(ct_alloc_bind(&b.a, b.now, &peer) == CT_OK);
    ct_alloc_release(&b.a, b.now);
    size_t before = b.sent;
    turn(&b);
    CHECK_EQ(b.sent, before + 1);
    CHECK_EQ(b.relay.binds, 0);
    CHECK_EQ(b.relay.releases, 1);
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
    CT_TEST(data_goes_by_send_and_then_by_channel),
    CT_TEST(data_comes_by_indication_and_by_channel),
    CT_TEST(permissions_and_channels_are_renewed),
    CT_TEST(a_refused_peer_leaves_the_allocation_alone),
    CT_TEST(the_table_of_peers_is_bounded),
    CT_TEST(answers_that_nobody_asked_for_are_dropped),
    CT_TEST(transaction_ids_differ_and_hang_on_the_seed),
    CT_TEST(another_process_goes_on_with_the_allocation),
    CT_TEST(a_renewed_pass_refreshes_at_once),
    CT_TEST(credentials_that_cannot_be_are_refused),
    CT_TEST(two_438s_with_the_same_new_nonce_do_not_kill_a_healthy_allocation),
    CT_TEST(an_unsigned_error_does_not_end_an_allocation_that_stands),
    CT_TEST(a_challenge_that_is_no_news_does_not_end_an_allocation_that_stands),
    CT_TEST(forged_nonces_without_end_do_not_end_an_allocation_that_stands),
    CT_TEST(an_unsigned_error_is_the_cause_when_nothing_better_comes),
    CT_TEST(a_first_allocate_believes_an_unsigned_error_at_once),
    CT_TEST(a_forged_binding_answer_does_not_rewrite_the_mapped_address),
    CT_TEST(a_channel_whose_renewal_was_refused_does_not_stay_bound),
    CT_TEST(a_peer_bound_again_does_not_get_another_channel_number),
    CT_TEST(the_numbers_of_channels_do_not_run_out),
    CT_TEST(a_forgotten_number_is_not_given_to_another_peer_for_15_minutes),
    CT_TEST(the_longest_texts_fit_a_datagram),
    CT_TEST(a_request_that_does_not_fit_fails_and_does_not_spin),
    CT_TEST(a_release_sends_nothing_for_peers),
    CT_TEST(a_lifetime_beyond_an_hour_is_not_relied_on),
};
CT_TEST_MAIN(tests)
