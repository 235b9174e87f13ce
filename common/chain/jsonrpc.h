/* JSON-RPC 2.0: requests and answers as text; who carries the text is not this file's matter. */
#ifndef CT_CHAIN_JSONRPC_H
#define CT_CHAIN_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chainturn/err.h>
#include "base/bytes.h"
#include "base/why.h"
#include "chain/json.h"

enum { CT_JSONRPC_CALLS_MAX = 16 };

struct ct_jsonrpc_call {
    const char *method;
    const char *params; /* a JSON array as text */
};

/*
 * Writes the request body: one object for one call, an array (a batch) for more; ids are 1..count.
 * No NUL is written.
 */
void ct_jsonrpc_write(struct ct_wr *w, const struct ct_jsonrpc_call *calls, size_t count);

struct ct_jsonrpc_answer {
    const struct ct_json *result; /* NULL for JSON's null, and when it failed */
    bool failed;                  /* the endpoint answered with an error: */
    int64_t error_code;           /* JSON-RPC: -32000 server, -32601 no such method, 3 revert.. */
    char error_text[200];
    uint8_t error_data[260]; /* what a revert returned; longer data is cut */
    size_t error_data_len;
};

/*
 * Reads the answer to count calls: each of the ids 1..count exactly once, each with result or
 * error. answers gets count entries, in the order of the calls; *document keeps what they point to,
 * free it with ct_json_free(). CT_ERR_FORMAT for anything else.
 */
CT_MUST_USE ct_err ct_jsonrpc_read(struct ct_json **document, struct ct_jsonrpc_answer *answers,
                                   size_t count, const char *text, size_t len);

/* Did the contract refuse, or the gas not suffice (code 3, or words of that in the message)? */
bool ct_jsonrpc_is_revert(const struct ct_jsonrpc_answer *answer);
/* An error answer as status (CT_ERR_REFUSED for a revert, else CT_ERR_CHAIN) and sentence. */
ct_err ct_jsonrpc_error(const struct ct_jsonrpc_answer *answer, const char *method,
                        struct ct_why *why);

#endif
