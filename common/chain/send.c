/* Sending: what a person would have to fill in by hand, checked before anything is signed. */
#include "chain/send.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/tx.h"

enum { POLL_FIRST_MS = 100, POLL_MAX_MS = 1000 };

static ct_err fill_gas(struct ct_chain *chain, const struct ct_wallet *wallet,
                       const struct ct_send *send, struct ct_tx *tx, struct ct_why *why)
{
    struct ct_rpc_tx call = {.from20 = wallet->addr20,
                             .to20 = send->to20,
                             .value_wei = send->value_wei,
                             .data = send->data,
                             .data_len = send->data_len};
    uint64_t gas = send->gas_limit;
    if (gas == 0) {
        ct_err err = ct_rpc_estimate_gas(chain, &call, &gas, why);
        if (err != CT_OK) {
            return err;
        }
        /* what the call finds may have grown until it is mined; what is left over is not paid */
        gas = gas <= UINT64_MAX / 6 ? gas * 6 / 5 : gas;
    }
    tx->gas_limit = gas;
    return CT_OK;
}

/* Value and the most that the gas can cost must be there, or the node refuses in its own words. */
static ct_err check_balance(struct ct_chain *chain, const struct ct_wallet *wallet,
                            const struct ct_tx *tx, struct ct_why *why)
{
    struct ct_u256 balance;
    struct ct_u256 need;
    char addr[CT_ADDR_TEXT_LEN];
    char has_text[CT_U256_DECIMAL_LEN + 2];
    char need_text[CT_U256_DECIMAL_LEN + 2];
    ct_err err = ct_rpc_balance(chain, wallet->addr20, &balance, why);
    if (err != CT_OK) {
        return err;
    }
    if (ct_u256_mul_u64(&need, &tx->max_fee_wei, tx->gas_limit) != CT_OK ||
        ct_u256_add(&need, &need, &tx->value_wei) != CT_OK) {
        return ct_why(why, CT_ERR_CHAIN, "the fees that the endpoint asks for are absurd");
    }
    if (ct_u256_cmp(&balance, &need) >= 0) {
        return CT_OK;
    }
    ct_addr_text(addr, wallet->addr20);
    ct_u256_ether(has_text, &balance);
    ct_u256_ether(need_text, &need);
    return ct_why(why, CT_ERR_CHAIN,
                  "wallet %s has %s ether on chain %" PRIu64
                  " and this transaction may cost a little over %s; send it ether",
                  addr, has_text, tx->chain_id, need_text);
}

static ct_err fill(struct ct_chain *chain, const struct ct_wallet *wallet,
                   const struct ct_send *send, struct ct_tx *tx, struct ct_why *why)
{
    tx->chain_id = ct_chain_bundle(chain)->chain_id;
    tx->value_wei = send->value_wei;
    tx->data = send->data;
    tx->data_len = send->data_len;
    tx->creates = send->to20 == NULL;
    if (!tx->creates) {
        memcpy(tx->to20, send->to20, 20);
    }
    tx->nonce = send->nonce;
    ct_err err = CT_OK;
    if (!send->has_nonce) {
        err = ct_rpc_nonce(chain, wallet->addr20, true, &tx->nonce, why);
    }
    if (err == CT_OK) {
        err = ct_rpc_fees(chain, &tx->max_fee_wei, &tx->max_priority_fee_wei, why);
    }
    if (err == CT_OK) {
        err = fill_gas(chain, wallet, send, tx, why);
    }
    return err == CT_OK ? check_balance(chain, wallet, tx, why) : err;
}

ct_err ct_send(struct ct_chain *chain, const struct ct_wallet *wallet, const struct ct_send *tx,
               uint8_t hash32[32], uint64_t *nonce, struct ct_why *why)
{
    struct ct_tx full;
    uint8_t hash[32];
    size_t len = 0;
    memset(&full, 0, sizeof(full));
    ct_err err = fill(chain, wallet, tx, &full, why);
    if (err != CT_OK) {
        return err;
    }
    size_t room = ct_tx_room(&full);
    uint8_t *raw = malloc(room);
    if (raw == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    err = ct_tx_sign(raw, room, &len, hash, &full, wallet);
    err = err == CT_OK
              ? ct_rpc_send_raw(chain, raw, len, why)
              : ct_why(why, err, "the transaction could not be signed: %s", ct_err_text(err));
    free(raw);
    if (err != CT_OK) {
        return err;
    }
    memcpy(hash32, hash, 32);
    if (nonce != NULL) {
        *nonce = full.nonce;
    }
    return CT_OK;
}

static void nap(uint64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

/* *done when the receipt is there with enough blocks on top. */
static ct_err look(struct ct_chain *chain, const uint8_t hash32[32], unsigned confirmations,
                   bool *done, struct ct_receipt *out, struct ct_why *why)
{
    struct ct_view view = {.number = 0};
    ct_err err = ct_rpc_receipt(chain, hash32, out, why);
    *done = false;
    if (err != CT_OK || !out->found) {
        return err;
    }
    if (confirmations > 1) {
        err = ct_chain_view(chain, &view, why);
    }
    *done = err == CT_OK &&
            (confirmations <= 1 || (view.number >= out->block_number &&
                                    view.number - out->block_number >= confirmations - 1));
    if (!*done) {
        ct_receipt_free(out);
    }
    return err;
}

ct_err ct_send_wait(struct ct_chain *chain, const uint8_t hash32[32], unsigned confirmations,
                    uint32_t timeout_ms, struct ct_receipt *out, struct ct_why *why)
{
    uint64_t end_ms = ct_mono_ms() + timeout_ms;
    uint64_t wait_ms = POLL_FIRST_MS;
    char hash[2 * 32 + 3];
    struct ct_receipt receipt;
    bool done = false;
    ct_hex0x(hash, hash32, 32);
    for (;;) {
        memset(&receipt, 0, sizeof(receipt));
        ct_err err = look(chain, hash32, confirmations, &done, &receipt, why);
        if (done) {
            break;
        }
        uint64_t now_ms = ct_mono_ms();
        if (now_ms >= end_ms) {
            return err != CT_OK ? err
                                : ct_why(why, CT_ERR_TIMEOUT,
                                         "transaction %s is not in a block with %u confirmations "
                                         "after %u ms; it may still get there",
                                         hash, confirmations > 0 ? confirmations : 1, timeout_ms);
        }
        nap(wait_ms < end_ms - now_ms ? wait_ms : end_ms - now_ms);
        wait_ms = wait_ms * 3 / 2 < POLL_MAX_MS ? wait_ms * 3 / 2 : POLL_MAX_MS;
    }
    *out = receipt;
    if (!receipt.succeeded) {
        return ct_why(why, CT_ERR_REFUSED,
                      "transaction %s was mined in block %" PRIu64
                      " and failed there: the contract refused it",
                      hash, receipt.block_number);
    }
    return CT_OK;
}

ct_err ct_send_and_wait(struct ct_chain *chain, const struct ct_wallet *wallet,
                        const struct ct_send *tx, unsigned confirmations, uint32_t timeout_ms,
                        struct ct_receipt *out, struct ct_why *why)
{
    uint8_t hash[32];
    ct_err err = ct_send(chain, wallet, tx, hash, NULL, why);
    return err == CT_OK ? ct_send_wait(chain, hash, confirmations, timeout_ms, out, why) : err;
}
