/* Pins: names whose wallet this device has been told to hold on to, whatever the contract says. */
#ifndef CT_CLIENT_PINS_H
#define CT_CLIENT_PINS_H

#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/chain.h"
#include "home.h"
#include "worker.h"

struct ct_pin {
    char identity[64];
    uint8_t wallet20[20];
    uint64_t block;    /* at which its record was seen with this wallet last */
    uint16_t sequence; /* that it had there */
};

/* CT_ERR_NOT_FOUND: not pinned. CT_ERR_CONFIG: the file is spoilt, which is no leave to call. */
CT_MUST_USE ct_err ct_pin_load(const struct ct_home *home, const char *identity, struct ct_pin *out,
                               struct ct_why *why);
CT_MUST_USE ct_err ct_pin_save(const struct ct_home *home, const struct ct_pin *pin,
                               struct ct_why *why);
void ct_pin_drop(const struct ct_home *home, const char *identity);

/*
 * Does the record found at view belong to the wallet that is pinned, if one is? CT_ERR_AUTH says
 * what became of the pinned one, by the contract's events as k endpoints tell them, and what to do.
 */
CT_MUST_USE ct_err ct_pin_check(struct ct_worker_env *env, const struct ct_view *view,
                                const struct ct_found *found, struct ct_why *why);

#endif
