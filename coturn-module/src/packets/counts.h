/* What is counted of packets, and the names that log, command line and metrics give to it. */
#ifndef CT_RELAY_COUNTS_H
#define CT_RELAY_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "ct_hooks.h"
#include "packets/policy.h"
#include "packets/tally.h"

/* Kinds of the tally. First, for each way and for what is none of them, every verdict. */
enum ct_count {
    CT_COUNT_OTHER_WAY = CT_WAY_COUNT,
    CT_COUNT_RELAYED = (CT_WAY_COUNT + 1) * CT_VERDICT_COUNT, /* one each way */
    CT_COUNT_CAPPED = CT_COUNT_RELAYED + CT_WAY_COUNT,        /* one each way */
    CT_COUNT_ANSWERED = CT_COUNT_CAPPED + CT_WAY_COUNT, /* requests of addresses that proved none */
    CT_COUNT_UNANSWERED,
    CT_COUNT_SIGNED_ON,
    CT_COUNT_NOT_SIGNED_ON,
    CT_COUNTS
};
_Static_assert((int)CT_COUNTS <= (int)CT_TALLY_KINDS, "a place for every kind");

/* What the gate, or for CT_COUNT_OTHER_WAY the filter, said. */
void ct_count_verdict(struct ct_tally *tally, size_t way, enum ct_verdict verdict);

/* A counter as it is shown; labels are NULL where there are none. */
struct ct_count_name {
    const char *family; /* "peers": counters of a family stand together */
    const char *label;  /* "verdict" */
    const char *value;  /* "admitted" */
    const char *by;     /* "send" */
};
void ct_count_name(struct ct_count_name *out, size_t kind);

/* Everything that is not zero, for the log. */
void ct_counts_tell(struct ct_tally *tally, const struct ct_log *log);

#endif
