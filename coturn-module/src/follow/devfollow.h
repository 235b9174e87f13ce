/* Follows the chain's events about devices: what is final goes into the book, the rest on top. */
#ifndef CT_RELAY_DEVFOLLOW_H
#define CT_RELAY_DEVFOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "peers/devbook.h"
#include "life/registrar.h"

/* One thread's. config and chain are set by the owner, the rest is zero at first. */
struct ct_devfollow {
    const struct ct_registrar_config *config;
    struct ct_chain *chain;
    struct ct_devbook *book;
    uint8_t done32[32]; /* hash of the block that all is current at */
    bool done;          /* that holds, and the set was published */
    uint16_t day;       /* of that block, days since 1970 */
    uint64_t span;      /* blocks to ask for at once */
    uint64_t saved_ms;
    bool is_unsaved;
};

/* Takes what an earlier run kept on disk. */
void ct_devfollow_load(struct ct_devfollow *f);
/*
 * Brings the set of devices up to view, whose proven head of the log is head, and the disk with it.
 * CT_ERR_AGAIN: there is more to read, call it again soon. CT_ERR_QUORUM: also when what endpoints
 * tell does not lead to head; then nothing is confirmed. CT_ERR_EXPIRED: view is behind what is
 * known; that stays, and nothing is confirmed. Else errors of chain.h and logs.h.
 */
CT_MUST_USE ct_err ct_devfollow_refresh(struct ct_devfollow *f, const struct ct_view *view,
                                        const struct ct_log_head *head, struct ct_why *why);

#endif
