/* The special-purpose address registries (RFC 6890) as far as no relay can live there. */
#include "relays/reach.h"

#include <stddef.h>

struct net4 {
    uint32_t base;
    unsigned bits;
};

static const struct net4 refused4[] = {
    {0x00000000u, 8},  /* this network */
    {0x0a000000u, 8},  /* private, RFC 1918 */
    {0x64400000u, 10}, /* shared by carriers, RFC 6598 */
    {0x7f000000u, 8},  /* loopback */
    {0xa9fe0000u, 16}, /* link-local, and clouds' metadata services */
    {0xac100000u, 12}, /* private */
    {0xc0000000u, 24}, /* IETF protocol assignments */
    {0xc0a80000u, 16}, /* private */
    {0xc6120000u, 15}, /* benchmarking */
    {0xe0000000u, 3},  /* multicast, reserved, broadcast */
};

bool ct_reach_ip4(const uint8_t ip4[4])
{
    uint32_t ip = (uint32_t)ip4[0] << 24 | (uint32_t)ip4[1] << 16 | (uint32_t)ip4[2] << 8 | ip4[3];
    for (size_t i = 0; i < sizeof refused4 / sizeof refused4[0]; i++) {
        if ((ip ^ refused4[i].base) >> (32 - refused4[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

bool ct_reach_ip6(const uint8_t ip6[16])
{
    /* only 2000::/3 is given out; of it not 2002::/16 (6to4), which hides an IPv4 address */
    return (ip6[0] & 0xe0) == 0x20 && !(ip6[0] == 0x20 && ip6[1] == 0x02);
}

bool ct_reach_relay(const struct ct_relay *r)
{
    return (!ct_relay_has_ip4(r->listen_ip4) || ct_reach_ip4(r->listen_ip4)) &&
           (!ct_relay_has_ip4(r->relay_ip4) || ct_reach_ip4(r->relay_ip4)) &&
           (!ct_relay_has_ip6(r->listen_ip6) || ct_reach_ip6(r->listen_ip6)) &&
           (!ct_relay_has_ip6(r->relay_ip6) || ct_reach_ip6(r->relay_ip6));
}
