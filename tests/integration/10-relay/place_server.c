/* The server under test: its configuration, its start and end, and what it says meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "place_private.h"
#include "ports/portfile.h"

const char *const place_module_on = "chainturn-bundle=@/bundle.json\n"
                                    "chainturn-state=@/state\n"
                                    "chainturn-poll-ms=600000\n"
                                    "chainturn-allow-private\n"
                                    "chainturn-insecure-single-rpc\n";

bool place_configure_all(struct place *p, const char *text)
{
    char path[128];
    place_path(path, p, "turnserver.conf");
    FILE *f = fopen(path, "w");
    if (!f) {
        return false;
    }
    for (const char *c = text; *c; c++) {
        if (*c == '@') {
            (void)fputs(p->folder, f);
        } else {
            (void)fputc(*c, f);
        }
    }
    return fclose(f) == 0;
}

bool place_configure(struct place *p, const char *extra)
{
    char text[2048];
    int n = snprintf(text, sizeof(text),
                     "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port=%u\n"
                     "min-port=%d\nmax-port=%d\nrelay-threads=2\nallow-loopback-peers\n"
                     "denied-peer-ip=127.0.0.4\nno-cli\nno-tls\nno-dtls\nno-tcp-relay\n"
                     "lt-cred-mech\nrealm=test.example\nuser=alice:wonderland\n"
                     "userdb=@/turndb\npidfile=@/pid\nlog-file=@/log\nsimple-log\n%s",
                     p->port, RELAYED_MIN, RELAYED_MAX, extra);
    return n < (int)sizeof(text) && place_configure_all(p, text);
}

pid_t place_spawn(const char *const argv[], const char *output)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever ends the test ends the server */
    char words[24][512];                    /* execv wants them writable */
    char *copy[25] = {NULL};
    for (size_t i = 0; i < 24 && argv[i]; i++) {
        (void)snprintf(words[i], sizeof(words[i]), "%s", argv[i]);
        copy[i] = words[i];
    }
    int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (copy[0] && fd >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2) {
        (void)execv(copy[0], copy);
    }
    _exit(127);
}

int place_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int place_run(char *said, size_t cap, const char *const argv[])
{
    char output[] = "/tmp/ct-said-XXXXXX";
    int fd = mkstemp(output);
    if (fd < 0) {
        return -1;
    }
    int code = place_wait(place_spawn(argv, output));
    ssize_t n = read(fd, said, cap - 1);
    said[n > 0 ? n : 0] = '\0';
    (void)close(fd);
    (void)unlink(output);
    return code;
}

pid_t place_start(struct place *p)
{
    char conf[128];
    char said[128];
    place_path(conf, p, "turnserver.conf");
    place_path(said, p, "said");
    const char *argv[] = {p->turnserver, "-c", conf, NULL};
    return place_spawn(argv, said);
}

void place_mark(struct place *p)
{
    char path[128];
    struct stat there;
    place_path(path, p, "log");
    p->log_from = stat(path, &there) == 0 ? (long)there.st_size : 0;
}

const char *place_said(const struct place *p, const char *text)
{
    static char log[256 * 1024];
    char path[128];
    place_path(path, p, "log");
    FILE *f = fopen(path, "r");
    if (!f) {
        return NULL;
    }
    size_t len = fseek(f, p->log_from, SEEK_SET) == 0 ? fread(log, 1, sizeof(log) - 1, f) : 0;
    log[len] = '\0';
    (void)fclose(f);
    return strstr(log, text);
}

bool place_await(const struct place *p, const char *text)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    (void)inotify_add_watch(watch, p->folder, IN_CREATE | IN_MODIFY);
    uint64_t until = ct_mono_ms() + EVENT_MS;
    bool found = place_said(p, text) != NULL;
    for (uint64_t now = ct_mono_ms(); !found && now < until; now = ct_mono_ms()) {
        char events[4096];
        struct pollfd fd = {.fd = watch, .events = POLLIN};
        (void)poll(&fd, 1, (int)(until - now));
        (void)!read(watch, events, sizeof(events));
        found = place_said(p, text) != NULL;
    }
    (void)close(watch);
    return found;
}

/* The relay writes each tenth of a second at most; looked at each hundredth. */
bool place_await_ports(const struct place *p, size_t standing)
{
    char path[128];
    size_t found = standing + 1;
    uint64_t until = ct_mono_ms() + EVENT_MS;
    place_path(path, p, "state/ports");
    while (found != standing && ct_mono_ms() < until) {
        struct ct_port *list = NULL;
        size_t count = 0;
        struct ct_why why;
        (void)usleep(10000);
        if (ct_portfile_load(&list, &count, p->deployment32, path, &why) != CT_OK) {
            continue;
        }
        found = 0;
        for (size_t i = 0; i < count; i++) {
            found += list[i].ended_s == 0;
        }
        free(list);
    }
    return found == standing;
}

int place_stop(pid_t pid)
{
    return kill(pid, SIGTERM) == 0 ? place_wait(pid) : -1;
}
