/* A contract whose owner names another one: devices go there, and remember it. */
#ifndef CT_CLIENT_MOVED_H
#define CT_CLIENT_MOVED_H

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "home_private.h"
#include "worker.h"

/* Puts the contract in bundle's place that HOME knows to follow it. CT_ERR_CONFIG: they go in a
 * circle. */
CT_MUST_USE ct_err ct_moved_follow(const struct ct_home *home, struct ct_bundle *bundle,
                                   struct ct_why *why);

/*
 * Has the contract a successor at view? CT_ERR_MOVED: it has, and HOME knows it now, so a client
 * that is opened anew is there. Else errors of the chain.
 */
CT_MUST_USE ct_err ct_moved_check(struct ct_worker_env *env, const struct ct_view *view,
                                  struct ct_why *why);

#endif
