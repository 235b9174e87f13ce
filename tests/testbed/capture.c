/* Records every frame of one interface into a pcap file, and says whether it missed any. */

/*
 * ct-capture INTERFACE FILE    prints "ready", records until SIGTERM, then prints
 *                              {"frames":N,"dropped":N}
 * A claim about what did not cross a relay is worth only as much as dropped is 0.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SNAP_BYTES = 65535,
    SOCKET_BUFFER = 64 << 20,
};

/* pcap's file header: magic, version 2.4, zone and accuracy 0, longest frame, Ethernet. It is in
 * this machine's byte order, as the magic says. */
static const uint32_t file_header[6] = {0xa1b2c3d4u, 0, 0, 0, SNAP_BYTES, 1};
static const uint16_t file_version[2] = {2, 4};

static _Noreturn void fail(const char *what, const char *which)
{
    (void)fprintf(stderr, "ct-capture: %s %s: %s\n", what, which, strerror(errno));
    exit(1);
}

static int open_tap(const char *interface)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll at;
    memset(&at, 0, sizeof at);
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = (int)if_nametoindex(interface);
    if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        fail("cannot record", interface);
    }
    int room = SOCKET_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    }
    return fd;
}

static int open_signals(void)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    int fd = signalfd(-1, &ends, SFD_CLOEXEC);
    if (fd < 0) {
        fail("cannot wait for", "signals");
    }
    return fd;
}

static void put(FILE *out, const void *bytes, size_t n, const char *path)
{
    if (fwrite(bytes, 1, n, out) != n) {
        fail("cannot write", path);
    }
}

/* Takes one frame; false when none is waiting. */
static bool record(int fd, FILE *out, const char *path)
{
    static uint8_t frame[SNAP_BYTES];
    ssize_t n = recv(fd, frame, sizeof frame, MSG_DONTWAIT);
    if (n <= 0) {
        return false;
    }
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    uint32_t header[4] = {(uint32_t)t.tv_sec, (uint32_t)(t.tv_nsec / 1000), (uint32_t)n,
                          (uint32_t)n};
    put(out, header, sizeof header, path);
    put(out, frame, (size_t)n, path);
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: ct-capture INTERFACE FILE\n");
        return 2;
    }
    int signals = open_signals();
    int fd = open_tap(argv[1]);
    FILE *out = fopen(argv[2], "wb");
    if (out == NULL) {
        fail("cannot open", argv[2]);
    }
    uint32_t head[6];
    memcpy(head, file_header, sizeof head);
    memcpy(&head[1], file_version, sizeof file_version);
    put(out, head, sizeof head, argv[2]);
    (void)printf("ready\n");
    (void)fflush(stdout);

    unsigned long frames = 0;
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (bool ending = false; !ending;) {
        if (poll(p, 2, -1) < 0) {
            continue;
        }
        ending = (p[1].revents & POLLIN) != 0; /* what the socket still holds is taken first */
        while (record(fd, out, argv[2])) {
            frames++;
        }
    }
    struct tpacket_stats stats = {0, 0};
    socklen_t len = sizeof stats;
    (void)getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
    if (fclose(out) != 0) {
        fail("cannot write", argv[2]);
    }
    (void)printf("{\"frames\":%lu,\"dropped\":%u}\n", frames, stats.tp_drops);
    return 0;
}
