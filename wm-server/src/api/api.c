/* Routes, and the session behind a request. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "tx/crash.h"
#include "api/fields.h"
#include "tx/ops.h"

void ct_api_failure(struct ct_answer *answer, ct_err err, const struct ct_why *why)
{
    if (CT_ERR_CLASS(err) == CT_ERR_CLASS_WORLD) {
        ct_answer_problem(answer, 503, "chain-unavailable", "%s", why->text);
    } else {
        ct_answer_problem(answer, 500, "internal", "%s", ct_err_text(err));
    }
}

void ct_api_store_failed(const struct ct_api_call *call, const char *what, ct_err err)
{
    ct_log(&call->api->log, CT_LOG_ERROR, "store_failed what=%s err=\"%s\"", what,
           ct_err_text(err));
    if (err == CT_ERR_FULL) {
        ct_answer_problem(
            call->answer, 503, "internal",
            "the wallet manager's disk is full: it accepts nothing until its operator "
            "makes room, and keeps what it has accepted; try again later");
        ct_answer_header(call->answer, "Retry-After", "60");
    } else {
        ct_answer_problem(call->answer, 500, "internal", "the store failed: %s", ct_err_text(err));
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
        ct_api_store_failed(call, "op_add", err);
        return;
    }
    CT_CRASH(op_stored);
    ct_log(&call->api->log, CT_LOG_INFO, "operation id=%s kind=%s subject=%s state=queued", op->id,
           ct_op_kind_text(op->kind), op->subject);
    ct_answer_json(call->answer, 202, "{\"operation\":\"%s\"}", op->id);
    if (call->api->wake != NULL) {
        call->api->wake(call->api->wake_arg, op->kind);
    }
}

struct route {
    const char *path;
    void (*run)(const struct ct_api_call *call);
    enum ct_hs_purpose purpose; /* whose enrolment may ask; CT_HS_CALL: any */
    bool asks_chain;            /* of a GET: it costs as much as a POST */
};

static const struct route posts[] = {
    {"/v1/passes", ct_api_passes, CT_HS_ENROL_DEVICE, true},
    {"/v1/tokens", ct_api_tokens, CT_HS_ENROL_DEVICE, true},
    {"/v1/devices", ct_api_devices, CT_HS_ENROL_DEVICE, true},
    {"/v1/vouchers", ct_api_vouchers, CT_HS_ENROL_DEVICE, true},
    {"/v1/changes", ct_api_changes, CT_HS_ENROL_DEVICE, true},
    {"/v1/approvals", ct_api_approvals, CT_HS_ENROL_DEVICE, true},
    {"/v1/relays", ct_api_relays, CT_HS_ENROL_RELAY, true},
    {"/v1/withdrawals", ct_api_withdrawals, CT_HS_ENROL_RELAY, true},
};

static const struct route gets[] = {
    {"/v1/me", ct_api_me, CT_HS_CALL, false},
    {"/v1/operations/{id}", ct_api_operation, CT_HS_CALL, false},
    {"/v1/devices/me", ct_api_device_status, CT_HS_ENROL_DEVICE, true},
    {"/v1/relays/{id}", ct_api_relay_status, CT_HS_ENROL_RELAY, true},
};

#define POSTS (sizeof posts / sizeof posts[0])
#define GETS (sizeof gets / sizeof gets[0])

bool ct_api_route_at(size_t i, const char **method, const char **path)
{
    if (i >= POSTS + GETS) {
        return false;
    }
    *method = i < POSTS ? "POST" : "GET";
    *path = i < POSTS ? posts[i].path : gets[i - POSTS].path;
    return true;
}

/* Does the path fit the route's? *id becomes what stands for its "{..}". */
static bool fits(const char *route, const char *path, const char **id)
{
    size_t fixed = strcspn(route, "{");
    if (route[fixed] == '\0') {
        *id = "";
        return strcmp(route, path) == 0;
    }
    *id = path + fixed;
    return strncmp(route, path, fixed) == 0 && **id != '\0' && strchr(*id, '/') == NULL;
}

static const struct route *find(const struct route *routes, size_t count, const char *path,
                                const char **id)
{
    for (size_t i = 0; i < count; i++) {
        if (fits(routes[i].path, path, id)) {
            return &routes[i];
        }
    }
    return NULL;
}

static bool may_ask(const struct ct_api_call *call, const struct route *route)
{
    if (route->purpose == CT_HS_CALL || route->purpose == call->session->purpose) {
        return true;
    }
    ct_answer_problem(call->answer, 403, "identity", "this enrolment is a %s's; %s is not for it",
                      call->session->purpose == CT_HS_ENROL_RELAY ? "relay" : "device",
                      route->path);
    return false;
}

static void post(struct ct_api_call *call, void *arg)
{
    const struct route *route = arg;
    struct ct_why why = {{0}};
    struct ct_json *body = NULL;
    if (ct_fields_parse(&body, call->request->body, call->request->body_len, &why) != CT_OK) {
        ct_answer_problem(call->answer, 400, "format", "%s", why.text);
        return;
    }
    call->body = body;
    route->run(call);
    ct_json_free(body);
}

static void dispatch(struct ct_api_call *call)
{
    const struct ct_request *r = call->request;
    const struct route *to_post = find(posts, POSTS, r->path, &call->id);
    const struct route *to_get = find(gets, GETS, r->path, &call->id);
    if (to_post == NULL && to_get == NULL) {
        ct_answer_problem(call->answer, 404, "not-found", "there is nothing here by that name");
    } else if (to_get != NULL && strcmp(r->method, "GET") == 0) {
        if (may_ask(call, to_get) && (!to_get->asks_chain || ct_gate_pass(call))) {
            to_get->run(call);
        }
    } else if (to_post != NULL && strcmp(r->method, "POST") == 0) {
        if (may_ask(call, to_post) && ct_gate_pass(call)) {
            struct route route = *to_post;
            ct_api_once(call, post, &route, route.run == ct_api_tokens);
        }
    } else {
        const char *allowed = to_get != NULL ? "GET" : "POST";
        ct_answer_problem(call->answer, 405, "method", "this takes %s", allowed);
        ct_answer_header(call->answer, "Allow", "%s", allowed);
    }
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
    struct ct_api_call call = {.api = api,
                               .ledger = ledger,
                               .session = &session,
                               .request = request,
                               .id = "",
                               .answer = answer};
    dispatch(&call);
    /* asking after an operation is frequent and changes nothing */
    bool is_quiet = strcmp(request->method, "GET") == 0 && answer->status < 400;
    ct_log(&api->log,
           answer->status >= 500 ? CT_LOG_WARN
           : is_quiet            ? CT_LOG_DEBUG
                                 : CT_LOG_INFO,
           "request id=%s method=%s path=%s status=%u", session.party.identity, request->method,
           loggable(request->path), answer->status);
}

bool ct_api_quick(const struct ct_api *api, const struct ct_request *request,
                  struct ct_answer *answer)
{
    const char *id;
    const struct route *route =
        strcmp(request->method, "GET") == 0 ? find(gets, GETS, request->path, &id) : NULL;
    if (route == NULL || route->asks_chain || (route->run != ct_api_me && api->store->reads_wait)) {
        return false;
    }
    ct_api_handle(api, NULL, request, answer);
    return true;
}
