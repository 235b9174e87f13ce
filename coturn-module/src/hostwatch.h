/* Keeps the address policy current: interfaces come and go, names move. */
#ifndef CT_RELAY_HOSTWATCH_H
#define CT_RELAY_HOSTWATCH_H

#include <chainturn/err.h>
#include "backends.h"
#include "base/why.h"
#include "host.h"
#include "peers/sets.h"

/* Its thread's once it is started; zero at first. */
struct ct_hostwatch {
    const struct ct_host *host;
    const struct ct_relay_options *options;
    struct ct_sets *sets;
    struct ct_backends backends;
    struct ct_host_policy *first; /* as it was at the start: never freed by the thread */
    bool is_untold;               /* the system did not tell its addresses the last time */
};

/*
 * Everything is borrowed. Resolves the bundle's names, and asks for the interfaces: before threads
 * run. A name that does not resolve is told through host->log. CT_ERR_CONFIG as ct_host_check().
 */
CT_MUST_USE ct_err ct_hostwatch_open(struct ct_hostwatch *w, const struct ct_host *host,
                                     const struct ct_relay_options *options,
                                     const struct ct_bundle *bundle, struct ct_sets *sets,
                                     struct ct_why *why);
/* Looks again, and publishes what is new in sets. Returns ms until the next time. */
uint32_t ct_hostwatch_look(struct ct_hostwatch *w, uint64_t now_s);
/* Does so from a thread of its own, for a resolver takes its time; to the end of the process. */
CT_MUST_USE ct_err ct_hostwatch_start(struct ct_hostwatch *w, struct ct_why *why);
void ct_hostwatch_close(struct ct_hostwatch *w); /* one that was not started */

#endif
