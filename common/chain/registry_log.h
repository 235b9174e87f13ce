/* The contract's log: its entries from events, and the head that they have to lead to. */
#ifndef CT_CHAIN_REGISTRY_LOG_H
#define CT_CHAIN_REGISTRY_LOG_H

#include <chainturn/err.h>
#include "chain/logs.h"
#include "chain/registry.h"

/* IRegistry.sol, LogKind: the numbers are hashed and never change. */
enum ct_log_kind {
    CT_LOG_RELAY_APPROVED = 1,
    CT_LOG_RELAY_REVOKED = 2,
    CT_LOG_RELAY_WITHDRAWN = 3,
    CT_LOG_RELAY_REINSTATED = 4,
    CT_LOG_PASS_REVOKED = 5,
    CT_LOG_CLIENT_REVOKED = 6,
    CT_LOG_WM_KEY_SET = 7,
};

struct ct_log_entry {
    uint64_t block;
    uint64_t number; /* from 1 */
    uint8_t kind;    /* enum ct_log_kind, or one that a later contract has */
    uint8_t subject32[32];
    uint8_t detail32[32];
};

struct ct_log_entries {
    struct ct_log_entry *list; /* in the order of the chain; ct_log_entries_free() */
    size_t count;
    uint8_t before32[32]; /* hash of the block before the first */
    uint8_t last32[32];   /* hash of the last block */
};

/* Blocks from to to, both included. Errors of ct_chain_logs(). */
CT_MUST_USE ct_err ct_registry_log_entries(struct ct_chain *chain, uint64_t from, uint64_t to,
                                           struct ct_log_entries *out, struct ct_why *why);
void ct_log_entries_free(struct ct_log_entries *entries);

/* An entry as an event tells it. CT_ERR_FORMAT: not in a form that this version knows. */
CT_MUST_USE ct_err ct_log_entry_read(struct ct_log_entry *out, const struct ct_logged *log);

/* The head after entry. CT_ERR_FORMAT: it is not the next one. */
CT_MUST_USE ct_err ct_log_head_next(struct ct_log_head *head, const struct ct_log_entry *entry);

#endif
