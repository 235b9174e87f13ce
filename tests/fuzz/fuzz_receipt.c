/*
 * A receipt as an endpoint tells it, through the chain object. Property: a receipt that is found is
 * of the transaction asked for and within its bounds, whatever the endpoint says; what is refused
 * has a sentence and leaves nothing behind.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "base/hex.h"
#include "chain/bundle.h"
#include "chain/registry.h"
#include "chain/rpc.h"
#include "fuzz.h"

static const uint8_t hash32[32] = {0xab};
static const uint8_t *reply;
static size_t reply_len;

/* Every endpoint's answer is the input. */
static ct_err answer(void *arg, struct ct_http_request *requests, size_t count, uint32_t timeout_ms,
                     ct_http_enough *enough, void *enough_arg)
{
    (void)arg;
    (void)timeout_ms;
    (void)enough;
    (void)enough_arg;
    for (size_t i = 0; i < count; i++) {
        requests[i].response = malloc(reply_len + 1);
        HOLDS(requests[i].response != NULL);
        memcpy(requests[i].response, reply, reply_len);
        requests[i].response[reply_len] = '\0';
        requests[i].response_len = reply_len;
        requests[i].status = 200;
        requests[i].err = CT_OK;
    }
    return CT_OK;
}

static void check(const struct ct_receipt *receipt)
{
    const char *reason = NULL;
    uint16_t index = 0;
    char digits[67];
    HOLDS(receipt->log_count <= 2048);
    for (size_t i = 0; i < receipt->log_count; i++) {
        HOLDS(receipt->logs[i].topic_count <= 4 && receipt->logs[i].data_len <= 256);
    }
    if (!receipt->found) {
        HOLDS(receipt->log_count == 0 && !receipt->succeeded);
        return;
    }
    ct_hex0x(digits, hash32, sizeof(hash32));
    if (ct_receipt_relay_approved(&index, receipt, receipt->contract20) == CT_OK) {
        HOLDS(index >= 1);
    }
    if (ct_receipt_client_skipped(&reason, receipt, receipt->contract20, hash32)) {
        HOLDS(reason != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_bundle bundle = {
        .chain_id = 31337, .rpc_count = 1, .quorum = 1, .insecure_single_rpc = true};
    const struct ct_chain_env env = {.http = answer};
    struct ct_chain *chain = NULL;
    struct ct_receipt receipt;
    struct ct_why why = {""};
    memset(&receipt, 0, sizeof(receipt));
    (void)snprintf(bundle.rpc[0], CT_BUNDLE_URL_MAX, "http://127.0.0.1:1");
    reply = data;
    reply_len = size;
    HOLDS(ct_chain_open(&chain, &bundle, &env, &why) == CT_OK);
    ct_err err = ct_rpc_receipt(chain, hash32, &receipt, &why);
    if (err == CT_OK) {
        check(&receipt);
        ct_receipt_free(&receipt);
    } else {
        HOLDS(why.text[0] != '\0');
    }
    ct_chain_free(chain);
    return 0;
}
