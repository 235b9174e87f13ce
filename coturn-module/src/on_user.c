/* What the module knows of allocations and of those who make them: passes, places, ports. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "module_private.h"
#include "packets/counts.h"

/* The relayed port that the user had there before, while nobody else has it. */
uint16_t ct_on_port_had(const char *user, const struct ct_endpoint *at)
{
    return ct_portkeeper_had(ct_module.ports, user, at);
}

bool ct_on_port_kept(const char *user, const struct ct_endpoint *relayed)
{
    return ct_portkeeper_is_kept(ct_module.ports, user, relayed);
}

static bool is_among(const struct ct_endpoint *list, size_t count, const struct ct_endpoint *e)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].port == e->port && memcmp(list[i].addr16, e->addr16, 16) == 0) {
            return true;
        }
    }
    return false;
}

/* The places of an allocation from now on; the port of one that is left out may be another's before
 * the allocation is deleted. Ports of TCP are nobody's afterwards. */
static void stand_at(struct ct_module *m, struct ct_use *use, const struct ct_allocation_info *info,
                     const struct ct_endpoint *places, size_t place_count, bool was_given_back)
{
    struct ct_live *live = info->is_udp ? &m->sets.live : &m->sets.live_tcp;
    const uint8_t *pass16 = ct_use_pass(use);
    size_t count = 0;
    const struct ct_endpoint *before = ct_use_places(use, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_among(places, place_count, &before[i])) {
            continue;
        }
        ct_live_set(live, &before[i], false);
        if (pass16 && info->is_udp) {
            ct_portkeeper_ended(m->ports, pass16, &before[i], was_given_back);
        }
    }
    ct_use_stand(use, places, place_count);
    for (size_t i = 0; i < place_count; i++) {
        ct_live_set(live, &places[i], true);
        if (pass16 && info->is_udp) {
            ct_portkeeper_stands(m->ports, pass16, &places[i]);
        }
    }
}

static void *on_deleted(struct ct_module *m, struct ct_use *use, bool is_pass,
                        const struct ct_allocation_info *info)
{
    if (use) {
        stand_at(m, use, info, NULL, 0, false);
        ct_limits_close(m->limits, use, ct_mono_coarse_ns());
        ct_drain_count(&m->drain, -1);
        ct_status_allocation(&m->status, -1, is_pass);
    }
    return NULL;
}

/* A revocation since the credentials were checked found no allocation yet to end. */
static void end_if_revoked(const struct ct_module *m, const struct ct_allocation_info *info)
{
    uint32_t left_s = 0;
    if (!ct_passes_session(m->passes, &left_s, info->user, ct_wall_s())) {
        m->host->cancel(info->session);
    }
}

/* Only who shows a pass counts as a device: users of the server's own are strangers to the chain.
 */
void *ct_on_allocation(void *use, enum ct_allocation_event event,
                       const struct ct_allocation_info *info)
{
    struct ct_module *m = &ct_module;
    uint8_t pass16[16];
    bool is_pass = ct_passes_id(pass16, info->user);
    struct ct_use *made = use;
    if (event == CT_ALLOCATION_DELETED) {
        return on_deleted(m, use, is_pass, info);
    }
    if (!use && ct_limits_open(m->limits, &made, info->session) != CT_OK) {
        return NULL; /* no memory: the limits of sources hold all the same */
    }
    ct_drain_count(&m->drain, use ? 0 : 1);
    ct_status_allocation(&m->status, use ? 0 : 1, is_pass);
    /* another one after a renewal */
    ct_limits_of_pass(m->limits, made, is_pass ? pass16 : NULL, ct_mono_coarse_ns());
    if (is_pass) {
        stand_at(m, made, info, info->relayed, info->relayed_count, true);
        end_if_revoked(m, info);
    }
    return made;
}

/* Anybody can send a bad pass: one of them a second is told, so that its owner finds the reason. */
static void tell_refused_pass(struct ct_module *m, const struct ct_why *why)
{
    uint64_t now = ct_mono_ms();
    uint64_t told = atomic_load(&m->pass_told_ms);
    if ((told == 0 || now - told >= 1000) &&
        atomic_compare_exchange_strong(&m->pass_told_ms, &told, now)) {
        ct_log(&m->log, CT_LOG_WARN, "pass_refused reason=\"%s\"", why->text);
    }
}

bool ct_on_sign_on(const char *user, const struct ct_endpoint *from)
{
    struct ct_module *m = &ct_module;
    bool may =
        ct_passes_is_cheap(m->passes, user) || ct_limits_sign_on(m->limits, from, ct_mono_ns());
    ct_tally_add(&m->tally, may ? CT_COUNT_SIGNED_ON : CT_COUNT_NOT_SIGNED_ON);
    return may;
}

bool ct_on_renews(const char *user, const char *renewed)
{
    return ct_passes_renews(ct_module.passes, user, renewed);
}

/* Which passes are revoked is not known of late: who is in stays, wherever it moves to, and nobody
 * else comes in. */
static bool is_log_old(struct ct_module *m, uint64_t now_s, struct ct_why *why)
{
    uint64_t age_s = ct_sets_log_age_s(&m->sets, now_s);
    if (age_s <= m->options.max_age_s) {
        return false;
    }
    (void)ct_why(why, CT_ERR_STATE,
                 "the contract's log could not be read and proven for longer than "
                 "chainturn-max-age, so that nobody knows whether the pass is revoked; see what "
                 "the log says of the endpoints");
    return true;
}

static bool is_in(struct ct_module *m, const char *user)
{
    uint8_t pass16[16];
    return ct_passes_id(pass16, user) && ct_limits_sessions(m->limits, pass16, NULL, NULL) > 0;
}

bool ct_on_may_allocate(const char *user)
{
    struct ct_module *m = &ct_module;
    struct ct_why why = {""};
    uint8_t pass16[16];
    if (ct_drain_is_on(&m->drain)) {
        return false;
    }
    if (!ct_passes_id(pass16, user) || !is_log_old(m, ct_wall_s(), &why)) {
        return true;
    }
    tell_refused_pass(m, &why);
    return false;
}

enum ct_user ct_on_password(char password[CT_USER_PASSWORD_MAX], const char *user)
{
    struct ct_module *m = &ct_module;
    struct ct_why why = {""};
    uint64_t now_s = ct_wall_s();
    enum ct_user verdict = ct_passes_password(m->passes, password, user, now_s, &why);
    if (verdict == CT_USER_KNOWN && is_log_old(m, now_s, &why) && !is_in(m, user)) {
        ct_wipe(password, CT_USER_PASSWORD_MAX);
        verdict = CT_USER_REFUSED;
    }
    if (verdict == CT_USER_REFUSED) {
        tell_refused_pass(m, &why);
    }
    return verdict;
}

bool ct_on_old_password(char password[CT_USER_PASSWORD_MAX], const char *user)
{
    return ct_passes_old_password(ct_module.passes, password, user);
}

bool ct_on_session(uint32_t *left_s, const char *user)
{
    return ct_passes_session(ct_module.passes, left_s, user, ct_wall_s());
}
