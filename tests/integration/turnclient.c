/* Our TURN machine against a server, with a plain user name and password: one datagram's echo. */

/*
 * ct-turnclient SERVER PEER < credentials    SERVER and PEER are IP:PORT; standard input holds the
 * user name and the password, a line each. Prints {"relayed":..,"echo":true} when the datagram that
 * was sent to PEER through the allocation came back.
 */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/why.h"
#include "turn/alloc.h"

enum { LINE = 600, PATIENCE_MS = 60000 };

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static _Noreturn void fail(const char *sentence)
{
    (void)fprintf(stderr, "ct-turnclient: %s\n", sentence);
    exit(1);
}

static void read_line(char *out)
{
    if (fgets(out, LINE, stdin) == NULL) {
        fail("standard input needs two lines: user name and password");
    }
    out[strcspn(out, "\n")] = '\0';
}

static int connect_udp(const struct ct_addr *server)
{
    struct sockaddr_in to;
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons(server->port);
    memcpy(&to.sin_addr, server->ip, 4);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        fail("no socket to the server");
    }
    return fd;
}

/* Sends what the machine has to say, waits for one datagram or its deadline, and hands it over. */
static void turn_once(struct ct_alloc *a, int fd, struct ct_alloc_got *got, uint8_t *in, size_t cap)
{
    uint8_t out[CT_ALLOC_DATAGRAM];
    size_t len;
    while (ct_alloc_poll(a, now_ms(), out, sizeof out, &len) == CT_OK) {
        (void)!write(fd, out, len);
    }
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t now = now_ms(), due = ct_alloc_deadline(a);
    int wait_ms = due <= now ? 0 : due - now > 100 ? 100 : (int)(due - now);
    got->kind = CT_ALLOC_NOTHING;
    if (poll(&p, 1, wait_ms) > 0) {
        ssize_t n = read(fd, in, cap);
        if (n > 0) {
            (void)!ct_alloc_input(a, now_ms(), in, (size_t)n, got);
        }
    }
}

int main(int argc, char **argv)
{
    struct ct_addr server, peer;
    char user[LINE], password[LINE], relayed[CT_ADDR_TEXT];
    uint8_t seed[32], in[CT_ALLOC_DATAGRAM], wrapped[256];
    struct ct_alloc a;
    struct ct_alloc_got got;
    struct ct_why why;
    size_t len;
    /* ct-netprobe's echo: a verb, eight bytes that come back */
    static const char ask[] = "Eabcdefgh", answer[] = "eabcdefgh";

    if (argc != 3 || ct_addr_from_text(&server, argv[1]) != CT_OK ||
        ct_addr_from_text(&peer, argv[2]) != CT_OK) {
        fail("usage: ct-turnclient SERVER PEER < credentials");
    }
    read_line(user);
    read_line(password);
    if (ct_random(seed, sizeof seed) != CT_OK) {
        fail("no randomness");
    }
    struct ct_alloc_config config = {.username = user, .password = password, .seed32 = seed};
    if (ct_alloc_init(&a, &config, now_ms(), &why) != CT_OK) {
        fail(why.text);
    }
    int fd = connect_udp(&server);
    uint64_t next_ms = 0, until_ms = now_ms() + PATIENCE_MS;
    int echoed = 0;
    while (!echoed && now_ms() < until_ms) {
        turn_once(&a, fd, &got, in, sizeof in);
        if (ct_alloc_state(&a) == CT_ALLOC_FAILED) {
            (void)!ct_alloc_failure(&a, &why);
            fail(why.text);
        }
        echoed = got.kind == CT_ALLOC_DATA && got.len == strlen(answer) &&
                 memcmp(got.data, answer, got.len) == 0 && ct_addr_equal(&got.peer, &peer);
        if (ct_alloc_state(&a) != CT_ALLOC_READY) {
            continue;
        }
        if (ct_alloc_permit(&a, now_ms(), &peer) == CT_OK &&
            ct_alloc_peer_state(&a, &peer) == CT_ALLOC_PEER_READY && now_ms() >= next_ms &&
            ct_alloc_wrap(&a, wrapped, sizeof wrapped, &len, &peer, ask, strlen(ask)) == CT_OK) {
            (void)!write(fd, wrapped, len);
            next_ms = now_ms() + 500;
        }
    }
    ct_addr_to_text(relayed, ct_alloc_relayed(&a));
    ct_alloc_release(&a, now_ms());
    for (int i = 0; i < 20 && ct_alloc_state(&a) == CT_ALLOC_RELEASING; i++) {
        turn_once(&a, fd, &got, in, sizeof in);
    }
    (void)printf("{\"relayed\":\"%s\",\"echo\":%s}\n", relayed, echoed ? "true" : "false");
    ct_alloc_wipe(&a);
    (void)close(fd);
    return echoed ? 0 : 1;
}
