/* The funded road: a voucher and ether of the wallet manager, addClient by the device's own wallet,
 * and the approval of what that wrote, unless it renews a record that is approved. */
#include "enrol.h"

#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "chain/registry_client.h"
#include "lookup.h"
#include "own.h"
#include "wm/wm.h"

#define CALL_MAX 256u
#define VOUCHER_LEFT_S 60u /* with less a new one is asked for before anything is sent */
#define PAYMENT_MS 60000u

static ct_err need_token(const struct ct_register *r, const struct ct_worker_env *env,
                         struct ct_why *why)
{
    return r->token[0] != '\0'
               ? CT_OK
               : ct_why(why, CT_ERR_CONFIG,
                        "%s is not registered with this wallet, and there is no token; get one "
                        "from your wallet manager and give it with --token-file FILE",
                        env->identity);
}

/* The gas of addClient is spent for nothing when the contract does not know who signed. */
static ct_err check_signer(const struct ct_register *r, struct ct_worker_env *env,
                           const struct ct_view *view, struct ct_why *why)
{
    bool is_approver = false;
    ct_err err =
        ct_registry_is_approver(env->chain, view, r->voucher.approver20, &is_approver, why);
    if (err == CT_OK && !is_approver) {
        err = ct_why(why, CT_ERR_AUTH,
                     "the wallet manager's voucher is signed by nobody whom the contract lists as "
                     "an approver; tell whoever runs it");
    }
    return err;
}

/* CT_ERR_STATE: a live record has the name, or, to renew it, is not near its end. */
static ct_err ask_voucher(struct ct_register *r, struct ct_worker_env *env,
                          const struct ct_view *view, bool renews)
{
    struct ct_why *why = &r->job.why;
    const struct ct_wm_terms terms = {
        .relay = r->relay, .port = r->port, .expiry_day = ct_register_expiry_day(view)};
    ct_err err = renews ? CT_OK : need_token(r, env, why);
    if (err == CT_OK) {
        err = ct_lookup_wm(env, view, why);
    }
    if (err == CT_OK) {
        err = ct_wm_voucher(env->wm, &r->voucher, renews ? NULL : r->token, &terms, why);
    }
    if (err == CT_ERR_AGAIN) {
        return CT_ERR_REFUSED; /* no more payments for now: nothing to wait for here */
    }
    r->is_to_renew = renews;
    r->voucher_day = terms.expiry_day;
    return err;
}

static ct_err take_voucher(struct ct_register *r, struct ct_worker_env *env,
                           const struct ct_view *view, bool renews)
{
    struct ct_why *why = &r->job.why;
    ct_err err = ask_voucher(r, env, view, renews);
    if (err == CT_OK) {
        err = check_signer(r, env, view, why);
    }
    if (err == CT_OK && !r->voucher.is_paid) {
        err = ct_wm_operation_wait(env->wm, &r->voucher.payment, r->voucher.payment.id, PAYMENT_MS,
                                   why);
    }
    if (err != CT_OK) {
        return err;
    }
    r->has_voucher = true;
    r->step = (struct ct_step){.name = "funded", .is_funded = true};
    if (!r->voucher.is_paid) {
        const struct ct_wm_operation *payment = &r->voucher.payment;
        r->step.written.block = payment->block;
        memcpy(r->step.written.hash32, payment->transaction32, 32);
        r->least = payment->block > r->least ? payment->block : r->least;
    }
    return CT_OK;
}

static bool voucher_lasts(const struct ct_register *r, const struct ct_view *view)
{
    uint64_t now_s = ct_wall_s() > view->timestamp_s ? ct_wall_s() : view->timestamp_s;
    return r->voucher.signed_.voucher.deadline_s >= now_s + VOUCHER_LEFT_S;
}

static ct_err write_record(struct ct_register *r, struct ct_worker_env *env,
                           const struct ct_view *view, const struct ct_device *old, bool renews)
{
    uint8_t data[CALL_MAX];
    struct ct_wr w = ct_wr_init(data, sizeof data);
    struct ct_device device = {.relay = r->relay, .port = r->port, .sequence = old->sequence};
    struct ct_own_want want = {.kind = renews ? CT_OWN_RENEW : CT_OWN_ADD_CLIENT, .data = data};

    if (!r->has_voucher || r->is_to_renew != renews || !voucher_lasts(r, view)) {
        return take_voucher(r, env, view, renews);
    }
    device.expiry_day = r->voucher_day;
    memcpy(device.key32, env->key.public32, sizeof device.key32);
    ct_call_add_client(&w, &r->voucher.signed_, &device);
    if (ct_wr_end(&w) != CT_OK) {
        return ct_why(&r->job.why, CT_ERR_ARG, "addClient does not fit a call");
    }
    want.data_len = w.len;
    want.gas_limit = r->voucher.gas;
    want.deadline_s = r->voucher.signed_.voucher.deadline_s;
    r->step = (struct ct_step){.name = "sent", .is_funded = true};
    r->must_write = false;
    ct_err err = ct_own_send(env, &want, r->step.written.hash32, &r->job.why);
    if (err != CT_OK) {
        r->step.name = NULL;
    }
    return err;
}

ct_err ct_funded_add(struct ct_register *r, struct ct_worker_env *env, const struct ct_view *view,
                     const struct ct_device *old)
{
    ct_err err = write_record(r, env, view, old, false);
    if (err == CT_ERR_STATE) {
        return CT_ERR_AGAIN; /* it sees another block than we do */
    }
    return err == CT_ERR_ROOM ? CT_ERR_REFUSED : err; /* it was paid for once, and not again */
}

ct_err ct_funded_renew(struct ct_register *r, struct ct_worker_env *env, const struct ct_view *view,
                       const struct ct_device *old)
{
    ct_err err = write_record(r, env, view, old, true);
    unsigned of = CT_ERR_CLASS(err);
    if (err == CT_OK || of == CT_ERR_CLASS_WORLD || of == CT_ERR_CLASS_HOST) {
        return err; /* who cannot be reached now may be later */
    }
    ct_log(&env->log, CT_LOG_WARN, "renewal_by_signature cause=\"%s\"", r->job.why.text);
    r->by_signature = true; /* a device that is found counts for more than who pays for it */
    return CT_OK;
}

ct_err ct_funded_approve(struct ct_register *r, struct ct_worker_env *env,
                         const struct ct_view *view, const struct ct_device *pending)
{
    struct ct_wm_operation operation;
    struct ct_written written;
    struct ct_why *why = &r->job.why;
    bool is_elsewhere = pending->relay != r->relay || pending->port != r->port;
    ct_err err = need_token(r, env, why);
    if (err == CT_OK) {
        err = ct_lookup_wm(env, view, why);
    }
    if (err == CT_OK) {
        err = ct_wm_approve_device(env->wm, &operation, r->token, why);
    }
    if (err == CT_ERR_STATE) {
        return CT_ERR_AGAIN; /* it has not seen the block yet */
    }
    if (err == CT_OK) {
        err = ct_change_wait(env, &operation, &written, why);
    }
    if (err == CT_ERR_REFUSED && is_elsewhere) {
        r->must_write = true; /* the relay that it names is gone: written again, with this one */
        return CT_OK;
    }
    if (err == CT_OK) {
        r->step = (struct ct_step){.name = "approve", .is_funded = true, .written = written};
        r->least = written.block > r->least ? written.block : r->least;
        r->was_written = true;
    }
    return err;
}
