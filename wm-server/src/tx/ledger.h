/* What the wallet manager asks the chain: the one seam between its decisions and the endpoints. */
#ifndef CT_WM_LEDGER_H
#define CT_WM_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "chain/bundle.h"
#include "chain/registry.h"
#include "chain/u256.h"

enum { CT_LEDGER_RELAYS_MAX = 1024 };

/*
 * Records proven at one agreed block each; *block and *time_s (may be NULL) are that block's.
 * CT_ERR_NOT_FOUND: proven absent. Class 3 (world): the chain could not be asked or believed.
 */
struct ct_ledger_ops {
    ct_err (*device)(void *arg, const char *identity, struct ct_device *out, uint64_t *block,
                     uint64_t *time_s, struct ct_why *why);
    ct_err (*relay)(void *arg, uint16_t index, struct ct_relay *out, uint64_t *block,
                    uint64_t *time_s, struct ct_why *why);
    ct_err (*pending)(void *arg, const uint8_t pending32[32], struct ct_relay *out,
                      uint64_t *time_s, struct ct_why *why);
    /* All relays; *count at most cap, else CT_ERR_ROOM. */
    ct_err (*relays)(void *arg, struct ct_relay *out, size_t cap, size_t *count, uint64_t *time_s,
                     struct ct_why *why);
    /* An account's nonce and ether, proven at one block. */
    ct_err (*account)(void *arg, const uint8_t addr20[20], uint64_t *nonce, struct ct_u256 *out_wei,
                      struct ct_why *why);
    /*
     * Not proven, only bounded: the gas of this call of the contract, and the most wei a unit of
     * gas that a transaction sent now should offer. CT_ERR_REFUSED: it would revert.
     */
    ct_err (*cost)(void *arg, const uint8_t from20[20], const void *data, size_t len, uint64_t *gas,
                   struct ct_u256 *fee_wei, struct ct_why *why);
};

struct ct_ledger {
    const struct ct_ledger_ops *ops;
    void *arg; /* belongs to one thread */
};

/* The ledger of a chain object, which is borrowed. */
struct ct_ledger ct_ledger_of_chain(struct ct_chain *chain);

#endif
