/* The registrar as a process: started with its channel and nothing else, and seen out. */
#ifndef CT_RELAY_REGISTRAR_SPAWN_H
#define CT_RELAY_REGISTRAR_SPAWN_H

#include <sys/types.h>

#include <chainturn/err.h>
#include "base/why.h"

enum { CT_RG_KEEP_MAX = 2 };

/*
 * Runs program with one end of a channel, whose other end *fd is, and the descriptors of keep that
 * are not negative. All others are closed in it. Safe while threads run.
 */
CT_MUST_USE ct_err ct_rg_spawn(pid_t *pid, int *fd, const char *program,
                               const int keep[CT_RG_KEEP_MAX], struct ct_why *why);
/* Waits for the process, whose channel is closed, for 2 s; then it is killed. One that is not this
 * process's own child (the server became a daemon in between) ends by itself. */
void ct_rg_see_out(pid_t pid);

#endif
