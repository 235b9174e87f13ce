/* What the module says of peers and packets: the filter, the gate, the limits. Logs nothing. */
#include "base/clock.h"
#include "module_private.h"
#include "packets/counts.h"

bool ct_on_peer_ok(const struct ct_endpoint *peer)
{
    struct ct_module *m = &ct_module;
    enum ct_verdict verdict = ct_sets_filter(&m->sets, &m->watch.first->policy, peer);
    if (verdict == CT_VERDICT_ADMIT) {
        return true;
    }
    ct_count_verdict(&m->tally, CT_COUNT_OTHER_WAY, verdict);
    return false;
}

/* What comes in uninvited is held to the limits; what goes out is what a client wants. */
enum ct_admission ct_on_gate(void *use, const struct ct_endpoint *peer, enum ct_way way)
{
    struct ct_module *m = &ct_module;
    struct ct_guests *guests = use ? ct_limits_guests(use) : NULL;
    struct ct_guests_when now = {ct_sets_state(&m->sets), ct_wall_coarse_s()};
    bool is_known = guests && ct_guests_has(guests, peer, &now);
    enum ct_verdict verdict = CT_VERDICT_ADMIT;
    if (!is_known) {
        verdict = ct_sets_gate(&m->sets, &m->watch.first->policy, peer, way == CT_WAY_CONNECTION,
                               now.second);
    }
    if (verdict == CT_VERDICT_ADMIT && guests && !is_known) {
        ct_guests_ask(guests, peer, &now);
    }
    if (verdict == CT_VERDICT_ADMIT && way != CT_WAY_SEND) {
        verdict = ct_limits_uninvited(m->limits, use, peer, ct_mono_coarse_ns());
    }
    ct_count_verdict(&m->tally, way, verdict);
    return verdict != CT_VERDICT_ADMIT ? CT_REFUSE : is_known ? CT_ADMIT_AGAIN : CT_ADMIT;
}

void ct_on_admitted(void *use)
{
    if (use) {
        ct_guests_admit(ct_limits_guests(use));
    }
}

bool ct_on_relay(void *use, enum ct_way way, size_t bytes)
{
    struct ct_module *m = &ct_module;
    bool fits = !ct_limits_has_caps(m->limits) || ct_limits_prepaid(use, bytes) ||
                ct_limits_relay(m->limits, use, bytes, ct_mono_coarse_ns());
    ct_tally_add(&m->tally, (fits ? CT_COUNT_RELAYED : CT_COUNT_CAPPED) + way);
    return fits;
}

/* What is held back is relayed all the same, but late. */
int64_t ct_on_stream(void *use, size_t bytes)
{
    struct ct_module *m = &ct_module;
    uint64_t wait_ns =
        ct_limits_has_caps(m->limits) ? ct_limits_stream(m->limits, use, bytes, ct_mono_ns()) : 0;
    bool is_relayed = wait_ns != UINT64_MAX;
    if (wait_ns > 0) {
        ct_tally_add(&m->tally, CT_COUNT_CAPPED + CT_WAY_CONNECTION);
    }
    if (is_relayed) {
        ct_tally_add(&m->tally, CT_COUNT_RELAYED + CT_WAY_CONNECTION);
    }
    return is_relayed ? (int64_t)((wait_ns + 999999) / 1000000) : -1;
}

void ct_on_permitted(void *use)
{
    ct_limits_invite_only(use);
}

bool ct_on_answer(const struct ct_endpoint *to, size_t in, size_t out)
{
    struct ct_module *m = &ct_module;
    bool may = ct_limits_answer(m->limits, to, in, out, ct_mono_ns());
    ct_tally_add(&m->tally, may ? CT_COUNT_ANSWERED : CT_COUNT_UNANSWERED);
    return may;
}
