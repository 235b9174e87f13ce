/* Vetting of relays: each proposal is read, compared with the approved ones and tested; in its own
 * thread, since a test waits for a stranger's network. */
#ifndef CT_WM_VET_H
#define CT_WM_VET_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "base/why.h"
#include "tx/ledger.h"
#include "service/loop.h"
#include "api/pass.h"
#include "turn/addr.h"
#include "store/store.h"

/* How a proposal is tested; ct_probe_relay() but for tests of this file. */
struct ct_probe;
typedef ct_err ct_vet_probe(const struct ct_probe *probe, uint32_t *rtt_us, struct ct_why *why);

struct ct_vet {
    struct ct_ledger ledger; /* the vetting thread's own */
    struct ct_store *store;
    struct ct_pass_issuer issuer;
    uint64_t chain_id; /* what relays' statements are signed for */
    uint8_t contract20[20];
    ct_vet_probe *probe;
    uint32_t probe_timeout_ms;
    uint64_t approval_days;
    bool allow_private;
    struct ct_addr probe_at; /* where the test's peer is; family 0: anywhere */
    uint64_t (*wall_s)(void);
    void (*passed)(void *arg); /* an approval waits to be sent; may be NULL */
    void *passed_arg;
    struct ct_log log;
};

/* One round: every proposal that waits. A chain that cannot be asked leaves them waiting. */
void ct_vet_round(void *vet, struct ct_loop *loop);
/* The one that is given: moves its operation on, or leaves it when the chain cannot be asked. */
void ct_vet_one(struct ct_vet *vet, const struct ct_op *op);

#endif
