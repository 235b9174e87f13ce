/* What the bundle's contract logged in a range of blocks, as k endpoints tell it alike. */
#include "chain/logs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "chain/ask.h"
#include "chain/header.h"

enum { PARAMS_MAX = 256 + CT_LOGS_TOPICS_MAX * 70, LOGS_MAX = 4096 };

/* What each endpoint tells; the outcome is what k of them tell alike. */
struct told {
    const struct ct_chain *chain;
    const struct ct_logs_query *query;
    struct ct_logs by[CT_BUNDLE_RPC_MAX];
    bool there[CT_BUNDLE_RPC_MAX];
};

static bool is_asked_for(const struct ct_logs_query *query, const struct ct_logged *log)
{
    for (size_t i = 0; log->topic_count > 0 && i < query->kind_count; i++) {
        if (memcmp(log->topics[0], query->kinds[i], 32) == 0) {
            return log->block >= query->from && log->block <= query->to;
        }
    }
    return false;
}

static ct_err read_data(struct ct_logged *out, const struct ct_json *data)
{
    size_t len = ct_json_data_len(data);
    uint8_t *whole = malloc(len + 1);
    if (whole == NULL) {
        return CT_ERR_NOMEM;
    }
    ct_err err = ct_json_data(whole, len, &len, data);
    if (err == CT_OK) {
        out->data_len = len < CT_LOG_DATA_MAX ? len : CT_LOG_DATA_MAX;
        memcpy(out->data, whole, out->data_len);
    }
    free(whole);
    return err;
}

static ct_err read_log(struct ct_logged *out, const struct told *told, const struct ct_json *log)
{
    const struct ct_json *topics = ct_json_get(log, "topics");
    uint8_t addr[20];
    bool removed = false;
    if (ct_json_has(log, "removed") &&
        ct_json_bool(&removed, ct_json_get(log, "removed")) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    out->topic_count = ct_json_count(topics);
    if (removed || !ct_json_is_array(topics) || out->topic_count > 4 ||
        ct_json_fixed(addr, 20, ct_json_get(log, "address")) != CT_OK ||
        memcmp(addr, told->chain->bundle.contract20, 20) != 0 ||
        ct_json_u64(&out->block, ct_json_get(log, "blockNumber")) != CT_OK ||
        ct_json_u64(&out->index, ct_json_get(log, "logIndex")) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 0; i < out->topic_count; i++) {
        if (ct_json_fixed(out->topics[i], 32, ct_json_at(topics, i)) != CT_OK) {
            return CT_ERR_FORMAT;
        }
    }
    return is_asked_for(told->query, out) ? read_data(out, ct_json_get(log, "data"))
                                          : CT_ERR_FORMAT;
}

static bool follows(const struct ct_logged *a, const struct ct_logged *b)
{
    return b->block > a->block || (b->block == a->block && b->index > a->index);
}

static ct_err read_list(struct ct_logs *out, const struct told *told, const struct ct_json *list)
{
    size_t count = ct_json_count(list);
    if (!ct_json_is_array(list) || count > LOGS_MAX) {
        return CT_ERR_FORMAT;
    }
    out->list = calloc(count + 1, sizeof(*out->list)); /* begun as zeros: compared as bytes */
    if (out->list == NULL) {
        return CT_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        ct_err err = read_log(&out->list[i], told, ct_json_at(list, i));
        if (err == CT_OK && i > 0 && !follows(&out->list[i - 1], &out->list[i])) {
            err = CT_ERR_FORMAT;
        }
        if (err != CT_OK) {
            return err;
        }
    }
    out->count = count;
    return CT_OK;
}

static ct_err read_hash(uint8_t hash32[32], uint64_t number, const struct ct_json *block)
{
    struct ct_header header;
    ct_err err = ct_header_read(&header, block, NULL);
    if (err == CT_OK && header.number != number) {
        err = CT_ERR_FORMAT;
    }
    if (err == CT_OK) {
        memcpy(hash32, header.hash32, 32);
    }
    return err;
}

static ct_err take(void *arg, size_t endpoint, const struct ct_jsonrpc_answer *items)
{
    struct told *told = arg;
    const struct ct_logs_query *query = told->query;
    struct ct_logs *logs = &told->by[endpoint];
    ct_err err = read_hash(logs->last32, query->to, items[1].result);
    if (err == CT_OK && query->from > 0) {
        err = read_hash(logs->before32, query->from - 1, items[2].result);
    }
    if (err == CT_OK) {
        err = read_list(logs, told, items[0].result);
    }
    told->there[endpoint] = err == CT_OK;
    if (err != CT_OK) {
        ct_logs_free(logs);
    }
    return err;
}

static bool is_same(const struct ct_logs *a, const struct ct_logs *b)
{
    return a->count == b->count && memcmp(a->before32, b->before32, 32) == 0 &&
           memcmp(a->last32, b->last32, 32) == 0 &&
           memcmp(a->list, b->list, a->count * sizeof(*a->list)) == 0;
}

static struct ct_logs *agreed(struct told *told)
{
    for (size_t i = 0; i < CT_BUNDLE_RPC_MAX; i++) {
        unsigned votes = 0;
        for (size_t j = 0; told->there[i] && j < CT_BUNDLE_RPC_MAX; j++) {
            votes += told->there[j] && is_same(&told->by[i], &told->by[j]);
        }
        if (votes > 0 && votes >= told->chain->bundle.quorum) {
            return &told->by[i];
        }
    }
    return NULL;
}

static bool is_agreed(void *arg)
{
    return agreed(arg) != NULL;
}

/* [{"address":..,"fromBlock":..,"toBlock":..,"topics":[[..]]}] */
static void filter_params(char out[PARAMS_MAX], const struct ct_chain *chain,
                          const struct ct_logs_query *query)
{
    char hex[2 * 32 + 3];
    ct_hex0x(hex, chain->bundle.contract20, 20);
    int n = snprintf(out, PARAMS_MAX,
                     "[{\"address\":\"%s\",\"fromBlock\":\"0x%" PRIx64 "\",\"toBlock\":\"0x%" PRIx64
                     "\",\"topics\":[[",
                     hex, query->from, query->to);
    for (size_t i = 0; i < query->kind_count; i++) {
        ct_hex0x(hex, query->kinds[i], 32);
        n += snprintf(out + n, (size_t)(PARAMS_MAX - n), "%s\"%s\"", i > 0 ? "," : "", hex);
    }
    (void)snprintf(out + n, (size_t)(PARAMS_MAX - n), "]]}]");
}

static ct_err ask(struct ct_chain *chain, struct told *told, struct ct_why *why)
{
    const struct ct_logs_query *query = told->query;
    char filter[PARAMS_MAX];
    char last[48];
    char before[48];
    filter_params(filter, chain, query);
    (void)snprintf(last, sizeof(last), "[\"0x%" PRIx64 "\",false]", query->to);
    (void)snprintf(before, sizeof(before), "[\"0x%" PRIx64 "\",false]", query->from - 1);
    const struct ct_jsonrpc_call calls[3] = {
        {"eth_getLogs", filter}, {"eth_getBlockByNumber", last}, {"eth_getBlockByNumber", before}};
    const struct ct_ask asked = {.calls = calls,
                                 .count = query->from > 0 ? 3 : 2,
                                 .want = chain->bundle.quorum,
                                 .take = take,
                                 .enough = is_agreed,
                                 .arg = told};
    return ct_ask(chain, &asked, why);
}

ct_err ct_chain_logs(struct ct_chain *chain, const struct ct_logs_query *query, struct ct_logs *out,
                     struct ct_why *why)
{
    struct told told = {.chain = chain, .query = query};
    if (query->kind_count == 0 || query->kind_count > CT_LOGS_TOPICS_MAX ||
        query->from > query->to) {
        return ct_why(why, CT_ERR_ARG, "no logs can be asked for in that way");
    }
    ct_err err = ask(chain, &told, why);
    struct ct_logs *logs = err == CT_OK ? agreed(&told) : NULL;
    if (logs != NULL) {
        *out = *logs;
        memset(logs, 0, sizeof(*logs));
    } else if (err == CT_OK) {
        err = ct_why(why, CT_ERR_QUORUM,
                     "fewer than %u RPC endpoints tell the same events of blocks %" PRIu64
                     " to %" PRIu64 "; one may be behind, or lie",
                     chain->bundle.quorum, query->from, query->to);
    }
    for (size_t i = 0; i < CT_BUNDLE_RPC_MAX; i++) {
        ct_logs_free(&told.by[i]);
    }
    return err;
}

void ct_logs_free(struct ct_logs *logs)
{
    free(logs->list);
    memset(logs, 0, sizeof(*logs));
}
