/* Inside of the chain object: its endpoints and how they are asked. For files of this folder only.
 */
#ifndef CT_CHAIN_ENDPOINTS_H
#define CT_CHAIN_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/chain.h"
#include "chain/fresh.h"
#include "chain/http.h"
#include "chain/jsonrpc.h"

struct ct_endpoint {
    bool checked; /* its chain id and its checkpoint are those of the bundle */
    bool failing; /* the last answer was a failure, which is in the log already */
    bool refused; /* the last view did not believe it: another chain, another block, nonsense */
};

struct ct_chain {
    struct ct_bundle bundle;
    struct ct_chain_env env;
    struct ct_http *own_http; /* when env gave none */
    struct ct_endpoint endpoints[CT_BUNDLE_RPC_MAX];
    size_t preferred;        /* the endpoint that is asked first when one is enough */
    struct ct_newest newest; /* agreed head */
    struct ct_chain_stats stats;
};

struct ct_answer {
    struct ct_jsonrpc_answer items[CT_JSONRPC_CALLS_MAX];
    struct ct_json *document; /* what they point to; ct_answer_free() */
};
void ct_answer_free(struct ct_answer *answer);

/* The calls as a request body, allocated, NUL-terminated; NULL when there is no memory. */
char *ct_endpoint_body(const struct ct_jsonrpc_call *calls, size_t count, size_t *len);

/* Reads what came back for count calls; failures are sentences without the endpoint's name. */
CT_MUST_USE ct_err ct_endpoint_answer(struct ct_chain *chain, struct ct_answer *out,
                                      const struct ct_http_request *request, size_t count,
                                      struct ct_why *why);

/* Asks one endpoint and waits. */
CT_MUST_USE ct_err ct_endpoint_ask(struct ct_chain *chain, size_t endpoint, struct ct_answer *out,
                                   const struct ct_jsonrpc_call *calls, size_t count,
                                   struct ct_why *why);

/* Notes how an endpoint did: a failure is logged when the one before it was none. */
void ct_endpoint_good(struct ct_chain *chain, size_t endpoint);
void ct_endpoint_failed(struct ct_chain *chain, size_t endpoint, ct_err err,
                        const struct ct_why *why);

/*
 * Who may be asked, in the order to ask in: from the preferred one on, those that failed last time
 * at the end, and none that the last view refused.
 */
size_t ct_endpoint_order(size_t out[CT_BUNDLE_RPC_MAX], const struct ct_chain *chain);

/* Adds "; origin of the URL: sentence" to a list of causes, as far as it fits. */
void ct_endpoint_add_cause(struct ct_why *causes, const char *url, const struct ct_why *why);

#endif
