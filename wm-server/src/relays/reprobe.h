/* Approved relays are tested again and again: one that keeps failing is revoked after a grace, and
 * reinstated when it answers again; in a thread of its own. What a person revoked stays revoked. */
#ifndef CT_WM_REPROBE_H
#define CT_WM_REPROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/log.h"
#include "tx/ledger.h"
#include "service/loop.h"
#include "api/pass.h"
#include "store/store.h"
#include "turn/addr.h"
#include "relays/vet.h"

struct ct_reprobe_bounds {
    uint64_t every_s; /* between two tests of a relay, a little more or less; 0: none */
    uint64_t strikes; /* failures in a row that revoke; 0: none do */
    uint64_t grace_s; /* that they must span at least */
    uint32_t timeout_ms;
    bool allow_private;
};

struct ct_reprobe {
    struct ct_ledger ledger; /* this thread's own */
    struct ct_store *store;
    struct ct_pass_issuer issuer;
    uint64_t chain_id; /* what relays' statements are signed for */
    uint8_t contract20[20];
    ct_vet_probe *probe;
    struct ct_addr probe_at;
    uint8_t approver20[20]; /* asks for its own operations, so that nobody else's are taken for them
                             */
    struct ct_reprobe_bounds bounds;
    uint64_t (*wall_s)(void);
    void (*queued)(void *arg); /* an operation waits to be sent; may be NULL */
    void *queued_arg;
    struct ct_log log;

    /* its own */
    uint64_t next_s;         /* nothing is due before */
    uint64_t witness_s;      /* when a relay last passed */
    struct ct_relay witness; /* which; index 0: none */
    struct ct_relay *list;   /* of the round under way */
    size_t count;
};

/*
 * Tests what is due. A failure is a strike only when another relay passes at the time: when none
 * does it may be this host's own network, and nobody is revoked for that. For ct_loop_start().
 */
void ct_reprobe_round(void *reprobe, struct ct_loop *loop);

#endif
