/* What may change while the server runs. */
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "service/reload.h"
#include "service/server_parts.h"

static struct ct_fund_policy fund_policy(const struct ct_settings *settings)
{
    return (struct ct_fund_policy){
        .has_funder = settings->funder_path != NULL,
        .gas_most = settings->gas_most,
        .fee_most_gwei = settings->fee_most_gwei,
        .most = {.hour_gwei = settings->hour_gwei, .day_gwei = settings->day_gwei}};
}

/* What a reload may change; under reload_lock once the server runs. */
void ct_server_apply_bounds(struct ct_server *s)
{
    const struct ct_settings *c = &s->settings;
    s->api.device_days = c->device_days;
    s->api.allow_private = c->allow_private;
    s->api.issuer.life_s = c->pass_life_s;
    s->api.funding = fund_policy(c);
    s->api.limits = (struct ct_gate_limits){.party = (uint32_t)c->party_minute,
                                            .token = (uint32_t)c->token_minute,
                                            .prefix = (uint32_t)c->prefix_minute};
    s->vet_bounds = (struct ct_server_vet_bounds){.timeout_ms = (uint32_t)c->probe_timeout_s * 1000,
                                                  .approval_days = c->relay_days,
                                                  .allow_private = c->allow_private};
    s->reprobe_bounds = (struct ct_reprobe_bounds){.every_s = c->reprobe_s,
                                                   .strikes = c->strikes,
                                                   .grace_s = c->grace_s,
                                                   .timeout_ms = s->vet_bounds.timeout_ms,
                                                   .allow_private = c->allow_private};
    const struct ct_watch_alerts alerts = ct_settings_alerts(c);
    ct_watch_alerts(s->observe.watch, &alerts);
    s->observe.tee.max = c->level;
    s->observe.tee.is_json = c->log_json;
}

/* Serves with what the contract lists now; under reload_lock. */
ct_err ct_server_apply_keys(struct ct_server *s, struct ct_why *why)
{
    struct ct_keyring ring;
    const struct ct_keywatch *w = &s->keywatch;
    /* tokens are checked against what the contract lists, whether or not any of it is ours */
    memcpy(s->api.keys, w->listed, sizeof s->api.keys);
    s->api.key_count = w->listed[1].id != 0 ? 2 : 1;
    ct_err err = ct_keyring_match(&ring, w->listed, w->time_s, &s->settings, &s->keys, why);
    if (err == CT_OK && ct_enrolment_keys(s->enrolment, ring.handshake, ring.handshakes) != CT_OK) {
        err = ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    if (err != CT_OK) {
        return err;
    }
    size_t g = ct_keyring_signer(&ring, ct_keywatch_is_settled(w, ct_mono_ms()));
    s->api.issuer.key = ring.pass[g];
    s->api.issuer.key_id = ring.id[g];
    return CT_OK;
}

/* Keys that are served with stay where they are: others only come. */
static void take_next_keys(struct ct_server *s, const struct ct_keys *next,
                           const struct ct_settings *wanted)
{
    if (s->settings.next_pass_path == NULL && wanted->next_pass_path != NULL) {
        s->keys.next_pass = next->next_pass;
        s->keys.has_next_pass = true;
    }
    if (s->settings.next_handshake_path == NULL && wanted->next_handshake_path != NULL) {
        s->keys.next_handshake = next->next_handshake;
        s->keys.has_next_handshake = true;
    }
}

ct_err ct_server_reload(struct ct_server *s, const char *conf_path, struct ct_why *why)
{
    struct ct_settings wanted;
    struct ct_reload changed;
    struct ct_log log = s->log;
    struct ct_keys next = {.has_next_pass = false};
    ct_err err = ct_settings_load(&wanted, conf_path, why);
    if (err == CT_OK && (err = ct_next_keys_load(&next, &wanted, why)) != CT_OK) {
        ct_settings_free(&wanted);
    }
    if (err == CT_OK) {
        err = ct_observe_begun(s->store, conf_path, &s->bundle, why);
        if (err != CT_OK) {
            ct_settings_free(&wanted);
        }
    }
    if (err != CT_OK) {
        ct_wipe(&next, sizeof next);
        ct_log(&log, CT_LOG_ERROR, "reload_refused keeps=all cause=\"%s\"", why->text);
        return err;
    }
    (void)pthread_mutex_lock(&s->reload_lock);
    take_next_keys(s, &next, &wanted);
    ct_reload_settings(&s->settings, &wanted, &changed);
    ct_server_apply_bounds(s);
    ct_err applied = ct_server_apply_keys(s, why);
    (void)pthread_mutex_unlock(&s->reload_lock);
    if (applied != CT_OK) {
        ct_log(&log, CT_LOG_ERROR, "keys_not_listed cause=\"%s\"", why->text);
    }
    ct_wipe(&next, sizeof next);
    ct_settings_free(&wanted);
    ct_log(&log, CT_LOG_INFO, "reloaded taken=%s waiting_for_restart=%s", changed.taken,
           changed.waiting);
    return CT_OK;
}
