/* What a transaction has to be told, by as many endpoints as each question is worth. */
#include "chain/rpc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/ask.h"
#include "chain/keccak.h"

/* More gas than a transaction of ours can need: an estimate beyond it is a lie. */
static const uint64_t gas_max = 30000000;
/* A quantity as several endpoints tell it, and which of their words to go by. */
struct numbers {
    uint64_t max; /* more than this is no answer; 0: any */
    bool highest;
    size_t count;
    struct ct_u256 picked;
};

static ct_err take_number(void *arg, size_t endpoint, const struct ct_jsonrpc_answer *items)
{
    struct numbers *n = arg;
    struct ct_u256 value;
    uint64_t small = 0;
    (void)endpoint;
    if (ct_json_u256(&value, items[0].result) != CT_OK ||
        (n->max != 0 && (ct_u256_to_u64(&small, &value) != CT_OK || small > n->max))) {
        return CT_ERR_FORMAT;
    }
    int order = ct_u256_cmp(&value, &n->picked);
    if (n->count == 0 || (n->highest ? order > 0 : order < 0)) {
        n->picked = value;
    }
    n->count++;
    return CT_OK;
}

/* How many endpoints to hear before something is believed that no proof follows up. */
static unsigned quorum_of(const struct ct_chain *chain)
{
    return chain->bundle.quorum;
}

static ct_err ask_number(struct ct_chain *chain, const char *method, const char *params,
                         unsigned want, struct numbers *n, struct ct_why *why)
{
    const struct ct_jsonrpc_call call = {method, params};
    const struct ct_ask ask = {.calls = &call,
                               .count = 1,
                               .may_revert = strcmp(method, "eth_estimateGas") == 0,
                               .want = want,
                               .take = take_number,
                               .arg = n};
    return ct_ask(chain, &ask, why);
}

static ct_err ask_u64(struct ct_chain *chain, const char *method, const char *params, unsigned want,
                      bool highest, uint64_t max, uint64_t *out, struct ct_why *why)
{
    struct numbers n = {.max = max, .highest = highest};
    ct_err err = ask_number(chain, method, params, want, &n, why);
    return err == CT_OK ? ct_u256_to_u64(out, &n.picked) : err;
}

ct_err ct_rpc_chain_id(struct ct_chain *chain, uint64_t *out, struct ct_why *why)
{
    return ask_u64(chain, "eth_chainId", "[]", 1, false, UINT64_MAX, out, why);
}

ct_err ct_rpc_block_number(struct ct_chain *chain, uint64_t *out, struct ct_why *why)
{
    return ask_u64(chain, "eth_blockNumber", "[]", quorum_of(chain), false, UINT64_MAX, out, why);
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
    /* too low a nonce is refused when it is sent; one too high would wait for ever */
    return ask_u64(chain, "eth_getTransactionCount", params, quorum_of(chain), false, UINT64_MAX,
                   out, why);
}

ct_err ct_rpc_balance(struct ct_chain *chain, const uint8_t addr20[20], struct ct_u256 *out_wei,
                      struct ct_why *why)
{
    char params[80];
    addr_params(params, addr20, "latest");
    struct numbers n = {.highest = true}; /* the node that takes the transaction knows better */
    ct_err err = ask_number(chain, "eth_getBalance", params, quorum_of(chain), &n, why);
    if (err == CT_OK) {
        *out_wei = n.picked;
    }
    return err;
}

static void put(struct ct_wr *w, const char *text)
{
    ct_wr_bytes(w, text, strlen(text));
}

/* [{"from":..,"to":..,"gas":..,"value":..,"data":..},"latest"], allocated. */
static char *tx_params(const struct ct_rpc_tx *tx)
{
    char value[CT_U256_QUANTITY_LEN];
    char addr[2 * 20 + 3];
    char gas[32];
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
    if (tx->gas != 0) {
        (void)snprintf(gas, sizeof gas, "\"gas\":\"0x%" PRIx64 "\",", tx->gas);
        put(&w, gas);
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
    ct_err err =
        ask_u64(chain, "eth_estimateGas", params, quorum_of(chain), true, gas_max, out, why);
    free(params);
    return err;
}

/* What k endpoints say alike: there is no proof of what a call returns. */
struct returned {
    uint8_t *out;
    size_t cap;
    size_t len; /* cap + 1: longer than cap */
    unsigned k;
    bool agreed;
    size_t count;
    uint8_t heard[CT_BUNDLE_RPC_MAX][32]; /* hashes of the answers */
};

static ct_err take_returned(void *arg, size_t endpoint, const struct ct_jsonrpc_answer *items)
{
    struct returned *r = arg;
    unsigned alike = 1;
    uint8_t *hash = r->heard[r->count];
    (void)endpoint;
    if (r->agreed) {
        return CT_OK; /* out is what they agree on */
    }
    ct_err err = ct_json_data(r->out, r->cap, &r->len, items[0].result);
    if (err == CT_ERR_ROOM) {
        r->len = r->cap + 1;
        memset(hash, 0, 32);
    } else if (err != CT_OK) {
        return err;
    } else {
        ct_keccak256(hash, r->out, r->len);
    }
    for (size_t i = 0; i < r->count; i++) {
        alike += memcmp(r->heard[i], hash, 32) == 0;
    }
    r->agreed = alike >= r->k;
    r->count += r->count + 1 < CT_BUNDLE_RPC_MAX;
    return CT_OK;
}

static bool is_agreed(void *arg)
{
    const struct returned *r = arg;
    return r->agreed;
}

ct_err ct_rpc_call(struct ct_chain *chain, const struct ct_rpc_tx *tx, uint8_t *out, size_t cap,
                   size_t *len, struct ct_why *why)
{
    struct returned returned = {.out = out, .cap = cap, .k = quorum_of(chain)};
    char *params = tx_params(tx);
    if (params == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    const struct ct_jsonrpc_call call = {"eth_call", params};
    const struct ct_ask ask = {.calls = &call,
                               .count = 1,
                               .may_revert = true,
                               .want = returned.k,
                               .take = take_returned,
                               .enough = is_agreed,
                               .arg = &returned};
    ct_err err = ct_ask(chain, &ask, why);
    free(params);
    if (err == CT_OK && !returned.agreed) {
        return ct_why(why, CT_ERR_QUORUM,
                      "fewer than %u RPC endpoints say alike what the call returns; try again, or "
                      "check that they are in sync",
                      returned.k);
    }
    if (err == CT_OK && returned.len > cap) {
        return ct_why(why, CT_ERR_ROOM, "eth_call returned more than %zu bytes", cap);
    }
    if (err == CT_OK) {
        *len = returned.len;
    }
    return err;
}
