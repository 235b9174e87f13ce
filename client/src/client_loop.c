/* The client's loop: the only one that waits for packets, for all of its parts. */
#include "client_private.h"

#include "base/clock.h"
#include "udp.h"

#define DATAGRAMS_AT_ONCE 64u /* of one socket, before the others have their turn */

size_t ct_client_fds(struct ct_client *c, struct pollfd *fds, size_t cap)
{
    size_t count = 0;
    if (count < cap) {
        fds[count++] = (struct pollfd){.fd = ct_worker_fd(c->worker), .events = POLLIN};
    }
    for (size_t i = 0; i < CT_LANES && count < cap; i++) {
        if (c->lanes[i].is_open) {
            fds[count++] = (struct pollfd){.fd = c->lanes[i].fd, .events = POLLIN};
        }
    }
    return count;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int ct_client_timeout_ms(struct ct_client *c)
{
    uint64_t now = ct_mono_ms();
    uint64_t deadline = min_u64(ct_device_deadline(c), ct_conns_deadline(c));
    for (size_t i = 0; i < CT_LANES; i++) {
        if (c->lanes[i].is_open) {
            deadline = min_u64(deadline, ct_lane_deadline(&c->lanes[i]));
        }
    }
    if (c->calls != NULL) {
        deadline = min_u64(deadline, ct_calls_deadline(c->calls, now));
    }
    if (deadline == UINT64_MAX) {
        return -1;
    }
    return deadline <= now ? 0 : (int)min_u64(deadline - now, 3600000);
}

static void take_datagrams(struct ct_client *c, unsigned which)
{
    struct ct_lane *lane = &c->lanes[which];
    uint8_t in[CT_ALLOC_DATAGRAM];
    size_t len;
    for (unsigned i = 0; i < DATAGRAMS_AT_ONCE && lane->is_open; i++) {
        struct ct_alloc_got got;
        if (ct_udp_recv(lane->fd, in, sizeof in, &len) != CT_OK) {
            return;
        }
        uint64_t now = ct_mono_ms();
        enum ct_path path = ct_lane_input(lane, now, in, len, &got);
        if (path != CT_PATH_NONE && c->calls != NULL) {
            ct_calls_input(c->calls, which, &got.peer, path, got.data, got.len, now);
        }
        ct_lane_flush(lane, now);
    }
}

void ct_client_process(struct ct_client *c)
{
    ct_worker_collect(c->worker, c);
    for (unsigned i = 0; i < CT_LANES; i++) {
        if (c->lanes[i].is_open) {
            take_datagrams(c, i);
        }
    }
    uint64_t now = ct_mono_ms();
    for (unsigned i = 0; i < CT_LANES; i++) {
        if (c->lanes[i].is_open) {
            ct_lane_flush(&c->lanes[i], now);
        }
    }
    ct_device_lane_moved(c, now);
    for (unsigned i = CT_LANE_HOME; i < CT_LANES; i++) {
        if (c->lanes[i].is_open) {
            ct_conns_lane_moved(c, i, now);
        }
    }
    ct_device_tick(c, now);
    ct_conns_tick(c, now);
    if (c->calls != NULL) {
        ct_calls_tick(c->calls, now);
    }
    for (unsigned i = 0; i < CT_LANES; i++) {
        ct_lane_flush(&c->lanes[i], now);
    }
}

void ct_client_wait(struct ct_client *c, int timeout_ms)
{
    struct pollfd fds[CT_CLIENT_FDS_MAX];
    size_t count = ct_client_fds(c, fds, CT_CLIENT_FDS_MAX);
    int due = ct_client_timeout_ms(c);
    if (due < 0 || (timeout_ms >= 0 && due > timeout_ms)) {
        due = timeout_ms;
    }
    (void)poll(fds, (nfds_t)count, due);
    ct_client_process(c);
}
