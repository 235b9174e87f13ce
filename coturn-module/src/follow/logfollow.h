/* Follows the contract's log, entry by entry, to the head that a proof shows. */
#ifndef CT_RELAY_LOGFOLLOW_H
#define CT_RELAY_LOGFOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "chain/registry_log.h"
#include "follow/logfile.h"
#include "life/registrar.h"

enum { CT_LOGMARKS = 64 };

/* What the entries that were read have changed. */
struct ct_lognews {
    uint64_t after;  /* entries up to this number are no news of relays and keys */
    bool relays_all; /* entries were undone: any relay may be another */
    bool keys;
    uint64_t relays[(CT_RELAY_INDEX_MAX + 64) / 64]; /* a bit an index */
};

/* One thread's. config and chain are set by the owner, the rest is zero at first. */
struct ct_logfollow {
    const struct ct_registrar_config *config;
    struct ct_chain *chain;
    struct ct_logmark marks[CT_LOGMARKS]; /* the newest last: to go back to when blocks vanish */
    size_t mark_count;
    bool is_proven; /* the newest mark's head is the contract's, by proof */
    uint64_t span;  /* blocks to ask for at once */
    uint64_t saved_ms;
};

/* Takes what an earlier run kept on disk: where it stood, and which passes are revoked. */
void ct_logfollow_load(struct ct_logfollow *f);
/*
 * Reads up to view, whose proven head is head; passes that are revoked on the way are told to
 * config->passes and config->pass_revoked. CT_OK: all entries up to view are known, and lead to
 * head. CT_ERR_AGAIN: there is more to read, call it again soon. CT_ERR_QUORUM: what the endpoints
 * tell does not lead to head. news is added to in any case. Else errors of chain.h.
 */
CT_MUST_USE ct_err ct_logfollow_refresh(struct ct_logfollow *f, const struct ct_view *view,
                                        const struct ct_log_head *head, struct ct_lognews *news,
                                        struct ct_why *why);

bool ct_lognews_has(const struct ct_lognews *news, uint16_t index);
void ct_lognews_name(struct ct_lognews *news, uint16_t index); /* up to CT_RELAY_INDEX_MAX */

#endif
