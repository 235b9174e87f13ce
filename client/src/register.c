/* The record on chain, step by step: what it says decides what is done next. */
#include "enrol.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "chain/registry.h"
#include "lookup.h"
#include "moved.h"
#include "own.h"
#include "wm/wm.h"

#define DAY_S 86400u
#define REGISTERED_DAYS 90u
#define RENEW_DAYS 7u   /* a record with less left is written anew */
#define DEADLINE_S 600u /* how long the wallet manager has for its transaction */
#define ROUNDS_MAX 12u  /* the longest way has five steps */
#define WAITS_MAX 50u   /* for the wallet manager to see the block that we see */
#define WAIT_MS 300u

uint16_t ct_register_expiry_day(const struct ct_view *view)
{
    uint64_t now_s = ct_wall_s() > view->timestamp_s ? ct_wall_s() : view->timestamp_s;
    return (uint16_t)(now_s / DAY_S + REGISTERED_DAYS);
}

enum ct_register_do ct_register_decide(const struct ct_device *record,
                                       const struct ct_wanted *wanted, uint64_t time_s)
{
    bool is_live = ct_device_check(record, time_s, "", NULL) == CT_OK;
    bool is_ours = memcmp(record->wallet20, wanted->wallet20, 20) == 0 &&
                   memcmp(record->key32, wanted->key32, 32) == 0;
    bool lasts = record->expiry_day >= time_s / DAY_S + RENEW_DAYS;
    if (is_live && is_ours && lasts) {
        return record->relay == wanted->relay && record->port == wanted->port ? CT_REGISTER_NOTHING
                                                                              : CT_REGISTER_UPDATE;
    }
    if (is_live && is_ours && wanted->is_funded && !wanted->by_signature) {
        return CT_REGISTER_RENEW;
    }
    if (is_live || !wanted->is_funded) { /* addClient enrols nobody while a record lives */
        return CT_REGISTER_SPONSORED;
    }
    return record->state == CT_RECORD_PENDING && is_ours && lasts ? CT_REGISTER_APPROVE
                                                                  : CT_REGISTER_ADD;
}

/* ---- the steps ---- */

static void tell(struct ct_register *r, const char *name, bool is_funded,
                 const struct ct_written *written)
{
    r->step = (struct ct_step){.name = name, .is_funded = is_funded, .written = *written};
    r->least = written->block > r->least ? written->block : r->least;
    r->was_written = true;
}

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
    reg->expiry_day = ct_register_expiry_day(view);
    reg->sequence = old->sequence;
    reg->deadline_s = now_s + DEADLINE_S;
    ct_registration_digest(digest, env->bundle.chain_id, env->bundle.contract20, reg);
    ct_err err = ct_wallet_sign(out->sig65, &env->wallet, digest);
    return err == CT_OK ? CT_OK : ct_why(why, err, "the wallet cannot sign");
}

static ct_err register_sponsored(struct ct_register *r, struct ct_worker_env *env,
                                 const struct ct_view *view, const struct ct_device *old)
{
    struct ct_signed_registration signed_reg;
    struct ct_wm_operation operation;
    struct ct_written written;
    struct ct_why *why = &r->job.why;
    bool is_known = ct_device_check(old, view->timestamp_s, env->identity, NULL) == CT_OK &&
                    memcmp(old->key32, env->key.public32, 32) == 0;
    const char *token = is_known || r->token[0] == '\0' ? NULL : r->token;
    ct_err err;

    if ((err = sign(env, r, view, old, &signed_reg, why)) != CT_OK ||
        (err = ct_lookup_wm(env, view, why)) != CT_OK ||
        (err = ct_wm_register_device(env->wm, &operation, token, &signed_reg.registration,
                                     signed_reg.sig65, why)) != CT_OK ||
        (err = ct_change_wait(env, &operation, &written, why)) != CT_OK) {
        return err;
    }
    tell(r, "register", false, &written);
    return CT_OK;
}

static ct_err update(struct ct_register *r, struct ct_worker_env *env, const struct ct_view *view,
                     const struct ct_device *old)
{
    struct ct_written written;
    struct ct_wm_change change = {.kind = CT_WM_UPDATE};
    change.of.update.update = (struct ct_client_update){.relay = r->relay,
                                                        .port = r->port,
                                                        .backup_relay = old->backup_relay,
                                                        .backup_port = old->backup_port,
                                                        .sequence = old->sequence};
    ct_err err = ct_change_apply(env, view, &change, r->is_funded, &written, &r->job.why);
    if (err == CT_OK) {
        tell(r, "update", written.by_wallet, &written);
    }
    return err;
}

/* A transaction that an earlier run left behind. */
static ct_err settle(struct ct_register *r, struct ct_worker_env *env)
{
    static const char *const names[] = {[CT_OWN_ADD_CLIENT] = "add_client",
                                        [CT_OWN_UPDATE] = "update",
                                        [CT_OWN_ROTATE] = "rotate",
                                        [CT_OWN_REVOKE] = "revoke",
                                        [CT_OWN_RENEW] = "renew"};
    struct ct_own_mined mined;
    ct_err err = ct_own_settle(env, &mined, &r->job.why);
    if (err != CT_OK) {
        return err;
    }
    struct ct_written written = {.block = mined.block, .gas = mined.gas, .by_wallet = true};
    memcpy(written.hash32, mined.hash32, sizeof written.hash32);
    if (mined.has_failed || mined.kind >= sizeof names / sizeof names[0]) {
        ct_log(&env->log, CT_LOG_WARN, "own_transaction_failed block=%llu cause=\"%s\"",
               (unsigned long long)mined.block, mined.refusal != NULL ? mined.refusal : "reverted");
        r->least = mined.block > r->least ? mined.block : r->least;
        r->by_signature = r->by_signature || mined.kind == CT_OWN_RENEW;
        return CT_OK;
    }
    tell(r, names[mined.kind], true, &written);
    return CT_OK;
}

static ct_err read_record(struct ct_register *r, struct ct_worker_env *env, struct ct_view *view,
                          struct ct_device *record)
{
    ct_err err = ct_change_view(env, r->least, view, &r->job.why);
    memset(record, 0, sizeof *record);
    if (err == CT_OK) {
        err = ct_moved_check(env, view, &r->job.why);
    }
    if (err == CT_OK) {
        err = ct_lookup_device(env, view, env->identity, record, &r->job.why);
        err = err == CT_ERR_NOT_FOUND ? CT_OK : err;
    }
    if (err == CT_OK) {
        err = ct_enrol_take_next_key(env, record, &r->has_new_key, &r->job.why);
        r->new_key = env->key;
    }
    return err;
}

static ct_err step(struct ct_register *r, struct ct_worker_env *env)
{
    struct ct_view view;
    struct ct_device record;
    const struct ct_wanted wanted = {.wallet20 = env->wallet.addr20,
                                     .key32 = env->key.public32, /* as it is after a rotation */
                                     .relay = r->relay,
                                     .port = r->port,
                                     .is_funded = r->is_funded,
                                     .by_signature = r->by_signature};
    ct_err err = settle(r, env);
    if (err == CT_ERR_NOT_FOUND) {
        err = read_record(r, env, &view, &record);
    } else {
        return err;
    }
    if (err != CT_OK) {
        return err;
    }
    switch (ct_register_decide(&record, &wanted, view.timestamp_s)) {
    case CT_REGISTER_NOTHING:
        r->is_over = true;
        r->block = r->least != 0 ? r->least : view.number;
        return CT_OK;
    case CT_REGISTER_UPDATE:
        return update(r, env, &view, &record);
    case CT_REGISTER_SPONSORED:
        return register_sponsored(r, env, &view, &record);
    case CT_REGISTER_RENEW:
        return ct_funded_renew(r, env, &view, &record);
    case CT_REGISTER_APPROVE:
        if (!r->must_write) {
            return ct_funded_approve(r, env, &view, &record);
        }
        return ct_funded_add(r, env, &view, &record);
    case CT_REGISTER_ADD:
        break;
    }
    return ct_funded_add(r, env, &view, &record);
}

void ct_register_run(struct ct_job *job, struct ct_worker_env *env)
{
    struct ct_register *r = (struct ct_register *)job;
    const struct timespec pause = {.tv_nsec = (long)WAIT_MS * 1000000L};

    memset(&r->step, 0, sizeof r->step);
    if (r->rounds++ >= ROUNDS_MAX) {
        job->err = ct_why(&job->why, CT_ERR_CHAIN,
                          "the record of %s does not become what it was written as; see what "
                          "'chainturn resolve %s' says, and try again later",
                          env->identity, env->identity);
        return;
    }
    job->err = step(r, env);
    while (job->err == CT_ERR_AGAIN && r->waits++ < WAITS_MAX) {
        (void)nanosleep(&pause, NULL);
        job->err = step(r, env);
    }
    if (job->err == CT_ERR_AGAIN) {
        job->err = CT_ERR_CHAIN; /* with the sentence of what was waited for */
    }
}
