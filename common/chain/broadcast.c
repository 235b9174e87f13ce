/* A signed transaction given to endpoints, and which of their words mean that one has it. */
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/endpoints.h"
#include "chain/keccak.h"
#include "chain/node_said.h"
#include "chain/rpc.h"

struct broadcast {
    struct ct_chain *chain;
    struct ct_jsonrpc_call call;
    uint8_t hash32[32];
    unsigned taken; /* told the transaction's hash */
    unsigned known; /* say that they had it, which anybody can say */
    unsigned answered;
    unsigned said[CT_NODE_SAID_COUNT]; /* how many refused it in which sense */
    struct ct_why causes;
};

static void give_to(struct broadcast *b, size_t endpoint)
{
    struct ct_answer answer = {.document = NULL};
    struct ct_why cause = {""};
    uint8_t hash[32];
    ct_err err = ct_endpoint_ask(b->chain, endpoint, &answer, &b->call, 1, &cause);
    b->answered += err == CT_OK;
    if (err == CT_OK && answer.items[0].failed) {
        err = ct_jsonrpc_error(&answer.items[0], b->call.method, &cause);
        enum ct_node_said said = ct_node_said(answer.items[0].error_text);
        b->said[said]++;
        if (said == CT_NODE_HAS_IT) {
            b->known++;
            ct_answer_free(&answer);
            return;
        }
    } else if (err == CT_OK && (ct_json_fixed(hash, 32, answer.items[0].result) != CT_OK ||
                                memcmp(hash, b->hash32, 32) != 0)) {
        err = ct_why(&cause, CT_ERR_FORMAT, "it told another hash than the transaction's");
        ct_endpoint_failed(b->chain, endpoint, err, &cause);
    }
    ct_answer_free(&answer);
    b->taken += err == CT_OK;
    if (err == CT_ERR_IO || err == CT_ERR_TIMEOUT) {
        ct_endpoint_failed(b->chain, endpoint, err, &cause);
    }
    if (err != CT_OK) {
        ct_endpoint_add_cause(&b->causes, b->chain->bundle.rpc[endpoint], &cause);
    }
}

/* "already known" counts beside an endpoint that took it, or from a quorum. */
static bool has_it(const struct broadcast *b)
{
    return b->taken > 0 || b->known >= b->chain->bundle.quorum;
}

/* ["0x.."], allocated. */
static char *raw_params(const uint8_t *tx, size_t len)
{
    char *params = malloc(2 * len + 7);
    if (params != NULL) {
        params[0] = '[';
        params[1] = '"';
        ct_hex0x(params + 2, tx, len);
        params[4 + 2 * len] = '"';
        params[5 + 2 * len] = ']';
        params[6 + 2 * len] = '\0';
    }
    return params;
}

/* What two endpoints mean (the only one, if there is one): a single one may lie. */
static enum ct_node_said meant(const struct broadcast *b)
{
    const unsigned enough = b->chain->bundle.rpc_count > 1 ? 2 : 1;
    for (unsigned said = CT_NODE_SAID_COUNT - 1; said > CT_NODE_OTHER; said--) {
        if (b->said[said] >= enough) {
            return (enum ct_node_said)said;
        }
    }
    return CT_NODE_OTHER;
}

ct_err ct_rpc_send_raw(struct ct_chain *chain, const uint8_t *tx, size_t len, struct ct_why *why)
{
    enum ct_node_said said;
    return ct_rpc_offer(chain, tx, len, &said, why);
}

ct_err ct_rpc_offer(struct ct_chain *chain, const uint8_t *tx, size_t len, enum ct_node_said *said,
                    struct ct_why *why)
{
    size_t order[CT_BUNDLE_RPC_MAX];
    size_t n = ct_endpoint_order(order, chain);
    char *params = raw_params(tx, len);
    struct broadcast b = {.chain = chain, .call = {"eth_sendRawTransaction", params}};
    if (params == NULL) {
        *said = CT_NODE_OTHER;
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    ct_keccak256(b.hash32, tx, len);
    for (size_t i = 0; i < n && !(has_it(&b) && b.taken + b.known >= 2); i++) {
        give_to(&b, order[i]);
    }
    free(params);
    *said = CT_NODE_HAS_IT;
    if (has_it(&b)) {
        return CT_OK;
    }
    *said = meant(&b);
    return ct_why(why, b.answered > 0 ? CT_ERR_CHAIN : CT_ERR_IO,
                  "no RPC endpoint took the transaction (%s)",
                  b.causes.text[0] != '\0' ? b.causes.text
                                           : "too few know it, or none is on the bundle's chain");
}
