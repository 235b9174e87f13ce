/* The peers that an allocation has just let in without a permission: not looked up for each packet.
 */
#ifndef CT_RELAY_GUESTS_H
#define CT_RELAY_GUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "ct_hooks.h"

enum { CT_GUESTS = 8 };

/* What lets them in holds for the rest of a second, and as long as nothing else is known. */
struct ct_guests_when {
    uint64_t state; /* ct_sets_state() */
    uint64_t second;
};

/* One allocation's, for its thread; all zero at first. */
struct ct_guests {
    struct ct_guests_when when;
    unsigned came; /* since then; the last CT_GUESTS of them are in peers */
    struct ct_endpoint peers[CT_GUESTS];
    struct ct_endpoint asked; /* port 0: nobody */
    struct ct_guests_when asked_when;
};

bool ct_guests_has(const struct ct_guests *guests, const struct ct_endpoint *peer,
                   const struct ct_guests_when *when);
/* The gate lets peer in; the server's own list has still to be asked. */
void ct_guests_ask(struct ct_guests *guests, const struct ct_endpoint *peer,
                   const struct ct_guests_when *when);
/* It has nothing against who asked last. */
void ct_guests_admit(struct ct_guests *guests);

#endif
