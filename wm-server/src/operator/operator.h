/* What an operator sees of a running server, on a listener of its own that only reads. */
#ifndef CT_WM_OPERATOR_H
#define CT_WM_OPERATOR_H

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "operator/events.h"
#include "operator/health.h"
#include "http/http.h"
#include "http/sessions.h"
#include "operator/status.h"
#include "store/store.h"
#include "operator/watch.h"

struct ct_operator_config {
    const char *address;           /* ADDRESS:PORT; port 0 picks one */
    const struct ct_http_tls *tls; /* NULL: plain, which only loopback may be; see operator_tls.h */
    struct ct_status status;
    struct ct_events *events;
    ct_http_handler *more; /* what this file does not know; NULL: 404 */
    void *more_arg;
    unsigned connections, per_ip, timeout_s;
    struct ct_log log;
};

struct ct_operator;

/* All that the configuration names is borrowed until the stop. */
CT_MUST_USE ct_err ct_operator_start(struct ct_operator **out,
                                     const struct ct_operator_config *config, struct ct_why *why);
uint16_t ct_operator_port(const struct ct_operator *o);
/* Ends the event streams first. NULL is fine. */
void ct_operator_stop(struct ct_operator *o);

/* The routing table, for the check against openapi-operator.json: false past its end. */
bool ct_operator_route_at(size_t i, const char **method, const char **path);

/* wm-server/openapi-operator.json as it was built in. */
extern const char ct_openapi_operator[];
extern const size_t ct_openapi_operator_len;

#endif
