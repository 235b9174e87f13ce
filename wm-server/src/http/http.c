/* libmicrohttpd, and GnuTLS as far as its PSK needs it; no other file sees either. */
#include "http/http.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>

#include "base/clock.h"
#include "http/bind.h"
#include "operator/metrics.h"
#include "http/patience.h"
#include "service/queue.h"

/*
 * TLS is polled, never epolled: with epoll a client that stalls in the TLS handshake keeps a core
 * busy. Where nothing is suspended and there is no TLS, thousands of idle connections cost nothing.
 * The priorities must name PSK, and leave out plain PSK, which has no forward secrecy.
 */
#define MODE (MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG)
#define MODE_SIMPLE (MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG)
#define BY_CERTIFICATE "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK"
#define SOCKET_THREADS 2u
#define HEADER_ROOM 16384u /* a connection's memory: request line and headers live in it */
#define QUEUE_ROOM 128u
#define LIMIT_MS 10000u /* for whatever a peer may do slowly */

struct ct_listener {
    struct ct_listener_config config;
    struct MHD_Daemon *daemon;
    struct ct_queue *queue; /* NULL without workers */
    struct ct_patience *patience;
    atomic_bool ending;
    uint16_t port;
    bool is_loopback;
};

/* One request, from its head to the answer. */
struct visit {
    struct ct_listener *listener;
    struct MHD_Connection *connection;
    struct ct_guest *guest;
    char method[8];
    char path[128];
    char psk_identity[64];
    char *body;
    size_t body_len;
    bool too_large, answered;
    bool has_certificate;
    uint64_t began_ns;
    struct ct_answer answer;
};

/* struct ct_wire is MHD's connection, under a name that others may see. */
void ct_wire_pause(struct ct_wire *wire)
{
    MHD_suspend_connection((struct MHD_Connection *)(void *)wire);
}

void ct_wire_resume(struct ct_wire *wire)
{
    MHD_resume_connection((struct MHD_Connection *)(void *)wire);
}

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

static struct MHD_Response *stream_response(struct visit *v)
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

static struct MHD_Response *response_of(struct visit *v)
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

static enum MHD_Result send_answer(struct visit *v)
{
    const struct ct_answer *a = &v->answer;
    bool is_stream = a->stream.read != NULL;
    struct MHD_Response *r = response_of(v);
    if (r == NULL) {
        return MHD_NO;
    }
    const char *type = a->is_problem     ? "application/problem+json"
                       : a->type != NULL ? a->type
                                         : "application/json";
    (void)MHD_add_response_header(r, "Content-Type", type);
    (void)MHD_add_response_header(r, "Cache-Control", "no-store");
    for (size_t i = 0; i < a->header_count; i++) {
        (void)MHD_add_response_header(r, a->headers[i].name, a->headers[i].value);
    }
    if (atomic_load(&v->listener->ending)) {
        (void)MHD_add_response_header(r, "Connection", "close");
    }
    if (is_stream) {
        ct_patience_streaming(v->listener->patience, v->guest);
    } else {
        ct_patience_answering(v->listener->patience, v->guest);
    }
    enum MHD_Result sent = MHD_queue_response(v->connection, a->status, r);
    MHD_destroy_response(r);
    ct_metrics_request(v->path, a->status, ct_mono_ns() - v->began_ns);
    return sent;
}

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
    struct visit *v = arg;
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

/* Where the connection comes from; TCP has proved it. */
static void read_address(uint8_t out16[16], struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL) {
        return;
    }
    if (info->client_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, info->client_addr, sizeof v6);
        memcpy(out16, &v6.sin6_addr, 16);
    } else if (info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, info->client_addr, sizeof v4);
        out16[10] = out16[11] = 0xff;
        memcpy(out16 + 12, &v4.sin_addr, 4);
    }
}

static struct ct_request request_of(struct visit *v)
{
    struct ct_request request = {
        .method = v->method,
        .path = v->path,
        .body = v->body == NULL ? "" : v->body,
        .body_len = v->body_len,
        .psk_identity = v->psk_identity[0] == '\0' ? NULL : v->psk_identity,
        .on_loopback = v->listener->is_loopback,
        .has_certificate = v->has_certificate,
        .value = value_of,
        .value_arg = v,
    };
    read_address(request.from16, v->connection);
    return request;
}

static bool handle_quickly(struct visit *v)
{
    const struct ct_listener_config *c = &v->listener->config;
    const struct ct_request request = request_of(v);
    return c->quick != NULL && v->body == NULL && !v->too_large &&
           c->quick(c->handler_arg, &request, &v->answer);
}

static void handle(struct visit *v, size_t worker)
{
    const struct ct_request request = request_of(v);
    v->listener->config.handler(v->listener->config.handler_arg, worker, &request, &v->answer);
    v->answered = true;
}

static void work(void *arg, size_t worker, void *item)
{
    (void)arg;
    struct visit *v = item;
    handle(v, worker);
    MHD_resume_connection(v->connection);
}

/* TLS asks for a certificate and takes none, or any: whether it is a good one is asked here. */
static bool is_certified(gnutls_session_t session)
{
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                    .data = (unsigned char *)purpose};
    unsigned faults = 1;
    return gnutls_certificate_verify_peers(session, &wanted, 1, &faults) == GNUTLS_E_SUCCESS &&
           faults == 0;
}

/* Who TLS has proved the client to be; right in 1.2 and 1.3. */
static void read_peer(struct visit *v)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || info->tls_session == NULL) {
        return;
    }
    if (v->listener->config.tls != NULL) {
        v->has_certificate = is_certified(info->tls_session);
        return;
    }
    const char *name = gnutls_psk_server_get_username(info->tls_session);
    if (name != NULL) {
        (void)snprintf(v->psk_identity, sizeof v->psk_identity, "%s", name);
    }
}

static struct ct_guest *guest_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static struct visit *begin(struct ct_listener *l, struct MHD_Connection *c, const char *url,
                           const char *method)
{
    struct visit *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return NULL;
    }
    v->listener = l;
    v->connection = c;
    v->guest = guest_of(c);
    (void)snprintf(v->method, sizeof v->method, "%s", method);
    /* no path of ours is longer: a cut one is found nowhere */
    (void)snprintf(v->path, sizeof v->path, "%s", url);
    read_peer(v);
    return v;
}

static enum MHD_Result take_body(struct visit *v, const char *data, size_t *len)
{
    if (v->body == NULL) {
        v->body = calloc(1, CT_EXCHANGE_BODY_MAX + 1);
    }
    if (v->body == NULL || *len > CT_EXCHANGE_BODY_MAX - v->body_len) {
        v->too_large = true; /* the rest is read and dropped, then answered */
    } else {
        memcpy(v->body + v->body_len, data, *len);
        v->body_len += *len;
    }
    *len = 0;
    return MHD_YES;
}

/* The whole request is there: answer now, or let a worker do it and come back. */
static enum MHD_Result finish(struct visit *v)
{
    if (v->answered) {
        return send_answer(v);
    }
    v->began_ns = ct_mono_ns();
    if (handle_quickly(v)) {
        return send_answer(v);
    }
    ct_patience_working(v->listener->patience, v->guest);
    if (v->too_large) {
        ct_answer_problem(&v->answer, 413, "too-large", "a body has at most %d bytes",
                          (int)CT_EXCHANGE_BODY_MAX);
        return send_answer(v);
    }
    if (v->listener->queue == NULL) {
        handle(v, 0);
        return send_answer(v);
    }
    MHD_suspend_connection(v->connection);
    if (ct_queue_put(v->listener->queue, v) != CT_OK) {
        bool is_ending = atomic_load(&v->listener->ending);
        ct_answer_problem(&v->answer, 503, is_ending ? "stopping" : "too-many", "%s",
                          is_ending ? "this server ends; ask again soon"
                                    : "too many requests wait; ask again in a second");
        ct_answer_header(&v->answer, "Retry-After", "1");
        v->answered = true;
        MHD_resume_connection(v->connection);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    (void)version;
    struct visit *v = *state;
    if (v == NULL) {
        v = begin(cls, c, url, method);
        *state = v;
        return v == NULL ? MHD_NO : MHD_YES;
    }
    if (*data_len > 0) {
        return take_body(v, data, data_len);
    }
    return finish(v);
}

static void on_end(void *cls, struct MHD_Connection *c, void **state,
                   enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)c;
    (void)code;
    struct visit *v = *state;
    if (v != NULL) {
        ct_patience_waiting(v->listener->patience, v->guest);
        if (v->body != NULL) {
            ct_wipe(v->body, CT_EXCHANGE_BODY_MAX); /* it may hold a token */
        }
        free(v->body);
        ct_answer_drop(&v->answer);
        free(v);
        *state = NULL;
    }
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct ct_listener *l = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        ct_patience_leave(l->patience, *context);
        *context = NULL;
        return;
    }
    uint8_t from16[16] = {0};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    read_address(from16, c);
    *context = info == NULL ? NULL : ct_patience_enter(l->patience, info->connect_fd, from16);
}

static int on_psk(void *cls, const struct MHD_Connection *c, const char *identity, void **psk,
                  size_t *psk_size)
{
    (void)c;
    struct ct_listener *l = cls;
    struct ct_secret32 key;
    if (l->config.psk(l->config.psk_arg, identity, &key) != CT_OK) {
        ct_metrics_count(CT_METRIC_PSK_UNKNOWN);
        /* the identity is a peer's text: not logged, or it could be used to flood the log */
        ct_log(&l->config.log, CT_LOG_DEBUG, "psk_unknown");
        return -1;
    }
    void *copy = malloc(sizeof key.bytes); /* the library frees it */
    if (copy != NULL) {
        memcpy(copy, key.bytes, sizeof key.bytes);
        *psk = copy;
        *psk_size = sizeof key.bytes;
    }
    ct_wipe(&key, sizeof key);
    return copy == NULL ? -1 : 0;
}

/* The library's own words: each refused TLS handshake is one, so they show at debug level only. */
CT_PRINTF(2, 0) static void on_log(void *cls, const char *format, va_list args)
{
    struct ct_listener *l = cls;
    char text[200];
    int n = vsnprintf(text, sizeof text, format, args);
    if (n > 0) {
        text[strcspn(text, "\n")] = '\0';
        ct_log(&l->config.log, CT_LOG_DEBUG, "http text=\"%s\"", text);
    }
}

enum { TLS_OPTIONS = 5 };

/* What kind of TLS, if any; the library only reads what its parameters call not const. */
static bool put_tls(struct MHD_OptionItem out[TLS_OPTIONS], const struct ct_listener_config *c)
{
    static char psk[] = PRIORITIES;
    static char certificate[] = BY_CERTIFICATE;
    size_t n = 0;
    if (c->psk != NULL) {
        out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CRED_TYPE, GNUTLS_CRD_PSK, NULL};
        out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, psk};
    } else if (c->tls != NULL) {
        const struct {
            enum MHD_OPTION option;
            const char *text;
        } pem[] = {{MHD_OPTION_HTTPS_MEM_CERT, c->tls->certificate},
                   {MHD_OPTION_HTTPS_MEM_KEY, c->tls->key},
                   {MHD_OPTION_HTTPS_MEM_TRUST, c->tls->clients}};
        out[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, certificate};
        for (size_t i = 0; i < sizeof pem / sizeof pem[0]; i++) {
            out[n] = (struct MHD_OptionItem){pem[i].option, 0, NULL};
            memcpy(&out[n++].ptr_value, &pem[i].text, sizeof(void *));
        }
    }
    out[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return n > 0;
}

static ct_err start_daemon(struct ct_listener *l, int fd, struct ct_why *why)
{
    struct MHD_OptionItem tls[TLS_OPTIONS];
    bool is_tls = put_tls(tls, &l->config);
    bool is_simple = !is_tls && l->queue == NULL;
    unsigned flags =
        is_simple ? (unsigned)MODE_SIMPLE : (unsigned)MODE | (is_tls ? (unsigned)MHD_USE_TLS : 0u);
    unsigned timeout_s = l->config.timeout_s < 10 ? l->config.timeout_s : 10;
    /* who has a place is patience's to say; those on their way out need one, too */
    unsigned places = 2 * l->config.connections + 64;
    /* the logger comes first, or what fails before it goes to standard error */
    l->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, l, MHD_OPTION_EXTERNAL_LOGGER, on_log, l,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_end, l,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_CONNECTION_TIMEOUT, timeout_s,
        MHD_OPTION_CONNECTION_LIMIT, places, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_ROOM, MHD_OPTION_THREAD_POOL_SIZE, SOCKET_THREADS,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls,
        l->config.psk != NULL ? MHD_OPTION_GNUTLS_PSK_CRED_HANDLER : MHD_OPTION_END, on_psk, l,
        MHD_OPTION_END);
    if (l->daemon == NULL && l->config.tls != NULL) {
        return ct_why(why, CT_ERR_CONFIG,
                      "cannot serve TLS on %s: certificate, key and clients of it are PEM files, "
                      "and the key is the certificate's?",
                      l->config.address);
    }
    if (l->daemon == NULL) {
        return ct_why(why, CT_ERR_SYSTEM,
                      "cannot start the HTTP server on %s; see the log at "
                      "level debug",
                      l->config.address);
    }
    return CT_OK;
}

ct_err ct_listener_start(struct ct_listener **out, const struct ct_listener_config *config,
                         struct ct_why *why)
{
    struct ct_listener *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return ct_why(why, CT_ERR_NOMEM, "out of memory");
    }
    l->config = *config;
    int fd = -1;
    ct_err err = ct_bind(&fd, &l->port, &l->is_loopback, config->address, why);
    if (err == CT_OK) {
        uint32_t ms = config->timeout_s * 1000;
        err = ct_patience_new(&l->patience, config->connections, config->per_ip,
                              ms < LIMIT_MS ? ms : LIMIT_MS);
    }
    if (err == CT_OK && config->workers > 0) {
        err = ct_queue_start(&l->queue, config->workers, QUEUE_ROOM, work, NULL);
    }
    if (err == CT_OK) {
        err = start_daemon(l, fd, why);
    }
    if (err != CT_OK) {
        if (fd >= 0) {
            (void)close(fd);
        }
        ct_queue_end(l->queue);
        ct_queue_free(l->queue);
        ct_patience_free(l->patience);
        free(l);
        return err;
    }
    *out = l;
    return CT_OK;
}

uint16_t ct_listener_port(const struct ct_listener *l)
{
    return l->port;
}

void ct_listener_stop(struct ct_listener *l)
{
    if (l == NULL) {
        return;
    }
    int fd = MHD_quiesce_daemon(l->daemon);
    atomic_store(&l->ending, true);
    ct_queue_end(l->queue); /* resumes what it holds: no connection may stay suspended */
    ct_patience_settle(l->patience, LIMIT_MS); /* until the last answer is out */
    MHD_stop_daemon(l->daemon);
    ct_queue_free(l->queue);
    ct_patience_free(l->patience);
    if (fd >= 0) {
        (void)close(fd);
    }
    free(l);
}
