/* The funded road: a voucher and ether of the wallet manager, addClient by the device's own wallet,
 * and the approval of what that wrote. */
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

static ct_err take_voucher(struct ct_register *r, struct ct_worker_env *env,
                           const struct ct_view *view)
{
    struct ct_why *why = &r->job.why;
    const struct ct_wm_terms terms = {
        .relay = r->relay, .port = r->port, .expiry_day = ct_register_expiry_day(view)};
    ct_err err = need_token(r, env, why);
    if (err == CT_OK) {
        err = ct_lookup_wm(env, view, why);
    }
    if (err == CT_OK) {
        err = ct_wm_voucher(env->wm, &r->voucher, r->token, &terms, why);
    }
    if (err == CT_ERR_STATE) {
        return CT_ERR_AGAIN; /* it sees another block than we do */
    }
    if (err == CT_ERR_AGAIN) {
        return CT_ERR_REFUSED; /* no more payments for now: nothing to wait for here */
    }
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

ct_err ct_funded_add(struct ct_register *r, struct ct_worker_env *env, const struct ct_view *view,
                     const struct ct_device *old)
{
    uint8_t data[CALL_MAX];
    struct ct_wr w = ct_wr_init(data, sizeof data);
    struct ct_device device = {.relay = r->relay,
                               .port = r->port,
                               .expiry_day = ct_register_expiry_day(view),
                               .sequence = old->sequence};
    struct ct_own_want want = {.kind = CT_OWN_ADD_CLIENT, .data = data};

    if (!r->has_voucher || !voucher_lasts(r, view)) {
        return take_voucher(r, env, view);
    }
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
    return err == CT_ERR_ROOM ? CT_ERR_REFUSED : err; /* it was paid for once, and not again */
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
