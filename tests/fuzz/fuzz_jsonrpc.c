/*
 * A JSON-RPC answer. Property: accepted means one entry for each call, either failed or with the
 * result under its id; error texts and data stay within their bounds, and a sentence is one line.
 */
/* links: ct_chain ct_base */
#include <string.h>

#include "chain/json.h"
#include "chain/jsonrpc.h"
#include "fuzz.h"

static void check(const struct ct_jsonrpc_answer *answer)
{
    struct ct_why why = {""};
    HOLDS(!answer->failed || answer->result == NULL);
    HOLDS(memchr(answer->error_text, '\0', sizeof(answer->error_text)) != NULL);
    HOLDS(answer->error_data_len <= sizeof(answer->error_data));
    if (answer->failed) {
        ct_err err = ct_jsonrpc_error(answer, "eth_call", &why);
        HOLDS(err == (ct_jsonrpc_is_revert(answer) ? CT_ERR_REFUSED : CT_ERR_CHAIN));
        HOLDS(fuzz_is_line(why.text, sizeof(why.text)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_jsonrpc_answer answers[CT_JSONRPC_CALLS_MAX];
    if (size == 0) {
        return 0;
    }
    size_t count = 1 + data[0] % 4u;
    struct ct_json *document = NULL;
    ct_err err = ct_jsonrpc_read(&document, answers, count, (const char *)data + 1, size - 1);
    if (err == CT_OK) {
        for (size_t i = 0; i < count; i++) {
            check(&answers[i]);
        }
        ct_json_free(document);
    } else {
        HOLDS(err == CT_ERR_FORMAT);
    }
    return 0;
}
