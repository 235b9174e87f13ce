/*
 * A receipt as an endpoint tells it, through the chain object. Property: a receipt that is found is
 * of the transaction asked for and within its bounds, whatever the endpoint says; what is refused
 * has a sentence and leaves nothing behind.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "base/hex.h"
#include "chain/registry.h"
#include "chain/rpc.h"
#include "endpoint.h"

static const uint8_t hash32[32] = {0xab};

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
    struct fuzz_reply reply = {data, size};
    struct ct_chain *chain = fuzz_endpoint(&reply);
    struct ct_receipt receipt;
    struct ct_why why = {""};
    memset(&receipt, 0, sizeof(receipt));
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
