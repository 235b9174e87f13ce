/* Starting, asking, robbing and ending a Redis. */
#include "redis_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "free_port.h"

enum { START_MS = 60000, ANSWER_MS = 30000, TRIES = 5 };

static void become(struct ct_redis_server *s, const char *port)
{
    static const char *const programs[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                                           /* Debian's redis-tools: the same program, which goes by
                                              its name; no service comes with it */
                                           "/usr/bin/redis-check-rdb"};
    char socket_path[96];
    (void)snprintf(socket_path, sizeof(socket_path), "%s/redis.sock", s->dir.path);
    const char *const words[] = {
        "redis-server", "--bind", "127.0.0.1", "--port",       port,  "--unixsocket",
        socket_path,    "--dir",  s->dir.path, "--appendonly", "yes", "--appendfsync",
        "always",       "--save", "",          "--daemonize",  "no",  NULL};
    char *args[sizeof(words) / sizeof(words[0])];
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        args[i] = (char *)(uintptr_t)words[i];
    }
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        (void)execv(programs[i], args);
    }
    (void)fprintf(stderr, "there is no redis-server; install Debian's redis-tools\n");
    _exit(127);
}

/* Reads its log until it says that it is ready, the append-only file read. */
static bool await_ready(const struct ct_redis_server *s)
{
    char text[32768];
    size_t len = 0;
    uint64_t end_ms = ct_mono_ms() + START_MS;
    while (len + 1 < sizeof(text) && ct_mono_ms() < end_ms) {
        struct pollfd fd = {.fd = s->output, .events = POLLIN};
        if (poll(&fd, 1, 1000) <= 0) {
            continue;
        }
        ssize_t got = read(s->output, text + len, sizeof(text) - 1 - len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        text[len] = '\0';
        if (strstr(text, "eady to accept connections at") != NULL) {
            return true;
        }
    }
    printf("    redis-server did not start: %.*s\n", (int)len, len > 0 ? text : "no output");
    return false;
}

bool ct_redis_server_restart(struct ct_redis_server *s)
{
    int ends[2];
    const char *port = strrchr(s->tcp, ':') + 1;
    if (pipe(ends) != 0) {
        return false;
    }
    s->pid = fork();
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive a test that crashed */
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        become(s, port);
    }
    (void)close(ends[1]);
    s->output = ends[0];
    if (s->pid < 0 || !await_ready(s)) {
        ct_redis_server_kill(s);
        return false;
    }
    return true;
}

bool ct_redis_server_start(struct ct_redis_server *out)
{
    memset(out, 0, sizeof(*out));
    if (!temp_dir_make(&out->dir)) {
        return false;
    }
    (void)snprintf(out->address, sizeof(out->address), "unix:%s/redis.sock", out->dir.path);
    for (int i = 0; i < TRIES; i++) { /* another test may take the port first */
        (void)snprintf(out->tcp, sizeof(out->tcp), "127.0.0.1:%u",
                       free_port(FREE_PORT_REDIS, SOCK_STREAM));
        if (ct_redis_server_restart(out)) {
            return true;
        }
    }
    temp_dir_remove(&out->dir);
    return false;
}

void ct_redis_server_kill(struct ct_redis_server *s)
{
    if (s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
        (void)close(s->output);
        s->pid = 0;
    }
}

void ct_redis_server_stop(struct ct_redis_server *s)
{
    ct_redis_server_kill(s);
    temp_dir_remove(&s->dir);
}

static int dial(const struct ct_redis_server *s)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/redis.sock", s->dir.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

bool ct_redis_server_say(const struct ct_redis_server *s, const char *want, const char *format, ...)
{
    char line[1024];
    char reply[1024] = "";
    va_list list;
    va_start(list, format);
    int len = vsnprintf(line, sizeof(line) - 2, format, list);
    va_end(list);
    int fd = dial(s);
    if (fd < 0 || len < 0 || (size_t)len >= sizeof(line) - 2) {
        (void)close(fd);
        return false;
    }
    memcpy(line + len, "\r\n", 2);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (write(fd, line, (size_t)len + 2) == len + 2 && poll(&p, 1, ANSWER_MS) == 1) {
        (void)!read(fd, reply, sizeof(reply) - 1);
    }
    (void)close(fd);
    bool good = strncmp(reply, want, strlen(want)) == 0;
    if (!good) {
        printf("    Redis says %s\n", reply);
    }
    return good;
}

/* ---- the thief ---- */

/* One connection, to its end; true when the answer was taken. */
static bool rob(int client, int server, const char *text)
{
    static char request[1 << 16];
    size_t len = 0;
    bool taking = false;
    char bytes[4096];
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    while (poll(fds, 2, -1) > 0) {
        if (fds[1].revents != 0) {
            ssize_t got = read(server, bytes, sizeof(bytes));
            if (got <= 0 || taking || write(client, bytes, (size_t)got) != got) {
                return taking;
            }
            len = 0; /* the next request begins */
        }
        if (fds[0].revents != 0) {
            ssize_t got = read(client, request + len, sizeof(request) - 1 - len);
            if (got <= 0 || write(server, request + len, (size_t)got) != got) {
                return false;
            }
            len += (size_t)got;
            request[len] = '\0';
            taking = text != NULL && strstr(request, text) != NULL;
        }
    }
    return false;
}

static void serve(int listener, const struct ct_redis_server *s, const char *text)
{
    (void)signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        int server = dial(s);
        if (client < 0 || server < 0) {
            _exit(1);
        }
        if (rob(client, server, text)) {
            text = NULL;
        }
        (void)close(client);
        (void)close(server);
    }
}

bool ct_redis_thief_start(struct ct_redis_thief *out, const struct ct_redis_server *s,
                          const char *text)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/thief.sock", s->dir.path);
    (void)snprintf(out->address, sizeof(out->address), "unix:%s/thief.sock", s->dir.path);
    (void)unlink(un.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&un, sizeof(un)) != 0 ||
        listen(listener, 8) != 0) {
        (void)close(listener);
        return false;
    }
    out->pid = fork();
    if (out->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener, s, text);
    }
    (void)close(listener);
    return out->pid > 0;
}

void ct_redis_thief_stop(struct ct_redis_thief *t)
{
    if (t->pid > 0) {
        (void)kill(t->pid, SIGKILL);
        (void)waitpid(t->pid, NULL, 0);
        t->pid = 0;
    }
}
