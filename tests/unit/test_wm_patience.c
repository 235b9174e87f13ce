/* Claims about who keeps a connection: no dripping past the limit, no crowding out, a calm end. */
/* links: ct_wmserver ct_base */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "wm-server/src/http/patience.h"

/* Tests are stopped for a while by other programs: whoever was for as long as the time that it
 * gives has shown nothing, and tries again.
 */
enum { EVENT_MS = 30000, LONG_MS = 120000, SHORT_MS = 200, TRIES = 20 };

/* One connection: ours is the server's end. */
struct pair {
    int ours, theirs;
    struct ct_guest *guest;
};

static struct ct_patience *patience;

static struct pair enter(uint8_t from)
{
    struct pair pair = {-1, -1, NULL};
    int fds[2];
    uint8_t from16[16] = {from};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0) {
        pair.ours = fds[0];
        pair.theirs = fds[1];
        pair.guest = ct_patience_enter(patience, pair.ours, from16);
    }
    CHECK(pair.guest != NULL);
    return pair;
}

/* Has the server sent this one away? */
static bool is_gone_within(const struct pair *pair, int wait_ms)
{
    struct pollfd p = {.fd = pair->theirs, .events = POLLIN};
    char byte;
    return poll(&p, 1, wait_ms) == 1 && recv(pair->theirs, &byte, 1, 0) == 0;
}

static bool is_gone(const struct pair *pair)
{
    return is_gone_within(pair, 0);
}

static bool goes(const struct pair *pair)
{
    return is_gone_within(pair, EVENT_MS);
}

static void leave(struct pair *pair)
{
    ct_patience_leave(patience, pair->guest);
    (void)close(pair->ours);
    (void)close(pair->theirs);
}

static void end(struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        leave(&pairs[i]);
    }
    ct_patience_free(patience);
}

static void guest_that_never_asks_is_sent_away_in_time(void)
{
    REQUIRE(ct_patience_new(&patience, 8, 8, SHORT_MS) == CT_OK);
    uint64_t began = ct_mono_ms();
    struct pair p = enter(1);
    CHECK(goes(&p)); /* what drips in meanwhile changes nothing: nobody tells of it */
    CHECK(ct_mono_ms() - began >= SHORT_MS);
    end(&p, 1);
}

/* Three answers, each a little before the time is over; false: this process came too late. */
static bool answer_thrice(const struct pair *p)
{
    for (int i = 0; i < 3; i++) {
        uint64_t began = ct_mono_ms();
        bool gone = is_gone_within(p, SHORT_MS * 3 / 5);
        ct_patience_working(patience, p->guest);
        if (ct_mono_ms() - began >= SHORT_MS) {
            return false;
        }
        CHECK(!gone);
        ct_patience_answering(patience, p->guest);
        ct_patience_waiting(patience, p->guest);
    }
    return true;
}

static void an_answer_begins_the_time_anew(void)
{
    bool shown = false;
    for (int i = 0; i < TRIES && !shown; i++) {
        REQUIRE(ct_patience_new(&patience, 8, 8, SHORT_MS) == CT_OK);
        struct pair p = enter(1);
        shown = answer_thrice(&p);
        CHECK(goes(&p));
        end(&p, 1);
    }
    CHECK(shown);
}

static void no_time_counts_while_a_request_is_worked_on(void)
{
    bool shown = false;
    for (int i = 0; i < TRIES && !shown; i++) {
        REQUIRE(ct_patience_new(&patience, 8, 8, SHORT_MS) == CT_OK);
        uint64_t began = ct_mono_ms();
        struct pair p = enter(1);
        ct_patience_working(patience, p.guest);
        shown = ct_mono_ms() - began < SHORT_MS;
        CHECK(!shown || !is_gone_within(&p, 2 * SHORT_MS));
        ct_patience_answering(patience, p.guest); /* to one that does not read */
        CHECK(goes(&p));
        end(&p, 1);
    }
    CHECK(shown);
}

static void an_address_crowds_out_only_itself(void)
{
    struct pair p[6];
    REQUIRE(ct_patience_new(&patience, 8, 2, LONG_MS) == CT_OK);
    p[0] = enter(1);
    p[1] = enter(2);
    p[2] = enter(2);
    p[3] = enter(2); /* the third of that address: its oldest goes */
    CHECK(goes(&p[1]));
    CHECK(!is_gone(&p[0]) && !is_gone(&p[2]) && !is_gone(&p[3]));
    ct_patience_working(patience, p[2].guest);
    ct_patience_working(patience, p[3].guest);
    p[4] = enter(2); /* both work: the new one goes */
    CHECK(goes(&p[4]));
    ct_patience_waiting(patience, p[2].guest);
    p[5] = enter(2); /* one is idle: it goes */
    CHECK(goes(&p[2]));
    CHECK(!is_gone(&p[5]) && !is_gone(&p[3]));
    end(p, 6);
}

static void stalled_guests_give_way_to_new_ones(void)
{
    enum { PLACES = 4 };
    struct pair p[PLACES + 2];
    REQUIRE(ct_patience_new(&patience, PLACES, PLACES, LONG_MS) == CT_OK);
    for (uint8_t i = 0; i < (uint8_t)PLACES; i++) {
        p[i] = enter(i);
    }
    /* the oldest has asked and is idle, the second is new: the second goes first */
    ct_patience_working(patience, p[0].guest);
    ct_patience_waiting(patience, p[0].guest);
    p[PLACES] = enter(9);
    CHECK(goes(&p[1]));
    CHECK(!is_gone(&p[0]) && !is_gone(&p[PLACES]));
    p[PLACES + 1] = enter(10);
    CHECK(goes(&p[2]));
    end(p, PLACES + 2);
}

static atomic_bool has_answered;

static void *answer_later(void *arg)
{
    struct pair *p = arg;
    (void)poll(NULL, 0, 150); /* so that the other one waits by then */
    atomic_store(&has_answered, true);
    ct_patience_answering(patience, p->guest);
    ct_patience_waiting(patience, p->guest);
    return NULL;
}

static void the_end_waits_for_answers_but_not_for_idle_guests(void)
{
    struct pair p[2];
    pthread_t thread;
    REQUIRE(ct_patience_new(&patience, 8, 8, LONG_MS) == CT_OK);
    p[0] = enter(1);
    p[1] = enter(1);
    uint64_t began = ct_mono_ms();
    ct_patience_settle(patience, LONG_MS);
    CHECK(ct_mono_ms() - began < EVENT_MS);
    ct_patience_working(patience, p[1].guest);
    atomic_store(&has_answered, false);
    REQUIRE(pthread_create(&thread, NULL, answer_later, &p[1]) == 0);
    began = ct_mono_ms();
    ct_patience_settle(patience, LONG_MS);
    CHECK(atomic_load(&has_answered) && ct_mono_ms() - began < EVENT_MS);
    (void)pthread_join(thread, NULL);
    ct_patience_working(patience, p[0].guest);
    began = ct_mono_ms();
    ct_patience_settle(patience, 100); /* one that takes too long */
    CHECK(ct_mono_ms() - began >= 100);
    end(p, 2);
}

static const struct ct_test tests[] = {
    CT_TEST(guest_that_never_asks_is_sent_away_in_time),
    CT_TEST(an_answer_begins_the_time_anew),
    CT_TEST(no_time_counts_while_a_request_is_worked_on),
    CT_TEST(an_address_crowds_out_only_itself),
    CT_TEST(stalled_guests_give_way_to_new_ones),
    CT_TEST(the_end_waits_for_answers_but_not_for_idle_guests),
};
CT_TEST_MAIN(tests)
