/* The parts that show, built and taken down in order. */
#include "service/observe.h"

#include <stdio.h>
#include <string.h>

#include "operator/audit.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/secret.h"
#include "chain/keccak.h"
#include "chain/key.h"
#include "store/store_observed.h"

enum {
    CONF_MAX = 65536,
    APPROVER_GAS = 5000000, /* 64 registrations, with room */
    PAYMENT_GAS = 21000,
};

ct_err ct_observe_log(struct ct_observe *o, struct ct_log *log, const struct ct_settings *settings,
                      struct ct_why *why)
{
    o->tee.is_json = settings->log_json;
    if (ct_events_new(&o->tee.events) != CT_OK) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    *log = ct_tee_log(&o->tee, settings->level);
    return CT_OK;
}

ct_err ct_observe_begun(struct ct_store *store, const char *conf_path,
                        const struct ct_bundle *bundle, struct ct_why *why)
{
    static char text[CONF_MAX];
    char digest[67];
    char contract[CT_ADDR_TEXT_LEN];
    char chain[24];
    uint8_t hash32[32];
    size_t len = 0;
    ct_err err = ct_file_read(text, sizeof text, &len, conf_path, false, why);
    if (err != CT_OK) {
        return err;
    }
    ct_keccak256(hash32, text, len);
    ct_hex0x(digest, hash32, sizeof hash32);
    ct_addr_text(contract, bundle->contract20);
    (void)snprintf(chain, sizeof chain, "%llu", (unsigned long long)bundle->chain_id);
    const struct ct_audit_field fields[] = {
        {"configuration", conf_path}, {"digest", digest}, {"chain", chain}, {"contract", contract}};
    err = ct_audit(ct_store_audit(store), "configuration_loaded", fields, 4);
    return err == CT_OK ? CT_OK
                        : ct_why(why, err, "the audit log cannot be written; check its disk");
}

struct ct_watch_alerts ct_settings_alerts(const struct ct_settings *s)
{
    return (struct ct_watch_alerts){.days = s->alert_days,
                                    .most_ether = (double)s->alert_most_gwei / 1e9};
}

static ct_err start_watch(struct ct_observe *o, const struct ct_observe_parts *p,
                          const struct ct_log *log, struct ct_why *why)
{
    if (ct_roster_new(&o->roster) != CT_OK) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    struct ct_watch_config c = {.bundle = p->bundle,
                                .store = p->store,
                                .roster = o->roster,
                                .account_count = 1,
                                .alerts = ct_settings_alerts(p->settings),
                                .wall_s = ct_wall_s,
                                .log = *log};
    c.accounts[0].role = "approver";
    c.accounts[0].gas = APPROVER_GAS;
    memcpy(c.accounts[0].addr20, p->keys->approver.addr20, 20);
    if (p->settings->funder_path != NULL) {
        c.account_count = 2;
        c.accounts[1].role = "funder";
        c.accounts[1].gas = p->settings->gas_most + PAYMENT_GAS;
        memcpy(c.accounts[1].addr20, p->keys->funder.addr20, 20);
    }
    ct_err err = ct_watch_new(&o->watch, &c, why);
    if (err == CT_OK &&
        ct_loop_start(&o->watch_loop, CT_WATCH_PERIOD_MS, ct_watch_round, o->watch) != CT_OK) {
        err = ct_why(why, CT_ERR_SYSTEM, "cannot start a thread");
    }
    return err;
}

ct_err ct_observe_start(struct ct_observe *o, const struct ct_observe_parts *p,
                        const struct ct_log *log, struct ct_why *why)
{
    const char *address = ct_settings_operator(p->settings);
    ct_err err = ct_operator_tls_load(&o->tls, p->settings, why);
    if (err == CT_OK) {
        err = start_watch(o, p, log, why);
    }
    if (err != CT_OK || address == NULL) {
        return err;
    }
    struct ct_operator_config c = {
        .address = address,
        .tls = ct_operator_tls(o->tls),
        .status = {.health = {.store = p->store,
                              .watch = o->watch,
                              .max_head_age_s = p->bundle->max_head_age_s,
                              .leads = p->leads,
                              .leads_arg = p->leads_arg,
                              .wall_s = ct_wall_s},
                   .sessions = p->sessions,
                   .roster = o->roster,
                   .audit = ct_store_audit(p->store),
                   .leases = p->leases,
                   .lease_count = p->lease_count,
                   .chain_id = p->bundle->chain_id,
                   .mono_ms = ct_mono_ms},
        .events = o->tee.events,
        .more = p->more,
        .more_arg = p->more_arg,
        .connections = 64,
        .per_ip = 64,
        .timeout_s = (unsigned)p->settings->timeout_s,
        .log = *log};
    memcpy(c.status.contract20, p->bundle->contract20, 20);
    return ct_operator_start(&o->op, &c, why);
}

void ct_observe_stop(struct ct_observe *o)
{
    ct_operator_stop(o->op);
    ct_loop_stop(o->watch_loop);
    ct_watch_free(o->watch);
    ct_roster_free(o->roster);
    ct_operator_tls_free(o->tls);
    o->op = NULL;
    o->tls = NULL;
    o->watch_loop = NULL;
    o->watch = NULL;
    o->roster = NULL;
}

void ct_observe_free(struct ct_observe *o)
{
    ct_events_free(o->tee.events);
    o->tee.events = NULL;
}
