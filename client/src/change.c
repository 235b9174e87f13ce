/* A change of a live record: signed by the device's wallet, and sent by it or by the wallet
 * manager. */
#include "change.h"

#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "chain/registry_client.h"
#include "lookup.h"
#include "own.h"

#define OPERATION_MS 60000u
#define SEEN_TRIES 150u /* of 200 ms: until the endpoints' agreed head has the block */
#define CALL_MAX 512u

static ct_err sign(struct ct_worker_env *env, const struct ct_view *view,
                   struct ct_wm_change *change, uint64_t *deadline_s)
{
    const uint64_t chain_id = env->bundle.chain_id;
    const uint8_t *contract = env->bundle.contract20;
    uint64_t now_s = ct_wall_s() > view->timestamp_s ? ct_wall_s() : view->timestamp_s;
    uint8_t id_hash[32];
    uint8_t digest[32];
    uint8_t *sig = change->of.update.sig65;
    ct_err err = ct_identity_hash(id_hash, env->identity);
    if (err != CT_OK) {
        return err;
    }
    *deadline_s = now_s + CT_CHANGE_LIFE_S;
    switch (change->kind) {
    case CT_WM_UPDATE:
        memcpy(change->of.update.update.id_hash32, id_hash, 32);
        change->of.update.update.deadline_s = *deadline_s;
        ct_client_update_digest(digest, chain_id, contract, &change->of.update.update);
        break;
    case CT_WM_ROTATE:
        memcpy(change->of.rotation.rotation.id_hash32, id_hash, 32);
        change->of.rotation.rotation.deadline_s = *deadline_s;
        ct_key_rotation_digest(digest, chain_id, contract, &change->of.rotation.rotation);
        sig = change->of.rotation.sig65;
        break;
    case CT_WM_REVOKE:
        memcpy(change->of.revocation.revocation.id_hash32, id_hash, 32);
        change->of.revocation.revocation.deadline_s = *deadline_s;
        ct_self_revocation_digest(digest, chain_id, contract, &change->of.revocation.revocation);
        sig = change->of.revocation.sig65;
        break;
    }
    return ct_wallet_sign(sig, &env->wallet, digest);
}

static enum ct_own_kind put_call(struct ct_wr *w, const struct ct_wm_change *change)
{
    switch (change->kind) {
    case CT_WM_ROTATE:
        ct_call_rotate_keys(w, &change->of.rotation, 1);
        return CT_OWN_ROTATE;
    case CT_WM_REVOKE:
        ct_call_revoke_self(w, &change->of.revocation);
        return CT_OWN_REVOKE;
    case CT_WM_UPDATE:
        break;
    }
    ct_call_update_allocation(w, &change->of.update.update);
    return CT_OWN_UPDATE;
}

static ct_err pay(struct ct_worker_env *env, const struct ct_wm_change *change, uint64_t deadline_s,
                  struct ct_written *out, struct ct_why *why)
{
    uint8_t data[CALL_MAX];
    struct ct_own_mined mined;
    struct ct_wr w = ct_wr_init(data, sizeof data);
    struct ct_own_want want = {
        .kind = put_call(&w, change), .data = data, .deadline_s = deadline_s};
    if (ct_wr_end(&w) != CT_OK) {
        return ct_why(why, CT_ERR_ARG, "the change does not fit a call");
    }
    want.data_len = w.len;
    ct_err err = ct_own_send(env, &want, out->hash32, why);
    if (err == CT_OK || err == CT_ERR_IO) {
        err = ct_own_settle(env, &mined, why);
    }
    if (err != CT_OK) {
        return err;
    }
    if (mined.has_failed) {
        return ct_why(why, CT_ERR_REFUSED, "the contract refused the change in block %llu: %s",
                      (unsigned long long)mined.block,
                      mined.refusal != NULL ? mined.refusal : "the record has changed meanwhile");
    }
    *out = (struct ct_written){.block = mined.block, .gas = mined.gas, .by_wallet = true};
    memcpy(out->hash32, mined.hash32, sizeof out->hash32);
    return CT_OK;
}

ct_err ct_change_wait(struct ct_worker_env *env, struct ct_wm_operation *operation,
                      struct ct_written *out, struct ct_why *why)
{
    ct_err err = ct_wm_operation_wait(env->wm, operation, operation->id, OPERATION_MS, why);
    if (err != CT_OK) {
        return err;
    }
    *out = (struct ct_written){.block = operation->block};
    memcpy(out->hash32, operation->transaction32, sizeof out->hash32);
    out->gas = ct_own_gas_share(env, out->hash32);
    return CT_OK;
}

ct_err ct_change_apply(struct ct_worker_env *env, const struct ct_view *view,
                       struct ct_wm_change *change, bool may_pay, struct ct_written *out,
                       struct ct_why *why)
{
    struct ct_wm_operation operation;
    uint64_t deadline_s = 0;

    memset(out, 0, sizeof *out);
    ct_err err = sign(env, view, change, &deadline_s);
    if (err != CT_OK) {
        return ct_why(why, err, "the wallet cannot sign the change");
    }
    if (may_pay) {
        err = pay(env, change, deadline_s, out, why);
        if (err != CT_ERR_ROOM && err != CT_ERR_CHAIN) {
            return err;
        }
        ct_log(&env->log, CT_LOG_INFO, "change_given_to_wallet_manager cause=\"%s\"",
               why != NULL ? why->text : "");
    }
    if ((err = ct_lookup_wm(env, view, why)) != CT_OK ||
        (err = ct_wm_change(env->wm, &operation, change, why)) != CT_OK) {
        return err;
    }
    return ct_change_wait(env, &operation, out, why);
}

ct_err ct_change_view(struct ct_worker_env *env, uint64_t least, struct ct_view *out,
                      struct ct_why *why)
{
    ct_err err = CT_OK;
    for (unsigned i = 0; i < SEEN_TRIES; i++) {
        const struct timespec pause = {.tv_nsec = 200000000};
        err = ct_lookup_view(env, out, why);
        if (err == CT_OK && out->number >= least) {
            return CT_OK;
        }
        if (least == 0 || (err != CT_OK && err != CT_ERR_QUORUM)) {
            return err;
        }
        (void)nanosleep(&pause, NULL);
    }
    return ct_why(why, CT_ERR_CHAIN,
                  "the record was written in block %llu, but the chain's endpoints do not agree on "
                  "that block; try again later",
                  (unsigned long long)least);
}
