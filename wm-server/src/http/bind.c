/* Address text to socket: numeric only, so that no resolver decides where a server listens. */
#include "http/bind.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ct_err split_address(const char *address, char *host, size_t cap, char *port,
                            size_t port_cap)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - address);
    if (len > 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    if (len == 0 || len >= cap || strlen(colon + 1) >= port_cap) {
        return CT_ERR_CONFIG;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    (void)snprintf(port, port_cap, "%s", colon + 1);
    return CT_OK;
}

static bool is_own_only(const struct sockaddr *at)
{
    if (at->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, at, sizeof v6);
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    struct sockaddr_in v4;
    memcpy(&v4, at, sizeof v4);
    return at->sa_family == AF_INET && ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int listen_on(const struct addrinfo *at, uint16_t *port)
{
    int one = 1;
    struct sockaddr_storage own;
    socklen_t own_len = sizeof own;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &own_len) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    char digits[8];
    (void)getnameinfo((struct sockaddr *)&own, own_len, NULL, 0, digits, sizeof digits,
                      NI_NUMERICSERV);
    *port = (uint16_t)strtoul(digits, NULL, 10);
    return fd;
}

/* NULL: it is no numeric address and port. */
static struct addrinfo *resolve(const char *address, struct ct_why *why)
{
    char host[128];
    char digits[8];
    struct addrinfo *at = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    if (split_address(address, host, sizeof host, digits, sizeof digits) != CT_OK ||
        getaddrinfo(host, digits, &hints, &at) != 0) {
        (void)ct_why(why, CT_ERR_CONFIG,
                     "cannot listen on \"%s\": give ADDRESS:PORT, such as 0.0.0.0:8080", address);
        return NULL;
    }
    return at;
}

ct_err ct_bind_reach(bool *is_loopback, const char *address, struct ct_why *why)
{
    struct addrinfo *at = resolve(address, why);
    if (at == NULL) {
        return CT_ERR_CONFIG;
    }
    *is_loopback = is_own_only(at->ai_addr);
    freeaddrinfo(at);
    return CT_OK;
}

ct_err ct_bind(int *fd, uint16_t *port, bool *is_loopback, const char *address, struct ct_why *why)
{
    struct addrinfo *at = resolve(address, why);
    if (at == NULL) {
        return CT_ERR_CONFIG;
    }
    *fd = listen_on(at, port);
    int cause = errno;
    if (is_loopback != NULL) {
        *is_loopback = is_own_only(at->ai_addr);
    }
    freeaddrinfo(at);
    if (*fd < 0) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "cannot listen on %s: %s; is the address this host's and the port free?",
                      address, strerror(cause));
    }
    return CT_OK;
}
