/* Two wallet managers on one chain and one Redis: started, told apart, killed, stopped, woken. */
#ifndef CT_WM_PAIR_H
#define CT_WM_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "chain/bundle.h"
#include "platform.h"

struct server {
    char conf[160], log[160];
    struct ct_bundle bundle; /* as its clients have it */
    uint16_t operator_port;
    pid_t pid; /* 0: it does not run */
    bool is_stopped;
};

extern struct server servers[2];

/* The platform's configuration for the first, and a copy with other ports for the second. */
bool pair_configure(void);
/* variable names a crash point for it (crash_point.c), or NULL. Until it is ready, or dead. */
bool server_run(struct server *s, const char *variable, const char *point);
/* Did it die, or stop, by itself? Its status is noted. */
bool server_died(struct server *s);
bool server_stopped(struct server *s);
void server_kill(struct server *s);
void server_stop(struct server *s);
void server_wake(struct server *s);
/* SIGTERM; its exit code. */
int server_end(struct server *s);

/* The fencing number under which it last took the lease of that account in its present run; 0. */
uint64_t server_number(const struct server *s, const char *role);
/* Of those that run and are not stopped, the one with the higher number; NULL when none has any. */
struct server *pair_leader(const char *role);
struct server *pair_other(const struct server *s);
/* Until s has a number above that one, for both accounts. */
bool server_leads_above(const struct server *s, uint64_t number, uint32_t wait_ms);
/* The highest number that any of them has had since its start, of either account. */
uint64_t pair_number(void);
/* How often the log of its present run has the text. */
unsigned server_said(const struct server *s, const char *text);
/* GET of its operators' listener: the whole answer. */
bool server_get(const struct server *s, const char *path, char *out, size_t cap);

#endif
