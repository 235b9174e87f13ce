/* The relayed ports of this host that holders of passes have right now. */
#ifndef CT_RELAY_LIVE_H
#define CT_RELAY_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ct_hooks.h"

/* Written and read by any thread. addrs is set before; the ports are all zero at first. */
struct ct_live {
    const struct ct_endpoint *addrs; /* this host's relayed addresses as peers see them */
    size_t addr_count;
    _Atomic uint64_t ports[2][65536 / 64]; /* IPv4, IPv6: a bit a port */
    _Atomic uint64_t endings;              /* how often one went away */
};

void ct_live_set(struct ct_live *live, const struct ct_endpoint *relayed, bool is_live);
bool ct_live_has(const struct ct_live *live, const struct ct_endpoint *peer);

#endif
