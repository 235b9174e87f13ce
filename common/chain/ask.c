/* Rounds of a question: first as many endpoints as are wanted, then the rest. */
#include "chain/ask.h"

#include <stdlib.h>
#include <string.h>

#include "chain/registry.h"

struct asking {
    struct ct_chain *chain;
    const struct ct_ask *ask;
    unsigned good;
    unsigned reverts;
    bool answered;
    struct ct_why revert; /* its reason */
    struct ct_why causes;
    const size_t *endpoints; /* of this round's requests */
    bool taken[CT_BUNDLE_RPC_MAX];
};

/* A revert's reason in the registry's words, if it is one of the registry's. */
static ct_err refused(const struct ct_jsonrpc_answer *answer, struct ct_why *why)
{
    const char *reason = ct_registry_error_text(answer->error_data, answer->error_data_len);
    if (reason != NULL) {
        return ct_why(why, CT_ERR_REFUSED, "the registry refuses: %s", reason);
    }
    return ct_why(why, CT_ERR_REFUSED, "the call would fail on chain: %s", answer->error_text);
}

static ct_err judge(struct asking *a, size_t endpoint, const struct ct_jsonrpc_answer *items,
                    struct ct_why *cause)
{
    for (size_t c = 0; c < a->ask->count; c++) {
        if (a->ask->may_revert && ct_jsonrpc_is_revert(&items[c])) {
            return refused(&items[c], &a->revert);
        }
        if (items[c].failed) {
            (void)ct_jsonrpc_error(&items[c], a->ask->calls[c].method, cause);
            return CT_ERR_CHAIN;
        }
    }
    ct_err err = a->ask->take(a->ask->arg, endpoint, items);
    if (err == CT_ERR_NOMEM) {
        return ct_why(cause, err, "no memory");
    }
    return err == CT_OK
               ? err
               : ct_why(cause, CT_ERR_FORMAT, "%s was answered with something else than asked for",
                        a->ask->calls[0].method);
}

static void take(struct asking *a, size_t i, const struct ct_http_request *request)
{
    struct ct_chain *chain = a->chain;
    size_t e = a->endpoints[i];
    struct ct_answer answer = {.document = NULL};
    struct ct_why cause = {""};
    a->taken[i] = true;
    ct_err err = ct_endpoint_answer(chain, &answer, request, a->ask->count, &cause);
    if (err == CT_OK) {
        err = judge(a, e, answer.items, &cause);
    }
    ct_answer_free(&answer);
    if (err == CT_OK || err == CT_ERR_REFUSED) {
        a->good += err == CT_OK;
        a->reverts += err == CT_ERR_REFUSED;
        ct_endpoint_good(chain, e);
        if (chain->endpoints[chain->preferred].failing) {
            chain->preferred = e;
        }
        return;
    }
    a->answered = a->answered || (err != CT_ERR_IO && err != CT_ERR_TIMEOUT);
    ct_endpoint_failed(chain, e, err, &cause);
    ct_endpoint_add_cause(&a->causes, chain->bundle.rpc[e], &cause);
}

/* One endpoint may lie that a call reverts, and what reverts is given up for good. */
static bool reverts(const struct asking *a)
{
    return a->reverts >= (a->chain->bundle.rpc_count > 1 ? 2 : 1);
}

static bool is_done(const struct asking *a)
{
    bool enough = a->ask->enough != NULL ? a->ask->enough(a->ask->arg) : a->good >= a->ask->want;
    return enough || reverts(a);
}

static bool look(void *arg, const struct ct_http_request *requests, size_t count)
{
    struct asking *a = arg;
    for (size_t i = 0; i < count; i++) {
        if (!a->taken[i] && requests[i].err != CT_ERR_AGAIN) {
            take(a, i, &requests[i]);
        }
    }
    return is_done(a);
}

static ct_err ask_round(struct asking *a, const char *body, size_t body_len,
                        const size_t *endpoints, size_t count)
{
    struct ct_http_request requests[CT_BUNDLE_RPC_MAX];
    struct ct_chain *chain = a->chain;
    memset(requests, 0, sizeof(requests));
    memset(a->taken, 0, sizeof(a->taken));
    a->endpoints = endpoints;
    for (size_t i = 0; i < count; i++) {
        requests[i].url = chain->bundle.rpc[endpoints[i]];
        requests[i].body = body;
        requests[i].body_len = body_len;
    }
    chain->stats.round_trips++;
    ct_err err =
        chain->env.http(chain->env.http_arg, requests, count, chain->env.timeout_ms, look, a);
    if (err == CT_OK) {
        (void)look(a, requests, count); /* what ended after the last look */
    }
    for (size_t i = 0; i < count; i++) {
        free(requests[i].response);
    }
    return err;
}

static ct_err outcome(const struct asking *a, struct ct_why *why)
{
    if (reverts(a)) {
        return ct_why(why, CT_ERR_REFUSED, "%s", a->revert.text);
    }
    if (a->good > 0) {
        return CT_OK;
    }
    if (a->reverts > 0) {
        return ct_why(why, CT_ERR_IO,
                      "one RPC endpoint alone says: %s; no second one could be asked (%s)",
                      a->revert.text, a->causes.text);
    }
    return ct_why(why, a->answered ? CT_ERR_CHAIN : CT_ERR_IO, "%s: %s",
                  a->answered ? "the RPC endpoints refuse" : "no RPC endpoint can be reached",
                  a->causes.text[0] != '\0' ? a->causes.text : "none is on the bundle's chain");
}

ct_err ct_ask(struct ct_chain *chain, const struct ct_ask *ask, struct ct_why *why)
{
    struct asking a = {.chain = chain, .ask = ask};
    size_t order[CT_BUNDLE_RPC_MAX];
    size_t n = ct_endpoint_order(order, chain);
    size_t body_len = 0;
    char *body = ct_endpoint_body(ask->calls, ask->count, &body_len);
    if (body == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "no memory");
    }
    for (size_t at = 0; at < n && !is_done(&a);) {
        size_t count = at == 0 && ask->want < n ? ask->want : n - at;
        ct_err err = ask_round(&a, body, body_len, order + at, count);
        if (err != CT_OK) {
            free(body);
            return ct_why(why, err, "the RPC endpoints could not be asked: %s", ct_err_text(err));
        }
        at += count;
    }
    free(body);
    return outcome(&a, why);
}
