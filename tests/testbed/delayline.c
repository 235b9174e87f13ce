/* A delay line: carries frames between pairs of TAP interfaces, each a fixed time after it came. */

/*
 * ct-delayline DELAY_US NETNS:IF NETNS:IF [NETNS:IF NETNS:IF ..]
 *
 * Makes the TAP interfaces (they vanish with the process), prints "ready" and serves until SIGTERM.
 * DELAY_US is one way, in microseconds. It stands in for netem, which some kernels lack. One
 * process, one epoll loop, one timer; it sleeps when no frame is due. SIGUSR1 makes it ten times as
 * far for good, and it prints "far": what was milliseconds of a busy machine is then a small part.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_ENDS = 16,
    QUEUE_FRAMES = 2048, /* a full queue drops the newest frame, as a router does */
    FRAME_BYTES = 1600,
    READS_A_WAKE = 64, /* so that a flood on one end cannot starve the timer */
};

struct frame {
    uint64_t due_ns;
    size_t len;
    uint8_t bytes[FRAME_BYTES];
};

/* One TAP and the queue of frames that wait to be written into it. */
struct end {
    int fd;
    struct frame *queue;
    size_t head, count;
    uint64_t carried, dropped;
};

struct line {
    struct end ends[MAX_ENDS];
    size_t n_ends;
    uint64_t delay_ns;
    bool is_far;
    int epoll_fd, timer_fd, signal_fd;
    struct frame spill; /* where a frame goes that finds its queue full */
};

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static _Noreturn void fail(const char *what, const char *which)
{
    (void)fprintf(stderr, "ct-delayline: %s %s: %s\n", what, which, strerror(errno));
    exit(1);
}

/* Enters the namespace that "ip netns add" named; the TAP is made there. */
static void enter_netns(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "/run/netns/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
        fail("cannot enter namespace", name);
    }
    (void)close(fd);
}

static int open_tap(const char *spec)
{
    char netns[128];
    const char *colon = strchr(spec, ':');
    if (colon == NULL || (size_t)(colon - spec) >= sizeof netns || strlen(colon + 1) >= IFNAMSIZ) {
        errno = EINVAL;
        fail("not NETNS:INTERFACE", spec);
    }
    (void)snprintf(netns, sizeof netns, "%.*s", (int)(colon - spec), spec);
    enter_netns(netns);

    struct ifreq req;
    memset(&req, 0, sizeof req);
    req.ifr_flags = IFF_TAP | IFF_NO_PI;
    (void)snprintf(req.ifr_name, sizeof req.ifr_name, "%s", colon + 1);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &req) != 0) {
        fail("cannot make the TAP interface", spec);
    }
    return fd;
}

/* A late wake-up would count as network delay, and this process runs for microseconds at a time. */
static void be_punctual(void)
{
    struct sched_param p = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_RR, &p) != 0) {
        (void)setpriority(PRIO_PROCESS, 0, -15);
    }
}

static void watch(const struct line *l, int fd, uint32_t tag)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = tag};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        fail("cannot watch", "a descriptor");
    }
}

static void open_line(struct line *l, uint64_t delay_us, char **specs, size_t n)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    l->delay_ns = delay_us * 1000u;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    l->signal_fd = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
    if (l->epoll_fd < 0 || l->timer_fd < 0 || l->signal_fd < 0) {
        fail("cannot open", "the event loop");
    }
    for (size_t i = 0; i < n; i++) {
        l->ends[i].fd = open_tap(specs[i]);
        l->ends[i].queue = calloc(QUEUE_FRAMES, sizeof(struct frame));
        if (l->ends[i].queue == NULL) {
            fail("no memory for the queue of", specs[i]);
        }
        watch(l, l->ends[i].fd, (uint32_t)i);
    }
    l->n_ends = n;
    watch(l, l->timer_fd, MAX_ENDS);
    watch(l, l->signal_fd, MAX_ENDS + 1);
}

/* Takes what one end has to say and queues it for the other end of its pair. */
static void take_frames(struct line *l, size_t from)
{
    struct end *to = &l->ends[from ^ 1u];

    for (int i = 0; i < READS_A_WAKE; i++) {
        bool full = to->count == QUEUE_FRAMES;
        struct frame *f = full ? &l->spill : &to->queue[(to->head + to->count) % QUEUE_FRAMES];
        ssize_t n = read(l->ends[from].fd, f->bytes, FRAME_BYTES);
        if (n <= 0) {
            return;
        }
        if (full) {
            to->dropped++;
            continue;
        }
        f->len = (size_t)n;
        f->due_ns = now_ns() + l->delay_ns;
        to->count++;
    }
}

/* Writes what is due. A TAP that is down or full loses the frame, as a wire does. */
static void give_frames(struct end *e, uint64_t now)
{
    while (e->count > 0 && e->queue[e->head].due_ns <= now) {
        const struct frame *f = &e->queue[e->head];
        if (write(e->fd, f->bytes, f->len) == (ssize_t)f->len) {
            e->carried++;
        } else {
            e->dropped++;
        }
        e->head = (e->head + 1) % QUEUE_FRAMES;
        e->count--;
    }
}

static void arm_timer(const struct line *l)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < l->n_ends; i++) {
        const struct end *e = &l->ends[i];
        if (e->count > 0 && e->queue[e->head].due_ns < due) {
            due = e->queue[e->head].due_ns;
        }
    }
    struct itimerspec when = {{0, 0}, {0, 0}};
    if (due != UINT64_MAX) {
        when.it_value.tv_sec = (time_t)(due / 1000000000u);
        when.it_value.tv_nsec = (long)(due % 1000000000u);
    }
    (void)timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* False when the signal is one that ends this. Frames that wait keep their time, which is earlier.
 */
static bool take_signal(struct line *l)
{
    struct signalfd_siginfo got;
    if (read(l->signal_fd, &got, sizeof got) != (ssize_t)sizeof got || got.ssi_signo != SIGUSR1) {
        return false;
    }
    if (!l->is_far) {
        l->is_far = true;
        l->delay_ns *= 10;
    }
    (void)printf("far\n");
    (void)fflush(stdout);
    return true;
}

static void serve(struct line *l)
{
    for (;;) {
        struct epoll_event evs[MAX_ENDS + 2];
        int n = epoll_wait(l->epoll_fd, evs, MAX_ENDS + 2, -1);
        for (int i = 0; i < n; i++) {
            uint32_t tag = evs[i].data.u32;
            uint64_t expirations;
            if (tag == MAX_ENDS + 1) {
                if (!take_signal(l)) {
                    return;
                }
                continue;
            }
            if (tag == MAX_ENDS) {
                (void)!read(l->timer_fd, &expirations, sizeof expirations);
            } else {
                take_frames(l, tag);
            }
        }
        uint64_t now = now_ns();
        for (size_t i = 0; i < l->n_ends; i++) {
            give_frames(&l->ends[i], now);
        }
        arm_timer(l);
    }
}

int main(int argc, char **argv)
{
    static struct line l;
    char *rest = NULL;
    unsigned long delay_us = argc > 1 ? strtoul(argv[1], &rest, 10) : 0;

    if (argc < 4 || argc % 2 != 0 || argc - 2 > MAX_ENDS || *rest != '\0' || delay_us > 10000000) {
        (void)fprintf(stderr, "usage: ct-delayline DELAY_US NETNS:IF NETNS:IF [more pairs]\n");
        return 2;
    }
    be_punctual();
    open_line(&l, delay_us, argv + 2, (size_t)argc - 2);
    (void)printf("ready\n");
    (void)fflush(stdout);
    serve(&l);
    for (size_t i = 0; i < l.n_ends; i++) {
        (void)fprintf(stderr, "end=%s carried=%llu dropped=%llu\n", argv[i + 2],
                      (unsigned long long)l.ends[i].carried, (unsigned long long)l.ends[i].dropped);
        free(l.ends[i].queue);
    }
    return 0;
}
