/* Processes of two servers, and what their logs say of leases. */
#include "pair.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "scene.h"

struct server servers[2];

static char text[1 << 20];

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* ---- configurations ---- */

/* The port behind "name = ADDRESS:" in the configuration. */
static bool port_of(char *out, size_t cap, const char *conf, const char *name)
{
    char from[40];
    (void)snprintf(from, sizeof from, "\n%s = ", name);
    const char *at = scene_read(text, sizeof text, conf) ? strstr(text, from) : NULL;
    const char *colon = at == NULL ? NULL : strchr(at, ':');
    size_t len = colon == NULL ? 0 : strcspn(colon + 1, "\n");
    (void)snprintf(out, cap, "%.*s", (int)len, colon == NULL ? "" : colon + 1);
    return len > 0;
}

/* Its own port for that listener. */
static bool set_port(struct server *s, const char *name, uint16_t *port)
{
    char old[16], from[48], to[48];
    *port = scene_port(SOCK_STREAM);
    if (!port_of(old, sizeof old, s->conf, name)) {
        printf("    no %s in %s\n", name, s->conf);
        return false;
    }
    (void)snprintf(from, sizeof from, ":%s\n", old);
    (void)snprintf(to, sizeof to, ":%u\n", *port);
    return scene_change(s->conf, s->conf, from, to);
}

bool pair_configure(void)
{
    uint16_t plain = 0, tls = 0;
    struct server *a = &servers[0], *b = &servers[1];
    (void)snprintf(a->conf, sizeof a->conf, "%s", platform.conf);
    (void)snprintf(a->log, sizeof a->log, "%s/a.log", platform.folder);
    (void)snprintf(b->conf, sizeof b->conf, "%s/wm/second.conf", platform.folder);
    (void)snprintf(b->log, sizeof b->log, "%s/b.log", platform.folder);
    a->bundle = b->bundle = platform.bundle;
    if (!set_port(a, "operator", &a->operator_port) ||
        !scene_change(b->conf, a->conf, "audit.log", "second-audit.log") ||
        !set_port(b, "operator", &b->operator_port) || !set_port(b, "handshake", &plain) ||
        !set_port(b, "tls", &tls)) {
        return false;
    }
    (void)snprintf(b->bundle.wm_handshake_url, sizeof b->bundle.wm_handshake_url,
                   "http://127.0.0.1:%u", plain);
    (void)snprintf(b->bundle.wm_tls_url, sizeof b->bundle.wm_tls_url, "https://127.0.0.1:%u", tls);
    return true;
}

/* ---- processes ---- */

bool server_run(struct server *s, const char *variable, const char *point)
{
    const char *const argv[] = {platform.server, "run", "--config", s->conf, NULL};
    if (variable != NULL) {
        (void)setenv(variable, point, 1);
    }
    s->pid = scene_spawn(s->log, argv);
    s->is_stopped = false;
    if (variable != NULL) {
        (void)unsetenv(variable);
    }
    for (int i = 0; s->pid > 0 && i < 600; i++) {
        if (scene_says(s->log, " ready handshake=", 100)) {
            return true;
        }
        if (server_died(s) || server_stopped(s)) {
            return false;
        }
    }
    return false;
}

static bool has_changed(struct server *s, bool stopped)
{
    int status = 0;
    if (s->pid <= 0 || waitpid(s->pid, &status, WNOHANG | WUNTRACED) != s->pid) {
        return false;
    }
    if (WIFSTOPPED(status)) {
        s->is_stopped = true;
        return stopped;
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        printf("    a server ended by itself: status %d\n", status);
    }
    s->pid = 0;
    return !stopped;
}

bool server_died(struct server *s)
{
    return has_changed(s, false);
}

bool server_stopped(struct server *s)
{
    return s->is_stopped || has_changed(s, true);
}

void server_kill(struct server *s)
{
    if (s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
    s->is_stopped = false;
}

void server_stop(struct server *s)
{
    (void)kill(s->pid, SIGSTOP);
    (void)waitpid(s->pid, NULL, WUNTRACED);
    s->is_stopped = true;
}

void server_wake(struct server *s)
{
    (void)kill(s->pid, SIGCONT);
    s->is_stopped = false;
}

int server_end(struct server *s)
{
    int code = s->pid > 0 ? scene_end(s->pid, SIGTERM) : -1;
    s->pid = 0;
    return code;
}

/* ---- who leads ---- */

uint64_t server_number(const struct server *s, const char *role)
{
    char from[64];
    uint64_t number = 0;
    (void)snprintf(from, sizeof from, "lease_taken account=%s number=", role);
    if (s->pid <= 0 || !scene_read(text, sizeof text, s->log)) {
        return 0;
    }
    for (const char *at = text; (at = strstr(at, from)) != NULL; at += strlen(from)) {
        number = strtoull(at + strlen(from), NULL, 10);
    }
    return number;
}

struct server *pair_leader(const char *role)
{
    struct server *leader = NULL;
    uint64_t highest = 0;
    for (size_t i = 0; i < 2; i++) {
        uint64_t number = servers[i].is_stopped ? 0 : server_number(&servers[i], role);
        if (number > highest) {
            highest = number;
            leader = &servers[i];
        }
    }
    return leader;
}

struct server *pair_other(const struct server *s)
{
    return s == &servers[0] ? &servers[1] : &servers[0];
}

uint64_t pair_number(void)
{
    uint64_t highest = 0;
    for (size_t i = 0; i < 4; i++) {
        uint64_t number = server_number(&servers[i / 2], i % 2 == 0 ? "approver" : "funder");
        highest = number > highest ? number : highest;
    }
    return highest;
}

bool server_leads_above(const struct server *s, uint64_t number, uint32_t wait_ms)
{
    uint64_t until_ms = ct_mono_ms() + wait_ms;
    while (server_number(s, "approver") <= number || server_number(s, "funder") <= number) {
        if (ct_mono_ms() >= until_ms) {
            return false;
        }
        pause_ms(10);
    }
    return true;
}

unsigned server_said(const struct server *s, const char *words)
{
    unsigned count = 0;
    if (scene_read(text, sizeof text, s->log)) {
        for (const char *at = text; (at = strstr(at, words)) != NULL; at += strlen(words)) {
            count++;
        }
    }
    return count;
}

bool server_get(const struct server *s, const char *path, char *out, size_t cap)
{
    const struct timeval limit = {.tv_sec = 60};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(s->operator_port)};
    char request[160];
    size_t got = 0;
    ssize_t n = 0;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    bool good = fd >= 0 && connect(fd, (const struct sockaddr *)&in, sizeof in) == 0 &&
                write(fd, request, (size_t)len) == len;
    while (good && got + 1 < cap && (n = read(fd, out + got, cap - 1 - got)) > 0) {
        got += (size_t)n;
    }
    out[got] = '\0';
    (void)close(fd);
    return good && got > 0 && n == 0;
}
