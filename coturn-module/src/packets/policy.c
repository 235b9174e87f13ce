/* Which peers an allocation may reach and hear: the address filter and the gate, pure functions. */
#include "packets/policy.h"

#include <string.h>

const char *ct_verdict_text(enum ct_verdict verdict)
{
    static const char *const texts[CT_VERDICT_COUNT] = {
        [CT_VERDICT_ADMIT] = "admitted",
        [CT_VERDICT_UNSPECIFIED] = "unspecified",
        [CT_VERDICT_LOOPBACK] = "loopback",
        [CT_VERDICT_LINK_LOCAL] = "link_local",
        [CT_VERDICT_PRIVATE] = "private",
        [CT_VERDICT_MULTICAST] = "multicast",
        [CT_VERDICT_OWN_PORT] = "own_port",
        [CT_VERDICT_BACKEND] = "backend",
        [CT_VERDICT_DENIED] = "denied",
        [CT_VERDICT_MODE_OFF] = "mode_off",
        [CT_VERDICT_STALE] = "stale",
        [CT_VERDICT_UNKNOWN] = "unknown",
        [CT_VERDICT_INVITE_ONLY] = "invite_only",
        [CT_VERDICT_SOURCE_RATE] = "source_rate",
        [CT_VERDICT_UNINVITED_RATE] = "uninvited_rate",
    };
    return (unsigned)verdict < CT_VERDICT_COUNT ? texts[verdict] : "?";
}

struct prefix {
    uint8_t bytes[16];
    unsigned bits;
};

static bool in_prefix(const uint8_t addr16[16], const struct prefix *prefix)
{
    size_t whole = prefix->bits / 8;
    if (memcmp(addr16, prefix->bytes, whole) != 0) {
        return false;
    }
    unsigned rest = prefix->bits % 8;
    if (rest == 0) {
        return true;
    }
    unsigned mask = (0xffu << (8 - rest)) & 0xffu;
    return (addr16[whole] & mask) == (prefix->bytes[whole] & mask);
}

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_mapped(const uint8_t addr16[16])
{
    return memcmp(addr16, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (c) << 8 | (d))
#define MASK(bits) (UINT32_MAX << (32 - (bits)))

/* IANA's special purpose registries; ranges kept for documentation are not refused. IPv4 is what
 * most packets are of, so it is compared as words. */
static const struct {
    uint32_t net;
    uint32_t mask;
    enum ct_verdict verdict;
} special4[] = {
    {IP4(0, 0, 0, 0), MASK(8), CT_VERDICT_UNSPECIFIED},
    {IP4(127, 0, 0, 0), MASK(8), CT_VERDICT_LOOPBACK},
    {IP4(169, 254, 0, 0), MASK(16), CT_VERDICT_LINK_LOCAL},
    {IP4(10, 0, 0, 0), MASK(8), CT_VERDICT_PRIVATE},
    {IP4(172, 16, 0, 0), MASK(12), CT_VERDICT_PRIVATE},
    {IP4(192, 168, 0, 0), MASK(16), CT_VERDICT_PRIVATE},
    {IP4(100, 64, 0, 0), MASK(10), CT_VERDICT_PRIVATE},
    {IP4(192, 0, 0, 0), MASK(24), CT_VERDICT_PRIVATE},
    {IP4(198, 18, 0, 0), MASK(15), CT_VERDICT_PRIVATE},
    {IP4(224, 0, 0, 0), MASK(4), CT_VERDICT_MULTICAST},
    {IP4(240, 0, 0, 0), MASK(4), CT_VERDICT_MULTICAST},
};

static const struct {
    struct prefix prefix;
    enum ct_verdict verdict;
} special6[] = {
    {{{0}, 128}, CT_VERDICT_UNSPECIFIED},
    {{{[15] = 1}, 128}, CT_VERDICT_LOOPBACK},
    {{{0xfe, 0x80}, 10}, CT_VERDICT_LINK_LOCAL},
    {{{0xfe, 0xc0}, 10}, CT_VERDICT_PRIVATE},
    {{{0xfc}, 7}, CT_VERDICT_PRIVATE},
    {{{0x01, 0x00}, 64}, CT_VERDICT_PRIVATE},
    {{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, CT_VERDICT_PRIVATE},
    {{{0xff}, 8}, CT_VERDICT_MULTICAST},
};

/* Where an IPv6 address carries an IPv4 one, but for v4-mapped ones. */
static const struct {
    struct prefix prefix;
    unsigned offset;
    uint8_t mask; /* Teredo inverts the bits, RFC 4380 4 */
} embedding[] = {
    {{{[8] = 0xff, [9] = 0xff}, 96}, 12, 0},    /* SIIT, RFC 2765 */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12, 0},    /* NAT64, RFC 6052 */
    {{{0x20, 0x02}, 16}, 2, 0},                 /* 6to4 */
    {{{0x20, 0x01, 0x00, 0x00}, 32}, 12, 0xff}, /* Teredo */
};

static bool embedded_ip4(uint8_t ip4[4], const uint8_t in16[16])
{
    for (size_t i = 0; i < sizeof(embedding) / sizeof(embedding[0]); i++) {
        if (in_prefix(in16, &embedding[i].prefix)) {
            for (size_t k = 0; k < 4; k++) {
                ip4[k] = in16[embedding[i].offset + k] ^ embedding[i].mask;
            }
            return true;
        }
    }
    /* v4-compatible (deprecated): ::a.b.c.d, but not :: and ::1 */
    static const struct prefix zeros = {{0}, 96};
    if (in_prefix(in16, &zeros) && (in16[12] | in16[13] | in16[14] | (in16[15] & 0xfe)) != 0) {
        memcpy(ip4, in16 + 12, 4);
        return true;
    }
    return false;
}

void ct_addr_canonical(uint8_t out16[16], const uint8_t in16[16])
{
    uint8_t ip4[4];
    if (!is_mapped(in16) && embedded_ip4(ip4, in16)) {
        memcpy(out16, mapped_prefix, sizeof(mapped_prefix));
        memcpy(out16 + 12, ip4, 4);
    } else if (out16 != in16) {
        memcpy(out16, in16, 16);
    }
}

static enum ct_verdict special_purpose(const uint8_t addr16[16])
{
    if (is_mapped(addr16)) {
        uint32_t ip4 = IP4(addr16[12], addr16[13], addr16[14], addr16[15]);
        for (size_t i = 0; i < sizeof(special4) / sizeof(special4[0]); i++) {
            if ((ip4 & special4[i].mask) == special4[i].net) {
                return special4[i].verdict;
            }
        }
        return CT_VERDICT_ADMIT;
    }
    for (size_t i = 0; i < sizeof(special6) / sizeof(special6[0]); i++) {
        if (in_prefix(addr16, &special6[i].prefix)) {
            return special6[i].verdict;
        }
    }
    return CT_VERDICT_ADMIT;
}

static enum ct_verdict unless_allowed(const struct ct_policy *policy, enum ct_verdict verdict)
{
    bool allowed = (verdict == CT_VERDICT_PRIVATE && policy->allow_private) ||
                   (verdict == CT_VERDICT_LOOPBACK && policy->allow_loopback);
    return allowed ? CT_VERDICT_ADMIT : verdict;
}

/* An address as two numbers, to compare more than one range with. */
struct number {
    uint64_t high;
    uint64_t low;
};

static struct number number_of(const uint8_t addr16[16])
{
    struct number n = {0, 0};
    for (size_t i = 0; i < 8; i++) {
        n.high = n.high << 8 | addr16[i];
        n.low = n.low << 8 | addr16[8 + i];
    }
    return n;
}

static bool is_below(struct number a, struct number b)
{
    return a.high < b.high || (a.high == b.high && a.low < b.low);
}

static bool in_ranges(const struct ct_range *ranges, size_t count, const uint8_t addr16[16])
{
    struct number n = number_of(addr16);
    for (size_t i = 0; i < count; i++) {
        if (!is_below(n, number_of(ranges[i].min16)) && !is_below(number_of(ranges[i].max16), n)) {
            return true;
        }
    }
    return false;
}

static bool is_among(const struct ct_endpoint *list, size_t count, const uint8_t addr16[16])
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(list[i].addr16, addr16, 16) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_own_port(const struct ct_policy *policy, const struct ct_peerset *relays,
                        const uint8_t addr16[16], uint16_t port)
{
    if (port == 0 || !is_among(policy->own, policy->own_count, addr16)) {
        return false;
    }
    bool is_relayed = port >= policy->port_min && port <= policy->port_max &&
                      is_among(policy->relayed, policy->relayed_count, addr16);
    return !is_relayed && !(relays && ct_peerset_index(relays, addr16, port) != 0);
}

static bool is_backend(const struct ct_policy *policy, const uint8_t addr16[16], uint16_t port)
{
    for (size_t i = 0; i < policy->backend_count; i++) {
        const struct ct_endpoint *backend = &policy->backends[i];
        if (memcmp(backend->addr16, addr16, 16) == 0 &&
            (backend->port == 0 || backend->port == port)) {
            return true;
        }
    }
    return false;
}

enum ct_verdict ct_policy_filter(const struct ct_policy *policy, const struct ct_peerset *relays,
                                 const struct ct_endpoint *peer)
{
    uint8_t addr16[16];
    ct_addr_canonical(addr16, peer->addr16);
    enum ct_verdict verdict = unless_allowed(policy, special_purpose(addr16));
    if (verdict != CT_VERDICT_ADMIT) {
        return verdict;
    }
    if (is_among(policy->broadcasts, policy->broadcast_count, addr16)) {
        return CT_VERDICT_MULTICAST;
    }
    if (is_own_port(policy, relays, addr16, peer->port)) {
        return CT_VERDICT_OWN_PORT;
    }
    if (is_backend(policy, addr16, peer->port)) {
        return CT_VERDICT_BACKEND;
    }
    if (in_ranges(policy->denied, policy->denied_count, addr16) &&
        !in_ranges(policy->allowed, policy->allowed_count, addr16)) {
        return CT_VERDICT_DENIED;
    }
    return CT_VERDICT_ADMIT;
}

/* The relay at that address, 0 for none or when the mode does not ask; looked up first, so that
 * what is known of its devices is on its way from memory while the filter is gone through. */
static uint16_t relay_of(const struct ct_policy *policy, const struct ct_known *known,
                         const struct ct_endpoint *peer)
{
    bool asks = policy->mode == CT_MODE_RELAYS || policy->mode == CT_MODE_DEVICES;
    uint16_t index =
        asks && known->relays ? ct_peerset_index(known->relays, peer->addr16, peer->port) : 0;
    if (index != 0 && policy->mode == CT_MODE_DEVICES && known->devices) {
        ct_devset_expect(known->devices, index, peer->port);
    }
    return index;
}

static enum ct_verdict among_relays(const struct ct_policy *policy, const struct ct_known *known,
                                    uint16_t index)
{
    if (!known->relays || known->relays_age_s > policy->max_age_s) {
        return CT_VERDICT_STALE;
    }
    return index != 0 ? CT_VERDICT_ADMIT : CT_VERDICT_UNKNOWN;
}

/* A device counts only at a relay that is in the set of relays, at a port in that relay's range. */
static enum ct_verdict among_devices(const struct ct_policy *policy, const struct ct_known *known,
                                     const struct ct_endpoint *peer, uint16_t index)
{
    if (known->live && ct_live_has(known->live, peer)) {
        return CT_VERDICT_ADMIT;
    }
    enum ct_verdict verdict = among_relays(policy, known, index);
    if (verdict != CT_VERDICT_ADMIT) {
        return verdict;
    }
    if (!known->devices || known->devices_age_s > policy->max_age_s) {
        return CT_VERDICT_STALE;
    }
    return ct_devset_has(known->devices, index, peer->port) ? CT_VERDICT_ADMIT : CT_VERDICT_UNKNOWN;
}

enum ct_verdict ct_policy_gate(const struct ct_policy *policy, const struct ct_known *known,
                               const struct ct_endpoint *peer)
{
    uint16_t index = relay_of(policy, known, peer);
    enum ct_verdict verdict = ct_policy_filter(policy, known->relays, peer);
    if (verdict != CT_VERDICT_ADMIT) {
        return verdict;
    }
    switch (policy->mode) {
    case CT_MODE_RELAYS:
        return among_relays(policy, known, index);
    case CT_MODE_DEVICES:
        return among_devices(policy, known, peer, index);
    case CT_MODE_OPEN:
        return CT_VERDICT_ADMIT;
    case CT_MODE_OFF:
        break;
    }
    return CT_VERDICT_MODE_OFF;
}
