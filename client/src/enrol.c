/* Everything that comes before an allocation: identity, keys, pass and the choice of a relay. */
#include "enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "lookup.h"
#include "moved.h"
#include "relays.h"
#include "wm/wm.h"

bool ct_pass_is_good(const struct ct_own_pass *pass, const uint8_t deployment32[32], uint64_t now_s)
{
    return memcmp(pass->fields.deployment32, deployment32, 32) == 0 &&
           pass->fields.expiry_s > now_s + CT_PASS_LIFE_S / 10;
}

/* A random UUID, version 4 (RFC 9562 5.4). */
static ct_err make_uuid(char out[64])
{
    uint8_t b[16];
    if (ct_random(b, sizeof b) != CT_OK) {
        return CT_ERR_SYSTEM;
    }
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, 64, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                   b[13], b[14], b[15]);
    return CT_OK;
}

static ct_err settle_identity(struct ct_prepare *p, struct ct_worker_env *env,
                              struct ct_home_device *home)
{
    ct_err err = ct_home_load_device(&env->home, home, &p->job.why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    if (err == CT_ERR_NOT_FOUND) {
        memset(home, 0, sizeof *home);
        if (p->only_pass) {
            return ct_why(&p->job.why, CT_ERR_CONFIG,
                          "%s is no enrolled device; run 'chainturn up' first", env->home.dir);
        }
        if (p->identity[0] == '\0') {
            if (make_uuid(p->identity) != CT_OK) {
                return ct_why(&p->job.why, CT_ERR_SYSTEM, "this host gives no randomness");
            }
            ct_factory_name(p);
        }
    } else if (p->identity[0] == '\0') {
        memcpy(p->identity, home->identity, sizeof p->identity);
    } else if (strcmp(p->identity, home->identity) != 0) {
        return ct_why(&p->job.why, CT_ERR_CONFIG,
                      "%s belongs to the device %s; use another --home for %s", env->home.dir,
                      home->identity, p->identity);
    }
    memcpy(env->identity, p->identity, sizeof env->identity);
    p->is_funded = p->names_road ? p->is_funded : home->is_funded;
    return CT_OK;
}

static void give_keys(struct ct_prepare *p, const struct ct_worker_env *env)
{
    p->wallet = env->wallet;
    p->key = env->key;
}

/* The keys that are there, or NOT_FOUND: nothing is made before the chain has been looked at. */
static ct_err take_keys(struct ct_worker_env *env, bool may_make, struct ct_why *why)
{
    if (!env->has_keys) {
        ct_err err = ct_home_keys(&env->home, &env->wallet, &env->key, may_make, why);
        if (err != CT_OK) {
            return err;
        }
        env->has_keys = true;
    }
    return CT_OK;
}

/* A signature of the rotation is good for ten minutes; after that the chain will not name the key
 * any more. */
#define NEXT_KEY_FOR_S (CT_CHANGE_LIFE_S + 300u)

ct_err ct_enrol_take_next_key(struct ct_worker_env *env, const struct ct_device *record,
                              bool *taken, struct ct_why *why)
{
    struct ct_x25519 next;
    uint64_t age_s = 0;
    bool is_ours = record->state == CT_RECORD_APPROVED &&
                   memcmp(record->wallet20, env->wallet.addr20, 20) == 0;
    if (!env->has_keys || !is_ours || !ct_home_has_next_key(&env->home, &age_s)) {
        return CT_OK;
    }
    ct_err err = ct_home_next_key(&env->home, &next, false, why);
    if (err != CT_OK) {
        return err;
    }
    if (memcmp(record->key32, next.public32, 32) == 0) {
        err = ct_home_take_next_key(&env->home, why);
        if (err == CT_OK) {
            env->key = next;
            ct_wm_free(env->wm); /* its session was made with the old one */
            env->wm = NULL;
            *taken = true;
            ct_log(&env->log, CT_LOG_INFO, "key_rotated id=%s", env->identity);
        }
    } else if (age_s > NEXT_KEY_FOR_S && memcmp(record->key32, env->key.public32, 32) == 0) {
        ct_home_drop_next_key(&env->home);
    }
    ct_wipe(&next, sizeof next);
    return err;
}

/* Is the name free for us, or ours? */
static ct_err judge_record(struct ct_prepare *p, struct ct_worker_env *env,
                           const struct ct_view *view)
{
    char owner[CT_ADDR_TEXT_LEN];
    ct_err err = ct_lookup_device(env, view, p->identity, &p->device, &p->job.why);
    if (err == CT_ERR_NOT_FOUND) {
        return CT_OK;
    }
    if (err != CT_OK) {
        return err;
    }
    bool is_live = ct_device_check(&p->device, view->timestamp_s, p->identity, NULL) == CT_OK;
    bool is_ours = env->has_keys && memcmp(p->device.wallet20, env->wallet.addr20, 20) == 0;
    if (is_live && !is_ours && !ct_token_replaces(p)) {
        ct_addr_text(owner, p->device.wallet20);
        return ct_why(
            &p->job.why, CT_ERR_AUTH,
            "the name %s is used by another wallet, %s; choose another name, or, if that wallet is "
            "lost, ask for a new token for this very name",
            p->identity, owner);
    }
    bool has_new_key = false;
    err = ct_enrol_take_next_key(env, &p->device, &has_new_key, &p->job.why);
    p->is_registered = is_live && is_ours && memcmp(p->device.key32, env->key.public32, 32) == 0;
    return err;
}

/* ---- the pass ---- */

static ct_err ask_pass(struct ct_prepare *p, struct ct_worker_env *env,
                       const struct ct_own_pass *old)
{
    struct ct_x25519 key;
    struct ct_secret32 secret;
    uint64_t expires_s = 0;
    struct ct_wm_pass_request request = {
        .pass_key32 = key.public32,
        .token = p->is_registered || p->token[0] == '\0' ? NULL : p->token,
        .renews16 = old != NULL ? old->fields.id16 : NULL,
    };
    ct_err err = ct_random(&secret, sizeof secret);
    if (err == CT_OK) {
        err = ct_x25519_from_secret(&key, &secret);
    }
    if (err != CT_OK) {
        return ct_why(&p->job.why, err, "this host cannot make a key");
    }
    err = ct_wm_pass(env->wm, p->pass.pass175, &expires_s, &request, &p->job.why);
    if (err == CT_OK &&
        ct_pass_parse(&p->pass.fields, p->pass.pass175, sizeof p->pass.pass175) != CT_OK) {
        err = ct_why(&p->job.why, CT_ERR_FORMAT, "the wallet manager gave no valid pass");
    }
    if (err == CT_OK) {
        p->pass.secret = secret;
        err = ct_home_save_pass(&env->home, &p->pass, &p->job.why);
    }
    ct_wipe(&secret, sizeof secret);
    ct_wipe(&key, sizeof key);
    return err;
}

static ct_err take_pass(struct ct_prepare *p, struct ct_worker_env *env, const struct ct_view *view)
{
    struct ct_own_pass old;
    uint64_t now_s = ct_wall_s();
    bool has_old = ct_home_load_pass(&env->home, &old) == CT_OK &&
                   memcmp(old.fields.deployment32, env->bundle.deployment32, 32) == 0;
    if (has_old && ct_pass_is_good(&old, env->bundle.deployment32, now_s)) {
        p->pass = old;
        ct_wipe(&old, sizeof old);
        return CT_OK;
    }
    ct_err err = ct_lookup_wm_fresh(env, view, &p->job.why);
    if (err == CT_OK) {
        bool is_live = has_old && old.fields.expiry_s > now_s;
        err = ask_pass(p, env, is_live ? &old : NULL);
        if (is_live && CT_ERR_CLASS(err) == CT_ERR_CLASS_WORLD) {
            p->pass = old; /* good for a while yet; the wallet manager is asked again later */
            err = CT_OK;
        }
    }
    ct_wipe(&old, sizeof old);
    return err;
}

/* ---- all of it ---- */

/* Who moves gives back what was left elsewhere, and needs that relay's record for it. */
static void note_left(struct ct_prepare *p, const struct ct_worker_env *env,
                      const struct ct_relay *relays, size_t count)
{
    struct ct_lane_saved saved;
    if (p->to_relay == 0 || ct_home_load_lane(&env->home, &saved) != CT_OK ||
        saved.relay == p->to_relay) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (relays[i].index == saved.relay) {
            p->left = relays[i];
        }
    }
}

static ct_err choose_relay(struct ct_prepare *p, struct ct_worker_env *env,
                           const struct ct_view *view, struct ct_home_device *home)
{
    struct ct_relay *relays = NULL;
    struct ct_relay_choice choice;
    size_t count = 0;
    ct_err err = ct_lookup_relays(env, view, &relays, &count, &p->job.why);
    if (err != CT_OK) {
        return err;
    }
    note_left(p, env, relays, count);
    /* a fresh home of a registered device goes back to where its record points */
    uint16_t kept = home->relay != 0 ? home->relay : p->is_registered ? p->device.relay : 0;
    err = p->to_relay != 0
              ? ct_relays_take(&choice, relays, count, p->to_relay, view->timestamp_s, &p->job.why)
              : ct_relays_choose(&choice, relays, count, kept, view->timestamp_s, &p->job.why);
    free(relays);
    if (err != CT_OK) {
        return err;
    }
    p->relay = choice.relay;
    p->relay_rtt_us = choice.rtt_us;
    (void)snprintf(home->identity, sizeof home->identity, "%s", p->identity);
    home->relay = choice.relay.index;
    home->is_funded = p->is_funded;
    return ct_home_save_device(&env->home, home, &p->job.why);
}

/* Whether anything has to be asked before the wallet manager is: no token, no enrolment. */
static ct_err check_token(struct ct_prepare *p)
{
    if (p->is_registered || p->token[0] != '\0') {
        return CT_OK;
    }
    return ct_why(&p->job.why, CT_ERR_CONFIG,
                  "%s is not registered with this wallet, and there is no token; get one from your "
                  "wallet manager and give it with --token-file FILE",
                  p->identity);
}

static ct_err prepare(struct ct_prepare *p, struct ct_worker_env *env)
{
    struct ct_home_device home;
    struct ct_view view;
    uint64_t age_s = 0;
    ct_err err = settle_identity(p, env, &home);
    if (err != CT_OK) {
        return err;
    }
    if (p->only_pass) {
        err = take_keys(env, false, &p->job.why);
        if (err != CT_OK) {
            return err == CT_ERR_NOT_FOUND ? CT_ERR_CONFIG : err;
        }
        give_keys(p, env);
        if (!ct_home_has_next_key(&env->home, &age_s) &&
            ct_home_load_pass(&env->home, &p->pass) == CT_OK &&
            ct_pass_is_good(&p->pass, env->bundle.deployment32, ct_wall_s())) {
            return CT_OK;
        }
    }
    if ((err = ct_lookup_view(env, &view, &p->job.why)) != CT_OK) {
        return err;
    }
    if ((err = ct_moved_check(env, &view, &p->job.why)) != CT_OK) {
        return err;
    }
    p->block = view.number;
    p->time_s = view.timestamp_s;
    err = take_keys(env, false, &p->job.why);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return err;
    }
    if ((err = judge_record(p, env, &view)) != CT_OK || (err = check_token(p)) != CT_OK ||
        (err = ct_home_make(&env->home, &p->job.why)) != CT_OK ||
        (err = take_keys(env, true, &p->job.why)) != CT_OK ||
        (err = ct_factory_exchange(p, env, &view)) != CT_OK ||
        (err = take_pass(p, env, &view)) != CT_OK) {
        return err;
    }
    give_keys(p, env);
    if (p->only_pass) {
        return CT_OK;
    }
    if ((err = ct_home_keep_bundle(&env->home, &env->bundle, &p->job.why)) != CT_OK) {
        return err;
    }
    return choose_relay(p, env, &view, &home);
}

void ct_prepare_run(struct ct_job *job, struct ct_worker_env *env)
{
    struct ct_prepare *p = (struct ct_prepare *)job;
    job->err = prepare(p, env);
}
