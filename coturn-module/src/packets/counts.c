/* What is counted of packets, and the names that log, command line and metrics give to it. */
#include "packets/counts.h"

#include <inttypes.h>

static const char *const way_texts[] = {"send",       "data",       "channel_out",
                                        "channel_in", "connection", "other"};
_Static_assert(sizeof(way_texts) / sizeof(way_texts[0]) == CT_WAY_COUNT + 1, "a name for each");

void ct_count_verdict(struct ct_tally *tally, size_t way, enum ct_verdict verdict)
{
    ct_tally_add(tally, way * CT_VERDICT_COUNT + verdict);
}

void ct_count_name(struct ct_count_name *out, size_t kind)
{
    if (kind < CT_COUNT_RELAYED) {
        *out = (struct ct_count_name){"peers", "verdict",
                                      ct_verdict_text((enum ct_verdict)(kind % CT_VERDICT_COUNT)),
                                      way_texts[kind / CT_VERDICT_COUNT]};
    } else if (kind < CT_COUNT_ANSWERED) {
        bool is_relayed = kind < CT_COUNT_CAPPED;
        *out = (struct ct_count_name){is_relayed ? "relayed" : "capped", NULL, NULL,
                                      way_texts[(kind - CT_COUNT_RELAYED) % CT_WAY_COUNT]};
    } else {
        bool is_answer = kind < CT_COUNT_SIGNED_ON;
        bool was_done = kind == CT_COUNT_ANSWERED || kind == CT_COUNT_SIGNED_ON;
        *out =
            (struct ct_count_name){is_answer ? "unproved_addresses" : "sign_ons",
                                   is_answer ? "answered" : "tried", was_done ? "yes" : "no", NULL};
    }
}

void ct_counts_tell(struct ct_tally *tally, const struct ct_log *log)
{
    for (size_t kind = 0; kind < CT_COUNT_ANSWERED; kind++) {
        struct ct_count_name name;
        uint64_t n = ct_tally_sum(tally, kind);
        ct_count_name(&name, kind);
        if (n > 0 && name.label) {
            ct_log(log, CT_LOG_INFO, "%s %s=%s by=%s packets=%" PRIu64, name.family, name.label,
                   name.value, name.by, n);
        } else if (n > 0) {
            ct_log(log, CT_LOG_INFO, "%s by=%s packets=%" PRIu64, name.family, name.by, n);
        }
    }
    ct_log(log, CT_LOG_INFO, "unproved_addresses answered=%" PRIu64 " not=%" PRIu64,
           ct_tally_sum(tally, CT_COUNT_ANSWERED), ct_tally_sum(tally, CT_COUNT_UNANSWERED));
    ct_log(log, CT_LOG_INFO, "sign_ons tried=%" PRIu64 " not=%" PRIu64,
           ct_tally_sum(tally, CT_COUNT_SIGNED_ON), ct_tally_sum(tally, CT_COUNT_NOT_SIGNED_ON));
}
