/* The parts that show, built and taken down in order. */
#include "observe.h"

#include <string.h>

#include "base/clock.h"

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

static ct_err start_watch(struct ct_observe *o, const struct ct_observe_parts *p,
                          const struct ct_log *log, struct ct_why *why)
{
    struct ct_watch_config c = {.bundle = p->bundle,
                                .account_count = 1,
                                .alert_days = p->settings->alert_days,
                                .wall_s = ct_wall_s,
                                .log = *log};
    c.accounts[0].role = "approver";
    memcpy(c.accounts[0].addr20, p->keys->approver.addr20, 20);
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
    ct_err err = start_watch(o, p, log, why);
    if (err != CT_OK || address == NULL) {
        return err;
    }
    const struct ct_operator_config c = {
        .address = address,
        .status = {.health = {.store = p->store,
                              .watch = o->watch,
                              .max_head_age_s = p->bundle->max_head_age_s,
                              .alert_days = p->settings->alert_days,
                              .wall_s = ct_wall_s},
                   .sessions = p->sessions,
                   .mono_ms = ct_mono_ms},
        .events = o->tee.events,
        .more = p->more,
        .more_arg = p->more_arg,
        .connections = 64,
        .per_ip = 64,
        .timeout_s = (unsigned)p->settings->timeout_s,
        .log = *log};
    return ct_operator_start(&o->op, &c, why);
}

void ct_observe_stop(struct ct_observe *o)
{
    ct_operator_stop(o->op);
    ct_loop_stop(o->watch_loop);
    ct_watch_free(o->watch);
    o->op = NULL;
    o->watch_loop = NULL;
    o->watch = NULL;
}

void ct_observe_free(struct ct_observe *o)
{
    ct_events_free(o->tee.events);
    o->tee.events = NULL;
}
