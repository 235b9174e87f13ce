/* The relay's own transactions, one at a time; their nonce is what is mined, so that whatever
 * happens in between, one of its form and none beside it gets into a block. */
#include "life/outbox.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hex.h"
#include "chain/keccak.h"
#include "chain/registry.h"
#include "chain/rpc.h"
#include "life/registrar_call.h"

enum {
    OFFER_MS = 15000,   /* sent again after this, in case nobody kept it */
    REPLACE_MS = 90000, /* at a higher fee after this, unless set otherwise */
    GWEI = 1000000000,
};

static const struct ct_rg_open *limits(const struct ct_outbox *o)
{
    return ct_rg_link_open(o->link);
}

static const char *name_of(const struct ct_rg_call *call)
{
    return call->what == CT_RG_WITHDRAW ? "withdrawal" : "registration";
}

void ct_outbox_save(struct ct_outbox *o)
{
    struct ct_why why = {""};
    if (ct_memo_save(o->memo, &o->owner, o->path, &why) != CT_OK) {
        ct_log(&o->log, CT_LOG_WARN, "memo_not_saved reason=\"%s\"", why.text);
    }
}

static void forget(struct ct_outbox *o)
{
    memset(&o->memo->sent, 0, sizeof(o->memo->sent));
    o->offered_ms = o->signed_ms = 0;
    ct_outbox_save(o);
}

/* ---- what it may cost ---- */

static ct_err fit_fee(const struct ct_outbox *o, struct ct_rg_call *call, struct ct_why *why)
{
    struct ct_u256 fee;
    struct ct_u256 tip;
    ct_err err = ct_rpc_fees(o->chain, &fee, &tip, why);
    if (err != CT_OK) {
        return err;
    }
    uint64_t most = limits(o)->fee_max_wei;
    uint64_t twice = 0; /* of the base fee, and the tip */
    uint64_t tip_wei = 0;
    bool fits = ct_u256_to_u64(&twice, &fee) == CT_OK && ct_u256_to_u64(&tip_wei, &tip) == CT_OK &&
                twice >= tip_wei;
    uint64_t least = fits ? (twice - tip_wei) / 2 + tip_wei : UINT64_MAX;
    if (least > most) {
        return ct_why(why, CT_ERR_AGAIN,
                      "a unit of gas costs %" PRIu64 " gwei now and chainturn-max-fee-gwei allows "
                      "%" PRIu64 ": waiting for it to get cheaper",
                      least / GWEI, most / GWEI);
    }
    call->fee_wei = twice < most ? twice : most;
    call->tip_wei = tip_wei;
    return CT_OK;
}

static ct_err fit_gas(const struct ct_outbox *o, struct ct_rg_call *call, struct ct_why *why)
{
    uint8_t data[CT_RG_CALL_DATA_MAX];
    struct ct_wr w = ct_wr_init(data, sizeof(data));
    ct_rg_call_data(&w, limits(o), o->owner.addr20, call);
    if (ct_wr_end(&w) != CT_OK) {
        return ct_why(why, CT_ERR_ROOM, "the call's data does not fit");
    }
    const struct ct_rpc_tx asked = {
        .from20 = o->owner.addr20, .to20 = limits(o)->contract20, .data = data, .data_len = w.len};
    uint64_t gas = 0; /* at most 30 million */
    ct_err err = ct_rpc_estimate_gas(o->chain, &asked, &gas, why);
    if (err != CT_OK) {
        return err;
    }
    if (gas > limits(o)->gas_max) {
        return ct_why(why, CT_ERR_REFUSED,
                      "the %s needs %" PRIu64 " units of gas and chainturn-max-gas allows %" PRIu64,
                      name_of(call), gas, limits(o)->gas_max);
    }
    /* what the call finds may have grown until it is mined; what is left over is not paid */
    call->gas = gas * 6 / 5 < limits(o)->gas_max ? gas * 6 / 5 : limits(o)->gas_max;
    return CT_OK;
}

static ct_err check_purse(const struct ct_outbox *o, const struct ct_rg_call *call,
                          struct ct_why *why)
{
    struct ct_u256 balance;
    struct ct_u256 need;
    struct ct_u256 fee = ct_u256_from_u64(call->fee_wei);
    char addr[CT_ADDR_TEXT_LEN];
    char has_text[CT_U256_DECIMAL_LEN + 2];
    char need_text[CT_U256_DECIMAL_LEN + 2];
    ct_err err = ct_rpc_balance(o->chain, o->owner.addr20, &balance, why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_u256_mul_u64(&need, &fee, call->gas) == CT_OK && ct_u256_cmp(&balance, &need) >= 0) {
        return CT_OK;
    }
    ct_addr_text(addr, o->owner.addr20);
    ct_u256_ether(has_text, &balance);
    ct_u256_ether(need_text, &need);
    return ct_why(why, CT_ERR_ROOM,
                  "the relay's wallet %s has %s ether and its %s may cost a little over %s; send "
                  "it ether",
                  addr, has_text, name_of(call), need_text);
}

/* ---- sending ---- */

static void tell_sent(const struct ct_outbox *o, const char *event)
{
    const struct ct_memo_sent *sent = &o->memo->sent;
    uint8_t hash32[32];
    char hash[67];
    ct_keccak256(hash32, sent->raw, sent->len);
    ct_hex0x(hash, hash32, sizeof(hash32));
    ct_log(&o->log, CT_LOG_INFO, "%s_%s transaction=%s nonce=%" PRIu64 " replaces=%u",
           name_of(&sent->call), event, hash, sent->call.nonce, sent->call.index);
}

/* Signed, and on disk before anybody else has it: a crash finds it again. */
static ct_err sign(struct ct_outbox *o, const struct ct_rg_call *call, struct ct_why *why)
{
    struct ct_memo_sent before = o->memo->sent;
    struct ct_memo_sent *sent = &o->memo->sent;
    struct ct_memo_sent made = {.call = *call};
    o->is_reverted = false;
    ct_err err = ct_rg_link_call(o->link, made.raw, &made.len, call, why);
    if (err != CT_OK) {
        return err;
    }
    *sent = made;
    err = ct_memo_save(o->memo, &o->owner, o->path, why);
    if (err != CT_OK) {
        *sent = before;
        return err;
    }
    o->signed_ms = ct_mono_ms();
    return CT_OK;
}

static ct_err offer(struct ct_outbox *o, struct ct_why *why)
{
    o->offered_ms = ct_mono_ms();
    return ct_rpc_send_raw(o->chain, o->memo->sent.raw, o->memo->sent.len, why);
}

ct_err ct_outbox_send(struct ct_outbox *o, const struct ct_rg_call *want, struct ct_why *why)
{
    struct ct_rg_call call = *want;
    if (!o->link || o->memo->sent.call.what != 0) {
        return ct_why(why, CT_ERR_STATE, "no registrar, or a transaction is under way");
    }
    ct_err err = ct_rpc_nonce(o->chain, o->owner.addr20, false, &call.nonce, why);
    if (err == CT_OK) {
        err = fit_fee(o, &call, why);
    }
    if (err == CT_OK) {
        err = fit_gas(o, &call, why);
    }
    if (err == CT_OK) {
        err = check_purse(o, &call, why);
    }
    if (err == CT_OK) {
        err = sign(o, &call, why);
    }
    if (err != CT_OK) {
        return err;
    }
    err = offer(o, why);
    if (err == CT_OK) {
        tell_sent(o, "sent");
    } else if (err == CT_ERR_CHAIN) { /* whoever could be asked does not want it */
        forget(o);
    }
    return err;
}

/* ---- what becomes of it ---- */

/* The same at a fee that nodes take in its place: an eighth more. */
static ct_err replace(struct ct_outbox *o, struct ct_why *why)
{
    struct ct_rg_call call = o->memo->sent.call;
    uint64_t most = limits(o)->fee_max_wei;
    uint64_t least = call.fee_wei + call.fee_wei / 8 + 1;
    if (least > most) {
        o->signed_ms = ct_mono_ms(); /* the next try to replace it is as far off as this one was */
        return offer(o, why);
    }
    uint64_t tip = call.tip_wei + call.tip_wei / 4 + 1;
    call.fee_wei =
        call.fee_wei + call.fee_wei / 4 < most ? call.fee_wei + call.fee_wei / 4 + 1 : most;
    call.tip_wei = tip < call.fee_wei ? tip : call.fee_wei;
    ct_err err = sign(o, &call, why);
    if (err != CT_OK) {
        o->signed_ms = ct_mono_ms(); /* until then it is offered as it is */
        return err;
    }
    err = offer(o, why);
    tell_sent(o, "replaced");
    return err;
}

static ct_err press(struct ct_outbox *o, struct ct_why *why)
{
    uint64_t now = ct_mono_ms();
    if (o->signed_ms == 0) {
        o->signed_ms = now; /* of an earlier run */
    }
    uint32_t replace_ms = o->replace_ms != 0 ? o->replace_ms : REPLACE_MS;
    if (o->link && now - o->signed_ms >= replace_ms) {
        return replace(o, why);
    }
    bool is_first = o->offered_ms == 0;
    if (!is_first && now - o->offered_ms < OFFER_MS) {
        return CT_OK;
    }
    ct_err err = offer(o, why);
    if (is_first && err == CT_OK) {
        tell_sent(o, "sent_again");
    }
    return err;
}

static void tell_mined(const struct ct_outbox *o, const struct ct_receipt *receipt)
{
    const struct ct_rg_call *call = &o->memo->sent.call;
    if (!receipt->succeeded) {
        ct_log(&o->log, CT_LOG_WARN,
               "%s_failed block=%" PRIu64 ": the contract refused it there; what to do is decided "
               "anew",
               name_of(call), receipt->block_number);
        return;
    }
    ct_log(&o->log, CT_LOG_INFO, "%s block=%" PRIu64 " gas=%" PRIu64,
           call->what == CT_RG_WITHDRAW ? "withdrawn" : "registered", receipt->block_number,
           receipt->gas_used);
}

/* By its receipt; without one (it went in at another fee, or another took its place) by the count
 * of what is mined, and then the newest block is the latest in which it can be. */
static ct_err find_mined(struct ct_outbox *o, struct ct_why *why)
{
    struct ct_memo_sent *sent = &o->memo->sent;
    uint8_t hash32[32];
    struct ct_receipt receipt;
    uint64_t nonce = 0;
    uint64_t block = 0;
    memset(&receipt, 0, sizeof(receipt));
    ct_keccak256(hash32, sent->raw, sent->len);
    ct_err err = ct_rpc_nonce(o->chain, o->owner.addr20, false, &nonce, why);
    if (err != CT_OK || nonce <= sent->call.nonce) {
        return err;
    }
    err = ct_rpc_receipt(o->chain, hash32, &receipt, why);
    if (err != CT_OK) {
        return err;
    }
    if (receipt.found) {
        block = receipt.block_number;
        tell_mined(o, &receipt);
        o->is_reverted = !receipt.succeeded;
        ct_receipt_free(&receipt);
    } else {
        err = ct_rpc_block_number(o->chain, &block, why);
    }
    if (err == CT_OK) {
        sent->mined_block = block;
        ct_outbox_save(o);
    }
    return err;
}

/* The block may have vanished: then the count of what is mined has gone back. */
static ct_err check_mined(struct ct_outbox *o, uint64_t view_number, struct ct_why *why)
{
    struct ct_memo_sent *sent = &o->memo->sent;
    uint64_t nonce = 0;
    ct_err err = ct_rpc_nonce(o->chain, o->owner.addr20, false, &nonce, why);
    if (err == CT_OK && nonce <= sent->call.nonce) {
        sent->mined_block = 0;
        ct_log(&o->log, CT_LOG_WARN, "%s_undone: its block vanished; it is sent again",
               name_of(&sent->call));
        return press(o, why);
    }
    if (err == CT_OK && view_number >= sent->mined_block) {
        forget(o);
    }
    return err;
}

ct_err ct_outbox_settle(struct ct_outbox *o, uint64_t view_number, struct ct_why *why)
{
    struct ct_memo_sent *sent = &o->memo->sent;
    if (sent->call.what == 0) {
        return CT_OK;
    }
    ct_err err = sent->mined_block == 0 ? find_mined(o, why) : CT_OK;
    if (err == CT_OK && sent->mined_block != 0) {
        err = check_mined(o, view_number, why);
    } else if (err == CT_OK) {
        err = press(o, why);
    }
    if (err != CT_OK) {
        return err;
    }
    return sent->call.what == 0 ? CT_OK : CT_ERR_AGAIN;
}
