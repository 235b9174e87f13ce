/* Connections of TCP relays (RFC 6062): taken, sent through, and coming in. */
#include "streams.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "scene.h"
#include "sockets.h"

const struct probe_wish stream_wish = {.transport = PROBE_TCP};

/* The data connection of control's last Connect or ConnectionAttempt; answers the request's code.
 */
int stream_take(struct probe *data, const struct probe *control, const char *user,
                const char *password)
{
    struct ct_addr server = scene_server(4);
    if (!probe_open(data, &server, PROBE_TCP)) {
        return PROBE_NO_ANSWER;
    }
    data->user = user;
    data->password = password;
    return probe_take_connection(data, control);
}

/* As many bytes as that arrive at to, in order. */
bool stream_carries(int from, int to, size_t bytes)
{
    static char out[STREAM_BULK];
    size_t sent = 0;
    size_t got = 0;
    uint64_t until = ct_mono_ms() + STREAM_WAIT_MS;
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (char)(i * 31 + (i >> 8));
    }
    while (got < bytes && ct_mono_ms() < until) {
        char in[16384];
        struct pollfd fds[2] = {{.fd = to, .events = POLLIN},
                                {.fd = sent < bytes ? from : -1, .events = POLLOUT}};
        (void)poll(fds, 2, 1000);
        if (sent < bytes && (fds[1].revents & POLLOUT)) {
            ssize_t n = send(from, out + sent, bytes - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
        }
        if (fds[0].revents == 0) {
            continue;
        }
        ssize_t n = recv(to, in, sizeof(in), MSG_DONTWAIT);
        if (n == 0 || (n > 0 && memcmp(in, out + got, (size_t)n) != 0)) {
            return false;
        }
        got += n > 0 ? (size_t)n : 0;
    }
    return got == bytes;
}

/* A peer's connection: announced to the client, or ended. Its descriptor, or -1. */
int stream_come(struct probe *control, const struct ct_addr *from)
{
    unsigned before = control->attempts;
    int peer = socket_connect(from, &control->relayed, STREAM_WAIT_MS);
    struct pollfd fds[2] = {{.fd = control->fd, .events = POLLIN}, {.fd = peer, .events = POLLIN}};
    uint64_t until = ct_mono_ms() + STREAM_WAIT_MS;
    bool is_over = peer < 0;
    while (!is_over && control->attempts == before && ct_mono_ms() < until) {
        (void)poll(fds, 2, STREAM_WAIT_MS);
        probe_pump(control, 0);
        is_over = fds[1].revents != 0;
    }
    if (control->attempts > before) {
        return peer;
    }
    (void)close(peer);
    return -1;
}
