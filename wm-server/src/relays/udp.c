/* UDP sockets. */
#include "relays/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t to_socket(struct sockaddr_storage *out, const struct ct_addr *a)
{
    memset(out, 0, sizeof *out);
    if (a->family == 4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&in.sin_addr, a->ip, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    memcpy(&in6.sin6_addr, a->ip, 16);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

static struct ct_addr from_socket(const struct sockaddr_storage *s)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (s->ss_family == AF_INET) {
        memcpy(&in, s, sizeof in);
        return ct_addr_ip4((const uint8_t *)&in.sin_addr, ntohs(in.sin_port));
    }
    memcpy(&in6, s, sizeof in6);
    return ct_addr_ip6((const uint8_t *)&in6.sin6_addr, ntohs(in6.sin6_port));
}

ct_err ct_udp_open(int *fd, const struct ct_addr *at)
{
    struct sockaddr_storage s;
    socklen_t n = to_socket(&s, at);
    int f = socket(s.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (f < 0 || bind(f, (const struct sockaddr *)&s, n) != 0) {
        ct_udp_close(f);
        return CT_ERR_SYSTEM;
    }
    *fd = f;
    return CT_OK;
}

void ct_udp_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

ct_err ct_udp_send(int fd, const struct ct_addr *to, const void *data, size_t len)
{
    struct sockaddr_storage s;
    socklen_t n = to_socket(&s, to);
    return sendto(fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)&s, n) == (ssize_t)len
               ? CT_OK
               : CT_ERR_IO;
}

ct_err ct_udp_receive(int fd, struct ct_addr *from, void *data, size_t cap, size_t *len)
{
    struct sockaddr_storage s = {0};
    socklen_t n = sizeof s;
    ssize_t got;
    do { /* an ICMP error of an earlier datagram shows here, once */
        got = recvfrom(fd, data, cap, 0, (struct sockaddr *)&s, &n);
    } while (got < 0 && (errno == EINTR || errno == ECONNREFUSED));
    if (got < 0) {
        return CT_ERR_AGAIN;
    }
    *from = from_socket(&s);
    *len = (size_t)got;
    return CT_OK;
}

void ct_udp_wait(const int *fds, size_t count, uint32_t timeout_ms)
{
    struct pollfd polled[4] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
    for (size_t i = 0; i < count && i < 4; i++) {
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    (void)poll(polled, 4, timeout_ms > 10000 ? 10000 : (int)timeout_ms);
}

bool ct_udp_has_way(const struct ct_addr *to)
{
    struct sockaddr_storage s;
    socklen_t n = to_socket(&s, to);
    int fd = socket(s.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && connect(fd, (const struct sockaddr *)&s, n) == 0;
    ct_udp_close(fd);
    return has;
}
