/* Routes of the plain listener. */
#include "http/plain.h"

#include <string.h>

typedef void route_run(struct ct_enrolment *e, const struct ct_request *request,
                       struct ct_answer *answer);

static void health(struct ct_enrolment *e, const struct ct_request *request,
                   struct ct_answer *answer)
{
    (void)e;
    (void)request;
    ct_answer_json(answer, 200, "{\"status\":\"ok\"}");
}

static void openapi(struct ct_enrolment *e, const struct ct_request *request,
                    struct ct_answer *answer)
{
    (void)e;
    (void)request;
    ct_answer_static(answer, 200, "application/vnd.oai.openapi+json;version=3.1", ct_openapi,
                     ct_openapi_len);
}

static const struct {
    const char *method, *path;
    route_run *run;
} routes[] = {
    {"GET", "/healthz", health},
    {"GET", "/openapi.json", openapi},
    {"POST", "/v1/handshake", ct_enrolment_post},
};

#define ROUTES (sizeof routes / sizeof routes[0])

bool ct_plain_route_at(size_t i, const char **method, const char **path)
{
    if (i >= ROUTES) {
        return false;
    }
    *method = routes[i].method;
    *path = routes[i].path;
    return true;
}

void ct_plain_handle(struct ct_enrolment *e, const struct ct_request *request,
                     struct ct_answer *answer)
{
    for (size_t i = 0; i < ROUTES; i++) {
        if (strcmp(request->path, routes[i].path) != 0) {
            continue;
        }
        if (strcmp(request->method, routes[i].method) == 0) {
            routes[i].run(e, request, answer);
        } else {
            ct_answer_problem(answer, 405, "method", "this takes %s", routes[i].method);
            ct_answer_header(answer, "Allow", "%s", routes[i].method);
        }
        return;
    }
    ct_answer_problem(answer, 404, "not-found",
                      "there is nothing here by that name; all but the handshake goes over TLS");
}
