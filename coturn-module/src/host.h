/* The address policy of this very host: its own addresses, what it depends on, what is denied. */
#ifndef CT_RELAY_HOST_H
#define CT_RELAY_HOST_H

#include <chainturn/err.h>
#include "backends.h"
#include "base/why.h"
#include "ct_hooks.h"
#include "options.h"
#include "packets/policy.h"

/* Immutable once it is made; free() frees it. */
struct ct_host_policy {
    struct ct_policy policy; /* points into all; the first member, so that a policy frees it */
    bool knows_own;          /* the system told the addresses of its interfaces, now or before */
    int untold_errno;        /* why it does not tell them now; 0: it does */
    size_t count;
    struct ct_endpoint all[];
};

/*
 * Asks the system for its interfaces; while it does not tell them, those of before, the policy that
 * holds now, stay; NULL: there is none. CT_ERR_NOMEM.
 */
CT_MUST_USE ct_err ct_host_policy_make(struct ct_host_policy **out, const struct ct_host *host,
                                       const struct ct_relay_options *options,
                                       const struct ct_backends *backends,
                                       const struct ct_host_policy *before, struct ct_why *why);
/* CT_ERR_CONFIG when the server's options contradict the filter. */
CT_MUST_USE ct_err ct_host_check(const struct ct_policy *policy, const struct ct_host *host,
                                 const struct ct_relay_options *options, struct ct_why *why);
/* Of the same host and options: are all addresses the same? */
bool ct_host_policy_equal(const struct ct_host_policy *a, const struct ct_host_policy *b);

#endif
