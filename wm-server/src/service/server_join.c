/* The parts that need others, made and given to each other. */
#include <string.h>

#include "base/clock.h"
#include "relays/probe.h"
#include "service/server_parts.h"

static struct ct_pass_issuer issuer_of(const struct ct_server *s, struct ct_store *store)
{
    size_t g = ct_keyring_signer(&s->verified.ring, false);
    struct ct_pass_issuer issuer = {.key_id = s->verified.ring.id[g],
                                    .key = s->verified.ring.pass[g],
                                    .life_s = s->settings.pass_life_s,
                                    .store = store};
    memcpy(issuer.deployment32, s->bundle.deployment32, 32);
    return issuer;
}

/* One manager for each account that sends. */
static ct_err make_txmgrs(struct ct_server *s, struct ct_why *why)
{
    struct ct_txmgr_config tc = {.bundle = &s->bundle,
                                 .wallet = &s->keys.approver,
                                 .role = "approver",
                                 .lanes = ct_lanes_approver,
                                 .store = s->handles[CT_BY_TX],
                                 .lease = s->replica.leases[CT_ACCOUNT_APPROVER],
                                 .rules = {.confirmations = (unsigned)s->settings.confirmations,
                                           .repeat_s = s->settings.repeat_s,
                                           .bump_s = s->settings.bump_s,
                                           .lost_s = s->settings.lost_s},
                                 .fee_most_wei = s->settings.chain_fee_gwei * 1000000000,
                                 .batch = s->settings.batch,
                                 .log = s->log};
    ct_err err = ct_txmgr_new(&s->txmgr, &tc, why);
    if (err == CT_OK && s->settings.funder_path != NULL) {
        tc.wallet = &s->keys.funder;
        tc.role = "funder";
        tc.lanes = ct_lanes_funder;
        tc.store = s->handles[CT_BY_FUND];
        tc.lease = s->replica.leases[CT_ACCOUNT_FUNDER];
        err = ct_txmgr_new(&s->funder, &tc, why);
    }
    return err;
}

ct_err ct_server_join(struct ct_server *s, struct ct_why *why)
{
    struct ct_enrolment_config ec = {
        .net = {.chain_id = s->bundle.chain_id},
        .keys = {s->verified.ring.handshake[0], s->verified.ring.handshake[1]},
        .key_count = s->verified.ring.handshakes,
        .sessions = s->sessions,
        .mono_ms = ct_mono_ms,
        .log = s->log};
    memcpy(ec.net.contract20, s->bundle.contract20, 20);
    ct_err err = ct_enrolment_new(&s->enrolment, &ec);
    if (err != CT_OK) {
        return ct_why(why, err, "cannot set up enrolment: %s", ct_err_text(err));
    }
    err = ct_desk_new(&s->desk, s->chains[CT_OF_DESK]);
    if (err != CT_OK) {
        return ct_why(why, err, "out of memory");
    }
    (void)pthread_mutex_init(&s->reload_lock, NULL);
    s->api = (struct ct_api){.chain_id = s->bundle.chain_id,
                             .key_count = s->verified.key_count,
                             .issuer = issuer_of(s, s->store),
                             .approver = &s->keys.approver,
                             .store = s->store,
                             .sessions = s->sessions,
                             .wall_us = ct_wall_us,
                             .wall_s = ct_wall_s,
                             .mono_ms = ct_mono_ms,
                             .wake = ct_server_wake,
                             .wake_arg = s,
                             .log = s->log};
    memcpy(s->api.contract20, s->bundle.contract20, 20);
    memcpy(s->api.keys, s->verified.keys, sizeof s->api.keys);
    for (size_t i = 0; i < CT_SERVER_WORKERS; i++) {
        s->ledgers[i] = ct_desk_ledger(&s->seats[i], s->desk, s->chains[i]);
    }
    s->vet = (struct ct_vet){.ledger = ct_ledger_of_chain(s->chains[CT_OF_VET]),
                             .store = s->handles[CT_BY_VET],
                             .issuer = issuer_of(s, s->handles[CT_BY_VET]),
                             .probe = ct_probe_relay,
                             .probe_at = s->settings.probe_at,
                             .wall_s = ct_wall_s,
                             .passed = ct_server_passed,
                             .passed_arg = s,
                             .log = s->log};
    s->reprobe = (struct ct_reprobe){.ledger = ct_ledger_of_chain(s->chains[CT_OF_REPROBE]),
                                     .store = s->handles[CT_BY_REPROBE],
                                     .issuer = issuer_of(s, s->handles[CT_BY_REPROBE]),
                                     .probe = ct_probe_relay,
                                     .probe_at = s->settings.probe_at,
                                     .wall_s = ct_wall_s,
                                     .queued = ct_server_passed,
                                     .queued_arg = s,
                                     .log = s->log};
    ct_keywatch_begin(&s->keywatch, s->verified.keys, s->verified.time_s, ct_mono_ms());
    memcpy(s->reprobe.approver20, s->keys.approver.addr20, sizeof s->reprobe.approver20);
    memcpy(s->vet.contract20, s->bundle.contract20, sizeof s->vet.contract20);
    memcpy(s->reprobe.contract20, s->bundle.contract20, sizeof s->reprobe.contract20);
    s->vet.chain_id = s->reprobe.chain_id = s->bundle.chain_id;
    ct_server_apply_bounds(s);
    return make_txmgrs(s, why);
}
