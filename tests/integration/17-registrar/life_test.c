/* Claims about a relay's life on the chain, by the real programs: wm-server, turnserver, registrar.
 * Each step is one transaction of its owner, and the chain never has a second record of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "box.h"
#include "ct_test.h"
#include "platform.h"
#include "scene.h"

static struct box box;
static const char *turnserver;
static const char *const usual = "chainturn-renew-days=1\n";

/* The record was made today or, when midnight has just passed, the day before. */
static bool lasts(uint16_t index, unsigned days)
{
    unsigned left = box_record(index).expiry_day - (unsigned)(ct_wall_s() / 86400);
    return left == days || left + 1 == days;
}

static bool wm_again(const char *from, const char *to)
{
    (void)platform_end(SIGTERM);
    return platform_set(from, to) && platform_run();
}

static void relay_registers_once_and_is_approved(void)
{
    REQUIRE(platform_set("allow-private = no", "allow-private = yes"));
    REQUIRE(platform_set("#probe-address = 198.51.100.20", "probe-address = 127.0.0.9"));
    REQUIRE(platform_set("approval-days = 90", "approval-days = 10"));
    REQUIRE(platform_run());
    REQUIRE(box_prepare(&box, turnserver, 1, false) && box_start(&box, usual));
    CHECK(box_await(&box, "relay_approved index=1"));
    CHECK_EQ(box_sent(&box), 1);
    CHECK_EQ(box_records(), 1);
    CHECK_EQ(box_record(1).state, CT_RECORD_APPROVED);
    CHECK(lasts(1, 10));
}

static void restart_registers_nothing(void)
{
    REQUIRE(box.pid > 0);
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    REQUIRE(box_start(&box, usual));
    CHECK(box_await(&box, "relay_approved index=1"));
    CHECK_EQ(box_record(1).state, CT_RECORD_APPROVED); /* and kept while it was away */
    CHECK_EQ(box_sent(&box), 1);
}

static void record_near_its_end_is_renewed_once(void)
{
    REQUIRE(box.pid > 0 && wm_again("approval-days = 10", "approval-days = 20"));
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    REQUIRE(box_start(&box, "chainturn-renew-days=15\n"));
    REQUIRE(box_await(&box, "approval_given replaces=1"));
    CHECK(lasts(1, 20));
    CHECK_EQ(box_sent(&box), 2);
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    /* all the time wanted is not to be had: it is asked for once more, and then not again today */
    REQUIRE(box_start(&box, "chainturn-renew-days=30\n"));
    CHECK(box_await(&box, "relay_approved index=1"));
    uint64_t sent = box_sent(&box);
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    REQUIRE(box_start(&box, "chainturn-renew-days=30\n"));
    CHECK(box_await(&box, "relay_approved index=1"));
    CHECK_EQ(box_sent(&box), sent);
    CHECK_EQ(sent, 2);
    CHECK_EQ(box_records(), 1);
}

static void other_address_and_ports_replace_the_record(void)
{
    REQUIRE(box.pid > 0);
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    box.host = 30;
    box.port_min = 52000;
    box.port_max = 52100;
    REQUIRE(box_start(&box, usual));
    CHECK(box_await(&box, "relay_differs index=1"));
    CHECK(box_await(&box, "relay_approved index=1"));
    struct ct_relay record = box_record(1);
    CHECK_EQ(record.relay_ip4[3], 30);
    CHECK_EQ(record.listen_ip4[3], 30);
    CHECK_EQ(record.port_min, 52000);
    CHECK_EQ(box_sent(&box), 3);
    CHECK_EQ(box_records(), 1);
}

static bool age_key(unsigned days)
{
    char path[160];
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = 0}};
    times[1].tv_sec = (time_t)(ct_wall_s() - (uint64_t)days * 86400);
    (void)snprintf(path, sizeof path, "%s/state/relay.key", box.folder);
    return utimensat(AT_FDCWD, path, times, 0) == 0;
}

/* Both keys are good from the first sight of the new one on. */
static void old_key_gives_way_to_a_new_one_and_passes_of_both_are_taken(void)
{
    struct box_pass before;
    struct box_pass after;
    struct probe p;
    struct ct_relay record = box_record(1);
    REQUIRE(box.pid > 0 && box_pass(&box, &before, "relay.key"));
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    REQUIRE(age_key(100) && box_start(&box, "chainturn-key-days=90\n"));
    REQUIRE(box_await(&box, "key_changed index=1"));
    CHECK(memcmp(box_record(1).key32, record.key32, 32) != 0);
    REQUIRE(box_pass(&box, &after, "relay.key"));
    CHECK_EQ(box_allocate(&box, &p, &before), 0);
    CHECK_EQ(probe_refresh(&p, 600), 0);
    probe_close(&p);
    CHECK_EQ(box_allocate(&box, &p, &after), 0);
    probe_close(&p);
    after.password[0] = after.password[0] == 'A' ? 'B' : 'A';
    CHECK_EQ(box_allocate(&box, &p, &after), 401);
    probe_close(&p);
    CHECK_EQ(box_sent(&box), 4);
    CHECK_EQ(box_records(), 1);
}

static void key_before_is_good_after_a_restart_and_forgotten_in_time(void)
{
    struct box_pass before;
    struct probe p;
    char path[160];
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
    REQUIRE(box.pid > 0 && box_pass(&box, &before, "relay.key.old"));
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    REQUIRE(box_start(&box, "chainturn-key-days=90\n"));
    REQUIRE(box_await(&box, "relay_approved index=1"));
    CHECK_EQ(box_allocate(&box, &p, &before), 0);
    probe_close(&p);
    (void)snprintf(path, sizeof path, "%s/state/relay.key.old", box.folder);
    CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
    REQUIRE(box_await(&box, "key_before_forgotten"));
    CHECK(access(path, F_OK) != 0);
    CHECK_EQ(box_allocate(&box, &p, &before), 401);
    probe_close(&p);
    CHECK_EQ(box_sent(&box), 4);
}

static void clean_stop_withdraws_when_told_to_and_the_next_start_returns(void)
{
    REQUIRE(box.pid > 0);
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    REQUIRE(box_start(&box, "chainturn-on-stop=withdraw\n"));
    REQUIRE(box_await(&box, "relay_approved index=1"));
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    CHECK(box_await(&box, "withdrawn_on_stop"));
    CHECK_EQ(box_record(1).state, CT_RECORD_WITHDRAWN);
    CHECK_EQ(box_sent(&box), 5);
    REQUIRE(box_start(&box, usual));
    REQUIRE(box_await(&box, "relay_approved index=1"));
    CHECK_EQ(box_record(1).state, CT_RECORD_APPROVED);
    CHECK_EQ(box_sent(&box), 6);
    CHECK_EQ(box_records(), 1);
}

static void drain_withdraws_refuses_new_and_lets_the_present_end(void)
{
    struct box_pass pass;
    struct probe stays;
    struct probe comes;
    REQUIRE(box.pid > 0 && box_pass(&box, &pass, "relay.key"));
    REQUIRE(box_allocate(&box, &stays, &pass) == 0);
    CHECK_EQ(kill(box.pid, SIGUSR1), 0);
    REQUIRE(box_await(&box, "draining allocations="));
    REQUIRE(box_await(&box, "withdrawn block="));
    CHECK_EQ(box_record(1).state, CT_RECORD_WITHDRAWN);
    CHECK_EQ(box_allocate(&box, &comes, &pass), 508);
    probe_close(&comes);
    CHECK(box_relays(&stays));
    CHECK_EQ(probe_refresh(&stays, 600), 0);
    CHECK_EQ(kill(box.pid, 0), 0);
    CHECK_EQ(probe_refresh(&stays, 0), 0); /* gives the last allocation back */
    CHECK(box_await(&box, "drained allocations=0"));
    CHECK_EQ(box_end(&box, 0), 0);
    probe_close(&stays);
    CHECK_EQ(box_sent(&box), 7);
}

static void drain_ends_at_its_limit(void)
{
    struct box_pass pass;
    struct probe stays;
    REQUIRE(box_start(&box, "chainturn-drain-limit=2\n"));
    REQUIRE(box_await(&box, "relay_approved index=1"));
    REQUIRE(box_pass(&box, &pass, "relay.key") && box_allocate(&box, &stays, &pass) == 0);
    CHECK_EQ(kill(box.pid, SIGUSR1), 0);
    CHECK(box_await(&box, "drained allocations=1"));
    CHECK_EQ(box_end(&box, 0), 0);
    probe_close(&stays);
    CHECK(box_await_state(CT_RECORD_WITHDRAWN));
    CHECK_EQ(box_records(), 1);
}

static const struct ct_test tests[] = {
    CT_TEST(relay_registers_once_and_is_approved),
    CT_TEST(restart_registers_nothing),
    CT_TEST(record_near_its_end_is_renewed_once),
    CT_TEST(other_address_and_ports_replace_the_record),
    CT_TEST(old_key_gives_way_to_a_new_one_and_passes_of_both_are_taken),
    CT_TEST(key_before_is_good_after_a_restart_and_forgotten_in_time),
    CT_TEST(clean_stop_withdraws_when_told_to_and_the_next_start_returns),
    CT_TEST(drain_withdraws_refuses_new_and_lets_the_present_end),
    CT_TEST(drain_ends_at_its_limit),
};

int main(int argc, char **argv)
{
    if (!box_begin(argc, argv)) {
        return 2;
    }
    turnserver = argv[2];
    return box_finish(&box, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])));
}
