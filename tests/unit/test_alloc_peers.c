/* Claims about the peers of an allocation: data, permissions, channels and their numbers. */
/* links: ct_turn ct_base */
#include "alloc_bench.h"

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

static const struct ct_test tests[] = {
    CT_TEST(data_goes_by_send_and_then_by_channel),
    CT_TEST(data_comes_by_indication_and_by_channel),
    CT_TEST(permissions_and_channels_are_renewed),
    CT_TEST(a_refused_peer_leaves_the_allocation_alone),
    CT_TEST(the_table_of_peers_is_bounded),
    CT_TEST(a_channel_whose_renewal_was_refused_does_not_stay_bound),
    CT_TEST(a_peer_bound_again_does_not_get_another_channel_number),
    CT_TEST(the_numbers_of_channels_do_not_run_out),
    CT_TEST(a_forgotten_number_is_not_given_to_another_peer_for_15_minutes),
    CT_TEST(a_release_sends_nothing_for_peers),
};
CT_TEST_MAIN(tests)
