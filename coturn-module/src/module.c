/* The module as the server sees it: a table of handlers over one object; its start and its end. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "module_private.h"
#include "packets/counts.h"
#include "status/scrape.h"

/* A service manager waits longer than that before it kills. */
enum { WITHDRAWN_WITHIN_MS = 20000 };

struct ct_module ct_module = {.board = CT_BOARD_INIT};

static void to_server_log(enum ct_log_level level, const char *line, void *arg)
{
    const struct ct_module *m = arg;
    m->host->log(level == CT_LOG_ERROR  ? CT_HOOK_ERROR
                 : level == CT_LOG_WARN ? CT_HOOK_WARNING
                                        : CT_HOOK_INFO,
                 line);
}

/* Options are read before the server's log is there. */
static struct ct_relay_options *options(void)
{
    if (!ct_module.options_ready) {
        ct_relay_options_init(&ct_module.options);
        ct_module.options_ready = true;
    }
    return &ct_module.options;
}

static bool on_option(int id, const char *value)
{
    struct ct_why why;
    if (ct_relay_options_set(options(), id, value, &why) == CT_OK) {
        return true;
    }
    (void)fprintf(stderr, "turnserver: %s\n", why.text);
    return false;
}

static bool on_unknown_key(const char *key)
{
    struct ct_why why;
    if (ct_relay_options_unknown(key, &why) == CT_OK) {
        return true;
    }
    (void)fprintf(stderr, "turnserver: %s\n", why.text);
    return false;
}

static enum ct_configured on_configure(const struct ct_host *host)
{
    struct ct_module *m = &ct_module;
    if (!options()->any) {
        return CT_CONFIGURED_OFF;
    }
    m->host = host;
    m->log = (struct ct_log){.sink = to_server_log, .arg = m, .max = CT_LOG_INFO};
    struct ct_why why = {""};
    if (ct_module_configure(m, &why) != CT_OK) {
        ct_log(&m->log, CT_LOG_ERROR, "%s", why.text);
        (void)fprintf(stderr, "turnserver: %s\n", why.text);
        return CT_CONFIGURED_FAIL;
    }
    ct_log(&m->log, CT_LOG_INFO, "configured mode=%s chain_id=%" PRIu64 " ports=%u-%u max_age_s=%u",
           ct_mode_text(m->options.mode), m->bundle.chain_id, host->port_min, host->port_max,
           m->options.max_age_s);
    return CT_CONFIGURED_ON;
}

static void write_metrics(void *arg, FILE *out)
{
    struct ct_module *m = arg;
    ct_status_metrics(&m->status, ct_wall_s(), out);
}

/* To the end of the process: there is nothing to save. */
static ct_err start_metrics(struct ct_module *m, struct ct_why *why)
{
    struct ct_scrape *scrape = NULL;
    struct ct_scrape_config config = {m->options.metrics, write_metrics, m};
    return m->options.metrics.family != 0 ? ct_scrape_start(&scrape, &config, why) : CT_OK;
}

static bool on_start(void)
{
    struct ct_module *m = &ct_module;
    struct ct_why why = {""};
    if (start_metrics(m, &why) != CT_OK || ct_portkeeper_start(m->ports, &why) != CT_OK ||
        ct_hostwatch_start(&m->watch, &why) != CT_OK ||
        ct_registrar_start(m->registrar, &why) != CT_OK) {
        ct_log(&m->log, CT_LOG_ERROR, "%s", why.text);
        return false;
    }
    ct_log(&m->log, CT_LOG_INFO, "started");
    return true;
}

static void on_stop(void)
{
    struct ct_module *m = &ct_module;
    if (m->registrar && m->options.withdraw_on_stop) {
        ct_registrar_leave(m->registrar);
        bool gone = ct_registrar_await_gone(m->registrar, WITHDRAWN_WITHIN_MS);
        ct_log(&m->log, gone ? CT_LOG_INFO : CT_LOG_WARN, "%s",
               gone ? "withdrawn_on_stop"
                    : "not_withdrawn_on_stop: the chain lists this relay still; its transaction is "
                      "gone on with at the next start");
    }
    if (m->registrar) {
        ct_registrar_stop(m->registrar);
    }
    ct_portkeeper_stop(m->ports);
    ct_counts_tell(&m->tally, &m->log);
}

static void on_drain(void)
{
    struct ct_module *m = &ct_module;
    if (!ct_drain_begin(&m->drain, ct_mono_ms())) {
        return;
    }
    ct_log(&m->log, CT_LOG_INFO, "draining allocations=%" PRIu32 " limit_s=%" PRIu32,
           atomic_load(&m->drain.allocations), m->options.drain_limit_s);
    ct_registrar_leave(m->registrar);
}

void ct_module_leaving(void *arg, bool gone)
{
    struct ct_module *m = arg;
    if (ct_drain_is_over(&m->drain, gone, m->options.drain_limit_s, ct_mono_ms())) {
        ct_log(&m->log, CT_LOG_INFO, "drained allocations=%" PRIu32 "%s",
               atomic_load(&m->drain.allocations), gone ? "" : " (and not withdrawn)");
        ct_counts_tell(&m->tally, &m->log);
        m->host->end(0);
    }
}

static void on_status(ct_status_row *row, void *arg, bool as_html)
{
    ct_status_rows(&ct_module.status, ct_wall_s(), as_html, row, arg);
}

static size_t on_owner(uint8_t out[CT_HOOK_OWNER_MAX])
{
    return ct_own_statement_read(&ct_module.statement, out, ct_wall_coarse_s());
}

const struct ct_hooks ct_module_hooks = {
    .abi = CT_HOOKS_ABI,
    .name = "chainturn",
    .option = on_option,
    .unknown_key = on_unknown_key,
    .configure = on_configure,
    .start = on_start,
    .stop = on_stop,
    .drain = on_drain,
    .may_allocate = ct_on_may_allocate,
    .peer_ok = ct_on_peer_ok,
    .gate = ct_on_gate,
    .admitted = ct_on_admitted,
    .relay = ct_on_relay,
    .stream = ct_on_stream,
    .permitted = ct_on_permitted,
    .answer = ct_on_answer,
    .sign_on = ct_on_sign_on,
    .renews = ct_on_renews,
    .password = ct_on_password,
    .old_password = ct_on_old_password,
    .session = ct_on_session,
    .status = on_status,
    .owner = on_owner,
    .allocation = ct_on_allocation,
    .port_had = ct_on_port_had,
    .port_kept = ct_on_port_kept,
};
