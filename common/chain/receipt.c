/* A transaction's receipt, as k endpoints tell it: outcome, cost, events. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/ask.h"
#include "chain/rpc.h"

enum { LOGS_MAX = 1024 };

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

/* What each endpoint tells; the outcome is what k of them tell alike. */
struct told {
    const uint8_t *tx_hash32;
    unsigned k;
    struct ct_receipt by[CT_BUNDLE_RPC_MAX];
};

static ct_err take_receipt(void *arg, size_t endpoint, const struct ct_jsonrpc_answer *items)
{
    struct told *told = arg;
    struct ct_receipt *receipt = &told->by[endpoint];
    if (ct_json_is_null(items[0].result)) {
        return CT_OK; /* not in a block that it knows of */
    }
    ct_err err = read_receipt(receipt, items[0].result, told->tx_hash32);
    if (err != CT_OK) {
        ct_receipt_free(receipt);
    }
    return err;
}

/* The same block, outcome and events; endpoints differ in how they tell cost. */
static bool is_same(const struct ct_receipt *a, const struct ct_receipt *b)
{
    return a->found && b->found && a->succeeded == b->succeeded &&
           a->block_number == b->block_number &&
           memcmp(a->block_hash32, b->block_hash32, 32) == 0 && a->created == b->created &&
           memcmp(a->contract20, b->contract20, 20) == 0 && a->log_count == b->log_count &&
           memcmp(a->logs, b->logs, a->log_count * sizeof(*a->logs)) == 0; /* begun as zeros */
}

/* The receipt that k endpoints tell alike, or NULL. */
static struct ct_receipt *agreed(struct told *told)
{
    for (size_t i = 0; i < CT_BUNDLE_RPC_MAX; i++) {
        unsigned votes = 0;
        for (size_t j = 0; j < CT_BUNDLE_RPC_MAX; j++) {
            votes += is_same(&told->by[i], &told->by[j]);
        }
        if (votes > 0 && votes >= told->k) {
            return &told->by[i];
        }
    }
    return NULL;
}

static bool is_agreed(void *arg)
{
    return agreed(arg) != NULL;
}

ct_err ct_rpc_receipt(struct ct_chain *chain, const uint8_t tx_hash32[32], struct ct_receipt *out,
                      struct ct_why *why)
{
    char params[2 * 32 + 8];
    char hash[2 * 32 + 3];
    struct told told = {.tx_hash32 = tx_hash32, .k = chain->bundle.quorum};
    const struct ct_jsonrpc_call call = {"eth_getTransactionReceipt", params};
    const struct ct_ask ask = {.calls = &call,
                               .count = 1,
                               .want = told.k,
                               .take = take_receipt,
                               .enough = is_agreed,
                               .arg = &told};
    ct_hex0x(hash, tx_hash32, 32);
    (void)snprintf(params, sizeof(params), "[\"%s\"]", hash);
    ct_err err = ct_ask(chain, &ask, why);
    if (err == CT_OK) {
        struct ct_receipt *receipt = agreed(&told);
        memset(out, 0, sizeof(*out));
        for (size_t i = 0; i < CT_BUNDLE_RPC_MAX; i++) {
            out->disputed = out->disputed || (receipt == NULL && told.by[i].found);
        }
        if (receipt != NULL) {
            *out = *receipt;
            memset(receipt, 0, sizeof(*receipt));
        }
    }
    for (size_t i = 0; i < CT_BUNDLE_RPC_MAX; i++) {
        ct_receipt_free(&told.by[i]);
    }
    return err;
}

void ct_receipt_free(struct ct_receipt *receipt)
{
    if (receipt != NULL) {
        free(receipt->logs);
        memset(receipt, 0, sizeof(*receipt));
    }
}
