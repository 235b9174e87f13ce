/* What the process counts of itself: atomic numbers that any thread changes without a lock, told in
 * Prometheus' text format 0.0.4. */
#ifndef CT_WM_METRICS_H
#define CT_WM_METRICS_H

#include <stdint.h>

#include <chainturn/err.h>
#include "service/text.h"

/* Things that happen; metrics.c has their names. */
enum ct_metric {
    CT_METRIC_ENROLLED,
    CT_METRIC_ENROL_REFUSED,
    CT_METRIC_PSK_UNKNOWN,
    CT_METRIC_PASSES,
    CT_METRIC_TOKENS_ADMITTED,
    CT_METRIC_TOKENS_REFUSED,
    CT_METRIC_OPS_ASKED,
    CT_METRIC_OPS_DONE,
    CT_METRIC_OPS_FAILED,
    CT_METRIC_TX_SENT,      /* signed, stored and broadcast for the first time */
    CT_METRIC_TX_REPEATED,  /* broadcast again */
    CT_METRIC_TX_REPLACED,  /* the same nonce at a higher fee */
    CT_METRIC_TX_MINED,     /* deep enough, and it did what it should */
    CT_METRIC_TX_FAILED,    /* in the chain, but reverted */
    CT_METRIC_TX_LOST,      /* another transaction has its nonce */
    CT_METRIC_GAS_USED,     /* units of gas */
    CT_METRIC_GAS_SPENT,    /* gwei, told as ether */
    CT_METRIC_FUNDED,       /* payments to devices */
    CT_METRIC_FUNDED_SPENT, /* gwei, told as ether */
    CT_METRIC_PROBES_PASSED,
    CT_METRIC_PROBES_REFUSED,
    CT_METRIC_PROBES_WAIT, /* the chain could not be asked */
    CT_METRIC_STORE_ERRORS,
    CT_METRIC_FENCED, /* refused by the store, since another server leads */
    CT_METRIC_RPC_ERRORS,
    CT_METRIC_LOG_ERRORS,
    CT_METRIC_LOG_WARNINGS,
    CT_METRIC_AUDIT_LINES,
    CT_METRICS,
};

/* Things that are so; set by who knows, told as they are, and not before. */
enum ct_gauge {
    CT_GAUGE_HEAD_BLOCK,
    CT_GAUGE_HEAD_LAG_S,
    CT_GAUGE_RPC_AGREE,
    CT_GAUGE_RPC_ALL,
    CT_GAUGE_APPROVER_ETHER,
    CT_GAUGE_FUNDER_ETHER,
    CT_GAUGE_APPROVER_RUNWAY_DAYS, /* infinite while nothing is spent */
    CT_GAUGE_FUNDER_RUNWAY_DAYS,
    CT_GAUGE_APPROVER_SHORT, /* alerts: 1 while so */
    CT_GAUGE_FUNDER_SHORT,
    CT_GAUGE_APPROVER_HIGH,
    CT_GAUGE_FUNDER_HIGH,
    CT_GAUGE_SESSIONS,
    CT_GAUGE_OPS_CHECKING,
    CT_GAUGE_OPS_QUEUED,
    CT_GAUGE_OPS_SENT,
    CT_GAUGE_TX_SIGNED,
    CT_GAUGE_TX_SENT,
    CT_GAUGE_TX_MINED, /* in a block, not deep enough yet */
    CT_GAUGE_QUEUE_AGE_S,
    CT_GAUGE_RELAYS,
    CT_GAUGE_DEVICES,
    CT_GAUGE_WATCHERS,
    CT_GAUGE_STORE_FULL, /* no room; see room.h */
    CT_GAUGE_AUDIT_FULL,
    CT_GAUGE_READY,
    CT_GAUGE_LEADER,
    CT_GAUGE_APPROVER_LEADER,
    CT_GAUGE_FUNDER_LEADER,
    CT_GAUGE_APPROVER_FENCE,
    CT_GAUGE_FUNDER_FENCE,
    CT_GAUGES,
};

/* How long things take. */
enum ct_timer { CT_TIMER_PROBE, CT_TIMER_STORE, CT_TIMER_CONFIRM, CT_TIMERS };

void ct_metrics_count(enum ct_metric metric);
void ct_metrics_add(enum ct_metric metric, uint64_t n);
uint64_t ct_metrics_get(enum ct_metric metric);
/* Counts a step of the store that failed, and no step that was refused; notes that it is full. */
void ct_metrics_store(ct_err err);
void ct_metrics_set(enum ct_gauge gauge, double value);
double ct_metrics_gauge(enum ct_gauge gauge); /* NaN until set */
void ct_metrics_time(enum ct_timer timer, uint64_t ns);
/* One answered request; path is told as one of a few routes, so that no client makes new ones. */
void ct_metrics_request(const char *path, unsigned status, uint64_t ns);

/* All of it, with the process's own figures (memory, open files, CPU). */
void ct_metrics_write(struct ct_text *out);
/* A number as Prometheus writes it: NaN, +Inf, or shortest digits. */
void ct_metrics_number(struct ct_text *out, double value);

#endif
