/* Each endpoint is a group of processes, one for each connection: ended, nobody listens. */
#include "endpoints.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static struct {
    uint16_t port;
    pid_t pid; /* and group; 0: it is away */
} endpoints[ENDPOINTS];
static uint16_t target;

static struct sockaddr_in at_port(uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return in;
}

static bool move(int from, int to)
{
    char bytes[4096];
    ssize_t n = read(from, bytes, sizeof bytes);
    for (ssize_t done = 0; done < n;) {
        ssize_t put = write(to, bytes + done, (size_t)(n - done));
        if (put <= 0) {
            return false;
        }
        done += put;
    }
    return n > 0;
}

static _Noreturn void forward(int client)
{
    const struct sockaddr_in in = at_port(target);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    bool stands = connect(server, (const struct sockaddr *)&in, sizeof in) == 0;
    while (stands) {
        struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        (void)poll(fds, 2, -1);
        if (fds[0].revents != 0) {
            stands = move(client, server);
        }
        if (stands && fds[1].revents != 0) {
            stands = move(server, client);
        }
    }
    _exit(0);
}

static _Noreturn void serve(int listener)
{
    (void)signal(SIGCHLD, SIG_IGN); /* whose ends are of no interest */
    for (;;) {
        int client = accept(listener, NULL, NULL);
        pid_t pid = client < 0 ? -1 : fork();
        if (pid == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)close(listener);
            forward(client);
        }
        (void)close(client);
    }
}

void endpoints_prepare(uint16_t to_port)
{
    target = to_port;
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        endpoints[i].port = scene_port(SOCK_STREAM);
    }
}

uint16_t endpoint_port(unsigned i)
{
    return endpoints[i].port;
}

bool endpoint_up(unsigned i)
{
    const struct sockaddr_in in = at_port(endpoints[i].port);
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool good =
        fd >= 0 && bind(fd, (const struct sockaddr *)&in, sizeof in) == 0 && listen(fd, 16) == 0;
    pid_t pid = good ? fork() : -1;
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setpgid(0, 0);
        serve(fd);
    }
    (void)close(fd);
    if (pid > 0) {
        (void)setpgid(pid, pid); /* whoever is first */
        endpoints[i].pid = pid;
    }
    return pid > 0;
}

void endpoint_down(unsigned i)
{
    if (endpoints[i].pid > 0) {
        (void)kill(-endpoints[i].pid, SIGKILL);
        (void)waitpid(endpoints[i].pid, NULL, 0);
        endpoints[i].pid = 0;
    }
}
