/* The allocation machine against a TURN server without sockets, under a fake clock. */
#ifndef CT_TEST_ALLOC_BENCH_H
#define CT_TEST_ALLOC_BENCH_H

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

static inline void into_inbox(void *arg, unsigned client, const uint8_t *bytes, size_t len)
{
    struct bench *b = arg;
    (void)client;
    if (b->inbox_count < 16) {
        memcpy(b->inbox[b->inbox_count], bytes, len);
        b->inbox_len[b->inbox_count++] = len;
    }
}

static inline void into_peer(void *arg, const struct ct_addr *from, const struct ct_addr *to,
                             const uint8_t *bytes, size_t len)
{
    struct bench *b = arg;
    (void)from;
    b->peer_to = *to;
    memcpy(b->peer_got, bytes, len);
    b->peer_got_len = len;
}

static inline void set_up(struct bench *b, const struct ct_alloc_config *with)
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

static inline void drain(struct bench *b)
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
static inline void turn(struct bench *b)
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

static inline void run_until(struct bench *b, uint64_t end)
{
    while (b->now < end) {
        turn(b);
        uint64_t next = ct_alloc_deadline(&b->a);
        if (next > b->now && b->inbox_count == 0) {
            b->now = next < end ? next : end;
        }
    }
}

static inline void allocate(struct bench *b)
{
    turn(b);
    turn(b);
    CHECK_EQ(ct_alloc_state(&b->a), CT_ALLOC_READY);
}

static const uint8_t peer_ip[4] = {198, 51, 100, 12};

#endif
