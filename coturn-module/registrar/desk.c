/* The registrar's judgement: what it signs, within what it was opened for; no socket, no clock. */
#include "desk.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "chain/tx.h"
#include "kex/owner.h"
#include "life/registrar_call.h"

/* Only what ct_rg_answer_read() takes. */
static ct_err told(ct_err err)
{
    unsigned class = CT_ERR_CLASS(err);
    return class == CT_ERR_CLASS_WORLD ? CT_ERR_SYSTEM : err;
}

static ct_err open_wallet(struct ct_desk *desk, struct ct_rg_answer *out,
                          const struct ct_rg_open *open)
{
    const char *passphrase = open->passphrase[0] != '\0' ? open->passphrase : NULL;
    if (desk->is_open) {
        return ct_why(&out->why, CT_ERR_STATE, "the registrar is opened once");
    }
    bool made = false;
    ct_err err =
        open->may_make
            ? ct_wallet_open_or_create(&desk->wallet, &made, open->wallet, passphrase, &out->why)
            : ct_wallet_open(&desk->wallet, open->wallet, passphrase, &out->why);
    if (err != CT_OK) {
        return err;
    }
    desk->open = *open;
    desk->is_open = true;
    out->of.open.made = made;
    memcpy(out->of.open.addr20, desk->wallet.addr20, 20);
    return CT_OK;
}

/* A bucket in one number: the time at which it is full again. */
static bool may_call(struct ct_desk *desk, uint64_t now_ms)
{
    uint64_t from_ms = desk->full_at_ms > now_ms ? desk->full_at_ms : now_ms;
    if (from_ms - now_ms > (uint64_t)(CT_DESK_CALLS - 1) * CT_DESK_CALL_MS) {
        return false;
    }
    desk->full_at_ms = from_ms + CT_DESK_CALL_MS;
    return true;
}

static ct_err check_call(struct ct_desk *desk, const struct ct_rg_call *call, uint64_t now_ms,
                         struct ct_why *why)
{
    if (call->fee_wei > desk->open.fee_max_wei) {
        return ct_why(why, CT_ERR_REFUSED,
                      "a fee of %" PRIu64 " wei a unit of gas is above the limit of %" PRIu64
                      " (chainturn-max-fee-gwei)",
                      call->fee_wei, desk->open.fee_max_wei);
    }
    if (call->gas > desk->open.gas_max) {
        return ct_why(why, CT_ERR_REFUSED,
                      "%" PRIu64 " units of gas are more than the limit of %" PRIu64
                      " (chainturn-max-gas)",
                      call->gas, desk->open.gas_max);
    }
    if (!may_call(desk, now_ms)) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the registrar has signed %d transactions and signs one more each %d s",
                      CT_DESK_CALLS, CT_DESK_CALL_MS / 1000);
    }
    return CT_OK;
}

static ct_err sign_call(struct ct_desk *desk, struct ct_rg_answer *out,
                        const struct ct_rg_call *call, uint64_t now_ms)
{
    uint8_t data[CT_RG_CALL_DATA_MAX];
    uint8_t hash32[32];
    ct_err err = check_call(desk, call, now_ms, &out->why);
    if (err != CT_OK) {
        return err;
    }
    struct ct_wr w = ct_wr_init(data, sizeof(data));
    ct_rg_call_data(&w, &desk->open, desk->wallet.addr20, call);
    struct ct_tx tx = {.chain_id = desk->open.chain_id,
                       .nonce = call->nonce,
                       .max_fee_wei = ct_u256_from_u64(call->fee_wei),
                       .max_priority_fee_wei = ct_u256_from_u64(call->tip_wei),
                       .gas_limit = call->gas,
                       .data = data,
                       .data_len = w.len};
    memcpy(tx.to20, desk->open.contract20, 20);
    err = ct_wr_end(&w);
    if (err == CT_OK) {
        err = ct_tx_sign(out->of.call.raw, sizeof(out->of.call.raw), &out->of.call.len, hash32, &tx,
                         &desk->wallet);
    }
    return err == CT_OK ? err
                        : ct_why(&out->why, err, "the transaction could not be signed: %s",
                                 ct_err_text(err));
}

static ct_err sign_statement(struct ct_desk *desk, struct ct_rg_answer *out,
                             const struct ct_rg_statement *statement, uint64_t now_s)
{
    /* or a module that somebody took over for an hour would collect those of years to come */
    if (statement->what == CT_RG_OWNERSHIP &&
        statement->of.ownership.until_s > now_s + CT_OWNER_LIFE_S) {
        return ct_why(&out->why, CT_ERR_REFUSED,
                      "a statement of ownership is good for %u s at most", CT_OWNER_LIFE_S);
    }
    struct ct_typed typed;
    uint8_t words[CT_RG_WORDS_MAX][32];
    uint8_t digest32[32];
    uint8_t sig65[CT_SIG_LEN];
    ct_rg_typed(&typed, words, digest32, &desk->open, desk->wallet.addr20, statement);
    ct_err err = ct_wallet_sign(sig65, &desk->wallet, digest32);
    if (err != CT_OK) {
        return ct_why(&out->why, err, "the statement could not be signed: %s", ct_err_text(err));
    }
    memcpy(out->of.rs64, sig65, 64);
    return CT_OK;
}

void ct_desk_answer(struct ct_desk *desk, struct ct_rg_answer *out,
                    const struct ct_rg_request *request, uint64_t now_ms, uint64_t now_s)
{
    memset(out, 0, sizeof(*out));
    out->kind = request->kind;
    out->number = request->number;
    ct_err err;
    if (request->kind == CT_RG_OPEN) {
        err = open_wallet(desk, out, &request->of.open);
    } else if (!desk->is_open) {
        err = ct_why(&out->why, CT_ERR_STATE, "the registrar is not opened yet");
    } else if (request->kind == CT_RG_CALL) {
        err = sign_call(desk, out, &request->of.call, now_ms);
    } else {
        err = sign_statement(desk, out, &request->of.statement, now_s);
    }
    out->err = told(err);
}

void ct_desk_close(struct ct_desk *desk)
{
    ct_wallet_wipe(&desk->wallet);
    desk->is_open = false;
}
