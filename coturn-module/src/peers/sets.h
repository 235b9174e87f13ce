/* What is known of peers, kept by the follower of the chain and read by relay threads. */
#ifndef CT_RELAY_SETS_H
#define CT_RELAY_SETS_H

#include "packets/live.h"
#include "packets/policy.h"
#include "packets/snapshot.h"

struct ct_sets {
    struct ct_readers readers;
    struct ct_snapshot relays;  /* struct ct_peerset */
    struct ct_snapshot devices; /* struct ct_devset */
    struct ct_snapshot policy;  /* struct ct_policy, in place of the one below; to be free()d */
    _Atomic uint64_t log_confirmed_s; /* when revoked passes were known last, by the proven log */
    struct ct_live live;              /* allocations of UDP, */
    struct ct_live live_tcp;          /* and of TCP, RFC 6062: a port may be of each */
};

/* relayed: this host's relayed addresses as peers see them; borrowed. */
void ct_sets_init(struct ct_sets *sets, const struct ct_endpoint *relayed, size_t count);

/* Another number after whatever could make the gate refuse whom it admitted, but for age. */
uint64_t ct_sets_state(const struct ct_sets *sets);
/* How much of each is known, and how long ago the chain confirmed it. */
struct ct_sets_size {
    bool has_relays;
    bool has_devices;
    size_t relays;
    size_t devices;        /* places: a device that moves has two for a while */
    uint64_t relays_age_s; /* UINT64_MAX: never */
    uint64_t devices_age_s;
    uint64_t log_age_s;
};
/* Seconds since the contract's log was read to its proven head; UINT64_MAX: never. Any thread. */
uint64_t ct_sets_log_age_s(const struct ct_sets *sets, uint64_t now_s);
void ct_sets_size(struct ct_sets *sets, struct ct_sets_size *out, uint64_t now_s);

/* What the filter of the policy in force says of peer: that of sets, or policy while none is there,
 * or when too many threads read. Any thread. */
enum ct_verdict ct_sets_filter(struct ct_sets *sets, const struct ct_policy *policy,
                               const struct ct_endpoint *peer);
/* What its gate says of peer, who comes over TCP or UDP, at now_s, seconds since 1970. Any
 * thread. */
enum ct_verdict ct_sets_gate(struct ct_sets *sets, const struct ct_policy *policy,
                             const struct ct_endpoint *peer, bool is_tcp, uint64_t now_s);

#endif
