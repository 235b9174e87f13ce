/* eth_getProof from one endpoint, held to the agreed state root; the next endpoint if it fails. */
#include "chain/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/endpoints.h"
#include "chain/key.h"

/* A proof's nodes out of a JSON list of data strings: one allocation for bytes and spans. */
struct nodes {
    struct ct_span *spans;
    size_t count;
};

static ct_err nodes_read(struct nodes *out, const struct ct_json *list)
{
    size_t count = ct_json_count(list);
    size_t bytes = 0;
    if (!ct_json_is_array(list) || count > CT_TRIE_NODES_MAX) {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 0; i < count; i++) {
        bytes += ct_json_data_len(ct_json_at(list, i));
    }
    struct ct_span *spans = malloc((count + 1) * sizeof(*spans) + bytes);
    if (spans == NULL) {
        return CT_ERR_NOMEM;
    }
    uint8_t *at = (uint8_t *)(spans + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        if (ct_json_data(at, bytes, &len, ct_json_at(list, i)) != CT_OK) {
            free(spans);
            return CT_ERR_FORMAT;
        }
        spans[i] = (struct ct_span){at, len};
        at += len;
        bytes -= len;
    }
    *out = (struct nodes){spans, count};
    return CT_OK;
}

/* What is asked, and what came out of it. */
struct proof {
    const struct ct_view *view;
    const uint8_t *addr20;
    const uint8_t (*slots)[32];
    size_t count;
    bool found;
    struct ct_account account;
    uint8_t (*values)[32];
};

static ct_err read_account(struct proof *p, const struct ct_json *result)
{
    struct nodes nodes = {NULL, 0};
    ct_err err = nodes_read(&nodes, ct_json_get(result, "accountProof"));
    if (err != CT_OK) {
        return err;
    }
    err = ct_trie_account(&p->found, &p->account, p->view->state_root32, p->addr20, nodes.spans,
                          nodes.count);
    free(nodes.spans);
    return err;
}

static ct_err read_slots(struct proof *p, const struct ct_json *result)
{
    const struct ct_json *list = ct_json_get(result, "storageProof");
    if (ct_json_count(list) != p->count) {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 0; i < p->count; i++) {
        /* key and value of the answer are not looked at: the proof alone says what is there */
        struct nodes nodes = {NULL, 0};
        ct_err err = nodes_read(&nodes, ct_json_get(ct_json_at(list, i), "proof"));
        if (err != CT_OK) {
            return err;
        }
        err = ct_trie_storage(p->values[i], p->account.storage_root32, p->slots[i], nodes.spans,
                              nodes.count);
        free(nodes.spans);
        if (err != CT_OK) {
            return err;
        }
    }
    return CT_OK;
}

static ct_err read_proof(struct proof *p, const struct ct_jsonrpc_answer *answer,
                         struct ct_why *why)
{
    if (answer->failed) {
        return ct_jsonrpc_error(answer, "eth_getProof", why);
    }
    ct_err err = read_account(p, answer->result);
    if (err == CT_OK && p->found && p->count > 0) {
        err = read_slots(p, answer->result);
    }
    if (err == CT_OK) {
        return err;
    }
    if (err == CT_ERR_NOMEM) {
        return ct_why(why, err, "no memory");
    }
    return ct_why(why, err, "its proof does not hold against block %" PRIu64 " of the quorum",
                  p->view->number);
}

/* ["0xaddress",["0xslot",..],"0xnumber"], allocated. */
static char *proof_params(const struct proof *p)
{
    char hex[2 * 32 + 3];
    char tail[40];
    size_t cap = 128 + p->count * 70;
    char *text = malloc(cap);
    if (text == NULL) {
        return NULL;
    }
    struct ct_wr w = ct_wr_init(text, cap);
    ct_hex0x(hex, p->addr20, 20);
    ct_wr_bytes(&w, "[\"", 2);
    ct_wr_bytes(&w, hex, 42);
    ct_wr_bytes(&w, "\",[", 3);
    for (size_t i = 0; i < p->count; i++) {
        ct_hex0x(hex, p->slots[i], 32);
        ct_wr_bytes(&w, i > 0 ? ",\"" : "\"", i > 0 ? 2 : 1);
        ct_wr_bytes(&w, hex, 66);
        ct_wr_u8(&w, '"');
    }
    (void)snprintf(tail, sizeof(tail), "],\"0x%" PRIx64 "\"]", p->view->number);
    ct_wr_bytes(&w, tail, strlen(tail) + 1);
    return text;
}

static ct_err ask_endpoint(struct ct_chain *chain, size_t endpoint, struct proof *p,
                           const char *params, struct ct_why *why)
{
    struct ct_jsonrpc_call call = {"eth_getProof", params};
    struct ct_answer answer = {.document = NULL};
    ct_err err = ct_endpoint_ask(chain, endpoint, &answer, &call, 1, why);
    if (err == CT_OK) {
        err = read_proof(p, &answer.items[0], why);
        chain->stats.refused_answers += err != CT_OK;
    }
    ct_answer_free(&answer);
    if (err == CT_OK) {
        ct_endpoint_good(chain, endpoint);
    } else {
        ct_endpoint_failed(chain, endpoint, err, why);
    }
    return err;
}

/* Endpoints that vouched for the view come first, from the one that did well last time on. */
static size_t order(size_t out[CT_BUNDLE_RPC_MAX], const struct ct_chain *chain,
                    const struct ct_view *view)
{
    size_t n = chain->bundle.rpc_count;
    size_t count = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            size_t e = (chain->preferred + i) % n;
            bool vouched = (view->support & 1u << e) != 0;
            if (vouched == (pass == 0)) {
                out[count++] = e;
            }
        }
    }
    return count;
}

static ct_err prove(struct ct_chain *chain, struct proof *p, struct ct_why *why)
{
    size_t endpoints[CT_BUNDLE_RPC_MAX];
    size_t n = order(endpoints, chain, p->view);
    struct ct_why causes = {""};
    bool answered = false;
    char *params = proof_params(p);
    if (params == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    for (size_t i = 0; i < n; i++) {
        struct ct_why cause = {""};
        ct_err err = ask_endpoint(chain, endpoints[i], p, params, &cause);
        if (err == CT_OK || err == CT_ERR_NOMEM) {
            free(params);
            if (err == CT_OK) {
                chain->preferred = endpoints[i];
            }
            return err == CT_OK ? err : ct_why(why, err, "no memory");
        }
        answered = answered || (err != CT_ERR_IO && err != CT_ERR_TIMEOUT);
        ct_endpoint_add_cause(&causes, chain->bundle.rpc[endpoints[i]], &cause);
    }
    free(params);
    return ct_why(why, answered ? CT_ERR_QUORUM : CT_ERR_IO,
                  "no RPC endpoint gave a proof that holds (%s); replace those that are wrong, and "
                  "name some that keep the state of recent blocks",
                  causes.text);
}

ct_err ct_chain_prove(struct ct_chain *chain, const struct ct_view *view,
                      const uint8_t (*slots)[32], size_t count, uint8_t (*values)[32],
                      struct ct_why *why)
{
    uint8_t proven[CT_CHAIN_SLOTS_MAX][32];
    const struct ct_bundle *b = &chain->bundle;
    char addr[CT_ADDR_TEXT_LEN];
    if (ct_addr_is_zero(b->contract20)) {
        return ct_why(why, CT_ERR_STATE, "no contract has been deployed yet");
    }
    if (count > CT_CHAIN_SLOTS_MAX) {
        return ct_why(why, CT_ERR_ARG, "more than %d slots at once", CT_CHAIN_SLOTS_MAX);
    }
    struct proof p = {
        .view = view, .addr20 = b->contract20, .slots = slots, .count = count, .values = proven};
    ct_err err = prove(chain, &p, why);
    if (err != CT_OK) {
        return err;
    }
    ct_addr_text(addr, b->contract20);
    if (!p.found) {
        return ct_why(why, CT_ERR_CHAIN,
                      "no contract at %s on chain %" PRIu64 " (proven at block %" PRIu64
                      "); check the bundle's contract and chain_id",
                      addr, b->chain_id, view->number);
    }
    if (memcmp(p.account.code_hash32, b->code_hash32, 32) != 0) {
        return ct_why(why, CT_ERR_CHAIN,
                      "what stands at %s on chain %" PRIu64
                      " is not the registry of the bundle (its code is another); get a current "
                      "bundle from the wallet manager",
                      addr, b->chain_id);
    }
    if (count > 0) {
        memcpy(values, proven, count * 32);
    }
    return CT_OK;
}

ct_err ct_chain_account(struct ct_chain *chain, const struct ct_view *view,
                        const uint8_t addr20[20], bool *found, struct ct_account *out,
                        struct ct_why *why)
{
    struct proof p = {.view = view, .addr20 = addr20};
    ct_err err = prove(chain, &p, why);
    if (err == CT_OK) {
        *found = p.found;
        if (p.found) {
            *out = p.account;
        }
    }
    return err;
}

ct_err ct_chain_check(struct ct_chain *chain, struct ct_view *out, struct ct_why *why)
{
    struct ct_view view;
    ct_err err = ct_chain_view(chain, &view, why);
    if (err == CT_OK) {
        err = ct_chain_prove(chain, &view, NULL, 0, NULL, why);
    }
    if (err == CT_OK) {
        *out = view;
    }
    return err;
}
