/* The funded road's first half: leave for a device to write its own record, or to renew it, and
 * ether for the gas. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "chain/registry_client.h"
#include "tx/crash.h"
#include "api/fields.h"
#include "kex/token.h"
#include "tx/ops.h"

enum { VOUCHER_LIFE_S = 600, CALL_ROOM = 256, GWEI = 1000000000 };

struct wish {
    const char *token;       /* NULL: a renewal */
    struct ct_token parsed;  /* of a renewal jti16 alone, which it is paid for under */
    struct ct_device record; /* as the device is going to write it */
    struct ct_signed_voucher voucher;
    uint64_t gas;       /* limit of its transaction */
    struct ct_u256 wei; /* that the wallet lacks for it */
    struct ct_op_before before;
    bool has_payment;
    struct ct_op payment;
};

static ct_err read_wish(struct wish *out, const struct ct_json *body, struct ct_why *why)
{
    static const char *const names[] = {"token",        "relay",       "port",
                                        "backup_relay", "backup_port", "expiry_day"};
    struct ct_device *r = &out->record;
    const struct {
        const char *name;
        uint16_t *to;
    } numbers[] = {{"relay", &r->relay},
                   {"port", &r->port},
                   {"backup_relay", &r->backup_relay},
                   {"backup_port", &r->backup_port},
                   {"expiry_day", &r->expiry_day}};
    ct_err err = ct_fields_only(body, names, 6, why);
    if (err == CT_OK && ct_json_get(body, "token") != NULL) {
        err = ct_field_text(&out->token, body, "token", why);
    }
    for (size_t i = 0; i < 5 && err == CT_OK; i++) {
        err = ct_field_u16(numbers[i].to, body, numbers[i].name, why);
    }
    return err;
}

/* Who may write which record; record is what the chain has now. */
static bool may_write(const struct ct_api_call *call, const struct wish *w,
                      struct ct_device *record)
{
    const char *identity = call->session->party.identity;
    if (!ct_api_admit(call, record)) {
        return false;
    }
    if (w->token == NULL) {
        if (!ct_api_may_renew(call, record, w->record.expiry_day)) {
            return false;
        }
    } else if (ct_device_check(record, call->api->wall_s(), identity, NULL) == CT_OK) {
        ct_answer_problem(call->answer, 409, "registered",
                          "%s has a live record; change that one by updateAllocation or by "
                          "/v1/changes, and renew it without a token",
                          identity);
        return false;
    }
    return ct_api_day_allowed(call, w->record.expiry_day) &&
           ct_api_relay_serves(call, w->record.relay, w->record.port) &&
           ct_api_relay_serves(call, w->record.backup_relay, w->record.backup_port);
}

static ct_err sign(const struct ct_api_call *call, struct wish *w)
{
    struct ct_voucher *v = &w->voucher.voucher;
    uint8_t digest[32];
    if (w->token == NULL) {
        ct_voucher_day(v->token_hash32, w->record.expiry_day);
    } else {
        ct_token_hash(v->token_hash32, w->token);
    }
    memcpy(v->wallet20, call->session->party.wallet20, sizeof v->wallet20);
    v->deadline_s = call->api->wall_s() + VOUCHER_LIFE_S;
    ct_err err = ct_identity_hash(v->id_hash32, call->session->party.identity);
    if (err == CT_OK) {
        ct_voucher_digest(digest, call->api->chain_id, call->api->contract20, v);
        err = ct_wallet_sign(w->voucher.sig65, call->api->approver, digest);
    }
    return err;
}

/* Gas with a fifth on top, at a quarter more than the fee of now, but never beyond the platform's
 * bounds: what endpoints say of cost is not proven. */
static ct_err price(struct wish *w, const struct ct_fund_policy *policy, const struct ct_u256 *fee)
{
    const struct ct_u256 gwei = ct_u256_from_u64(GWEI);
    struct ct_u256 most;
    struct ct_u256 offer;
    uint64_t gas_most = policy->gas_most;
    if (w->parsed.max_gas != 0 && w->parsed.max_gas < gas_most) {
        gas_most = w->parsed.max_gas;
    }
    w->gas = w->gas > gas_most ? gas_most : w->gas + w->gas / 5;
    w->gas = w->gas > gas_most ? gas_most : w->gas;
    ct_err err = ct_u256_mul_u64(&most, &gwei, policy->fee_most_gwei);
    if (err == CT_OK &&
        (ct_u256_mul_u64(&offer, fee, 5) != CT_OK ||
         ct_u256_div_u32(&offer, NULL, &offer, 4) != CT_OK || ct_u256_cmp(&offer, &most) > 0)) {
        offer = most;
    }
    return err == CT_OK ? ct_u256_mul_u64(&w->wei, &offer, w->gas) : err;
}

/* What the wallet lacks for the very addClient that it is going to send. */
static bool estimate(const struct ct_api_call *call, struct wish *w)
{
    const struct ct_ledger *l = call->ledger;
    const uint8_t *wallet20 = call->session->party.wallet20;
    uint8_t data[CALL_ROOM];
    struct ct_u256 fee;
    struct ct_why why = {{0}};
    struct ct_wr writer = ct_wr_init(data, sizeof data);
    ct_call_add_client(&writer, &w->voucher, &w->record);
    ct_err err = ct_wr_end(&writer);
    if (err == CT_OK) {
        err = l->ops->cost(l->arg, wallet20, data, writer.len, &w->gas, &fee, &why);
    }
    if (err == CT_ERR_REFUSED) {
        ct_answer_problem(call->answer, 422, "contract-refuses", "%s", why.text);
        return false;
    }
    if (err == CT_OK && w->parsed.max_gas != 0 && w->gas > w->parsed.max_gas) {
        ct_answer_problem(call->answer, 403, "token-gas",
                          "the record takes %llu gas, and the token lets this platform pay for "
                          "%llu; ask for a new one",
                          (unsigned long long)w->gas, (unsigned long long)w->parsed.max_gas);
        return false;
    }
    if (err == CT_OK) {
        err = price(w, &call->api->funding, &fee);
    }
    if (err == CT_OK) {
        w->before.is_known = true;
        err = l->ops->account(l->arg, wallet20, &w->before.nonce, &w->before.wei, &why);
    }
    if (err != CT_OK) {
        ct_api_failure(call->answer, err, &why);
        return false;
    }
    if (ct_u256_sub(&w->wei, &w->wei, &w->before.wei) != CT_OK) {
        w->wei = ct_u256_from_u64(0); /* it has more than that */
    }
    return true;
}

static ct_err put_funding(const struct ct_api_call *call, struct wish *w)
{
    const struct ct_hs_party *p = &call->session->party;
    struct ct_store *s = call->api->store;
    struct ct_funding f = {.created_s = call->api->wall_s()};
    struct ct_u256 gwei;
    uint32_t rest = 0;
    ct_err err = ct_u256_div_u32(&gwei, &rest, &w->wei, GWEI);
    if (err == CT_OK) {
        err = ct_u256_to_u64(&f.gwei, &gwei);
    }
    if (err != CT_OK) {
        return err;
    }
    f.gwei += rest > 0;
    memcpy(f.jti16, w->parsed.jti16, sizeof f.jti16);
    memcpy(f.wallet20, p->wallet20, sizeof f.wallet20);
    memcpy(f.wei32, w->wei.be, sizeof f.wei32);
    (void)snprintf(f.identity, sizeof f.identity, "%s", p->identity);
    w->payment = (struct ct_op){.kind = CT_OP_FUND, .state = CT_OP_QUEUED};
    memcpy(w->payment.wallet20, p->wallet20, sizeof w->payment.wallet20);
    (void)snprintf(w->payment.subject, sizeof w->payment.subject, "%s", p->identity);
    err = ct_op_put_payment(&w->payment, p->wallet20, &w->wei);
    if (err == CT_OK) {
        err = ct_op_put_before(&w->payment, &w->before);
    }
    if (err == CT_OK) {
        err = s->ops->funding_add(s, &w->payment, &f, &call->api->funding.most);
    }
    CT_CRASH(payment_stored);
    return err == CT_OK ? s->ops->op_find(s, w->payment.id, &w->payment) : err;
}

/* Ether on its way, once a token or renewal. */
static bool fund(const struct ct_api_call *call, struct wish *w)
{
    if (ct_u256_is_zero(&w->wei)) {
        return true;
    }
    if (!call->api->funding.has_funder) {
        ct_answer_problem(call->answer, 503, "no-funder",
                          "this platform pays for no device, and the wallet lacks ether; send it "
                          "some");
        return false;
    }
    ct_err err = put_funding(call, w);
    if (err == CT_ERR_REFUSED) {
        ct_log(&call->api->log, CT_LOG_ERROR, "funding_limit id=%s hour_gwei=%llu day_gwei=%llu",
               call->session->party.identity, (unsigned long long)call->api->funding.most.hour_gwei,
               (unsigned long long)call->api->funding.most.day_gwei);
        ct_answer_problem(call->answer, 503, "funding-limit",
                          "this platform has paid for as many devices as it does within an hour or "
                          "a day");
    } else if (err == CT_ERR_STATE) {
        ct_answer_problem(call->answer, 409, "too-many",
                          "another wallet of this name is being paid; wait for its end");
    } else if (err != CT_OK) {
        ct_api_store_failed(call, "funding_add", err);
    }
    w->has_payment = w->payment.state == CT_OP_QUEUED || w->payment.state == CT_OP_SENT;
    return err == CT_OK;
}

static void answer(const struct ct_api_call *call, const struct wish *w)
{
    const struct ct_voucher *v = &w->voucher.voucher;
    char hash[2 * 32 + 3], wallet[2 * 20 + 3], sig[2 * CT_SIG_LEN + 3];
    ct_hex0x(hash, v->token_hash32, 32);
    ct_hex0x(wallet, v->wallet20, 20);
    ct_hex0x(sig, w->voucher.sig65, CT_SIG_LEN);
    ct_answer_json(call->answer, 201,
                   "{\"voucher\":{\"token_hash\":\"%s\",\"wallet\":\"%s\",\"deadline\":%llu,"
                   "\"signature\":\"%s\"},\"gas\":%llu%s%s%s}",
                   hash, wallet, (unsigned long long)v->deadline_s, sig, (unsigned long long)w->gas,
                   w->has_payment ? ",\"operation\":\"" : "", w->has_payment ? w->payment.id : "",
                   w->has_payment ? "\"" : "");
    ct_log(&call->api->log, CT_LOG_INFO, "voucher id=%s renews=%u gas=%llu operation=%s",
           call->session->party.identity, w->token == NULL, (unsigned long long)w->gas,
           w->has_payment ? w->payment.id : "none");
    if (w->has_payment && call->api->wake != NULL) {
        call->api->wake(call->api->wake_arg, CT_OP_FUND);
    }
}

void ct_api_vouchers(const struct ct_api_call *call)
{
    struct wish w = {.token = NULL};
    struct ct_device record;
    struct ct_why why = {{0}};
    if (read_wish(&w, call->body, &why) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    if (!may_write(call, &w, &record)) {
        return;
    }
    if (w.token == NULL) {
        ct_api_renewal_key(w.parsed.jti16, call);
    } else if (ct_token_parse(&w.parsed, w.token, strlen(w.token)) != CT_OK) {
        ct_answer_problem(call->answer, 403, "token-invalid",
                          "this is not a token: it does not parse; copy it whole");
        return;
    }
    w.record.sequence = record.sequence;
    memcpy(w.record.key32, call->session->party.key32, sizeof w.record.key32);
    if (sign(call, &w) != CT_OK) {
        ct_answer_problem(call->answer, 500, "internal", "the voucher could not be signed");
        return;
    }
    if (estimate(call, &w) && fund(call, &w) &&
        (w.token != NULL || ct_api_tell_renewal(call, w.record.expiry_day))) {
        answer(call, &w);
    }
}
