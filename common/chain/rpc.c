/* Unverified questions, one endpoint after the other until one answers. */
#include "chain/rpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/endpoints.h"
#include "chain/registry.h"

/* Most tip that an endpoint can talk us into, wei a unit of gas: unlike the base fee it is paid. */
static const uint64_t tip_max_wei = 20000000000u;

/* A revert's reason in the registry's words, if it is one of the registry's. */
static ct_err refused(const struct ct_jsonrpc_answer *answer, struct ct_why *why)
{
    const char *reason = ct_registry_error_text(answer->error_data, answer->error_data_len);
    if (reason != NULL) {
        return ct_why(why, CT_ERR_REFUSED, "the registry refuses: %s", reason);
    }
    return ct_why(why, CT_ERR_REFUSED, "the call would fail on chain: %s", answer->error_text);
}

/*
 * The first endpoint that answers, from the preferred one on; out->items have no errors then. An
 * error answer other than a revert may be that endpoint's own trouble: the next one is asked.
 */
static ct_err ask_any(struct ct_chain *chain, struct ct_answer *out,
                      const struct ct_jsonrpc_call *calls, size_t count, struct ct_why *why)
{
    struct ct_why causes = {""};
    size_t n = chain->bundle.rpc_count;
    bool answered = false;
    for (size_t i = 0; i < n; i++) {
        size_t e = (chain->preferred + i) % n;
        struct ct_why cause = {""};
        ct_err err = ct_endpoint_ask(chain, e, out, calls, count, &cause);
        for (size_t c = 0; c < count && err == CT_OK; c++) {
            if (ct_jsonrpc_is_revert(&out->items[c])) {
                err = refused(&out->items[c], why);
                ct_answer_free(out);
                return err;
            }
            if (out->items[c].failed) {
                err = ct_jsonrpc_error(&out->items[c], calls[c].method, &cause);
                ct_answer_free(out);
            }
        }
        if (err == CT_OK) {
            ct_endpoint_good(chain, e);
            chain->preferred = e; /* one that is silent costs its timeout only once */
            return err;
        }
        answered = answered || err == CT_ERR_CHAIN || err == CT_ERR_FORMAT;
        ct_endpoint_failed(chain, e, err, &cause);
        ct_endpoint_add_cause(&causes, chain->bundle.rpc[e], &cause);
    }
    return ct_why(why, answered ? CT_ERR_CHAIN : CT_ERR_IO, "%s: %s",
                  answered ? "the RPC endpoints refuse" : "no RPC endpoint can be reached",
                  causes.text);
}

static ct_err malformed(const char *method, struct ct_why *why)
{
    return ct_why(why, CT_ERR_FORMAT, "%s was answered with something else than asked for", method);
}

static ct_err ask_u256(struct ct_chain *chain, const char *method, const char *params,
                       struct ct_u256 *out, struct ct_why *why)
{
    struct ct_jsonrpc_call call = {method, params};
    struct ct_answer answer = {.document = NULL};
    ct_err err = ask_any(chain, &answer, &call, 1, why);
    if (err == CT_OK && ct_json_u256(out, answer.items[0].result) != CT_OK) {
        err = malformed(method, why);
    }
    ct_answer_free(&answer);
    return err;
}

static ct_err ask_u64(struct ct_chain *chain, const char *method, const char *params, uint64_t *out,
                      struct ct_why *why)
{
    struct ct_u256 wide;
    ct_err err = ask_u256(chain, method, params, &wide, why);
    if (err == CT_OK && ct_u256_to_u64(out, &wide) != CT_OK) {
        err = malformed(method, why);
    }
    return err;
}

ct_err ct_rpc_chain_id(struct ct_chain *chain, uint64_t *out, struct ct_why *why)
{
    return ask_u64(chain, "eth_chainId", "[]", out, why);
}

ct_err ct_rpc_block_number(struct ct_chain *chain, uint64_t *out, struct ct_why *why)
{
    return ask_u64(chain, "eth_blockNumber", "[]", out, why);
}

static void addr_params(char out[80], const uint8_t addr20[20], const char *block)
{
    char addr[2 * 20 + 3];
    ct_hex0x(addr, addr20, 20);
    (void)snprintf(out, 80, "[\"%s\",\"%s\"]", addr, block);
}

ct_err ct_rpc_nonce(struct ct_chain *chain, const uint8_t addr20[20], bool pending, uint64_t *out,
                    struct ct_why *why)
{
    char params[80];
    addr_params(params, addr20, pending ? "pending" : "latest");
    return ask_u64(chain, "eth_getTransactionCount", params, out, why);
}

ct_err ct_rpc_balance(struct ct_chain *chain, const uint8_t addr20[20], struct ct_u256 *out_wei,
                      struct ct_why *why)
{
    char params[80];
    addr_params(params, addr20, "latest");
    return ask_u256(chain, "eth_getBalance", params, out_wei, why);
}

ct_err ct_rpc_fees(struct ct_chain *chain, struct ct_u256 *max_fee_wei,
                   struct ct_u256 *priority_wei, struct ct_why *why)
{
    struct ct_jsonrpc_call calls[2] = {{"eth_getBlockByNumber", "[\"latest\",false]"},
                                       {"eth_maxPriorityFeePerGas", "[]"}};
    struct ct_answer answer = {.document = NULL};
    struct ct_u256 base;
    struct ct_u256 tip;
    struct ct_u256 fee;
    struct ct_u256 most = ct_u256_from_u64(tip_max_wei);
    ct_err err = ask_any(chain, &answer, calls, 2, why);
    if (err != CT_OK) {
        return err;
    }
    bool good =
        ct_json_u256(&base, ct_json_get(answer.items[0].result, "baseFeePerGas")) == CT_OK &&
        ct_json_u256(&tip, answer.items[1].result) == CT_OK;
    ct_answer_free(&answer);
    if (!good) {
        return malformed("eth_getBlockByNumber or eth_maxPriorityFeePerGas", why);
    }
    if (ct_u256_is_zero(&tip)) {
        tip = ct_u256_from_u64(1);
    }
    if (ct_u256_cmp(&tip, &most) > 0) {
        tip = most;
    }
    if (ct_u256_mul_u64(&fee, &base, 2) != CT_OK || ct_u256_add(&fee, &fee, &tip) != CT_OK) {
        return malformed("eth_getBlockByNumber", why);
    }
    *max_fee_wei = fee;
    *priority_wei = tip;
    return CT_OK;
}

static void put(struct ct_wr *w, const char *text)
{
    ct_wr_bytes(w, text, strlen(text));
}

/* [{"from":..,"to":..,"value":..,"data":..},"latest"], allocated. */
static char *tx_params(const struct ct_rpc_tx *tx)
{
    char value[CT_U256_QUANTITY_LEN];
    char addr[2 * 20 + 3];
    size_t cap = 400 + 2 * tx->data_len;
    char *text = malloc(cap);
    if (text == NULL) {
        return NULL;
    }
    struct ct_wr w = ct_wr_init(text, cap);
    put(&w, "[{");
    if (tx->from20 != NULL) {
        ct_hex0x(addr, tx->from20, 20);
        put(&w, "\"from\":\"");
        put(&w, addr);
        put(&w, "\",");
    }
    if (tx->to20 != NULL) {
        ct_hex0x(addr, tx->to20, 20);
        put(&w, "\"to\":\"");
        put(&w, addr);
        put(&w, "\",");
    }
    ct_u256_quantity(value, &tx->value_wei);
    put(&w, "\"value\":\"");
    put(&w, value);
    put(&w, "\",\"data\":\"");
    ct_hex0x(text + w.len, tx->data, tx->data_len);
    w.len += 2 + 2 * tx->data_len;
    put(&w, "\"},\"latest\"]");
    ct_wr_u8(&w, 0);
    return text;
}

ct_err ct_rpc_estimate_gas(struct ct_chain *chain, const struct ct_rpc_tx *tx, uint64_t *out,
                           struct ct_why *why)
{
    char *params = tx_params(tx);
    if (params == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    ct_err err = ask_u64(chain, "eth_estimateGas", params, out, why);
    free(params);
    return err;
}

ct_err ct_rpc_call(struct ct_chain *chain, const struct ct_rpc_tx *tx, uint8_t *out, size_t cap,
                   size_t *len, struct ct_why *why)
{
    struct ct_jsonrpc_call call = {"eth_call", NULL};
    struct ct_answer answer = {.document = NULL};
    char *params = tx_params(tx);
    if (params == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    call.params = params;
    ct_err err = ask_any(chain, &answer, &call, 1, why);
    if (err == CT_OK) {
        err = ct_json_data(out, cap, len, answer.items[0].result);
        err = err == CT_OK || err == CT_ERR_ROOM ? err : malformed("eth_call", why);
    }
    ct_answer_free(&answer);
    free(params);
    return err;
}

/* One that has it already says so in words only; those of geth, anvil, hardhat, nethermind, besu.
 */
static bool already_has_it(const struct ct_why *why)
{
    return strstr(why->text, "already known") != NULL ||
           strstr(why->text, "already imported") != NULL ||
           strstr(why->text, "AlreadyKnown") != NULL ||
           strstr(why->text, "Known transaction") != NULL;
}

ct_err ct_rpc_send_raw(struct ct_chain *chain, const uint8_t *tx, size_t len, struct ct_why *why)
{
    struct ct_jsonrpc_call call = {"eth_sendRawTransaction", NULL};
    struct ct_why causes = {""};
    size_t n = chain->bundle.rpc_count;
    unsigned taken = 0;
    unsigned answered = 0;
    char *params = malloc(2 * len + 8);
    if (params == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    params[0] = '[';
    params[1] = '"';
    ct_hex0x(params + 2, tx, len);
    params[4 + 2 * len] = '"';
    params[5 + 2 * len] = ']';
    params[6 + 2 * len] = '\0';
    call.params = params;
    for (size_t i = 0; i < n && taken < 2; i++) {
        size_t e = (chain->preferred + i) % n;
        struct ct_answer answer = {.document = NULL};
        struct ct_why cause = {""};
        ct_err err = ct_endpoint_ask(chain, e, &answer, &call, 1, &cause);
        answered += err == CT_OK;
        if (err == CT_OK && answer.items[0].failed) {
            err = ct_jsonrpc_error(&answer.items[0], call.method, &cause);
        }
        ct_answer_free(&answer);
        if (err == CT_OK || already_has_it(&cause)) {
            taken++;
        } else {
            ct_endpoint_add_cause(&causes, chain->bundle.rpc[e], &cause);
        }
    }
    free(params);
    if (taken > 0) {
        return CT_OK;
    }
    return ct_why(why, answered > 0 ? CT_ERR_CHAIN : CT_ERR_IO,
                  "no RPC endpoint took the "
                  "transaction (%s)",
                  causes.text);
}
