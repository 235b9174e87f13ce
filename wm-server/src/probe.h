/* The test of a relay: a real allocation, data through it both ways, and what it must refuse. */
#ifndef CT_WM_PROBE_H
#define CT_WM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "pass.h"
#include "turn/addr.h"

struct ct_probe {
    const struct ct_pass_issuer *issuer;
    const struct ct_relay *relay; /* the proposal */
    uint32_t timeout_ms;          /* for all of it */
    bool allow_loopback;          /* tests on one host: do not ask that loopback is refused */
    struct ct_addr peer_at;       /* own address of the peer outside; family 0: any */
    uint64_t now_s;
};

/*
 * Blocks until the answer is known. *rtt_us is the relay's round trip. On any failure the sentence
 * names the step and what the operator can do: CT_ERR_TIMEOUT (no answer), CT_ERR_AUTH (the relay
 * does not hold the key it registered, or takes no pass), CT_ERR_REFUSED (something was wrong with
 * what it did), CT_ERR_SYSTEM.
 */
CT_MUST_USE ct_err ct_probe_relay(const struct ct_probe *probe, uint32_t *rtt_us,
                                  struct ct_why *why);

#endif
