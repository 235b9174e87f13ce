/* Programs and files of the wallet manager's test. */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "free_port.h"

/* execv takes writable words. */
static void become(const char *const argv[])
{
    char *copy[40] = {NULL};
    for (size_t i = 0; i < 39 && argv[i] != NULL; i++) {
        copy[i] = strdup(argv[i]);
    }
    if (copy[0] == NULL) {
        _exit(127);
    }
    (void)execv(copy[0], copy);
    (void)fprintf(stderr, "cannot start %s: %s\n", copy[0], strerror(errno));
    _exit(127);
}

static pid_t start(const char *const argv[], int output)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(output, STDOUT_FILENO);
        (void)dup2(output, STDERR_FILENO);
        become(argv);
    }
    return pid;
}

int scene_end(pid_t pid, int sig)
{
    int status = 0;
    if (pid <= 0) {
        return -1;
    }
    (void)kill(pid, sig);
    if (waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int scene_run(char *said, size_t cap, const char *const argv[])
{
    int fds[2];
    size_t got = 0;
    uint64_t until = ct_mono_ms() + 120000;
    said[0] = '\0';
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return -1;
    }
    pid_t pid = start(argv, fds[1]);
    (void)close(fds[1]);
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    while (ct_mono_ms() < until && poll(&p, 1, (int)(until - ct_mono_ms())) == 1) {
        ssize_t n = read(fds[0], said + got, cap - 1 - got);
        if (n <= 0) {
            break;
        }
        got += (size_t)n;
    }
    said[got] = '\0';
    (void)close(fds[0]);
    return scene_end(pid, ct_mono_ms() < until ? 0 : SIGKILL);
}

pid_t scene_spawn(const char *log, const char *const argv[])
{
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0600);
    if (fd < 0) {
        return -1;
    }
    pid_t pid = start(argv, fd);
    (void)close(fd);
    return pid;
}

bool scene_read(char *text, size_t cap, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    size_t got = 0;
    ssize_t n;
    while (got < cap - 1 && (n = read(fd, text + got, cap - 1 - got)) > 0) {
        got += (size_t)n;
    }
    text[got] = '\0';
    (void)close(fd);
    return true;
}

static char whole[1 << 20];

bool scene_says(const char *log, const char *text, uint32_t wait_ms)
{
    char events[4096];
    uint64_t until = ct_mono_ms() + wait_ms;
    bool found = false;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 || inotify_add_watch(fd, log, IN_MODIFY) < 0) {
        return false;
    }
    for (bool is_last = false; !found && !is_last;) {
        uint64_t now = ct_mono_ms(); /* it is looked at once more when the time is over */
        is_last = now >= until;
        found = scene_read(whole, sizeof whole, log) && strstr(whole, text) != NULL;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (!found && !is_last && poll(&p, 1, (int)(until - now)) == 1) {
            (void)!read(fd, events, sizeof events);
        }
    }
    (void)close(fd);
    return found;
}

bool scene_await(const char *log, const char *text)
{
    bool found = scene_says(log, text, 60000);
    if (!found) {
        printf("    %s has no \"%s\":\n%s\n", log, text, whole);
    }
    return found;
}

bool scene_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return close(fd) == 0 && good;
}

bool scene_change(const char *to_path, const char *path, const char *from, const char *to)
{
    static char text[16384];
    static char changed[16384];
    if (!scene_read(text, sizeof text, path)) {
        return false;
    }
    const char *at = strstr(text, from);
    if (at == NULL) {
        return false;
    }
    (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
                   at + strlen(from));
    return scene_write(to_path, changed);
}

uint16_t scene_port(int type)
{
    return free_port(FREE_PORT_SCENE, type);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st;
    (void)flag;
    (void)at;
    return remove(path);
}

void scene_remove(const char *folder)
{
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
