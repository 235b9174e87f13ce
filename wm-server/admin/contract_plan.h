/* What a move to a new contract comes to: each relay and device of the old one, and what becomes of
 * it. */
#ifndef CT_WM_ADMIN_CONTRACT_PLAN_H
#define CT_WM_ADMIN_CONTRACT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/chain.h"
#include "chain/registry.h"
#include "store/store.h"

enum admin_fate {
    ADMIN_MOVES,
    ADMIN_IS_THERE,
    ADMIN_STAYS, /* for the reason why */
};

struct admin_relay_move {
    uint16_t index;
    struct ct_relay record; /* in the old contract */
    enum admin_fate fate;
    const char *why; /* static */
};

struct admin_device_move {
    uint8_t hash32[32];
    char name[CT_STORE_IDENTITY]; /* "": the old store does not know it */
    enum admin_fate fate;
    const char *why; /* static */
};

/* One of the two contracts. */
struct admin_side {
    struct ct_bundle bundle;
    struct ct_chain *chain;
    struct ct_view view;
};

struct admin_plan {
    struct admin_relay_move *relays;
    size_t relay_count;
    struct admin_device_move *devices; /* by hash */
    size_t device_count, room;
};

/*
 * Relays by index; devices by the names in the old store and by the old contract's events from
 * from_block on; each record proven, here and there. Free it also after an error.
 */
CT_MUST_USE ct_err admin_plan_make(struct admin_plan *out, struct admin_side *from,
                                   struct admin_side *to, struct ct_store *old_store,
                                   uint64_t from_block, struct ct_why *why);
void admin_plan_free(struct admin_plan *plan);

/* Of all relays or devices, how many have that fate. */
size_t admin_plan_relays(const struct admin_plan *plan, enum admin_fate fate);
size_t admin_plan_devices(const struct admin_plan *plan, enum admin_fate fate);
/* The numbers, and what stays with its reason. */
void admin_plan_print(const struct admin_plan *p, uint64_t block);
/* Its name, or its hash in `hash`. */
const char *admin_device_name(const struct admin_device_move *d, char hash[67]);

#endif
