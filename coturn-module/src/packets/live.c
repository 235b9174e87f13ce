/* The relayed ports of this host that holders of passes have right now. */
#include "packets/live.h"

#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static size_t family(const struct ct_endpoint *e)
{
    return memcmp(e->addr16, mapped_prefix, sizeof(mapped_prefix)) == 0 ? 0 : 1;
}

static bool is_ours(const struct ct_live *live, const struct ct_endpoint *e)
{
    for (size_t i = 0; i < live->addr_count; i++) {
        if (memcmp(live->addrs[i].addr16, e->addr16, 16) == 0) {
            return true;
        }
    }
    return false;
}

/* A registered relay has one address of each family, so family and port name the allocation. */
void ct_live_set(struct ct_live *live, const struct ct_endpoint *relayed, bool is_live)
{
    _Atomic uint64_t *word = &live->ports[family(relayed)][relayed->port / 64];
    uint64_t bit = UINT64_C(1) << (relayed->port % 64);
    if (is_live) {
        (void)atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
    } else {
        (void)atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
        (void)atomic_fetch_add(&live->endings, 1);
    }
}

bool ct_live_has(const struct ct_live *live, const struct ct_endpoint *peer)
{
    uint64_t word =
        atomic_load_explicit(&live->ports[family(peer)][peer->port / 64], memory_order_relaxed);
    return ((word >> (peer->port % 64)) & 1) != 0 && is_ours(live, peer);
}
