/* One thread, one poll over a few pairs of sockets. */
#include "cutter.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scene.h"

enum { PAIRS = 8, LISTENER = 2 * PAIRS, TICK_MS = 20 };

struct pair {
    int client, server; /* -1: free */
    bool swallows;
};

static struct {
    int listener;
    uint16_t to_port;
    pthread_t thread;
    atomic_bool ending;
    _Atomic enum cutter_mode mode;
    atomic_uint lost;
    char log[128], text[160]; /* before the mode that waits for them */
    atomic_bool awaits;
    struct pair pairs[PAIRS];
} c;

static int dial(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    at.sin_port = htons(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static void drop(struct pair *p)
{
    (void)close(p->client);
    (void)close(p->server);
    *p = (struct pair){-1, -1, false};
}

static void take(void)
{
    int client = accept4(c.listener, NULL, NULL, SOCK_CLOEXEC);
    int server = client < 0 ? -1 : dial(c.to_port);
    for (size_t i = 0; i < PAIRS && server >= 0; i++) {
        if (c.pairs[i].client < 0) {
            c.pairs[i] = (struct pair){client, server, false};
            return;
        }
    }
    (void)close(client);
    (void)close(server);
}

/* False: the connection is over. */
static bool move(int from, int to)
{
    char bytes[4096];
    ssize_t n = read(from, bytes, sizeof bytes);
    return n > 0 && (to < 0 || write(to, bytes, (size_t)n) == n);
}

static bool serve_answer(struct pair *p)
{
    if (c.mode == CUTTER_SWALLOWS && !p->swallows) {
        p->swallows = true;
        c.lost++;
        c.mode = CUTTER_PASSES; /* for others */
    }
    if (c.mode == CUTTER_CUTS) {
        c.lost++;
        c.mode = CUTTER_HOLDS;
        return false;
    }
    return move(p->server, p->swallows ? -1 : p->client);
}

static void round_of(struct pollfd *fds)
{
    for (size_t i = 0; i < PAIRS; i++) {
        struct pair *p = &c.pairs[i];
        fds[2 * i] = (struct pollfd){.fd = p->client, .events = POLLIN};
        fds[2 * i + 1] = (struct pollfd){.fd = p->server, .events = POLLIN};
    }
    bool holds = c.mode == CUTTER_HOLDS;
    fds[LISTENER] = (struct pollfd){.fd = holds ? -1 : c.listener, .events = POLLIN};
    if (poll(fds, LISTENER + 1, TICK_MS) <= 0) {
        return;
    }
    for (size_t i = 0; i < PAIRS; i++) {
        struct pair *p = &c.pairs[i];
        bool stands = true;
        if (p->client >= 0 && fds[2 * i].revents != 0) {
            stands = move(p->client, p->server);
        }
        if (stands && p->client >= 0 && fds[2 * i + 1].revents != 0) {
            stands = serve_answer(p);
        }
        if (!stands) {
            drop(p);
        }
    }
    if (fds[LISTENER].revents != 0) {
        take();
    }
}

static void *run(void *arg)
{
    struct pollfd fds[LISTENER + 1];
    (void)arg;
    while (!c.ending) {
        round_of(fds);
        if (c.awaits && scene_says(c.log, c.text, TICK_MS)) {
            c.awaits = false;
            c.mode = CUTTER_PASSES;
        }
    }
    return NULL;
}

uint16_t cutter_start(uint16_t to_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    c.to_port = to_port;
    c.mode = CUTTER_PASSES;
    for (size_t i = 0; i < PAIRS; i++) {
        c.pairs[i] = (struct pair){-1, -1, false};
    }
    c.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = c.listener >= 0 && bind(c.listener, (struct sockaddr *)&at, len) == 0 &&
                listen(c.listener, 16) == 0 &&
                getsockname(c.listener, (struct sockaddr *)&at, &len) == 0 &&
                pthread_create(&c.thread, NULL, run, NULL) == 0;
    return good ? ntohs(at.sin_port) : 0;
}

void cutter_set(enum cutter_mode mode)
{
    c.mode = mode;
}

void cutter_pass_when(const char *log, const char *text)
{
    (void)snprintf(c.log, sizeof c.log, "%s", log);
    (void)snprintf(c.text, sizeof c.text, "%s", text);
    c.awaits = true;
}

unsigned cutter_lost(void)
{
    return c.lost;
}

void cutter_stop(void)
{
    c.ending = true;
    (void)pthread_join(c.thread, NULL);
    for (size_t i = 0; i < PAIRS; i++) {
        if (c.pairs[i].client >= 0) {
            drop(&c.pairs[i]);
        }
    }
    (void)close(c.listener);
}
