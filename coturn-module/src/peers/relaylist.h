/* The relays of the chain as proofs show them, and the set that is made of them. */
#ifndef CT_RELAY_RELAYLIST_H
#define CT_RELAY_RELAYLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "chain/registry.h"
#include "follow/logfollow.h"
#include "life/registrar.h"

/* One thread's. config and chain are set by the owner, the rest is zero at first. */
struct ct_relaylist {
    const struct ct_registrar_config *config;
    struct ct_chain *chain;
    struct ct_relay *list; /* index 1 first */
    size_t count;
};

/* All of them, by proof against view. */
CT_MUST_USE ct_err ct_relaylist_read(struct ct_relaylist *l, const struct ct_view *view,
                                     struct ct_why *why);
/* Those that news names; the others are as they were. */
CT_MUST_USE ct_err ct_relaylist_read_some(struct ct_relaylist *l, const struct ct_view *view,
                                          const struct ct_lognews *news, struct ct_why *why);
/* Names the approved ones whose time is over: a renewal leaves no trace in the log. True: any. */
bool ct_relaylist_name_expired(const struct ct_relaylist *l, uint64_t time_s,
                               struct ct_lognews *news);
/* Makes the set of those in force at view the current one, unless it is, and saves it. */
CT_MUST_USE ct_err ct_relaylist_publish(struct ct_relaylist *l, const struct ct_view *view,
                                        const struct ct_log_head *head, struct ct_why *why);
/* Writes the current set to the disk, confirmed now. */
CT_MUST_USE ct_err ct_relaylist_save(struct ct_relaylist *l, struct ct_why *why);

#endif
