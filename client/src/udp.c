/* UDP sockets: the only file that opens any. */
#include "udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "turn/stun.h"

#define MEASURE_MAX 64u
#define MEASURE_STEP_MS 400u /* between the sendings of a Binding */
#define MEASURE_STEPS 4u
#define BUFFER 1000000 /* bytes the kernel may hold for a busy process */

static socklen_t to_sockaddr(struct sockaddr_storage *out, const struct ct_addr *addr)
{
    memset(out, 0, sizeof *out);
    if (addr->family == 6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
        memcpy(&in6.sin6_addr, addr->ip, 16);
        memcpy(out, &in6, sizeof in6);
        return sizeof in6;
    }
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    memcpy(&in4.sin_addr, addr->ip, 4);
    memcpy(out, &in4, sizeof in4);
    return sizeof in4;
}

ct_err ct_udp_open(int *out, const struct ct_addr *server, uint16_t local_port, struct ct_why *why)
{
    struct sockaddr_storage address;
    struct ct_addr local = {.family = server->family, .port = local_port};
    int buffer = BUFFER;
    int fd = socket(server->family == 6 ? AF_INET6 : AF_INET,
                    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return ct_why(why, CT_ERR_SYSTEM, "cannot open a UDP socket: %s", strerror(errno));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    socklen_t len = to_sockaddr(&address, &local);
    if (local_port != 0 && bind(fd, (const struct sockaddr *)&address, len) != 0) {
        ct_err err = ct_why(why, CT_ERR_SYSTEM, "cannot use UDP port %u: %s", (unsigned)local_port,
                            strerror(errno));
        (void)close(fd);
        return err;
    }
    len = to_sockaddr(&address, server);
    if (connect(fd, (const struct sockaddr *)&address, len) != 0) {
        char text[CT_ADDR_TEXT];
        ct_addr_to_text(text, server);
        ct_err err =
            ct_why(why, CT_ERR_IO, "there is no route to the relay %s: %s", text, strerror(errno));
        (void)close(fd);
        return err;
    }
    *out = fd;
    return CT_OK;
}

bool ct_udp_has_way(const struct ct_addr *to)
{
    struct sockaddr_storage address;
    socklen_t len = to_sockaddr(&address, to);
    int fd = socket(to->family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && connect(fd, (const struct sockaddr *)&address, len) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return has;
}

void ct_udp_close(int fd)
{
    (void)close(fd);
}

uint16_t ct_udp_local_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET6) {
        memcpy(&in6, &address, sizeof in6);
        return ntohs(in6.sin6_port);
    }
    memcpy(&in4, &address, sizeof in4);
    return ntohs(in4.sin_port);
}

void ct_udp_send(int fd, const void *datagram, size_t len)
{
    ssize_t n;
    do {
        n = send(fd, datagram, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    /* ECONNREFUSED reports an earlier datagram and eats this one: send it again, once */
    if (n < 0 && errno == ECONNREFUSED) {
        (void)send(fd, datagram, len, MSG_NOSIGNAL);
    }
}

ct_err ct_udp_recv(int fd, void *out, size_t cap, size_t *len)
{
    for (unsigned tries = 0; tries < 4; tries++) {
        ssize_t n = recv(fd, out, cap, 0);
        if (n >= 0) {
            *len = (size_t)n;
            return CT_OK;
        }
        if (errno != EINTR && errno != ECONNREFUSED) {
            break;
        }
    }
    return CT_ERR_AGAIN;
}

/* ---- measuring ---- */

struct probe {
    int fd;
    uint8_t tid[CT_STUN_TID];
    uint64_t sent_ns;
    uint32_t rtt_us; /* the least so far */
    unsigned answers;
};

static void ask(struct probe *probe)
{
    uint8_t buf[64];
    struct ct_wr w;
    size_t len;
    if (ct_random(probe->tid, sizeof probe->tid) != CT_OK) {
        return;
    }
    ct_stun_begin(&w, buf, sizeof buf, CT_STUN_BINDING, CT_STUN_REQUEST, probe->tid);
    if (ct_stun_end(&w, &len) == CT_OK) {
        probe->sent_ns = ct_mono_ns();
        ct_udp_send(probe->fd, buf, len);
    }
}

static void take(struct probe *probe)
{
    uint8_t buf[1500];
    size_t len;
    struct ct_stun m;
    while (ct_udp_recv(probe->fd, buf, sizeof buf, &len) == CT_OK) {
        if (ct_stun_parse(&m, buf, len) != CT_OK || m.class_ != CT_STUN_SUCCESS ||
            m.method != CT_STUN_BINDING || memcmp(m.tid, probe->tid, sizeof m.tid) != 0) {
            continue;
        }
        uint64_t us = (ct_mono_ns() - probe->sent_ns) / 1000u;
        uint32_t rtt = us == 0 ? 1 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
        probe->rtt_us = probe->rtt_us == 0 || rtt < probe->rtt_us ? rtt : probe->rtt_us;
        probe->answers++;
        memset(probe->tid, 0, sizeof probe->tid);
    }
}

/* Waits for answers until end_ms or until each server that will has given `enough`. */
static void gather(struct probe *probes, size_t count, unsigned enough, uint64_t end_ms)
{
    struct pollfd fds[MEASURE_MAX];
    for (;;) {
        size_t open = 0;
        uint64_t now = ct_mono_ms();
        for (size_t i = 0; i < count; i++) {
            fds[i] = (struct pollfd){.fd = probes[i].answers < enough ? probes[i].fd : -1,
                                     .events = POLLIN};
            open += fds[i].fd >= 0;
        }
        if (open == 0 || now >= end_ms || poll(fds, (nfds_t)count, (int)(end_ms - now)) <= 0) {
            return;
        }
        for (size_t i = 0; i < count; i++) {
            if (fds[i].revents != 0) {
                take(&probes[i]);
            }
        }
    }
}

ct_err ct_udp_measure(uint32_t *rtt_us, const struct ct_addr *servers, size_t count,
                      struct ct_why *why)
{
    struct probe probes[MEASURE_MAX];
    size_t used = count < MEASURE_MAX ? count : MEASURE_MAX;
    ct_err err = CT_OK;

    memset(probes, 0, sizeof probes);
    for (size_t i = 0; i < used; i++) {
        probes[i].fd = -1;
        if (ct_udp_open(&probes[i].fd, &servers[i], 0, why) != CT_OK) {
            probes[i].fd = -1; /* no route, such as IPv6 on an IPv4 host: no answer */
        }
    }
    /* the first Binding to a relay may wait for address resolution on the way: two samples */
    for (unsigned step = 0; step < MEASURE_STEPS; step++) {
        unsigned enough = step < 2 ? step + 1 : 1;
        for (size_t i = 0; i < used; i++) {
            if (probes[i].fd >= 0 && probes[i].answers < enough) {
                ask(&probes[i]);
            }
        }
        gather(probes, used, enough, ct_mono_ms() + MEASURE_STEP_MS);
    }
    for (size_t i = 0; i < count; i++) {
        rtt_us[i] = i < used ? probes[i].rtt_us : 0;
    }
    for (size_t i = 0; i < used; i++) {
        if (probes[i].fd >= 0) {
            ct_udp_close(probes[i].fd);
        }
    }
    return err;
}
