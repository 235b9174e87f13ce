/* What the client reads from the chain, proof-checked; in the worker's thread. */
#include "lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chain/registry.h"
#include "pins.h"
#include "wm/wm.h"

/* Trouble with endpoints is trouble with the chain, whatever broke underneath. */
static ct_err of_chain(ct_err err)
{
    switch (err) {
    case CT_ERR_IO:
    case CT_ERR_TIMEOUT:
    case CT_ERR_EXPIRED:
    case CT_ERR_FORMAT:
    case CT_ERR_AUTH:
    case CT_ERR_REFUSED:
    case CT_ERR_AGAIN:
        return CT_ERR_CHAIN;
    default:
        return err;
    }
}

ct_err ct_lookup_view(struct ct_worker_env *env, struct ct_view *out, struct ct_why *why)
{
    if (env->chain == NULL) {
        struct ct_chain_env chain = {.log = env->log};
        ct_err err = ct_chain_open(&env->chain, &env->bundle, &chain, why);
        if (err != CT_OK) {
            return err;
        }
    }
    return of_chain(ct_chain_view(env->chain, out, why));
}

ct_err ct_lookup_device(struct ct_worker_env *env, const struct ct_view *view, const char *identity,
                        struct ct_device *out, struct ct_why *why)
{
    uint8_t hash[32];
    if (ct_identity_hash(hash, identity) != CT_OK) {
        return ct_why(why, CT_ERR_ARG,
                      "\"%s\" can be no device's name: 1 to 63 characters out of A-Z a-z 0-9 . _ : "
                      "@ -",
                      identity);
    }
    ct_err err = of_chain(ct_registry_device(env->chain, view, hash, out, why));
    if (err == CT_ERR_NOT_FOUND) {
        return ct_why(why, err,
                      "%s is not registered (proven at block %llu); check the name, or enrol that "
                      "device first",
                      identity, (unsigned long long)view->number);
    }
    return err;
}

static ct_err take_relay(struct ct_worker_env *env, const struct ct_view *view,
                         struct ct_found *found, struct ct_why *why)
{
    struct ct_relay relay;
    if (found->device.relay == 0) {
        return CT_OK;
    }
    ct_err err = of_chain(ct_registry_relay(env->chain, view, found->device.relay, &relay, why));
    if (err == CT_OK && ct_relay_check(&relay, view->timestamp_s, NULL) == CT_OK) {
        found->relay = relay;
        found->relay.index = found->device.relay;
    }
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

static ct_err find(struct ct_worker_env *env, struct ct_view *view, const char *identity,
                   struct ct_found *out, struct ct_why *why)
{
    struct ct_found found;
    ct_err err;

    memset(&found, 0, sizeof found);
    if ((err = ct_lookup_view(env, view, why)) != CT_OK ||
        (err = ct_lookup_device(env, view, identity, &found.device, why)) != CT_OK ||
        (err = ct_device_check(&found.device, view->timestamp_s, identity, why)) != CT_OK ||
        (err = take_relay(env, view, &found, why)) != CT_OK) {
        return err;
    }
    (void)snprintf(found.identity, sizeof found.identity, "%s", identity);
    found.block = view->number;
    found.block_time_s = view->timestamp_s;
    found.read_s = ct_wall_s();
    found.k = view->k;
    found.n = view->n;
    *out = found;
    return CT_OK;
}

ct_err ct_lookup_whoever(struct ct_worker_env *env, const char *identity, struct ct_found *out,
                         struct ct_why *why)
{
    struct ct_view view;
    return find(env, &view, identity, out, why);
}

ct_err ct_lookup_found(struct ct_worker_env *env, const char *identity, struct ct_found *out,
                       struct ct_why *why)
{
    struct ct_view view;
    struct ct_found found;
    ct_err err = find(env, &view, identity, &found, why);
    if (err == CT_OK) {
        err = ct_pin_check(env, &view, &found, why);
    }
    if (err == CT_OK) {
        *out = found;
    }
    return err;
}

ct_err ct_lookup_relays(struct ct_worker_env *env, const struct ct_view *view,
                        struct ct_relay **out, size_t *count, struct ct_why *why)
{
    uint16_t total = 0;
    ct_err err = of_chain(ct_registry_relay_count(env->chain, view, &total, why));
    if (err != CT_OK) {
        return err;
    }
    struct ct_relay *relays = calloc((size_t)total + 1, sizeof *relays);
    if (relays == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    err = of_chain(ct_registry_relays(env->chain, view, relays, (size_t)total + 1, count, why));
    if (err != CT_OK) {
        free(relays);
        return err;
    }
    *out = relays;
    return CT_OK;
}

ct_err ct_lookup_wm(struct ct_worker_env *env, const struct ct_view *view, struct ct_why *why)
{
    return env->wm != NULL ? CT_OK : ct_lookup_wm_fresh(env, view, why);
}

static bool same_key(const struct ct_wm_key *a, const struct ct_wm_key *b)
{
    return a->id == b->id && a->not_after_s == b->not_after_s;
}

ct_err ct_lookup_wm_fresh(struct ct_worker_env *env, const struct ct_view *view, struct ct_why *why)
{
    struct ct_wm_key keys[2];
    ct_err err = of_chain(ct_registry_wm_keys(env->chain, view, keys, why));
    if (err != CT_OK) {
        return err;
    }
    if (env->wm != NULL && same_key(&keys[0], &env->wm_keys[0]) &&
        same_key(&keys[1], &env->wm_keys[1])) {
        return CT_OK;
    }
    ct_wm_free(env->wm);
    env->wm = NULL;
    memcpy(env->wm_keys, keys, sizeof env->wm_keys);
    struct ct_wm_config config = {
        .bundle = &env->bundle,
        .keys = keys,
        .key_count = 2,
        .purpose = CT_HS_ENROL_DEVICE,
        .identity = env->identity,
        .wallet = &env->wallet,
        .key = &env->key,
        .memory = ct_home_memory(&env->home),
    };
    return ct_wm_open(&env->wm, &config, why);
}
