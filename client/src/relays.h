/* The relay a device lives on: out of the approved ones, by measured round trip, and kept. */
#ifndef CT_CLIENT_RELAYS_H
#define CT_CLIENT_RELAYS_H

#include <chainturn/err.h>
#include "base/why.h"
#include "chain/registry.h"

struct ct_relay_choice {
    struct ct_relay relay;
    uint32_t rtt_us;
};

/*
 * Measures the approved relays and chooses. The one of index `kept` (0: none) is taken whenever it
 * is approved and answers. Blocks for about a second. CT_ERR_IO: none is approved, or none answers.
 */
CT_MUST_USE ct_err ct_relays_choose(struct ct_relay_choice *out, const struct ct_relay *relays,
                                    size_t count, uint16_t kept, uint64_t time_s,
                                    struct ct_why *why);
/* That one, and no other. CT_ERR_IO: it is not approved, or does not answer. */
CT_MUST_USE ct_err ct_relays_take(struct ct_relay_choice *out, const struct ct_relay *relays,
                                  size_t count, uint16_t index, uint64_t time_s,
                                  struct ct_why *why);
/* The round trips to all that are approved at time_s, 0 for the others. */
CT_MUST_USE ct_err ct_relays_measure(uint32_t *rtt_us, const struct ct_relay *relays, size_t count,
                                     uint64_t time_s, struct ct_why *why);

#endif
