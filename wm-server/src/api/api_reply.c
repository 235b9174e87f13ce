/* Idempotency-Key: a POST that is repeated gets the answer of the first, and is not done again. */
#include "api/api.h"

#include <string.h>

#include "chain/keccak.h"

/* The key of this party for this path, and what its body was. */
static void name_key(struct ct_reply_key *out, const struct ct_api_call *call, const char *key)
{
    const struct ct_hs_party *p = &call->session->party;
    struct ct_keccak k;
    struct ct_keccak with_key;
    uint8_t party32[32];
    ct_keccak_init(&k);
    ct_keccak_update(&k, p->wallet20, sizeof p->wallet20);
    ct_keccak_update(&k, p->identity, strlen(p->identity) + 1);
    ct_keccak_update(&k, call->request->path, strlen(call->request->path) + 1);
    with_key = k;
    ct_keccak_final(&k, party32);
    memcpy(out->party16, party32, sizeof out->party16);
    ct_keccak_update(&with_key, key, strlen(key));
    ct_keccak_final(&with_key, out->key32);
    ct_keccak256(out->body32, call->request->body, call->request->body_len);
}

static bool is_key(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < len; i++) {
        if (key[i] <= ' ' || key[i] > '~') {
            return false;
        }
    }
    return len >= 1 && len <= CT_EXCHANGE_KEY_MAX;
}

static void replay(struct ct_answer *answer, const struct ct_reply *kept)
{
    ct_answer_json(answer, kept->status, "%s", kept->body);
    ct_answer_header(answer, "Idempotency-Replayed", "true");
}

/* What is known of the key is the answer, unless nothing is, or a good answer is that was no text
 * to keep. */
static bool answer_known(struct ct_answer *answer, const struct ct_reply *reply)
{
    switch (reply->state) {
    case CT_REPLY_NEW:
        return false;
    case CT_REPLY_KEPT:
        if (reply->body[0] == '\0') {
            return false;
        }
        replay(answer, reply);
        return true;
    case CT_REPLY_CONFLICT:
        ct_answer_problem(answer, 409, "idempotency-conflict",
                          "this Idempotency-Key was used with another body; take a new key for a "
                          "new request");
        return true;
    case CT_REPLY_UNDER_WAY:
        ct_answer_problem(answer, 409, "under-way",
                          "the first request with this Idempotency-Key is worked on; ask again");
        ct_answer_header(answer, "Retry-After", "1");
        return true;
    case CT_REPLY_FULL:
        break;
    }
    ct_answer_problem(answer, 429, "too-many",
                      "%d keys of this path are kept for this party; they last a day",
                      (int)CT_REPLIES_OF_PARTY);
    return true;
}

static void failed(const struct ct_api_call *call, const char *what, ct_err err)
{
    ct_log(&call->api->log, CT_LOG_ERROR, "store_failed what=%s err=\"%s\"", what,
           ct_err_text(err));
}

void ct_api_once(struct ct_api_call *call, void (*run)(struct ct_api_call *call, void *arg),
                 void *arg, bool is_secret)
{
    struct ct_store *s = call->api->store;
    struct ct_reply_key key;
    struct ct_reply reply;
    const char *text = ct_request_header(call->request, "Idempotency-Key");
    if (text == NULL) {
        run(call, arg);
        return;
    }
    if (!is_key(text)) {
        ct_answer_problem(call->answer, 400, "format",
                          "Idempotency-Key is one word of 1 to %d visible ASCII characters",
                          (int)CT_EXCHANGE_KEY_MAX);
        return;
    }
    name_key(&key, call, text);
    ct_err err = s->ops->reply_begin(s, &key, call->api->wall_s(), &reply);
    if (err != CT_OK) {
        ct_api_store_failed(call, "reply_begin", err);
        return;
    }
    /* what is made again the same needs no memory: a factory's line asks for hundreds a day */
    bool is_unknown = reply.state == CT_REPLY_NEW || (is_secret && reply.state == CT_REPLY_FULL);
    if (!is_unknown && answer_known(call->answer, &reply)) {
        return;
    }
    run(call, arg);
    bool is_good = call->answer->status >= 200 && call->answer->status < 300;
    if (reply.state != CT_REPLY_NEW) {
        if (is_good && reply.state == CT_REPLY_KEPT) {
            ct_answer_header(call->answer, "Idempotency-Replayed", "true");
        }
        return;
    }
    err = s->ops->reply_end(s, &key, reply.claim16, call->api->wall_s(),
                            is_good ? call->answer->status : 0,
                            is_good && !is_secret ? call->answer->body : "");
    if (err != CT_OK) {
        failed(call, "reply_end", err); /* what was done is done; the claim lapses */
    }
}
