/* The module's end of the registrar's channel, for the files that make it up. */
#ifndef CT_REGISTRAR_LINK_PRIVATE_H
#define CT_REGISTRAR_LINK_PRIVATE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "life/registrar_link.h"
#include "life/registrar_wire.h"

enum { CT_RG_ANSWERED_WITHIN_S = 10 };

struct ct_rg_link {
    char program[CT_RG_SOURCE_MAX];
    struct ct_rg_open open;
    struct ct_log log;
    uid_t user;           /* of the server when it started */
    pthread_mutex_t lock; /* guards what follows */
    pid_t pid;
    int fd; /* -1: none */
    uint32_t number;
    uint8_t addr20[20];
    uint64_t started_ms;
    uint64_t retry_at_ms; /* UINT64_MAX: never */
    uint32_t retry_ms;
};

/* One question under the lock. What is no answer ends the conversation: a late one would be taken
 * for the next. */
CT_MUST_USE ct_err ct_rg_link_ask(struct ct_rg_link *link, struct ct_rg_request *request,
                                  struct ct_rg_answer *answer, int within_s, struct ct_why *why);

#endif
