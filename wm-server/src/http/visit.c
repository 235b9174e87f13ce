/* One request from its head to the answer. With http.c the only file that sees libmicrohttpd. */
#include "http/visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "operator/metrics.h"

/* One request, from its head to the answer. */
struct ct_visit {
    struct ct_served *served;
    struct MHD_Connection *connection;
    struct ct_guest *guest;
    char method[8];
    char path[128];
    struct ct_peer peer;
    char *body;
    size_t body_len;
    bool too_large, answered;
    uint64_t began_ns;
    struct ct_answer answer;
};

/* ---- the answer ---- */

/* A stream on its way; the library frees it at the end of the response. */
struct flow {
    struct ct_stream stream;
    struct MHD_Connection *connection;
};

static ssize_t on_read(void *cls, uint64_t at, char *out, size_t cap)
{
    struct flow *f = cls;
    (void)at;
    long n = f->stream.read(f->stream.arg, (struct ct_wire *)(void *)f->connection, out, cap);
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static void on_flow_end(void *cls)
{
    struct flow *f = cls;
    f->stream.end(f->stream.arg);
    free(f);
}

static struct MHD_Response *stream_response(struct ct_visit *v)
{
    struct flow *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    f->stream = v->answer.stream;
    f->connection = v->connection;
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, f, on_flow_end);
    if (r == NULL) {
        free(f);
    } else {
        v->answer.stream = (struct ct_stream){0};
    }
    return r;
}

static struct MHD_Response *response_of(struct ct_visit *v)
{
    struct ct_answer *a = &v->answer;
    struct MHD_Response *r;
    if (a->stream.read != NULL) {
        return stream_response(v);
    }
    if (a->bytes == NULL) {
        return MHD_create_response_from_buffer(strlen(a->body), a->body, MHD_RESPMEM_MUST_COPY);
    }
    if (a->owned != NULL) {
        r = MHD_create_response_from_buffer(a->bytes_len, a->owned, MHD_RESPMEM_MUST_FREE);
        a->owned = r == NULL ? a->owned : NULL;
        return r;
    }
    /* the library's parameter is not const, but it only reads */
    void *bytes;
    memcpy(&bytes, &a->bytes, sizeof bytes);
    return MHD_create_response_from_buffer(a->bytes_len, bytes, MHD_RESPMEM_PERSISTENT);
}

static bool send_answer(struct ct_visit *v)
{
    const struct ct_answer *a = &v->answer;
    bool is_stream = a->stream.read != NULL;
    struct MHD_Response *r = response_of(v);
    if (r == NULL) {
        return false;
    }
    const char *type = a->is_problem     ? "application/problem+json"
                       : a->type != NULL ? a->type
                                         : "application/json";
    (void)MHD_add_response_header(r, "Content-Type", type);
    (void)MHD_add_response_header(r, "Cache-Control", "no-store");
    for (size_t i = 0; i < a->header_count; i++) {
        (void)MHD_add_response_header(r, a->headers[i].name, a->headers[i].value);
    }
    if (atomic_load(&v->served->ending)) {
        (void)MHD_add_response_header(r, "Connection", "close");
    }
    if (is_stream) {
        ct_patience_streaming(v->served->patience, v->guest);
    } else {
        ct_patience_answering(v->served->patience, v->guest);
    }
    enum MHD_Result sent = MHD_queue_response(v->connection, a->status, r);
    MHD_destroy_response(r);
    ct_metrics_request(v->path, a->status, ct_mono_ns() - v->began_ns);
    return sent == MHD_YES;
}

/* ---- the request ---- */

struct named {
    const char *name;
    unsigned count;
};

static enum MHD_Result count_value(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct named *n = cls;
    (void)kind;
    (void)value;
    n->count += strcasecmp(n->name, name) == 0;
    return MHD_YES;
}

static const char *value_of(void *arg, enum ct_request_part part, const char *name)
{
    struct ct_visit *v = arg;
    struct named n = {.name = name};
    (void)MHD_get_connection_values(
        v->connection, part == CT_REQUEST_HEADER ? MHD_HEADER_KIND : MHD_GET_ARGUMENT_KIND,
        count_value, &n);
    if (n.count > 1) {
        return ""; /* which one counts is not to be guessed */
    }
    return MHD_lookup_connection_value(
        v->connection, part == CT_REQUEST_HEADER ? MHD_HEADER_KIND : MHD_GET_ARGUMENT_KIND, name);
}

static struct ct_request request_of(struct ct_visit *v)
{
    struct ct_request request = {
        .method = v->method,
        .path = v->path,
        .body = v->body == NULL ? "" : v->body,
        .body_len = v->body_len,
        .psk_identity = v->peer.psk_identity[0] == '\0' ? NULL : v->peer.psk_identity,
        .on_loopback = v->served->is_loopback,
        .has_certificate = v->peer.has_certificate,
        .value = value_of,
        .value_arg = v,
    };
    memcpy(request.from16, v->peer.from16, sizeof request.from16);
    return request;
}

static bool handle_quickly(struct ct_visit *v)
{
    const struct ct_listener_config *c = &v->served->config;
    const struct ct_request request = request_of(v);
    return c->quick != NULL && v->body == NULL && !v->too_large &&
           c->quick(c->handler_arg, &request, &v->answer);
}

static void handle(struct ct_visit *v, size_t worker)
{
    const struct ct_request request = request_of(v);
    v->served->config.handler(v->served->config.handler_arg, worker, &request, &v->answer);
    v->answered = true;
}

void ct_visit_work(void *arg, size_t worker, void *item)
{
    (void)arg;
    struct ct_visit *v = item;
    handle(v, worker);
    MHD_resume_connection(v->connection);
}

struct ct_visit *ct_visit_begin(struct ct_served *served, struct ct_wire *wire,
                                struct ct_guest *guest, const struct ct_peer *peer, const char *url,
                                const char *method)
{
    struct ct_visit *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return NULL;
    }
    v->served = served;
    v->connection = (struct MHD_Connection *)(void *)wire;
    v->guest = guest;
    v->peer = *peer;
    (void)snprintf(v->method, sizeof v->method, "%s", method);
    /* no path of ours is longer: a cut one is found nowhere */
    (void)snprintf(v->path, sizeof v->path, "%s", url);
    return v;
}

void ct_visit_take(struct ct_visit *v, const char *data, size_t len)
{
    if (v->body == NULL) {
        v->body = calloc(1, CT_EXCHANGE_BODY_MAX + 1);
    }
    if (v->body == NULL || len > CT_EXCHANGE_BODY_MAX - v->body_len) {
        v->too_large = true; /* the rest is read and dropped, then answered */
    } else {
        memcpy(v->body + v->body_len, data, len);
        v->body_len += len;
    }
}

/* The whole request is there: answer now, or let a worker do it and come back. */
bool ct_visit_finish(struct ct_visit *v)
{
    if (v->answered) {
        return send_answer(v);
    }
    v->began_ns = ct_mono_ns();
    if (handle_quickly(v)) {
        return send_answer(v);
    }
    ct_patience_working(v->served->patience, v->guest);
    if (v->too_large) {
        ct_answer_problem(&v->answer, 413, "too-large", "a body has at most %d bytes",
                          (int)CT_EXCHANGE_BODY_MAX);
        return send_answer(v);
    }
    if (v->served->queue == NULL) {
        handle(v, 0);
        return send_answer(v);
    }
    MHD_suspend_connection(v->connection);
    if (ct_queue_put(v->served->queue, v) != CT_OK) {
        bool is_ending = atomic_load(&v->served->ending);
        ct_answer_problem(&v->answer, 503, is_ending ? "stopping" : "too-many", "%s",
                          is_ending ? "this server ends; ask again soon"
                                    : "too many requests wait; ask again in a second");
        ct_answer_header(&v->answer, "Retry-After", "1");
        v->answered = true;
        MHD_resume_connection(v->connection);
    }
    return true;
}

void ct_visit_end(struct ct_visit *v)
{
    if (v == NULL) {
        return;
    }
    ct_patience_waiting(v->served->patience, v->guest);
    if (v->body != NULL) {
        ct_wipe(v->body, CT_EXCHANGE_BODY_MAX); /* it may hold a token */
    }
    free(v->body);
    ct_answer_drop(&v->answer);
    free(v);
}
