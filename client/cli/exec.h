/* A command of the user's at the end of a call, on its standard input and output. */
#ifndef CT_CLI_EXEC_H
#define CT_CLI_EXEC_H

#include <sys/types.h>

struct ct_exec {
    pid_t pid;
    int fd; /* a stream to its standard input and from its output; -1 when it is closed */
};

/* Starts "sh -c command"; false when the system does not let us. */
_Bool ct_exec_start(struct ct_exec *out, const char *command);
/* Closes the socket, which the command sees as the end of its input, and collects it when it ends;
 * after a second it is ended. */
void ct_exec_stop(struct ct_exec *exec);

#endif
