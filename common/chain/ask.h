/* One question to as many endpoints as its answer takes, so that no single one of them decides. */
#ifndef CT_CHAIN_ASK_H
#define CT_CHAIN_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "chain/endpoints.h"

/*
 * Reads what one endpoint answered; there are no errors among items. CT_OK when it counts, else
 * CT_ERR_FORMAT (the endpoint is named, another one is asked) or CT_ERR_NOMEM.
 */
typedef ct_err ct_ask_take(void *arg, size_t endpoint, const struct ct_jsonrpc_answer *items);

struct ct_ask {
    const struct ct_jsonrpc_call *calls;
    size_t count;
    bool may_revert; /* eth_call and eth_estimateGas: from others a revert is an error like any */
    unsigned want; /* answers that count; this many endpoints are asked at once, then all others */
    ct_ask_take *take;
    bool (*enough)(void *arg); /* NULL: want answers are */
    void *arg;
};

/*
 * CT_OK when at least one answer was taken; fewer than want when there are no more.
 *
 * CT_ERR_REFUSED  it reverts, as two endpoints say (one, when the bundle has one)
 * CT_ERR_CHAIN    none gave an answer that can be used
 * CT_ERR_IO       none answered, or one alone says that it reverts
 */
CT_MUST_USE ct_err ct_ask(struct ct_chain *chain, const struct ct_ask *ask, struct ct_why *why);

#endif
