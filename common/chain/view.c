/* From the answers of all endpoints to one agreed block: who is asked what, and who is believed. */
#include "chain/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "chain/endpoints.h"
#include "chain/quorum.h"
#include "chain/view_answer.h"

struct question {
    struct ct_chain *chain;
    size_t n;
    struct ct_quorum_answer answers[CT_QUORUM_MAX]; /* by endpoint */
    ct_err errs[CT_QUORUM_MAX];                     /* CT_ERR_AGAIN: has not answered */
    struct ct_why whys[CT_QUORUM_MAX];
    uint64_t end_ms; /* of the whole view */
    uint64_t number; /* the agreed one .. */
    size_t agreed;   /* .. the endpoint it is taken from .. */
    uint32_t support;
    /* one round: */
    bool heads;                     /* asks for heads, else for the block with this number */
    size_t endpoint[CT_QUORUM_MAX]; /* of each request */
    bool unchecked[CT_QUORUM_MAX];  /* that request asked for chain id and checkpoint, too */
    bool taken[CT_QUORUM_MAX];      /* that request's answer has been read */
};

static void block_params(char out[64], uint64_t number)
{
    (void)snprintf(out, 64, "[\"0x%" PRIx64 "\",false]", number);
}

/* The answer to request i: the block last, chain id and checkpoint before it when asked for. */
static ct_err read_answer(struct question *q, size_t i, const struct ct_jsonrpc_answer *items,
                          struct ct_why *why)
{
    struct ct_chain *chain = q->chain;
    struct ct_endpoint *endpoint = &chain->endpoints[q->endpoint[i]];
    struct ct_quorum_answer *answer = &q->answers[q->endpoint[i]];
    size_t at = 0;
    ct_err err = CT_OK;
    if (q->unchecked[i]) {
        err = ct_view_check_chain_id(chain, &items[at++], why);
        if (err == CT_OK && ct_view_has_checkpoint(&chain->bundle)) {
            err = ct_view_check_checkpoint(chain, &items[at++], why);
        }
        if (err != CT_OK) {
            return err;
        }
        endpoint->checked = true;
    }
    if (q->heads) {
        err = ct_view_read_block(&answer->head, &items[at], why);
        answer->has_head = err == CT_OK;
        return err;
    }
    err = ct_view_read_block(&answer->block, &items[at], why);
    answer->has_block = err == CT_OK;
    return err;
}

static void take(struct question *q, size_t i, const struct ct_http_request *request)
{
    struct ct_chain *chain = q->chain;
    size_t e = q->endpoint[i];
    struct ct_answer answer = {.document = NULL};
    size_t calls = q->unchecked[i] ? 2u + ct_view_has_checkpoint(&chain->bundle) : 1u;
    q->taken[i] = true;
    q->errs[e] = ct_endpoint_answer(chain, &answer, request, calls, &q->whys[e]);
    if (q->errs[e] == CT_OK) {
        q->errs[e] = read_answer(q, i, answer.items, &q->whys[e]);
        chain->stats.refused_answers += q->errs[e] != CT_OK;
    }
    ct_answer_free(&answer);
    if (q->errs[e] == CT_OK) {
        chain->endpoints[e].refused = false;
        ct_endpoint_good(chain, e);
    } else if (q->errs[e] != CT_ERR_AGAIN) {
        bool silent = q->errs[e] == CT_ERR_IO || q->errs[e] == CT_ERR_TIMEOUT;
        chain->endpoints[e].refused = chain->endpoints[e].refused || !silent;
        ct_endpoint_failed(chain, e, q->errs[e], &q->whys[e]);
    }
}

/* Do k endpoints hold one same block at a number the quorum rule allows? */
static bool settled(struct question *q)
{
    const struct ct_bundle *b = &q->chain->bundle;
    for (unsigned attempt = 0; attempt < CT_QUORUM_TRIES; attempt++) {
        if (ct_quorum_target(&q->number, q->answers, q->n, b->quorum, b->safety_depth, attempt) !=
            CT_OK) {
            return false;
        }
        if (ct_quorum_agree(&q->agreed, &q->support, q->answers, q->n, b->quorum, q->number) ==
            CT_OK) {
            return true;
        }
        if (attempt == 0 && q->heads) {
            return false; /* a lower block only once all have told their heads */
        }
    }
    return false;
}

static bool enough(void *arg, const struct ct_http_request *requests, size_t count)
{
    struct question *q = arg;
    for (size_t i = 0; i < count; i++) {
        if (!q->taken[i] && requests[i].err != CT_ERR_AGAIN) {
            take(q, i, &requests[i]);
        }
    }
    return settled(q);
}

/* The body for one endpoint; params is for the block. */
static char *make_body(const struct question *q, size_t i, const char *params, size_t *len)
{
    char checkpoint[64];
    struct ct_jsonrpc_call calls[3];
    size_t count = 0;
    if (q->unchecked[i]) {
        calls[count++] = (struct ct_jsonrpc_call){"eth_chainId", "[]"};
        if (ct_view_has_checkpoint(&q->chain->bundle)) {
            block_params(checkpoint, q->chain->bundle.checkpoint_number);
            calls[count++] = (struct ct_jsonrpc_call){"eth_getBlockByNumber", checkpoint};
        }
    }
    calls[count++] = (struct ct_jsonrpc_call){"eth_getBlockByNumber", params};
    return ct_endpoint_body(calls, count, len);
}

/* Asks the endpoints in mask for a block at once; returns as soon as enough agree. */
static ct_err ask_round(struct question *q, uint32_t mask, const char *params)
{
    struct ct_chain *chain = q->chain;
    struct ct_http_request requests[CT_QUORUM_MAX];
    char *bodies[CT_QUORUM_MAX] = {NULL};
    size_t count = 0;
    ct_err err = CT_OK;
    memset(requests, 0, sizeof(requests));
    for (size_t e = 0; e < q->n && err == CT_OK; e++) {
        if ((mask & 1u << e) == 0) {
            continue;
        }
        size_t i = count++;
        q->endpoint[i] = e;
        q->unchecked[i] = !chain->endpoints[e].checked;
        q->taken[i] = false;
        bodies[i] = make_body(q, i, params, &requests[i].body_len);
        requests[i].url = chain->bundle.rpc[e];
        requests[i].body = bodies[i];
        err = bodies[i] != NULL ? CT_OK : CT_ERR_NOMEM;
    }
    if (err == CT_OK && count > 0) {
        uint64_t now_ms = ct_mono_ms();
        uint64_t left_ms = now_ms < q->end_ms ? q->end_ms - now_ms : 0;
        uint32_t timeout_ms =
            left_ms < chain->env.timeout_ms ? (uint32_t)left_ms : chain->env.timeout_ms;
        chain->stats.round_trips++;
        err = chain->env.http(chain->env.http_arg, requests, count, timeout_ms, enough, q);
    }
    for (size_t i = 0; i < count; i++) {
        if (err == CT_OK && !q->taken[i] && requests[i].err != CT_ERR_AGAIN) {
            take(q, i, &requests[i]); /* ended after the last look */
        }
        free(requests[i].response);
        free(bodies[i]);
    }
    return err;
}

/* Heads differ: the block to agree on is asked of those that are at or beyond it. */
static ct_err ask_lower(struct question *q)
{
    const struct ct_bundle *b = &q->chain->bundle;
    for (unsigned attempt = 0; attempt < CT_QUORUM_TRIES; attempt++) {
        uint64_t target = 0;
        uint32_t mask = 0;
        char params[64];
        if (ct_quorum_target(&target, q->answers, q->n, b->quorum, b->safety_depth, attempt) !=
            CT_OK) {
            break;
        }
        for (size_t e = 0; e < q->n; e++) {
            const struct ct_quorum_answer *answer = &q->answers[e];
            if (answer->has_head && answer->head.number >= target &&
                ct_quorum_header(answer, target) == NULL) {
                mask |= 1u << e;
            }
        }
        if (ct_mono_ms() >= q->end_ms) {
            break;
        }
        block_params(params, target);
        ct_err err = ask_round(q, mask, params);
        if (err != CT_OK) {
            return err;
        }
        if (settled(q)) {
            break;
        }
    }
    return CT_OK;
}

static ct_err no_quorum(struct question *q, struct ct_why *why)
{
    struct ct_why causes = {""};
    const struct ct_bundle *b = &q->chain->bundle;
    unsigned heads = 0;
    unsigned other_chain = 0;
    unsigned silent = 0;
    for (size_t e = 0; e < q->n; e++) {
        heads += q->answers[e].has_head;
        other_chain += q->errs[e] == CT_ERR_CHAIN;
        silent += CT_ERR_CLASS(q->errs[e]) == CT_ERR_CLASS_WORLD && q->errs[e] != CT_ERR_CHAIN;
        if (q->errs[e] != CT_OK && q->errs[e] != CT_ERR_AGAIN) {
            ct_endpoint_add_cause(&causes, b->rpc[e], &q->whys[e]);
        } else if (q->answers[e].has_head) {
            struct ct_why head = {""};
            char hash[2 * 4 + 3];
            ct_hex0x(hash, q->answers[e].head.hash32, 4);
            (void)snprintf(head.text, sizeof(head.text), "head %" PRIu64 " %s..",
                           q->answers[e].head.number, hash);
            ct_endpoint_add_cause(&causes, b->rpc[e], &head);
        }
    }
    if (heads < b->quorum && q->n - other_chain < b->quorum) { /* whatever the others would say */
        return ct_why(why, CT_ERR_CHAIN,
                      "the RPC endpoints are not on the bundle's chain (%s); "
                      "check the bundle's chain_id and rpc",
                      causes.text);
    }
    if (heads < b->quorum && silent > 0) {
        return ct_why(why, CT_ERR_IO,
                      "only %u of %zu RPC endpoints answered and %u must agree (%s); "
                      "check that they run and can be reached",
                      heads, q->n, b->quorum, causes.text);
    }
    return ct_why(why, CT_ERR_QUORUM,
                  "fewer than %u of %zu RPC endpoints agree on a block (%s); "
                  "replace those that are wrong",
                  b->quorum, q->n, causes.text);
}

/* Names those that told another block of that number. */
static void name_dissenters(struct question *q)
{
    struct ct_why why;
    for (size_t e = 0; e < q->n; e++) {
        if ((q->support & 1u << e) == 0 && ct_quorum_header(&q->answers[e], q->number) != NULL) {
            (void)ct_why(&why, CT_ERR_QUORUM, "it has another block %" PRIu64 " than the quorum",
                         q->number);
            q->chain->stats.refused_answers++;
            q->chain->endpoints[e].refused = true;
            ct_endpoint_failed(q->chain, e, CT_ERR_QUORUM, &why);
        }
    }
}

ct_err ct_chain_view(struct ct_chain *chain, struct ct_view *out, struct ct_why *why)
{
    const struct ct_bundle *b = &chain->bundle;
    struct question q;
    memset(&q, 0, sizeof(q));
    q.chain = chain;
    q.end_ms = ct_mono_ms() + 2 * (uint64_t)chain->env.timeout_ms;
    q.n = b->rpc_count;
    q.heads = true;
    for (size_t e = 0; e < q.n; e++) {
        q.errs[e] = CT_ERR_AGAIN;
    }
    ct_err err = ask_round(&q, (1u << q.n) - 1, "[\"latest\",false]");
    q.heads = false;
    if (err == CT_OK && !settled(&q)) {
        err = ask_lower(&q);
    }
    if (err != CT_OK) {
        return ct_why(why, err, "the RPC endpoints could not be asked: %s", ct_err_text(err));
    }
    if (!settled(&q)) {
        return no_quorum(&q, why);
    }
    name_dissenters(&q);
    const struct ct_header *header = ct_quorum_header(&q.answers[q.agreed], q.number);
    struct ct_view view = {.number = header->number, .timestamp_s = header->timestamp_s};
    memcpy(view.hash32, header->hash32, 32);
    memcpy(view.state_root32, header->state_root32, 32);
    view.n = (unsigned)q.n;
    view.support = q.support;
    for (size_t e = 0; e < q.n; e++) {
        view.k += (q.support >> e) & 1u;
    }
    err =
        ct_fresh_check(&chain->newest, &view, ct_view_has_checkpoint(b) ? b->checkpoint_number : 0,
                       b->max_head_age_s, chain->env.wall_s(chain->env.wall_arg), why);
    if (err == CT_OK) {
        *out = view;
    }
    return err;
}
