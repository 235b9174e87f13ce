/* GET /, /metrics, /healthz, /readyz, /v1/status, /v1/events and the page's files. */
#include "operator/operator.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "service/loop.h"
#include "operator/lists.h"
#include "operator/metrics.h"
#include "operator/page.h"

enum { WORKERS = 2, BEAT_MS = 5000, METRICS_MAX = 1 << 20 };

struct ct_operator {
    struct ct_operator_config config;
    struct ct_listener *listener;
    struct ct_loop *beat;
};

/*
 * A page of elsewhere can have its own name point to 127.0.0.1 and read what is here with the
 * operator's browser; but its requests name that host. Only this host's own names are answered.
 */
static bool is_own_name(const char *host)
{
    char name[64];
    unsigned char ip[16];
    if (host == NULL) {
        return false;
    }
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    const char *port = host + (len < strlen(host) ? len : strlen(host));
    if (len >= sizeof name || (*port != '\0' && *port != ':')) {
        return false;
    }
    memcpy(name, host, len);
    name[len] = '\0';
    return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
           (inet_pton(AF_INET, name, ip) == 1 && ip[0] == 127);
}

typedef void route_run(const struct ct_operator *o, const struct ct_request *request,
                       struct ct_answer *answer);

static void metrics(const struct ct_operator *o, const struct ct_request *request,
                    struct ct_answer *answer)
{
    struct ct_text text = ct_text_init(METRICS_MAX);
    (void)request;
    ct_status_gauges(&o->config.status);
    ct_metrics_write(&text);
    ct_answer_text(answer, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
}

static void healthz(const struct ct_operator *o, const struct ct_request *request,
                    struct ct_answer *answer)
{
    static const char text[] = "ok\n";
    (void)o;
    (void)request;
    ct_answer_static(answer, 200, "text/plain; charset=utf-8", text, sizeof text - 1);
}

static void readyz(const struct ct_operator *o, const struct ct_request *request,
                   struct ct_answer *answer)
{
    (void)request;
    ct_health_ready(&o->config.status.health, answer);
}

static void events(const struct ct_operator *o, const struct ct_request *request,
                   struct ct_answer *answer)
{
    ct_events_follow(o->config.events, ct_request_header(request, "Last-Event-ID"), answer);
}

static void status(const struct ct_operator *o, const struct ct_request *request,
                   struct ct_answer *answer)
{
    ct_status_json(&o->config.status, request, answer);
}

static void page(const struct ct_operator *o, const struct ct_request *request,
                 struct ct_answer *answer)
{
    ct_page_answer(&o->config.status, o->config.events, request, answer);
}

static void openapi(const struct ct_operator *o, const struct ct_request *request,
                    struct ct_answer *answer)
{
    (void)o;
    (void)request;
    ct_answer_static(answer, 200, "application/vnd.oai.openapi+json;version=3.1",
                     ct_openapi_operator, ct_openapi_operator_len);
}

static const struct {
    const char *path;
    route_run *run;
} routes[] = {
    {"/metrics", metrics},      {"/healthz", healthz},  {"/readyz", readyz}, {"/v1/events", events},
    {"/openapi.json", openapi}, {"/v1/status", status}, {"/", page},
};

#define ROUTES (sizeof routes / sizeof routes[0])

bool ct_operator_route_at(size_t i, const char **method, const char **path)
{
    if (i >= ROUTES) {
        return ct_lists_route_at(i - ROUTES, method, path);
    }
    *method = "GET";
    *path = routes[i].path;
    return true;
}

static void guard(struct ct_answer *answer)
{
    ct_answer_header(answer, "X-Content-Type-Options", "nosniff");
    ct_answer_header(answer, "Referrer-Policy", "no-referrer");
    ct_answer_header(answer, "Cross-Origin-Resource-Policy", "same-origin");
    ct_answer_header(answer, "Content-Security-Policy",
                     "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
                     "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
}

/* False: not one of ours. */
static bool route(const struct ct_operator *o, const struct ct_request *request,
                  struct ct_answer *answer)
{
    for (size_t i = 0; i < ROUTES; i++) {
        if (strcmp(request->path, routes[i].path) == 0) {
            routes[i].run(o, request, answer);
            return true;
        }
    }
    return ct_page_asset(request->path, answer) ||
           ct_lists_handle(&o->config.status, request, answer);
}

static void on_request(void *arg, size_t worker, const struct ct_request *request,
                       struct ct_answer *answer)
{
    const struct ct_operator *o = arg;
    const struct ct_operator_config *c = &o->config;
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    if (c->tls != NULL && !request->has_certificate) {
        ct_answer_problem(answer, 403, "certificate",
                          "operators show a client certificate that an authority of "
                          "listen.operator-clients signed");
    } else if (request->on_loopback && !is_own_name(ct_request_header(request, "Host"))) {
        ct_answer_problem(answer, 421, "host",
                          "this listener is this host's own; ask http://localhost:PORT/ or "
                          "http://127.0.0.1:PORT/");
    } else if (reads && route(o, request, answer)) {
        guard(answer);
    } else if (c->more != NULL) {
        c->more(c->more_arg, worker, request, answer);
    } else {
        ct_answer_problem(answer, reads ? 404 : 405, "not-found",
                          "there is nothing here by that name and method");
    }
}

static void beat(void *arg, struct ct_loop *loop)
{
    (void)loop;
    ct_events_beat(arg);
}

ct_err ct_operator_start(struct ct_operator **out, const struct ct_operator_config *config,
                         struct ct_why *why)
{
    struct ct_operator *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    o->config = *config;
    const struct ct_listener_config c = {.address = config->address,
                                         .handler = on_request,
                                         .handler_arg = o,
                                         .tls = config->tls,
                                         .workers = WORKERS,
                                         .connections = config->connections,
                                         .per_ip = config->per_ip,
                                         .timeout_s = config->timeout_s,
                                         .log = config->log};
    ct_err err = CT_OK;
    if (ct_loop_start(&o->beat, BEAT_MS, beat, config->events) != CT_OK) {
        err = ct_why(why, CT_ERR_SYSTEM, "cannot start a thread");
    }
    if (err == CT_OK) {
        err = ct_listener_start(&o->listener, &c, why);
    }
    if (err != CT_OK) {
        ct_loop_stop(o->beat);
        free(o);
        return err;
    }
    *out = o;
    return CT_OK;
}

uint16_t ct_operator_port(const struct ct_operator *o)
{
    return ct_listener_port(o->listener);
}

void ct_operator_stop(struct ct_operator *o)
{
    if (o != NULL) {
        ct_events_end(o->config.events);
        ct_listener_stop(o->listener);
        ct_loop_stop(o->beat);
        free(o);
    }
}
