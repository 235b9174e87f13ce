/* A transaction's receipt out of JSON: outcome, cost, events. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/endpoints.h"
#include "chain/rpc.h"

enum { LOGS_MAX = 2048 };

static ct_err read_log(struct ct_receipt_log *out, const struct ct_json *log)
{
    const struct ct_json *topics = ct_json_get(log, "topics");
    const struct ct_json *data = ct_json_get(log, "data");
    uint8_t *whole = NULL;
    size_t len = ct_json_data_len(data);
    out->topic_count = ct_json_count(topics);
    if (!ct_json_is_array(topics) || out->topic_count > 4 ||
        ct_json_fixed(out->addr20, 20, ct_json_get(log, "address")) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 0; i < out->topic_count; i++) {
        if (ct_json_fixed(out->topics[i], 32, ct_json_at(topics, i)) != CT_OK) {
            return CT_ERR_FORMAT;
        }
    }
    whole = malloc(len + 1);
    if (whole == NULL) {
        return CT_ERR_NOMEM;
    }
    ct_err err = ct_json_data(whole, len, &len, data);
    if (err == CT_OK) {
        out->data_len = len < sizeof(out->data) ? len : sizeof(out->data);
        memcpy(out->data, whole, out->data_len);
    }
    free(whole);
    return err;
}

static ct_err read_logs(struct ct_receipt *out, const struct ct_json *logs)
{
    size_t count = ct_json_count(logs);
    if (!ct_json_is_array(logs) || count > LOGS_MAX) {
        return CT_ERR_FORMAT;
    }
    out->logs = calloc(count + 1, sizeof(*out->logs));
    if (out->logs == NULL) {
        return CT_ERR_NOMEM;
    }
    out->log_count = count;
    for (size_t i = 0; i < count; i++) {
        ct_err err = read_log(&out->logs[i], ct_json_at(logs, i));
        if (err != CT_OK) {
            return err;
        }
    }
    return CT_OK;
}

static ct_err read_receipt(struct ct_receipt *out, const struct ct_json *json,
                           const uint8_t tx_hash32[32])
{
    uint8_t hash[32];
    uint64_t status = 0;
    const struct ct_json *contract = ct_json_get(json, "contractAddress");
    out->found = true;
    if (ct_json_fixed(hash, 32, ct_json_get(json, "transactionHash")) != CT_OK ||
        memcmp(hash, tx_hash32, 32) != 0 ||
        ct_json_u64(&status, ct_json_get(json, "status")) != CT_OK || status > 1 ||
        ct_json_u64(&out->block_number, ct_json_get(json, "blockNumber")) != CT_OK ||
        ct_json_fixed(out->block_hash32, 32, ct_json_get(json, "blockHash")) != CT_OK ||
        ct_json_u64(&out->gas_used, ct_json_get(json, "gasUsed")) != CT_OK ||
        ct_json_u256(&out->gas_price_wei, ct_json_get(json, "effectiveGasPrice")) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    out->succeeded = status == 1;
    out->created = !ct_json_is_null(contract);
    if (out->created && ct_json_fixed(out->contract20, 20, contract) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    return read_logs(out, ct_json_get(json, "logs"));
}

/* One endpoint's answer; a block that is not there yet is CT_OK with found false. */
static ct_err ask_receipt(struct ct_chain *chain, size_t endpoint, const char *params,
                          const uint8_t tx_hash32[32], struct ct_receipt *out, struct ct_why *why)
{
    struct ct_jsonrpc_call call = {"eth_getTransactionReceipt", params};
    struct ct_answer answer = {.document = NULL};
    ct_err err = ct_endpoint_ask(chain, endpoint, &answer, &call, 1, why);
    if (err == CT_OK && answer.items[0].failed) {
        err = ct_jsonrpc_error(&answer.items[0], call.method, why);
    } else if (err == CT_OK && !ct_json_is_null(answer.items[0].result)) {
        err = read_receipt(out, answer.items[0].result, tx_hash32);
        if (err != CT_OK) {
            ct_receipt_free(out);
            err = ct_why(why, err, "its receipt is malformed");
        }
    }
    ct_answer_free(&answer);
    return err;
}

ct_err ct_rpc_receipt(struct ct_chain *chain, const uint8_t tx_hash32[32], struct ct_receipt *out,
                      struct ct_why *why)
{
    char params[2 * 32 + 8];
    char hash[2 * 32 + 3];
    struct ct_why causes = {""};
    size_t n = chain->bundle.rpc_count;
    bool answered = false;
    ct_hex0x(hash, tx_hash32, 32);
    (void)snprintf(params, sizeof(params), "[\"%s\"]", hash);
    for (size_t i = 0; i < n; i++) {
        size_t e = (chain->preferred + i) % n;
        struct ct_receipt receipt;
        struct ct_why cause = {""};
        memset(&receipt, 0, sizeof(receipt));
        ct_err err = ask_receipt(chain, e, params, tx_hash32, &receipt, &cause);
        answered = answered || err == CT_OK;
        if (err == CT_OK && (receipt.found || i + 1 == n)) {
            *out = receipt;
            return CT_OK; /* another one may know what this one does not yet */
        }
        ct_receipt_free(&receipt);
        if (err != CT_OK) {
            ct_endpoint_failed(chain, e, err, &cause);
            ct_endpoint_add_cause(&causes, chain->bundle.rpc[e], &cause);
        }
    }
    if (answered) {
        memset(out, 0, sizeof(*out));
        return CT_OK;
    }
    return ct_why(why, CT_ERR_IO, "no RPC endpoint tells the receipt (%s)", causes.text);
}

void ct_receipt_free(struct ct_receipt *receipt)
{
    if (receipt != NULL) {
        free(receipt->logs);
        memset(receipt, 0, sizeof(*receipt));
    }
}
