/* Everything that shows the running server: its log, live events, the watch over chain and
 * accounts, the operators' listener. */
#ifndef CT_WM_OBSERVE_H
#define CT_WM_OBSERVE_H

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "http/http.h"
#include "service/loop.h"
#include "operator/operator.h"
#include "operator/operator_tls.h"
#include "http/sessions.h"
#include "service/settings.h"
#include "store/store.h"
#include "operator/tee.h"
#include "operator/watch.h"

/* Starts as zeros. */
struct ct_observe {
    struct ct_tee tee;
    struct ct_watch *watch;
    struct ct_roster *roster;
    struct ct_loop *watch_loop;
    struct ct_operator *op;      /* NULL: the settings want none */
    struct ct_operator_tls *tls; /* NULL: plain */
};

struct ct_observe_parts { /* borrowed until the stop */
    const struct ct_settings *settings;
    const struct ct_bundle *bundle;
    const struct ct_keys *keys;
    struct ct_store *store;
    struct ct_sessions *sessions;
    /* Who may use the signing keys (health.h); NULL: this process alone. */
    enum ct_leads (*leads)(void *arg, char *words, size_t cap);
    void *leads_arg;
    struct ct_lease *const *leases;
    size_t lease_count;
    ct_http_handler *more; /* what else the operators' listener answers; may be NULL */
    void *more_arg;
};

/* The server's log, from here to ct_observe_free(). */
CT_MUST_USE ct_err ct_observe_log(struct ct_observe *o, struct ct_log *log,
                                  const struct ct_settings *settings, struct ct_why *why);
CT_MUST_USE ct_err ct_observe_start(struct ct_observe *o, const struct ct_observe_parts *parts,
                                    const struct ct_log *log, struct ct_why *why);
/* The audit log's line of a start or a reload: by which configuration, for which contract. */
CT_MUST_USE ct_err ct_observe_begun(struct ct_store *store, const char *conf_path,
                                    const struct ct_bundle *bundle, struct ct_why *why);
/* What the log warns of. */
struct ct_watch_alerts ct_settings_alerts(const struct ct_settings *s);
/* Last of all that uses store and chain. */
void ct_observe_stop(struct ct_observe *o);
/* After the last line of the log. */
void ct_observe_free(struct ct_observe *o);

#endif
