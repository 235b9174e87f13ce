/* The state of the server as numbers and rows, gathered once for whoever asks. */
#ifndef CT_WM_STATUS_H
#define CT_WM_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "operator/audit.h"
#include "http/exchange.h"
#include "operator/health.h"
#include "service/lease.h"
#include "relays/roster.h"
#include "http/sessions.h"

enum { CT_STATUS_ROWS = 50, CT_STATUS_LEASES = 2 };

struct ct_status {           /* all of it borrowed */
    struct ct_health health; /* store and watch are in it */
    struct ct_sessions *sessions;
    struct ct_roster *roster;
    struct ct_audit *audit; /* may be NULL */
    struct ct_lease *const *leases;
    size_t lease_count;
    uint64_t chain_id;
    uint8_t contract20[20];
    uint64_t (*mono_ms)(void);
};

/* Brings the gauges up to date. */
void ct_status_gauges(const struct ct_status *s);

/* GET /v1/status, docs/protocol.md section 7. */
void ct_status_json(const struct ct_status *s, const struct ct_request *request,
                    struct ct_answer *answer);

/* ---- what the page shows, too ---- */

struct ct_status_tx {
    const char *account; /* role */
    struct ct_txn_row row;
    enum ct_op_kind kind; /* of its operations; 0: it only fills its nonce */
};

struct ct_status_view {
    uint64_t now_s;
    bool ready;
    struct ct_health_check checks[CT_HEALTH_CHECKS];
    struct ct_lease_view leases[CT_STATUS_LEASES];
    size_t lease_count;
    struct ct_watch_view watch;
    bool counts_known;
    struct ct_store_counts counts;
    size_t sessions;
    struct ct_audit_link audit;

    struct ct_roster_row relays[CT_STATUS_ROWS];
    size_t relay_from, relay_count, relay_total;
    struct ct_device_row devices[CT_STATUS_ROWS];
    size_t device_count;
    bool more_devices; /* after the last row */
    char device_from[CT_STORE_IDENTITY];
    struct ct_status_tx txs[CT_STATUS_ROWS];
    size_t tx_count;
    struct ct_op ops[CT_STATUS_ROWS]; /* the oldest that wait */
    size_t op_count;
};

/*
 * The query's cursors say which rows: relays (a number of rows to leave out), devices (a name to
 * begin after), find (a name to begin at). False: a cursor is none, and the problem is answered.
 * Too large for a stack.
 */
bool ct_status_look(const struct ct_status *s, const struct ct_request *request,
                    struct ct_status_view *out, struct ct_answer *answer);

/* The tests of a relay that the store remembers, oldest first; how many. */
size_t ct_status_tests(const struct ct_status *s, const struct ct_relay_row *row,
                       struct ct_relay_test out[CT_RELAY_TESTS]);
const char *ct_status_tx_state(enum ct_txn_state state);
/* "approved", "expired", "refused", .. of a row at that time. */
const char *ct_status_relay_state(const struct ct_roster_row *r, uint64_t now_s);

#endif
