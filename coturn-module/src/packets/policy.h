/* Which peers an allocation may reach and hear: the address filter and the gate, pure functions. */
#ifndef CT_POLICY_H
#define CT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/why.h"
#include "ct_hooks.h"
#include "peers/devset.h"
#include "packets/live.h"
#include "peers/peerset.h"

enum ct_mode {
    CT_MODE_OFF,     /* RFC 8656: permissions only */
    CT_MODE_RELAYS,  /* approved relays are admitted without one, at each of their relayed ports */
    CT_MODE_DEVICES, /* approved devices, and who holds a pass and an allocation here */
    CT_MODE_OPEN,    /* whatever passes the filter */
};

CT_MUST_USE ct_err ct_mode_parse(enum ct_mode *out, const char *text, struct ct_why *why);
const char *ct_mode_text(enum ct_mode mode); /* "relays"; static */

enum ct_verdict {
    CT_VERDICT_ADMIT,
    /* refused by the filter, whatever permission is there */
    CT_VERDICT_UNSPECIFIED, /* 0.0.0.0/8, :: */
    CT_VERDICT_LOOPBACK,
    CT_VERDICT_LINK_LOCAL,
    CT_VERDICT_PRIVATE,   /* RFC 1918, CGNAT, unique local, other special purpose ranges */
    CT_VERDICT_MULTICAST, /* and broadcast, and reserved */
    CT_VERDICT_OWN_PORT,  /* this host, outside the relayed ports */
    CT_VERDICT_BACKEND,   /* the chain's endpoints, the wallet manager, the server's databases */
    CT_VERDICT_DENIED,    /* denied-peer-ip */
    /* refused by the gate: needs a permission */
    CT_VERDICT_MODE_OFF,
    CT_VERDICT_STALE,   /* the set that the mode needs is older than chainturn-max-age */
    CT_VERDICT_UNKNOWN, /* not in it */
    /* refused by the limits, for now */
    CT_VERDICT_INVITE_ONLY,    /* the client has made permissions, and wants no others */
    CT_VERDICT_SOURCE_RATE,    /* too many from that prefix */
    CT_VERDICT_UNINVITED_RATE, /* too many for that allocation */
    CT_VERDICT_COUNT
};

const char *ct_verdict_text(enum ct_verdict verdict); /* "loopback"; static */

struct ct_policy {
    enum ct_mode mode;
    bool allow_private;
    bool allow_loopback;
    uint16_t port_min; /* of this host's relayed ports, both included */
    uint16_t port_max;
    uint32_t max_age_s;
    const struct ct_endpoint *own; /* this host's addresses, canonical; ports ignored */
    size_t own_count;
    const struct ct_endpoint *relayed; /* those of them that the relayed ports are at */
    size_t relayed_count;
    const struct ct_endpoint *backends; /* canonical; port 0 stands for all */
    size_t backend_count;
    const struct ct_endpoint *broadcasts; /* of this host's networks, ports ignored */
    size_t broadcast_count;
    const struct ct_range *denied;
    size_t denied_count;
    const struct ct_range *allowed; /* exceptions from denied, and from nothing else */
    size_t allowed_count;
};

/*
 * The host that an address leads to: the IPv4 address inside a v4-mapped, v4-compatible, NAT64
 * (RFC 6052), 6to4 or Teredo address, else the address itself. In and out may be the same.
 */
void ct_addr_canonical(uint8_t out16[16], const uint8_t in16[16]);

/*
 * Of this host's ports only the relayed ones may be reached, and those of its other relays, which
 * are in the set of relays; NULL: there is none. Port 0 passes the tests of ports.
 */
enum ct_verdict ct_policy_filter(const struct ct_policy *policy, const struct ct_peerset *relays,
                                 const struct ct_endpoint *peer);

/* What is known of peers at this moment; a set is NULL when there is none yet. */
struct ct_known {
    const struct ct_peerset *relays;
    const struct ct_devset *devices;
    const struct ct_live *live; /* NULL: no allocations here */
    uint64_t relays_age_s;      /* seconds since the chain last confirmed it */
    uint64_t devices_age_s;
};

/* The filter, and then admission without a permission. */
enum ct_verdict ct_policy_gate(const struct ct_policy *policy, const struct ct_known *known,
                               const struct ct_endpoint *peer);

#endif
