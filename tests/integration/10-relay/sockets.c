/* Sockets of tests at any address of this host, UDP and TCP, IPv4 and IPv6. */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78 /* linux/in6.h, which netinet/in.h does not go with */
#endif

socklen_t socket_address(struct sockaddr_storage *out, const struct ct_addr *addr)
{
    memset(out, 0, sizeof(*out));
    if (addr->family == 6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
        memcpy(&in6.sin6_addr, addr->ip, 16);
        memcpy(out, &in6, sizeof(in6));
        return sizeof(in6);
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    memcpy(&in.sin_addr, addr->ip, 4);
    memcpy(out, &in, sizeof(in));
    return sizeof(in);
}

int socket_at(const struct ct_addr *addr, int type)
{
    struct sockaddr_storage at;
    socklen_t len = socket_address(&at, addr);
    int one = 1;
    int fd = socket(at.ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (addr->family == 6) { /* IPv4 needs a route for that and no more */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one));
    }
    if (bind(fd, (const struct sockaddr *)&at, len) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int socket_fresh(const struct ct_addr *addr)
{
    enum { FIRST = 10000, LAST = 32000 }; /* below those that the kernel gives */
    static uint16_t next = FIRST;
    struct ct_addr at = *addr;
    for (int i = FIRST; i < LAST; i++) {
        struct sockaddr_storage to;
        at.port = next;
        next = next < LAST ? (uint16_t)(next + 1) : FIRST;
        socklen_t len = socket_address(&to, &at);
        int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && bind(fd, (const struct sockaddr *)&to, len) == 0) {
            return fd;
        }
        (void)close(fd);
    }
    return -1;
}

int socket_listen(const struct ct_addr *addr)
{
    int fd = socket_at(addr, SOCK_STREAM);
    if (fd >= 0 && listen(fd, 8) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

int socket_connect(const struct ct_addr *from, const struct ct_addr *to, int wait_ms)
{
    struct sockaddr_storage at;
    socklen_t len = socket_address(&at, to);
    int fd = socket_at(from, SOCK_STREAM);
    int failed = 0;
    socklen_t size = sizeof(failed);
    if (fd < 0) {
        return -1;
    }
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    if ((connect(fd, (const struct sockaddr *)&at, len) != 0 && errno != EINPROGRESS) ||
        poll(&p, 1, wait_ms) != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0 ||
        failed != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void socket_send(int fd, const struct ct_addr *to, const char *text)
{
    struct sockaddr_storage at;
    socklen_t len = socket_address(&at, to);
    (void)!sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&at, len);
}

const char *socket_receive(int fd, int wait_ms)
{
    static char text[64];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = poll(&p, 1, wait_ms) == 1 ? recv(fd, text, sizeof(text) - 1, 0) : 0;
    text[n > 0 ? n : 0] = '\0';
    return text;
}
