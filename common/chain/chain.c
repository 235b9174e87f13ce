/* The chain object: its life, and one question to one endpoint. */
#include "chain/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chain/endpoints.h"

enum { TIMEOUT_DEFAULT_MS = 5000 };

static uint64_t host_wall_s(void *arg)
{
    (void)arg;
    return ct_wall_s();
}

ct_err ct_chain_open(struct ct_chain **out, const struct ct_bundle *bundle,
                     const struct ct_chain_env *env, struct ct_why *why)
{
    ct_err err = ct_bundle_check(bundle, why);
    if (err != CT_OK) {
        return err;
    }
    struct ct_chain *chain = calloc(1, sizeof(*chain));
    if (chain == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    chain->bundle = *bundle;
    if (env != NULL) {
        chain->env = *env;
    }
    if (chain->env.http == NULL) {
        err = ct_http_new(&chain->own_http);
        if (err != CT_OK) {
            free(chain);
            return ct_why(why, err, "libcurl cannot be used");
        }
        chain->env.http = ct_http_post;
        chain->env.http_arg = chain->own_http;
    }
    if (chain->env.wall_s == NULL) {
        chain->env.wall_s = host_wall_s;
    }
    if (chain->env.timeout_ms == 0) {
        chain->env.timeout_ms = TIMEOUT_DEFAULT_MS;
    }
    *out = chain;
    return CT_OK;
}

void ct_chain_free(struct ct_chain *chain)
{
    if (chain != NULL) {
        ct_http_free(chain->own_http);
        free(chain);
    }
}

const struct ct_bundle *ct_chain_bundle(const struct ct_chain *chain)
{
    return &chain->bundle;
}

void ct_chain_set_contract(struct ct_chain *chain, const uint8_t contract20[20],
                           const uint8_t code_hash32[32])
{
    memcpy(chain->bundle.contract20, contract20, 20);
    memcpy(chain->bundle.code_hash32, code_hash32, 32);
    ct_deployment(chain->bundle.deployment32, chain->bundle.chain_id, contract20);
}

void ct_chain_stats(const struct ct_chain *chain, struct ct_chain_stats *out)
{
    *out = chain->stats;
}

void ct_answer_free(struct ct_answer *answer)
{
    if (answer->document != NULL) {
        ct_json_free(answer->document);
        answer->document = NULL;
    }
}

char *ct_endpoint_body(const struct ct_jsonrpc_call *calls, size_t count, size_t *len)
{
    struct ct_wr size = ct_wr_init(NULL, 0);
    ct_jsonrpc_write(&size, calls, count);
    char *body = malloc(size.len + 1);
    if (body != NULL) {
        struct ct_wr w = ct_wr_init(body, size.len);
        ct_jsonrpc_write(&w, calls, count);
        body[size.len] = '\0';
        *len = size.len;
    }
    return body;
}

ct_err ct_endpoint_answer(struct ct_chain *chain, struct ct_answer *out,
                          const struct ct_http_request *request, size_t count, struct ct_why *why)
{
    if (request->err != CT_OK) {
        chain->stats.failed_requests++;
        return ct_why(why, request->err, "%s",
                      request->text[0] != '\0' ? request->text : "no answer");
    }
    ct_err err = ct_jsonrpc_read(&out->document, out->items, count, request->response,
                                 request->response_len);
    if (err == CT_ERR_FORMAT) {
        chain->stats.refused_answers++;
        return ct_why(why, err, "the answer is not JSON-RPC 2.0");
    }
    return err == CT_OK ? err : ct_why(why, err, "no memory");
}

ct_err ct_endpoint_ask(struct ct_chain *chain, size_t endpoint, struct ct_answer *out,
                       const struct ct_jsonrpc_call *calls, size_t count, struct ct_why *why)
{
    struct ct_http_request request = {.url = chain->bundle.rpc[endpoint]};
    char *body = ct_endpoint_body(calls, count, &request.body_len);
    if (body == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    request.body = body;
    out->document = NULL;
    chain->stats.round_trips++;
    ct_err err =
        chain->env.http(chain->env.http_arg, &request, 1, chain->env.timeout_ms, NULL, NULL);
    if (err == CT_OK) {
        err = ct_endpoint_answer(chain, out, &request, count, why);
    } else {
        (void)ct_why(why, err, "the request could not be made: %s", ct_err_text(err));
    }
    free(request.response);
    free(body);
    return err;
}

/* Text of an endpoint, made unable to end the quotes around it in a log line. */
static void plain(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\' || (unsigned char)*text >= 0x7f) {
            *text = '?';
        }
    }
}

void ct_endpoint_good(struct ct_chain *chain, size_t endpoint)
{
    if (chain->endpoints[endpoint].failing) {
        char origin[CT_URL_MAX];
        ct_url_origin(origin, chain->bundle.rpc[endpoint]);
        ct_log(&chain->env.log, CT_LOG_INFO, "rpc_back url=%s", origin);
    }
    chain->endpoints[endpoint].failing = false;
}

void ct_endpoint_failed(struct ct_chain *chain, size_t endpoint, ct_err err,
                        const struct ct_why *why)
{
    if (!chain->endpoints[endpoint].failing) {
        char origin[CT_URL_MAX];
        struct ct_why cause = *why;
        plain(cause.text);
        ct_url_origin(origin, chain->bundle.rpc[endpoint]);
        ct_log(&chain->env.log, CT_LOG_WARN, "rpc_failed url=%s class=%u cause=\"%s\"", origin,
               CT_ERR_CLASS(err), cause.text);
    }
    chain->endpoints[endpoint].failing = true;
}

void ct_endpoint_add_cause(struct ct_why *causes, const char *url, const struct ct_why *why)
{
    char origin[CT_URL_MAX];
    size_t used = strlen(causes->text);
    ct_url_origin(origin, url);
    (void)snprintf(causes->text + used, sizeof(causes->text) - used, "%s%s: %.100s",
                   used > 0 ? "; " : "", origin, why->text);
    plain(causes->text + used);
}

size_t ct_endpoint_order(size_t out[CT_BUNDLE_RPC_MAX], const struct ct_chain *chain)
{
    size_t n = chain->bundle.rpc_count;
    size_t count = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            size_t e = (chain->preferred + i) % n;
            const struct ct_endpoint *endpoint = &chain->endpoints[e];
            if (!endpoint->refused && endpoint->failing == (pass == 1)) {
                out[count++] = e;
            }
        }
    }
    return count;
}
