/* Claims about a relay whose server, registrar, or both are killed at each step of its life: the
 * chain has one registration of it in the end, by one transaction. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "box.h"
#include "ct_test.h"
#include "platform.h"
#include "scene.h"

enum { WAIT_MS = 60000 };
enum victim { SERVER, REGISTRAR, BOTH, VICTIMS };

static const char *turnserver;
static struct box box;
static unsigned boxes;

/* Mines until the log has the text: blocks come when the test wants them. */
static bool mine_until(const char *text)
{
    uint64_t until = ct_mono_ms() + WAIT_MS;
    bool found = false;
    while (!found && ct_mono_ms() < until) {
        platform_mine();
        found = scene_says(box.log, text, 200);
    }
    if (!found) {
        printf("    no \"%s\"\n", text);
        box_show(&box);
    }
    return found;
}

static bool begin(void)
{
    (void)box_end(&box, SIGKILL);
    boxes++;
    return platform_automine(true) && box_prepare(&box, turnserver, boxes, false) &&
           platform_automine(false);
}

/* Kills, and starts again what nobody else does. */
static bool hit(enum victim victim)
{
    pid_t registrar = box_registrar(&box);
    bool good = registrar > 0;
    if (victim != REGISTRAR) {
        good = box_end(&box, SIGKILL) == 1000 + SIGKILL && good;
    }
    if (victim != SERVER) {
        (void)kill(registrar, SIGKILL);
    }
    good = box_is_gone(registrar) && good;
    if (victim == REGISTRAR) {
        return good && box_await(&box, "registrar_started pid=");
    }
    return good && box_start(&box, "");
}

static void is_registered_once(void)
{
    char text[40];
    (void)snprintf(text, sizeof text, "relay_approved index=%u", boxes);
    CHECK(mine_until(text));
    for (unsigned i = 0; i < 3; i++) { /* and nothing more comes of it */
        platform_mine();
        (void)poll(NULL, 0, 250);
    }
    CHECK_EQ(box_sent(&box), 1);
    CHECK_EQ(box_records(), boxes);
    CHECK_EQ(box_record((uint16_t)boxes).state, CT_RECORD_APPROVED);
}

/* Until something is written over the memo in the state folder. */
static bool await_memo(void)
{
    char path[160];
    char events[4096];
    (void)snprintf(path, sizeof path, "%s/state", box.folder);
    int fd = inotify_init1(IN_CLOEXEC);
    bool good = fd >= 0 && inotify_add_watch(fd, path, IN_MOVED_TO) >= 0 && box_start(&box, "");
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    bool found = false;
    uint64_t until = ct_mono_ms() + WAIT_MS;
    while (good && !found && ct_mono_ms() < until) {
        ssize_t n = poll(&ready, 1, 1000) == 1 ? read(fd, events, sizeof events) : 0;
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(events + at);
            found = found || (e->len > 0 && strcmp(e->name, "memo") == 0);
            at += (ssize_t)(sizeof *e + e->len);
        }
    }
    (void)close(fd);
    return found;
}

static void killed_when_the_transaction_is_stored(enum victim victim)
{
    REQUIRE(begin() && await_memo());
    REQUIRE(hit(victim));
    is_registered_once();
}

static void killed_when_it_is_sent(enum victim victim)
{
    REQUIRE(begin() && box_start(&box, ""));
    REQUIRE(box_await(&box, "registration_sent"));
    REQUIRE(hit(victim));
    is_registered_once();
}

static void killed_when_it_is_mined(enum victim victim)
{
    REQUIRE(begin() && box_start(&box, ""));
    REQUIRE(mine_until("registered block="));
    REQUIRE(hit(victim));
    is_registered_once();
}

static void killed_when_the_approval_is_asked(enum victim victim)
{
    REQUIRE(begin() && box_start(&box, ""));
    REQUIRE(mine_until("approval_asked"));
    REQUIRE(hit(victim));
    is_registered_once();
}

static void killed_when_it_is_approved(enum victim victim)
{
    REQUIRE(begin() && box_start(&box, ""));
    REQUIRE(mine_until("approval_given"));
    REQUIRE(hit(victim));
    is_registered_once();
}

/* A drain that a kill ends is over: the relay comes back, in the place of its withdrawn record. */
static void killed_when_the_withdrawal_is_sent(enum victim victim)
{
    REQUIRE(begin() && box_start(&box, ""));
    is_registered_once();
    REQUIRE(kill(box.pid, SIGUSR1) == 0 && box_await(&box, "withdrawal_sent"));
    REQUIRE(hit(victim));
    if (victim == REGISTRAR) {
        CHECK(mine_until("drained allocations=0"));
        CHECK_EQ(box_end(&box, 0), 0);
        CHECK_EQ(box_sent(&box), 2);
        CHECK_EQ(box_record((uint16_t)boxes).state, CT_RECORD_WITHDRAWN);
    } else {
        CHECK(mine_until("approval_given"));
        CHECK(mine_until("relay_approved index="));
        CHECK_EQ(box_sent(&box), 3);
        CHECK_EQ(box_record((uint16_t)boxes).state, CT_RECORD_APPROVED);
    }
    CHECK_EQ(box_records(), boxes);
}

static void wallet_manager_is_there(void)
{
    REQUIRE(platform_set("allow-private = no", "allow-private = yes"));
    REQUIRE(platform_set("#probe-address = 198.51.100.20", "probe-address = 127.0.0.9"));
    REQUIRE(platform_run());
}

static void server_killed_when_the_transaction_is_stored_sends_it_once(void)
{
    killed_when_the_transaction_is_stored(SERVER);
}

static void both_killed_when_the_transaction_is_stored_send_it_once(void)
{
    killed_when_the_transaction_is_stored(BOTH);
}

static void whoever_is_killed_when_it_is_sent_it_is_sent_once(void)
{
    for (enum victim v = SERVER; v < VICTIMS; v++) {
        killed_when_it_is_sent(v);
    }
}

static void whoever_is_killed_when_it_is_mined_it_is_approved(void)
{
    for (enum victim v = SERVER; v < VICTIMS; v++) {
        killed_when_it_is_mined(v);
    }
}

static void whoever_is_killed_when_the_approval_is_asked_it_is_given(void)
{
    for (enum victim v = SERVER; v < VICTIMS; v++) {
        killed_when_the_approval_is_asked(v);
    }
}

static void whoever_is_killed_when_it_is_approved_nothing_more_is_sent(void)
{
    for (enum victim v = SERVER; v < VICTIMS; v++) {
        killed_when_it_is_approved(v);
    }
}

static void whoever_is_killed_when_the_withdrawal_is_sent_it_is_sent_once(void)
{
    for (enum victim v = SERVER; v < VICTIMS; v++) {
        killed_when_the_withdrawal_is_sent(v);
    }
}

/* The platform may take minutes: nobody who stops a server waits for it. */
static void stop_does_not_wait_for_an_approval(void)
{
    REQUIRE(begin() && box_start(&box, "chainturn-on-stop=withdraw\n"));
    REQUIRE(mine_until("approval_asked"));
    uint64_t from = ct_mono_ms();
    CHECK_EQ(box_end(&box, SIGTERM), 0);
    CHECK(ct_mono_ms() - from < 15000);
    CHECK(box_await(&box, "withdrawn_on_stop"));
    CHECK_EQ(box_sent(&box), 1);
}

static const struct ct_test tests[] = {
    CT_TEST(wallet_manager_is_there),
    CT_TEST(server_killed_when_the_transaction_is_stored_sends_it_once),
    CT_TEST(both_killed_when_the_transaction_is_stored_send_it_once),
    CT_TEST(whoever_is_killed_when_it_is_sent_it_is_sent_once),
    CT_TEST(whoever_is_killed_when_it_is_mined_it_is_approved),
    CT_TEST(whoever_is_killed_when_the_approval_is_asked_it_is_given),
    CT_TEST(whoever_is_killed_when_it_is_approved_nothing_more_is_sent),
    CT_TEST(whoever_is_killed_when_the_withdrawal_is_sent_it_is_sent_once),
    CT_TEST(stop_does_not_wait_for_an_approval),
};

int main(int argc, char **argv)
{
    if (!box_begin(argc, argv)) {
        return 2;
    }
    turnserver = argv[2];
    return box_finish(&box, ct_test_main(tests, sizeof(tests) / sizeof(tests[0])));
}
