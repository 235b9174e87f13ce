/* Where the server's log lines go: standard error as text or JSON, counters, live events. */
#ifndef CT_WM_TEE_H
#define CT_WM_TEE_H

#include <stdbool.h>

#include "base/log.h"
#include "events.h"

struct ct_tee {
    bool is_json;
    struct ct_events *events; /* may be NULL; lines of level info and above */
};

/* A logger over tee, which is borrowed. */
struct ct_log ct_tee_log(struct ct_tee *tee, enum ct_log_level level);

#endif
