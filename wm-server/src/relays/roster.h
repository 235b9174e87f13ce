/* The relays as the contract lists them beside what the tests found, kept ready for who looks on.
 */
#ifndef CT_WM_ROSTER_H
#define CT_WM_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "chain/registry.h"
#include "store/store.h"

enum { CT_ROSTER_ROWS = 2048 };

struct ct_roster_row {
    bool listed; /* in the contract: relay is set */
    bool tested; /* by this platform: row is set */
    struct ct_relay relay;
    struct ct_relay_row row;
};

struct ct_roster;

CT_MUST_USE ct_err ct_roster_new(struct ct_roster **out);
void ct_roster_free(struct ct_roster *r); /* NULL is fine */
/*
 * Reads the contract's relays when its log has changed since the last time, the store's rows each
 * time, and joins them: relays by index, then proposals, those tested last first. In the thread
 * that chain belongs to. More than CT_ROSTER_ROWS are left out.
 */
CT_MUST_USE ct_err ct_roster_round(struct ct_roster *r, struct ct_chain *chain,
                                   const struct ct_view *view, struct ct_store *store,
                                   struct ct_why *why);
/* Rows from number `from` on, at most cap; *total is how many there are. Any thread. */
size_t ct_roster_get(struct ct_roster *r, size_t from, struct ct_roster_row *out, size_t cap,
                     size_t *total);

#endif
