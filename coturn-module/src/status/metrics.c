/* What the relay tells of itself, for Prometheus. Labels come from fixed sets: no client and no
 * endpoint can make the series grow. */
#include <inttypes.h>
#include <string.h>

#include "chain/key.h"
#include "packets/counts.h"
#include "status/status.h"

#define PREFIX "chainturn_relay_"

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void gauge(FILE *out, const char *name, const char *help, uint64_t value)
{
    family(out, name, "gauge", help);
    (void)fprintf(out, PREFIX "%s %" PRIu64 "\n", name, value);
}

static void tell_chain(FILE *out, const struct ct_status *s, const struct ct_board_facts *facts)
{
    static const char *const standings[] = {[CT_STANDING_NEW] = "new",
                                            [CT_STANDING_LISTED] = "approved",
                                            [CT_STANDING_CHANGED] = "changed",
                                            [CT_STANDING_REVOKED] = "revoked"};
    char contract[CT_ADDR_TEXT_LEN];
    ct_addr_text(contract, s->contract20);
    family(out, "info", "gauge", "What it was configured to be; always 1.");
    (void)fprintf(out, PREFIX "info{mode=\"%s\",contract=\"%s\",chain_id=\"%" PRIu64 "\"} 1\n",
                  ct_mode_text(s->mode), contract, s->chain_id);
    if (facts->is_read) {
        family(out, "standing", "gauge", "1 for how the relay stands on the chain.");
        for (size_t i = 0; i < sizeof(standings) / sizeof(standings[0]); i++) {
            (void)fprintf(out, PREFIX "standing{standing=\"%s\"} %d\n", standings[i],
                          (size_t)facts->standing == i);
        }
        gauge(out, "number", "The relay's number on the chain, 0 while it has none.", facts->index);
        gauge(out, "head_block", "The newest block that the endpoints agree on.", facts->block);
        gauge(out, "head_time_seconds", "The time of that block, since 1970.", facts->block_s);
        gauge(out, "endpoints", "Endpoints of the bundle.", facts->of);
        gauge(out, "endpoints_agreeing", "Endpoints that vouched for that block.", facts->agree);
        gauge(out, "log_entries", "Entries of the contract's log.", facts->log_count);
    }
    family(out, "failures_total", "counter", "Failures to read the chain or to get listed.");
    (void)fprintf(out, PREFIX "failures_total %" PRIu64 "\n", facts->failures);
}

static void tell_sets(FILE *out, const struct ct_status *s, uint64_t now_s)
{
    struct ct_sets_size size;
    ct_sets_size(s->sets, &size, now_s);
    gauge(out, "max_age_seconds", "Age from which a set is not used any more.", s->max_age_s);
    if (size.log_age_s != UINT64_MAX && s->board) {
        gauge(out, "log_age_seconds",
              "Time since the contract's log was read to its proven head, or since the start.",
              size.log_age_s);
    }
    if (size.has_relays) {
        gauge(out, "relays", "Approved relays that are known.", size.relays);
        gauge(out, "relays_age_seconds", "Time since the chain confirmed them.", size.relays_age_s);
    }
    if (size.has_devices) {
        gauge(out, "devices", "Places of approved devices that are known.", size.devices);
        gauge(out, "devices_age_seconds", "Time since the chain confirmed them.",
              size.devices_age_s);
    }
}

static const char *help_of(const char *family_name)
{
    static const struct {
        const char *family;
        const char *help;
    } helps[] = {
        {"peers", "Packets of peers without a permission, or refused in spite of one, by verdict."},
        {"relayed", "Packets relayed."},
        {"capped", "Packets left out, and pieces of connections held back, by the caps."},
        {"unproved_addresses", "Requests from addresses that proved nothing, answered or not."},
        {"sign_ons", "User names looked up, or not for too many of them from there."},
    };
    for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]); i++) {
        if (strcmp(helps[i].family, family_name) == 0) {
            return helps[i].help;
        }
    }
    return "";
}

static void tell_counts(FILE *out, struct ct_tally *tally)
{
    const char *last = "";
    for (size_t kind = 0; kind < CT_COUNTS; kind++) {
        struct ct_count_name name;
        char total[64];
        ct_count_name(&name, kind);
        (void)snprintf(total, sizeof(total), "%s_total", name.family);
        if (strcmp(last, name.family) != 0) {
            family(out, total, "counter", help_of(name.family));
            last = name.family;
        }
        (void)fprintf(out, PREFIX "%s{", total);
        if (name.label) {
            (void)fprintf(out, "%s=\"%s\"%s", name.label, name.value, name.by ? "," : "");
        }
        if (name.by) {
            (void)fprintf(out, "by=\"%s\"", name.by);
        }
        (void)fprintf(out, "} %" PRIu64 "\n", ct_tally_sum(tally, kind));
    }
}

void ct_status_metrics(struct ct_status *status, uint64_t now_s, FILE *out)
{
    struct ct_board_facts facts;
    ct_board_read(status->board, &facts);
    tell_chain(out, status, &facts);
    tell_sets(out, status, now_s);
    gauge(out, "allocations", "Allocations that stand.", atomic_load(&status->allocations));
    gauge(out, "allocations_passes", "Those of them that were made with a pass.",
          atomic_load(&status->allocations_passes));
    tell_counts(out, status->tally);
}
