/* Claims about caps: they hold for the connections of TCP relays (RFC 6062), which lose nothing. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ct_test.h"
#include "scene.h"
#include "sockets.h"
#include "streams.h"

enum {
    CAP_KBPS = 400,
    BURST = 65536,
    HELD_AT = BURST / 2,
    PIECE = 65536
}; /* what is read at once is at most that */

/* The least time in which so many bytes go through so many connections. */
static uint64_t least_ms(size_t bytes, size_t connections)
{
    return (bytes - BURST - connections * PIECE) * 8 / CAP_KBPS;
}

struct stream {
    struct probe control;
    struct probe data;
    int peer;
};

static bool open_stream(struct stream *s, const struct credential *who, const struct ct_addr *from)
{
    if (scene_allocate(&s->control, 1, who, &stream_wish) != 0) {
        return false;
    }
    s->peer = stream_come(&s->control, from);
    return s->peer >= 0 && stream_take(&s->data, &s->control, who->user, who->password) == 0;
}

static void close_stream(struct stream *s)
{
    probe_close(&s->data);
    probe_close(&s->control);
    (void)close(s->peer);
}

static void cap_of_an_allocation_slows_its_connections_and_loses_nothing(void)
{
    struct credential who;
    struct stream s;
    struct ct_addr from = loopback(2, APPROVED_MIN);
    REQUIRE(scene_start(SCENE_RELAYS, "chainturn-allocation-kbps=400\n") && scene_login(&who, 900));
    REQUIRE(open_stream(&s, &who, &from));
    uint64_t began = ct_mono_ms();
    CHECK(stream_carries(s.data.fd, s.peer, STREAM_BULK));
    CHECK(stream_carries(s.peer, s.data.fd, STREAM_BULK)); /* both ways together */
    CHECK(ct_mono_ms() - began >= least_ms((size_t)2 * STREAM_BULK, 2));
    close_stream(&s);
    CHECK(scene_stop());
}

/* One allocation after the other: what the first has used is not there for the second. */
static void cap_of_a_pass_holds_for_all_its_connections(void)
{
    struct credential who;
    struct stream s[2];
    struct ct_addr from[2] = {loopback(2, APPROVED_MIN), loopback(2, APPROVED_MIN + 1)};
    REQUIRE(scene_start(SCENE_RELAYS, "chainturn-pass-kbps=400\n") && scene_login(&who, 900));
    REQUIRE(open_stream(&s[0], &who, &from[0]) && open_stream(&s[1], &who, &from[1]));
    uint64_t began = ct_mono_ms();
    CHECK(stream_carries(s[0].data.fd, s[0].peer, STREAM_BULK));
    CHECK(stream_carries(s[1].peer, s[1].data.fd, STREAM_BULK));
    CHECK(ct_mono_ms() - began >= least_ms((size_t)2 * STREAM_BULK, 2));
    close_stream(&s[0]);
    close_stream(&s[1]);
    CHECK(scene_stop());
}

/* More than the relay takes at once. What arrives until the pass has used so much of its burst that
 * streams wait, or -1: the connection was ended. */
static ssize_t pour(struct stream *s, size_t burst_left)
{
    static const char bytes[STREAM_BULK];
    char in[16384];
    size_t got = 0;
    (void)send(s->data.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
    do {
        struct pollfd p = {.fd = s->peer, .events = POLLIN};
        ssize_t n = poll(&p, 1, 30000) == 1 ? recv(s->peer, in, sizeof(in), 0) : 0;
        if (n <= 0) {
            return -1;
        }
        got += (size_t)n;
    } while (got <= burst_left);
    return (ssize_t)got;
}

/* Or whoever opens connections again and again gets the first piece of each through. */
static void connection_of_who_owes_a_minute_is_ended(void)
{
    enum { MOST = 60 * 125, STREAMS = 16 };
    struct credential who;
    static struct stream s[STREAMS];
    size_t got = 0;
    int opened = 0;
    bool is_ended = false;
    REQUIRE(scene_start(SCENE_RELAYS, "chainturn-pass-kbps=1\n") && scene_login(&who, 900));
    for (; opened < STREAMS && !is_ended; opened++) {
        struct ct_addr from = loopback(2, (uint16_t)(APPROVED_MIN + opened));
        if (!open_stream(&s[opened], &who, &from)) {
            break;
        }
        ssize_t n = pour(&s[opened], got < HELD_AT ? HELD_AT - got : 0);
        is_ended = n < 0;
        got += is_ended ? 0 : (size_t)n;
    }
    CHECK(opened > 1 && is_ended);
    CHECK(got < BURST + MOST + 2 * PIECE);
    for (int i = 0; i < opened; i++) {
        close_stream(&s[i]);
    }
    CHECK(scene_stop());
}

static const struct ct_test tests[] = {
    CT_TEST(cap_of_an_allocation_slows_its_connections_and_loses_nothing),
    CT_TEST(cap_of_a_pass_holds_for_all_its_connections),
    CT_TEST(connection_of_who_owes_a_minute_is_ended),
};

int main(int argc, char **argv)
{
    int code = scene_open(argc, argv);
    return code == 0 ? scene_close(ct_test_main(tests, sizeof(tests) / sizeof(tests[0]))) : code;
}
