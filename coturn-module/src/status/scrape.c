/* The relay's own HTTP endpoint for Prometheus: a few connections at a time, each for a few
 * seconds, on a thread of its own. */
#include "status/scrape.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    PLACES = 8,
    PATIENCE_MS = 5000, /* for all of a connection, from its first byte to its end */
    BACKLOG = 16,
    NO_ROOM_MS = 200, /* until descriptors are tried for again */
};

struct connection {
    int fd; /* -1: a free place */
    uint64_t until_ms;
    char in[CT_SCRAPE_HEAD_MAX];
    size_t in_len;
    char *out; /* owned; NULL: the request is not whole yet */
    size_t out_len;
    size_t out_at;
};

struct ct_scrape {
    struct ct_scrape_config config;
    bool on_loopback;
    uint16_t port;
    int listener;
    int wake; /* an eventfd: the thread is to end */
    pthread_t thread;
    struct connection places[PLACES];
};

/* ---- one connection ---- */

static void drop(struct connection *c)
{
    (void)close(c->fd);
    free(c->out);
    c->fd = -1;
    c->out = NULL;
    c->in_len = c->out_len = c->out_at = 0;
}

static const char *reason(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 421:
        return "Misdirected Request";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Bad Request";
    }
}

/* Head and body; false: no memory. */
static bool make_answer(const struct ct_scrape *s, struct connection *c, unsigned status,
                        bool is_head)
{
    char *body = NULL;
    size_t body_len = 0;
    FILE *f = open_memstream(&body, &body_len);
    if (!f) {
        return false;
    }
    if (status == 200) {
        s->config.write(s->config.arg, f);
    } else {
        (void)fprintf(f, "%u %s\n", status, reason(status));
    }
    bool ok = fclose(f) == 0;
    f = ok ? open_memstream(&c->out, &c->out_len) : NULL;
    if (f) {
        (void)fprintf(f,
                      "HTTP/1.1 %u %s\r\nContent-Type: text/plain; version=0.0.4; "
                      "charset=utf-8\r\nContent-Length: %zu\r\n%sX-Content-Type-Options: "
                      "nosniff\r\nConnection: close\r\n\r\n",
                      status, reason(status), body_len,
                      status == 405 ? "Allow: GET, HEAD\r\n" : "");
        (void)fwrite(body, 1, is_head ? 0 : body_len, f);
        ok = fclose(f) == 0;
    }
    free(body);
    return f && ok;
}

/* False: it is over. */
static bool take_in(const struct ct_scrape *s, struct connection *c)
{
    char unused[512];
    bool has_answer = c->out != NULL; /* what comes after the request is of no interest */
    ssize_t n = has_answer ? recv(c->fd, unused, sizeof(unused), 0)
                           : recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    if (has_answer) {
        return true;
    }
    bool is_head = false;
    c->in_len += (size_t)n;
    unsigned status = ct_scrape_status(c->in, c->in_len, s->on_loopback, &is_head);
    return status == 0 || make_answer(s, c, status, is_head);
}

static bool give_out(struct connection *c)
{
    ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    c->out_at += (size_t)n;
    /* closed by the other end first, or what it has not read yet would be lost with a reset */
    return c->out_at < c->out_len || shutdown(c->fd, SHUT_WR) == 0;
}

/* ---- the thread ---- */

/* A free place, or that of who came first: nobody can keep them all. */
static void admit(struct ct_scrape *s)
{
    int fd = accept(s->listener, NULL, NULL);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            (void)poll(NULL, 0, NO_ROOM_MS); /* it stays in the queue, and would be told at once */
        }
        return;
    }
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    struct connection *place = &s->places[0];
    for (size_t i = 0; i < PLACES && place->fd >= 0; i++) {
        if (s->places[i].fd < 0 || s->places[i].until_ms < place->until_ms) {
            place = &s->places[i];
        }
    }
    if (place->fd >= 0) {
        drop(place);
    }
    place->fd = fd;
    place->until_ms = ct_mono_ms() + PATIENCE_MS;
}

static void serve(const struct ct_scrape *s, struct connection *c, short events)
{
    bool goes_on = ct_mono_ms() < c->until_ms;
    if (goes_on && (events & (POLLIN | POLLHUP | POLLERR))) {
        goes_on = take_in(s, c);
    }
    if (goes_on && c->out && c->out_at < c->out_len) {
        goes_on = give_out(c);
    }
    if (!goes_on) {
        drop(c);
    }
}

static int wait_ms(const struct ct_scrape *s)
{
    uint64_t until = UINT64_MAX;
    for (size_t i = 0; i < PLACES; i++) {
        if (s->places[i].fd >= 0 && s->places[i].until_ms < until) {
            until = s->places[i].until_ms;
        }
    }
    uint64_t now = ct_mono_ms();
    return until == UINT64_MAX ? -1 : until > now ? (int)(until - now) : 0;
}

static void *run(void *arg)
{
    struct ct_scrape *s = arg;
    struct pollfd fds[PLACES + 2] = {{.fd = s->wake, .events = POLLIN},
                                     {.fd = s->listener, .events = POLLIN}};
    for (;;) {
        for (size_t i = 0; i < PLACES; i++) {
            const struct connection *c = &s->places[i];
            bool is_sending = c->out && c->out_at < c->out_len;
            fds[i + 2] = (struct pollfd){.fd = c->fd,
                                         .events = (short)(POLLIN | (is_sending ? POLLOUT : 0))};
        }
        (void)poll(fds, PLACES + 2, wait_ms(s));
        if (fds[0].revents != 0) {
            return NULL;
        }
        for (size_t i = 0; i < PLACES; i++) {
            if (s->places[i].fd >= 0) {
                serve(s, &s->places[i], fds[i + 2].revents);
            }
        }
        if (fds[1].revents != 0) {
            admit(s);
        }
    }
}

/* ---- start and stop ---- */

static socklen_t to_socket_address(struct sockaddr_storage *out, const struct ct_addr *addr)
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

static bool is_loopback(const struct ct_addr *addr)
{
    static const uint8_t one[16] = {[15] = 1};
    return addr->family == 6 ? memcmp(addr->ip, one, 16) == 0 : addr->ip[0] == 127;
}

static bool listen_at(struct ct_scrape *s)
{
    struct sockaddr_storage at;
    socklen_t len = to_socket_address(&at, &s->config.at);
    int one = 1;
    s->listener = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listener < 0) {
        return false;
    }
    (void)setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (at.ss_family == AF_INET6) {
        (void)setsockopt(s->listener, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    if (bind(s->listener, (const struct sockaddr *)&at, len) != 0 ||
        listen(s->listener, BACKLOG) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &len) != 0) {
        return false;
    }
    struct sockaddr_in in; /* the port is at the same place in both families */
    memcpy(&in, &at, sizeof(in));
    s->port = ntohs(in.sin_port);
    return true;
}

static void free_scrape(struct ct_scrape *s)
{
    const int fds[2] = {s->listener, s->wake};
    for (size_t i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    free(s);
}

/* Signals are the server's: its event loop answers them, not this thread. */
static bool start_thread(struct ct_scrape *s)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&s->thread, NULL, run, s) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

ct_err ct_scrape_start(struct ct_scrape **out, const struct ct_scrape_config *config,
                       struct ct_why *why)
{
    struct ct_scrape *s = calloc(1, sizeof(*s));
    if (!s) {
        return ct_why(why, CT_ERR_NOMEM, "no memory for the metrics' endpoint");
    }
    s->config = *config;
    s->on_loopback = is_loopback(&config->at);
    s->listener = -1;
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < PLACES; i++) {
        s->places[i].fd = -1;
    }
    if (s->wake < 0 || !listen_at(s) || !start_thread(s)) {
        char text[CT_ADDR_TEXT];
        int failed = errno;
        ct_addr_to_text(text, &config->at);
        free_scrape(s);
        return ct_why(why, CT_ERR_SYSTEM,
                      "chainturn-metrics: %s cannot be listened on (%s); choose another port", text,
                      strerror(failed));
    }
    *out = s;
    return CT_OK;
}

uint16_t ct_scrape_port(const struct ct_scrape *scrape)
{
    return scrape->port;
}

void ct_scrape_stop(struct ct_scrape *scrape)
{
    if (!scrape) {
        return;
    }
    (void)eventfd_write(scrape->wake, 1);
    (void)pthread_join(scrape->thread, NULL);
    for (size_t i = 0; i < PLACES; i++) {
        if (scrape->places[i].fd >= 0) {
            drop(&scrape->places[i]);
        }
    }
    free_scrape(scrape);
}
