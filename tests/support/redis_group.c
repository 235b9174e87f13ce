/* Processes of a group on loopback, each in a folder of its own. */
#include "redis_group.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "free_port.h"

enum { START_MS = 60000, ANSWER_MS = 3000, QUORUM = 2 };

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static bool is_sentinel(const struct ct_redis_group *g, const struct ct_group_node *n)
{
    return n >= g->sentinels && n < g->sentinels + CT_GROUP_SENTINELS;
}

/* Both write their own settings back into it. */
static bool write_conf(const struct ct_redis_group *g, const struct ct_group_node *n,
                       const char *path)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        return false;
    }
    (void)fprintf(f, "bind 127.0.0.1\nport %u\ndir %s/%u\ndaemonize no\n", n->port, g->dir.path,
                  n->port);
    if (is_sentinel(g, n)) {
        (void)fprintf(f,
                      "sentinel monitor wm 127.0.0.1 %u %d\n"
                      "sentinel down-after-milliseconds wm 5000\n" /* not one that is held up */
                      "sentinel failover-timeout wm 10000\n",
                      g->nodes[0].port, QUORUM);
    } else {
        (void)fprintf(f,
                      "appendonly yes\nappendfsync always\nsave \"\"\nrepl-diskless-sync-delay 0\n"
                      "repl-ping-replica-period 1\n");
        if (n != &g->nodes[0]) {
            (void)fprintf(f, "replicaof 127.0.0.1 %u\n", g->nodes[0].port);
        }
    }
    return fclose(f) == 0;
}

static void become(const struct ct_redis_group *g, const struct ct_group_node *n)
{
    /* the last is Debian's redis-tools: the same program, which goes by its name */
    static const char *const programs[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                                           "/usr/bin/redis-check-rdb"};
    char conf[128], log[128];
    bool sentinel = is_sentinel(g, n);
    (void)snprintf(conf, sizeof conf, "%s/%u/conf", g->dir.path, n->port);
    (void)snprintf(log, sizeof log, "%s/%u/log", g->dir.path, n->port);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(fd, STDOUT_FILENO);
    (void)dup2(fd, STDERR_FILENO);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive a test that crashed */
    char option[] = "--sentinel";
    char name[32];
    (void)snprintf(name, sizeof name, "%s", sentinel ? "redis-sentinel" : "redis-server");
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        char *args[] = {name, conf, sentinel ? option : NULL, NULL};
        (void)execv(programs[i], args);
    }
    _exit(127);
}

bool ct_redis_node_say(const struct ct_group_node *n, const char *command, char *reply, size_t cap)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)n->port)};
    char line[256];
    size_t got = 0;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int len = snprintf(line, sizeof line, "%s\r\n", command);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&in, sizeof in) == 0 &&
        write(fd, line, (size_t)len) == len && poll(&p, 1, ANSWER_MS) == 1) {
        pause_ms(5); /* the rest of a longer one */
        ssize_t some = read(fd, reply, cap - 1);
        got = some > 0 ? (size_t)some : 0;
    }
    reply[got] = '\0';
    (void)close(fd);
    return got > 0;
}

static bool run(struct ct_redis_group *g, struct ct_group_node *n)
{
    char reply[64];
    n->pid = fork();
    if (n->pid == 0) {
        become(g, n);
    }
    uint64_t until_ms = ct_mono_ms() + START_MS;
    while (n->pid > 0 && ct_mono_ms() < until_ms) {
        if (ct_redis_node_say(n, "PING", reply, sizeof reply) && strncmp(reply, "+PONG", 5) == 0) {
            return true;
        }
        pause_ms(20);
    }
    printf("    what listens at %s did not start\n", n->address);
    return false;
}

static bool prepare(struct ct_redis_group *g, struct ct_group_node *n)
{
    char path[128];
    n->port = free_port(FREE_PORT_GROUP, SOCK_STREAM);
    (void)snprintf(n->address, sizeof n->address, "127.0.0.1:%u", n->port);
    (void)snprintf(path, sizeof path, "%s/%u", g->dir.path, n->port);
    return n->port != 0 && mkdir(path, 0700) == 0;
}

static bool configure(struct ct_redis_group *g, struct ct_group_node *n)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%u/conf", g->dir.path, n->port);
    return write_conf(g, n, path);
}

bool ct_redis_group_replicas(struct ct_redis_group *g, unsigned count, uint32_t wait_ms)
{
    char reply[2048];
    for (uint64_t until_ms = ct_mono_ms() + wait_ms; ct_mono_ms() < until_ms; pause_ms(50)) {
        const struct ct_group_node *m = ct_redis_group_master(g);
        unsigned online = 0;
        if (m != NULL && ct_redis_node_say(m, "INFO replication", reply, sizeof reply)) {
            for (const char *at = reply; (at = strstr(at, "state=online")) != NULL; at++) {
                online++;
            }
        }
        if (online >= count) {
            return true;
        }
    }
    return false;
}

/* Each sentinel sees the others and the replicas. */
static bool await_sentinels(struct ct_redis_group *g)
{
    char reply[8192];
    size_t good = 0;
    for (uint64_t until_ms = ct_mono_ms() + START_MS; ct_mono_ms() < until_ms; pause_ms(100)) {
        good = 0;
        for (size_t i = 0; i < CT_GROUP_SENTINELS; i++) {
            good += ct_redis_node_say(&g->sentinels[i], "INFO sentinel", reply, sizeof reply) &&
                    strstr(reply, "slaves=2,sentinels=3") != NULL;
        }
        if (good == CT_GROUP_SENTINELS) {
            return true;
        }
    }
    return false;
}

bool ct_redis_group_start(struct ct_redis_group *g)
{
    memset(g, 0, sizeof *g);
    bool good = temp_dir_make(&g->dir);
    for (size_t i = 0; i < CT_GROUP_NODES && good; i++) {
        good = prepare(g, &g->nodes[i]) && configure(g, &g->nodes[i]) && run(g, &g->nodes[i]);
    }
    for (size_t i = 0; i < CT_GROUP_SENTINELS && good; i++) {
        struct ct_group_node *s = &g->sentinels[i];
        good = prepare(g, s) && configure(g, s) && run(g, s);
    }
    return good && await_sentinels(g) && ct_redis_group_replicas(g, 2, START_MS);
}

void ct_redis_node_kill(struct ct_group_node *n)
{
    if (n->pid > 0) {
        (void)kill(n->pid, SIGKILL);
        (void)waitpid(n->pid, NULL, 0);
        n->pid = 0;
    }
}

bool ct_redis_node_restart(struct ct_redis_group *g, struct ct_group_node *n)
{
    return run(g, n);
}

void ct_redis_group_stop(struct ct_redis_group *g)
{
    for (size_t i = 0; i < CT_GROUP_SENTINELS; i++) {
        ct_redis_node_kill(&g->sentinels[i]);
    }
    for (size_t i = 0; i < CT_GROUP_NODES; i++) {
        ct_redis_node_kill(&g->nodes[i]);
    }
    temp_dir_remove(&g->dir);
}

struct ct_group_node *ct_redis_group_master(struct ct_redis_group *g)
{
    char reply[256];
    size_t votes[CT_GROUP_NODES] = {0};
    for (size_t i = 0; i < CT_GROUP_SENTINELS; i++) {
        if (g->sentinels[i].pid <= 0 ||
            !ct_redis_node_say(&g->sentinels[i], "SENTINEL get-master-addr-by-name wm", reply,
                               sizeof reply)) {
            continue;
        }
        for (size_t j = 0; j < CT_GROUP_NODES; j++) {
            char port[16];
            (void)snprintf(port, sizeof port, "\r\n%u\r\n", g->nodes[j].port);
            votes[j] += strstr(reply, port) != NULL;
        }
    }
    for (size_t j = 0; j < CT_GROUP_NODES; j++) {
        if (votes[j] >= QUORUM) {
            return &g->nodes[j];
        }
    }
    return NULL;
}

struct ct_group_node *ct_redis_group_await(struct ct_redis_group *g,
                                           const struct ct_group_node *old, uint32_t wait_ms)
{
    char reply[256];
    for (uint64_t until_ms = ct_mono_ms() + wait_ms; ct_mono_ms() < until_ms; pause_ms(50)) {
        struct ct_group_node *m = ct_redis_group_master(g);
        if (m != NULL && m != old && ct_redis_node_say(m, "ROLE", reply, sizeof reply) &&
            strstr(reply, "master") != NULL) {
            return m;
        }
    }
    return NULL;
}
