/* A Redis of the test's own: real, in a folder below /tmp, ended by its process id. */
#ifndef CT_TEST_REDIS_SERVER_H
#define CT_TEST_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "temp_dir.h"

struct ct_redis_server {
    pid_t pid;
    int output;
    struct temp_dir dir;
    char address[96]; /* unix:/path */
    char tcp[32];     /* 127.0.0.1:port */
};

/* With an append-only file that is synchronised at each write. False, and a message: it cannot. */
bool ct_redis_server_start(struct ct_redis_server *out);
/* SIGKILL; the folder stays. */
void ct_redis_server_kill(struct ct_redis_server *s);
/* In the same folder, after a kill. */
bool ct_redis_server_restart(struct ct_redis_server *s);
void ct_redis_server_stop(struct ct_redis_server *s);

/* One command as a line of words; true when the reply begins with want. */
bool ct_redis_server_say(const struct ct_redis_server *s, const char *want, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Stands before the server at its own socket, until ct_redis_thief_stop(). */
struct ct_redis_thief {
    pid_t pid;
    char address[96];
};

/* Passes on everything, but drops the connection once instead of the answer to a request that
 * holds the text. */
bool ct_redis_thief_start(struct ct_redis_thief *out, const struct ct_redis_server *s,
                          const char *text);
void ct_redis_thief_stop(struct ct_redis_thief *t);

#endif
