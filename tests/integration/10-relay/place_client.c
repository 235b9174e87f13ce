/* The client's machine of the product as a client of the relay under test, and its peers. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "place_private.h"
#include "sockets.h"

struct ct_addr loopback(uint8_t last, uint16_t port)
{
    const uint8_t ip4[4] = {127, 0, 0, last};
    return ct_addr_ip4(ip4, port);
}

static struct sockaddr_in to_sockaddr(const struct ct_addr *addr)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    memcpy(&in.sin_addr, addr->ip, 4);
    return in;
}

int peer_open(const struct ct_addr *at)
{
    struct sockaddr_in in = to_sockaddr(at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&in, sizeof(in)) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

void peer_send(int fd, const struct ct_addr *to, const char *text)
{
    struct sockaddr_in in = to_sockaddr(to);
    (void)sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&in, sizeof(in));
}

static const char *receive(int fd, int wait_ms)
{
    static char text[64];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = poll(&p, 1, wait_ms) == 1 ? recv(fd, text, sizeof(text) - 1, 0) : 0;
    text[n > 0 ? n : 0] = '\0';
    return text;
}

const char *peer_receive(int fd)
{
    return receive(fd, EVENT_MS);
}

bool peer_has_nothing(int fd)
{
    return receive(fd, 0)[0] == '\0';
}

/* Moves the machine along until something of a peer came, until done(), or until wait_ms is over.
 */
static const char *pump(struct client *c, bool (*done)(const struct client *, const void *),
                        const void *arg, uint64_t wait_ms)
{
    static char text[64];
    uint64_t until = ct_mono_ms() + wait_ms;
    for (;;) {
        uint8_t buf[CT_ALLOC_DATAGRAM];
        size_t len = 0;
        while (ct_alloc_poll(&c->alloc, ct_mono_ms(), buf, sizeof(buf), &len) == CT_OK) {
            (void)send(c->fd, buf, len, 0);
        }
        uint64_t now = ct_mono_ms();
        if ((done && done(c, arg)) || now >= until) {
            return "";
        }
        uint64_t deadline = ct_alloc_deadline(&c->alloc);
        uint64_t next = deadline < until ? deadline : until;
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        if (poll(&p, 1, next > now ? (int)(next - now) : 0) != 1) {
            continue;
        }
        ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
        struct ct_alloc_got got;
        if (n > 0 && ct_alloc_input(&c->alloc, ct_mono_ms(), buf, (size_t)n, &got) == CT_OK &&
            got.kind == CT_ALLOC_DATA && !done) {
            (void)snprintf(text, sizeof(text), "%.*s", (int)got.len, (const char *)got.data);
            return text;
        }
    }
}

static bool is_settled(const struct client *c, const void *arg)
{
    (void)arg;
    return ct_alloc_state(&c->alloc) != CT_ALLOC_ASKING;
}

bool client_open(struct client *c, const struct place *p, const char *user, const char *password)
{
    struct ct_addr server = loopback(1, p->port);
    struct sockaddr_in in = to_sockaddr(&server);
    struct ct_addr any = loopback(1, 0);
    uint8_t seed[32];
    /* patient: nothing gets lost here, and a server may be slow */
    struct ct_alloc_config config = {
        .username = user, .password = password, .seed32 = seed, .lifetime_s = 3000, .rtt_ms = 500};
    struct ct_why why;
    c->fd = socket_fresh(&any);
    if (c->fd < 0 || ct_random(seed, sizeof(seed)) != CT_OK ||
        connect(c->fd, (const struct sockaddr *)&in, sizeof(in)) != 0 ||
        ct_alloc_init(&c->alloc, &config, ct_mono_ms(), &why) != CT_OK) {
        return false;
    }
    (void)pump(c, is_settled, NULL, EVENT_MS);
    return ct_alloc_state(&c->alloc) == CT_ALLOC_READY ||
           ct_alloc_state(&c->alloc) == CT_ALLOC_FAILED;
}

void client_close(struct client *c)
{
    ct_alloc_wipe(&c->alloc);
    (void)close(c->fd);
}

static bool is_answered(const struct client *c, const void *arg)
{
    enum ct_alloc_peer_state state = ct_alloc_peer_state(&c->alloc, arg);
    return state == CT_ALLOC_PEER_READY || state == CT_ALLOC_PEER_REFUSED;
}

bool client_permit(struct client *c, const struct ct_addr *peer)
{
    if (ct_alloc_permit(&c->alloc, ct_mono_ms(), peer) != CT_OK) {
        return false;
    }
    (void)pump(c, is_answered, peer, EVENT_MS);
    return ct_alloc_peer_state(&c->alloc, peer) == CT_ALLOC_PEER_READY;
}

bool client_bind(struct client *c, const struct ct_addr *peer)
{
    if (ct_alloc_bind(&c->alloc, ct_mono_ms(), peer) != CT_OK) {
        return false;
    }
    (void)pump(c, is_answered, peer, EVENT_MS);
    return ct_alloc_is_bound(&c->alloc, peer);
}

static bool is_released(const struct client *c, const void *arg)
{
    (void)arg;
    return ct_alloc_state(&c->alloc) != CT_ALLOC_RELEASING;
}

bool client_release(struct client *c)
{
    ct_alloc_release(&c->alloc, ct_mono_ms());
    (void)pump(c, is_released, NULL, EVENT_MS);
    return ct_alloc_state(&c->alloc) == CT_ALLOC_RELEASED;
}

void client_send(struct client *c, const struct ct_addr *peer, const char *text)
{
    uint8_t out[256];
    size_t len = 0;
    if (ct_alloc_wrap(&c->alloc, out, sizeof(out), &len, peer, text, strlen(text)) == CT_OK) {
        (void)send(c->fd, out, len, 0);
    }
}

const char *client_receive(struct client *c)
{
    return pump(c, NULL, NULL, EVENT_MS);
}
