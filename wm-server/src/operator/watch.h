/* The chain and the hot accounts as a thread of its own sees them every few seconds, so that nobody
 * who asks how things are has to wait for an endpoint. */
#ifndef CT_WM_WATCH_H
#define CT_WM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "service/loop.h"
#include "operator/outflow.h"
#include "relays/roster.h"
#include "store/store.h"

enum { CT_WATCH_ACCOUNTS = 2, CT_WATCH_PERIOD_MS = 5000 };

struct ct_watch_account {
    const char *role; /* "approver", "funder"; a literal */
    uint8_t addr20[20];
    uint64_t gas; /* of its largest transaction, with what that gives away */
};

struct ct_watch_alerts {
    uint64_t days;     /* a shorter runway is said in the log; 0: never */
    double most_ether; /* so is a hot account that holds more; 0: never */
};

struct ct_watch_config {
    const struct ct_bundle *bundle; /* copied */
    struct ct_watch_account accounts[CT_WATCH_ACCOUNTS];
    size_t account_count;
    struct ct_store *store;   /* borrowed; NULL: nothing is counted there */
    struct ct_roster *roster; /* borrowed; kept up to date; NULL: none */
    struct ct_watch_alerts alerts;
    uint64_t (*wall_s)(void);
    struct ct_log log;
};

struct ct_watch_balance {
    const char *role;
    uint8_t addr20[20];
    bool known;
    double ether;
    double needed;      /* ether for its largest transaction at the present price; NaN: unknown */
    double runway_days; /* infinite: nothing goes out; NaN: not seen for long enough */
    double day_ether;   /* outflow a day */
    bool is_short;      /* a runway below alerts.days */
    bool is_too_much;   /* more than most_ether: a thief's gain is to be bounded */
};

struct ct_watch_view {
    bool chain_known; /* the last look succeeded */
    uint64_t looked_s;
    uint64_t block, block_time_s;
    unsigned agreeing, endpoints;
    bool totals_known;
    uint64_t devices, relays; /* in the store, counted once a minute */
    struct ct_watch_balance accounts[CT_WATCH_ACCOUNTS];
    size_t account_count;
    struct ct_why why; /* of the last look that failed */
};

struct ct_watch;

CT_MUST_USE ct_err ct_watch_new(struct ct_watch **out, const struct ct_watch_config *config,
                                struct ct_why *why);
void ct_watch_free(struct ct_watch *w); /* NULL is fine */
/* One look, for ct_loop_start(); sets the gauges too. */
void ct_watch_round(void *watch, struct ct_loop *loop);
/* From the next look on. Any thread; NULL is fine. */
void ct_watch_alerts(struct ct_watch *w, const struct ct_watch_alerts *alerts);
/* What the last look saw. Any thread. */
void ct_watch_get(struct ct_watch *w, struct ct_watch_view *out);

#endif
