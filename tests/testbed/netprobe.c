/* Measures a path by echo and finds out what kind of NAT stands in it; also the server for both. */

/*
 * ct-netprobe serve IP:PORT               answers until SIGTERM; prints "ready"
 * ct-netprobe rtt IP:PORT [COUNT]         round trip to a server, as JSON
 * ct-netprobe answer IP:PORT              joins a server and answers what peers send through it
 * ct-netprobe peer-rtt IP:PORT [COUNT]    round trip through a server to who has joined it
 * ct-netprobe nat IP:PORT IP:PORT IP:PORT what NAT the caller is behind, by three servers
 *
 * A datagram is a verb, 8 bytes that name the question, and for some verbs an address as text:
 *   E -> e  echo               M -> m  the sender's address as seen here
 *   J -> j  join               F -> f  to who joined, whose 'a' comes back to the last asker
 *   S -> s  send U to that address, from here
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ID_BYTES = 8,
    HEAD_BYTES = 1 + ID_BYTES,
    MSG_BYTES = 128,
    TRIES = 100,
    WAIT_MS = 400, /* for an answer, before asking again */
    MAX_COUNT = 1000,
};

struct msg {
    char bytes[MSG_BYTES + 1]; /* always NUL-terminated */
    size_t len;
    struct sockaddr_in from;
};

#define HOUR_US UINT64_C(3600000000)

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "ct-netprobe: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static bool parse_addr(const char *text, struct sockaddr_in *out)
{
    char ip[INET_ADDRSTRLEN];
    const char *colon = strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof ip) {
        return false;
    }
    (void)snprintf(ip, sizeof ip, "%.*s", (int)(colon - text), text);
    unsigned long port = strtoul(colon + 1, NULL, 10);
    memset(out, 0, sizeof *out);
    out->sin_family = AF_INET;
    out->sin_port = htons((uint16_t)port);
    return port > 0 && port < 65536 && inet_pton(AF_INET, ip, &out->sin_addr) == 1;
}

static void need_addr(const char *text, struct sockaddr_in *out)
{
    if (!parse_addr(text, out)) {
        (void)fprintf(stderr, "ct-netprobe: '%s' is not IP:PORT\n", text);
        exit(2);
    }
}

static int open_udp(const struct sockaddr_in *local)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fail("socket");
    }
    if (local != NULL && bind(fd, (const struct sockaddr *)local, sizeof *local) != 0) {
        fail("bind");
    }
    return fd;
}

static void send_to(int fd, const struct sockaddr_in *to, const struct msg *m)
{
    (void)sendto(fd, m->bytes, m->len, 0, (const struct sockaddr *)to, sizeof *to);
}

/* The same question as in m under another verb, with text behind it. */
static struct msg make(char verb, const char *id, const char *text)
{
    struct msg m;
    memset(&m, 0, sizeof m);
    m.bytes[0] = verb;
    memcpy(m.bytes + 1, id, ID_BYTES);
    (void)snprintf(m.bytes + HEAD_BYTES, MSG_BYTES - HEAD_BYTES, "%s", text);
    m.len = HEAD_BYTES + strlen(m.bytes + HEAD_BYTES);
    return m;
}

static void fresh_id(char id[ID_BYTES])
{
    static uint64_t last;
    uint64_t t = now_us();
    last = t > last ? t : last + 1;
    memcpy(id, &last, ID_BYTES);
}

/* Waits for one datagram; false when none came in time. */
static bool receive(int fd, struct msg *m, uint64_t until_us)
{
    for (;;) {
        uint64_t now = now_us();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int wait_ms = now >= until_us ? 0 : (int)((until_us - now + 999) / 1000);
        if (poll(&p, 1, wait_ms) <= 0) {
            if (now_us() >= until_us) {
                return false;
            }
            continue;
        }
        socklen_t from_len = sizeof m->from;
        ssize_t n = recvfrom(fd, m->bytes, MSG_BYTES, 0, (struct sockaddr *)&m->from, &from_len);
        if (n >= HEAD_BYTES) {
            m->len = (size_t)n;
            m->bytes[n] = '\0';
            return true;
        }
    }
}

/* Waits for the answer of this verb to this question. */
static bool receive_answer(int fd, char verb, const char *id, struct msg *m, uint64_t until_us)
{
    while (receive(fd, m, until_us)) {
        if (m->bytes[0] == verb && memcmp(m->bytes + 1, id, ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static struct msg ask(int fd, const struct sockaddr_in *to, char verb, char answer,
                      const char *text)
{
    struct msg got;
    char id[ID_BYTES];
    fresh_id(id);
    struct msg m = make(verb, id, text);
    for (int i = 0; i < TRIES; i++) { /* the answer to any of them will do */
        send_to(fd, to, &m);
        if (receive_answer(fd, answer, id, &got, now_us() + WAIT_MS * UINT64_C(1000))) {
            return got;
        }
    }
    errno = ETIMEDOUT;
    fail("no answer from the server");
}

/* --- the server --- */

/* Who takes part in "F": the one who joined, and who asked last. */
struct room {
    struct sockaddr_in joined, asker;
};

/* Decides what to say to whom; false for what is not understood. */
static bool decide(struct room *r, int fd, const struct msg *in, struct msg *out,
                   struct sockaddr_in *to)
{
    const char *id = in->bytes + 1;
    char ip[INET_ADDRSTRLEN], seen[INET_ADDRSTRLEN + 8];

    *to = in->from;
    switch (in->bytes[0]) {
    case 'E':
        *out = make('e', id, "");
        return true;
    case 'M':
        (void)inet_ntop(AF_INET, &in->from.sin_addr, ip, sizeof ip);
        (void)snprintf(seen, sizeof seen, "%s:%u", ip, (unsigned)ntohs(in->from.sin_port));
        *out = make('m', id, seen);
        return true;
    case 'J':
        r->joined = in->from;
        *out = make('j', id, "");
        return true;
    case 'F':
        r->asker = in->from;
        *to = r->joined;
        *out = make('f', id, "");
        return true;
    case 'a':
        *to = r->asker;
        *out = make('a', id, "");
        return true;
    case 'S':
        if (!parse_addr(in->bytes + HEAD_BYTES, to)) {
            return false;
        }
        *out = make('U', id, "");
        send_to(fd, to, out);
        *to = in->from;
        *out = make('s', id, "");
        return true;
    default:
        return false;
    }
}

static void say_ready(void)
{
    (void)printf("ready\n");
    (void)fflush(stdout);
}

static _Noreturn void serve(const char *where)
{
    struct sockaddr_in local, to;
    struct msg in, out;
    struct room room;

    need_addr(where, &local);
    memset(&room, 0, sizeof room);
    int fd = open_udp(&local);
    say_ready();
    for (;;) {
        if (receive(fd, &in, now_us() + HOUR_US) && decide(&room, fd, &in, &out, &to)) {
            send_to(fd, &to, &out);
        }
    }
}

static _Noreturn void answer(const char *where)
{
    struct sockaddr_in server;
    struct msg in;

    need_addr(where, &server);
    int fd = open_udp(NULL);
    (void)ask(fd, &server, 'J', 'j', "");
    say_ready();
    for (;;) {
        if (receive(fd, &in, now_us() + HOUR_US) && in.bytes[0] == 'f') {
            struct msg out = make('a', in.bytes + 1, "");
            send_to(fd, &server, &out);
        }
    }
}

/* --- the askers --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(const char *where, char verb, char expect, const char *count_text)
{
    static double rtt_ms[MAX_COUNT];
    struct sockaddr_in server;
    need_addr(where, &server);
    long want = count_text != NULL ? strtol(count_text, NULL, 10) : 20;
    if (want < 1 || want > MAX_COUNT) {
        (void)fprintf(stderr, "ct-netprobe: COUNT is 1 to %d\n", MAX_COUNT);
        return 2;
    }
    int fd = open_udp(NULL);
    (void)ask(fd, &server, verb, expect, ""); /* neighbour tables are filled before measuring */
    size_t n = (size_t)want, got = 0;
    for (size_t i = 0; i < n; i++) {
        char id[ID_BYTES];
        struct msg in;
        fresh_id(id);
        struct msg m = make(verb, id, "");
        uint64_t start = now_us();
        send_to(fd, &server, &m);
        if (receive_answer(fd, expect, id, &in, start + 1000000u)) {
            rtt_ms[got++] = (double)(now_us() - start) / 1000.0;
        }
    }
    (void)close(fd);
    if (got == 0) {
        errno = ETIMEDOUT;
        fail("no echo came back");
    }
    qsort(rtt_ms, got, sizeof rtt_ms[0], by_value);
    double median = (rtt_ms[(got - 1) / 2] + rtt_ms[got / 2]) / 2;
    (void)printf(
        "{\"sent\":%zu,\"received\":%zu,\"median_ms\":%.3f,\"min_ms\":%.3f,\"max_ms\":%.3f}\n", n,
        got, median, rtt_ms[0], rtt_ms[got - 1]);
    return 0;
}

/* Has a server send an unasked datagram to an address. It has left when this returns. */
static void send_unasked(int side_fd, const struct sockaddr_in *server, const char *target)
{
    (void)ask(side_fd, server, 'S', 's', target);
}

/* Waits for the control, and tells whether what was sent before it came, too. */
static bool control_arrives(int fd, int side_fd, const struct sockaddr_in *server,
                            const char *target, bool *leaks)
{
    struct msg in;
    for (int i = 0; i < TRIES; i++) {
        send_unasked(side_fd, server, target);
        uint64_t until = now_us() + WAIT_MS * UINT64_C(1000);
        while (receive(fd, &in, until)) {
            if (in.bytes[0] != 'U') {
                continue;
            }
            if (in.from.sin_addr.s_addr == server->sin_addr.s_addr) {
                return true;
            }
            *leaks = true;
        }
    }
    return false;
}

/*
 * One socket speaks to two servers and learns its address as each sees it: two ports make the
 * mapping endpoint-dependent. A third server, which that socket has never spoken to, then sends to
 * one of them. The control is the same datagram from the server that was spoken to: it is sent
 * after the other and must arrive, and what the other road lets through has come by then, since
 * both go through one NAT, in order.
 */
static int nat(char **where)
{
    struct sockaddr_in servers[3];
    for (int i = 0; i < 3; i++) {
        need_addr(where[i], &servers[i]);
    }
    int fd = open_udp(NULL), side_fd = open_udp(NULL);
    struct msg one = ask(fd, &servers[0], 'M', 'm', "");
    struct msg two = ask(fd, &servers[1], 'M', 'm', "");
    struct msg again = ask(fd, &servers[0], 'M', 'm', "");
    const char *a = one.bytes + HEAD_BYTES, *b = two.bytes + HEAD_BYTES;

    bool steady = strcmp(a, again.bytes + HEAD_BYTES) == 0;
    bool leaks = false;
    send_unasked(side_fd, &servers[2], a);
    bool control = control_arrives(fd, side_fd, &servers[0], a, &leaks);
    bool per_peer = strcmp(a, b) != 0;
    static const char *const kinds[2][2] = {{"cone", "full cone"}, {"symmetric", "open symmetric"}};
    const char *kind = steady && control ? kinds[per_peer][leaks] : "unclear";
    (void)printf(
        "{\"nat\":\"%s\",\"mapped\":[\"%s\",\"%s\"],\"unsolicited\":\"%s\",\"control\":\"%s\"}\n",
        kind, a, b, leaks ? "delivered" : "dropped", control ? "delivered" : "lost");
    (void)close(fd);
    (void)close(side_fd);
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";
    const char *count = argc == 4 ? argv[3] : NULL;
    if (strcmp(verb, "serve") == 0 && argc == 3) {
        serve(argv[2]);
    }
    if (strcmp(verb, "answer") == 0 && argc == 3) {
        answer(argv[2]);
    }
    if (strcmp(verb, "rtt") == 0 && argc <= 4) {
        return measure(argv[2], 'E', 'e', count);
    }
    if (strcmp(verb, "peer-rtt") == 0 && argc <= 4) {
        return measure(argv[2], 'F', 'a', count);
    }
    if (strcmp(verb, "nat") == 0 && argc == 5) {
        return nat(argv + 2);
    }
    (void)fprintf(stderr, "usage: ct-netprobe serve|answer IP:PORT | rtt|peer-rtt IP:PORT [COUNT] |"
                          " nat IP:PORT IP:PORT IP:PORT\n");
    return 2;
}
