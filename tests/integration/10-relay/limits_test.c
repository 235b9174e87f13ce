/* Claims about what the running relay gives to strangers, floods and greedy clients: not much. */
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "flood.h"
#include "sockets.h"

static struct place place;
static struct flood scene;

static void permission_makes_a_list_of_who_may_come(void)
{
    struct probe p;
    struct probe other;
    struct ct_addr friend_at = loopback(6, APPROVED_MIN);
    int friend_fd = socket_at(&friend_at, SOCK_DGRAM);
    REQUIRE(flood_open(&scene, &place, "") && flood_client(&scene, &p, "alice", "wonderland") &&
            flood_client(&scene, &other, "alice", "wonderland"));
    CHECK_EQ(flood_heard(&scene, &p, scene.approved, 1), 1);
    CHECK_EQ(flood_heard(&scene, &p, friend_fd, 1), 0);
    CHECK_EQ(probe_permit(&p, &friend_at), 0);
    CHECK_EQ(flood_heard(&scene, &p, scene.approved, 1), 0);
    CHECK_EQ(flood_heard(&scene, &p, friend_fd, 1), 1);
    CHECK_EQ(flood_heard(&scene, &other, scene.approved, 1), 1);
    CHECK_EQ(probe_bind(&p, &scene.approved_at, FLOOD_CHANNEL), 0);
    CHECK_EQ(flood_heard(&scene, &p, scene.approved, 1), 1);
    probe_close(&p);
    probe_close(&other);
    (void)close(friend_fd);
    CHECK(flood_close(&scene));
    CHECK(place_await(&place, "peers verdict=invite_only by=data packets=1"));
}

/* Low limits, so that a flood is thinned on a slow machine, too. */
enum { FLOOD = 600, SLOW_PPS = 20 };

static void flood_without_permission_is_thinned_and_a_channel_is_exempt(void)
{
    struct probe p;
    REQUIRE(flood_open(&scene, &place, "chainturn-uninvited-pps=20\n") &&
            flood_client(&scene, &p, "alice", "wonderland"));
    uint64_t began = ct_mono_ns();
    int came = flood_heard(&scene, &p, scene.approved, FLOOD);
    CHECK(came >= SLOW_PPS && came <= flood_most(SLOW_PPS, began));
    CHECK_EQ(probe_bind(&p, &scene.approved_at, FLOOD_CHANNEL), 0);
    CHECK_EQ(flood_heard(&scene, &p, scene.approved, FLOOD), FLOOD);
    probe_close(&p);
    CHECK(flood_close(&scene));
    CHECK(place_await(&place, "peers verdict=uninvited_rate by=data packets="));
}

static void source_is_limited_over_all_allocations(void)
{
    struct probe p;
    struct probe other;
    REQUIRE(flood_open(&scene, &place, "chainturn-uninvited-pps=0\nchainturn-source-pps=20\n") &&
            flood_client(&scene, &p, "alice", "wonderland") &&
            flood_client(&scene, &other, "alice", "wonderland"));
    uint64_t began = ct_mono_ns();
    int first = flood_heard(&scene, &p, scene.approved, FLOOD / 2);
    int second = flood_heard(&scene, &other, scene.approved, FLOOD / 2);
    CHECK(first >= SLOW_PPS && second >= 0);
    CHECK(first + second <= flood_most(SLOW_PPS, began));
    probe_close(&p);
    probe_close(&other);
    CHECK(flood_close(&scene));
    CHECK(place_await(&place, "peers verdict=source_rate by=data packets="));
}

static void allocation_relays_no_more_than_its_cap(void)
{
    enum { PER_S = 600 * 1000 / 8 / FLOOD_BYTES };
    struct probe p;
    REQUIRE(flood_open(&scene, &place, "chainturn-allocation-kbps=600\n") &&
            flood_client(&scene, &p, "alice", "wonderland"));
    CHECK_EQ(probe_bind(&p, &scene.approved_at, FLOOD_CHANNEL), 0);
    uint64_t began = ct_mono_ns();
    int came = flood_reached(&scene, &p, 1000);
    CHECK(came >= PER_S && came <= flood_most(PER_S, began));
    probe_close(&p);
    CHECK(flood_close(&scene));
    CHECK(place_await(&place, "capped by=channel_out packets="));
}

static void allocations_of_one_pass_share_its_cap(void)
{
    enum { PER_S = 100, LITTLE = 80 };
    struct probe first;
    struct probe second;
    struct probe of_other_pass;
    struct credential pass;
    struct credential other;
    REQUIRE(place_pass(&place, &pass, ct_wall_s(), 900) &&
            place_pass(&place, &other, ct_wall_s(), 900));
    REQUIRE(flood_open(&scene, &place, "chainturn-pass-pps=100\n") &&
            flood_client(&scene, &first, pass.user, pass.password) &&
            flood_client(&scene, &second, pass.user, pass.password) &&
            flood_client(&scene, &of_other_pass, other.user, other.password));
    CHECK_EQ(probe_bind(&first, &scene.approved_at, FLOOD_CHANNEL), 0);
    CHECK_EQ(probe_bind(&second, &scene.approved_at, FLOOD_CHANNEL), 0);
    CHECK_EQ(probe_bind(&of_other_pass, &scene.approved_at, FLOOD_CHANNEL), 0);
    uint64_t began = ct_mono_ns();
    CHECK_EQ(flood_reached(&scene, &first, LITTLE), LITTLE);
    int by_second = flood_reached(&scene, &second, 1000);
    CHECK(by_second >= PER_S - LITTLE && LITTLE + by_second <= flood_most(PER_S, began));
    CHECK_EQ(flood_reached(&scene, &of_other_pass, LITTLE), LITTLE);
    probe_close(&first);
    probe_close(&second);
    probe_close(&of_other_pass);
    CHECK(flood_close(&scene));
}

static const struct ct_test tests[] = {
    CT_TEST(permission_makes_a_list_of_who_may_come),
    CT_TEST(flood_without_permission_is_thinned_and_a_channel_is_exempt),
    CT_TEST(source_is_limited_over_all_allocations),
    CT_TEST(allocation_relays_no_more_than_its_cap),
    CT_TEST(allocations_of_one_pass_share_its_cap),
};

int main(int argc, char **argv)
{
    return place_begin(&place, argc, argv)
               ? place_end(&place, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])))
               : 2;
}
