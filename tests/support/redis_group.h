/* A Redis with replicas and sentinels, all real: started, killed, stopped, asked who is master. */
#ifndef CT_TEST_REDIS_GROUP_H
#define CT_TEST_REDIS_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "temp_dir.h"

enum { CT_GROUP_NODES = 3, CT_GROUP_SENTINELS = 3 };

struct ct_group_node {
    pid_t pid; /* 0: it does not run */
    unsigned port;
    char address[32]; /* 127.0.0.1:port */
};

struct ct_redis_group {
    struct temp_dir dir;
    struct ct_group_node nodes[CT_GROUP_NODES]; /* the first is master at first */
    struct ct_group_node sentinels[CT_GROUP_SENTINELS];
};

/* Until each replica is in sync and each sentinel knows all others. The master's name is "wm". */
bool ct_redis_group_start(struct ct_redis_group *g);
void ct_redis_group_stop(struct ct_redis_group *g);
/* The one that most sentinels name; NULL: there is none. */
struct ct_group_node *ct_redis_group_master(struct ct_redis_group *g);
/* Until another one than `old` is master, and runs. */
struct ct_group_node *ct_redis_group_await(struct ct_redis_group *g,
                                           const struct ct_group_node *old, uint32_t wait_ms);
void ct_redis_node_kill(struct ct_group_node *n);
/* After a kill, with the data that it had. */
bool ct_redis_node_restart(struct ct_redis_group *g, struct ct_group_node *n);
/* One command as a line of words; the first bytes of the reply. False: it does not answer. */
bool ct_redis_node_say(const struct ct_group_node *n, const char *command, char *reply, size_t cap);
/* Until the master has so many replicas that are in sync. */
bool ct_redis_group_replicas(struct ct_redis_group *g, unsigned count, uint32_t wait_ms);

#endif
