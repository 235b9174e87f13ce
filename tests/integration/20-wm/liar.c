/* The server without sockets of the unit tests, given some. */
#include "liar.h"

#include <poll.h>
#include <unistd.h>

#include "kex/pass.h"
#include "relays/udp.h"

enum { RELAYED_FIRST = 50000 };

static const uint8_t outside[4] = {192, 0, 2, 9}; /* as fake_relay.h shows clients */

static void to_client(void *arg, unsigned client, const uint8_t *bytes, size_t len)
{
    const struct liar *l = arg;
    (void)!ct_udp_send(l->fd, &l->clients[client], bytes, len);
}

static bool passes(const struct liar *l, enum liar_way kept)
{
    return (l->ways & kept) == 0 && ((l->ways & LIAR_STRICT) == 0 || l->relay.permissions > 0);
}

/* What is shown of the test's own peer is of the Internet; all else that it asks for is not. */
static bool refuses(void *arg, const struct ct_addr *peer)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    const struct liar *l = arg;
    bool is_loopback = peer->family == 4 && memcmp(peer->ip, loopback, 4) == 0;
    return (l->ways & LIAR_FILTERS) != 0 && memcmp(peer->ip, outside, 4) != 0 &&
           (!is_loopback || (l->ways & LIAR_LOOPBACK) == 0);
}

static void to_peer(void *arg, const struct ct_addr *from, const struct ct_addr *to,
                    const uint8_t *bytes, size_t len)
{
    const struct liar *l = arg;
    const struct ct_addr *really = ct_addr_equal(to, &l->shown) ? &l->peer : to;
    if (passes(l, LIAR_KEEPS_OUT)) {
        (void)!ct_udp_send(l->relayed[from->port - RELAYED_FIRST], really, bytes, len);
    }
}

static unsigned number_of(struct liar *l, const struct ct_addr *from)
{
    unsigned i = 0;
    while (i < LIAR_CLIENTS - 1 && l->clients[i].family != 0 &&
           !ct_addr_equal(&l->clients[i], from)) {
        i++;
    }
    l->clients[i] = *from;
    return i;
}

/* It has the relay's key, so it makes the password of each pass. */
static void set_password(struct liar *l, const struct ct_stun *m)
{
    uint8_t bytes[CT_PASS_LEN];
    struct ct_pass pass;
    if (m->username.at != NULL &&
        ct_pass_from_username(bytes, (const char *)m->username.at, m->username.len) == CT_OK &&
        ct_pass_parse(&pass, bytes, sizeof bytes) == CT_OK &&
        ct_pass_password_relay(l->password, &pass, &l->key) == CT_OK) {
        l->relay.password = l->password;
    }
}

static void from_client(struct liar *l, const struct ct_addr *from, const uint8_t *bytes,
                        size_t len)
{
    struct ct_stun m;
    if (ct_stun_parse(&m, bytes, len) == CT_OK) {
        set_password(l, &m);
        l->peer = m.method == CT_STUN_BINDING ? *from : l->peer;
    }
    fake_relay_input(&l->relay, number_of(l, from), bytes, len);
    for (size_t i = 0; i < FAKE_ALLOCS; i++) {
        size_t port = l->relay.allocs[i].relayed.port - (size_t)RELAYED_FIRST;
        if (l->relay.allocs[i].is_used && l->relayed[port] < 0) {
            (void)!ct_udp_open(&l->relayed[port], &l->relay.allocs[i].relayed);
        }
    }
}

static void from_peer(struct liar *l, uint16_t port, const struct ct_addr *from,
                      const uint8_t *bytes, size_t len)
{
    const struct ct_addr to = ct_addr_ip4(l->relay.ip4, port);
    if (passes(l, LIAR_KEEPS_IN)) {
        fake_relay_inbound(&l->relay, ct_addr_equal(from, &l->peer) ? &l->shown : from, &to, bytes,
                           len);
    }
}

static void *serve(void *arg)
{
    struct liar *l = arg;
    uint8_t buf[2048];
    struct ct_addr from;
    size_t len = 0;
    while (!atomic_load(&l->stops)) {
        struct pollfd fds[1 + FAKE_ALLOCS] = {{.fd = l->fd, .events = POLLIN}};
        for (size_t i = 0; i < FAKE_ALLOCS; i++) {
            fds[1 + i] = (struct pollfd){.fd = l->relayed[i], .events = POLLIN};
        }
        (void)poll(fds, 1 + FAKE_ALLOCS, 50);
        while (ct_udp_receive(l->fd, &from, buf, sizeof buf, &len) == CT_OK) {
            from_client(l, &from, buf, len);
        }
        for (size_t i = 0; i < FAKE_ALLOCS; i++) {
            while (l->relayed[i] >= 0 &&
                   ct_udp_receive(l->relayed[i], &from, buf, sizeof buf, &len) == CT_OK) {
                from_peer(l, (uint16_t)(RELAYED_FIRST + i), &from, buf, len);
            }
        }
    }
    return NULL;
}

bool liar_open(struct liar *l, const struct ct_addr *at, const struct ct_x25519 *key,
               const struct ct_owner *statement, unsigned ways)
{
    memset(l, 0, sizeof *l);
    l->key = *key;
    l->ways = ways;
    l->at = *at;
    l->shown = ct_addr_ip4(outside, 40000);
    l->relay = (struct fake_relay){.password = "",
                                   .nonce = "nonce",
                                   .next_port = RELAYED_FIRST,
                                   .lifetime_s = 600,
                                   .mapped_port = 40000,
                                   .to_client = to_client,
                                   .to_peer = to_peer,
                                   .refuses = refuses,
                                   .arg = l};
    memcpy(l->relay.ip4, at->ip, 4);
    for (size_t i = 0; i < FAKE_ALLOCS; i++) {
        l->relayed[i] = -1;
    }
    if (statement != NULL) {
        ct_owner_write(l->statement, statement);
        l->relay.owner = l->statement;
        l->relay.owner_len = sizeof l->statement;
    }
    return ct_udp_open(&l->fd, at) == CT_OK && pthread_create(&l->thread, NULL, serve, l) == 0;
}

void liar_close(struct liar *l)
{
    atomic_store(&l->stops, true);
    (void)pthread_join(l->thread, NULL);
    ct_udp_close(l->fd);
    for (size_t i = 0; i < FAKE_ALLOCS; i++) {
        ct_udp_close(l->relayed[i]);
    }
}
