/* Follows the chain: keeps relay set, WM keys and the relay's own standing current. */
#ifndef CT_RELAY_FOLLOW_H
#define CT_RELAY_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "chain/registry.h"
#include "follow/devfollow.h"
#include "follow/logfollow.h"
#include "life/record.h"
#include "life/registrar.h"
#include "peers/relaylist.h"

/* One thread's. config and chain are set by the owner, the rest is zero at first. */
struct ct_follow {
    const struct ct_registrar_config *config;
    struct ct_chain *chain;
    bool done; /* the chain was read: what follows holds */
    struct ct_log_head head;
    uint64_t view_number, view_time_s; /* the newest block that was read at */
    uint64_t at_ms;                    /* when all was read; 0: to be read again */
    uint64_t renewed_ms;               /* when expired relays were looked at */
    enum ct_standing standing;
    uint16_t index; /* of this relay's record, or 0 */
    uint16_t known; /* the index that an earlier run had; set by the owner */
    uint64_t saved_ms;
    struct ct_relaylist relays;
    struct ct_logfollow log;
    struct ct_devfollow devices;
    bool is_behind; /* more of log or devices is to be read at once */
    char told[480]; /* the failure told last */
    uint64_t told_ms;
};

/* Takes what an earlier run kept on disk. */
void ct_follow_load(struct ct_follow *f);
/*
 * Brings set, keys and standing up to date with the newest block that the endpoints agree on, and
 * the disk with them. One proof when nothing has changed. Errors of chain.h.
 */
CT_MUST_USE ct_err ct_follow_refresh(struct ct_follow *f, struct ct_why *why);
/* Makes the next refresh read everything. */
void ct_follow_reread(struct ct_follow *f);
/* Logs a failure; the same one again only after a minute. */
void ct_follow_tell(struct ct_follow *f, const char *event, const struct ct_why *why);

#endif
