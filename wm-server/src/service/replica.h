/* This server as one of several on a store: its name among them, and its leases. */
#ifndef CT_WM_REPLICA_H
#define CT_WM_REPLICA_H

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "service/lease.h"
#include "service/loop.h"
#include "service/settings.h"
#include "store/store.h"

enum { CT_ACCOUNT_APPROVER, CT_ACCOUNT_FUNDER, CT_ACCOUNTS };

/* Starts as zeros. */
struct ct_replica {
    char holder[CT_LEASE_HOLDER];
    struct ct_lease *leases[CT_ACCOUNTS]; /* the first count of them */
    struct ct_loop *loops[CT_ACCOUNTS];
    size_t count;
    uint64_t life_ms;
};

struct ct_replica_parts { /* borrowed until ct_replica_free() */
    const struct ct_settings *settings;
    const struct ct_keys *keys;
    const struct ct_bundle *bundle;
    struct ct_store *store;
    void (*taken)(void *arg); /* a lease was taken: work waits, perhaps */
    void *taken_arg;
};

/*
 * Makes sure that the store is this deployment's (CT_ERR_CONFIG), makes the leases, and asks for
 * each of them once, so that a server which is alone leads from the start.
 */
CT_MUST_USE ct_err ct_replica_join(struct ct_replica *r, const struct ct_replica_parts *parts,
                                   const struct ct_log *log, struct ct_why *why);
/* From now on they are renewed, and asked for, in threads. */
CT_MUST_USE ct_err ct_replica_run(struct ct_replica *r, struct ct_why *why);
/* From now on nobody is told that a lease was taken. */
void ct_replica_quiet(struct ct_replica *r);
/* When all work under them has ended: gives them back. */
void ct_replica_leave(struct ct_replica *r);
void ct_replica_free(struct ct_replica *r);

/* For struct ct_health; arg is a struct ct_replica. */
enum ct_leads ct_replica_leads(void *replica, char *words, size_t cap);

#endif
