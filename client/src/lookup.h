/* What the client reads from the chain, proof-checked; in the worker's thread. */
#ifndef CT_CLIENT_LOOKUP_H
#define CT_CLIENT_LOOKUP_H

#include <chainturn/err.h>
#include "chain/chain.h"
#include "worker.h"

/*
 * Errors of all: CT_ERR_QUORUM and CT_ERR_CHAIN for whatever is wrong with endpoints or chain, so
 * that a caller can tell them from trouble with relays and the wallet manager.
 */
CT_MUST_USE ct_err ct_lookup_view(struct ct_worker_env *env, struct ct_view *out,
                                  struct ct_why *why);
/* The record at view, of whatever state. CT_ERR_NOT_FOUND. */
CT_MUST_USE ct_err ct_lookup_device(struct ct_worker_env *env, const struct ct_view *view,
                                    const char *identity, struct ct_device *out,
                                    struct ct_why *why);
/* An approved device and its relay, when that can be used. CT_ERR_NOT_FOUND, CT_ERR_NOT_APPROVED.
 * CT_ERR_AUTH: the name is pinned to another wallet. */
CT_MUST_USE ct_err ct_lookup_found(struct ct_worker_env *env, const char *identity,
                                   struct ct_found *out, struct ct_why *why);
/* The same, whoever the name is pinned to: for somebody who means to pin it anew. */
CT_MUST_USE ct_err ct_lookup_whoever(struct ct_worker_env *env, const char *identity,
                                     struct ct_found *out, struct ct_why *why);
/* All relays ever approved; *out is freed with free(). */
CT_MUST_USE ct_err ct_lookup_relays(struct ct_worker_env *env, const struct ct_view *view,
                                    struct ct_relay **out, size_t *count, struct ct_why *why);
/* The wallet manager's account, opened with its keys of the chain; env->wm. */
CT_MUST_USE ct_err ct_lookup_wm(struct ct_worker_env *env, const struct ct_view *view,
                                struct ct_why *why);
/* The same, with the keys that the contract lists now. */
CT_MUST_USE ct_err ct_lookup_wm_fresh(struct ct_worker_env *env, const struct ct_view *view,
                                      struct ct_why *why);

#endif
