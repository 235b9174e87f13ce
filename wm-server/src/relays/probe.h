/* The test of a relay: whose it is, a real allocation, data through it both ways, whom it lets in
 * uninvited, and what it must refuse. */
#ifndef CT_WM_PROBE_H
#define CT_WM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"
#include "api/pass.h"
#include "turn/addr.h"

struct ct_probe {
    const struct ct_pass_issuer *issuer;
    uint64_t chain_id; /* with the contract: what the relay's statement is signed for */
    const uint8_t *contract20;
    const struct ct_relay *relay; /* the proposal, or the record that is tested again */
    uint32_t timeout_ms;          /* for each family of addresses that it has */
    bool allow_private;           /* a network of one's own: private peers are not asked about */
    bool approves;                /* for a word on all of its addresses, not on what can be asked */
    struct ct_addr peer_at;       /* own address of the peer outside; family 0: any */
    uint64_t now_s;
};

/*
 * Blocks until the answer is known. Both families are tested when the relay has both. When this
 * host has no way to one of them, that one is left out, or, if the relay is to be approved, nothing
 * is tested: an address stands in the list only when it was. *rtt_us
 * is the relay's round trip. On any failure the sentence names the step and what the operator can
 * do: CT_ERR_TIMEOUT (no answer), CT_ERR_AUTH (the relay does not hold the key it registered, takes
 * no pass, or is another's), CT_ERR_REFUSED, CT_ERR_EXPIRED (something was wrong with what it did),
 * CT_ERR_SYSTEM (this host cannot test it now).
 */
CT_MUST_USE ct_err ct_probe_relay(const struct ct_probe *probe, uint32_t *rtt_us,
                                  struct ct_why *why);

#endif
