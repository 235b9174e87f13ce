/* What is known of peers, kept by the follower of the chain and read by relay threads. */
#include "peers/sets.h"

#include <stdlib.h>
#include <string.h>

void ct_sets_init(struct ct_sets *sets, const struct ct_endpoint *relayed, size_t count)
{
    memset(sets, 0, sizeof(*sets));
    sets->relays.free = ct_peerset_free;
    sets->devices.free = ct_devset_free;
    sets->policy.free = free;
    sets->live.addrs = sets->live_tcp.addrs = relayed;
    sets->live.addr_count = sets->live_tcp.addr_count = count;
}

uint64_t ct_sets_state(const struct ct_sets *sets)
{
    return atomic_load(&sets->readers.now) + atomic_load(&sets->live.endings) +
           atomic_load(&sets->live_tcp.endings);
}

/* A clock set back by minutes is no reason to drop peers; one that was far ahead is not believed.
 */
static uint64_t age_of(const _Atomic uint64_t *confirmed, uint64_t now_s)
{
    enum { CLOCK_STEP_S = 300 };
    uint64_t confirmed_s = atomic_load_explicit(confirmed, memory_order_relaxed);
    if (now_s >= confirmed_s) {
        return now_s - confirmed_s;
    }
    return confirmed_s - now_s <= CLOCK_STEP_S ? 0 : UINT64_MAX;
}

static uint64_t age_s(const struct ct_snapshot *snapshot, uint64_t now_s)
{
    return age_of(&snapshot->confirmed_s, now_s);
}

uint64_t ct_sets_log_age_s(const struct ct_sets *sets, uint64_t now_s)
{
    return age_of(&sets->log_confirmed_s, now_s);
}

void ct_sets_size(struct ct_sets *sets, struct ct_sets_size *out, uint64_t now_s)
{
    memset(out, 0, sizeof(*out));
    if (!ct_readers_enter(&sets->readers)) {
        return;
    }
    const struct ct_peerset *relays = ct_snapshot_read(&sets->relays);
    const struct ct_devset *devices = ct_snapshot_read(&sets->devices);
    out->has_relays = relays != NULL;
    out->has_devices = devices != NULL;
    out->relays = relays ? ct_peerset_relays(relays) : 0;
    out->devices = devices ? ct_devset_count(devices) : 0;
    out->relays_age_s = age_s(&sets->relays, now_s);
    out->devices_age_s = age_s(&sets->devices, now_s);
    out->log_age_s = ct_sets_log_age_s(sets, now_s);
    ct_readers_leave(&sets->readers);
}

/* By readers, between enter and leave. */
static const struct ct_policy *policy_of(struct ct_sets *sets, const struct ct_policy *first)
{
    const struct ct_policy *now = ct_snapshot_read(&sets->policy);
    return now ? now : first;
}

enum ct_verdict ct_sets_gate(struct ct_sets *sets, const struct ct_policy *policy,
                             const struct ct_endpoint *peer, bool is_tcp, uint64_t now_s)
{
    struct ct_known known = {.live = is_tcp ? &sets->live_tcp : &sets->live};
    bool may_read = ct_readers_enter(&sets->readers);
    if (may_read) {
        policy = policy_of(sets, policy);
        known.relays = ct_snapshot_read(&sets->relays);
        known.devices = ct_snapshot_read(&sets->devices);
        known.relays_age_s = age_s(&sets->relays, now_s);
        known.devices_age_s = age_s(&sets->devices, now_s);
    }
    enum ct_verdict verdict = ct_policy_gate(policy, &known, peer);
    if (may_read) {
        ct_readers_leave(&sets->readers);
    }
    return verdict;
}

/* Asked for each packet of a permission. The first policy is never freed, and only of this host's
 * own ports the set of relays has anything to say: so mostly nothing is entered. */
enum ct_verdict ct_sets_filter(struct ct_sets *sets, const struct ct_policy *policy,
                               const struct ct_endpoint *peer)
{
    enum ct_verdict verdict = CT_VERDICT_OWN_PORT;
    if (!ct_snapshot_read(&sets->policy)) {
        verdict = ct_policy_filter(policy, NULL, peer);
    }
    if (verdict != CT_VERDICT_OWN_PORT) {
        return verdict;
    }
    if (!ct_readers_enter(&sets->readers)) {
        return ct_policy_filter(policy, NULL, peer);
    }
    verdict = ct_policy_filter(policy_of(sets, policy), ct_snapshot_read(&sets->relays), peer);
    ct_readers_leave(&sets->readers);
    return verdict;
}
