/* A command of the user's at the end of a call, on its standard input and output. */
#include "exec.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE_MS UINT64_C(1000)

_Bool ct_exec_start(struct ct_exec *out, const char *command)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(pair[1], STDIN_FILENO);
        (void)dup2(pair[1], STDOUT_FILENO);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    (void)close(pair[1]);
    if (pid < 0) {
        (void)close(pair[0]);
        return 0;
    }
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    out->pid = pid;
    out->fd = pair[0];
    return 1;
}

_Bool ct_exec_end(struct ct_exec *exec, uint64_t now_ms)
{
    if (exec->fd >= 0) {
        (void)close(exec->fd);
        exec->fd = -1;
        exec->ending_ms = now_ms;
    }
    if (exec->pid > 0 && waitpid(exec->pid, NULL, WNOHANG) != 0) {
        exec->pid = 0;
    }
    if (exec->pid > 0 && now_ms - exec->ending_ms >= 2 * PATIENCE_MS) {
        (void)kill(exec->pid, SIGKILL);
    } else if (exec->pid > 0 && now_ms - exec->ending_ms >= PATIENCE_MS) {
        (void)kill(exec->pid, SIGTERM);
    }
    return exec->pid <= 0;
}

void ct_exec_stop(struct ct_exec *exec)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    while (!ct_exec_end(exec, ct_mono_ms())) {
        (void)nanosleep(&pause, NULL);
    }
}
