/* A command of the user's at the end of a call, on its standard input and output. */
#ifndef CT_CLI_EXEC_H
#define CT_CLI_EXEC_H

#include <stdint.h>
#include <sys/types.h>

struct ct_exec {
    pid_t pid;
    int fd; /* a stream to its standard input and from its output; -1 when it is closed */
    uint64_t ending_ms; /* when it was closed (monotonic); 0 before */
};

/* Starts "sh -c command"; false when the system does not let us. */
_Bool ct_exec_start(struct ct_exec *out, const char *command);
/*
 * Closes the socket, which the command sees as the end of its input; it is terminated after a
 * second and killed after two. ct_exec_end() does what is due and never waits: false until the
 * command has ended, so it is called again. ct_exec_stop() waits for that.
 */
_Bool ct_exec_end(struct ct_exec *exec, uint64_t now_ms);
void ct_exec_stop(struct ct_exec *exec);

#endif
