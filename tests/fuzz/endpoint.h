/* A chain object whose only endpoint gives the input as its answer to whatever is asked. */
#ifndef CT_FUZZ_ENDPOINT_H
#define CT_FUZZ_ENDPOINT_H

#include <string.h>

#include "chain/bundle.h"
#include "chain/chain.h"
#include "fuzz.h"

struct fuzz_reply {
    const uint8_t *data;
    size_t size;
};

static ct_err fuzz_answer(void *arg, struct ct_http_request *requests, size_t count,
                          uint32_t timeout_ms, ct_http_enough *enough, void *enough_arg)
{
    const struct fuzz_reply *reply = arg;
    (void)timeout_ms;
    (void)enough;
    (void)enough_arg;
    for (size_t i = 0; i < count; i++) {
        requests[i].response = malloc(reply->size + 1);
        HOLDS(requests[i].response != NULL);
        memcpy(requests[i].response, reply->data, reply->size);
        requests[i].response[reply->size] = '\0';
        requests[i].response_len = reply->size;
        requests[i].status = 200;
        requests[i].err = CT_OK;
    }
    return CT_OK;
}

/* reply is borrowed until ct_chain_free(). */
static inline struct ct_chain *fuzz_endpoint(struct fuzz_reply *reply)
{
    struct ct_bundle bundle = {
        .chain_id = 31337, .rpc_count = 1, .quorum = 1, .insecure_single_rpc = true};
    const struct ct_chain_env env = {.http = fuzz_answer, .http_arg = reply};
    struct ct_chain *chain = NULL;
    struct ct_why why = {""};
    memset(bundle.contract20, 0x11, sizeof(bundle.contract20));
    (void)snprintf(bundle.rpc[0], CT_BUNDLE_URL_MAX, "http://127.0.0.1:1");
    HOLDS(ct_chain_open(&chain, &bundle, &env, &why) == CT_OK);
    return chain;
}

#endif
