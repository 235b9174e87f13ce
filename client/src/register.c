/* The record on chain: signed by the device, submitted by the wallet manager (sponsored). */
#include "enrol.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "lookup.h"
#include "wm/wm.h"

#define DAY_S 86400u
#define REGISTERED_DAYS 90u
#define RENEW_DAYS 7u   /* a record with less left is written anew */
#define DEADLINE_S 600u /* how long the wallet manager has for its transaction */
#define OPERATION_MS 60000u
#define SEEN_TRIES 150u /* of 200 ms: until the endpoints' agreed head has the block */

static ct_err sign(struct ct_worker_env *env, const struct ct_register *r,
                   const struct ct_view *view, const struct ct_device *old,
                   struct ct_signed_registration *out, struct ct_why *why)
{
    uint8_t digest[32];
    uint64_t now_s = ct_wall_s() > view->timestamp_s ? ct_wall_s() : view->timestamp_s;
    struct ct_registration *reg = &out->registration;

    memset(out, 0, sizeof *out);
    if (ct_identity_hash(reg->id_hash32, env->identity) != CT_OK) {
        return ct_why(why, CT_ERR_ARG, "%s can be no device's name", env->identity);
    }
    memcpy(reg->key32, env->key.public32, sizeof reg->key32);
    reg->relay = r->relay;
    reg->port = r->port;
    reg->expiry_day = (uint16_t)(now_s / DAY_S + REGISTERED_DAYS);
    reg->sequence = old->sequence;
    reg->deadline_s = now_s + DEADLINE_S;
    ct_registration_digest(digest, env->bundle.chain_id, env->bundle.contract20, reg);
    ct_err err = ct_wallet_sign(out->sig65, &env->wallet, digest);
    return err == CT_OK ? CT_OK : ct_why(why, err, "the wallet cannot sign");
}

static bool is_named(const struct ct_device *device, const struct ct_worker_env *env,
                     const struct ct_register *r, uint64_t time_s)
{
    return ct_device_check(device, time_s, env->identity, NULL) == CT_OK &&
           memcmp(device->wallet20, env->wallet.addr20, 20) == 0 &&
           memcmp(device->key32, env->key.public32, 32) == 0 && device->relay == r->relay &&
           device->port == r->port && device->expiry_day >= time_s / DAY_S + RENEW_DAYS;
}

/* Reads until the record that k endpoints vouch for is the new one. */
static ct_err wait_seen(struct ct_register *r, struct ct_worker_env *env)
{
    struct ct_view view;
    struct ct_device device;
    for (unsigned i = 0; i < SEEN_TRIES; i++) {
        const struct timespec pause = {.tv_nsec = 200000000};
        ct_err err = ct_lookup_view(env, &view, &r->job.why);
        if (err == CT_OK) {
            err = ct_lookup_device(env, &view, env->identity, &device, &r->job.why);
        }
        if (err == CT_OK && is_named(&device, env, r, view.timestamp_s)) {
            return CT_OK;
        }
        if (err != CT_OK && err != CT_ERR_NOT_FOUND && err != CT_ERR_QUORUM) {
            return err;
        }
        (void)nanosleep(&pause, NULL);
    }
    return ct_why(&r->job.why, CT_ERR_CHAIN,
                  "the wallet manager says that %s was registered in block %llu, but the chain's "
                  "endpoints do not show it; try again later",
                  env->identity, (unsigned long long)r->block);
}

static ct_err submit(struct ct_register *r, struct ct_worker_env *env, const struct ct_view *view,
                     const struct ct_device *old)
{
    struct ct_signed_registration signed_reg;
    struct ct_wm_operation operation;
    bool is_live = ct_device_check(old, view->timestamp_s, env->identity, NULL) == CT_OK;
    const char *token = is_live || r->token[0] == '\0' ? NULL : r->token;
    ct_err err;

    if ((err = sign(env, r, view, old, &signed_reg, &r->job.why)) != CT_OK ||
        (err = ct_lookup_wm(env, view, &r->job.why)) != CT_OK ||
        (err = ct_wm_register_device(env->wm, &operation, token, &signed_reg.registration,
                                     signed_reg.sig65, &r->job.why)) != CT_OK ||
        (err = ct_wm_operation_wait(env->wm, &operation, operation.id, OPERATION_MS,
                                    &r->job.why)) != CT_OK) {
        return err;
    }
    r->was_written = true;
    r->block = operation.block;
    return wait_seen(r, env);
}

void ct_register_run(struct ct_job *job, struct ct_worker_env *env)
{
    struct ct_register *r = (struct ct_register *)job;
    struct ct_view view;
    struct ct_device old;

    memset(&old, 0, sizeof old);
    job->err = ct_lookup_view(env, &view, &job->why);
    if (job->err != CT_OK) {
        return;
    }
    job->err = ct_lookup_device(env, &view, env->identity, &old, &job->why);
    if (job->err != CT_OK && job->err != CT_ERR_NOT_FOUND) {
        return;
    }
    if (job->err == CT_OK && is_named(&old, env, r, view.timestamp_s)) {
        r->block = view.number;
        return;
    }
    job->err = submit(r, env, &view, &old);
}
