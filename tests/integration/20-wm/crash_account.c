/* How often the chain has each request of the crash test: payments by the blocks' transactions, the
 * others by the contract's events. */
#include "crash_requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/json.h"
#include "chain/keccak.h"
#include "chain/rpc.h"

static const char *const events[REQUEST_KINDS] = {
    [REGISTRATION] = "ClientRegistered(bytes32,address,uint256)",
    [CHANGE] = "ClientUpdated(bytes32,uint256)",
    [APPROVAL] = "ClientApproved(bytes32)",
    [RELAY] = "ServerApproved(uint16,address,bytes32,uint16)",
};

struct book {
    const struct request *const *requests;
    unsigned *counts;
    size_t count;
};

static void count_payments(struct book *b, const struct ct_json *block)
{
    const struct ct_json *txs = ct_json_get(block, "transactions");
    for (size_t i = 0; i < ct_json_count(txs); i++) {
        const struct ct_json *tx = ct_json_at(txs, i);
        uint8_t from20[20], to20[20];
        struct ct_u256 value;
        if (ct_json_fixed(from20, 20, ct_json_get(tx, "from")) != CT_OK ||
            ct_json_fixed(to20, 20, ct_json_get(tx, "to")) != CT_OK ||
            ct_json_u256(&value, ct_json_get(tx, "value")) != CT_OK ||
            memcmp(from20, platform.funder.addr20, 20) != 0 || ct_u256_is_zero(&value)) {
            continue;
        }
        for (size_t r = 0; r < b->count; r++) {
            const struct request *request = b->requests[r];
            b->counts[r] +=
                request->kind == PAYMENT && memcmp(to20, request->device.wallet.addr20, 20) == 0;
        }
    }
}

/* The owner is what stands for a relay, a hash for a name. */
static bool is_about(const struct request *r, const struct ct_json *topics)
{
    uint8_t named32[32], subject32[32] = {0}, event32[32], signature32[32];
    size_t at = r->kind == RELAY ? 2 : 1;
    if (events[r->kind] == NULL || ct_json_count(topics) <= at ||
        ct_json_fixed(event32, 32, ct_json_at(topics, 0)) != CT_OK ||
        ct_json_fixed(named32, 32, ct_json_at(topics, at)) != CT_OK) {
        return false;
    }
    ct_keccak256(signature32, events[r->kind], strlen(events[r->kind]));
    if (r->kind == RELAY) {
        memcpy(subject32 + 12, r->device.wallet.addr20, 20);
    } else if (ct_identity_hash(subject32, r->device.identity) != CT_OK) {
        return false;
    }
    return memcmp(event32, signature32, 32) == 0 && memcmp(named32, subject32, 32) == 0;
}

static void count_events(struct book *b, const struct ct_json *logs)
{
    for (size_t i = 0; i < ct_json_count(logs); i++) {
        const struct ct_json *topics = ct_json_get(ct_json_at(logs, i), "topics");
        for (size_t r = 0; r < b->count; r++) {
            b->counts[r] += is_about(b->requests[r], topics);
        }
    }
}

static bool ask(struct book *b, const char *method, const char *params,
                void (*counts)(struct book *b, const struct ct_json *result))
{
    struct ct_json *doc = NULL;
    char *text = ct_anvil_call(&platform.anvil, method, params);
    bool good = text != NULL && ct_json_parse(&doc, text, strlen(text)) == CT_OK &&
                ct_json_get(doc, "result") != NULL;
    if (good) {
        counts(b, ct_json_get(doc, "result"));
    }
    ct_json_free(doc);
    free(text);
    return good;
}

bool request_counts(const struct request *const *requests, unsigned *counts, size_t count)
{
    struct book b = {.requests = requests, .counts = counts, .count = count};
    struct ct_why why = {{0}};
    uint64_t height = 0;
    char params[80];
    bool good = ct_rpc_block_number(platform.chain, &height, &why) == CT_OK;
    memset(counts, 0, count * sizeof *counts);
    for (uint64_t n = 0; n <= height && good; n++) {
        (void)snprintf(params, sizeof params, "[\"0x%llx\",true]", (unsigned long long)n);
        good = ask(&b, "eth_getBlockByNumber", params, count_payments);
        (void)snprintf(params, sizeof params, "[{\"fromBlock\":\"0x%llx\",\"toBlock\":\"0x%llx\"}]",
                       (unsigned long long)n, (unsigned long long)n);
        good = good && ask(&b, "eth_getLogs", params, count_events);
    }
    printf("    counted over %llu blocks\n", (unsigned long long)height);
    return good;
}
