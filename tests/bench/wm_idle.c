/* Connections that stay and say nothing; and one request that is waited for. */
#include "wm_load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { STEP_MS = 5000, AT_ONCE = 128 };

struct bench_idle {
    struct bench_tls_client *client;
    size_t count;
    struct {
        int fd;
        struct bench_tls *tls;
    } of[];
};

static bool await(int fd, short what)
{
    struct pollfd p = {.fd = fd, .events = what};
    return poll(&p, 1, STEP_MS) == 1 && (p.revents & what) != 0;
}

static bool shake(struct bench_tls *tls, int fd)
{
    int code;
    while ((code = bench_tls_shake(tls)) == BENCH_AGAIN) {
        if (!await(fd, bench_tls_wants_write(tls) ? POLLOUT : POLLIN)) {
            return false;
        }
    }
    return code == 0;
}

/* Their first flights are out before the first is waited for. */
static void begin_some(struct bench_idle *idle, const struct bench_load *load, size_t to)
{
    size_t from = idle->count;
    for (; idle->count < to; idle->count++) {
        idle->of[idle->count].fd = bench_socket(load->port, idle->count);
    }
    for (size_t i = from; i < to; i++) {
        int fd = idle->of[i].fd;
        if (fd >= 0 && await(fd, POLLOUT) && idle->client != NULL) {
            idle->of[i].tls = bench_tls_open(idle->client, fd, &load->psks[i % load->psk_count]);
            (void)bench_tls_shake(idle->of[i].tls);
        }
    }
}

struct bench_idle *bench_idle_open(const struct bench_load *load)
{
    struct bench_idle *idle = calloc(1, sizeof *idle + load->connections * sizeof idle->of[0]);
    if (idle == NULL) {
        return NULL;
    }
    if (load->way != BENCH_PLAIN) {
        idle->client = bench_tls_client_new(load->way == BENCH_TLS13);
    }
    while (idle->count < load->connections) {
        size_t from = idle->count;
        size_t to = from + AT_ONCE < load->connections ? from + AT_ONCE : load->connections;
        begin_some(idle, load, to);
        for (size_t i = from; i < to; i++) {
            if (idle->of[i].tls != NULL) {
                (void)shake(idle->of[i].tls, idle->of[i].fd);
            }
        }
    }
    return idle;
}

size_t bench_idle_left(const struct bench_idle *idle)
{
    size_t left = 0;
    char byte;
    for (size_t i = 0; i < idle->count; i++) {
        left +=
            idle->of[i].fd >= 0 && recv(idle->of[i].fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
    }
    return left;
}

void bench_idle_close(struct bench_idle *idle)
{
    const struct linger now = {.l_onoff = 1};
    for (size_t i = 0; idle != NULL && i < idle->count; i++) {
        bench_tls_free(idle->of[i].tls);
        if (idle->of[i].fd >= 0) {
            (void)setsockopt(idle->of[i].fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
            (void)close(idle->of[i].fd);
        }
    }
    if (idle != NULL) {
        bench_tls_client_free(idle->client);
        free(idle);
    }
}

/* All of it until the server closes. */
static size_t read_all(int fd, char *text, size_t cap)
{
    size_t len = 0;
    ssize_t n = 0;
    while (len + 1 < cap && await(fd, POLLIN) && (n = recv(fd, text + len, cap - 1 - len, 0)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    return len;
}

bool bench_post(uint16_t port, const char *path, const char *body, char *out, size_t cap)
{
    static char text[16384];
    int fd = bench_socket(port, 59999);
    int n = snprintf(text, sizeof text,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     path, strlen(body), body);
    bool good = fd >= 0 && n > 0 && (size_t)n < sizeof text && await(fd, POLLOUT) &&
                send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
    good = good && read_all(fd, text, sizeof text) > 12 && strncmp(text + 9, "200", 3) == 0;
    const char *at = good ? strstr(text, "\r\n\r\n") : NULL;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (at != NULL) {
        (void)snprintf(out, cap, "%s", at + 4);
    }
    return at != NULL;
}
