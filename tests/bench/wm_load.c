/* Connections of the load generator on one epoll. */
#include "wm_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { ROOM = 8192, SPANS = 1 << 18 /* microseconds that are told apart */, EVENTS = 256 };

enum phase { SHAKING, ASKING, CLOSING };

struct link {
    int fd;
    enum phase phase;
    bool watches_write;
    struct bench_tls *tls;
    size_t psk;
    unsigned asked;
    uint64_t began_ns;
    size_t len;
    char in[ROOM];
};

struct run {
    const struct bench_load *load;
    struct bench_tls_client *client;
    int epoll;
    bool only_shakes;
    size_t next_psk, next_address;
    uint64_t asked, done, failed;
    struct link *links;
    uint32_t *spans;
};

int bench_socket(uint16_t port, size_t number)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr = {.s_addr = htonl(0x7f010001u + (uint32_t)(number % 60000))}};
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* ---- bytes ---- */

static long receive(struct link *c, void *out, size_t cap)
{
    if (c->tls != NULL) {
        return bench_tls_read(c->tls, out, cap);
    }
    ssize_t n = recv(c->fd, out, cap, 0);
    return n > 0 ? n : n < 0 && errno == EAGAIN ? BENCH_AGAIN : BENCH_GONE;
}

static long transmit(struct link *c, const void *data, size_t len)
{
    if (c->tls != NULL) {
        return bench_tls_write(c->tls, data, len);
    }
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
    return n >= 0 ? n : BENCH_GONE;
}

/* The length of the whole answer that is at the start of text; 0: not there yet, -1: not 200. */
static long answer_len(const char *text, size_t len)
{
    const char *end = memmem(text, len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    size_t head = (size_t)(end - text) + 4;
    const char *field = memmem(text, head, "Content-Length: ", 16);
    if (len < 12 || memcmp(text, "HTTP/1.1 200", 12) != 0 || field == NULL) {
        return -1;
    }
    size_t whole = head + strtoul(field + 16, NULL, 10);
    return len >= whole ? (long)whole : 0;
}

/* ---- one connection ---- */

static void drop(struct run *r, struct link *c)
{
    struct linger now = {.l_onoff = 1};
    bench_tls_free(c->tls);
    c->tls = NULL;
    if (c->fd >= 0) {
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* no port stays taken */
        (void)close(c->fd);
        c->fd = -1;
    }
    (void)r;
}

static bool begin(struct run *r, struct link *c)
{
    c->fd = bench_socket(r->load->port, r->next_address++);
    c->phase = SHAKING;
    c->len = 0;
    c->asked = 0;
    c->began_ns = ct_mono_ns();
    c->watches_write = true;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data = {.ptr = c}};
    if (c->fd < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0) {
        return false;
    }
    if (r->client != NULL) {
        c->psk = r->next_psk++ % r->load->psk_count;
        c->tls = bench_tls_open(r->client, c->fd, &r->load->psks[c->psk]);
        return c->tls != NULL;
    }
    return true;
}

static void watch(struct run *r, struct link *c, bool write)
{
    if (c->watches_write != write) {
        struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0u), .data = {.ptr = c}};
        (void)epoll_ctl(r->epoll, EPOLL_CTL_MOD, c->fd, &e);
        c->watches_write = write;
    }
}

static void count(struct run *r, const struct link *c)
{
    uint64_t us = (ct_mono_ns() - c->began_ns) / 1000;
    r->spans[us < SPANS ? us : SPANS - 1]++;
    r->done++;
}

static bool ask(struct run *r, struct link *c)
{
    char path[128];
    char text[256];
    r->load->path(r->load->path_arg, c->psk, r->asked++, path, sizeof path);
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    c->phase = ASKING;
    c->len = 0;
    c->asked++;
    c->began_ns = ct_mono_ns();
    return n > 0 && transmit(c, text, (size_t)n) == n;
}

/* True while the connection is good. */
static bool shaken(struct run *r, struct link *c)
{
    int code = c->tls == NULL ? 0 : bench_tls_shake(c->tls);
    if (code == BENCH_AGAIN) {
        watch(r, c, bench_tls_wants_write(c->tls));
        return true;
    }
    if (code != 0) {
        return false;
    }
    watch(r, c, false);
    if (!r->only_shakes) {
        return ask(r, c);
    }
    bench_tls_end(c->tls);
    (void)shutdown(c->fd, SHUT_WR);
    c->phase = CLOSING;
    return true;
}

static bool again(struct run *r, struct link *c)
{
    count(r, c);
    if (c->tls != NULL && r->load->per_psk > 0 && c->asked >= r->load->per_psk) {
        drop(r, c);
        return begin(r, c);
    }
    return ask(r, c);
}

static bool answered(struct run *r, struct link *c)
{
    for (;;) {
        long n = receive(c, c->in + c->len, ROOM - c->len);
        if (n <= 0) {
            return n == BENCH_AGAIN;
        }
        c->len += (size_t)n;
        long whole = answer_len(c->in, c->len);
        if (whole != 0) {
            return whole > 0 && again(r, c);
        }
    }
}

static bool closed(struct run *r, struct link *c)
{
    long n = receive(c, c->in, ROOM);
    if (n == BENCH_AGAIN) {
        return true;
    }
    count(r, c);
    drop(r, c);
    return begin(r, c);
}

static void serve(struct run *r, struct link *c)
{
    bool good = c->phase == SHAKING  ? shaken(r, c)
                : c->phase == ASKING ? answered(r, c)
                                     : closed(r, c);
    if (!good) {
        r->failed++;
        drop(r, c);
        (void)begin(r, c);
    }
}

static uint32_t quantile(const struct run *r, double q)
{
    uint64_t below = 0;
    for (uint32_t us = 0; us < SPANS; us++) {
        below += r->spans[us];
        if ((double)below >= q * (double)r->done) {
            return us;
        }
    }
    return SPANS;
}

/* ---- a run ---- */

static bool prepare(struct run *r, const struct bench_load *load)
{
    memset(r, 0, sizeof *r);
    r->load = load;
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->links = calloc(load->connections, sizeof *r->links);
    r->spans = calloc(SPANS, sizeof *r->spans);
    if (load->way != BENCH_PLAIN) {
        r->client = bench_tls_client_new(load->way == BENCH_TLS13);
    }
    return r->epoll >= 0 && r->links != NULL && r->spans != NULL &&
           (load->way == BENCH_PLAIN || r->client != NULL);
}

static void finish(struct run *r)
{
    for (size_t i = 0; r->links != NULL && i < r->load->connections; i++) {
        drop(r, &r->links[i]);
    }
    if (r->epoll >= 0) {
        (void)close(r->epoll);
    }
    bench_tls_client_free(r->client);
    free(r->links);
    free(r->spans);
}

static void spin(struct run *r, uint32_t ms)
{
    struct epoll_event events[EVENTS];
    uint64_t until = ct_mono_ms() + ms;
    while (ct_mono_ms() < until) {
        int n = epoll_wait(r->epoll, events, EVENTS, 100);
        for (int i = 0; i < n; i++) {
            serve(r, events[i].data.ptr);
        }
    }
}

static bool measure(const struct bench_load *load, bool only_shakes, struct bench_seen *out)
{
    struct run r;
    bool good = prepare(&r, load);
    r.only_shakes = only_shakes;
    for (size_t i = 0; good && i < load->connections; i++) {
        r.links[i].fd = -1;
    }
    for (size_t i = 0; good && i < load->connections; i++) {
        good = begin(&r, &r.links[i]);
    }
    if (good) {
        spin(&r, load->ms / 8 + 50); /* everything is warm */
        memset(r.spans, 0, SPANS * sizeof *r.spans);
        r.done = 0;
        uint64_t began = ct_mono_ns();
        spin(&r, load->ms);
        double seconds = (double)(ct_mono_ns() - began) / 1e9;
        *out = (struct bench_seen){.done = r.done,
                                   .failed = r.failed,
                                   .rate = (double)r.done / seconds,
                                   .p50_us = quantile(&r, 0.50),
                                   .p99_us = quantile(&r, 0.99)};
    }
    finish(&r);
    return good && out->done > 0;
}

bool bench_requests(const struct bench_load *load, struct bench_seen *out)
{
    return measure(load, false, out);
}

bool bench_handshakes(const struct bench_load *load, struct bench_seen *out)
{
    return measure(load, true, out);
}
