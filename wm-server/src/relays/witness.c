/* Relays that speak for this host's own network while another one fails. */
#include "relays/witness.h"

#include "relays/probe.h"

enum { DAY_S = 86400, WITNESSES = 5, WITNESS_S = 30 };

bool ct_witness_is_expired(const struct ct_relay *relay, uint64_t now_s)
{
    return now_s / DAY_S > relay->expiry_day;
}

ct_err ct_witness_probe(struct ct_reprobe *r, const struct ct_relay *relay, uint32_t *rtt_us,
                        struct ct_why *why)
{
    const struct ct_probe probe = {.issuer = &r->issuer,
                                   .chain_id = r->chain_id,
                                   .contract20 = r->contract20,
                                   .relay = relay,
                                   .timeout_ms = r->bounds.timeout_ms,
                                   .allow_private = r->bounds.allow_private,
                                   .approves = relay->state != CT_RECORD_APPROVED,
                                   .peer_at = r->probe_at,
                                   .now_s = r->wall_s()};
    ct_err err = r->probe(&probe, rtt_us, why);
    if (err == CT_OK) {
        r->witness_s = r->wall_s();
        r->witness = *relay;
    }
    return err;
}

/* Whether this host's IPv6 works is told by relays that have it alone. */
static bool may_witness(const struct ct_relay *witness, const struct ct_relay *failed)
{
    return ct_relay_has_ip6(witness->listen_ip6) || !ct_relay_has_ip6(failed->listen_ip6);
}

bool ct_witness_found(struct ct_reprobe *r, const struct ct_relay *failed, struct ct_loop *loop)
{
    uint64_t now_s = r->wall_s();
    size_t at = (size_t)(failed - r->list);
    if (r->witness.index != 0 && r->witness.index != failed->index &&
        now_s <= r->witness_s + WITNESS_S && may_witness(&r->witness, failed)) {
        return true;
    }
    unsigned asked = 0;
    for (size_t i = 1; i < r->count && asked < WITNESSES && !ct_loop_ending(loop); i++) {
        const struct ct_relay *other = &r->list[(at + i) % r->count];
        struct ct_why why = {{0}};
        uint32_t rtt_us = 0;
        if (other->state == CT_RECORD_APPROVED && !ct_witness_is_expired(other, now_s) &&
            may_witness(other, failed)) {
            asked++;
            if (ct_witness_probe(r, other, &rtt_us, &why) == CT_OK) {
                return true;
            }
        }
    }
    return false;
}
