/* Where the server's log lines go: standard error as text or JSON, counters, live events. */
#ifndef CT_WM_TEE_H
#define CT_WM_TEE_H

#include <stdbool.h>

#include "base/log.h"
#include "operator/events.h"

struct ct_tee {
    _Atomic bool is_json;
    _Atomic enum ct_log_level max; /* may change at any time */
    struct ct_events *events;      /* may be NULL; lines of level info and above */
};

/* A logger over tee, which is borrowed; each line is held against tee->max when it comes, at first
 * level. */
struct ct_log ct_tee_log(struct ct_tee *tee, enum ct_log_level level);

#endif
