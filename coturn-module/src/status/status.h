/* What the relay tells of itself: rows for the server's command line and web page, and metrics. */
#ifndef CT_RELAY_STATUS_H
#define CT_RELAY_STATUS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "follow/board.h"
#include "packets/policy.h"
#include "peers/sets.h"
#include "packets/tally.h"

/* What there is to tell of; all of it borrowed, but for the numbers. */
struct ct_status {
    enum ct_mode mode;
    uint32_t max_age_s;
    uint64_t chain_id;
    const uint8_t *contract20;
    bool follows_devices;
    struct ct_sets *sets;
    struct ct_board *board;
    struct ct_tally *tally;
    _Atomic uint64_t allocations;        /* right now */
    _Atomic uint64_t allocations_passes; /* those of them that were made with a pass */
};

/* One more (1), one less (-1), or neither. Any thread. */
void ct_status_allocation(struct ct_status *status, int change, bool is_pass);

/* Both NUL-terminated printable ASCII, less than CT_STATUS_VALUE characters. */
typedef void ct_status_row(void *arg, const char *name, const char *value);
enum { CT_STATUS_VALUE = 800 };

/*
 * Where it stands, then every counter that is not zero. as_html: names say whose they are, and of a
 * value nothing has a meaning in HTML. Any thread but a relay's.
 */
void ct_status_rows(struct ct_status *status, uint64_t now_s, bool as_html, ct_status_row *row,
                    void *arg);

/* The same for Prometheus, text format 0.0.4; every counter, so that a rate has its first step. */
void ct_status_metrics(struct ct_status *status, uint64_t now_s, FILE *out);

#endif
