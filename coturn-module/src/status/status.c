/* What the relay tells of itself, in words: rows for the server's command line and web page. */
#include "status/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/why.h"
#include "chain/key.h"
#include "packets/counts.h"

struct sheet {
    bool as_html;
    ct_status_row *row;
    void *arg;
};

static void tell(const struct sheet *to, const char *name, const char *format, ...) CT_PRINTF(3, 4);

/* What an endpoint of the chain said may be among it. */
static void tell_html(const struct sheet *to, const char *name, const char *value)
{
    static const struct {
        char what;
        const char *escaped;
    } table[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    char text[CT_STATUS_VALUE];
    char shown[120];
    size_t len = 0;
    for (; *value != '\0' && len + sizeof("&quot;") < sizeof(text); value++) {
        const char plain[2] = {*value, '\0'};
        const char *written = plain;
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
            written = table[i].what == *value ? table[i].escaped : written;
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", written);
    }
    text[len] = '\0';
    (void)snprintf(shown, sizeof(shown), "chainturn: %s", name);
    to->row(to->arg, shown, text);
}

static void tell(const struct sheet *to, const char *name, const char *format, ...)
{
    char value[CT_STATUS_VALUE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    if (to->as_html) {
        tell_html(to, name, value);
    } else {
        to->row(to->arg, name, value);
    }
}

static const char *standing_text(const struct ct_board_facts *facts)
{
    static const char *const texts[] = {[CT_STANDING_NEW] = "not registered",
                                        [CT_STANDING_LISTED] = "approved",
                                        [CT_STANDING_CHANGED] = "registered otherwise than it is",
                                        [CT_STANDING_REVOKED] = "revoked by the platform"};
    return facts->is_read ? texts[facts->standing] : "unknown, the chain was not read yet";
}

static uint64_t since(uint64_t then_s, uint64_t now_s)
{
    return now_s > then_s ? now_s - then_s : 0;
}

static void tell_chain(const struct sheet *to, const struct ct_status *s,
                       const struct ct_board_facts *facts, uint64_t now_s)
{
    char contract[CT_ADDR_TEXT_LEN];
    ct_addr_text(contract, s->contract20);
    tell(to, "contract", "%s on chain %" PRIu64, contract, s->chain_id);
    tell(to, "this relay", "%s", standing_text(facts));
    if (facts->index != 0) {
        tell(to, "relay number", "%u", facts->index);
    }
    if (facts->is_read) {
        tell(to, "chain head", "block %" PRIu64 ", %" PRIu64 " s old, %u of %u endpoints agree",
             facts->block, since(facts->block_s, now_s), facts->agree, facts->of);
        tell(to, "contract's log", "%" PRIu64 " entries", facts->log_count);
    }
}

static void tell_set(const struct sheet *to, const char *name, size_t count, uint64_t age_s,
                     uint32_t max_age_s)
{
    if (age_s == UINT64_MAX) {
        tell(to, name, "%zu, too old to be used", count);
        return;
    }
    tell(to, name, "%zu, confirmed %" PRIu64 " s ago%s", count, age_s,
         age_s > max_age_s ? ": too old to be used" : "");
}

static void tell_sets(const struct sheet *to, const struct ct_status *s, uint64_t now_s)
{
    struct ct_sets_size size;
    ct_sets_size(s->sets, &size, now_s);
    if (size.has_relays) {
        tell_set(to, "relays", size.relays, size.relays_age_s, s->max_age_s);
    } else {
        tell(to, "relays", "unknown, the chain was not read yet");
    }
    if (!s->follows_devices) {
        tell(to, "devices", "not followed in this mode");
    } else if (size.has_devices) {
        tell_set(to, "devices", size.devices, size.devices_age_s, s->max_age_s);
    } else {
        tell(to, "devices", "unknown, the chain was not read yet");
    }
}

static void tell_registrar(const struct sheet *to, const struct ct_board_facts *facts,
                           uint64_t now_s)
{
    tell(to, "registrar", "%s", facts->registrar[0] != '\0' ? facts->registrar : "reads the chain");
    if (facts->wallet[0] != '\0') {
        tell(to, "wallet", "%s", facts->wallet);
    }
    if (facts->failures > 0) {
        tell(to, "last failure", "%s (%" PRIu64 " s ago, %" PRIu64 " since the start)",
             facts->last_failure, since(facts->last_failure_s, now_s), facts->failures);
    }
}

static void tell_counts(const struct sheet *to, struct ct_tally *tally)
{
    for (size_t kind = 0; kind < CT_COUNTS; kind++) {
        uint64_t n = ct_tally_sum(tally, kind);
        struct ct_count_name name;
        char text[96];
        if (n == 0) {
            continue;
        }
        ct_count_name(&name, kind);
        (void)snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", name.family, name.label ? " " : "",
                       name.label ? name.label : "", name.label ? "=" : "",
                       name.label ? name.value : "", name.by ? " by=" : "", name.by ? name.by : "");
        tell(to, text, "%" PRIu64, n);
    }
}

void ct_status_allocation(struct ct_status *status, int change, bool is_pass)
{
    (void)atomic_fetch_add(&status->allocations, (uint64_t)(int64_t)change);
    if (is_pass) {
        (void)atomic_fetch_add(&status->allocations_passes, (uint64_t)(int64_t)change);
    }
}

void ct_status_rows(struct ct_status *status, uint64_t now_s, bool as_html, ct_status_row *row,
                    void *arg)
{
    const struct sheet to = {as_html, row, arg};
    struct ct_board_facts facts;
    ct_board_read(status->board, &facts);
    tell(&to, "mode", "%s", ct_mode_text(status->mode));
    tell_chain(&to, status, &facts, now_s);
    tell_sets(&to, status, now_s);
    tell_registrar(&to, &facts, now_s);
    tell(&to, "allocations", "%" PRIu64 ", %" PRIu64 " of them by passes",
         atomic_load(&status->allocations), atomic_load(&status->allocations_passes));
    tell_counts(&to, status->tally);
}
