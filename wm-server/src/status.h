/* The state of the server as numbers and rows, for scrapes and for the page. */
#ifndef CT_WM_STATUS_H
#define CT_WM_STATUS_H

#include <stdint.h>

#include "health.h"
#include "sessions.h"

struct ct_status {
    struct ct_health health; /* store and watch are in it */
    struct ct_sessions *sessions;
    uint64_t (*mono_ms)(void);
};

/* Brings the gauges up to date. */
void ct_status_gauges(const struct ct_status *s);

#endif
