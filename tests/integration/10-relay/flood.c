/* Floods through a relay: a few datagrams, then something that is answered behind them, and on. */
#include "flood.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "sockets.h"

/* A socket on the way holds 170 small datagrams, or 50 of FLOOD_BYTES, at the least. */
enum { MARK_CHANNEL = 0x4ffe, SMALL_AT_ONCE = 50, LARGE_AT_ONCE = 20, WAIT_MS = 60000 };

bool flood_open(struct flood *f, struct place *place, const char *limits)
{
    char extra[512];
    (void)snprintf(extra, sizeof(extra), "%s%s", place_module_on, limits);
    f->place = place;
    f->approved_at = loopback(2, APPROVED_MIN);
    f->mark_at = loopback(5, APPROVED_MIN);
    f->approved = socket_at(&f->approved_at, SOCK_DGRAM);
    f->mark = socket_at(&f->mark_at, SOCK_DGRAM);
    place_mark(place);
    f->server = place_configure(place, extra) ? place_start(place) : -1;
    return f->server > 0 && f->approved >= 0 && f->mark >= 0 &&
           place_await(place, "chainturn: started");
}

bool flood_close(struct flood *f)
{
    (void)close(f->approved);
    (void)close(f->mark);
    return place_stop(f->server) == 0;
}

bool flood_client(struct flood *f, struct probe *p, const char *user, const char *password)
{
    struct ct_addr server = loopback(1, f->place->port);
    return probe_open(p, &server, PROBE_UDP) &&
           probe_allocate(p, user, password, PROBE_UDP, 4) == 0 &&
           probe_bind(p, &f->mark_at, MARK_CHANNEL) == 0;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* One relayed socket keeps order; the last mark follows another, for what a kernel held back. */
int flood_heard(struct flood *f, struct probe *p, int peer, unsigned count)
{
    int came = 0;
    unsigned n = 1;
    for (unsigned sent = 0; n > 0; sent += n) {
        n = least(count - sent, SMALL_AT_ONCE);
        for (unsigned i = 0; i < n; i++) {
            socket_send(peer, &p->relayed, "flood");
        }
        socket_send(f->mark, &p->relayed, "mark");
        int before = probe_until_mark(p, WAIT_MS);
        if (before < 0) {
            return -1;
        }
        came += before;
    }
    return came;
}

/* One client's requests and data keep order; the last request follows another. */
int flood_reached(struct flood *f, struct probe *p, unsigned count)
{
    char text[FLOOD_BYTES + 1];
    int came = 0;
    unsigned n = 1;
    memset(text, 'x', FLOOD_BYTES);
    text[FLOOD_BYTES] = '\0';
    for (unsigned sent = 0; n > 0; sent += n) {
        n = least(count - sent, LARGE_AT_ONCE);
        for (unsigned i = 0; i < n; i++) {
            probe_send_in_channel(p, FLOOD_CHANNEL, text);
        }
        if (probe_refresh(p, 600) != 0) {
            return -1;
        }
        while (socket_receive(f->approved, 0)[0] != '\0') {
            came++;
        }
    }
    return came;
}

int flood_most(unsigned per_s, uint64_t since_ns)
{
    const double tick_s = 0.02; /* the relay's clock goes in steps of 10 ms at the most */
    double s = (double)(ct_mono_ns() - since_ns) / 1e9 + tick_s;
    return (int)per_s + (int)(per_s * s) + 1;
}
