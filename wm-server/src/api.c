/* Routes, the session behind a request, operations' states. */
#include "api.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "fields.h"
#include "ops.h"

#define OPERATIONS "/v1/operations/"

void ct_api_failure(struct ct_answer *answer, ct_err err, const struct ct_why *why)
{
    if (CT_ERR_CLASS(err) == CT_ERR_CLASS_WORLD) {
        ct_answer_problem(answer, 503, "chain-unavailable", "%s", why->text);
    } else {
        ct_answer_problem(answer, 500, "internal", "%s", ct_err_text(err));
    }
}

void ct_api_queue(const struct ct_api_call *call, struct ct_op *op)
{
    ct_err err = call->api->store->ops->op_add(call->api->store, op);
    if (err == CT_ERR_STATE) {
        ct_answer_problem(call->answer, 409, "too-many",
                          "operation %s on the same subject is under way; wait for its end",
                          op->id);
        return;
    }
    if (err != CT_OK) {
        ct_log(&call->api->log, CT_LOG_ERROR, "store_failed what=op_add err=\"%s\"",
               ct_err_text(err));
        ct_answer_problem(call->answer, 500, "internal", "the store failed: %s", ct_err_text(err));
        return;
    }
    ct_log(&call->api->log, CT_LOG_INFO, "operation id=%s kind=%s subject=%s state=queued", op->id,
           ct_op_kind_text(op->kind), op->subject);
    ct_answer_json(call->answer, 202, "{\"operation\":\"%s\"}", op->id);
    if (call->api->wake != NULL) {
        call->api->wake(call->api->wake_arg, op->kind);
    }
}

static void me(const struct ct_api_call *call)
{
    char wallet[CT_ADDR_TEXT_LEN];
    const struct ct_session *s = call->session;
    ct_addr_text(wallet, s->party.wallet20);
    /* an identity's alphabet needs no escape */
    ct_answer_json(call->answer, 200, "{\"identity\":\"%s\",\"purpose\":\"%s\",\"wallet\":\"%s\"}",
                   s->party.identity,
                   s->purpose == CT_HS_ENROL_RELAY ? "enrol relay" : "enrol device", wallet);
}

static void operation(const struct ct_api_call *call, const char *id)
{
    struct ct_op op;
    ct_err err = call->api->store->ops->op_find(call->api->store, id, &op);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_answer_problem(call->answer, 500, "internal", "the store failed: %s", ct_err_text(err));
        return;
    }
    if (err == CT_ERR_NOT_FOUND || memcmp(op.wallet20, call->session->party.wallet20, 20) != 0) {
        ct_answer_problem(call->answer, 404, "not-found", "this wallet has no such operation");
        return;
    }
    char tx[90] = "";
    char block[40] = "";
    char reason[2 * CT_OP_REASON];
    if (op.has_tx) {
        char hash[67];
        ct_hex0x(hash, op.tx32, sizeof op.tx32);
        (void)snprintf(tx, sizeof tx, ",\"transaction\":\"%s\"", hash);
    }
    if (op.block != 0) {
        (void)snprintf(block, sizeof block, ",\"block\":%llu", (unsigned long long)op.block);
    }
    ct_json_escape(reason, sizeof reason, op.reason);
    ct_answer_json(call->answer, 200, "{\"operation\":\"%s\",\"state\":\"%s\"%s%s%s%s%s}", op.id,
                   ct_op_state_text(op.state), tx, block, reason[0] == '\0' ? "" : ",\"reason\":\"",
                   reason, reason[0] == '\0' ? "" : "\"");
}

struct route {
    const char *path;
    enum ct_hs_purpose purpose;
    void (*post)(const struct ct_api_call *call);
};

static const struct route routes[] = {
    {"/v1/passes", CT_HS_ENROL_DEVICE, ct_api_passes},
    {"/v1/devices", CT_HS_ENROL_DEVICE, ct_api_devices},
    {"/v1/approvals", CT_HS_ENROL_DEVICE, ct_api_approvals},
    {"/v1/relays", CT_HS_ENROL_RELAY, ct_api_relays},
};

static void post(struct ct_api_call *call, const struct route *route,
                 const struct ct_request *request)
{
    struct ct_why why = {{0}};
    struct ct_json *body = NULL;
    if (call->session->purpose != route->purpose) {
        ct_answer_problem(
            call->answer, 403, "identity", "this enrolment is a %s's; %s is not for it",
            call->session->purpose == CT_HS_ENROL_RELAY ? "relay" : "device", route->path);
        return;
    }
    if (ct_fields_parse(&body, request->body, request->body_len, &why) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    call->body = body;
    route->post(call);
    ct_json_free(body);
}

static void dispatch(struct ct_api_call *call, const struct ct_request *request)
{
    bool is_get = strcmp(request->method, "GET") == 0;
    bool is_post = strcmp(request->method, "POST") == 0;
    if (strcmp(request->path, "/v1/me") == 0 && is_get) {
        me(call);
        return;
    }
    if (strncmp(request->path, OPERATIONS, strlen(OPERATIONS)) == 0 && is_get) {
        operation(call, request->path + strlen(OPERATIONS));
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(request->path, routes[i].path) != 0) {
            continue;
        }
        if (!is_post) {
            ct_answer_problem(call->answer, 405, "format", "%s takes POST", routes[i].path);
            return;
        }
        post(call, &routes[i], request);
        return;
    }
    ct_answer_problem(call->answer, 404, "not-found", "there is nothing here by that name");
}

/* A path is the peer's text: one with a blank in it could pass for more fields of the log line. */
static const char *loggable(const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    return path[strspn(path, plain)] == '\0' ? path : "?";
}

void ct_api_handle(const struct ct_api *api, const struct ct_ledger *ledger,
                   const struct ct_request *request, struct ct_answer *answer)
{
    struct ct_session session;
    ct_err err = ct_sessions_use(api->sessions, request->psk_identity, api->mono_ms(), &session);
    if (err == CT_ERR_REFUSED) {
        ct_answer_problem(answer, 429, "too-many",
                          "this enrolment has made all its requests; make a new handshake");
        return;
    }
    if (err != CT_OK) {
        ct_answer_problem(answer, 401, "identity",
                          "this enrolment is over (it lasts %d s); make a new handshake",
                          (int)CT_SESSION_LIFE_S);
        return;
    }
    struct ct_api_call call = {.api = api, .ledger = ledger, .session = &session, .answer = answer};
    dispatch(&call, request);
    /* asking after an operation is frequent and changes nothing */
    bool is_quiet = strcmp(request->method, "GET") == 0 && answer->status < 400;
    ct_log(&api->log,
           answer->status >= 500 ? CT_LOG_WARN
           : is_quiet            ? CT_LOG_DEBUG
                                 : CT_LOG_INFO,
           "request id=%s method=%s path=%s status=%u", session.party.identity, request->method,
           loggable(request->path), answer->status);
}
