/* JSON-RPC 2.0 as text: what is asked and answered is matched by id, strictly one to one. */
#include "chain/jsonrpc.h"

#include <stdio.h>
#include <string.h>

static void put_text(struct ct_wr *w, const char *text)
{
    ct_wr_bytes(w, text, strlen(text));
}

void ct_jsonrpc_write(struct ct_wr *w, const struct ct_jsonrpc_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char head[64];
        (void)snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"", i + 1);
        put_text(w, i > 0 ? "," : count > 1 ? "[" : "");
        put_text(w, head);
        put_text(w, calls[i].method);
        put_text(w, "\",\"params\":");
        put_text(w, calls[i].params);
        put_text(w, "}");
    }
    put_text(w, count > 1 ? "]" : "");
}

/* The endpoint's words go into sentences and log lines of ours: nothing that ends a quote there. */
static void take_text(char *out, size_t cap, const char *text)
{
    (void)snprintf(out, cap, "%s", text);
    for (; *out != '\0'; out++) {
        if (*out == '"' || *out == '\\' || (unsigned char)*out < 0x20 ||
            (unsigned char)*out >= 0x7f) {
            *out = '?';
        }
    }
}

static ct_err read_error(struct ct_jsonrpc_answer *out, const struct ct_json *error)
{
    const char *text = ct_json_text(ct_json_get(error, "message"));
    const struct ct_json *data = ct_json_get(error, "data");
    out->failed = true;
    if (!ct_json_is_object(error) ||
        ct_json_int(&out->error_code, ct_json_get(error, "code")) != CT_OK) {
        return CT_ERR_FORMAT;
    }
    take_text(out->error_text, sizeof(out->error_text), text != NULL ? text : "no message");
    if (ct_json_data(out->error_data, sizeof(out->error_data), &out->error_data_len, data) !=
        CT_OK) {
        out->error_data_len = 0; /* absent, of another kind, or longer than anything of ours */
    }
    return CT_OK;
}

static ct_err read_one(struct ct_jsonrpc_answer *answers, bool *seen, size_t count,
                       const struct ct_json *item)
{
    int64_t id = 0;
    const char *version = ct_json_text(ct_json_get(item, "jsonrpc"));
    bool has_result = ct_json_has(item, "result");
    const struct ct_json *error = ct_json_get(item, "error"); /* some add "error": null */
    if (version == NULL || strcmp(version, "2.0") != 0 ||
        ct_json_int(&id, ct_json_get(item, "id")) != CT_OK || id < 1 || (uint64_t)id > count ||
        seen[id - 1] || has_result == (error != NULL)) {
        return CT_ERR_FORMAT;
    }
    seen[id - 1] = true;
    if (error != NULL) {
        return read_error(&answers[id - 1], error);
    }
    answers[id - 1].result = ct_json_get(item, "result");
    return CT_OK;
}

static ct_err read_all(struct ct_jsonrpc_answer *answers, size_t count, const struct ct_json *root)
{
    bool seen[CT_JSONRPC_CALLS_MAX] = {false};
    const struct ct_json *error = ct_json_get(root, "error");
    memset(answers, 0, count * sizeof(*answers));
    if (error != NULL && (count > 1 || ct_json_get(root, "id") == NULL)) {
        for (size_t i = 0; i < count; i++) { /* the request as a whole was refused */
            if (read_error(&answers[i], error) != CT_OK) {
                return CT_ERR_FORMAT;
            }
        }
        return CT_OK;
    }
    if (count == 1) {
        return read_one(answers, seen, 1, root);
    }
    if (ct_json_count(root) != count) {
        return CT_ERR_FORMAT;
    }
    for (size_t i = 0; i < count; i++) {
        if (read_one(answers, seen, count, ct_json_at(root, i)) != CT_OK) {
            return CT_ERR_FORMAT;
        }
    }
    return CT_OK;
}

ct_err ct_jsonrpc_read(struct ct_json **document, struct ct_jsonrpc_answer *answers, size_t count,
                       const char *text, size_t len)
{
    struct ct_json *root = NULL;
    if (count == 0 || count > CT_JSONRPC_CALLS_MAX) {
        return CT_ERR_ARG;
    }
    ct_err err = ct_json_parse(&root, text, len);
    if (err != CT_OK) {
        return err;
    }
    err = read_all(answers, count, root);
    if (err != CT_OK) {
        ct_json_free(root);
        return err;
    }
    *document = root;
    return CT_OK;
}

bool ct_jsonrpc_is_revert(const struct ct_jsonrpc_answer *answer)
{
    return answer->failed &&
           (answer->error_code == 3 || strstr(answer->error_text, "revert") != NULL ||
            strstr(answer->error_text, "ut of gas") != NULL ||
            strstr(answer->error_text, "OutOfGas") != NULL);
}

ct_err ct_jsonrpc_error(const struct ct_jsonrpc_answer *answer, const char *method,
                        struct ct_why *why)
{
    return ct_why(why, ct_jsonrpc_is_revert(answer) ? CT_ERR_REFUSED : CT_ERR_CHAIN,
                  "%s was answered with error %lld: %s", method, (long long)answer->error_code,
                  answer->error_text);
}
