/* The registrar as a process: started with its channel and nothing else, and seen out. */
#include "life/registrar_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 10, SEEN_OUT_MS = 2000, OLD_LIMIT = 65536 };

static void close_from_to(unsigned from, unsigned to)
{
    if (from > to || syscall(SYS_close_range, from, to, 0u) == 0) {
        return;
    }
    for (unsigned fd = from; fd <= to && fd < OLD_LIMIT; fd++) { /* before Linux 5.9 */
        (void)close((int)fd);
    }
}

/* All but the standard ones and count of kept. */
static void close_others(const int *kept, size_t count)
{
    unsigned from = 3;
    for (;;) {
        unsigned next = ~0u;
        for (size_t i = 0; i < count; i++) {
            if (kept[i] >= (int)from && (unsigned)kept[i] < next) {
                next = (unsigned)kept[i];
            }
        }
        if (next == ~0u) {
            close_from_to(from, ~0u);
            return;
        }
        close_from_to(from, next - 1);
        from = next + 1;
    }
}

/* In the child, perhaps of a process with threads: only what is safe in a signal's handler. */
static void become(const char *program, int fd, char *number, const int keep[CT_RG_KEEP_MAX])
{
    sigset_t none;
    int kept[CT_RG_KEEP_MAX + 1] = {keep[0], keep[1], fd};
    char name[] = "chainturn-registrar";
    char *argv[] = {name, number, NULL};
    int null = open("/dev/null", O_RDWR);
    for (int standard = 0; standard < 2 && null >= 0; standard++) {
        if (keep[0] != standard && keep[1] != standard) {
            (void)dup2(null, standard);
        }
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (kept[i] >= 0) {
            (void)fcntl(kept[i], F_SETFD, 0);
        }
    }
    close_others(kept, sizeof(kept) / sizeof(kept[0]));
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execv(program, argv);
    _exit(127);
}

ct_err ct_rg_spawn(pid_t *pid, int *fd, const char *program, const int keep[CT_RG_KEEP_MAX],
                   struct ct_why *why)
{
    int ends[2];
    char number[16];
    if (access(program, X_OK) != 0) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "the registrar %s cannot be run: %s; it is installed beside turnserver, or "
                      "where chainturn-registrar says",
                      program, strerror(errno));
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return ct_why(why, CT_ERR_SYSTEM, "no channel to the registrar: %s", strerror(errno));
    }
    (void)snprintf(number, sizeof(number), "%d", ends[1]);
    pid_t child = fork();
    if (child == 0) {
        become(program, ends[1], number, keep);
    }
    (void)close(ends[1]);
    if (child < 0) {
        (void)close(ends[0]);
        return ct_why(why, CT_ERR_SYSTEM, "the registrar could not be started: %s",
                      strerror(errno));
    }
    *pid = child;
    *fd = ends[0];
    return CT_OK;
}

void ct_rg_see_out(pid_t pid)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    for (int waited_ms = 0; waited_ms < SEEN_OUT_MS; waited_ms += STEP_MS) {
        pid_t gone = waitpid(pid, NULL, WNOHANG);
        if (gone != 0) {
            return; /* it ended, or is not ours to wait for */
        }
        (void)nanosleep(&step, NULL);
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}
