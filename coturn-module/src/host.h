/* The address policy of this very host: its own addresses, what it depends on, what is denied. */
#ifndef CT_RELAY_HOST_H
#define CT_RELAY_HOST_H

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/bundle.h"
#include "ct_hooks.h"
#include "options.h"
#include "packets/policy.h"

enum { CT_HOST_OWN_MAX = 128, CT_HOST_BACKENDS_MAX = 64, CT_HOST_BROADCASTS_MAX = 64 };

struct ct_host_policy {
    struct ct_policy policy; /* points into the arrays below */
    struct ct_endpoint own[CT_HOST_OWN_MAX];
    struct ct_endpoint relayed[CT_HOST_OWN_MAX];
    struct ct_endpoint backends[CT_HOST_BACKENDS_MAX];
    struct ct_endpoint broadcasts[CT_HOST_BROADCASTS_MAX];
};

/*
 * Asks the system for its interfaces and resolves the bundle's host names, so before threads run.
 * A name that does not resolve is reported through host->log and left out. CT_ERR_CONFIG when the
 * server's options contradict the filter.
 */
CT_MUST_USE ct_err ct_host_policy_make(struct ct_host_policy *out, const struct ct_host *host,
                                       const struct ct_relay_options *options,
                                       const struct ct_bundle *bundle, struct ct_why *why);

#endif
